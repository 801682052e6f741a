//! One SQL statement: planning it, and running it.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use gateway::{Forget, Outcome, Prepared, WaitSender};
use model::{Error, ErrorKind, Result, ResultStream, SessionId, SqlType};
use tokio_util::sync::CancellationToken;

use crate::params::Parameters;
use crate::session::Session;

/// A statement that was planned, with what it takes to plan it again in another session of the same
/// principal.
pub(crate) struct Statement {
    prepared: Arc<Prepared>,
    declared: Vec<Option<SqlType>>,
    session: SessionId,
}

impl Statement {
    /// Plans a text of one statement, for these types of its parameters where declared.
    pub(crate) async fn plan(
        session: &Session,
        text: &str,
        declared: Vec<Option<SqlType>>,
    ) -> Result<Self> {
        let gateway = session.gateway();
        let pieces = gateway.split(text)?;
        let piece = match pieces.as_slice() {
            [piece] => piece,
            [] => return Err(Error::new(ErrorKind::Syntax, "the statement is empty")),
            [_, second, ..] => {
                return Err(Error::not_supported("more than one statement in a call")
                    .with_position(second.offset));
            }
        };
        let prepared = gateway.prepare(piece.text, &declared).await;
        Ok(Self {
            prepared: prepared.map_err(|e| e.offset_position(piece.offset))?,
            declared,
            session: gateway.id(),
        })
    }

    /// The same statement planned for these types of its parameters.
    pub(crate) async fn declare(
        &self,
        session: &Session,
        declared: Vec<Option<SqlType>>,
    ) -> Result<Self> {
        let gateway = session.gateway();
        Ok(Self {
            prepared: gateway.prepare(self.prepared.sql(), &declared).await?,
            declared,
            session: gateway.id(),
        })
    }

    /// Whether it gives rows.
    pub(crate) fn is_query(&self) -> bool {
        self.prepared.is_query()
    }

    /// The types of its parameters.
    pub(crate) fn parameters(&self) -> &[SqlType] {
        self.prepared.parameters()
    }

    /// Whether it can run with values of these types as it was planned.
    pub(crate) fn fits(&self, types: &[SqlType]) -> bool {
        let is_open = self.is_query() && self.schema().is_none();
        let same = |(own, t): (&SqlType, &SqlType)| own == t || *t == SqlType::Null;
        !is_open && self.parameters().iter().zip(types).all(same)
    }

    /// The schema of its rows. `None`: it has no rows, or their types are open.
    pub(crate) fn schema(&self) -> Option<SchemaRef> {
        self.prepared.schema().map(|s| Arc::clone(&s.arrow))
    }

    /// About what it takes to keep it.
    pub(crate) fn bytes(&self) -> usize {
        1024 + self.prepared.sql().len()
    }

    /// Runs a query with one row of values, or none.
    pub(crate) async fn rows(
        &self,
        session: &Session,
        parameters: Option<(&Parameters, usize)>,
    ) -> Result<ResultStream> {
        let _turn = session.turn.read().await;
        match self.execute(session, parameters).await? {
            Outcome::Rows(rows) => Ok(rows.stream),
            Outcome::Done(done) => Err(Error::internal(format!(
                "{} in the place of rows",
                done.tag
            ))),
        }
    }

    /// Runs a statement for its effect, once for each row of values, all or none. Returns the count
    /// of rows that it reports, if it does. Dropping the future cancels it.
    pub(crate) async fn update(
        self: &Arc<Self>,
        session: &Arc<Session>,
        parameters: Option<&Arc<Parameters>>,
    ) -> Result<Option<u64>> {
        match parameters {
            Some(parameters) if parameters.rows() != 1 => {
                self.update_all(session, parameters).await
            }
            single => {
                let _turn = session.turn.read().await;
                self.effect(session, single.map(|p| (&**p, 0))).await
            }
        }
    }

    /// As a task of its own: if the caller goes away in the middle, the transaction is still ended
    /// before anything else runs in the session.
    async fn update_all(
        self: &Arc<Self>,
        session: &Arc<Session>,
        parameters: &Arc<Parameters>,
    ) -> Result<Option<u64>> {
        let gone = CancellationToken::new();
        let _guard = gone.clone().drop_guard();
        let (statement, parameters) = (Arc::clone(self), Arc::clone(parameters));
        let ear = WaitSender::current();
        let task = session.spawn("update", {
            let session = Arc::clone(session);
            async move {
                let work = statement.in_transaction(&session, &parameters, &gone);
                match ear {
                    Some(ear) => ear.hear(work).await,
                    None => work.await,
                }
            }
        });
        task.join().await.map_err(Error::internal)?
    }

    async fn in_transaction(
        &self,
        session: &Session,
        parameters: &Parameters,
        gone: &CancellationToken,
    ) -> Result<Option<u64>> {
        let _alone = session.turn.write().await;
        let gateway = session.gateway();
        gateway.begin_implicit().await?;
        let mut total = Ok(Some(0));
        for row in 0..parameters.rows() {
            let counted = tokio::select! {
                biased;
                () = gone.cancelled() => Err(cancelled()),
                counted = self.effect(session, Some((parameters, row))) => counted,
            };
            total = match (total, counted) {
                (Ok(total), Ok(count)) => Ok(sum(total, count)),
                (_, Err(error)) | (Err(error), _) => Err(error),
            };
            if total.is_err() {
                break;
            }
        }
        gateway.end_implicit(total.is_ok()).await?;
        total
    }

    async fn effect(
        &self,
        session: &Session,
        parameters: Option<(&Parameters, usize)>,
    ) -> Result<Option<u64>> {
        match self.execute(session, parameters).await? {
            // A query that is run for its effect has none: dropping its rows ends it.
            Outcome::Rows(rows) => Ok(rows.written),
            Outcome::Done(done) => {
                match done.forget {
                    Some(Forget::AllStatements | Forget::Everything) => {
                        session.shelves.statements.clear();
                    }
                    // Names are SQL's only: handles have none.
                    Some(Forget::Statement(_) | Forget::AllPortals) | None => {}
                }
                for notice in &done.notices {
                    tracing::debug!(door = "flight", notice = notice.message, "notice");
                }
                Ok(done.rows)
            }
        }
    }

    async fn execute(
        &self,
        session: &Session,
        parameters: Option<(&Parameters, usize)>,
    ) -> Result<Outcome> {
        let values = match parameters {
            Some((parameters, row)) => parameters.row(row)?,
            None => Vec::new(),
        };
        let gateway = session.gateway();
        let outcome = if gateway.id() == self.session {
            gateway.execute(&self.prepared, values).await?
        } else {
            let prepared = gateway.prepare(self.prepared.sql(), &self.declared).await?;
            gateway.execute(&prepared, values).await?
        };
        if let Outcome::Done(done) = &outcome {
            session.check_left_behind(&done.tag)?;
        }
        Ok(outcome)
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a?.checked_add(b?)
}

/// The error of a statement that its client has cancelled.
pub(crate) fn cancelled() -> Error {
    Error::new(
        ErrorKind::QueryCanceled,
        "canceling statement due to user request",
    )
}
