//! The 22 queries of TPC-H through each door, against embedded DuckDB, in turn.

use std::time::{Duration, Instant};

use native::Connection;
use runtime::Tasks;
use tokio::runtime::Runtime;

use crate::Result;
use crate::embedded::drain;
use crate::fixture::{Fixture, client_runtime};
use crate::flight::Flight;
use crate::pg::Pg;
use crate::queries;
use crate::report::{Figure, Goal};
use crate::sample::{median, millis};

const GOAL: Goal = Goal::Ratio(1.10);

const WAYS: [Way; 3] = [Way::Embedded, Way::Pg, Way::Flight];

#[derive(Clone, Copy)]
enum Way {
    Embedded,
    Pg,
    Flight,
}

/// One client of each kind. All prepare the text anew each time and read all rows.
struct Clients {
    runtime: Runtime,
    embedded: Connection,
    pg: Pg,
    flight: Flight,
}

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let server = fixture.server()?;
    let tasks = Tasks::new("tpch");
    let runtime = client_runtime()?;
    let mut clients = Clients {
        embedded: fixture.embedded()?.connect()?,
        pg: runtime.block_on(Pg::connect(server.pg, &fixture.password, &tasks))?,
        flight: runtime.block_on(Flight::log_in(server.flight, &fixture.password))?,
        runtime,
    };
    let mut totals = [0.0; WAYS.len()];
    let mut figures = Vec::new();
    for query in queries::tpch()? {
        let [embedded, pg, flight] = clients.measure(&query.sql, fixture.effort.rounds)?;
        for (total, time) in totals.iter_mut().zip([embedded, pg, flight]) {
            *total += time;
        }
        let number = query.title.get(..2).unwrap_or(&query.title);
        figures.push(Figure::new(
            format!("{number}, PostgreSQL"),
            "ms",
            pg,
            embedded,
        ));
        figures.push(Figure::new(
            format!("{number}, Flight"),
            "ms",
            flight,
            embedded,
        ));
    }
    let [embedded, pg, flight] = totals;
    let sums = [
        Figure::new("all 22, PostgreSQL", "ms", pg, embedded).with_goal(GOAL),
        Figure::new("all 22, Flight", "ms", flight, embedded).with_goal(GOAL),
    ];
    figures.splice(0..0, sums);
    Ok(figures)
}

impl Clients {
    /// The median time of each way, in milliseconds. Who begins changes from round to round.
    fn measure(&mut self, sql: &str, rounds: usize) -> Result<[f64; WAYS.len()]> {
        let mut times = [const { Vec::new() }; WAYS.len()];
        let mut rows = [0; WAYS.len()];
        // The first round fills caches, DuckDB's and those of plans, and does not count.
        for round in 0..=rounds {
            for turn in 0..WAYS.len() {
                let way = WAYS[(round + turn) % WAYS.len()];
                let (count, time) = self.time(way, sql)?;
                rows[way as usize] = count;
                if round > 0 {
                    times[way as usize].push(millis(time));
                }
            }
        }
        if rows.iter().any(|count| *count != rows[0]) {
            return Err(format!("the numbers of rows differ, {rows:?}, of {sql}").into());
        }
        Ok(times.map(|mut times| median(&mut times)))
    }

    fn time(&mut self, way: Way, sql: &str) -> Result<(usize, Duration)> {
        let begun = Instant::now();
        let rows = match way {
            Way::Embedded => drain(&self.embedded.prepare(sql)?)?,
            Way::Pg => self.runtime.block_on(self.pg.query(sql))?,
            Way::Flight => self.runtime.block_on(self.flight.query(sql))?,
        };
        Ok((rows, begun.elapsed()))
    }
}
