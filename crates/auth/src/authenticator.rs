//! The one place where logins are decided.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use runtime::{Clock, Journal, Tasks};
use serde_json::json;

use crate::ScramStart;
use crate::crypto::{Hash, random};
use crate::directory::Directory;
use crate::kdf::{BasicConfig, Pool, Remembered};
use crate::throttle::{Throttle, ThrottleConfig};

/// Bytes of a name or a password that are looked at, at most.
const MAX_BYTES: usize = 1024;

/// How logins are checked.
#[derive(Clone, Default)]
pub struct Config {
    /// Limits of failed logins.
    pub throttle: ThrottleConfig,
    /// Basic logins.
    pub basic: BasicConfig,
    /// What the salts of unknown names are made from. Where several servers answer for the same
    /// names, or restarts are frequent, they should have the same one: else a salt that differs
    /// tells that its name does not exist. `None`: random, for this process.
    pub mock_secret: Option<[u8; 32]>,
    /// Where failed logins are recorded, one JSON object a line.
    pub journal: Option<Journal>,
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The door's name in logs and metrics, such as `pg`.
    pub door: &'static str,
    /// The client's address.
    pub address: IpAddr,
}

/// Decides logins against a directory that can be replaced while it works. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Shared>);

struct Shared {
    directory: ArcSwap<Directory>,
    /// The generation of the newest directory; held while one is being replaced.
    newest: Mutex<u64>,
    mock_secret: Hash,
    journal: Option<Journal>,
    throttle: Throttle,
    remembered: Remembered,
    pool: Pool,
}

/// Why a login failed. Clients are told less.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Password,
    Throttled,
    TooLong,
    ChannelBinding,
    Malformed,
}

/// One login under way.
#[derive(Clone)]
pub(crate) struct Attempt {
    authenticator: Authenticator,
    peer: Peer,
    name: Arc<str>,
}

impl Authenticator {
    /// An authenticator for these names and their verifiers. Its threads end with `tasks`. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// A verifier does not parse or a name is there twice (`Config`), or the system gives no random
    /// bytes or threads (`Internal`).
    pub fn new(
        directory: impl IntoIterator<Item = (String, String)>,
        config: Config,
        clock: Clock,
        tasks: &Tasks,
    ) -> Result<Self> {
        let mock_secret = match config.mock_secret {
            Some(secret) => secret,
            None => random()?,
        };
        let directory = Directory::new(directory, mock_secret, 0)?;
        Ok(Self(Arc::new(Shared {
            directory: ArcSwap::from_pointee(directory),
            newest: Mutex::new(0),
            mock_secret,
            journal: config.journal,
            throttle: Throttle::new(config.throttle, clock.clone()),
            remembered: Remembered::new(&config.basic, clock)?,
            pool: Pool::start(&config.basic, tasks)?,
        })))
    }

