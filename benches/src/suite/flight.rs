//! What a large result costs the server's processors, per byte that it sends.

use crate::Result;
use crate::baseline::{Baseline, LARGE, Work};
use crate::fixture::{Fixture, client_runtime};
use crate::flight::Flight;
use crate::process::Process;
use crate::report::{Figure, Goal};
use crate::sample::median;

const GOAL: Goal = Goal::Ratio(1.25);
const UNIT: &str = "CPU s/GB";

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let (server, baseline) = (fixture.server()?, Baseline::start(fixture)?);
    let runtime = client_runtime()?;
    let mut client = runtime.block_on(Flight::log_in(server.flight, &fixture.password))?;
    let mut plain = runtime.block_on(Flight::connect(baseline.address))?;
    let (mut eider, mut making, mut sending) = (Vec::new(), Vec::new(), Vec::new());
    // The first round fills caches, and the baseline's memory with batches.
    for round in 0..=fixture.effort.rounds {
        let ticket = runtime.block_on(client.ticket(LARGE))?;
        let cost = |process: &Process, client: &mut Flight, ticket| {
            runtime.block_on(Cost::of(process, client, ticket))
        };
        let whole = cost(&server.process, &mut client, ticket)?;
        let made = cost(&baseline.process, &mut plain, Work::Make.ticket())?;
        let sent = cost(&baseline.process, &mut plain, Work::Send.ticket())?;
        if round > 0 {
            eider.push(whole.cpu / whole.gigabytes);
            // Making has sent nothing: it is for the bytes that are sent then.
            making.push(made.cpu / sent.gigabytes);
            sending.push(sent.cpu / sent.gigabytes);
        }
    }
    let (eider, making, sending) = (
        median(&mut eider),
        median(&mut making),
        median(&mut sending),
    );
    Ok(vec![
        Figure::new(
            "lineitem, making and sending",
            UNIT,
            eider,
            making + sending,
        )
        .with_goal(GOAL),
        Figure::new("against making alone", UNIT, eider, making),
        Figure::new("against sending alone", UNIT, eider, sending),
    ])
}

struct Cost {
    /// Seconds of the server's processor time.
    cpu: f64,
    /// Of messages, as the client counts them.
    gigabytes: f64,
}

impl Cost {
    async fn of(
        process: &Process,
        client: &mut Flight,
        ticket: arrow_flight::Ticket,
    ) -> Result<Self> {
        let before = process.cpu_time()?;
        let bytes = client.transfer(ticket).await?;
        let cpu = process.cpu_time()? - before;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        Ok(Self {
            cpu: cpu.as_secs_f64(),
            gigabytes: bytes as f64 / 1e9,
        })
    }
}
