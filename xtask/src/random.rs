//! A long run of the random suite of `policy`.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::cargo::cargo_with_duckdb;
use crate::failure::{Failure, While};
use crate::place::Place;
use crate::{process, setup};

/// Statements of a run that says no number.
const QUERIES: &str = "1000000";

/// Runs as many random statements as asked for, from the seed given or a new one, which is printed.
pub(crate) fn random(place: &Place, arguments: &[&str]) -> Result<(), Failure> {
    let (mut queries, mut seed) = (QUERIES.to_owned(), None);
    for pair in arguments.chunks(2) {
        match pair {
            ["--queries", number] => (*number).clone_into(&mut queries),
            ["--seed", number] => seed = Some((*number).to_owned()),
            _ => return Err(Failure::new("random takes --queries N and --seed S")),
        }
    }
    let seed = match seed {
        Some(seed) => seed,
        None => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.while_doing(|| "making a seed of the time".to_owned())?
                .as_nanos()
                .rem_euclid(1 << 48)
                .to_string()
        }
    };
    setup::duckdb(place)?;
    let mut run = cargo_with_duckdb(place)?;
    run.args([
        "test",
        "-p",
        "policy",
        "--test",
        "random",
        "--",
        "--nocapture",
    ])
    .env("EIDER_RANDOM_QUERIES", queries)
    .env("EIDER_RANDOM_SEED", seed);
    process::run(&mut run)
}
