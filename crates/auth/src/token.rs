//! Bearer tokens: a login that was made once, for a while.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use runtime::Clock;

use crate::crypto::{Hash, random, sha256};

/// How long tokens live, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenConfig {
    /// A token that is not used for so long expires.
    pub idle: Duration,
    /// A token expires so long after it was issued, used or not.
    pub absolute: Duration,
    /// Tokens at once.
    pub max: NonZeroUsize,
    /// Tokens of one principal at once.
    pub max_per_principal: NonZeroUsize,
}

/// A token as the client has it: the secret itself. `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// What a token stands for.
#[derive(Debug)]
pub struct Grant<T> {
    /// The principal that logged in.
    pub principal: String,
    /// What the door ties to the token, such as its session.
    pub payload: T,
}

/// The tokens that are valid. Only their hashes are kept.
pub struct Tokens<T> {
    config: TokenConfig,
    clock: Clock,
    /// Looked up by hash: what the time of a look-up tells is about the hash of a guess, which is
    /// of no use for the next guess.
    entries: Mutex<HashMap<Hash, Entry<T>>>,
}

struct Entry<T> {
    grant: Arc<Grant<T>>,
    issued: Instant,
    used: Instant,
}

impl Default for TokenConfig {
    /// Half an hour idle, a day in all; 10,000 tokens, 1,000 of one principal.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30 * 60),
            absolute: Duration::from_secs(24 * 60 * 60),
            max: NonZeroUsize::new(10_000).expect("not zero"),
            max_per_principal: NonZeroUsize::new(1_000).expect("not zero"),
        }
    }
}

impl Token {
    /// A token that a client sent; it may be anything.
    pub fn presented(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret, for the header of the answer to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl<T> Tokens<T> {
    /// An empty store.
    pub fn new(config: TokenConfig, clock: Clock) -> Self {
        Self {
            config,
            clock,
            entries: Mutex::default(),
        }
    }

    /// Issues a token of 256 random bits to a principal that has logged in.
    ///
    /// # Errors
    /// `TooManyConnections`: there are as many tokens as may be.
    pub fn issue(&self, principal: &str, payload: T) -> Result<Token> {
        let token = Token(URL_SAFE_NO_PAD.encode(random::<32>()?));
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        let of_principal = entries
            .values()
            .filter(|entry| entry.grant.principal == principal && self.is_live(entry, now))
            .count();
        if entries.len() >= self.config.max.get()
            || of_principal >= self.config.max_per_principal.get()
        {
            return Err(Error::new(
                ErrorKind::TooManyConnections,
                "too many sessions are open",
            ));
        }
        let entry = Entry {
            grant: Arc::new(Grant {
                principal: principal.to_owned(),
                payload,
            }),
            issued: now,
            used: now,
        };
        entries.insert(sha256(token.0.as_bytes()), entry);
        Ok(token)
    }

    /// What the token stands for. This is a use of it.
    ///
    /// # Errors
    /// `InvalidAuthorization`: the token is unknown, revoked or expired, which look the same.
    pub fn verify(&self, token: &Token) -> Result<Arc<Grant<T>>> {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        let entry = entries
            .get_mut(&sha256(token.0.as_bytes()))
            .filter(|entry| self.is_live(entry, now))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidAuthorization,
                    "token is not valid or has expired",
                )
            })?;
        entry.used = now;
        Ok(Arc::clone(&entry.grant))
    }

    /// Ends a token. Returns what it stood for, for its owner to close.
    pub fn revoke(&self, token: &Token) -> Option<Arc<Grant<T>>> {
        let entry = self.entries.lock().remove(&sha256(token.0.as_bytes()))?;
        Some(entry.grant)
    }

    /// Ends all tokens of a principal, as when it is removed or its password has changed. Returns
    /// what they stood for.
    pub fn revoke_principal(&self, principal: &str) -> Vec<Arc<Grant<T>>> {
        self.take(|entry| entry.grant.principal == principal)
    }

    /// Ends every token, as at shutdown. Returns what they stood for.
    pub fn revoke_all(&self) -> Vec<Arc<Grant<T>>> {
        self.take(|_| true)
    }

    /// Removes expired tokens and returns what they stood for. To be called every so often: until
    /// then, an expired token is refused, but its payload is kept and it counts in
    /// [`TokenConfig::max`].
    pub fn sweep(&self) -> Vec<Arc<Grant<T>>> {
        let now = self.clock.now();
        self.take(|entry| !self.is_live(entry, now))
    }

    /// Tokens that are kept, expired ones that were not swept yet included.
    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_live(&self, entry: &Entry<T>, now: Instant) -> bool {
        now.saturating_duration_since(entry.used) < self.config.idle
            && now.saturating_duration_since(entry.issued) < self.config.absolute
    }

    fn take(&self, which: impl Fn(&Entry<T>) -> bool) -> Vec<Arc<Grant<T>>> {
        let mut entries = self.entries.lock();
        let taken = entries.extract_if(|_, entry| which(entry));
        taken.map(|(_, entry)| entry.grant).collect()
    }
}

