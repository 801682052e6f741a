//! Programs of the system. Root on Debian gets them installed; anyone else is told how.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::process;

/// A program, what it is for, and how to get it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    name: &'static str,
    /// Arguments with which it succeeds if it can be used; none where being there is enough.
    probe: &'static [&'static str],
    purpose: &'static str,
    debian: &'static [&'static str],
}

pub(crate) const NPM: Program = Program {
    name: "npm",
    probe: &[],
    purpose: "fetches libduckdb",
    debian: &["npm"],
};
pub(crate) const TAR: Program = Program {
    name: "tar",
    probe: &[],
    purpose: "unpacks libduckdb",
    debian: &["tar", "gzip"],
};
pub(crate) const PSQL: Program = Program {
    name: "psql",
    probe: &[],
    purpose: "the PostgreSQL client of the tests and the demo",
    debian: &["postgresql-client"],
};
pub(crate) const OPENSSL: Program = Program {
    name: "openssl",
    probe: &[],
    purpose: "makes the test certificates",
    debian: &["openssl"],
};
pub(crate) const PYTHON: Program = Program {
    name: "python3",
    // Debian's python3 has no ensurepip until python3-venv is there; the pinned clients need 3.10.
    probe: &[
        "-c",
        "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
    ],
    purpose: "runs the conformance suite (3.10 or newer, with venv and ensurepip)",
    debian: &["python3", "python3-venv"],
};

/// Makes sure that the program can be used.
pub(crate) fn need(program: Program) -> Result<(), Failure> {
    if usable(program) {
        return Ok(());
    }
    let packages = program.debian.join(" ");
    if !(is_root() && Path::new("/etc/debian_version").exists()) {
        return Err(Failure::new(format!(
            "{} is missing or cannot be used ({}): install it, on Debian with `apt-get install {packages}` as root",
            program.name, program.purpose
        )));
    }
    eprintln!("xtask: installing {packages}");
    apt(&["update", "--quiet=2"])?;
    apt(&[
        &["install", "--quiet=2", "--yes", "--no-install-recommends"],
        program.debian,
    ]
    .concat())?;
    if usable(program) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} cannot be used although Debian's {packages} is installed",
        program.name
    )))
}

fn usable(program: Program) -> bool {
    let Some(path) = process::on_path(program.name) else {
        return false;
    };
    program.probe.is_empty()
        || Command::new(path)
            .args(program.probe)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn apt(arguments: &[&str]) -> Result<(), Failure> {
    process::run(
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    )
}