    /// Replaces the directory. Returns the names that are gone or have another verifier now: their
    /// tokens and sessions are for the caller to end.
    ///
    /// # Errors
    /// As [`Authenticator::new`]; the old directory then stays.
    pub fn reload(
        &self,
        directory: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Vec<String>> {
        let mut newest = self.0.newest.lock();
        let next = Directory::new(directory, self.0.mock_secret, *newest + 1)?;
        *newest = next.generation;
        let changed = self.0.directory.load().changed(&next);
        self.0.directory.store(Arc::new(next));
        self.0.remembered.clear();
        Ok(changed)
    }

    /// Begins a SCRAM-SHA-256 login. `end_point` is the hash of the server's certificate
    /// ([`crate::tls_server_end_point`]) if the connection is encrypted; with it, channel binding
    /// is offered.
    ///
    /// # Errors
    /// `InvalidAuthorization`: too many logins have failed.
    pub fn scram(&self, peer: Peer, user: &str, end_point: Option<&[u8]>) -> Result<ScramStart> {
        let attempt = self.attempt(peer, user)?;
        let entry = self.0.directory.load().find(user);
        Ok(ScramStart::new(attempt, entry, end_point))
    }

    /// Checks a name and a password that came in the clear.
    ///
    /// # Errors
    /// `InvalidPassword`, whatever was wrong with them; `InvalidAuthorization`: too many logins
    /// have failed; `TooManyConnections`: too many logins are in progress.
    pub async fn basic(&self, peer: Peer, user: &str, password: &str) -> Result<()> {
        let attempt = self.attempt(peer, user)?;
        if password.len() > MAX_BYTES {
            return Err(attempt.reject(Failure::TooLong));
        }
        let directory = self.0.directory.load_full();
        let key = self.0.remembered.key(directory.generation, user, password);
        if self.0.remembered.contains(&key) {
            attempt.accept();
            return Ok(());
        }
        let (shared, password) = (Arc::clone(&self.0), password.to_owned());
        let check = move || {
            // Again, as much may have happened while this was waiting.
            attempt.check_throttle()?;
            let entry = directory.find(&attempt.name);
            let is_right = shared.remembered.contains(&key) || entry.verifier.matches(&password);
            if !(is_right && entry.known) {
                return Err(attempt.reject(Failure::Password));
            }
            shared.remembered.insert(key);
            attempt.accept();
            Ok(())
        };
        match self.0.pool.run(check).await {
            Ok(verdict) => verdict,
            Err(error) => {
                count_failure(peer.door, "overloaded");
                Err(error)
            }
        }
    }

    fn attempt(&self, peer: Peer, user: &str) -> Result<Attempt> {
        let is_long = user.len() > MAX_BYTES;
        let attempt = Attempt {
            authenticator: self.clone(),
            peer,
            name: if is_long { "" } else { user }.into(),
        };
        if is_long {
            return Err(attempt.reject(Failure::TooLong));
        }
        attempt.check_throttle()?;
        Ok(attempt)
    }
}

impl Attempt {
    /// Refuses the login if too many have failed.
    pub(crate) fn check_throttle(&self) -> Result<()> {
        if self.throttle().allows(self.peer.address, &self.name) {
            return Ok(());
        }
        Err(self.reject(Failure::Throttled))
    }

    /// Records a login.
    pub(crate) fn accept(&self) {
        self.throttle().succeeded(self.peer.address, &self.name);
        metrics::counter!("eider_auth_logins_total", "door" => self.peer.door).increment(1);
        tracing::debug!(
            door = self.peer.door,
            address = %self.peer.address,
            user = &*self.name,
            "login"
        );
    }

    /// Records a failure and says what the client is told.
    pub(crate) fn reject(&self, failure: Failure) -> Error {
        if matches!(failure, Failure::Password) {
            self.throttle().failed(self.peer.address, &self.name);
        }
        count_failure(self.peer.door, failure.label());
        // A flood of guesses must not flood the log; the metrics count what is left out here.
        if !matches!(failure, Failure::Throttled) {
            tracing::info!(
                door = self.peer.door,
                address = %self.peer.address,
                user = &*self.name,
                reason = failure.label(),
                "login failed"
            );
            self.record(failure);
        }
        failure.client_error(&self.name)
    }

    fn record(&self, failure: Failure) {
        let Some(journal) = &self.authenticator.0.journal else {
            return;
        };
        let record = json!({
            "event": "login_failed",
            "time": jiff::Timestamp::now().to_string(),
            "principal": &*self.name,
            "door": self.peer.door,
            "client": self.peer.address.to_string(),
            "decision": "deny",
            "reason": failure.label(),
        });
        // What can't be written is counted and logged by the journal.
        let _ = journal.write(record.to_string());
    }

