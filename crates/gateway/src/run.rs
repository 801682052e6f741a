//! Running a planned statement: turn, current plan, place, worker, outcome.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::{StreamExt, TryStreamExt, stream};
use metrics::histogram;
use model::{Error, ErrorKind, ParamValue, Result, ResultStream, SpillLimit};
use policy::{Authorised, Bound, CommandTag};

use crate::admission::Place;
use crate::metric;
use crate::prepared::{Body, is_write};
use crate::registry::StatementState;
use crate::results::results;
use crate::session_statement::done;
use crate::settings::Setting;
use crate::statement::Statement;
use crate::{Done, Outcome, Prepared, Rows, Session};

/// How far a statement came before its record is closed or handed on to its stream.
enum Ran {
    Rows {
        stream: ResultStream,
        tag: &'static str,
        place: Option<Place>,
        in_transaction: bool,
        written: Option<u64>,
    },
    Done(Done),
}

impl Session {
    /// Runs a planned statement.
    pub(crate) async fn run(
        &self,
        prepared: &Prepared,
        params: Vec<ParamValue>,
    ) -> Result<Outcome> {
        let is_own_text = prepared.planned == prepared.sql;
        self.run_text(prepared, params, is_own_text).await
    }

    /// The same; `is_own_text` says whether places in the text that was planned are places in the text
    /// that the client sent.
    pub(crate) async fn run_text(
        &self,
        prepared: &Prepared,
        params: Vec<ParamValue>,
        is_own_text: bool,
    ) -> Result<Outcome> {
        if self.transaction.usable()?.is_none() {
            self.engine.accepting()?;
        }
        let mut statement = self.begin_statement(&prepared.sql, StatementState::Queued)?;
        if let Body::Plan { plan, .. } = &prepared.body {
            statement.set_kind(kind(plan.command_tag()));
        }
        if !is_own_text {
            statement.hide_places();
        }
        match self.run_in_turn(&mut statement, prepared, params).await {
            Ok(Ran::Rows {
                stream,
                tag,
                place,
                in_transaction,
                written,
            }) => {
                let transaction = in_transaction.then_some((&self.transaction, &self.open_results));
                Ok(Outcome::Rows(Rows {
                    stream: results(stream, statement, place, transaction),
                    tag,
                    written,
                }))
            }
            Ok(Ran::Done(done)) => {
                statement.entry().add_rows(done.rows.unwrap_or_default());
                statement.end_done();
                Ok(Outcome::Done(done))
            }
            Err(error) => Err(statement.end_failed(error)),
        }
    }

    async fn run_in_turn(
        &self,
        statement: &mut Statement,
        prepared: &Prepared,
        params: Vec<ParamValue>,
    ) -> Result<Ran> {
        let shared = statement.wait(async { Ok(self.turn.read().await) }).await?;
        if self.transaction.usable()?.is_none() {
            let ran = self.run_now(statement, prepared, params).await;
            drop(shared);
            return ran;
        }
        drop(shared);
        let _alone = statement
            .wait(async { Ok(self.turn.write().await) })
            .await?;
        self.run_now(statement, prepared, params).await
    }

