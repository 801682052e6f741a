//! Statements that a connection has prepared and checked before.
//!
//! DuckDB plans with what it knows of the data: a plan for `i > 10` over a table whose largest `i`
//! is 5 reads nothing, and goes on reading nothing after 20 was inserted. So a prepared statement is
//! run again only while nothing at all was committed to its instance, and never over files, which
//! others may change.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use model::{Error, ExecRequest, Expected, Result};
use native::{Connection, Prepared};

/// Statements kept by one connection, and how long a text may be in bytes.
const KEPT: NonZeroUsize = NonZeroUsize::new(32).expect("32 is not zero");
const KEPT_TEXT_BYTES: usize = 16 << 10;

/// Functions that DuckDB calls consistent although they tell the time, the session or a setting
/// when they are bound.
const UNREPEATABLE: [&str; 5] = [
    "age",
    "current_localtime",
    "current_localtimestamp",
    "current_setting",
    "getvariable",
];

/// The prepared statements of one connection, all made after the same count of commits.
pub(crate) struct Ready {
    settled: u64,
    statements: LruCache<Key, Statement>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    text: Arc<str>,
    /// Instants in the text are read in the session's time zone when the plan is made.
    time_zone: Arc<str>,
}

struct Statement {
    expected: Arc<Expected>,
    prepared: Prepared,
}

impl Ready {
    pub(crate) fn new() -> Self {
        Self {
            settled: 0,
            statements: LruCache::new(KEPT),
        }
    }

    /// The statement of the request, if it was prepared and checked here after that many commits.
    pub(crate) fn find(&mut self, settled: u64, request: &ExecRequest) -> Option<&Prepared> {
        self.forget_before(settled);
        let statement = self.statements.get(&key(request))?;
        (statement.expected == *request.expected()).then_some(&statement.prepared)
    }

    /// Keeps a statement that was prepared and checked after that many commits.
    pub(crate) fn keep(&mut self, settled: u64, request: &ExecRequest, prepared: Prepared) {
        if request.sql().len() > KEPT_TEXT_BYTES {
            return;
        }
        self.forget_before(settled);
        let statement = Statement {
            expected: Arc::clone(request.expected()),
            prepared,
        };
        self.statements.put(key(request), statement);
    }

    fn forget_before(&mut self, settled: u64) {
        if self.settled != settled {
            self.statements.clear();
            self.settled = settled;
        }
    }
}

fn key(request: &ExecRequest) -> Key {
    Key {
        text: Arc::clone(request.sql()),
        time_zone: Arc::clone(request.time_zone()),
    }
}

/// Whether a text may take a sample, whose seed DuckDB fixes when it plans. Says yes too often: for
/// every text with that word in it.
pub(crate) fn may_sample(text: &str) -> bool {
    const WORD: &[u8] = b"sample";
    let mut places = text.as_bytes().windows(WORD.len());
    places.any(|place| place.eq_ignore_ascii_case(WORD))
}

/// The functions that give the same value for the same arguments whenever they are bound or called.
pub(crate) fn repeatable_functions(connection: &Connection) -> Result<BTreeSet<String>> {
    let rows = connection
        .query(
            "select lower(function_name) from duckdb_functions() \
             where database_name = 'system' and schema_name = 'main' group by 1 \
             having bool_and(function_type = 'aggregate' or coalesce(stability, '') = 'CONSISTENT')",
        )
        .map_err(Error::internal)?;
    Ok(rows
        .into_rows()
        .into_iter()
        .filter_map(|mut row| row.pop().flatten())
        .filter(|name| !UNREPEATABLE.contains(&name.as_str()))
        .collect())
}