impl<T> fmt::Debug for Tokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("config", &self.config)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use runtime::ManualClock;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn tokens() -> (Tokens<u32>, ManualClock) {
        let (clock, hand) = Clock::manual();
        let config = TokenConfig {
            idle: 10 * MINUTE,
            absolute: 25 * MINUTE,
            max: NonZeroUsize::new(3).unwrap(),
            max_per_principal: NonZeroUsize::new(2).unwrap(),
        };
        (Tokens::new(config, clock), hand)
    }

    #[test]
    fn a_token_stands_for_its_login() {
        let (tokens, _hand) = tokens();
        let (a, b) = (
            tokens.issue("jfk", 1).unwrap(),
            tokens.issue("jfk", 2).unwrap(),
        );
        assert_ne!(a, b);
        assert_eq!(a.expose().len(), 43);
        assert_eq!(tokens.verify(&a).unwrap().payload, 1);
        assert_eq!(tokens.verify(&b).unwrap().principal, "jfk");
        for text in ["", "x", &a.expose()[1..], &format!("{} ", a.expose())] {
            let error = tokens.verify(&Token::presented(text)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidAuthorization);
        }
    }

    #[test]
    fn tokens_expire_when_idle_and_in_any_case() {
        let (tokens, hand) = tokens();
        let (idle, busy) = (tokens.issue("a", 1).unwrap(), tokens.issue("b", 2).unwrap());
        for _ in 0..2 {
            hand.advance(9 * MINUTE);
            tokens.verify(&busy).unwrap();
        }
        assert!(tokens.verify(&idle).is_err());
        let swept = tokens.sweep();
        assert_eq!(swept.iter().map(|g| g.payload).collect::<Vec<_>>(), [1]);
        hand.advance(7 * MINUTE);
        assert!(tokens.verify(&busy).is_err());
        assert_eq!(tokens.sweep().len(), 1);
        assert!(tokens.is_empty());
    }

    #[test]
    fn tokens_are_revoked_by_token_and_by_principal() {
        let (tokens, _hand) = tokens();
        let (a, b) = (
            tokens.issue("jfk", 1).unwrap(),
            tokens.issue("jfk", 2).unwrap(),
        );
        let other = tokens.issue("admin", 3).unwrap();
        assert_eq!(tokens.revoke(&a).unwrap().payload, 1);
        assert!(tokens.revoke(&a).is_none());
        assert!(tokens.verify(&a).is_err());
        assert_eq!(tokens.revoke_principal("jfk").len(), 1);
        assert!(tokens.verify(&b).is_err());
        assert!(tokens.verify(&other).is_ok());
        assert_eq!(tokens.revoke_all().len(), 1);
    }

    #[test]
    fn the_count_is_bounded() {
        let (tokens, hand) = tokens();
        tokens.issue("a", 1).unwrap();
        tokens.issue("a", 2).unwrap();
        let error = tokens.issue("a", 3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyConnections);
        tokens.issue("b", 4).unwrap();
        assert!(tokens.issue("c", 5).is_err());
        hand.advance(11 * MINUTE);
        assert!(tokens.issue("a", 6).is_err());
        assert_eq!(tokens.sweep().len(), 3);
        tokens.issue("a", 6).unwrap();
    }
}
