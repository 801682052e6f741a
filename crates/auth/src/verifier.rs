//! SCRAM-SHA-256 verifiers in PostgreSQL's form: what a server keeps instead of a password.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Error, ErrorKind, Result};
use subtle::ConstantTimeEq;

use crate::crypto::{Hash, hmac_sha256, random, salted_password, sha256};

/// PBKDF2 iterations of new verifiers, as in PostgreSQL and RFC 7677.
pub const DEFAULT_ITERATIONS: u32 = 4096;

/// Iterations that are taken: RFC 7677 asks for 4,096 at least, and a Basic login has to do them
/// here, so there is an end to them.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=1_000_000;

/// Salt lengths that are taken, in bytes. PostgreSQL makes 16.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, with Base64 for bytes.
///
/// Who holds it can check a password and prove to a client that they can, but can't log in with
/// it. `Debug` leaves the keys out; `Display` is the full text.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(crate) iterations: u32,
    pub(crate) salt: Box<[u8]>,
    pub(crate) stored_key: Hash,
    pub(crate) server_key: Hash,
}

/// Makes the text of a verifier for a new password, with a random salt and
/// [`DEFAULT_ITERATIONS`].
///
/// # Errors
/// The password is empty, or the system gives no random bytes.
pub fn verifier(password: &str) -> Result<String> {
    Verifier::new(password, DEFAULT_ITERATIONS).map(|v| v.to_string())
}

impl Verifier {
    /// Makes a verifier for a new password, with a random salt.
    ///
    /// # Errors
    /// The password is empty, the iterations are not from 4,096 to 1,000,000, or the system gives
    /// no random bytes.
    pub fn new(password: &str, iterations: u32) -> Result<Self> {
        if password.is_empty() {
            return Err(config("a password must not be empty"));
        }
        check_iterations(iterations)?;
        Ok(Self::derive(password, &random::<16>()?, iterations))
    }

    fn derive(password: &str, salt: &[u8], iterations: u32) -> Self {
        let salted = salted_password(password, salt, iterations);
        Self {
            iterations,
            salt: salt.into(),
            stored_key: sha256(&hmac_sha256(&salted, &[b"Client Key"])),
            server_key: hmac_sha256(&salted, &[b"Server Key"]),
        }
    }

    /// Whether this is the password. Does the full key derivation: not for async threads.
    pub(crate) fn matches(&self, password: &str) -> bool {
        let salted = salted_password(password, &self.salt, self.iterations);
        let stored_key = sha256(&hmac_sha256(&salted, &[b"Client Key"]));
        stored_key.ct_eq(&self.stored_key).into()
    }
}

impl FromStr for Verifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = || {
            let (mechanism, rest) = text.split_once('$')?;
            let (cost, keys) = rest.split_once('$')?;
            let (iterations, salt) = cost.split_once(':')?;
            let (stored_key, server_key) = keys.split_once(':')?;
            Some((mechanism, iterations, salt, stored_key, server_key))
        };
        let (mechanism, iterations, salt, stored_key, server_key) = parts().ok_or_else(|| {
            config(
                "a verifier has the form SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>",
            )
        })?;
        if mechanism != "SCRAM-SHA-256" {
            return Err(config("a verifier begins with SCRAM-SHA-256"));
        }
        let iterations = iterations
            .parse()
            .map_err(|_| config("a verifier's iterations are a number"))?;
        check_iterations(iterations)?;
        let salt = STANDARD
            .decode(salt)
            .ok()
            .filter(|salt| SALT_BYTES.contains(&salt.len()))
            .ok_or_else(|| config("a verifier's salt is 8 to 64 bytes in base64"))?;
        Ok(Self {
            iterations,
            salt: salt.into(),
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }
}

fn key(text: &str) -> Result<Hash> {
    STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| config("a verifier's keys are 32 bytes each in base64"))
}

fn check_iterations(iterations: u32) -> Result<()> {
    if ITERATIONS.contains(&iterations) {
        return Ok(());
    }
    Err(config("a verifier's iterations are from 4096 to 1000000"))
}

fn config(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SCRAM-SHA-256${}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.stored_key),
            STANDARD.encode(self.server_key),
        )
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    /// The verifier of `pencil` with the salt of RFC 7677.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    #[test]
    fn a_verifier_is_derived_as_in_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(Verifier::derive("pencil", &salt, 4096).to_string(), PENCIL);
    }

    #[test]
    fn what_is_made_is_read_back_and_matches() {
        let text = verifier("s\u{e9}same").unwrap();
        let verifier: Verifier = text.parse().unwrap();
        assert_eq!(verifier.to_string(), text);
        assert!(verifier.matches("s\u{e9}same"));
        // SASLprep: another way to write the same letter.
        assert!(verifier.matches("se\u{301}same"));
        assert!(!verifier.matches("sesame"));
        assert!(!verifier.matches(""));
    }

    #[test]
    fn a_password_that_saslprep_refuses_is_used_as_it_is() {
        let bell = Verifier::new("\u{7}", DEFAULT_ITERATIONS).unwrap();
        assert!(bell.matches("\u{7}"));
        assert!(!bell.matches("\u{8}"));
    }

    #[test]
    fn bad_verifiers_are_refused_with_the_reason() {
        let with = |from: &str, to: &str| PENCIL.replacen(from, to, 1);
        for (text, reason) in [
            ("pencil".to_owned(), "has the form"),
            (
                "md5d41d8cd98f00b204e9800998ecf8427e".to_owned(),
                "has the form",
            ),
            (with("SHA-256", "SHA-1"), "begins with"),
            (with("4096", "4095"), "from 4096"),
            (with("4096", "1000001"), "to 1000000"),
            (with("4096", "many"), "number"),
            (with("4096", "-4096"), "number"),
            (with("W22ZaJ0SNY7soEsUEjb6gQ==", "W22Z"), "salt"),
            (with("W22ZaJ0SNY7soEsUEjb6gQ==", "!"), "salt"),
            (with("WG5d", "WG5"), "keys"),
            (with("dU=", "dU=AAAA"), "keys"),
            (format!("{PENCIL} "), "keys"),
        ] {
            let error = text.parse::<Verifier>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(reason), "{text}: {error}");
        }
        assert!(verifier("").is_err());
        assert!(Verifier::new("x", 1).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let verifier: Verifier = PENCIL.parse().unwrap();
        assert_eq!(format!("{verifier:?}"), "Verifier { iterations: 4096, .. }");
    }
}
