//! How long one client waits for a small prepared statement.

use std::time::Instant;

use runtime::Tasks;

use crate::Result;
use crate::database::LOOKUP;
use crate::embedded::run_prepared;
use crate::fixture::{Fixture, client_runtime};
use crate::pg::Pg;
use crate::report::{Figure, Goal};
use crate::sample::{micros, quantile};

const GOAL: Goal = Goal::Excess(250.0);

/// A small statement, and whether it takes a key of the table `lookup`.
#[derive(Clone, Copy)]
pub(super) struct Small {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
    has_key: bool,
}

pub(super) const SMALL: [Small; 2] = [
    Small {
        name: "select 1",
        sql: "select 1",
        has_key: false,
    },
    Small {
        name: "one-row lookup",
        sql: LOOKUP,
        has_key: true,
    },
];

/// Keys spread over the table, the same in every run.
pub(super) struct Keys {
    state: u64,
    rows: u64,
}

impl Keys {
    pub(super) fn new(fixture: &Fixture, seed: usize) -> Self {
        Self {
            state: seed as u64,
            rows: fixture.lookup_rows,
        }
    }

    /// The next key, if the statement takes one.
    pub(super) fn next(&mut self, statement: Small) -> Option<i64> {
        // Knuth's generator: its upper bits are as good as chance.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let key = (self.state >> 33) % self.rows + 1;
        statement.has_key.then_some(i64::try_from(key).unwrap_or(1))
    }
}

/// Fails unless a statement found the row that is there.
pub(super) fn one_row(rows: usize) -> Result<()> {
    match rows {
        1 => Ok(()),
        _ => Err(format!("expected one row, found {rows}").into()),
    }
}

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let server = fixture.server()?;
    let tasks = Tasks::new("latency");
    let runtime = client_runtime()?;
    let pg = runtime.block_on(Pg::connect(server.pg, &fixture.password, &tasks))?;
    let embedded = fixture.embedded()?.connect()?;
    let mut figures = Vec::new();
    for small in SMALL {
        let remote = runtime.block_on(pg.prepare(small.sql))?;
        let local = embedded.prepare(small.sql)?;
        let (mut remote_times, mut local_times) = (Vec::new(), Vec::new());
        let mut keys = Keys::new(fixture, 1);
        // The first turn of each does not count.
        for block in 0..=fixture.effort.blocks {
            for _ in 0..fixture.effort.block {
                let key = keys.next(small);
                let begun = Instant::now();
                one_row(run_prepared(&local, key)?)?;
                let time = micros(begun.elapsed());
                if block > 0 {
                    local_times.push(time);
                }
            }
            for _ in 0..fixture.effort.block {
                let key = keys.next(small);
                let begun = Instant::now();
                one_row(runtime.block_on(pg.run_prepared(&remote, key))?)?;
                let time = micros(begun.elapsed());
                if block > 0 {
                    remote_times.push(time);
                }
            }
        }
        let name = small.name;
        for (word, share) in [("p50", 0.5), ("p99", 0.99)] {
            let remote = quantile(&mut remote_times, share);
            let local = quantile(&mut local_times, share);
            let figure = Figure::new(format!("{name}, {word}"), "µs", remote, local);
            figures.push(if word == "p50" {
                figure.with_goal(GOAL)
            } else {
                figure
            });
        }
    }
    Ok(figures)
}
