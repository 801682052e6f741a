//! One SQL statement: planning it, and running it.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use gateway::{Forget, Outcome, Prepared};
use model::{Error, ErrorKind, Result, ResultStream, SessionId, SqlType};

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
    /// of rows that it reports, if it does.
    pub(crate) async fn update(
        &self,
        session: &Session,
        parameters: Option<&Parameters>,
    ) -> Result<Option<u64>> {
        let rows = match parameters {
            None => return self.update_once(session).await,
            Some(parameters) => parameters.rows(),
        };
        if rows == 1 {
            let _turn = session.turn.read().await;
            return self.effect(session, parameters.map(|p| (p, 0))).await;
        }
        let _alone = session.turn.write().await;
        let gateway = session.gateway();
        gateway.begin_implicit().await?;
        let mut total = Some(0);
        let mut failure = None;
        for row in 0..rows {
            match self.effect(session, parameters.map(|p| (p, row))).await {
                Ok(count) => total = total.zip(count).map(|(a, b)| a + b),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        gateway.end_implicit(failure.is_none()).await?;
        match failure {
            None => Ok(total),
            Some(error) => Err(error),
        }
    }

    async fn update_once(&self, session: &Session) -> Result<Option<u64>> {
        let _turn = session.turn.read().await;
        self.effect(session, None).await
    }

    async fn effect(
        &self,
        session: &Session,
        parameters: Option<(&Parameters, usize)>,
    ) -> Result<Option<u64>> {
        match self.execute(session, parameters).await? {
            // A query that is run for its effect has none: dropping its rows ends it.
            Outcome::Rows(_) => Ok(None),
            Outcome::Done(done) => {
                match done.forget {
                    Some(Forget::AllStatements | Forget::Everything) => {
                        session.shelves.statements.clear();
                    }
                    Some(Forget::Statement(name)) => {
                        return Err(Error::new(
                            ErrorKind::UndefinedStatement,
                            format!("prepared statement \"{name}\" does not exist"),
                        ));
                    }
                    Some(Forget::AllPortals) | None => {}
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
