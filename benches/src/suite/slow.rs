//! What a client that reads slowly costs the server's memory. Each is served by a process that has
//! done nothing else, so that no memory freed by others is used again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use runtime::Tasks;

use crate::Result;
use crate::baseline::{Baseline, LARGE, Work};
use crate::fixture::{Fixture, client_runtime};
use crate::flight::Flight;
use crate::pg::Pg;
use crate::process::Process;
use crate::report::{Figure, Goal};
use crate::slow_path::SlowPath;

const GOAL: Goal = Goal::Value(100.0);

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// How the slow client reads.
#[derive(Clone, Copy)]
enum Way {
    Pg,
    Flight,
    Baseline,
}

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let baseline = Baseline::start(fixture)?;
    let plain = growth(fixture, &baseline.process, baseline.address, Way::Baseline)?;
    drop(baseline);
    let server = fixture.server()?;
    let pg = growth(fixture, &server.process, server.pg, Way::Pg)?;
    drop(server);
    let server = fixture.server()?;
    let flight = growth(fixture, &server.process, server.flight, Way::Flight)?;
    Ok(vec![
        Figure::new("growth, PostgreSQL", "MB", pg, plain).with_goal(GOAL),
        Figure::new("growth, Flight", "MB", flight, plain).with_goal(GOAL),
    ])
}

/// By how many MB the process is larger at its largest than before the slow client read. Fails if
/// the client was not kept busy all the time.
fn growth(fixture: &Fixture, process: &Process, server: SocketAddr, way: Way) -> Result<f64> {
    client_runtime()?.block_on(async {
        let tasks = Tasks::new("slow");
        let path = SlowPath::to(server, &tasks).await?;
        let before = process.resident_bytes()?;
        let largest = tokio::select! {
            read = read(fixture, path.address, way, &tasks) => {
                read?;
                return Err("the slow client was done too early to be measured".into());
            }
            largest = largest(process, fixture.effort.slow) => largest?,
        };
        let received = path.received();
        if received < 1 << 20 {
            return Err(format!("the slow client got only {received} bytes").into());
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        Ok(largest.saturating_sub(before) as f64 / 1e6)
    })
}

/// The process's memory at its largest, in bytes, during so long a time.
async fn largest(process: &Process, time: Duration) -> Result<u64> {
    let end = Instant::now() + time;
    let mut largest = 0;
    while Instant::now() < end {
        tokio::time::sleep(EVERY).await;
        largest = largest.max(process.resident_bytes()?);
    }
    Ok(largest)
}

async fn read(fixture: &Fixture, address: SocketAddr, way: Way, tasks: &Tasks) -> Result<()> {
    match way {
        Way::Pg => {
            let pg = Pg::connect(address, &fixture.password, tasks).await?;
            pg.query(LARGE).await?;
        }
        Way::Flight => {
            let mut flight = Flight::log_in(address, &fixture.password).await?;
            let ticket = flight.ticket(LARGE).await?;
            flight.transfer(ticket).await?;
        }
        Way::Baseline => {
            let mut flight = Flight::connect(address).await?;
            flight.transfer(Work::Stream.ticket()).await?;
        }
    }
    Ok(())
}
