//! The door's configuration.

use std::time::Duration;

use model::{Error, ErrorKind, Result};

/// What the door allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Connections at once that have said who they are. One more is refused with 53300. Requests to
    /// cancel do not count.
    pub max_connections: usize,
    /// Longest SQL text, in bytes. Checked before the message is read; a longer one is answered
    /// with 54000 and dropped as it comes.
    pub max_sql_bytes: usize,
    /// Longest Bind message, in bytes: all parameters of one execution.
    pub max_bind_bytes: usize,
    /// How long a connection may take until it is logged in.
    pub login_timeout: Duration,
    /// How long a connection may say nothing outside a transaction; `None` sets no bound.
    pub idle_timeout: Option<Duration>,
    /// Whether logins without TLS are refused.
    pub require_tls: bool,
    /// After how long a silence the system asks whether the client is still there.
    pub keepalive: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_sql_bytes: 1 << 20,
            max_bind_bytes: 64 << 20,
            login_timeout: Duration::from_secs(60),
            idle_timeout: None,
            require_tls: false,
            keepalive: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// `Config`, naming the first bad one.
    pub fn validate(self) -> Result<Self> {
        /// PostgreSQL's longest message: what is longer ends the connection anyway.
        const LONGEST: usize = 1 << 29;
        let bad = |name: &str, why: &str| {
            Err(Error::new(
                ErrorKind::Config,
                format!("{name} must be {why}"),
            ))
        };
        if self.max_connections == 0 {
            return bad("max_connections", "at least 1");
        }
        for (name, bytes) in [
            ("max_sql_bytes", self.max_sql_bytes),
            ("max_bind_bytes", self.max_bind_bytes),
        ] {
            if !(1..=LONGEST).contains(&bytes) {
                return bad(name, "from 1 byte to 512 MiB");
            }
        }
        for (name, time) in [
            ("login_timeout", Some(self.login_timeout)),
            ("idle_timeout", self.idle_timeout),
            ("keepalive", Some(self.keepalive)),
        ] {
            if time.is_some_and(|t| t.is_zero()) {
                return bad(name, "more than 0");
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_named() {
        assert!(Config::default().validate().is_ok());
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().map_err(|e| e.message().to_owned())
        };
        for (change, name) in [
            (
                (|c| c.max_connections = 0) as fn(&mut Config),
                "max_connections",
            ),
            (|c| c.max_sql_bytes = 0, "max_sql_bytes"),
            (|c| c.max_bind_bytes = 1 << 30, "max_bind_bytes"),
            (|c| c.login_timeout = Duration::ZERO, "login_timeout"),
            (|c| c.idle_timeout = Some(Duration::ZERO), "idle_timeout"),
        ] {
            assert!(with(change).is_err_and(|m| m.starts_with(name)), "{name}");
        }
    }
}
