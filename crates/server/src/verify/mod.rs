//! `eider policy verify`: what each principal gets through every door and form, beside the answers of
//! a copy of the data that was filtered and masked beforehand by plain SQL.
//!
//! The copy is served by the same program through the same doors to a principal who may read all of
//! it, so that names, types and values are compared as they are on the wire.

mod attributes;
mod child;
mod computed;
mod copy;
mod corpus;
mod fetch;
mod flight;
mod forms;
mod instants;
mod masks;
mod pg;
mod raw;
mod report;
mod rules;
mod running;
mod stage;
mod stored;
mod table;
mod unstable;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result};
use toml::Value;

use crate::cli::Verify;
use child::{Doors, Server};
use copy::Copies;
use forms::{Clients, Verdict};
use raw::Source;
use report::Report;
use rules::Rules;
use running::Running;
use table::Table;

/// Compares, and returns the report.
///
/// # Errors
/// The report, where anything differs.
pub(crate) fn run(arguments: &Verify) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    runtime.block_on(Box::pin(verify(arguments)))
}

async fn verify(arguments: &Verify) -> Result<String> {
    let (config, catalogs, configured) = child::read(&arguments.place.config)?;
    let policy = arguments.place.policy.clone().unwrap_or(configured);
    let policy = std::path::absolute(policy).map_err(Error::internal)?;
    let rules = Rules::read(&policy)?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let corpus = arguments.corpus.as_deref().map(corpus::read).transpose()?;
    let who = principals(&rules, &arguments.principal)?;

    // The copies first: afterwards a server may hold the files.
    let mut report = Report::default();
    let running = Running::of(arguments)?;
    let fetched = subfolder(folder.path(), "fetched")?;
    let raw = running::raw(running.as_ref(), &catalogs, &rules, &fetched, &mut report).await?;
    let place = subfolder(folder.path(), "copies")?;
    let mut all = Copies::new(&raw, &rules, &place)?;
    let mut copies = vec![];
    for who in who {
        copies.push((who, all.of(who)?));
    }
    let tables = raw.tables().iter();
    let relations: Vec<Table> = tables
        .chain(raw.views().iter().map(|view| &view.table))
        .cloned()
        .collect();
    drop(all);
    drop(raw);

    let password = password()?;
    let governed = Governed::open(
        running,
        &config,
        &catalogs,
        &policy,
        &password,
        folder.path(),
    )
    .await?;
    for (who, copy) in copies {
        let everything = everything(who, &password, &copy.folder)?;
        let server = Server::start(&config, &copy.catalogs, &everything, &copy.folder).await?;
        let own = Running::password(&governed.passwords, who)?;
        let database = default_catalog(&config, &catalogs);
        let mut asked = Clients::connect(&governed.doors, who, own, &database).await?;
        let mut right = Clients::connect(&server.doors, who, &password, &database).await?;
        let statements = match &corpus {
            Some(statements) => statements.clone(),
            None => corpus::over(&copy.relations),
        };
        for form in forms::forms(&governed.doors)? {
            for sql in &statements {
                let (Some(found), Some(expected)) =
                    (asked.ask(form, sql).await?, right.ask(form, sql).await?)
                else {
                    continue;
                };
                let verdict = match forms::compare(&found, &expected) {
                    Verdict::Different(reason) => {
                        let question = (form, sql.as_str());
                        unstable::judge(&found, expected, reason, &mut right, question).await?
                    }
                    verdict => verdict,
                };
                report.add(who, form, sql, verdict);
            }
        }
        report.hidden(who, &mut asked, &copy, &relations).await?;
    }
    report.close()
}

/// The server whose answers are verified.
struct Governed {
    doors: Doors,
    passwords: BTreeMap<String, String>,
    /// Running as long as this lives, unless it is somebody else's.
    _server: Option<Server>,
}

