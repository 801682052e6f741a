//! cargo-deny, which checks the dependencies' bans, licences and sources.

use std::path::PathBuf;

use crate::cargo::cargo;
use crate::failure::Failure;
use crate::place::{self, Place};
use crate::process;

const VERSION: &str = "0.20.2";

/// The program, compiled once per machine.
///
/// It is compiled without optimisation: that takes a minute and a half on two cores instead of several, and it runs for a second.
pub(crate) fn make(place: &Place) -> Result<PathBuf, Failure> {
    let folder = place.cache.join("cargo-deny").join(VERSION);
    let program = folder.join("bin/cargo-deny");
    if program.exists() {
        return Ok(program);
    }
    eprintln!("xtask: compiling cargo-deny {VERSION}");
    let target = folder.join("target");
    process::run(
        cargo(place)
            .current_dir(&place.cache)
            .args([
                "install",
                "--quiet",
                "--locked",
                "--no-default-features",
                "--version",
                VERSION,
                "cargo-deny",
                "--root",
            ])
            .arg(&folder)
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    )?;
    place::remove(&target)?;
    Ok(program)
}
