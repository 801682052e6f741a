//! From what is written to what each part takes.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{CatalogMode, ErrorKind, Result, fold};
use runtime::JournalConfig;
use runtime::telemetry::{LogConfig, LogFormat};

use super::file::{CatalogEntry, ConfigFile};
use super::value::{Count, File, Format, Listen, Mode, Switch};
use super::{invalid, memory};

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) pg: Option<DoorConfig<frontend_pg::Config>>,
    pub(crate) flight: Option<DoorConfig<frontend_flight::Config>>,
    pub(crate) metrics: Option<DoorConfig<frontend_http::Limits>>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) engine: gateway::Config,
    pub(crate) pool: duck::Config,
    pub(crate) throttle: auth::ThrottleConfig,
    pub(crate) log: LogConfig,
    pub(crate) policy: PathBuf,
    pub(crate) policy_interval: Option<Duration>,
    pub(crate) audit: Option<AuditConfig>,
    pub(crate) shutdown_timeout: Duration,
}

/// The audit.
#[derive(Debug)]
pub(crate) struct AuditConfig {
    pub(crate) journal: JournalConfig,
    pub(crate) required: bool,
    pub(crate) text: bool,
}

/// A door that is open.
#[derive(Debug)]
pub(crate) struct DoorConfig<C> {
    /// Addresses to listen on; the first that can be bound is.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) config: C,
}

/// Where certificate and key are.
#[derive(Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Checked {
    pub(super) fn new(file: &ConfigFile, folder: &Path) -> Result<Self> {
        let tls = tls(file, folder)?;
        let log = LogConfig::new(
            match file.log.format {
                Format::Json => LogFormat::Json,
                Format::Text => LogFormat::Text,
            },
            &file.log.level.0,
        )
        .map_err(|e| invalid(format!("[log] level: {e}")))?;
        Ok(Self {
            pg: pg(file, tls.is_some())?,
            flight: flight(file, tls.is_some())?,
            metrics: metrics(file, tls.is_some())?,
            engine: engine(file)?,
            pool: pool(file, folder)?,
            throttle: throttle(file)?,
            log,
            policy: path(folder, &file.policy.path)
                .ok_or_else(|| invalid("[policy] path is missing".to_owned()))?,
            audit: path(folder, &file.audit.path).map(|path| AuditConfig {
                journal: JournalConfig {
                    path,
                    file_bytes: file.audit.file_size.0,
                    files: file.audit.files.0,
                },
                required: file.audit.required.0,
                text: file.audit.sql.0,
            }),
            policy_interval: file.policy.reload_interval.0,
            shutdown_timeout: file.limits.shutdown_timeout.0,
            tls,
        })
    }
}

/// A path, from the configuration's folder on if relative; `None` if empty.
fn path(folder: &Path, file: &File) -> Option<PathBuf> {
    (!file.0.as_os_str().is_empty()).then(|| folder.join(&file.0))
}

fn tls(file: &ConfigFile, folder: &Path) -> Result<Option<TlsFiles>> {
    match (
        path(folder, &file.tls.certificate),
        path(folder, &file.tls.key),
    ) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        _ => Err(invalid("[tls] takes both certificate and key".to_owned())),
    }
}

/// Where a door listens. Beyond this machine only with TLS, or by express wish.
fn addresses(
    section: &str,
    listen: &Listen,
    has_tls: bool,
    allow_plaintext: Switch,
) -> Result<Vec<SocketAddr>> {
    let addresses = listen
        .resolve()
        .map_err(|e| invalid(format!("[{section}] listen: {e}")))?;
    let local = addresses.iter().all(|a| a.ip().is_loopback());
    if local || has_tls || allow_plaintext.0 {
        return Ok(addresses);
    }
    Err(invalid(format!(
        "[{section}] listen = \"{listen}\" would serve beyond this machine without TLS: set [tls], \
         listen on 127.0.0.1, or set allow_plaintext = true"
    )))
}

