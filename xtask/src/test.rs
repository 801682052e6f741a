use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cargo::{built, cargo_with_duckdb};
use crate::failure::{Failure, While};
use crate::place::{self, Place};
use crate::{process, setup, tpch};

/// The scale of the TPC-H tables in tests.
const SCALE: &str = "0.01";

/// Runs every test, the workspace's and then the conformance suite, whatever fails in between, and closes with one line of totals.
pub(crate) fn test(place: &Place, pytest_arguments: &[&str]) -> Result<(), Failure> {
    let python = setup::everything(place)?;
    let data = tpch::make(place, SCALE)?;

    // The server for the conformance suite comes out of the same build: its own integration tests need it too.
    let mut build = cargo_with_duckdb(place)?;
    let server = built(build.args(["test", "--workspace", "--no-run"]), "eider")?;

    let mut units = cargo_with_duckdb(place)?;
    units
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("EIDER_TPCH", &data);
    let units = Suite::of_cargo(&mut units)?;

    let mut conformance = Command::new(python);
    conformance
        .args(["-m", "pytest", "conformance"])
        .args(pytest_arguments)
        .current_dir(&place.root)
        .env("EIDER_BIN", server)
        .env("EIDER_TPCH", data);
    let conformance = Suite::of_pytest(&mut conformance, place)?;

    let totals = units.totals + conformance.totals;
    println!("\n{totals}");
    match (units.passed, conformance.passed) {
        (true, true) => Ok(()),
        (false, true) => Err(Failure::new("tests of the workspace failed")),
        (true, false) => Err(Failure::new("tests of the conformance suite failed")),
        (false, false) => Err(Failure::new(
            "tests of the workspace and of the conformance suite failed",
        )),
    }
}

/// How one runner ended, and what it counted. The verdict is the runner's exit code: a test binary that crashed counts nothing.
struct Suite {
    passed: bool,
    totals: Totals,
}

impl Suite {
    fn of_cargo(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .while_doing(|| format!("starting {}", process::shown(command)))?;
        let mut totals = Totals::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line.while_doing(|| "reading the tests' output".to_owned())?;
                println!("{line}");
                totals = totals + Totals::of_test_result(&line).unwrap_or_default();
            }
        }
        let status = child
            .wait()
            .while_doing(|| "waiting for the tests".to_owned())?;
        Ok(Self {
            passed: status.success(),
            totals,
        })
    }

    fn of_pytest(command: &mut Command, place: &Place) -> Result<Self, Failure> {
        let report = place.local("conformance.xml");
        place::remove(&report)?;
        let status = command
            .arg("--junit-xml")
            .arg(&report)
            .status()
            .while_doing(|| format!("starting {}", process::shown(command)))?;
        Ok(Self {
            passed: status.success(),
            totals: Totals::of_junit(&report),
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Totals {
    /// Reads the line with which a Rust test binary closes.
    fn of_test_result(line: &str) -> Option<Self> {
        let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let count = |name: &str| {
            counts
                .split("; ")
                .find_map(|part| part.strip_suffix(name))
                .and_then(|number| number.trim().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            skipped: count("ignored")?,
        })
    }

    /// Reads the report of a pytest run; a run that broke before it wrote one counted nothing.
    fn of_junit(report: &Path) -> Self {
        let text = fs::read_to_string(report).unwrap_or_default();
        let suite = text.split_once("<testsuite ").map_or("", |(_, rest)| rest);
        let count = |name: &str| -> u64 {
            let value = suite
                .split_once(&format!(" {name}=\""))
                .and_then(|(_, rest)| rest.split_once('"'));
            value
                .and_then(|(number, _)| number.parse().ok())
                .unwrap_or_default()
        };
        let failed = count("failures") + count("errors");
        let skipped = count("skipped");
        Self {
            passed: count("tests").saturating_sub(failed + skipped),
            failed,
            skipped,
        }
    }
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn reads_the_closing_line_of_a_test_binary() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(
            Totals::of_test_result(line),
            Some(Totals {
                passed: 12,
                failed: 3,
                skipped: 1
            })
        );
        assert_eq!(Totals::of_test_result("test result is what matters"), None);
    }
}
