//! BeginTransaction and EndTransaction, on the session's one transaction. BEGIN and COMMIT in SQL
//! mean the same transaction.

use bytes::Bytes;
use gateway::{Outcome, TransactionStatus};
use model::{Error, ErrorKind, Result};

use crate::session::Session;
use crate::shelf;

/// Opens a transaction and returns its id.
pub(crate) async fn begin(session: &Session) -> Result<Bytes> {
    session.must_last("a transaction")?;
    let _alone = session.turn.write().await;
    if session.gateway().transaction() != TransactionStatus::Idle {
        return Err(Error::new(
            ErrorKind::ActiveTransaction,
            "there is already a transaction in progress",
        ));
    }
    let id = shelf::handle()?;
    run(session, "BEGIN").await?;
    *session.transaction.lock() = Some(id);
    Ok(Bytes::copy_from_slice(&id))
}

/// Commits or rolls back the transaction of that id.
pub(crate) async fn end(session: &Session, id: &[u8], commit: bool) -> Result<()> {
    let _alone = session.turn.write().await;
    check(session, Some(id))?;
    *session.transaction.lock() = None;
    let tag = run(session, if commit { "COMMIT" } else { "ROLLBACK" }).await?;
    if commit && tag == "ROLLBACK" {
        return Err(Error::new(
            ErrorKind::FailedTransaction,
            "the transaction had failed and was rolled back",
        ));
    }
    Ok(())
}

/// Checks the transaction that a statement is to run in. Without an id it runs in whatever
/// transaction its session has.
///
/// # Errors
/// `UndefinedObject`: the session has no transaction of that id, or not any more.
pub(crate) fn check(session: &Session, id: Option<&[u8]>) -> Result<()> {
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    let is_open = session.gateway().transaction() != TransactionStatus::Idle;
    let is_this = session.transaction.lock().is_some_and(|open| open == *id);
    if is_open && is_this {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::UndefinedObject,
        "there is no such transaction in this session, or it has ended",
    ))
}

async fn run(session: &Session, sql: &str) -> Result<String> {
    let gateway = session.gateway();
    let prepared = gateway.prepare(sql, &[]).await?;
    match gateway.execute(&prepared, Vec::new()).await? {
        Outcome::Done(done) => Ok(done.tag),
        Outcome::Rows(_) => Err(Error::internal(format!("rows from {sql}"))),
    }
}
