//! What every suite stands on: the data, and servers over it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::effort::Effort;
use crate::embedded::Embedded;
use crate::process::Process;
use crate::{Result, configuration, database};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

/// The data and the configuration of a run, in a folder that goes with it.
pub(crate) struct Fixture {
    pub(crate) effort: Effort,
    /// DuckDB's worker threads, wherever it runs.
    pub(crate) threads: usize,
    pub(crate) database: PathBuf,
    pub(crate) policy: PathBuf,
    pub(crate) password: String,
    pub(crate) lineitem_rows: u64,
    /// Keys of the table `lookup` are 1 to this.
    pub(crate) lookup_rows: u64,
    config: PathBuf,
    program: PathBuf,
    folder: TempDir,
}

/// The program `eider`, serving the data.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) pg: SocketAddr,
    pub(crate) flight: SocketAddr,
}

/// What the server writes when every door is open.
#[derive(Deserialize)]
struct Addresses {
    pg: SocketAddr,
    flight: SocketAddr,
}

impl Fixture {
    /// Makes the database of the Parquet files in the folder `EIDER_TPCH`, to be served by the
    /// program `EIDER_BIN`.
    pub(crate) fn new(effort: Effort) -> Result<Self> {
        let variable = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .ok_or_else(|| format!("{name} is not set: run `cargo xtask bench`"))
        };
        let (program, parquet) = (variable("EIDER_BIN")?, variable("EIDER_TPCH")?);
        let threads = std::thread::available_parallelism()?.get();
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("tpch.duckdb");
        let (lineitem_rows, lookup_rows) = database::make(&parquet, &database)?;
        let password = "only over loopback, only for this run".to_owned();
        let (config, policy) = configuration::write(folder.path(), &database, threads, &password)?;
        Ok(Self {
            effort,
            threads,
            database,
            policy,
            password,
            lineitem_rows,
            lookup_rows,
            config,
            program,
            folder,
        })
    }

    /// DuckDB in this process over the same data.
    pub(crate) fn embedded(&self) -> Result<Embedded> {
        Embedded::open(&self.database, self.threads)
    }

    /// Starts a server and waits until its doors are open.
    pub(crate) fn server(&self) -> Result<Server> {
        let announced = self.folder.path().join("addresses.json");
        if announced.exists() {
            std::fs::remove_file(&announced)?;
        }
        let mut process = Process::start(
            Command::new(&self.program)
                .arg("serve")
                .arg("--config")
                .arg(&self.config)
                .arg("--addresses")
                .arg(&announced)
                .stdin(Stdio::null()),
        )?;
        let deadline = Instant::now() + START;
        while !announced.exists() {
            if let Some(status) = process.0.try_wait()? {
                return Err(format!("the server ended at its start ({status})").into());
            }
            if Instant::now() > deadline {
                return Err(format!("the server was not ready within {START:?}").into());
            }
            // Another process is waited for, and it tells by making a file.
            #[expect(clippy::disallowed_methods, reason = "nothing to be told by")]
            std::thread::sleep(Duration::from_millis(10));
        }
        let Addresses { pg, flight } = serde_json::from_slice(&std::fs::read(&announced)?)?;
        Ok(Server {
            process,
            pg,
            flight,
        })
    }
}

/// A client's runtime. One thread: on a small machine the client takes the server's cores, and
/// hops between threads would be measured as the server's.
pub(crate) fn client_runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
