use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, While};

/// Runs a command with this process's streams; anything but success is a failure that names it.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .while_doing(|| format!("starting {}", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} failed ({status})",
        shown(command)
    )))
}

/// Runs a command and returns what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .while_doing(|| format!("starting {}", shown(command)))?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "{} failed ({})",
            shown(command),
            output.status
        )));
    }
    String::from_utf8(output.stdout)
        .while_doing(|| format!("reading what {} wrote", shown(command)))
}

/// The first program of this name on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// `folder` before what the environment variable holds, in the form of PATH.
pub(crate) fn before(folder: &Path, variable: &str) -> Result<OsString, Failure> {
    let rest = std::env::var_os(variable).unwrap_or_default();
    let rest = std::env::split_paths(&rest)
        .filter(|other| other != folder && !other.as_os_str().is_empty());
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(rest))
        .while_doing(|| format!("setting {variable}"))
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
