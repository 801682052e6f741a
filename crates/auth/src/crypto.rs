//! The few primitives everything here is made of.

use hmac::{Hmac, KeyInit, Mac};
use model::{Error, Result};
use sha2::{Digest, Sha256};

/// A SHA-256 digest, or a key of that length.
pub(crate) type Hash = [u8; 32];

/// SHA-256.
pub(crate) fn sha256(data: &[u8]) -> Hash {
    Sha256::digest(data).into()
}

/// HMAC-SHA-256 over the parts one after the other. Whoever passes several parts of variable
/// length says where one ends.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// `Hi` of RFC 5802: PBKDF2 with HMAC-SHA-256. Takes about a millisecond per 4,096 iterations.
pub(crate) fn salted_password(password: &str, salt: &[u8], iterations: u32) -> Hash {
    // As in PostgreSQL, a password that SASLprep does not take is used as it is.
    let prepared = stringprep::saslprep(password).unwrap_or(password.into());
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), salt, iterations)
}

/// Bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Error::internal(e.to_string()))?;
    Ok(bytes)
}
