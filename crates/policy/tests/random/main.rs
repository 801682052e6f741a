//! Random statements under random policies over random data. Each is run on two databases that differ
//! only in what the principal may not see, and on a copy that was filtered and masked beforehand by
//! plain SQL, straight from the rules. One in five writes.
//!
//! `EIDER_RANDOM_QUERIES` and `EIDER_RANDOM_SEED` make it longer or other: `cargo xtask random`. A case
//! that fails names its world's seed: `EIDER_RANDOM_WORLD=0x… cargo test -p policy --test random` runs
//! that world alone.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]
#![allow(clippy::print_stdout, reason = "seeds and counts are told")]

#[path = "../common/mod.rs"]
mod common;
mod data;
mod databases;
mod exprs;
mod froms;
mod lookups;
mod masks;
mod parameters;
mod predicates;
mod queries;
#[path = "../common/rng.rs"]
mod rng;
mod rules;
mod turned;
mod worlds;
mod writes;
mod written;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use databases::{Databases, Reach};
use rng::Rng;
use tree::Parser;
use worlds::{STATEMENTS, TOLD, Tally, World};

/// Statements of an ordinary run.
const QUERIES: usize = 20_000;

/// The seed of an ordinary run.
const SEED: u64 = 20_261_121;

/// Failing cases that are shown whole.
const SHOWN: usize = 4;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(parsed.unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Runs worlds on as many threads as there are processors.
fn worlds(seeds: &[u64], reach: Reach) -> (Tally, Vec<String>) {
    let keys = tempfile::tempdir().unwrap();
    std::fs::write(keys.path().join("key"), masks::KEY).unwrap();
    let next = AtomicUsize::new(0);
    let all = Mutex::new((Tally::default(), vec![]));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let work = || {
                let (databases, parser) = (Databases::open(), Parser::open().unwrap());
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut tally = Tally::default();
                    let mut world = World::new(*seed, &databases, &parser, keys.path(), reach);
                    let mut wrong = world.statements(&mut tally);
                    if reach == Reach::Raw && seed % 4 == 0 {
                        wrong.extend(world.stricter(keys.path()));
                    }
                    let mut all = all.lock().unwrap();
                    all.0 += tally;
                    all.1.extend(wrong);
                    if reach == Reach::Views && all.1.iter().any(|w| w.contains(TOLD)) {
                        // One is enough.
                        next.store(seeds.len(), Ordering::Relaxed);
                    }
                }
            };
            let thread = std::thread::Builder::new().stack_size(tree::STACK_BYTES);
            thread.spawn_scoped(scope, work).unwrap();
        }
    });
    all.into_inner().unwrap()
}

fn seeds(queries: usize) -> Vec<u64> {
    if let Some(world) = number("EIDER_RANDOM_WORLD") {
        return vec![world];
    }
    let seed = number("EIDER_RANDOM_SEED").unwrap_or(SEED);
    println!("seed {seed}");
    let count = queries.div_ceil(STATEMENTS);
    (0..count as u64).map(|n| Rng::seed_of(seed, n)).collect()
}

#[test]
fn what_is_hidden_makes_no_difference() {
    let queries = number("EIDER_RANDOM_QUERIES").map_or(QUERIES, |n| usize::try_from(n).unwrap());
    let (tally, wrong) = worlds(&seeds(queries), Reach::Raw);
    println!("{tally:?}");
    assert!(
        wrong.is_empty(),
        "{} cases of {tally:?}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(SHOWN)].join("\n\n")
    );
    if number("EIDER_RANDOM_WORLD").is_none() {
        assert!(tally.ran * 10 > tally.tried * 6, "too few ran: {tally:?}");
        assert!(
            tally.with_rows * 2 > tally.ran,
            "too few answered with rows: {tally:?}"
        );
        let share = |of: usize, percent: usize| tally.ran * percent < of * 100;
        assert!(
            share(tally.with_parameters, 10)
                && share(tally.turned, 1)
                && share(tally.structured, 15)
                && share(tally.looked_up, 8),
            "too few of a kind: {tally:?}"
        );
        tally.written.check(tally.tried);
        assert!(tally.failed > 0, "none met an error at run time: {tally:?}");
    }
}

/// The same worlds with plain subqueries in place of barriers: they have to be found out.
#[test]
fn views_without_barriers_are_found_out() {
    let (tally, wrong) = worlds(&seeds(QUERIES), Reach::Views);
    let found = wrong.iter().any(|w| w.contains(TOLD));
    assert!(found, "nothing found in {tally:?}");
}
