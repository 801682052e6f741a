use std::os::unix::process::CommandExt;

use crate::cargo::cargo_with_duckdb;
use crate::failure::Failure;
use crate::place::Place;
use crate::{process, setup};

/// Builds the server and becomes it, so that signals and the exit code are its own.
pub(crate) fn serve(place: &Place, arguments: &[&str]) -> Result<(), Failure> {
    setup::everything(place)?;
    let mut server = cargo_with_duckdb(place)?;
    server
        .args([
            "run",
            "--package",
            "server",
            "--",
            "serve",
            "--config",
            "conformance/demo/eider.toml",
        ])
        .args(arguments);
    let error = server.exec();
    Err(Failure::new(format!(
        "starting {}: {error}",
        process::shown(&server)
    )))
}
