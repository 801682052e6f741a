//! Parse, Bind, Describe, Execute, Close, and the transaction of a pipeline up to its Sync.

use std::sync::Arc;

use gateway::{Outcome, Prepared, TransactionStatus};
use model::{Error, ErrorKind, Result};
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::portal::{Fetched, Portal, Running, State, tag};
use super::statement::{Statement, declared_types};
use crate::connection::{Connection, unknown_statement};
use crate::error::{Step, Stop};
use crate::message::{Bind, Parse, Target};
use crate::params;
use crate::row::{column_formats, description};
use crate::types::Format;

impl Connection {
    pub(crate) async fn parse(&mut self, parse: Parse) -> Step {
        let Parse { name, sql, types } = parse;
        if name.is_empty() {
            self.statements.remove("");
        }
        self.session.check_new_statement(&name)?;
        let declared = declared_types(&types)?;
        let session = Arc::clone(&self.session);
        let pieces = session.split(&sql)?;
        let (offset, prepared) = match pieces.as_slice() {
            [] => (0, None),
            [piece] => {
                self.link.begin_statement();
                let prepared = session.prepare(piece.text, &declared);
                let prepared = self.link.attend(prepared).await?;
                let prepared = prepared.map_err(|error| error.offset_position(piece.offset))?;
                (piece.offset, Some(prepared))
            }
            [_, second, ..] => {
                let message = "cannot insert multiple commands into a prepared statement";
                let error = Error::new(ErrorKind::Syntax, message);
                return Err(error.with_position(second.offset).into());
            }
        };
        session.name_statement(&name, prepared.clone());
        let statement = Statement::new(sql.as_str().into(), offset, prepared, &types);
        self.statements.insert(name, statement);
        self.link.writer.put(&ParseComplete::new())
    }

    pub(crate) fn bind(&mut self, bind: Bind) -> Step {
        let statement = self.statement(&bind.statement)?;
        let zone = self.session.setting("TimeZone").unwrap_or_default();
        let mut values = params::decode(
            &statement.parameters,
            &bind.formats,
            &bind.values,
            &bind.statement,
            &zone,
        )?;
        // The client may have declared, and bound, more than the statement uses.
        values.truncate(
            statement
                .prepared
                .as_ref()
                .map_or(0, |p| p.parameters().len()),
        );
        if let Some(schema) = statement.prepared.as_ref().and_then(|p| p.schema()) {
            column_formats(&bind.result_formats, schema.columns.len())?;
        }
        if bind.portal.is_empty() {
            self.portals.remove("");
        }
        let portal = Portal {
            statement,
            formats: bind.result_formats,
            state: State::Bound(values),
        };
        self.portals.insert(bind.portal, portal)?;
        self.link.writer.put(&BindComplete::new())
    }

    /// The statement of that name, of this protocol or of PREPARE.
    fn statement(&mut self, name: &str) -> Result<Arc<Statement>> {
        if let Some(statement) = self.statements.get(name) {
            return Ok(Arc::clone(statement));
        }
        let prepared = self.session.named_statement(name);
        let prepared = prepared.ok_or_else(|| unknown_statement(name))?;
        let text = prepared.sql().into();
        Ok(Arc::new(Statement::new(text, 0, Some(prepared), &[])))
    }

    pub(crate) fn describe(&mut self, target: &Target) -> Step {
        let (statement, formats) = match target {
            Target::Statement(name) => {
                let statement = self.statement(name)?;
                let oids = statement.parameters.iter().map(|p| p.oid).collect();
                self.link.writer.put(&ParameterDescription::new(oids))?;
                (statement, &[][..])
            }
            Target::Portal(name) => {
                let portal = self.portals.get(name)?;
                (Arc::clone(&portal.statement), portal.formats.as_slice())
            }
        };
        match statement.prepared.as_ref().and_then(|p| p.schema()) {
            Some(schema) => {
                let formats = column_formats(formats, schema.columns.len())?;
                self.link.writer.put(&description(schema, &formats)?)
            }
            None => self.link.writer.put(&NoData::new()),
        }
    }

