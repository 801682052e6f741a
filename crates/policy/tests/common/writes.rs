//! Running what policy has sealed, as a worker does.

use model::{ErrorKind, ExecRequest, ParamValue};
use native::{Connection, Rows};

/// What a client learns: the rows, or the class of the error.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Rows(Vec<Vec<Option<String>>>),
    Fails(ErrorKind),
}

pub fn rows(connection: &Connection, sql: &str) -> Outcome {
    outcome(connection, sql, &[])
}

/// The same of a statement with parameters.
pub fn outcome(connection: &Connection, sql: &str, values: &[ParamValue]) -> Outcome {
    match query(connection, sql, values) {
        Ok(rows) => {
            let mut rows = rows.into_rows();
            rows.sort();
            Outcome::Rows(rows)
        }
        Err(e) => Outcome::Fails(tree::kind_of(&e)),
    }
}

/// Runs a statement with its parameters.
pub fn query(connection: &Connection, sql: &str, values: &[ParamValue]) -> native::Result<Rows> {
    if values.is_empty() {
        return connection.query(sql);
    }
    let prepared = connection.prepare(sql)?;
    for (n, value) in values.iter().enumerate() {
        prepared.bind(n + 1, value)?;
    }
    prepared.query()
}

/// Runs a sealed write as a worker does, in a transaction that is taken back after `then`.
pub fn written<T>(
    connection: &Connection,
    request: &ExecRequest,
    then: impl FnOnce(&Outcome) -> T,
) -> T {
    connection.execute("begin").unwrap();
    let mut outcome = outcome(connection, request.sql(), request.params());
    if let (Outcome::Rows(rows), Some(returning)) = (&mut outcome, request.returning())
        && returning.checked
    {
        let checks: Vec<_> = rows.iter_mut().map(|r| r.pop().flatten()).collect();
        if checks.iter().any(|c| c.as_deref() != Some("true")) {
            outcome = Outcome::Fails(ErrorKind::PermissionDenied);
        } else if rows.first().is_some_and(Vec::is_empty) || request.schema().is_none() {
            *rows = vec![vec![Some(checks.len().to_string())]];
        }
    }
    if let Outcome::Fails(_) = outcome {
        connection.execute("rollback").unwrap();
        return then(&outcome);
    }
    let done = then(&outcome);
    connection.execute("rollback").unwrap();
    done
}