    async fn run_now(
        &self,
        statement: &mut Statement,
        prepared: &Prepared,
        params: Vec<ParamValue>,
    ) -> Result<Ran> {
        statement.set_state(StatementState::Planning);
        let in_transaction = self.transaction.usable()?.is_some();
        let plan = self.current_plan(prepared, statement).await?;
        statement.record(&self.world(), Some(&plan)).await?;
        let is_write = is_write(&plan);
        if plan.writes_shared() {
            // As in PostgreSQL, what is temporary may be written in any transaction.
            self.check_writable(&plan)?;
        }
        if plan.is_noop() {
            return Ok(Ran::Done(done(&tag(plan.command_tag(), None))));
        }
        if let Some((schema, batch)) = plan.local_rows() {
            let batch = stream::iter([Ok(batch.clone())]);
            return Ok(Ran::Rows {
                stream: ResultStream::new(Arc::clone(schema), batch),
                tag: name(plan.command_tag()),
                place: None,
                in_transaction: false,
                written: None,
            });
        }
        let place = self.place(statement).await?;
        if in_transaction {
            self.begin_on_worker(statement).await?;
        }
        let time_zone = Arc::clone(self.settings.lock().get(Setting::TimeZone));
        let request = plan.request(statement.id(), params, time_zone, statement.deadline())?;
        let limits = statement.limits();
        let most = (
            Bound::most(limits.result_rows.as_ref()),
            Bound::most(limits.result_bytes.as_ref()),
        );
        let spill = limits.spill.as_ref().map(|bound| SpillLimit {
            bytes: bound.most,
            by: Arc::clone(&bound.by),
        });
        let request = request
            .returning_at_most(most.0, most.1)
            .spilling_at_most(spill);
        let stream = statement.run(&self.worker, request, is_write).await?;
        if is_write && plan.gives_rows() {
            // The write is over, and its rows wait in memory: nothing of the worker's is held.
            let schema = Arc::clone(stream.schema());
            let batches: Vec<RecordBatch> = stream.try_collect().await?;
            let rows = batches.iter().map(|b| b.num_rows() as u64).sum();
            return Ok(Ran::Rows {
                stream: ResultStream::new(schema, stream::iter(batches.into_iter().map(Ok))),
                place: None,
                in_transaction: false,
                tag: name_before_count(plan.command_tag()),
                written: Some(rows),
            });
        }
        if is_write {
            let rows = count(stream).await?;
            return Ok(Ran::Done(Done {
                rows,
                ..done(&tag(plan.command_tag(), rows))
            }));
        }
        Ok(Ran::Rows {
            stream,
            tag: name(plan.command_tag()),
            place: Some(place),
            in_transaction,
            written: None,
        })
    }

    /// The plan as prepared, or a new one if policy or catalog moved since.
    ///
    /// # Errors
    /// `NotSupported` if the new plan has other parameters or columns than the client was told.
    async fn current_plan(
        &self,
        prepared: &Prepared,
        statement: &Statement,
    ) -> Result<Arc<Authorised>> {
        let Body::Plan {
            plan,
            policy_version,
            catalog_version,
        } = &prepared.body
        else {
            return Err(Error::internal("a session statement has no plan"));
        };
        let world = self.world();
        if world.policy.version() == *policy_version && world.catalog.version == *catalog_version {
            return Ok(Arc::clone(plan));
        }
        let (text, declared) = (
            Arc::clone(&prepared.planned),
            Arc::clone(&prepared.declared),
        );
        let key = self.key(text, declared, &world)?;
        let current = match self.engine.plans.find(&key) {
            Some(found) => found,
            None => self.make_plan(key, world, statement).await?,
        };
        let (told, now) = (plan.description(), current.description());
        if told == now && is_write(plan) == is_write(&current) {
            return Ok(current);
        }
        Err(Error::new(
            ErrorKind::NotSupported,
            "cached plan must not change result type",
        )
        .with_hint("prepare the statement again"))
    }

    async fn place(&self, statement: &Statement) -> Result<Place> {
        let begun = Instant::now();
        let place = self.engine.admission.place(
            statement.id(),
            self.principal_name(),
            statement.limits(),
            || statement.set_state(StatementState::Queued),
        );
        let place = statement.wait(place).await?;
        statement.set_state(StatementState::Running);
        histogram!(metric::QUEUE_SECONDS).record(begun.elapsed());
        Ok(place)
    }

    fn check_writable(&self, plan: &Authorised) -> Result<()> {
        let settings = self.settings.lock();
        let read_only = match self.transaction.usable()? {
            Some(_) => settings.is_on(Setting::TransactionReadOnly),
            None => settings.is_on(Setting::DefaultReadOnly),
        };
        if !read_only {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ReadOnly,
            format!(
                "cannot execute {} in a read-only transaction",
                name(plan.command_tag())
            ),
        ))
    }
}

