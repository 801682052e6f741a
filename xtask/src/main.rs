//! The project's own tasks: `cargo xtask <task>`. What a fresh machine lacks, the task fetches first.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its standard streams"
)]

mod bench;
mod cargo;
mod failure;
mod lint;
mod place;
mod process;
mod random;
mod serve;
mod setup;
mod test;
mod tidy;
mod tpch;

use std::process::ExitCode;

use failure::Failure;
use place::Place;

const USAGE: &str = "\
usage: cargo xtask <task>

  setup                           fetch what the other tasks need; quick when nothing is missing
  serve [ARGUMENT ...]            build the server and run the demo, conformance/demo/eider.toml
  test [PYTEST ARGUMENT ...]      every test of the workspace, then the conformance suite
  lint                            formatting, clippy, tidy, and the dependencies' bans, licences and sources
  tidy                            crate directions, file lengths, documents in step with the code
  random [--queries N] [--seed S] random statements under random policies, a million and a new seed by default
  bench [ARGUMENT ...]            the benchmarks of benches/
  tpch --scale SCALE [--out DIR]  make the TPC-H tables as Parquet files

EIDER_CACHE is the folder for what is fetched once per machine (default: $HOME/.cache/eider)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result<(), Failure> {
    let Some((&task, rest)) = arguments.split_first() else {
        return Err(Failure::new(USAGE));
    };
    let place = Place::find()?;
    match (task, rest) {
        ("setup", []) => setup::everything(&place).map(drop),
        ("serve", rest) => serve::serve(&place, rest),
        ("test", rest) => test::test(&place, rest),
        ("lint", []) => lint::lint(&place),
        ("tidy", []) => tidy::tidy(&place),
        ("random", rest) => random::random(&place, rest),
        ("bench", rest) => bench::bench(&place, rest),
        ("tpch", ["--scale", scale]) => tpch::make(&place, scale).map(drop),
        ("tpch", ["--scale", scale, "--out", folder]) => tpch::make_in(&place, scale, folder),
        _ => Err(Failure::new(USAGE)),
    }
}
