//! Small prepared statements from many connections at once, against as many threads with embedded
//! DuckDB.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use runtime::Tasks;
use tokio_postgres::Statement;

use super::latency::{Keys, SMALL, Small, one_row};
use crate::Result;
use crate::embedded::{Embedded, run_prepared};
use crate::fixture::{Fixture, client_runtime};
use crate::pg::Pg;
use crate::report::Figure;
use crate::sample::median;

const CONNECTIONS: [usize; 3] = [1, 8, 64];

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let server = fixture.server()?;
    let embedded = fixture.embedded()?;
    let mut figures = Vec::new();
    for small in SMALL {
        for connections in CONNECTIONS {
            let (mut remote, mut local) = (Vec::new(), Vec::new());
            for round in 0..=fixture.effort.rounds {
                let local_rate = threads(fixture, &embedded, small, connections)?;
                let remote_rate = clients(fixture, server.pg, small, connections)?;
                if round > 0 {
                    local.push(local_rate);
                    remote.push(remote_rate);
                }
            }
            let name = format!("{}, {connections} connections", small.name);
            let (remote, local) = (median(&mut remote), median(&mut local));
            figures.push(Figure::new(name, "1/s", remote, local));
        }
    }
    Ok(figures)
}

/// Statements per second of so many threads.
fn threads(fixture: &Fixture, embedded: &Embedded, small: Small, threads: usize) -> Result<f64> {
    let start = Barrier::new(threads);
    let work = |number: usize| -> Result<f64> {
        let connection = embedded.connect();
        let statement = connection.and_then(|c| Ok(c.prepare(small.sql)?));
        // Also by a thread that has failed: the others wait for it.
        start.wait();
        let statement = statement?;
        let mut keys = Keys::new(fixture, number);
        let mut pace = Pace::begin(fixture.effort.load);
        while pace.goes_on() {
            one_row(run_prepared(&statement, keys.next(small))?)?;
        }
        Ok(pace.rate())
    };
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        running.into_iter().map(join).sum()
    })
}

/// Statements per second of so many connections. Each client thread has a runtime of its own and
/// its share of the connections, so that no message changes threads.
fn clients(fixture: &Fixture, server: SocketAddr, small: Small, connections: usize) -> Result<f64> {
    let threads = fixture.threads.min(connections);
    let start = Barrier::new(threads);
    let work = |thread: usize| -> Result<f64> {
        let runtime = client_runtime();
        let connected = runtime.and_then(|runtime| {
            let tasks = Tasks::new("load");
            let numbers = (thread..connections).step_by(threads);
            let all = numbers.map(|_| prepared(fixture, server, small, &tasks));
            let all = runtime.block_on(try_join_all(all))?;
            Ok((runtime, all))
        });
        start.wait();
        let (runtime, all) = connected?;
        let running = all.iter().enumerate().map(|(number, (pg, statement))| {
            let keys = Keys::new(fixture, thread + number * threads);
            ask(fixture, small, pg, statement, keys)
        });
        let rates = runtime.block_on(try_join_all(running))?;
        Ok(rates.iter().sum())
    };
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        running.into_iter().map(join).sum()
    })
}

async fn prepared(
    fixture: &Fixture,
    server: SocketAddr,
    small: Small,
    tasks: &Tasks,
) -> Result<(Pg, Statement)> {
    let pg = Pg::connect(server, &fixture.password, tasks).await?;
    let statement = pg.prepare(small.sql).await?;
    Ok((pg, statement))
}

/// Statements per second of one connection.
async fn ask(
    fixture: &Fixture,
    small: Small,
    pg: &Pg,
    statement: &Statement,
    mut keys: Keys,
) -> Result<f64> {
    let mut pace = Pace::begin(fixture.effort.load);
    while pace.goes_on() {
        one_row(pg.run_prepared(statement, keys.next(small)).await?)?;
    }
    Ok(pace.rate())
}

fn join(thread: std::thread::ScopedJoinHandle<'_, Result<f64>>) -> Result<f64> {
    thread.join().map_err(|_| "a thread has panicked")?
}

/// Counts what is done until the time is over.
struct Pace {
    begun: Instant,
    whole: Duration,
    done: u32,
}

impl Pace {
    fn begin(whole: Duration) -> Self {
        Self {
            begun: Instant::now(),
            whole,
            done: 0,
        }
    }

    /// Whether there is time for one more, which is then counted.
    fn goes_on(&mut self) -> bool {
        let goes_on = self.begun.elapsed() < self.whole;
        self.done += u32::from(goes_on);
        goes_on
    }

    fn rate(&self) -> f64 {
        f64::from(self.done) / self.begun.elapsed().as_secs_f64()
    }
}
