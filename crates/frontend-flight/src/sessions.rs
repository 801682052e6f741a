//! Logging in: tokens and their sessions, and calls that bring their credentials along.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use auth::{Authenticator, Authorization, Peer, Token, Tokens};
use gateway::Engine;
use model::Result;
use parking_lot::Mutex;
use runtime::{Clock, Tasks};

use crate::config::Config;
use crate::session::{Session, Shelves};

/// Who makes a call.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The session that the call runs in.
    pub(crate) session: Arc<Session>,
    /// The token that stands for the session, if it lasts.
    pub(crate) token: Option<Token>,
}

/// All sessions of the door.
pub(crate) struct Sessions {
    pub(crate) config: Config,
    engine: Arc<Engine>,
    authenticator: Authenticator,
    tokens: Tokens<Arc<Session>>,
    /// Of principals that send Basic credentials on every call.
    shelves: Mutex<HashMap<String, Arc<Shelves>>>,
    tasks: Tasks,
}

impl Sessions {
    pub(crate) fn new(
        config: Config,
        engine: Arc<Engine>,
        authenticator: Authenticator,
        tasks: Tasks,
    ) -> Self {
        Self {
            tokens: Tokens::new(config.sessions, Clock::system()),
            config,
            engine,
            authenticator,
            shelves: Mutex::default(),
            tasks,
        }
    }

    /// Checks name and password and opens a session, which the returned token stands for.
    pub(crate) async fn log_in(
        &self,
        peer: SocketAddr,
        user: &str,
        password: &str,
    ) -> Result<Token> {
        self.check(peer, user, password).await?;
        let shelves = Arc::new(Shelves::new(&self.config));
        let session = Session::open(&self.engine, user, peer, shelves, true, &self.tasks).await?;
        self.tokens.issue(user, session)
    }

    /// Who calls with these credentials: the session of a token, or one for this call alone.
    pub(crate) async fn caller(
        &self,
        peer: SocketAddr,
        authorization: Authorization,
    ) -> Result<Caller> {
        match authorization {
            Authorization::Bearer(token) => Ok(Caller {
                session: Arc::clone(&self.tokens.verify(&token)?.payload),
                token: Some(token),
            }),
            Authorization::Basic(basic) => {
                self.check(peer, &basic.user, &basic.password).await?;
                let shelves = self.shelves_of(&basic.user);
                let session =
                    Session::open(&self.engine, &basic.user, peer, shelves, false, &self.tasks)
                        .await?;
                Ok(Caller {
                    session,
                    token: None,
                })
            }
        }
    }

    /// Counts as a use of the caller's token.
    ///
    /// # Errors
    /// The token is not valid any more.
    pub(crate) fn touch(&self, caller: &Caller) -> Result<()> {
        match &caller.token {
            Some(token) => self.tokens.verify(token).map(drop),
            None => Ok(()),
        }
    }

    /// Whether new sessions and statements are taken.
    pub(crate) fn is_accepting(&self) -> bool {
        self.engine.health().accepting
    }

    /// How often something that goes on for long has to [`Sessions::touch`].
    pub(crate) fn touch_every(&self) -> Duration {
        (self.config.sessions.idle / 4).max(Duration::from_millis(10))
    }

    /// Waits for a call's answer, and keeps its session alive for as long.
    pub(crate) async fn keep_alive<T>(
        &self,
        caller: &Caller,
        answer: impl Future<Output = T>,
    ) -> T {
        let mut answer = pin!(answer);
        loop {
            match tokio::time::timeout(self.touch_every(), &mut answer).await {
                Ok(answer) => return answer,
                // A session that was ended meanwhile ends what it runs by itself.
                Err(_) => drop(self.touch(caller)),
            }
        }
    }

    /// Ends the caller's session. Returns whether it had one.
    pub(crate) async fn end(&self, caller: &Caller) -> bool {
        let Some(token) = &caller.token else {
            return false;
        };
        if let Some(grant) = self.tokens.revoke(token) {
            grant.payload.close().await;
        }
        true
    }

    /// Ends all sessions of a principal.
    pub(crate) async fn end_all_of(&self, principal: &str) {
        self.shelves.lock().remove(principal);
        for grant in self.tokens.revoke_principal(principal) {
            grant.payload.close().await;
        }
    }

    /// Ends every session.
    pub(crate) async fn end_all(&self) {
        for grant in self.tokens.revoke_all() {
            grant.payload.close().await;
        }
    }

    /// Ends sessions that have expired, and forgets handles that were not used for as long.
    pub(crate) async fn sweep(&self) {
        for grant in self.tokens.sweep() {
            grant.payload.close().await;
        }
        let idle = self.config.sessions.idle;
        self.shelves.lock().retain(|_, shelves| {
            let tickets = shelves.tickets.sweep(idle);
            let statements = shelves.statements.sweep(idle);
            tickets || statements || Arc::strong_count(shelves) > 1
        });
    }

    async fn check(&self, peer: SocketAddr, user: &str, password: &str) -> Result<()> {
        let peer = Peer {
            door: "flight",
            address: peer.ip(),
        };
        self.authenticator.basic(peer, user, password).await
    }

    fn shelves_of(&self, principal: &str) -> Arc<Shelves> {
        let mut all = self.shelves.lock();
        let shelves = all
            .entry(principal.to_owned())
            .or_insert_with(|| Arc::new(Shelves::new(&self.config)));
        Arc::clone(shelves)
    }
}
