//! The client's messages, as RFC 5802, section 7, writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::Hash;

/// Longer messages are refused unread.
const MAX_BYTES: usize = 4096;

/// What the client says about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gs2Flag {
    /// `n`: the client does not support it.
    None,
    /// `y`: the client supports it, but thinks that the server does not.
    Supported,
    /// `p=tls-server-end-point`: the client uses it.
    EndPoint,
}

/// `client-first-message`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    pub(super) flag: Gs2Flag,
    /// With its last comma.
    pub(super) gs2_header: &'a str,
    pub(super) bare: &'a str,
    pub(super) nonce: &'a str,
}

/// `client-final-message`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    pub(super) without_proof: &'a str,
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Hash,
}

impl<'a> ClientFirst<'a> {
    /// `None` if malformed, if it asks to act as somebody else, or if it has an extension that
    /// must be understood.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let text = text(message)?;
        let (flag, rest) = text.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        if !authzid.is_empty() {
            return None;
        }
        let flag = match flag {
            "n" => Gs2Flag::None,
            "y" => Gs2Flag::Supported,
            "p=tls-server-end-point" => Gs2Flag::EndPoint,
            _ => return None,
        };
        let mut attributes = bare.split(',');
        // A mandatory extension, `m=`, would come first.
        attributes.next()?.strip_prefix("n=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        (is_nonce(nonce) && attributes.all(is_extension)).then_some(Self {
            flag,
            gs2_header: &text[..text.len() - bare.len()],
            bare,
            nonce,
        })
    }
}

impl<'a> ClientFinal<'a> {
    /// `None` if malformed: nothing may follow the proof.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let (without_proof, proof) = text(message)?.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next()?.strip_prefix("c=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let parsed = Self {
            without_proof,
            binding: STANDARD.decode(binding).ok()?,
            nonce,
            proof: STANDARD.decode(proof).ok()?.try_into().ok()?,
        };
        (is_nonce(nonce) && attributes.all(is_extension)).then_some(parsed)
    }
}

fn text(message: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(message).ok()?;
    (text.len() <= MAX_BYTES && !text.contains('\0')).then_some(text)
}

/// Printable ASCII without a comma.
fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

/// An extension that need not be understood.
fn is_extension(attribute: &str) -> bool {
    let mut chars = attribute.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some('=')
        && chars.next().is_some()
        && !attribute.starts_with("m=")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn first_messages_are_taken_apart() {
        let first = ClientFirst::parse(b"n,,n=,r=abc").unwrap();
        assert_eq!(first.flag, Gs2Flag::None);
        assert_eq!(first.gs2_header, "n,,");
        assert_eq!(first.bare, "n=,r=abc");
        assert_eq!(first.nonce, "abc");
        let bound = ClientFirst::parse(b"p=tls-server-end-point,,n=jfk,r=a=b,x=1").unwrap();
        assert_eq!(bound.flag, Gs2Flag::EndPoint);
        assert_eq!(bound.gs2_header, "p=tls-server-end-point,,");
        assert_eq!(bound.nonce, "a=b");
    }

    #[test]
    fn malformed_first_messages_are_refused() {
        let long = format!("n,,n=,r={}", "x".repeat(MAX_BYTES));
        for message in [
            &b""[..],
            b"n",
            b"n,,",
            b"n,,n=",
            b"n,,n=,r=",
            b"n,,r=abc",
            b"n,,n=,r=a b",
            b"n,,n=,r=abc,",
            b"n,,n=,r=abc,trailing",
            b"n,,n=,r=abc,m=1",
            b"n,,m=1,n=,r=abc",
            b"n,a=admin,n=,r=abc",
            b"x,,n=,r=abc",
            b"p=tls-unique,,n=,r=abc",
            b"n,,n=,r=a\0",
            b"n,,n=\xff,r=abc",
            long.as_bytes(),
        ] {
            assert_eq!(ClientFirst::parse(message), None, "{message:?}");
        }
    }

    #[test]
    fn malformed_final_messages_are_refused() {
        let proof = STANDARD.encode([1; 32]);
        let good = format!("c=biws,r=abc,p={proof}");
        let parsed = ClientFinal::parse(good.as_bytes()).unwrap();
        assert_eq!(parsed.without_proof, "c=biws,r=abc");
        assert_eq!(parsed.binding, b"n,,");
        assert_eq!(parsed.proof, [1; 32]);
        for message in [
            String::new(),
            "c=biws,r=abc".to_owned(),
            format!("c=biws,r=abc,p={proof},x=1"),
            format!("c=biws,r=abc,p={proof}\n"),
            format!("c=biws,r=abc,p={proof}{proof}"),
            format!("c=biws,r=abc,p={}", STANDARD.encode([1; 31])),
            format!("c=biws,r=abc,p={}", STANDARD.encode([1; 33])),
            format!("c=biws,r=abc,p={}", proof.trim_end_matches('=')),
            format!("c=biws,r=,p={proof}"),
            format!("c=!,r=abc,p={proof}"),
            format!("r=abc,c=biws,p={proof}"),
            format!("c=biws,r=abc,m=1,p={proof}"),
        ] {
            assert_eq!(ClientFinal::parse(message.as_bytes()), None, "{message}");
        }
    }
}
