//! A logged-in connection: its loop over messages, and what both query protocols share.

use std::sync::Arc;
use std::time::Duration;

use gateway::{Done, Forget, Session, TransactionStatus, WaitSender, WaitsFor};
use model::{Error, ErrorKind};
use pgwire::messages::response::{ReadyForQuery, TransactionStatus as Status};
use pgwire::messages::startup::ParameterStatus;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::cancel::{Registered, Requests};
use crate::error::{Fatal, Step, Stop, error_response, notice_response, sqlstate, wait_response};
use crate::link::{Incoming, Reader, Writer};
use crate::message::{Frontend, Target};
use crate::metric;
use crate::query::{Portals, Statements};
use crate::server::{end, stopping};

/// How long a cancelled statement may take to end by itself. Its client has an answer within a
/// second either way.
const CANCEL_GRACE: Duration = Duration::from_millis(800);

/// How long a client that was told the end may go on sending before the socket is closed.
const LINGER: Duration = Duration::from_millis(500);

/// One client.
pub(crate) struct Connection {
    pub(super) link: Link,
    pub(super) session: Arc<Session>,
    pub(super) statements: Statements,
    pub(super) portals: Portals,
    /// Settings to report before the next ReadyForQuery.
    changed: Vec<(String, String)>,
    /// An extended query has failed: everything up to the next Sync is ignored.
    skipping: bool,
    idle_timeout: Option<Duration>,
    stop: CancellationToken,
    registered: Registered,
}

/// The socket and what may interrupt the work for it.
pub(crate) struct Link {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    requests: Requests,
    session: Arc<Session>,
    ear: WaitSender,
    /// What the statement that is attended to waits for.
    waits: UnboundedReceiver<WaitsFor>,
}

impl Connection {
    pub(crate) fn new(
        reader: Reader,
        writer: Writer,
        session: Arc<Session>,
        registered: Registered,
        idle_timeout: Option<Duration>,
        stop: CancellationToken,
    ) -> Self {
        let (ear, waits) = unbounded_channel();
        Self {
            link: Link {
                reader,
                writer,
                requests: registered.requests.clone(),
                session: Arc::clone(&session),
                ear: WaitSender::new(ear),
                waits,
            },
            session,
            statements: Statements::default(),
            portals: Portals::default(),
            changed: Vec::new(),
            skipping: false,
            idle_timeout,
            stop,
            registered,
        }
    }

    /// Answers messages until the client leaves, the server stops, or the stream of messages can't
    /// be followed any more.
    pub(crate) async fn run(mut self) -> Step {
        let ended = match self.ready().await {
            Ok(()) => self.answer_all().await,
            Err(stop) => Err(stop),
        };
        // From here on nobody can cancel anything by this connection's key.
        drop(self.registered);
        drop(self.portals);
        let Err(stop) = ended else {
            return Ok(());
        };
        let told = end(&mut self.link.writer, stop).await;
        self.link.reader.drain(LINGER).await;
        told
    }

    async fn answer_all(&mut self) -> Step {
        loop {
            match self.next().await? {
                Incoming::End | Incoming::Message(Frontend::Terminate) => return Ok(()),
                Incoming::Message(message) => self.answer(message).await?,
                Incoming::Bad(kind, error) if Frontend::is_extended(kind) => {
                    if !self.skipping {
                        self.fail_extended(&error, "").await?;
                    }
                }
                // As in PostgreSQL, a Query is not looked at while skipping.
                Incoming::Bad(b'Q', _) if self.skipping => {}
                Incoming::Bad(_, error) => {
                    self.skipping = false;
                    self.report(&error, "").await?;
                    self.ready().await?;
                }
            }
        }
    }

    /// The next message, unless the server stops or the client is idle for too long first.
    async fn next(&mut self) -> Step<Incoming> {
        let idle = match self.idle_timeout {
            Some(timeout) if self.session.transaction() == TransactionStatus::Idle => timeout,
            _ => Duration::MAX,
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(stopping().into()),
            () = self.session.revoked() => Err(stopping().into()),
            incoming = tokio::time::timeout(idle, self.link.reader.next()) => match incoming {
                Ok(incoming) => incoming,
                Err(_) => Err(Fatal::new(
                    "57P05",
                    "terminating connection due to idle-session timeout",
                ).into()),
            }
        }
    }

    async fn answer(&mut self, message: Frontend) -> Step {
        if self.skipping && message != Frontend::Sync {
            return Ok(());
        }
        match message {
            Frontend::Query(text) => {
                self.simple_query(&text).await?;
                self.ready().await
            }
            Frontend::FunctionCall => {
                let error = Error::not_supported("the function call protocol");
                self.report(&error, "").await?;
                self.ready().await
            }
            Frontend::Sync => {
                self.skipping = false;
                self.end_pipeline().await?;
                self.ready().await
            }
            Frontend::Flush => Ok(self.link.flush().await?),
            Frontend::Parse(parse) => {
                let sql = parse.sql.clone();
                let parsed = self.parse(parse).await;
                self.settle(parsed, &sql).await
            }
            Frontend::Bind(bind) => {
                let bound = self.bind(bind);
                self.settle(bound, "").await
            }
            Frontend::Describe(target) => {
                let described = self.describe(&target);
                self.settle(described, "").await
            }
            Frontend::Execute { portal, max_rows } => {
                let sql = self.portals.sql(&portal);
                let executed = self.execute(&portal, max_rows).await;
                self.settle(executed, &sql).await
            }
            Frontend::Close(Target::Statement(name)) => self.close_statement(&name),
            Frontend::Close(Target::Portal(name)) => self.close_portal(&name),
            // What is left of a failed COPY.
            Frontend::Copy => Ok(()),
            Frontend::Password(_) => Err(Fatal::protocol("invalid frontend message type").into()),
            Frontend::Terminate => Ok(()),
        }
    }

