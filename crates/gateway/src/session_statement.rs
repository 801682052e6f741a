//! Statements about the session, answered here: settings and what a door has to forget.

use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use futures::stream;
use model::{Error, ErrorKind, Result, ResultColumn, ResultSchema, ResultStream, SqlType};
use plan::{Discard, SessionStatement, SettingValue};

use crate::named;
use crate::registry::StatementState;
use crate::results::results;
use crate::settings::{Setting, Settings, canonical_name};
use crate::statement::Statement;
use crate::{Done, Forget, Notice, Outcome, Rows, Session};

/// Whether a failed transaction takes the statement.
pub(crate) fn ends_transaction(statement: &SessionStatement) -> bool {
    matches!(
        statement,
        SessionStatement::Commit | SessionStatement::Rollback
    )
}

/// Whether a statement could be a write, by its first word. Errs on the side of yes.
pub(crate) fn may_write(text: &str) -> bool {
    const READS: [&str; 9] = [
        "select",
        "from",
        "values",
        "table",
        "describe",
        "desc",
        "summarize",
        "show",
        "explain",
    ];
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    let word = &text[..end.unwrap_or(text.len())];
    !word.is_empty()
        && !READS.iter().any(|read| read.eq_ignore_ascii_case(word))
        && match plan::session_statement(text) {
            Ok(Some(SessionStatement::Execute(_))) => true,
            Ok(Some(_)) => false,
            Ok(None) | Err(_) => true,
        }
}

/// The columns of the statement's answer; `None` if it has none.
///
/// # Errors
/// SHOW of an unknown setting.
pub(crate) fn schema(statement: &SessionStatement) -> Result<Option<Arc<ResultSchema>>> {
    Ok(match statement {
        SessionStatement::Show(name) => Some(text_columns(&[canonical_name(name)?])),
        SessionStatement::ShowAll => Some(text_columns(&["name", "setting", "description"])),
        SessionStatement::ExplainPolicy { .. } => Some(text_columns(&["what", "on", "says"])),
        _ => None,
    })
}

fn text_columns(names: &[&str]) -> Arc<ResultSchema> {
    let fields: Vec<Field> = names
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    let columns = names.iter().map(|name| ResultColumn {
        name: (*name).to_owned(),
        sql_type: SqlType::Varchar,
    });
    Arc::new(ResultSchema {
        columns: columns.collect(),
        arrow: Arc::new(Schema::new(fields)),
    })
}

impl Session {
    /// Answers a session statement.
    pub(crate) async fn answer(
        &self,
        sql: &Arc<str>,
        statement: &SessionStatement,
        schema: Option<&Arc<ResultSchema>>,
    ) -> Result<Outcome> {
        let mut record = self.begin_statement(sql, StatementState::Running)?;
        record.set_kind("session");
        if let Err(error) = record.record(&self.world(), None).await {
            return Err(record.end_failed(error));
        }
        if let Some(schema) = schema {
            let (shown, tag) = match statement {
                SessionStatement::ExplainPolicy {
                    principal,
                    statement,
                } => {
                    let principal = principal.as_deref();
                    let told = self.explain_policy(&record, principal, statement, schema);
                    (told.await, "EXPLAIN")
                }
                _ => (self.show(statement, schema), "SHOW"),
            };
            return match shown {
                Ok(stream) => Ok(Outcome::Rows(Rows {
                    stream: results(stream, record, None, None),
                    tag,
                    written: None,
                })),
                Err(error) => Err(record.end_failed(error)),
            };
        }
        match self.perform(&record, statement).await {
            Ok(done) => {
                record.end_done();
                Ok(Outcome::Done(done))
            }
            Err(error) => Err(record.end_failed(error)),
        }
    }

    fn show(
        &self,
        statement: &SessionStatement,
        schema: &Arc<ResultSchema>,
    ) -> Result<ResultStream> {
        self.transaction.usable()?;
        let settings = self.settings.lock();
        let columns: Vec<Vec<String>> = match statement {
            SessionStatement::Show(name) => vec![vec![settings.show(name)?.1.to_owned()]],
            _ => {
                let mut columns = vec![Vec::new(); 3];
                for (name, value, about) in settings.show_all() {
                    for (column, text) in columns.iter_mut().zip([name, value, about]) {
                        column.push(text.to_owned());
                    }
                }
                columns
            }
        };
        let arrays = columns
            .into_iter()
            .map(|c| Arc::new(StringArray::from(c)) as _);
        let batch = RecordBatch::try_new(Arc::clone(&schema.arrow), arrays.collect());
        let batch = batch.map_err(Error::internal)?;
        Ok(ResultStream::new(
            Arc::clone(schema),
            stream::iter([Ok(batch)]),
        ))
    }

