//! Documents that follow the code.

use std::fs;

use super::directions::Package;
use crate::cargo::cargo_with_duckdb;
use crate::failure::{Failure, While};
use crate::place::Place;
use crate::process;

/// The crates that ARCHITECTURE.md forgets, and the configuration's manual where it is not what the server prints.
pub(super) fn check(place: &Place, packages: &[Package]) -> Result<Vec<String>, Failure> {
    let mut breaches = match fs::read_to_string(place.root.join("ARCHITECTURE.md")) {
        Ok(text) => packages
            .iter()
            .filter(|package| !text.contains(&format!("`{}`", package.name)))
            .map(|package| format!("ARCHITECTURE.md does not mention `{}`", package.name))
            .collect(),
        Err(error) => vec![format!("ARCHITECTURE.md cannot be read: {error}")],
    };

    let manual = place.root.join("docs/configuration.md");
    if manual.exists() {
        let written =
            fs::read_to_string(&manual).while_doing(|| format!("reading {}", manual.display()))?;
        let mut generate = cargo_with_duckdb(place)?;
        let generated = process::output(generate.args([
            "run",
            "--quiet",
            "--package",
            "server",
            "--",
            "config",
            "docs",
        ]))?;
        if written != generated {
            breaches.push("docs/configuration.md is out of date: `cargo run -p server -- config docs > docs/configuration.md`".to_owned());
        }
    }
    Ok(breaches)
}