    /// Turns the failure of an extended query's step into its answer.
    async fn settle(&mut self, step: Step, text: &str) -> Step {
        match step {
            Err(Stop::Failed(error)) => self.fail_extended(&error, text).await,
            other => other,
        }
    }

    async fn fail_extended(&mut self, error: &Error, text: &str) -> Step {
        self.skipping = true;
        self.report(error, text).await?;
        self.abandon_pipeline().await
    }

    /// Tells an error, whose position counts in `text`, and fails the transaction.
    pub(super) async fn report(&mut self, error: &Error, text: &str) -> Step {
        self.session.fail_transaction();
        metric::error(sqlstate(error.kind()));
        // The engine has logged its own errors and taken their causes off.
        if let (ErrorKind::Internal, Some(_)) = (error.kind(), error.cause()) {
            tracing::error!(session = %self.session.id(), ?error, "internal error");
        }
        self.link.writer.put(&error_response(error, text))?;
        Ok(self.link.flush().await?)
    }

    /// Tells that the next query may come, after the settings that have changed.
    async fn ready(&mut self) -> Step {
        for (name, value) in self.changed.drain(..) {
            self.link.writer.put(&ParameterStatus::new(name, value))?;
        }
        let status = match self.session.transaction() {
            TransactionStatus::Idle => Status::Idle,
            TransactionStatus::Active => Status::Transaction,
            TransactionStatus::Failed => Status::Error,
        };
        self.link.writer.put(&ReadyForQuery::new(status))?;
        Ok(self.link.flush().await?)
    }

    /// Remembers settings to be reported.
    pub(super) fn changed(&mut self, settings: Vec<(String, String)>) {
        for (name, value) in settings {
            self.changed.retain(|(n, _)| *n != name);
            self.changed.push((name, value));
        }
    }

    /// Does what a finished statement asks of the door: warnings, settings to report, statements
    /// and portals to forget. `running` is the portal that it ran in.
    pub(super) fn take_effects(&mut self, done: &mut Done, running: Option<&str>) -> Step {
        if self.link.shows("warning") {
            for notice in &done.notices {
                self.link.writer.put(&notice_response(notice))?;
            }
        }
        self.changed(std::mem::take(&mut done.settings));
        match done.forget.take() {
            None => {}
            Some(Forget::Statement(name)) => self.statements.remove(&name),
            Some(Forget::AllStatements) => self.statements.clear(),
            Some(Forget::AllPortals) => self.portals.clear_but(running),
            Some(Forget::Everything) => {
                self.statements.clear();
                self.portals.clear_but(running);
            }
        }
        Ok(())
    }
}

/// The error for a prepared statement that is not there.
pub(super) fn unknown_statement(name: &str) -> Error {
    let message = match name {
        "" => "unnamed prepared statement does not exist".to_owned(),
        _ => format!("prepared statement \"{name}\" does not exist"),
    };
    Error::new(ErrorKind::UndefinedStatement, message)
}

impl Link {
    /// A statement begins: requests to cancel were for earlier ones.
    pub(super) fn begin_statement(&mut self) {
        self.requests.forget();
    }

    /// Waits for the engine, as long as the client is there and does not cancel, and tells the client
    /// of a statement that waits for long. A cancelled statement has a moment to end by itself; then
    /// it is dropped, which ends it too.
    pub(super) async fn attend<T>(&mut self, work: impl Future<Output = T>) -> Step<T> {
        let mut work = std::pin::pin!(self.ear.clone().hear(work));
        let mut telling = false;
        loop {
            tokio::select! {
                biased;
                value = &mut work => {
                    // What has been heard just now comes before the answer too.
                    while let Ok(waits_for) = self.waits.try_recv() {
                        self.tell(&waits_for)?;
                    }
                    return Ok(value);
                }
                () = self.reader.closed() => {
                    self.session.cancel();
                    return Err(Stop::Gone(std::io::ErrorKind::ConnectionReset.into()));
                }
                () = self.requests.requested() => break,
                Some(waits_for) = self.waits.recv() => {
                    self.tell(&waits_for)?;
                    telling = true;
                }
                // Beside the work, which a client that does not read must not hold up.
                written = self.writer.flush(), if telling => {
                    written?;
                    telling = false;
                }
            }
        }
        match tokio::time::timeout(CANCEL_GRACE, work).await {
            Ok(value) => Ok(value),
            Err(_) => Err(Error::new(
                ErrorKind::QueryCanceled,
                "canceling statement due to user request",
            )
            .into()),
        }
    }

    fn tell(&mut self, waits_for: &WaitsFor) -> Step {
        match self.shows("notice") {
            true => self.writer.put(&wait_response(waits_for)),
            false => Ok(()),
        }
    }

    /// Whether the client wants messages of that severity.
    fn shows(&self, severity: &str) -> bool {
        const SEVERITIES: [&str; 3] = ["notice", "warning", "error"];
        let least = self.session.setting("client_min_messages");
        let rank = |name: &str| SEVERITIES.iter().position(|s| *s == name);
        // What is less than a notice shows them all.
        least.and_then(|least| rank(&least)) <= rank(severity)
    }

    /// Writes everything; a client that leaves meanwhile ends the wait.
    pub(super) async fn flush(&mut self) -> std::io::Result<()> {
        tokio::select! {
            biased;
            written = self.writer.flush() => written,
            () = self.reader.closed() => Err(std::io::ErrorKind::ConnectionReset.into()),
        }
    }
}
