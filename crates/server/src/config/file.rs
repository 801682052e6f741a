//! The configuration as it is written: sections, keys, defaults, units, names in the environment.

use model::{ByteSize, Share, Span};
use serde::{Deserialize, Serialize};

use super::section::{Environment, Key, sections};
use super::units::{Bound, Memory};
use super::value::{AutoCount, Count, File, Format, Listen, Mode, Switch, Text};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_catalog: Option<Text>,
    pub(crate) catalog: Vec<CatalogEntry>,
    pub(crate) pg: Pg,
    pub(crate) flight: Flight,
    pub(crate) metrics: Metrics,
    pub(crate) tls: Tls,
    pub(crate) pool: Pool,
    pub(crate) limits: Limits,
    pub(crate) spill: Spill,
    pub(crate) log: Log,
    pub(crate) policy: Policy,
    pub(crate) audit: Audit,
}

/// `[[catalog]]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogEntry {
    pub(crate) name: Text,
    pub(crate) path: File,
    #[serde(default = "read_only")]
    pub(crate) mode: Mode,
}

fn read_only() -> Mode {
    Mode::ReadOnly
}

sections! {
    /// The PostgreSQL wire protocol.
    Pg {
        /// Whether the door is open.
        enabled: Switch = "true", env "FEATURE_PG_WIRE";
        /// Where it listens.
        listen: Listen = ":5433", env "PG_WIRE_LISTEN_ADDR";
        /// Whether it may serve without TLS beyond this machine.
        allow_plaintext: Switch = "false";
        /// Connections at once.
        max_connections: Count = "1000";
        /// Longest Bind message: all parameters of one execution.
        max_bind: ByteSize = "64MiB";
        /// How long a connection may take until it is logged in.
        login_timeout: Span = "60s";
        /// How long a connection may say nothing outside a transaction.
        idle_timeout: Bound = "none";
        /// After how long a silence the system asks whether the client is still there.
        keepalive: Span = "60s";
    }

    /// Arrow Flight SQL.
    Flight {
        /// Whether the door is open.
        enabled: Switch = "true", env "FEATURE_FLIGHT_SQL";
        /// Where it listens.
        listen: Listen = ":32010", env "FLIGHT_SQL_LISTEN_ADDR";
        /// Whether it may serve without TLS beyond this machine.
        allow_plaintext: Switch = "false";
        /// Connections at once.
        max_connections: Count = "1000";
        /// How long a connection may take for its TLS handshake, and again for its first bytes.
        handshake_timeout: Span = "10s";
        /// A session that is not used for so long ends.
        session_idle_timeout: Span = "30min";
        /// A session ends so long after its login, used or not.
        session_lifetime: Span = "1d";
        /// Sessions at once.
        max_sessions: Count = "10000";
        /// Sessions of one principal at once.
        max_sessions_per_principal: Count = "1000";
        /// Prepared statements of one session.
        max_prepared_statements: Count = "256";
        /// Tickets of one session that can be redeemed. The one that was not used for longest makes
        /// room for another.
        max_tickets: Count = "256";
        /// What the texts and parameters of one session's statements and tickets may take.
        max_session_memory: ByteSize = "64MiB";
        /// Largest request other than a DoPut.
        max_request: ByteSize = "4MiB";
        /// Largest message of a DoPut.
        max_put_message: ByteSize = "64MiB";
        /// The parameters bound by one DoPut.
        max_parameters: ByteSize = "64MiB";
    }

    /// HTTP for operations: `/health`, `/metrics`, and running statements for administrators.
    Metrics {
        /// Whether the door is open.
        enabled: Switch = "true";
        /// Where it listens. The variable of the environment holds a port for all interfaces.
        listen: Listen = ":9090", env "METRICS_PORT";
        /// Whether it may serve without TLS beyond this machine.
        allow_plaintext: Switch = "false";
        /// Connections at once; further ones wait.
        max_connections: Count = "64";
    }

    /// The certificate of all doors. Without one they serve this machine only, unless
    /// `allow_plaintext` is set for a door.
    Tls {
        /// The certificate and those that signed it, in PEM. Empty: no TLS.
        certificate: File = "";
        /// Its private key, in PEM.
        key: File = "";
    }

    /// DuckDB, and the threads that plan.
    Pool {
        /// DuckDB's memory. `auto`: 70 % of the control group's limit, else of the machine's memory.
        /// The variable of the environment holds a number of GB.
        memory: Memory = "auto", env "MAX_MEMORY_GB";
        /// DuckDB's worker threads. `auto`: one per core.
        threads: AutoCount = "auto";
        /// Connections to DuckDB: transactions and running statements at once.
        connections: Count = "256";
        /// Results that have been begun and not read to their end.
        open_streams: Count = "256";
        /// Threads that make the calls into DuckDB: statements that make progress at once. `auto`: as
        /// many as `[limits] statements`.
        step_threads: AutoCount = "auto";
        /// How long a result may wait for its reader before it is cancelled.
        stream_idle_timeout: Span = "5min";
        /// How long a cancelled statement is waited for before its connection is given up.
        quiet_timeout: Span = "10s";
        /// Whether DuckDB's optimizer uses statistics. Off closes a channel that can tell hidden
        /// extremes by timing, at a cost of up to a third.
        statistics_propagation: Switch = "true";
        /// Threads that read, rewrite and check statements.
        planner_threads: Count = "2";
        /// Statements that wait for such a thread.
        planner_queue: Count = "256";
        /// Plans kept for use again.
        plan_cache_entries: Count = "4096";
        /// Memory of those plans, estimated.
        plan_cache_memory: ByteSize = "64MiB";
        /// Views of principals on the catalogs kept.
        view_cache_entries: Count = "256";
        /// Schema-only instances kept, one for each set of relations that someone sees; each takes a
        /// few MB.
        sidecar_cache_entries: Count = "32";
    }

    /// What clients may take up.
    Limits {
        /// Longest text of a statement, or of several sent as one.
        max_sql: ByteSize = "1MiB";
        /// Sessions at once, of all doors.
        sessions: Count = "4000";
        /// Statements that run or are being read at once.
        statements: Count = "64";
        /// The same for one principal.
        statements_per_principal: Count = "32";
        /// Statements that wait for their turn.
        queue_length: Count = "1000";
        /// How much of that one principal may take.
        queue_share: Share = "50%";
        /// How long one waits for its turn.
        queue_timeout: Span = "30s";
        /// How long a statement may take, from its arrival to its last row. A session can set a
        /// shorter one.
        statement_timeout: Bound = "1h";
        /// How long a transaction may idle before it is rolled back. A session can set a shorter one.
        idle_transaction_timeout: Bound = "10min";
        /// Failed logins in a row from one address before it has to wait.
        login_failures_per_address: Count = "30";
        /// Failed logins in a row with one name before it has to wait.
        login_failures_per_name: Count = "10";
        /// How long a stopping server waits for statements that run.
        shutdown_timeout: Span = "10s";
    }

    /// Where DuckDB puts what does not fit into its memory.
    Spill {
        /// The folder. Empty: a folder of this process's own in the system's folder for temporary
        /// files.
        directory: File = "";
        /// How much it may take.
        quota: ByteSize = "10GiB";
    }

    /// The log, on standard error.
    Log {
        /// One JSON object a line, or text for people.
        format: Format = "json", env "LOG_FORMAT";
        /// What is logged: a level, or directives such as `info,gateway=debug`.
        level: Text = "info", env "LOG_LEVEL";
    }

    /// Records of who asked what, by which rules, and how it ended: one JSON object a line, when a
    /// statement begins and when it has ended, and of each failed login.
    Audit {
        /// The file. Empty: no audit.
        path: File = "";
        /// Whether a statement is refused when the record of its beginning can't be written.
        required: Switch = "false";
        /// Whether records hold the statements' texts, which may hold data, beside their hashes.
        sql: Switch = "false";
        /// The size from which on a new file is begun.
        file_size: ByteSize = "100MiB";
        /// Older files kept, with `.1`, `.2`, … after their names.
        files: Count = "10";
    }

    /// Who may see and do what.
    Policy {
        /// The policy file, or a folder whose `*.toml` are read in the order of their names.
        path: File = "policy.toml";
        /// How often the policy's files are looked at. A change takes effect once two looks in a row
        /// have found the same, if all of it is valid; else the last good policy stays in force.
        /// SIGHUP has them read at once.
        reload_interval: Bound = "5s";
    }
}

/// A section of the documentation.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) about: &'static [&'static str],
    pub(crate) keys: Vec<Key>,
}

macro_rules! all {
    ($($name:literal => $field:ident: $section:ident),* $(,)?) => {
        impl ConfigFile {
            /// All sections, for the documentation.
            pub(crate) fn sections() -> Vec<Section> {
                vec![$(Section {
                    name: $name,
                    about: $section::ABOUT,
                    keys: $section::keys(),
                }),*]
            }

            /// Takes what the environment says. It beats the file.
            pub(crate) fn override_from(&mut self, environment: Environment<'_>) -> Result<(), String> {
                $(self.$field.override_from(environment)?;)*
                Ok(())
            }
        }
    };
}

all!(
    "pg" => pg: Pg,
    "flight" => flight: Flight,
    "metrics" => metrics: Metrics,
    "tls" => tls: Tls,
    "pool" => pool: Pool,
    "limits" => limits: Limits,
    "spill" => spill: Spill,
    "log" => log: Log,
    "policy" => policy: Policy,
    "audit" => audit: Audit,
);