impl Governed {
    async fn open(
        running: Option<Running<'_>>,
        config: &toml::Table,
        catalogs: &[Source],
        policy: &Path,
        password: &str,
        folder: &Path,
    ) -> Result<Self> {
        if let Some(Running {
            doors, passwords, ..
        }) = running
        {
            return Ok(Self {
                doors,
                passwords,
                _server: None,
            });
        }
        let place = subfolder(folder, "governed")?;
        let (policy, passwords) = with_password(policy, password, &place)?;
        let mut opened = vec![];
        for (number, catalog) in catalogs.iter().enumerate() {
            let mut path = catalog.path.clone();
            if !path.exists() {
                // A database that a server would make anew.
                path = place.join(format!("{number}.duckdb"));
                let made = native::Instance::open(Some(&path), &[]);
                made.map_err(|e| Error::internal(e.to_string()))?;
            }
            opened.push(Source {
                name: catalog.name.clone(),
                path,
            });
        }
        let server = Server::start(config, &opened, &policy, &place).await?;
        Ok(Self {
            doors: server.doors.clone(),
            passwords,
            _server: Some(server),
        })
    }
}

/// The policy with verifiers of one password, in a folder of its own, and that password by name.
fn with_password(
    policy: &Path,
    password: &str,
    folder: &Path,
) -> Result<(PathBuf, BTreeMap<String, String>)> {
    let verifier = auth::verifier(password)?;
    let bad = |e: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Config, format!("{}: {e}", policy.display()))
    };
    let mut files = vec![policy.to_owned()];
    if policy.is_dir() {
        files.clear();
        for entry in fs::read_dir(policy).map_err(|e| bad(&e))? {
            files.push(entry.map_err(|e| bad(&e))?.path());
        }
        files.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    }
    let place = subfolder(folder, "policy")?;
    let mut passwords = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|e| bad(&e))?;
        let mut table: toml::Table = toml::from_str(&text).map_err(|e| bad(&e))?;
        let principals = table.get_mut("principal").and_then(Value::as_array_mut);
        for principal in principals.into_iter().flatten() {
            if let Some(principal) = principal.as_table_mut() {
                principal.insert("verifier".to_owned(), Value::String(verifier.clone()));
                if let Some(name) = principal.get("name").and_then(Value::as_str) {
                    passwords.insert(name.to_owned(), password.to_owned());
                }
            }
        }
        if let Some(key) = table.get("hash_key_file").and_then(Value::as_str) {
            let key = file.parent().unwrap_or(Path::new("")).join(key);
            table.insert(
                "hash_key_file".to_owned(),
                Value::String(key.display().to_string()),
            );
        }
        let text = toml::to_string(&table).map_err(Error::internal)?;
        let name = file.file_name().unwrap_or_default();
        fs::write(place.join(name), text).map_err(Error::internal)?;
    }
    Ok((place, passwords))
}

/// A policy under which one principal reads everything.
fn everything(who: &str, password: &str, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("policy.toml");
    let text = format!(
        "[[principal]]\nname = {}\nverifier = \"{}\"\nroles = [\"reader\"]\n[[role]]\nname = \"reader\"\n\
         [[grant]]\nrole = \"reader\"\non = \"*.*.*\"\nprivileges = [\"select\"]\n",
        Value::String(who.to_owned()),
        auth::verifier(password)?
    );
    fs::write(&path, text).map_err(Error::internal)?;
    Ok(path)
}

fn principals<'a>(rules: &'a Rules, wanted: &'a [String]) -> Result<Vec<&'a str>> {
    let known = rules.principals();
    if wanted.is_empty() {
        return Ok(known);
    }
    for name in wanted {
        if !known.contains(&name.as_str()) {
            let reason = format!("there is no principal \"{name}\"");
            return Err(Error::new(ErrorKind::Config, reason));
        }
    }
    Ok(wanted.iter().map(String::as_str).collect())
}

fn default_catalog(config: &toml::Table, catalogs: &[Source]) -> String {
    let written = config.get("default_catalog").and_then(Value::as_str);
    let first = catalogs.first().map(|c| c.name.as_str());
    written.or(first).unwrap_or_default().to_owned()
}

fn subfolder(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir(&path).map_err(Error::internal)?;
    Ok(path)
}

/// Nobody else is to log in while the servers run.
fn password() -> Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|e| Error::internal(e.to_string()))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
