//! `eider serve`: starting in order, running, stopping in stages.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::Authenticator;
use duck::LocalExecutor;
use gateway::{Audit, Engine};
use model::{Error, ErrorKind, Executor, Result};
use policy::PolicySet;
use runtime::{Clock, Journal, Stage, Tasks, telemetry};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::cli::Serve;
use crate::config::{AuditConfig, Checked, DoorConfig, Loaded};
use crate::listen::{Addresses, bind};
use crate::policy_file;
use crate::reload::{Looks, Stamps, Watch};
use crate::tls::{self, ServerTls};

/// How long each stage after the drain may take.
const STAGE: Duration = Duration::from_secs(5);

/// Serves until a signal comes and everything has ended.
pub(crate) fn serve(arguments: &Serve) -> Result<()> {
    let config = Loaded::read(&arguments.config)?.check()?;
    let _log = telemetry::init(&config.log).map_err(Error::internal)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    let result = runtime.block_on(Box::pin(run(config, arguments.addresses.as_deref())));
    // What did not end in time has been named in the log.
    runtime.shutdown_background();
    result
}

/// The groups of tasks, in the order in which they end.
pub(crate) struct Groups {
    doors: Tasks,
    pub(crate) engine: Tasks,
    pub(crate) executor: Tasks,
    /// The operations door tells until late that the server is stopping.
    operations: Tasks,
}

impl Groups {
    pub(crate) fn new() -> Self {
        let root = Tasks::new("eider");
        Self {
            doors: root.child("doors"),
            engine: root.child("engine"),
            executor: root.child("executor"),
            operations: root.child("operations"),
        }
    }

    /// Ends all that still runs.
    pub(crate) async fn stop(self) {
        let stages = [
            ("doors", self.doors),
            ("engine", self.engine),
            ("executor", self.executor),
            ("operations", self.operations),
        ];
        let stages = stages.map(|(name, tasks)| Stage {
            name,
            tasks,
            within: STAGE,
        });
        // The stragglers' names are in the log.
        runtime::run_stages(stages).await;
    }
}

async fn run(config: Checked, announce: Option<&Path>) -> Result<()> {
    let groups = Groups::new();
    let termination = runtime::termination(&groups.operations).map_err(Error::internal)?;
    let started = tokio::select! {
        started = start(&config, &groups, announce) => started,
        () = termination.cancelled() => {
            groups.stop().await;
            return Ok(());
        }
    };
    let engine = match started {
        Ok(engine) => engine,
        Err(error) => {
            groups.stop().await;
            return Err(error);
        }
    };
    termination.cancelled().await;
    tracing::info!(within = ?config.shutdown_timeout, "draining");
    engine.drain(config.shutdown_timeout).await;
    drop(engine);
    groups.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// A bound socket and what its door takes.
type Bound<'a, C> = Option<(TcpListener, &'a DoorConfig<C>)>;

