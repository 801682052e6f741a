//! The text of a policy file.

use std::path::Path;
use std::sync::Arc;

use model::{CatalogSnapshot, ErrorKind};
use policy::{PolicySet, View};
use tree::Parser;

use crate::statement::snapshot;

/// Loads policies over the tables of [`crate::Statements`].
pub struct Policies {
    parser: Parser,
    snapshot: CatalogSnapshot,
}

impl Default for Policies {
    fn default() -> Self {
        Self::new()
    }
}

impl Policies {
    /// Opens the parser.
    ///
    /// # Panics
    /// If DuckDB can't be opened.
    pub fn new() -> Self {
        Self {
            parser: Parser::open().expect("DuckDB opens in memory"),
            snapshot: snapshot(),
        }
    }

    /// Any text is a policy, under which every principal has a view of the catalog, or an error of
    /// configuration. Returns whether it is one.
    ///
    /// # Panics
    /// If loading panics, or fails by another error.
    pub fn load(&self, data: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(data) else {
            return false;
        };
        // The file that it names would be read, whatever that is.
        if text.contains("hash_key_file") {
            return false;
        }
        let Self { parser, snapshot } = self;
        let set = match PolicySet::from_text(Path::new("policy.toml"), text, snapshot, parser) {
            Ok(set) => Arc::new(set),
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Config, "{text}\n{e:?}");
                return false;
            }
        };
        let names = set.verifiers().map(|(name, _)| name);
        for principal in names.filter_map(|name| set.principal(name)) {
            let view = View::new(&set, snapshot, principal, "rw", parser);
            assert!(view.is_ok(), "{text}\n{:?}", view.err());
        }
        true
    }
}