fn count(section: &str, key: &str, count: Count) -> Result<NonZeroUsize> {
    NonZeroUsize::new(count.0)
        .ok_or_else(|| invalid(format!("[{section}] {key} must be at least 1")))
}

fn bytes(section: &str, key: &str, bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|_| invalid(format!("[{section}] {key} is too large")))
}

/// Adds the section to what a part says of its own configuration.
fn within<T>(section: &str, result: Result<T>) -> Result<T> {
    result.map_err(|e| match e.kind() {
        ErrorKind::Config => invalid(format!("[{section}] {}", e.message())),
        _ => e,
    })
}

fn pg(file: &ConfigFile, has_tls: bool) -> Result<Option<DoorConfig<frontend_pg::Config>>> {
    let section = &file.pg;
    if !section.enabled.0 {
        return Ok(None);
    }
    let config = frontend_pg::Config {
        max_connections: section.max_connections.0,
        max_sql_bytes: bytes("limits", "max_sql", file.limits.max_sql.0)?,
        max_bind_bytes: bytes("pg", "max_bind", section.max_bind.0)?,
        login_timeout: section.login_timeout.0,
        idle_timeout: section.idle_timeout.0,
        require_tls: has_tls && !section.allow_plaintext.0,
        keepalive: section.keepalive.0,
    };
    Ok(Some(DoorConfig {
        addresses: addresses("pg", &section.listen, has_tls, section.allow_plaintext)?,
        config: within("pg", config.validate())?,
    }))
}

fn flight(file: &ConfigFile, has_tls: bool) -> Result<Option<DoorConfig<frontend_flight::Config>>> {
    let section = &file.flight;
    if !section.enabled.0 {
        return Ok(None);
    }
    let size = |key, size: model::ByteSize| bytes("flight", key, size.0);
    let config = frontend_flight::Config {
        max_connections: section.max_connections.0,
        handshake_timeout: section.handshake_timeout.0,
        sessions: auth::TokenConfig {
            idle: section.session_idle_timeout.0,
            absolute: section.session_lifetime.0,
            max: count("flight", "max_sessions", section.max_sessions)?,
            max_per_principal: count(
                "flight",
                "max_sessions_per_principal",
                section.max_sessions_per_principal,
            )?,
        },
        max_prepared_statements: section.max_prepared_statements.0,
        max_tickets: section.max_tickets.0,
        max_session_bytes: size("max_session_memory", section.max_session_memory)?,
        max_request_bytes: size("max_request", section.max_request)?,
        max_put_message_bytes: size("max_put_message", section.max_put_message)?,
        max_parameter_bytes: size("max_parameters", section.max_parameters)?,
    };
    Ok(Some(DoorConfig {
        addresses: addresses("flight", &section.listen, has_tls, section.allow_plaintext)?,
        config: within("flight", config.validate())?,
    }))
}

fn metrics(file: &ConfigFile, has_tls: bool) -> Result<Option<DoorConfig<frontend_http::Limits>>> {
    let section = &file.metrics;
    if !section.enabled.0 {
        return Ok(None);
    }
    Ok(Some(DoorConfig {
        addresses: addresses("metrics", &section.listen, has_tls, section.allow_plaintext)?,
        config: frontend_http::Limits {
            connections: count("metrics", "max_connections", section.max_connections)?,
            ..frontend_http::Limits::default()
        },
    }))
}