/// The count of rows that a write reports, if it does.
async fn count(mut stream: ResultStream) -> Result<Option<u64>> {
    let mut rows = None;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        if batch.num_columns() == 0 {
            continue;
        }
        let counts = batch.column(0).as_primitive_opt::<Int64Type>();
        let counts = counts.ok_or_else(|| Error::internal("a write's count is not BIGINT"))?;
        for count in counts.iter().flatten() {
            let count = u64::try_from(count).map_err(Error::internal)?;
            rows = Some(rows.unwrap_or(0) + count);
        }
    }
    Ok(rows)
}

/// The label `kind` of metrics and records.
pub(crate) fn kind(tag: CommandTag) -> &'static str {
    match tag {
        CommandTag::Select => "select",
        CommandTag::Explain => "explain",
        CommandTag::Show => "show",
        CommandTag::Insert => "insert",
        CommandTag::Update => "update",
        CommandTag::Delete => "delete",
        CommandTag::Merge => "merge",
        CommandTag::Truncate => "truncate",
        CommandTag::CreateTable => "create_table",
        CommandTag::CreateTableAs => "create_table_as",
        CommandTag::DropTable => "drop_table",
        CommandTag::CreateView => "create_view",
        CommandTag::DropView => "drop_view",
        CommandTag::CreateSchema => "create_schema",
        CommandTag::DropSchema => "drop_schema",
        CommandTag::AlterTable => "alter_table",
        CommandTag::CreateIndex => "create_index",
        CommandTag::DropIndex => "drop_index",
        CommandTag::CreateSequence => "create_sequence",
        CommandTag::DropSequence => "drop_sequence",
        CommandTag::Comment => "comment",
        CommandTag::Vacuum => "vacuum",
        CommandTag::Analyze => "analyze",
        CommandTag::Checkpoint => "checkpoint",
    }
}

/// The statement's name in errors.
fn name(tag: CommandTag) -> &'static str {
    match tag {
        CommandTag::Select => "SELECT",
        CommandTag::Explain => "EXPLAIN",
        CommandTag::Show => "SHOW",
        CommandTag::Insert => "INSERT",
        CommandTag::Update => "UPDATE",
        CommandTag::Delete => "DELETE",
        CommandTag::Merge => "MERGE",
        CommandTag::Truncate => "TRUNCATE TABLE",
        CommandTag::CreateTable => "CREATE TABLE",
        CommandTag::CreateTableAs => "CREATE TABLE AS",
        CommandTag::DropTable => "DROP TABLE",
        CommandTag::CreateView => "CREATE VIEW",
        CommandTag::DropView => "DROP VIEW",
        CommandTag::CreateSchema => "CREATE SCHEMA",
        CommandTag::DropSchema => "DROP SCHEMA",
        CommandTag::AlterTable => "ALTER TABLE",
        CommandTag::CreateIndex => "CREATE INDEX",
        CommandTag::DropIndex => "DROP INDEX",
        CommandTag::CreateSequence => "CREATE SEQUENCE",
        CommandTag::DropSequence => "DROP SEQUENCE",
        CommandTag::Comment => "COMMENT",
        CommandTag::Vacuum => "VACUUM",
        CommandTag::Analyze => "ANALYZE",
        CommandTag::Checkpoint => "CHECKPOINT",
    }
}

/// The command tag of a write, as PostgreSQL words it.
fn tag(tag: CommandTag, rows: Option<u64>) -> String {
    match (tag, rows) {
        (
            CommandTag::Insert | CommandTag::Update | CommandTag::Delete | CommandTag::Merge,
            rows,
        ) => {
            format!("{} {}", name_before_count(tag), rows.unwrap_or_default())
        }
        (CommandTag::CreateTableAs, Some(rows)) => format!("SELECT {rows}"),
        (tag, _) => name(tag).to_owned(),
    }
}

/// What stands before the count of rows in a command tag.
fn name_before_count(tag: CommandTag) -> &'static str {
    match tag {
        CommandTag::Insert => "INSERT 0",
        tag => name(tag),
    }
}
