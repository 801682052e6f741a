//! Channel binding data of type `tls-server-end-point` (RFC 5929, section 4).

use sha2::{Digest, Sha256, Sha384, Sha512};

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;

/// The hash of a server certificate (DER) that binds a login to the TLS connection it came over,
/// for [`crate::Authenticator::scram`]. `None` where RFC 5929 gives the certificate's signature
/// algorithm no hash, as for Ed25519, or where this is no certificate: SCRAM then goes without
/// channel binding.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, … }, … }
    let (fields, _) = element(SEQUENCE, certificate)?;
    let (_, after_tbs) = element(SEQUENCE, fields)?;
    let (algorithm, _) = element(SEQUENCE, after_tbs)?;
    let (object_id, _) = element(OBJECT_ID, algorithm)?;
    Some(match object_id {
        // PKCS #1 (1.2.840.113549.1.1): MD5 and SHA-1 count as SHA-256.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11] => {
            Sha256::digest(certificate).to_vec()
        }
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] => Sha384::digest(certificate).to_vec(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] => Sha512::digest(certificate).to_vec(),
        // ECDSA (1.2.840.10045.4): 1 is with SHA-1, 3.x with SHA-2.
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => {
            Sha256::digest(certificate).to_vec()
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => Sha384::digest(certificate).to_vec(),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => Sha512::digest(certificate).to_vec(),
        _ => return None,
    })
}

/// Reads one DER element of that tag: its content, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a certificate as is looked at, with a body long enough for a long length.
    fn certificate(object_id: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).expect("a short element");
            let mut der = vec![tag, 0x82];
            der.extend(length.to_be_bytes());
            der.extend(content);
            der
        };
        let algorithm = wrap(
            SEQUENCE,
            &[&[OBJECT_ID, object_id.len() as u8], object_id].concat(),
        );
        let body = wrap(SEQUENCE, &[0; 300]);
        wrap(SEQUENCE, &[body, algorithm, vec![3, 1, 0]].concat())
    }

    #[test]
    fn the_signature_algorithm_decides_the_hash() {
        let rsa = |last| certificate(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last]);
        let ecdsa = |last| certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last]);
        for (certificate, bytes) in [
            (rsa(5), Some(32)),
            (rsa(11), Some(32)),
            (rsa(12), Some(48)),
            (rsa(13), Some(64)),
            (ecdsa(2), Some(32)),
            (ecdsa(3), Some(48)),
            (ecdsa(4), Some(64)),
            (certificate(&[0x2b, 0x65, 0x70]), None), // Ed25519
        ] {
            let hash = tls_server_end_point(&certificate);
            assert_eq!(hash.as_ref().map(Vec::len), bytes, "{certificate:?}");
            if bytes == Some(32) {
                assert_eq!(hash, Some(Sha256::digest(&certificate).to_vec()));
            }
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_have_none() {
        let whole = certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
        for end in 0..whole.len() {
            assert_eq!(tls_server_end_point(&whole[..end]), None, "{end}");
        }
        assert_eq!(tls_server_end_point(&[SEQUENCE, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(tls_server_end_point(&[SEQUENCE, 0x80]), None);
    }
}
