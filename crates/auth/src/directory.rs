//! Who may log in: names and their verifiers, as one version of the policy has them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use model::{Error, ErrorKind, Result};

use crate::Verifier;
use crate::crypto::{Hash, hmac_sha256};

/// One version of the names. Replaced as a whole.
pub(crate) struct Directory {
    verifiers: HashMap<String, Arc<Verifier>>,
    /// What a name that is not there is answered with.
    mock_iterations: u32,
    mock_salt_bytes: usize,
    mock_secret: Hash,
    /// Differs between the versions of one authenticator.
    pub(crate) generation: u64,
}

/// What a name is checked against.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) verifier: Arc<Verifier>,
    /// Whether the name exists. If not, the verifier is a mock that no password fits.
    pub(crate) known: bool,
}

impl Directory {
    pub(crate) fn new(
        entries: impl IntoIterator<Item = (String, String)>,
        mock_secret: Hash,
        generation: u64,
    ) -> Result<Self> {
        let mut verifiers = HashMap::new();
        // How often each cost occurs: a mock must look like most of the real ones.
        let mut costs: BTreeMap<(u32, usize), usize> = BTreeMap::new();
        for (name, text) in entries {
            let verifier: Verifier = text.parse().map_err(|e: Error| {
                let reason = e.message();
                Error::new(ErrorKind::Config, format!("principal \"{name}\": {reason}"))
            })?;
            *costs
                .entry((verifier.iterations, verifier.salt.len()))
                .or_default() += 1;
            if verifiers.insert(name.clone(), Arc::new(verifier)).is_some() {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("principal \"{name}\" is there twice"),
                ));
            }
        }
        let (mock_iterations, mock_salt_bytes) = costs
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map_or((crate::DEFAULT_ITERATIONS, 16), |(cost, _)| cost);
        Ok(Self {
            verifiers,
            mock_iterations,
            mock_salt_bytes,
            mock_secret,
            generation,
        })
    }

    /// What to check `name` against. Unknown names take the same work and give the same salt each
    /// time.
    pub(crate) fn find(&self, name: &str) -> Entry {
        let mock = self.mock(name);
        let known = self.verifiers.get(name);
        Entry {
            verifier: known.map_or(mock, Arc::clone),
            known: known.is_some(),
        }
    }

    fn mock(&self, name: &str) -> Arc<Verifier> {
        let derive = |label: &[u8]| hmac_sha256(&self.mock_secret, &[label, name.as_bytes()]);
        // Two digests: as long as the longest salt that a verifier may have.
        let salt = [derive(b"salt 1:"), derive(b"salt 2:")].concat();
        let keys = derive(b"key:");
        Arc::new(Verifier {
            iterations: self.mock_iterations,
            salt: salt[..self.mock_salt_bytes].into(),
            stored_key: keys,
            server_key: keys,
        })
    }

    /// The names of `self` whose verifier `next` has not, or has another one for.
    pub(crate) fn changed(&self, next: &Self) -> Vec<String> {
        let mut names: Vec<String> = self
            .verifiers
            .iter()
            .filter(|(name, verifier)| next.verifiers.get(*name) != Some(verifier))
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("names", &self.verifiers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use crate::verifier;

    fn directory(entries: &[(&str, &str)]) -> Result<Directory> {
        let owned = entries
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Directory::new(owned, [7; 32], 1)
    }

    #[test]
    fn an_unknown_name_looks_like_the_known_ones() {
        let strong = Verifier::new("a", 8192).unwrap().to_string();
        let weak = verifier("b").unwrap();
        let names = directory(&[("a", &strong), ("b", &weak), ("c", &strong)]).unwrap();
        let (mock, again) = (names.find("x"), names.find("x"));
        assert!(!mock.known);
        assert_eq!(mock.verifier, again.verifier);
        assert_eq!(mock.verifier.iterations, 8192);
        assert_eq!(mock.verifier.salt.len(), 16);
        assert_ne!(mock.verifier.salt, names.find("y").verifier.salt);
        assert!(names.find("b").known);
        assert!(!names.find("B").known);
    }

    #[test]
    fn a_mock_depends_on_the_secret() {
        let other = Directory::new([], [8; 32], 1).unwrap();
        let salt = other.find("x").verifier.salt.clone();
        assert_ne!(salt, directory(&[]).unwrap().find("x").verifier.salt);
    }

    #[test]
    fn bad_entries_are_named() {
        let error = directory(&[("jfk", "plain")]).unwrap_err();
        assert!(
            error.message().starts_with("principal \"jfk\": "),
            "{error}"
        );
        let good = verifier("x").unwrap();
        let error = directory(&[("jfk", &good), ("jfk", &good)]).unwrap_err();
        assert!(error.message().contains("twice"), "{error}");
    }

    #[test]
    fn changes_are_what_is_gone_or_other() {
        let (a, b) = (verifier("a").unwrap(), verifier("b").unwrap());
        let old = directory(&[("same", &a), ("gone", &a), ("other", &a)]).unwrap();
        let new = directory(&[("same", &a), ("other", &b), ("new", &b)]).unwrap();
        assert_eq!(old.changed(&new), ["gone", "other"]);
    }
}
