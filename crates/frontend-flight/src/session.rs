//! A client's place at this door.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway::{Door, Engine, TransactionStatus};
use model::{Error, ErrorKind, Result};
use parking_lot::{Mutex, RwLock};
use runtime::{TaskHandle, Tasks};

use crate::config::Config;
use crate::prepared::PreparedStatement;
use crate::shelf::{Full, Handle, Shelf};
use crate::ticket::Ticket;

/// What a client holds handles of.
pub(crate) struct Shelves {
    pub(crate) tickets: Shelf<Ticket>,
    pub(crate) statements: Shelf<PreparedStatement>,
}

impl Shelves {
    pub(crate) fn new(config: &Config) -> Self {
        let bytes = config.max_session_bytes;
        Self {
            tickets: Shelf::new("ticket", config.max_tickets, bytes, Full::Evict),
            statements: Shelf::new(
                "prepared statement",
                config.max_prepared_statements,
                bytes,
                Full::Refuse,
            ),
        }
    }
}

/// A session of the gateway with what this door adds to it. Either the session of a token, which
/// lasts, or one that was opened for a single call with Basic credentials; then its shelves are the
/// principal's. Closed when dropped.
pub(crate) struct Session {
    pub(crate) shelves: Arc<Shelves>,
    /// The transaction that BeginTransaction opened.
    pub(crate) transaction: Mutex<Option<Handle>>,
    /// Shared by single statements; exclusive for several that make one transaction.
    pub(crate) turn: tokio::sync::RwLock<()>,
    gateway: RwLock<Arc<gateway::Session>>,
    lasting: bool,
    engine: Arc<Engine>,
    peer: SocketAddr,
    tasks: Tasks,
}

impl Session {
    /// Opens a session for a principal that has been authenticated.
    pub(crate) async fn open(
        engine: &Arc<Engine>,
        principal: &str,
        peer: SocketAddr,
        shelves: Arc<Shelves>,
        lasting: bool,
        tasks: &Tasks,
    ) -> Result<Arc<Self>> {
        let gateway = engine
            .open_session(principal, Door::Flight, peer, None)
            .await?;
        Ok(Arc::new(Self {
            shelves,
            transaction: Mutex::new(None),
            turn: tokio::sync::RwLock::new(()),
            gateway: RwLock::new(gateway),
            lasting,
            engine: Arc::clone(engine),
            peer,
            tasks: tasks.clone(),
        }))
    }

    /// The gateway's session.
    pub(crate) fn gateway(&self) -> Arc<gateway::Session> {
        Arc::clone(&self.gateway.read())
    }

    /// Fails for a call with Basic credentials, whose session ends with the call.
    pub(crate) fn must_last(&self, what: &str) -> Result<()> {
        if self.lasting {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NoActiveTransaction,
            format!("{what} needs a session, and Basic credentials on every call make none"),
        )
        .with_hint("log in with Handshake and send its Bearer token"))
    }

    /// After a statement with this command tag: nothing that it has left behind in the session may
    /// get lost unnoticed at the end of the call.
    pub(crate) fn check_left_behind(&self, tag: &str) -> Result<()> {
        match tag {
            "BEGIN" => self.must_last("a transaction"),
            "SET" | "RESET" => self.must_last(tag),
            _ => Ok(()),
        }
    }

    /// Moves the session to another default catalog.
    ///
    /// # Errors
    /// `UndefinedCatalog`; `ActiveTransaction`.
    pub(crate) async fn use_catalog(&self, catalog: &str) -> Result<()> {
        let _alone = self.turn.write().await;
        let old = self.gateway();
        if old.database() == catalog {
            return Ok(());
        }
        if old.transaction() != TransactionStatus::Idle {
            return Err(Error::new(
                ErrorKind::ActiveTransaction,
                "the catalog can't be changed in a transaction",
            ));
        }
        let principal = &old.principal().name;
        let new = self
            .engine
            .open_session(principal, Door::Flight, self.peer, Some(catalog))
            .await?;
        for (name, value) in old.reportable_settings() {
            // Some are told and can't be set, such as the server's version.
            if new.setting(&name).as_deref() != Some(&value)
                && let Err(error) = new.set_startup(&name, &value)
            {
                new.close().await;
                return Err(error);
            }
        }
        *self.gateway.write() = new;
        old.close().await;
        Ok(())
    }

    /// Runs something beside the call that asks for it.
    pub(crate) fn spawn<F>(&self, name: &'static str, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tasks.spawn(name, future)
    }

    /// Ends the session: cancels, rolls back, forgets. Idempotent.
    pub(crate) async fn close(&self) {
        if self.lasting {
            self.shelves.tickets.clear();
            self.shelves.statements.clear();
        }
        self.gateway().close().await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let gateway = self.gateway();
        // Outside the runtime the process is at its end, and the worker ends with it.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.tasks
                .spawn("close session", async move { gateway.close().await });
        }
    }
}
