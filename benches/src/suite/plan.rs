//! From text to a sealed request: found in the cache of plans, and made anew.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use duck::{CatalogConfig, LocalExecutor};
use gateway::{Door, Engine};
use model::{CatalogMode, CatalogSnapshot, Executor};
use native::Connection;
use policy::{PolicySet, View};
use runtime::Tasks;
use tree::{Parser, Sidecar};

use crate::Result;
use crate::configuration::{CATALOG, GOVERNED, MEMORY_BYTES, PRINCIPAL};
use crate::fixture::{Fixture, client_runtime};
use crate::queries::{self, Query};
use crate::report::{Figure, Goal};
use crate::sample::{median, micros, millis, quantile};

const WARM: Goal = Goal::Value(50.0);
const COLD: Goal = Goal::Value(4.0);

/// How long the engine may take to end.
const END: Duration = Duration::from_secs(30);

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let queries = queries::tpch()?;
    let runtime = client_runtime()?;
    let tasks = Tasks::new("plan");
    let executor = runtime.block_on(LocalExecutor::open(worker(fixture), &tasks))?;
    let snapshot = executor.catalog();
    let policy = on_planner_stack(|| load(fixture, &snapshot))?;
    let warm = runtime.block_on(warm(fixture, executor, policy, &tasks, &queries))?;
    tasks.shutdown();
    let stragglers = runtime.block_on(tasks.wait(END));
    if !stragglers.is_empty() {
        return Err(format!("the engine did not end: {stragglers:?}").into());
    }
    let embedded = fixture.embedded()?.connect()?;
    let mut bare = prepare(fixture, &embedded, &queries)?;
    let [mut granted, mut governed] = on_planner_stack(|| cold(fixture, &snapshot, &queries))?;
    let bare_p50 = median(&mut bare);
    Ok(vec![
        Figure::new("from the cache, p50", "µs", warm, bare_p50 * 1e3).with_goal(WARM),
        Figure::new(
            "anew, granted everything, p50",
            "ms",
            median(&mut granted),
            bare_p50,
        )
        .with_goal(COLD),
        Figure::new(
            "anew, granted everything, largest",
            "ms",
            quantile(&mut granted, 1.0),
            quantile(&mut bare, 1.0),
        ),
        Figure::new(
            "anew, rows and columns governed, p50",
            "ms",
            median(&mut governed),
            bare_p50,
        ),
    ])
}

/// The catalog of the data.
pub(super) fn snapshot(fixture: &Fixture) -> Result<Arc<CatalogSnapshot>> {
    let runtime = client_runtime()?;
    let tasks = Tasks::new("snapshot");
    let executor = runtime.block_on(LocalExecutor::open(worker(fixture), &tasks))?;
    let snapshot = executor.catalog();
    drop(executor);
    tasks.shutdown();
    let stragglers = runtime.block_on(tasks.wait(END));
    match stragglers.is_empty() {
        true => Ok(snapshot),
        false => Err(format!("the worker did not end: {stragglers:?}").into()),
    }
}

fn worker(fixture: &Fixture) -> duck::Config {
    duck::Config {
        memory_limit_bytes: MEMORY_BYTES,
        threads: fixture.threads,
        catalogs: vec![CatalogConfig {
            name: CATALOG.to_owned(),
            path: fixture.database.clone(),
            mode: CatalogMode::ReadOnly,
        }],
        ..duck::Config::default()
    }
}

fn load(fixture: &Fixture, snapshot: &CatalogSnapshot) -> Result<Arc<PolicySet>> {
    let set = PolicySet::load(&fixture.policy, snapshot, &Parser::open()?)?;
    Ok(Arc::new(set))
}

/// Runs on a stack as planner threads have it.
pub(super) fn on_planner_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(tree::STACK_BYTES);
        let thread = thread.spawn_scoped(scope, work)?;
        thread.join().map_err(|_| "planning has panicked")?
    })
}

/// The median time, in microseconds, of a session preparing a text that it has prepared before.
async fn warm(
    fixture: &Fixture,
    executor: Arc<LocalExecutor>,
    policy: Arc<PolicySet>,
    tasks: &Tasks,
    queries: &[Query],
) -> Result<f64> {
    let config = gateway::Config {
        default_catalog: CATALOG.to_owned(),
        ..gateway::Config::default()
    };
    let engine = Engine::start(config, executor, policy, None, tasks.clone())?;
    let peer = SocketAddr::from(([127, 0, 0, 1], 0));
    let session = engine.open_session(PRINCIPAL, Door::Pg, peer, None).await?;
    let mut times = Vec::new();
    for query in queries {
        session.prepare(&query.sql, &[]).await?;
        for _ in 0..fixture.effort.block {
            let begun = Instant::now();
            black_box(session.prepare(&query.sql, &[]).await?);
            times.push(micros(begun.elapsed()));
        }
    }
    session.close().await;
    Ok(median(&mut times))
}

/// The times, in milliseconds, of reading, rewriting, printing, reading back and binding each query:
/// for who is granted everything, and for who is governed.
fn cold(
    fixture: &Fixture,
    snapshot: &Arc<CatalogSnapshot>,
    queries: &[Query],
) -> Result<[Vec<f64>; 2]> {
    let parser = Parser::open()?;
    let policy = load(fixture, snapshot)?;
    let times_of = |name: &str| -> Result<Vec<f64>> {
        let principal = policy.principal(name).ok_or("no such principal")?;
        let view = View::new(&policy, snapshot, principal, CATALOG, &parser)?;
        if let Some((relation, error)) = view.hidden().first() {
            return Err(format!("{relation} is hidden: {error}").into());
        }
        let sidecar = Sidecar::build(view.visible(), CATALOG)?;
        each(fixture, queries, |sql| {
            let statement = plan::parse(sql, &parser)?;
            black_box(policy::authorise(
                &statement,
                &view,
                &sidecar,
                &[],
                &parser,
            )?);
            Ok(())
        })
    };
    Ok([times_of(PRINCIPAL)?, times_of(GOVERNED)?])
}

/// The same of DuckDB itself: reading, binding and optimising against the data.
fn prepare(fixture: &Fixture, embedded: &Connection, queries: &[Query]) -> Result<Vec<f64>> {
    each(fixture, queries, |sql| {
        black_box(embedded.prepare(sql)?);
        Ok(())
    })
}

fn each(
    fixture: &Fixture,
    queries: &[Query],
    work: impl Fn(&str) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for round in 0..=fixture.effort.blocks {
        for query in queries {
            let begun = Instant::now();
            work(&query.sql)?;
            if round > 0 {
                times.push(millis(begun.elapsed()));
            }
        }
    }
    Ok(times)
}
