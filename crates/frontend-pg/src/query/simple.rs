//! Query: one text with any number of statements, run one after the other.

use gateway::{Outcome, TransactionStatus};
use model::{Error, ErrorKind};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::portal::{Fetched, Running};
use crate::connection::Connection;
use crate::error::{Step, Stop};
use crate::row::description;
use crate::types::Format;

impl Connection {
    /// Answers a Query up to ReadyForQuery. The first error ends it; statements before it stay
    /// answered, and their effects stay unless they shared its transaction.
    pub(crate) async fn simple_query(&mut self, text: &str) -> Step {
        // As in PostgreSQL, the unnamed statement does not outlive a simple query.
        self.statements.remove("");
        self.portals.remove("");
        let ran = self.run_text(text).await;
        let answered = match ran {
            Err(Stop::Failed(error)) => self.report(&error, text).await,
            other => other,
        };
        if self.session.transaction() == TransactionStatus::Idle {
            self.portals.clear();
        }
        answered
    }

    async fn run_text(&mut self, text: &str) -> Step {
        let session = self.session.clone();
        let pieces = session.split(text)?;
        let Some(last) = pieces.len().checked_sub(1) else {
            return self.link.writer.put(&EmptyQueryResponse::new());
        };
        let implicit = session.wants_implicit(&pieces);
        for (i, piece) in pieces.iter().enumerate() {
            if implicit {
                session.begin_implicit().await?;
            }
            let ran = self.run_statement(piece.text, implicit && i == last).await;
            if let Err(Stop::Failed(error)) = ran {
                if implicit {
                    let settings = session.end_implicit(false).await?;
                    self.changed(settings);
                }
                return Err(Stop::Failed(Box::new(error.offset_position(piece.offset))));
            }
            ran?;
        }
        Ok(())
    }

    /// Runs one statement and sends its whole answer. With `commit`, the implicit transaction is
    /// committed before the statement is said to be complete.
    async fn run_statement(&mut self, sql: &str, commit: bool) -> Step {
        let session = self.session.clone();
        self.link.begin_statement();
        let prepared = self.link.attend(session.prepare(sql, &[])).await??;
        if !prepared.parameters().is_empty() {
            let error = Error::new(ErrorKind::UndefinedParameter, "there is no parameter $1");
            return Err(error.into());
        }
        let outcome = self
            .link
            .attend(session.execute(&prepared, Vec::new()))
            .await??;
        let tag = match outcome {
            Outcome::Rows(rows) => {
                let schema = rows.stream.schema().clone();
                let formats = vec![Format::Text; schema.columns.len()];
                self.link.writer.put(&description(&schema, &formats)?)?;
                let mut running = Running::new(rows, None, &formats, &session)?;
                match running.fetch(&mut self.link, u64::MAX).await? {
                    Fetched::All(count) => running.tag(count),
                    Fetched::Some => {
                        return Err(Error::internal("a fetch of all rows stopped early").into());
                    }
                }
            }
            Outcome::Done(mut done) => {
                self.take_effects(&mut done, None)?;
                done.tag
            }
        };
        if commit {
            let settings = session.end_implicit(true).await?;
            self.changed(settings);
        }
        self.link.writer.put(&CommandComplete::new(tag))
    }
}