    pub(crate) async fn execute(&mut self, name: &str, max_rows: i32) -> Step {
        // As in PostgreSQL, zero and less mean all.
        let limit = u64::try_from(max_rows)
            .ok()
            .filter(|n| *n > 0)
            .unwrap_or(u64::MAX);
        let portal = self.portals.get_mut(name)?;
        let Some(prepared) = portal.statement.prepared.clone() else {
            return self.link.writer.put(&EmptyQueryResponse::new());
        };
        self.link.begin_statement();
        // Whatever fails from here on leaves the portal spent.
        match std::mem::replace(&mut portal.state, State::Spent) {
            State::Bound(values) => {
                let (formats, offset) = (portal.formats.clone(), portal.statement.offset);
                let started = self.start(name, &prepared, values, &formats).await;
                match started.map_err(|stop| moved(stop, offset))? {
                    Some(running) => self.fetch(name, running, limit).await,
                    None => Ok(()),
                }
            }
            State::Open(running) => self.fetch(name, running, limit).await,
            State::Fetched(kind) => {
                portal.state = State::Fetched(kind);
                self.link.writer.put(&CommandComplete::new(tag(kind, 0)))
            }
            State::Spent => {
                let message = format!("portal \"{name}\" cannot be run");
                Err(Error::new(ErrorKind::ObjectInUse, message).into())
            }
        }
    }

    /// Runs a portal's statement. `None`: it gave no rows and has been answered.
    async fn start(
        &mut self,
        name: &str,
        prepared: &Prepared,
        values: Vec<model::ParamValue>,
        formats: &[Format],
    ) -> Step<Option<Running>> {
        let session = Arc::clone(&self.session);
        let before = session.transaction();
        // Several writes up to a Sync are one transaction. One that is followed by its Sync is one
        // by itself.
        if (prepared.is_write() || !prepared.is_query())
            && before == TransactionStatus::Idle
            && !self.link.reader.next_is_sync()
        {
            session.begin_implicit().await?;
        }
        let mut done = match self
            .link
            .attend(session.execute(prepared, values))
            .await??
        {
            Outcome::Rows(rows) => {
                let formats = column_formats(formats, rows.stream.schema().columns.len())?;
                let described = prepared.schema().map(|schema| &**schema);
                return Ok(Some(Running::new(rows, described, &formats, &session)?));
            }
            Outcome::Done(done) => done,
        };
        if before != TransactionStatus::Idle && session.transaction() == TransactionStatus::Idle {
            // The end of a transaction closes its portals.
            self.portals.clear_but(Some(name));
        }
        self.take_effects(&mut done, Some(name))?;
        self.link.writer.put(&CommandComplete::new(done.tag))?;
        Ok(None)
    }

    async fn fetch(&mut self, name: &str, mut running: Running, limit: u64) -> Step {
        let fetched = running.fetch(&mut self.link, limit).await?;
        let portal = self.portals.get_mut(name)?;
        match fetched {
            Fetched::All(count) => {
                let tag = running.tag(count);
                portal.state = State::Fetched(running.tag);
                self.link.writer.put(&CommandComplete::new(tag))
            }
            Fetched::Some => {
                portal.state = State::Open(running);
                self.link.writer.put(&PortalSuspended::new())
            }
        }
    }

    pub(crate) fn close_statement(&mut self, name: &str) -> Step {
        self.statements.remove(name);
        self.session.forget_statement(name);
        self.link.writer.put(&CloseComplete::new())
    }

    pub(crate) fn close_portal(&mut self, name: &str) -> Step {
        self.portals.remove(name);
        self.link.writer.put(&CloseComplete::new())
    }

    /// A Sync has come: commits the pipeline's transaction, and forgets portals unless BEGIN has
    /// opened one that goes on.
    pub(crate) async fn end_pipeline(&mut self) -> Step {
        match self.session.end_implicit(true).await {
            Ok(settings) => self.changed(settings),
            Err(error) => self.report(&error, "").await?,
        }
        if self.session.transaction() == TransactionStatus::Idle {
            self.portals.clear();
        }
        Ok(())
    }

    /// A step of the pipeline has failed: rolls its transaction back.
    pub(crate) async fn abandon_pipeline(&mut self) -> Step {
        let settings: Result<_> = self.session.end_implicit(false).await;
        self.changed(settings?);
        Ok(())
    }
}

/// Moves the position of a statement's error to where the statement is in its text.
fn moved(stop: Stop, offset: usize) -> Stop {
    match stop {
        Stop::Failed(error) => Stop::Failed(Box::new(error.offset_position(offset))),
        other => other,
    }
}