    fn throttle(&self) -> &Throttle {
        &self.authenticator.0.throttle
    }
}

fn count_failure(door: &'static str, reason: &'static str) {
    metrics::counter!("eider_auth_failures_total", "door" => door, "reason" => reason).increment(1);
}

impl Failure {
    /// The class in metrics. Whether a name exists is not among them: metrics are for all to read.
    fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Throttled => "throttled",
            Self::TooLong => "too_long",
            Self::ChannelBinding => "channel_binding",
            Self::Malformed => "malformed",
        }
    }

    fn client_error(self, name: &str) -> Error {
        match self {
            Self::Password => Error::new(
                ErrorKind::InvalidPassword,
                format!("password authentication failed for user \"{name}\""),
            ),
            Self::Throttled => Error::new(
                ErrorKind::InvalidAuthorization,
                "too many failed logins, try again later",
            ),
            Self::TooLong => Error::new(
                ErrorKind::InvalidAuthorization,
                format!("a user name or password is longer than {MAX_BYTES} bytes"),
            ),
            Self::ChannelBinding => Error::new(
                ErrorKind::InvalidAuthorization,
                "channel binding check failed",
            ),
            Self::Malformed => Error::new(ErrorKind::Protocol, "malformed SCRAM message"),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("throttle", &self.throttle)
            .field("basic", &self.basic)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use std::time::Duration;

    use super::*;
    use crate::verifier;

    const PEER: Peer = Peer {
        door: "test",
        address: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
    };

    fn names(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        let entry =
            |(name, password): &(&str, &str)| ((*name).to_owned(), verifier(password).unwrap());
        entries.iter().map(entry).collect()
    }

    fn authenticator(entries: &[(&str, &str)]) -> (Authenticator, Tasks, runtime::ManualClock) {
        let (clock, hand) = Clock::manual();
        let tasks = Tasks::new("test");
        let config = Config::default();
        let authenticator = Authenticator::new(names(entries), config, clock, &tasks).unwrap();
        (authenticator, tasks, hand)
    }

    #[tokio::test]
    async fn wrong_passwords_and_unknown_names_look_the_same() {
        let (auth, _tasks, _hand) = authenticator(&[("jfk", "secret")]);
        auth.basic(PEER, "jfk", "secret").await.unwrap();
        auth.basic(PEER, "jfk", "secret").await.unwrap();
        for (user, password) in [("jfk", "Secret"), ("jfk", ""), ("lga", "secret"), ("", "")] {
            let error = auth.basic(PEER, user, password).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPassword);
            assert_eq!(
                error.message(),
                format!("password authentication failed for user \"{user}\"")
            );
            assert!(error.detail().is_none() && error.hint().is_none());
        }
    }

    #[tokio::test]
    async fn guessing_is_refused_even_when_the_guess_is_right() {
        let (auth, _tasks, hand) = authenticator(&[("jfk", "secret")]);
        for user in ["jfk", "unknown"] {
            for _ in 0..10 {
                let error = auth.basic(PEER, user, "guess").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidPassword);
            }
            for password in ["guess", "secret"] {
                let error = auth.basic(PEER, user, password).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidAuthorization);
            }
            let error = auth.scram(PEER, user, None).unwrap_err();
            assert_eq!(error.message(), "too many failed logins, try again later");
        }
        hand.advance(Duration::from_secs(6));
        auth.basic(PEER, "jfk", "secret").await.unwrap();
    }

    #[tokio::test]
    async fn a_remembered_password_does_not_outlive_its_directory() {
        let (auth, _tasks, _hand) = authenticator(&[("jfk", "old"), ("lga", "same")]);
        auth.basic(PEER, "jfk", "old").await.unwrap();
        let mut next = names(&[("jfk", "new")]);
        assert_eq!(auth.reload(next.clone()).unwrap(), ["jfk", "lga"]);
        assert!(auth.basic(PEER, "jfk", "old").await.is_err());
        auth.basic(PEER, "jfk", "new").await.unwrap();
        next.push(("bad".to_owned(), "plain".to_owned()));
        assert_eq!(auth.reload(next).unwrap_err().kind(), ErrorKind::Config);
        auth.basic(PEER, "jfk", "new").await.unwrap();
    }

    #[tokio::test]
    async fn long_names_and_passwords_are_refused_unread() {
        let (auth, _tasks, _hand) = authenticator(&[]);
        let long = "x".repeat(MAX_BYTES + 1);
        for (user, password) in [(long.as_str(), "x"), ("x", long.as_str())] {
            let error = auth.basic(PEER, user, password).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidAuthorization);
            assert!(!error.message().contains("xxx"));
        }
    }

    #[tokio::test]
    async fn its_threads_end_with_their_group() {
        let (auth, tasks, _hand) = authenticator(&[("jfk", "secret")]);
        assert_eq!(tasks.running().len(), 2);
        tasks.shutdown();
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
        let error = auth.basic(PEER, "jfk", "secret").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shutdown);
    }
}
