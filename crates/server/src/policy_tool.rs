//! `eider policy`: checking, explaining and testing a policy on the catalogs, without a server.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use duck::{CatalogConfig, LocalExecutor};
use futures::StreamExt;
use gateway::{Door, Engine, Outcome};
use model::{CatalogMode, Error, ErrorKind, Executor, Result};
use policy::PolicySet;
use serde::Deserialize;
use tempfile::TempDir;
use toml::Spanned;

use crate::cli::{PolicyCommand, PolicyPlace};
use crate::config::{Loaded, folder_of};
use crate::policy_file;
use crate::serve::Groups;

/// What stands for NULL in cases and reports.
const NULL: &str = "NULL";

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Spanned<Case>>,
}

/// Who asks what, and what is expected: rows, a count of rows, or a refusal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "as")]
    principal: String,
    sql: String,
    /// In any order, unless `ordered`.
    rows: Option<Vec<Vec<toml::Value>>>,
    #[serde(default)]
    ordered: bool,
    count: Option<usize>,
    /// A part of the error's text.
    refused: Option<String>,
}

/// Runs a verb, and returns what to print.
pub(crate) fn run(command: &PolicyCommand) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    let groups = Groups::new();
    let result = runtime.block_on(async {
        let result = perform(command, &groups).await;
        groups.stop().await;
        result
    });
    runtime.shutdown_background();
    result
}

async fn perform(command: &PolicyCommand, groups: &Groups) -> Result<String> {
    match command {
        PolicyCommand::Check { place, file } => {
            let opened = open(place, file.as_deref(), groups).await?;
            let warnings = opened.warnings.iter();
            let warnings: String = warnings.map(|w| format!("warning: {w}\n")).collect();
            Ok(format!("{warnings}{}: good\n", opened.path.display()))
        }
        PolicyCommand::Explain { place, user, sql } => {
            let opened = open(place, None, groups).await?;
            let mut text = String::new();
            for line in opened.engine.explain_policy(user, sql).await? {
                let on = if line.on.is_empty() { "" } else { " " };
                writeln!(text, "{}{on}{}: {}", line.what, line.on, line.says)
                    .map_err(Error::internal)?;
            }
            Ok(text)
        }
        PolicyCommand::Schema => Ok(policy::SCHEMA.to_owned()),
        PolicyCommand::Verify(_) => Err(Error::internal("verify runs servers of its own")),
        PolicyCommand::Test { place, cases } => {
            let opened = open(place, None, groups).await?;
            test(&opened, cases).await
        }
    }
}

/// What a server has behind its doors.
struct Opened {
    engine: Arc<Engine>,
    policy: Arc<PolicySet>,
    path: PathBuf,
    /// What looks like a mistake in it.
    warnings: Vec<String>,
    /// Databases that are not there yet, as long as this lives.
    _unmade: TempDir,
}

/// Opens the catalogs and loads the policy: all that a server does but its doors.
async fn open(place: &PolicyPlace, policy: Option<&Path>, groups: &Groups) -> Result<Opened> {
    let mut config = Loaded::read(&place.config)?.check()?;
    let unmade = elsewhere(&mut config.pool.catalogs)?;
    let policy = policy.or(place.policy.as_deref());
    let path = policy.map_or(config.policy, Path::to_owned);
    let executor = LocalExecutor::open(config.pool, &groups.executor)
        .await
        .map_err(|e| match e.hint() {
            None => e.with_hint("a running server holds its read_write files: use copies of them"),
            Some(_) => e,
        })?;
    let policy = policy_file::load_apart(&path, executor.catalog(), &groups.engine).await?;
    let warnings = policy.warnings(&executor.catalog());
    let engine = Engine::start(
        config.engine,
        executor,
        Arc::clone(&policy),
        None,
        groups.engine.clone(),
    )?;
    Ok(Opened {
        engine,
        policy,
        path,
        warnings,
        _unmade: unmade,
    })
}

/// Gives databases that a server would make a place of their own, empty: a tool leaves nothing behind.
fn elsewhere(catalogs: &mut [CatalogConfig]) -> Result<TempDir> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    for (number, catalog) in catalogs.iter_mut().enumerate() {
        let is_missing = catalog.mode == CatalogMode::ReadWrite && !catalog.path.exists();
        // Without its folder a server can't make it either, and opening it says so.
        if is_missing && folder_of(&catalog.path).is_dir() {
            catalog.path = folder.path().join(format!("{number}.duckdb"));
        }
    }
    Ok(folder)
}

