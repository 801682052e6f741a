//! The door's configuration.

use std::time::Duration;

use auth::TokenConfig;
use model::{Error, ErrorKind, Result};

/// Limits of the Flight SQL door. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Connections at once.
    pub max_connections: usize,
    /// How long a connection may take for its TLS handshake, and again for its first bytes of HTTP.
    pub handshake_timeout: Duration,
    /// How long sessions live, and how many there are: a session is a token from Handshake.
    pub sessions: TokenConfig,
    /// Prepared statements of one session. With Basic on every call, of one principal.
    pub max_prepared_statements: usize,
    /// Tickets of one session that can be redeemed. The one that was not used for longest makes
    /// room for another. With Basic on every call, of one principal.
    pub max_tickets: usize,
    /// What the texts and bound parameters of one session's statements and tickets may take.
    pub max_session_bytes: usize,
    /// Largest request message other than those of DoPut.
    pub max_request_bytes: usize,
    /// Largest message of DoPut.
    pub max_put_message_bytes: usize,
    /// The parameters bound by one DoPut.
    pub max_parameter_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            handshake_timeout: Duration::from_secs(10),
            sessions: TokenConfig::default(),
            max_prepared_statements: 256,
            max_tickets: 256,
            max_session_bytes: 64 << 20,
            max_request_bytes: 4 << 20,
            max_put_message_bytes: 64 << 20,
            max_parameter_bytes: 64 << 20,
        }
    }
}

impl Config {
    /// Checks that every bound allows work at all.
    ///
    /// # Errors
    /// `Config`, naming the first value that does not.
    pub fn validate(self) -> Result<Self> {
        let least = [
            ("max_connections", self.max_connections, 1),
            ("max_prepared_statements", self.max_prepared_statements, 1),
            ("max_tickets", self.max_tickets, 1),
            ("max_session_bytes", self.max_session_bytes, 64 << 10),
            ("max_request_bytes", self.max_request_bytes, 64 << 10),
            (
                "max_put_message_bytes",
                self.max_put_message_bytes,
                64 << 10,
            ),
            ("max_parameter_bytes", self.max_parameter_bytes, 64 << 10),
        ];
        let bad = |message: String| Err(Error::new(ErrorKind::Config, message));
        for (name, value, least) in least {
            if value < least {
                return bad(format!("flight {name} must be at least {least}"));
            }
        }
        if self.handshake_timeout.is_zero() || self.sessions.idle.is_zero() {
            return bad(String::from("flight timeouts must be longer than 0"));
        }
        Ok(self)
    }
}
