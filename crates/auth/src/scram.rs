//! The server's side of a SCRAM-SHA-256 login (RFC 5802, RFC 7677), as the steps of a type: what
//! comes in the wrong order does not compile.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Result;
use subtle::ConstantTimeEq;

use crate::authenticator::{Attempt, Failure};
use crate::crypto::{hmac_sha256, random, sha256};
use crate::directory::Entry;
use message::{ClientFinal, ClientFirst, Gs2Flag};

mod message;

/// The mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// The mechanism with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// A login that waits for the client's first message.
pub struct ScramStart {
    attempt: Attempt,
    entry: Entry,
    end_point: Option<Box<[u8]>>,
}

/// A login that waits for the client's last message.
pub struct ScramFinish {
    attempt: Attempt,
    entry: Entry,
    /// What `c=` must decode to: the GS2 header, with the channel's data if it is bound.
    binding: Vec<u8>,
    nonce: String,
    /// `client-first-message-bare "," server-first-message`
    messages: String,
}

impl ScramStart {
    pub(crate) fn new(attempt: Attempt, entry: Entry, end_point: Option<&[u8]>) -> Self {
        Self {
            attempt,
            entry,
            end_point: end_point.map(Into::into),
        }
    }

    /// The mechanisms to offer, the preferred one first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        match self.end_point {
            Some(_) => &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256],
            None => &[SCRAM_SHA_256],
        }
    }

    /// Takes the mechanism that the client chose and its first message. Returns the answer.
    ///
    /// The user name inside the message is not looked at: as in PostgreSQL, the name is the one
    /// the login began with.
    ///
    /// # Errors
    /// `Protocol`: the message is malformed, or the mechanism was not offered.
    /// `InvalidAuthorization`: the client saw no offer of channel binding although there was one,
    /// so someone between has removed it.
    pub fn client_first(self, mechanism: &str, message: &[u8]) -> Result<(String, ScramFinish)> {
        let server_nonce = STANDARD.encode(random::<18>()?);
        self.answer(mechanism, message, &server_nonce)
    }

    fn answer(
        self,
        mechanism: &str,
        message: &[u8],
        server_nonce: &str,
    ) -> Result<(String, ScramFinish)> {
        let reject = |failure| self.attempt.reject(failure);
        let first = ClientFirst::parse(message).ok_or_else(|| reject(Failure::Malformed))?;
        if !self.mechanisms().contains(&mechanism) {
            return Err(reject(Failure::Malformed));
        }
        let mut binding = first.gs2_header.as_bytes().to_vec();
        match (first.flag, &self.end_point) {
            (Gs2Flag::EndPoint, Some(hash)) if mechanism == SCRAM_SHA_256_PLUS => {
                binding.extend_from_slice(hash);
            }
            (Gs2Flag::Supported, Some(_)) => return Err(reject(Failure::ChannelBinding)),
            (Gs2Flag::None | Gs2Flag::Supported, _) if mechanism == SCRAM_SHA_256 => {}
            _ => return Err(reject(Failure::Malformed)),
        }

        let nonce = format!("{}{server_nonce}", first.nonce);
        let verifier = &self.entry.verifier;
        let salt = STANDARD.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let finish = ScramFinish {
            messages: format!("{},{server_first}", first.bare),
            attempt: self.attempt,
            entry: self.entry,
            binding,
            nonce,
        };
        Ok((server_first, finish))
    }
}

impl ScramFinish {
    /// Takes the client's last message. If the login has succeeded, returns the answer, which
    /// proves to the client that the server knows its verifier.
    ///
    /// # Errors
    /// `InvalidPassword`: wrong password or unknown name. `InvalidAuthorization`: the channel
    /// binding does not fit, or too many logins have failed meanwhile. `Protocol`: the message is
    /// malformed.
    pub fn client_final(self, message: &[u8]) -> Result<String> {
        let reject = |failure| self.attempt.reject(failure);
        let last = ClientFinal::parse(message).ok_or_else(|| reject(Failure::Malformed))?;
        // Others may have failed since this login began; else many at once would go unchecked.
        self.attempt.check_throttle()?;
        if last.nonce != self.nonce {
            return Err(reject(Failure::Malformed));
        }
        if !bool::from(last.binding.ct_eq(&self.binding)) {
            return Err(reject(Failure::ChannelBinding));
        }

        let verifier = &self.entry.verifier;
        let auth_message: [&[u8]; 3] = [
            self.messages.as_bytes(),
            b",",
            last.without_proof.as_bytes(),
        ];
        let mut client_key = hmac_sha256(&verifier.stored_key, &auth_message);
        for (byte, proof) in client_key.iter_mut().zip(last.proof) {
            *byte ^= proof;
        }
        let is_right = bool::from(sha256(&client_key).ct_eq(&verifier.stored_key));
        if !(is_right && self.entry.known) {
            return Err(reject(Failure::Password));
        }
        self.attempt.accept();
        let signature = hmac_sha256(&verifier.server_key, &auth_message);
        Ok(format!("v={}", STANDARD.encode(signature)))
    }
}

impl fmt::Debug for ScramStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramStart").finish_non_exhaustive()
    }
}

impl fmt::Debug for ScramFinish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramFinish").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
