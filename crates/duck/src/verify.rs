//! The second reading (rewriting, step 17): the text must name what policy says it names, and
//! nothing else.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use metrics::counter;
use model::{Error, ExecKind, ExecRequest, Expected, RelationName, Result};
use native::{Connection, Prepared, StatementKind};
use parking_lot::Mutex;

use crate::catalog::CatalogReader;
use crate::metric;
use crate::names::{self, difference, mismatch};
use crate::shell::{self, after_name};
use crate::shell_ddl::is_maintenance;
use crate::tables;

/// Texts kept, and how long one of them may be in bytes: at most 64 MiB in all.
const KEPT_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");
const KEPT_TEXT_BYTES: usize = 64 << 10;

/// Checks texts, and remembers what it read in them.
pub(crate) struct Verifier {
    /// A reading is a function of the text alone. What the binder says depends on the catalog too,
    /// so it is kept for the version it was asked at.
    read: Mutex<LruCache<Arc<str>, Reading>>,
}

#[derive(Clone)]
struct Reading {
    found: Arc<Expected>,
    /// The version of the catalog at which DuckDB's binder agreed.
    bound_at: Option<u64>,
}

impl Verifier {
    pub(crate) fn new() -> Self {
        Self {
            read: Mutex::new(LruCache::new(KEPT_TEXTS)),
        }
    }

    /// Fails unless the request's text names exactly the expected relations and functions. Runs on
    /// the connection and in the transaction that will run the text.
    pub(crate) fn check(
        &self,
        connection: &Connection,
        request: &ExecRequest,
        catalogs: &CatalogReader,
        version: u64,
    ) -> Result<()> {
        let outcome = self.compare(connection, request, catalogs, version);
        if let Err(error) = &outcome {
            counter!(metric::MISMATCHES).increment(1);
            tracing::error!(
                target: "audit",
                event = "parser_mismatch",
                statement = %request.id(),
                principal = request.principal().name,
                cause = error.cause().map(tracing::field::display),
            );
        }
        outcome
    }

    fn compare(
        &self,
        connection: &Connection,
        request: &ExecRequest,
        catalogs: &CatalogReader,
        version: u64,
    ) -> Result<()> {
        shell::check(request)?;
        let expected = request.expected();
        let list = read_lists(connection, request)?;
        let Some(text) = request.query() else {
            return match **expected == list {
                true => Ok(()),
                false => Err(mismatch(difference(expected, &list))),
            };
        };
        let known = self.read.lock().get(text).cloned();
        let mut reading = match known {
            Some(reading) => reading,
            None => Reading {
                found: Arc::new(names::read(connection, text)?),
                bound_at: None,
            },
        };
        let mut found = Cow::Borrowed(&*reading.found);
        if !list.functions.is_empty() {
            found.to_mut().functions.extend(list.functions);
        }
        if *found != **expected {
            return Err(mismatch(difference(expected, &found)));
        }
        // A view may be made of views, of which the binder names what they read.
        if reading.bound_at != Some(version) && !shell::defines_view(request) {
            let silent = !request.params().is_empty();
            check_binder(connection, text, &expected.relations, catalogs, silent)?;
            reading.bound_at = Some(version);
            if text.len() <= KEPT_TEXT_BYTES {
                self.read.lock().put(Arc::clone(text), reading);
            }
        }
        Ok(())
    }
}

/// The functions in what stands besides the query: the expressions of ON CONFLICT and RETURNING, which
/// read no relation.
fn read_lists(connection: &Connection, request: &ExecRequest) -> Result<Expected> {
    let mut texts = Vec::new();
    if let Some(clause) = request.on_conflict() {
        texts.extend(clause.set.iter().map(|(_, text)| text));
        texts.extend(&clause.condition);
    }
    texts.extend(request.returning().map(|returning| &returning.list));
    let mut all = Expected::default();
    for text in texts {
        let found = names::read(connection, &format!("select {text}"))?;
        if !(found.relations.is_empty() && found.sequences.is_empty()) {
            return Err(mismatch(
                "a relation or sequence besides those of the query",
            ));
        }
        all.functions.extend(found.functions);
    }
    Ok(all)
}

/// Asks DuckDB's binder which tables the query reads: all must be expected. It knows no columns as it
/// does so, and says nothing of a query that needs them, as for JOIN … USING or UNPIVOT: none of
/// what is expected may then be a view, behind which something else could stand. Over folders, whose relations
/// are views of files, and of a query with parameters (`silent`) it says nothing or fails.
fn check_binder(
    connection: &Connection,
    text: &str,
    expected: &BTreeSet<RelationName>,
    catalogs: &CatalogReader,
    silent: bool,
) -> Result<()> {
    let names = connection
        .table_names(text, true)
        .map_err(Error::internal)?;
    let Some(names) = names else {
        let any_folder = expected
            .iter()
            .any(|name| catalogs.is_folder(&name.catalog));
        if any_folder || silent || !tables::any_view(connection, expected, catalogs)? {
            return Ok(());
        }
        return Err(mismatch("the binder is silent, and a name is a view"));
    };
    let other = names
        .iter()
        .find(|name| !expected.iter().any(|e| is_name_of(name, e)));
    other.map_or(Ok(()), |name| {
        Err(mismatch(format!("the binder reads {name}")))
    })
}

/// Whether DuckDB's spelling, which quotes the parts that need it and goes on with the alias and
/// sample, names this relation.
fn is_name_of(spelling: &str, relation: &RelationName) -> bool {
    after_name(spelling, relation).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(" AS ") || rest.starts_with(" TABLESAMPLE ")
    })
}

/// Fails unless the statement is of the kind that was sealed.
pub(crate) fn check_kind(request: &ExecRequest, prepared: &Prepared) -> Result<()> {
    use StatementKind::{Alter, Call, Create, Delete, Drop, Insert, Merge, Select, Update, Vacuum};
    let fits = match request.kind() {
        ExecKind::Query => prepared.kind() == Select,
        ExecKind::Write {
            changes_catalog: false,
            ..
        } => {
            let word = request.sql().split(' ').next();
            match prepared.kind() {
                Insert => word == Some("insert"),
                Update => word == Some("update"),
                Merge => word == Some("merge"),
                Delete => matches!(word, Some("delete" | "truncate")),
                _ => false,
            }
        }
        ExecKind::Write {
            target,
            changes_catalog: true,
        } => match prepared.kind() {
            Create | Drop | Alter => true,
            // DuckDB reads CHECKPOINT as a call of its function.
            Vacuum | Call => is_maintenance(request.sql(), target),
            _ => false,
        },
    };
    if fits {
        Ok(())
    } else {
        Err(mismatch(format!(
            "a statement of kind {:?}",
            prepared.kind()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name() {
        let name = RelationName::new("db", "my s", "t\"x");
        assert!(is_name_of("db.\"my s\".\"t\"\"x\"", &name));
        assert!(is_name_of("\"db\".\"my s\".\"t\"\"x\"", &name));
        assert!(is_name_of("db.\"my s\".\"t\"\"x\" AS q(z)", &name));
        assert!(is_name_of(
            "db.\"my s\".\"t\"\"x\" TABLESAMPLE System(10.0 PERCENT)",
            &name
        ));
        for other in [
            "db.\"my s\".t",
            "db.\"my s\".\"t\"\"x\".y",
            "\"my s\".\"t\"\"x\"",
            "",
        ] {
            assert!(!is_name_of(other, &name), "{other}");
        }
    }
}