/// Binds, opens, loads, serves, and announces, in this order.
async fn start(config: &Checked, groups: &Groups, announce: Option<&Path>) -> Result<Arc<Engine>> {
    let metrics = runtime::metrics::install().map_err(Error::internal)?;
    metrics.spawn_upkeep(&groups.operations);
    gateway::describe_metrics();
    duck::describe_metrics();
    let tls = config.tls.as_ref().map(tls::server).transpose()?;
    let (pg, pg_address) = bind_door("pg", config.pg.as_ref())?;
    let (flight, flight_address) = bind_door("flight", config.flight.as_ref())?;
    let (operations, operations_address) = bind_door("metrics", config.metrics.as_ref())?;

    let executor = LocalExecutor::open(config.pool.clone(), &groups.executor).await?;
    let audit = config.audit.as_ref();
    let audit = audit.map(|audit| open_audit(audit, &groups.operations));
    let audit = audit.transpose()?;
    let stamps = Stamps::of(&config.policy);
    let policy =
        policy_file::load_apart(&config.policy, executor.catalog(), &groups.engine).await?;
    policy_file::log_warnings(&policy, &executor.catalog());
    let journal = audit.as_ref().map(|audit| audit.journal.clone());
    let authenticator = authenticator(config, &policy, journal, &groups.operations)?;
    let engine = Engine::start(
        config.engine.clone(),
        Arc::clone(&executor) as Arc<dyn Executor>,
        policy,
        audit,
        groups.engine.clone(),
    )?;

    if let Some((listener, door)) = pg {
        let tls = tls.as_ref().map(|tls| {
            frontend_pg::Tls::new(Arc::clone(&tls.config), Some(tls.certificate.as_ref()))
        });
        let tasks = groups.doors.child("pg");
        let (engine, authenticator) = (Arc::clone(&engine), authenticator.clone());
        let door = frontend_pg::serve(
            listener,
            door.config.clone(),
            engine,
            authenticator,
            tls,
            tasks.clone(),
        );
        tasks.spawn("accept", door);
    }
    let mut flight_door = None;
    if let Some((listener, door)) = flight {
        let tasks = groups.doors.child("flight");
        let (engine, authenticator) = (Arc::clone(&engine), authenticator.clone());
        let door = frontend_flight::Door::new(door.config, engine, authenticator, tasks.clone())?;
        flight_door = Some(door.clone());
        let tls = tls.as_ref().map(|tls| Arc::clone(&tls.config));
        tasks.spawn("accept", async move {
            if let Err(error) = door.serve(listener, tls).await {
                tracing::error!(?error, "the flight door has ended");
            }
        });
    }
    let watch = Watch {
        path: config.policy.clone(),
        interval: config.policy_interval,
        looks: Looks::new(stamps),
        engine: Arc::clone(&engine),
        executor,
        authenticator: authenticator.clone(),
        flight: flight_door,
    };
    watch.start(&groups.engine)?;
    if let Some((listener, door)) = operations {
        let services = frontend_http::Services {
            engine: Arc::clone(&engine),
            authenticator,
            metrics,
            version: env!("CARGO_PKG_VERSION"),
        };
        let tls = tls.as_ref().map(operations_tls);
        let tasks = groups.operations.child("http");
        frontend_http::serve(listener, tls, services, door.config, &tasks);
    }

    let addresses = Addresses {
        pg: pg_address,
        flight: flight_address,
        metrics: operations_address,
    };
    if let Some(path) = announce {
        addresses.write(path)?;
    }
    tracing::info!(?addresses, version = env!("CARGO_PKG_VERSION"), "serving");
    Ok(engine)
}

fn bind_door<'a, C>(
    name: &str,
    door: Option<&'a DoorConfig<C>>,
) -> Result<(Bound<'a, C>, Option<std::net::SocketAddr>)> {
    let Some(door) = door else {
        return Ok((None, None));
    };
    let (listener, address) = bind(name, &door.addresses)?;
    Ok((Some((listener, door)), Some(address)))
}

fn open_audit(config: &AuditConfig, tasks: &Tasks) -> Result<Audit> {
    let journal = Journal::open(config.journal.clone(), tasks).map_err(|e| {
        let path = config.journal.path.display();
        Error::new(ErrorKind::Config, format!("[audit] {path}: {e}"))
    })?;
    Ok(Audit {
        journal,
        required: config.required,
        text: config.text,
    })
}

fn authenticator(
    config: &Checked,
    policy: &PolicySet,
    journal: Option<Journal>,
    tasks: &Tasks,
) -> Result<Authenticator> {
    let verifiers = policy.verifiers();
    let mut directory: Vec<(String, String)> = verifiers
        .map(|(name, verifier)| (name.to_owned(), verifier.to_owned()))
        .collect();
    directory.sort();
    // Known to nobody who does not know the verifiers, and the same after a restart, so that the
    // salts of names that do not exist stay as they are.
    let mut secret = Sha256::new_with_prefix(b"eider mock salts");
    for (name, verifier) in &directory {
        secret.update([0]);
        secret.update(name);
        secret.update([0]);
        secret.update(verifier);
    }
    let path = config.policy.display();
    let config = auth::Config {
        throttle: config.throttle,
        mock_secret: Some(secret.finalize().into()),
        journal,
        ..auth::Config::default()
    };
    let made = Authenticator::new(directory, config, Clock::system(), tasks);
    made.map_err(|e| match e.kind() {
        ErrorKind::Config => Error::new(ErrorKind::Config, format!("{path}: {}", e.message())),
        _ => e,
    })
}

fn operations_tls(tls: &ServerTls) -> TlsAcceptor {
    let mut config = (*tls.config).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
