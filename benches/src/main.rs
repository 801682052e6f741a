//! What Eider costs: each figure beside what DuckDB embedded, or a plain Arrow Flight server,
//! takes for the same work in the same run.
//!
//! `cargo xtask bench` builds it and the server for speed and runs it. Linux only: processor time
//! and memory of the server are read from `/proc`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its standard streams"
)]

mod baseline;
mod configuration;
mod database;
mod effort;
mod embedded;
mod fixture;
mod flight;
mod pg;
mod process;
mod queries;
mod report;
mod sample;
mod slow_path;
mod suite;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use effort::Effort;
use fixture::Fixture;
use report::Report;
use suite::Suite;

/// Whatever stops a run. The harness has one reaction to all of it.
pub(crate) type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const USAGE: &str = "\
usage: cargo xtask bench [-- [--quick] [--json FILE] [SUITE ...]]

  tpch     the 22 queries through each door
  latency  prepared statements from one and from many connections
  flight   processor time of a large result over Arrow Flight
  plan     planning, from the cache and anew
  slow     memory that a slow client costs

--quick does a little of each, to try the harness; --json names the file for the figures
(default: .eider/bench.json)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [baseline::ARGUMENT, database, threads] => baseline::serve(Path::new(database), threads),
        arguments => Arguments::read(arguments).and_then(|arguments| measure(&arguments)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    effort: Effort,
    json: PathBuf,
    suites: Vec<Suite>,
}

impl Arguments {
    fn read(arguments: &[&str]) -> Result<Self> {
        let mut read = Self {
            effort: Effort::FULL,
            json: PathBuf::from(".eider/bench.json"),
            suites: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                // Left over from `cargo xtask bench -- …`.
                "--" => {}
                "--quick" => read.effort = Effort::QUICK,
                "--json" => read.json = rest.next().ok_or(USAGE)?.into(),
                name => read.suites.push(Suite::named(name).ok_or(USAGE)?),
            }
        }
        if read.suites.is_empty() {
            read.suites = Suite::ALL.to_vec();
        }
        Ok(read)
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let fixture = Fixture::new(arguments.effort)?;
    let mut report = Report::new(&fixture);
    for suite in &arguments.suites {
        eprintln!("benches: {}", suite.name());
        report.add(suite.name(), suite.run(&fixture)?);
    }
    print!("{}", report.table());
    std::fs::write(&arguments.json, report.json()?)
        .map_err(|e| format!("writing {}: {e}", arguments.json.display()))?;
    Ok(())
}
