//! Running what policy has sealed, as a worker does.

use model::{ErrorKind, ExecRequest};
use native::Connection;

/// What a client learns: the rows, or the class of the error.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    Rows(Vec<Vec<Option<String>>>),
    Fails(ErrorKind),
}

pub fn rows(connection: &Connection, sql: &str) -> Outcome {
    match connection.query(sql) {
        Ok(rows) => {
            let mut rows = rows.into_rows();
            rows.sort();
            Outcome::Rows(rows)
        }
        Err(e) => Outcome::Fails(tree::kind_of(&e)),
    }
}

/// Runs a sealed write as a worker does, in a transaction that is taken back after `then`.
pub fn written<T>(
    connection: &Connection,
    request: &ExecRequest,
    then: impl FnOnce(&Outcome) -> T,
) -> T {
    connection.execute("begin").unwrap();
    let mut outcome = rows(connection, request.sql());
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
