//! Configuration: the file and the environment, checked into what each part takes.

mod check;
mod docs;
mod file;
mod memory;
mod section;
mod units;
mod value;

use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result};

pub(crate) use check::{AuditConfig, Checked, DoorConfig, TlsFiles};
pub(crate) use docs::documentation;
use file::ConfigFile;
use section::Environment;

/// The configuration as written and overridden, with the folder that its relative paths start from.
pub(crate) struct Loaded {
    file: ConfigFile,
    folder: PathBuf,
}

impl Loaded {
    /// Reads a file, and takes what the environment says.
    ///
    /// # Errors
    /// `Config` with file, line and reason.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| invalid(format!("{}: {e}", path.display())))?;
        let environment = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Self::from_text(path, &text, &environment)
    }

    fn from_text(path: &Path, text: &str, environment: Environment<'_>) -> Result<Self> {
        let mut file: ConfigFile = toml::from_str(text).map_err(|e| {
            let line = e
                .span()
                .map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line.map_or(String::new(), |line| format!(":{line}"));
            invalid(format!("{}{line}: {}", path.display(), e.message()))
        })?;
        file.override_from(environment)
            .map_err(|e| invalid(format!("environment: {e}")))?;
        Ok(Self {
            file,
            folder: folder_of(path).to_owned(),
        })
    }

    /// Checks it all, and hands every part its own.
    ///
    /// # Errors
    /// `Config`, naming the key and the reason.
    pub(crate) fn check(&self) -> Result<Checked> {
        Checked::new(&self.file, &self.folder)
    }

    /// The effective configuration as a file. It holds no secret: keys and verifiers are in files of
    /// their own.
    pub(crate) fn dump(&self) -> Result<String> {
        toml::to_string(&self.file).map_err(Error::internal)
    }
}

/// The folder of a file. A bare name is of this one.
pub(crate) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests;
