//! The text of a policy file.

use std::path::Path;
use std::sync::Arc;

use model::ErrorKind;
use policy::{PolicySet, View};
use tree::Parser;

use crate::statement::snapshot;

thread_local! {
    static PARSER: Parser = Parser::open().expect("DuckDB opens in memory");
}

/// Any text is a policy, under which every principal has a view of the catalog, or an error of
/// configuration. Returns whether it is one.
///
/// # Panics
/// If loading panics, or fails by another error.
pub fn policy_file(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    // The file that it names would be read, whatever that is.
    if text.contains("hash_key_file") {
        return false;
    }
    PARSER.with(|parser| {
        let snapshot = snapshot();
        let set = match PolicySet::from_text(Path::new("policy.toml"), text, &snapshot, parser) {
            Ok(set) => Arc::new(set),
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Config, "{text}\n{e:?}");
                return false;
            }
        };
        let names = set.verifiers().map(|(name, _)| name);
        for principal in names.filter_map(|name| set.principal(name)) {
            let view = View::new(&set, &snapshot, principal, "rw", parser);
            assert!(view.is_ok(), "{text}\n{:?}", view.err());
        }
        true
    })
}
