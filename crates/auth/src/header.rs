//! The `authorization` header of HTTP and gRPC.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::{Error, ErrorKind, Result};

/// Go's Flight SQL client sends Basic credentials without padding, others with it.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client says about itself in a header.
#[derive(Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Name and password.
    Basic(BasicCredentials),
    /// A token that was issued here.
    Bearer(crate::Token),
}

/// Name and password, as a client sent them. `Debug` leaves the password out.
#[derive(PartialEq, Eq)]
pub struct BasicCredentials {
    /// The name. Holds no colon, by the form of the header.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Authorization {
    /// Reads the value of an `authorization` header.
    ///
    /// # Errors
    /// It is neither `Basic` (RFC 7617, in UTF-8) nor `Bearer`.
    pub fn parse(value: &str) -> Result<Self> {
        let (scheme, rest) = value.trim().split_once(' ').ok_or_else(malformed)?;
        let rest = rest.trim_start();
        if scheme.eq_ignore_ascii_case("basic") {
            BasicCredentials::parse(rest).map(Self::Basic)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Ok(Self::Bearer(crate::Token::presented(rest)))
        } else {
            Err(malformed())
        }
    }
}

impl BasicCredentials {
    fn parse(base64: &str) -> Result<Self> {
        let bytes = ANY_PADDING.decode(base64).map_err(|_| malformed())?;
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (user, password) = text.split_once(':').ok_or_else(malformed)?;
        Ok(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

fn malformed() -> Error {
    Error::new(
        ErrorKind::InvalidAuthorization,
        "authorization must be Basic or Bearer",
    )
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn basic_is_read_with_and_without_padding() {
        // "jfk:a:b" and "jfk:secret" in Base64
        for (value, password) in [
            ("Basic amZrOmE6Yg==", "a:b"),
            ("basic amZrOmE6Yg", "a:b"),
            ("BASIC  amZrOnNlY3JldA== ", "secret"),
        ] {
            let Authorization::Basic(found) = Authorization::parse(value).unwrap() else {
                panic!("{value} is Basic");
            };
            assert_eq!(
                (found.user.as_str(), found.password.as_str()),
                ("jfk", password)
            );
        }
    }

    #[test]
    fn anything_else_is_refused_without_an_echo() {
        for value in [
            "",
            "Basic",
            "Basic !",
            "Basic amZr",
            "Basic /w==",
            "Digest x",
            "Bearer",
        ] {
            let error = Authorization::parse(value).unwrap_err();
            assert_eq!(error.message(), "authorization must be Basic or Bearer");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let basic = Authorization::parse("Basic amZrOnNlY3JldA==").unwrap();
        assert!(!format!("{basic:?}").contains("secret"));
        let bearer = Authorization::parse("Bearer secret").unwrap();
        assert!(!format!("{bearer:?}").contains("secret"));
    }
}