fn engine(file: &ConfigFile) -> Result<gateway::Config> {
    let (limits, pool) = (&file.limits, &file.pool);
    let of_pool = |key, n| count("pool", key, n).map(NonZeroUsize::get);
    let of_limits = |key, n| count("limits", key, n).map(NonZeroUsize::get);
    let config = gateway::Config {
        default_catalog: default_catalog(file)?,
        planner_threads: of_pool("planner_threads", pool.planner_threads)?,
        planner_queue: of_pool("planner_queue", pool.planner_queue)?,
        plan_cache_entries: of_pool("plan_cache_entries", pool.plan_cache_entries)?,
        plan_cache_bytes: bytes("pool", "plan_cache_memory", pool.plan_cache_memory.0)?,
        view_cache_entries: of_pool("view_cache_entries", pool.view_cache_entries)?,
        sidecar_cache_entries: of_pool("sidecar_cache_entries", pool.sidecar_cache_entries)?,
        max_sql_bytes: bytes("limits", "max_sql", limits.max_sql.0)?,
        max_sessions: of_limits("sessions", limits.sessions)?,
        max_statements: of_limits("statements", limits.statements)?,
        max_statements_per_principal: of_limits(
            "statements_per_principal",
            limits.statements_per_principal,
        )?,
        queue_length: limits.queue_length.0,
        queue_share: limits.queue_share,
        queue_timeout: limits.queue_timeout.0,
        statement_timeout: limits.statement_timeout.0,
        idle_transaction_timeout: limits.idle_transaction_timeout.0,
    };
    config.validate()
}

/// The configured default catalog, else the first.
fn default_catalog(file: &ConfigFile) -> Result<String> {
    let first = file.catalog.first();
    let first = first.ok_or_else(|| invalid("no [[catalog]] is configured".to_owned()))?;
    let Some(wanted) = &file.default_catalog else {
        return Ok(first.name.0.clone());
    };
    let found = file
        .catalog
        .iter()
        .find(|c| fold(&c.name.0) == fold(&wanted.0));
    match found {
        Some(catalog) => Ok(catalog.name.0.clone()),
        None => Err(invalid(format!(
            "default_catalog: there is no [[catalog]] \"{wanted}\""
        ))),
    }
}

fn pool(file: &ConfigFile, folder: &Path) -> Result<duck::Config> {
    let pool = &file.pool;
    let default = duck::Config::default();
    let catalog = |entry: &CatalogEntry| {
        let path = path(folder, &entry.path)
            .ok_or_else(|| invalid(format!("catalog \"{}\" has an empty path", entry.name)))?;
        Ok(duck::CatalogConfig {
            name: entry.name.0.clone(),
            path,
            mode: match entry.mode {
                Mode::ReadOnly => CatalogMode::ReadOnly,
                Mode::ReadWrite => CatalogMode::ReadWrite,
            },
        })
    };
    let config = duck::Config {
        memory_limit_bytes: pool.memory.0.unwrap_or_else(memory::share),
        threads: pool.threads.0.unwrap_or(default.threads),
        connections: pool.connections.0,
        open_streams: pool.open_streams.0,
        step_threads: pool.step_threads.0.unwrap_or(file.limits.statements.0),
        temp_directory: path(folder, &file.spill.directory).unwrap_or_else(own_spill_directory),
        spill_bytes: file.spill.quota.0,
        stream_idle_timeout: pool.stream_idle_timeout.0,
        quiet_timeout: pool.quiet_timeout.0,
        statistics_propagation: pool.statistics_propagation.0,
        catalogs: file.catalog.iter().map(catalog).collect::<Result<_>>()?,
    };
    within("pool", config.validate())?;
    Ok(config)
}

fn own_spill_directory() -> PathBuf {
    std::env::temp_dir().join(format!("eider-spill-{}", std::process::id()))
}

fn throttle(file: &ConfigFile) -> Result<auth::ThrottleConfig> {
    let limits = &file.limits;
    let burst = |key: &str, count: Count| {
        let burst = u32::try_from(count.0).ok().and_then(NonZeroU32::new);
        burst.ok_or_else(|| invalid(format!("[limits] {key} must be at least 1")))
    };
    let mut throttle = auth::ThrottleConfig::default();
    throttle.per_address.burst = burst(
        "login_failures_per_address",
        limits.login_failures_per_address,
    )?;
    throttle.per_name.burst = burst("login_failures_per_name", limits.login_failures_per_name)?;
    Ok(throttle)
}
