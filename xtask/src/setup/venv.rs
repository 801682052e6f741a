//! The Python environment with the clients that others wrote, one per list of pinned versions.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::failure::{Failure, While};
use crate::place::{self, Place};
use crate::process;
use crate::setup::libduckdb::hexadecimal;
use crate::setup::packages;

/// Makes the environment and links it to `.eider/venv`; returns its Python.
pub(crate) fn make(place: &Place) -> Result<PathBuf, Failure> {
    let requirements = place.root.join("conformance/requirements.txt");
    let listed =
        fs::read(&requirements).while_doing(|| format!("reading {}", requirements.display()))?;
    let key = &hexadecimal(&Sha256::digest(&listed))[..16];
    let folder = place.cache.join("venv").join(key);
    let python = folder.join("bin/python");
    // An environment cannot be moved, so it is made in place; the mark says that it was finished.
    let mark = folder.join("complete");
    if !(mark.exists() && python.exists()) {
        packages::need(packages::PYTHON)?;
        eprintln!("xtask: installing the Python clients of conformance/requirements.txt");
        place::remove(&folder)?;
        process::run(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&folder)
                .stdin(Stdio::null()),
        )?;
        process::run(
            Command::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-input",
                ])
                .arg("--requirement")
                .arg(&requirements)
                .stdin(Stdio::null()),
        )?;
        fs::write(&mark, []).while_doing(|| format!("writing {}", mark.display()))?;
    }
    place::link(&folder, &place.local("venv"))?;
    Ok(python)
}