    async fn perform(&self, record: &Statement, statement: &SessionStatement) -> Result<Done> {
        match statement {
            SessionStatement::Begin { read_only } => {
                let notice = self.begin_transaction(false, *read_only).await?;
                return Ok(done("BEGIN").with_notice(notice));
            }
            SessionStatement::Commit => return self.end_transaction(true).await,
            SessionStatement::Rollback => return self.end_transaction(false).await,
            _ => {}
        }
        let open = self.transaction.usable()?;
        match statement {
            SessionStatement::Set { name, value, local } => {
                let value = match value {
                    SettingValue::Default => None,
                    SettingValue::Text(text) => Some(text.as_str()),
                };
                let own = canonical_name(name)?;
                if own == Setting::TransactionReadOnly.name() {
                    self.check_read_only_change()?;
                }
                let notice = (*local && open.is_none())
                    .then(|| outside("SET LOCAL can only be used in transaction blocks"));
                self.change("SET", |s| s.set(own, value, *local))
                    .map(|d| d.with_notice(notice))
            }
            SessionStatement::SetTransaction {
                read_only,
                isolation,
                session,
            } => {
                let notice = (!session && open.is_none())
                    .then(|| outside("SET TRANSACTION can only be used in transaction blocks"));
                if !session && read_only.is_some() {
                    self.check_read_only_change()?;
                }
                let names = match session {
                    true => (Setting::DefaultReadOnly, Setting::DefaultIsolation),
                    false => (Setting::TransactionReadOnly, Setting::TransactionIsolation),
                };
                let read_only = read_only.map(|on| if on { "on" } else { "off" });
                self.change("SET", |s| {
                    if let Some(value) = read_only {
                        s.set(names.0.name(), Some(value), !session)?;
                    }
                    if let Some(value) = isolation {
                        s.set(names.1.name(), Some(value), !session)?;
                    }
                    Ok(())
                })
                .map(|d| d.with_notice(notice))
            }
            SessionStatement::Reset(name) => self.change("RESET", |s| s.reset(name)),
            SessionStatement::ResetAll => self.change("RESET", |s| {
                s.reset_all();
                Ok(())
            }),
            SessionStatement::Discard(what) => self.discard(*what, open.is_some()).await,
            SessionStatement::Prepare(prepare) => {
                self.prepare_named(record, prepare).await?;
                Ok(done("PREPARE"))
            }
            SessionStatement::Deallocate(Some(name)) => {
                if !self.forget_statement(name) {
                    return Err(named::unknown(name));
                }
                Ok(done("DEALLOCATE").with_forget(Forget::Statement(name.clone())))
            }
            SessionStatement::Deallocate(None) => {
                self.named.clear();
                Ok(done("DEALLOCATE ALL").with_forget(Forget::AllStatements))
            }
            SessionStatement::CloseAll => {
                Ok(done("CLOSE CURSOR ALL").with_forget(Forget::AllPortals))
            }
            // Nobody can listen, so there is nothing to end.
            SessionStatement::Unlisten => Ok(done("UNLISTEN")),
            SessionStatement::Begin { .. }
            | SessionStatement::Commit
            | SessionStatement::Rollback
            | SessionStatement::Show(_)
            | SessionStatement::ShowAll
            | SessionStatement::Execute(_)
            | SessionStatement::ExplainPolicy { .. } => Err(Error::internal("answered elsewhere")),
        }
    }

    async fn discard(&self, what: Discard, in_transaction: bool) -> Result<Done> {
        match what {
            Discard::All if in_transaction => Err(Error::new(
                ErrorKind::ActiveTransaction,
                "DISCARD ALL cannot run inside a transaction block",
            )),
            Discard::All => {
                self.worker.discard_temporary().await?;
                self.named.clear();
                let done = self.change("DISCARD ALL", |s| {
                    s.reset_all();
                    Ok(())
                })?;
                Ok(done.with_forget(Forget::Everything))
            }
            // Plans are cached for all sessions and checked at each use; there are no sequences.
            Discard::Plans => Ok(done("DISCARD PLANS")),
            Discard::Sequences => Ok(done("DISCARD SEQUENCES")),
            Discard::Temp => {
                self.worker.discard_temporary().await?;
                Ok(done("DISCARD TEMP"))
            }
        }
    }

    /// The worker's transaction has its mode from its beginning.
    fn check_read_only_change(&self) -> Result<()> {
        match self.transaction.usable()? {
            Some(open) if open.on_worker => Err(Error::new(
                ErrorKind::ActiveTransaction,
                "transaction read-only mode must be set before any query",
            )),
            _ => Ok(()),
        }
    }

    fn change(&self, tag: &str, apply: impl FnOnce(&mut Settings) -> Result<()>) -> Result<Done> {
        let mut settings = self.settings.lock();
        let before = settings.clone();
        apply(&mut settings)?;
        let changed = settings.reported_since(&before);
        self.look_again.notify_one();
        Ok(Done {
            settings: changed,
            ..done(tag)
        })
    }
}

pub(crate) fn done(tag: &str) -> Done {
    Done {
        tag: tag.to_owned(),
        ..Done::default()
    }
}

/// A warning that there is no transaction.
pub(crate) fn outside(message: &str) -> Notice {
    Notice {
        kind: ErrorKind::NoActiveTransaction,
        message: message.to_owned(),
    }
}

impl Done {
    pub(crate) fn with_notice(mut self, notice: Option<Notice>) -> Self {
        self.notices.extend(notice);
        self
    }

    fn with_forget(mut self, forget: Forget) -> Self {
        self.forget = Some(forget);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::may_write;

    #[test]
    fn the_first_word_tells_a_possible_write() {
        for read in [
            "select 1",
            "FROM t",
            "(select 1)",
            "begin",
            "set x = 1",
            "VALUES (1)",
        ] {
            assert!(!may_write(read), "{read}");
        }
        for write in [
            "insert into t values (1)",
            "CREATE TABLE t(a int)",
            "drop table t",
            "with a as (select 1) insert into t from a",
        ] {
            assert!(may_write(write), "{write}");
        }
    }
}
