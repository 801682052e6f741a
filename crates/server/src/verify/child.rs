//! Servers for the purpose: this same program, on free ports of this machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::{Error, ErrorKind, Result};
use serde::Deserialize;
use toml::{Table, Value};

use super::raw::Source;
use crate::config::folder_of;

/// How long a server may take to open its doors.
const START: Duration = Duration::from_secs(120);

/// How often its addresses are looked for.
const LOOK: Duration = Duration::from_millis(20);

/// What a server needs of the environment: no variable may configure it.
const ENVIRONMENT: [&str; 6] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
];

/// Where a server's doors are.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Doors {
    pub(super) pg: Option<String>,
    pub(super) flight: Option<String>,
}

/// A running server, which ends when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) doors: Doors,
}

impl Server {
    /// Starts a server of a configuration's file whose catalogs and policy are others, read only.
    pub(super) async fn start(
        config: &Table,
        catalogs: &[Source],
        policy: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let path = folder.join("eider.toml");
        let text = toml::to_string(&changed(config, catalogs, policy)).map_err(Error::internal)?;
        fs::write(&path, text).map_err(Error::internal)?;
        let (addresses, log) = (folder.join("addresses.json"), folder.join("log"));
        let output = File::create(&log).map_err(Error::internal)?;
        let program = std::env::current_exe().map_err(Error::internal)?;
        let kept = ENVIRONMENT
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new(program)
            .args(["serve".as_ref(), "--config".as_ref(), path.as_os_str()])
            .args(["--addresses".as_ref(), addresses.as_os_str()])
            .env_clear()
            .envs(kept)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(Error::internal)?)
            .stderr(output)
            .spawn()
            .map_err(Error::internal)?;
        match announced(&mut child, &addresses, &log).await {
            Ok(doors) => Ok(Self { child, doors }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// It has nothing to save: every catalog is open for reading only.
fn end(child: &mut Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait()) {
        tracing::warn!(?error, "a server did not end");
    }
}

async fn announced(child: &mut Child, addresses: &Path, log: &Path) -> Result<Doors> {
    let started = Instant::now();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        if let Ok(text) = fs::read_to_string(addresses) {
            return serde_json::from_str(&text).map_err(Error::internal);
        }
        let ended = child.try_wait().map_err(Error::internal)?;
        if ended.is_some() || started.elapsed() > START {
            let said = fs::read_to_string(log).unwrap_or_default();
            let error = Error::new(ErrorKind::Config, "the server to be verified did not start");
            return Err(error.with_detail(said));
        }
    }
}

fn changed(config: &Table, catalogs: &[Source], policy: &Path) -> Table {
    let text = |path: &Path| Value::String(path.display().to_string());
    let table = |entries: Vec<(&str, Value)>| {
        let entries = entries.into_iter().map(|(k, v)| (k.to_owned(), v));
        Value::Table(entries.collect())
    };
    let mut config = config.clone();
    for section in ["audit", "tls", "spill", "limits"] {
        config.remove(section);
    }
    for door in ["pg", "flight"] {
        let listen = Value::String("127.0.0.1:0".to_owned());
        config.insert(door.to_owned(), table(vec![("listen", listen)]));
    }
    let off = table(vec![("enabled", Value::Boolean(false))]);
    config.insert("metrics".to_owned(), off);
    config.insert("policy".to_owned(), table(vec![("path", text(policy))]));
    let catalogs = catalogs.iter().map(|catalog| {
        table(vec![
            ("name", Value::String(catalog.name.clone())),
            ("path", text(&catalog.path)),
            ("mode", Value::String("read_only".to_owned())),
        ])
    });
    config.insert("catalog".to_owned(), Value::Array(catalogs.collect()));
    config
}

/// Reads a configuration as it is written, and its catalogs' and policy's places from its folder.
pub(super) fn read(path: &Path) -> Result<(Table, Vec<Source>, PathBuf)> {
    let bad = |reason: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Config, format!("{}: {reason}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|e| bad(&e))?;
    let config: Table = toml::from_str(&text).map_err(|e| bad(&e))?;
    let folder = std::path::absolute(folder_of(path)).map_err(|e| bad(&e))?;
    let string = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let entries = config.get("catalog").and_then(Value::as_array);
    let catalogs: Option<Vec<Source>> = entries
        .into_iter()
        .flatten()
        .map(|entry| {
            Some(Source {
                name: string(entry.get("name"))?,
                path: folder.join(string(entry.get("path"))?),
            })
        })
        .collect();
    let policy = string(config.get("policy").and_then(|p| p.get("path")));
    let policy = folder.join(policy.unwrap_or_else(|| "policy.toml".to_owned()));
    let catalogs = catalogs.ok_or_else(|| bad(&"a catalog lacks name or path"))?;
    Ok((config, catalogs, policy))
}