async fn test(opened: &Opened, path: &Path) -> Result<String> {
    let bad = |at: usize, text: &str, reason: &dyn std::fmt::Display| {
        let line = text.as_bytes()[..at.min(text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        format!("{}:{line}: {reason}", path.display())
    };
    let config = |message: String| Error::new(ErrorKind::Config, message);
    let text = fs::read_to_string(path).map_err(|e| config(format!("{}: {e}", path.display())))?;
    let cases: Cases = toml::from_str(&text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        config(bad(at, &text, &e.message()))
    })?;
    let mut failures = Vec::new();
    for case in &cases.case {
        let at = case.span().start;
        let who = &case.get_ref().principal;
        if opened.policy.principal(who).is_none() {
            // Not even where a refusal is expected.
            let reason = format!("principal \"{who}\" does not exist");
            failures.push(bad(at, &text, &reason));
            continue;
        }
        let outcome = ask(&opened.engine, case.get_ref()).await;
        match judge(case.get_ref(), outcome) {
            Ok(None) => {}
            Ok(Some(difference)) => failures.push(bad(at, &text, &difference)),
            Err(reason) => return Err(config(bad(at, &text, &reason))),
        }
    }
    let total = cases.case.len();
    if failures.is_empty() {
        return Ok(format!(
            "{}: {total} cases, all as expected\n",
            path.display()
        ));
    }
    let failed = failures.len();
    let reason = format!("{failed} of {total} cases are not as expected");
    Err(config(reason).with_detail(failures.join("\n")))
}

type Rows = Vec<Vec<String>>;

/// The rows that a principal gets, as text.
async fn ask(engine: &Arc<Engine>, case: &Case) -> Result<Rows> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let session = engine
        .open_session(&case.principal, Door::Http, nowhere, None)
        .await?;
    // A case that may write is not to change the catalogs.
    let read_only = "set default_transaction_read_only = on";
    let read_only = session.prepare(read_only, &[]).await?;
    session.execute(&read_only, vec![]).await?;
    let prepared = session.prepare(&case.sql, &[]).await?;
    let mut rows = Rows::new();
    if let Outcome::Rows(result) = session.execute(&prepared, vec![]).await? {
        let mut stream = result.stream;
        while let Some(batch) = stream.next().await {
            append(&batch?, &mut rows).map_err(Error::internal)?;
        }
    }
    session.close().await;
    Ok(rows)
}

fn append(
    batch: &RecordBatch,
    rows: &mut Rows,
) -> std::result::Result<(), arrow_schema::ArrowError> {
    let options = FormatOptions::default().with_null(NULL);
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        rows.push(columns.iter().map(|c| c.value(row).to_string()).collect());
    }
    Ok(())
}

/// `None` where the outcome is the expected one, else the difference.
fn judge(case: &Case, outcome: Result<Rows>) -> std::result::Result<Option<String>, String> {
    let who = format!("{}: {}", case.principal, case.sql);
    let refused = |error: &Error| Some(format!("{who}: refused: {error}"));
    Ok(match (&case.rows, case.count, &case.refused, outcome) {
        (None, None, Some(part), Err(error)) => (!error.message().contains(part.as_str()))
            .then(|| format!("{who}: refused by another error: {error}")),
        (None, None, Some(_), Ok(rows)) => Some(format!("{who}: not refused: {} rows", rows.len())),
        (None, Some(_), None, Err(error)) | (Some(_), None, None, Err(error)) => refused(&error),
        (None, Some(count), None, Ok(rows)) => {
            (rows.len() != count).then(|| format!("{who}: {} rows, not {count}", rows.len()))
        }
        (Some(expected), None, None, Ok(mut rows)) => {
            let mut expected: Rows = expected
                .iter()
                .map(|row| row.iter().map(text_of).collect())
                .collect();
            if !case.ordered {
                expected.sort();
                rows.sort();
            }
            difference(&expected, &rows).map(|d| format!("{who}: {d}"))
        }
        _ => return Err("a case needs one of rows, count and refused".to_owned()),
    })
}

fn text_of(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is missing and what is too much.
fn difference(expected: &Rows, found: &Rows) -> Option<String> {
    if expected == found {
        return None;
    }
    let mut counts: BTreeMap<&Vec<String>, i64> = BTreeMap::new();
    for row in expected {
        *counts.entry(row).or_default() += 1;
    }
    for row in found {
        *counts.entry(row).or_default() -= 1;
    }
    let list = |sign: i64| {
        let rows = counts.iter().filter(|(_, n)| **n * sign > 0);
        let rows: Vec<String> = rows.take(5).map(|(row, _)| row.join("|")).collect();
        rows.join(", ")
    };
    let (missing, surplus) = (list(1), list(-1));
    if missing.is_empty() && surplus.is_empty() {
        return Some("the rows are in another order".to_owned());
    }
    Some(format!("missing [{missing}], not expected [{surplus}]"))
}
