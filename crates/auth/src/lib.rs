//! Who is there: SCRAM-SHA-256 verifiers, the SCRAM exchange, Basic logins, bearer tokens, and the
//! throttling of all of them. Every door logs in through this crate.
//!
//! A failed login tells one thing, that it failed. Unknown names behave like known ones in salt,
//! iterations, wording and work. Secrets are compared in constant time and appear in no error, log
//! or `Debug`.

mod authenticator;
mod channel_binding;
mod crypto;
mod directory;
mod header;
mod kdf;
mod scram;
mod throttle;
mod token;
mod verifier;

pub use authenticator::{Authenticator, Config, Peer};
pub use channel_binding::tls_server_end_point;
pub use header::{Authorization, BasicCredentials};
pub use kdf::BasicConfig;
pub use scram::{SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramFinish, ScramStart};
pub use throttle::{FailureRate, ThrottleConfig};
pub use token::{Grant, Token, TokenConfig, Tokens};
pub use verifier::{DEFAULT_ITERATIONS, Verifier, verifier};
