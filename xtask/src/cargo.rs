use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::failure::Failure;
use crate::place::Place;
use crate::{process, setup};

/// The cargo that runs this task, started in the root of the checkout.
///
/// The variables that describe xtask's own package are taken out: build scripts and tests would take them for theirs.
pub(crate) fn cargo(place: &Place) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&place.root);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_")
            || name.to_string_lossy().starts_with("CARGO_MANIFEST_")
        {
            command.env_remove(name);
        }
    }
    command
}

/// Like [`cargo`], for what links or loads libduckdb, whatever library the environment names.
pub(crate) fn cargo_with_duckdb(place: &Place) -> Result<Command, Failure> {
    let folder = setup::libduckdb::folder(place);
    let mut command = cargo(place);
    command.env("DUCKDB_LIB_DIR", &folder);
    command.env(
        setup::libduckdb::SEARCH_PATH,
        process::before(&folder, setup::libduckdb::SEARCH_PATH)?,
    );
    Ok(command)
}

/// Runs a cargo command that builds, and returns the path of the program that it built under this name.
pub(crate) fn built(command: &mut Command, program: &str) -> Result<PathBuf, Failure> {
    command.arg("--message-format=json-render-diagnostics");
    let messages = process::output(command)?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
        .find(|artifact| {
            artifact.target.name == program
                && artifact.target.kind.iter().any(|kind| kind == "bin")
                && !artifact.profile.test
        })
        .and_then(|artifact| artifact.executable)
        .ok_or_else(|| {
            Failure::new(format!(
                "{} built no program {program}",
                process::shown(command)
            ))
        })
}

/// Cargo's message about one thing that it built. Its other messages lack these fields.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}
