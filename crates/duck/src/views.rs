//! The users' views in a snapshot. What a view gives depends on what it reads, so it is bound anew each
//! time. DuckDB puts all that it reads in place of names then, and can't be interrupted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::{Error, Relation, RelationKind, RelationName, Result, TEMPORARY, fold};
use native::Connection;
use parking_lot::Mutex;
use serde_json::Value;

use crate::catalog::{described, query, text};
use crate::names::{parse, serialise};
use crate::shell::after_identifier;

/// Most parts of a view that is bound, with those of the views that it reads. Policy lets nobody make one
/// of as many; but what one reads can be replaced later, by several at once, and a file may come from
/// elsewhere.
const MAX_PARTS: u64 = 10_000;

/// What the definitions of views say, kept for as long as they stay the same.
#[derive(Default)]
pub(crate) struct Definitions {
    known: Mutex<HashMap<RelationName, (String, Arc<Query>)>>,
}

/// All views that a connection sees.
pub(crate) struct Views {
    found: Vec<Found>,
    /// Parts of each, with those of what it reads.
    sizes: BTreeMap<Key, u64>,
}

struct Found {
    name: RelationName,
    definition: String,
    query: Arc<Query>,
}

/// A view's own query.
struct Query {
    parts: u64,
    /// What each item of FROM may mean.
    reads: Vec<Key>,
}

/// A full name, folded.
type Key = [String; 3];

impl Definitions {
    /// What this connection sees now.
    pub(crate) fn read(&self, connection: &Connection) -> Result<Views> {
        let rows = query(
            connection,
            "select database_name, schema_name, view_name, sql from duckdb_views() \
             where not internal order by 1, 2, 3",
        )?;
        let mut found = Vec::new();
        for row in rows.rows() {
            let name = RelationName::new(text(row, 0)?, text(row, 1)?, text(row, 2)?);
            let definition = text(row, 3)?.to_owned();
            let known = self.known.lock().get(&name).cloned();
            let query = match known.filter(|(known, _)| *known == definition) {
                Some((_, query)) => query,
                None => Arc::new(parsed(connection, &name, &definition)?),
            };
            found.push(Found {
                name,
                definition,
                query,
            });
        }
        // What is temporary goes with its session.
        let stored = found.iter().filter(|view| !view.name.is_temporary());
        let known = stored.map(|v| (v.name.clone(), (v.definition.clone(), Arc::clone(&v.query))));
        *self.known.lock() = known.collect();
        Ok(Views {
            sizes: sizes(&found),
            found,
        })
    }
}

impl Views {
    /// The views of a catalog. One that can't be bound any more, or would become too much, has no columns.
    pub(crate) fn of(&self, connection: &Connection, catalog: &str) -> Vec<Relation> {
        let own = |v: &&Found| fold(&v.name.catalog) == fold(catalog);
        let view = |view: &Found| {
            let name = RelationName::new(catalog, &view.name.schema, &view.name.name);
            let size = self.sizes.get(&key(&name)).copied().unwrap_or(u64::MAX);
            let columns = match size <= MAX_PARTS {
                true => described(connection, &name, |_| true).unwrap_or_default(),
                false => {
                    tracing::warn!(relation = %name, "a view has too many parts to be read");
                    vec![]
                }
            };
            Relation {
                name,
                columns,
                kind: RelationKind::View,
                definition: Some(view.definition.as_str().into()),
                constraints: vec![],
            }
        };
        self.found.iter().filter(own).map(view).collect()
    }
}

fn key(name: &RelationName) -> Key {
    [&name.catalog, &name.schema, &name.name].map(|part| fold(part))
}

/// The sizes of all views, from those that read no other upwards. One that comes back to itself through
/// others has no end.
fn sizes(found: &[Found]) -> BTreeMap<Key, u64> {
    let queries: BTreeMap<Key, &Query> = found.iter().map(|v| (key(&v.name), &*v.query)).collect();
    let mut sizes: BTreeMap<Key, u64> = BTreeMap::new();
    let mut open = BTreeSet::new();
    // Not by recursion: there is no end to how high views may stand.
    let mut waiting: Vec<(&Key, bool)> = queries.keys().map(|name| (name, false)).collect();
    while let Some((name, is_left)) = waiting.pop() {
        let query = queries[name];
        let below = query.reads.iter();
        // A name in another schema is meant then, or DuckDB refuses to bind it.
        let below = below.filter(|r| *r != name && queries.contains_key(*r));
        if is_left {
            let sizes_below = below.map(|r| sizes.get(r).copied().unwrap_or(u64::MAX));
            let size = sizes_below.fold(query.parts, u64::saturating_add);
            sizes.insert(name.clone(), size);
        } else if open.insert(name) {
            waiting.push((name, true));
            waiting.extend(below.map(|r| (r, false)));
        }
    }
    sizes
}

/// What a definition reads, as DuckDB parses it.
fn parsed(connection: &Connection, view: &RelationName, definition: &str) -> Result<Query> {
    let nothing_known = Query {
        parts: u64::MAX,
        reads: vec![],
    };
    let Some(text) = query_of(definition) else {
        return Ok(nothing_known);
    };
    let json = serialise(connection, text).map_err(Error::internal)?;
    let tree = parse(&json).unwrap_or_default();
    if tree["error"] != false {
        return Ok(nothing_known);
    }
    let mut found = Query {
        parts: 0,
        reads: vec![],
    };
    let mut ctes = BTreeSet::new();
    name_ctes(&tree["statements"], &mut ctes);
    gather(&tree["statements"], view, &ctes, &mut found);
    Ok(found)
}

/// The query in a definition as DuckDB writes it: `CREATE VIEW schema.name (columns) AS query;`.
fn query_of(definition: &str) -> Option<&str> {
    let rest = definition.strip_prefix("CREATE ")?;
    let rest = rest.strip_prefix("TEMP ").unwrap_or(rest);
    let mut rest = after_identifier(rest.strip_prefix("VIEW ")?)?;
    while let Some(part) = rest.strip_prefix('.') {
        rest = after_identifier(part)?;
    }
    if let Some(columns) = rest.strip_prefix(" (") {
        rest = after_identifier(columns)?;
        while let Some(column) = rest.strip_prefix(", ") {
            rest = after_identifier(column)?;
        }
        rest = rest.strip_prefix(')')?;
    }
    let query = rest.strip_prefix(" AS ")?.trim_end();
    Some(query.strip_suffix(';').unwrap_or(query))
}

/// Folded names of all CTEs in a part. Policy names those of its own views so that nothing else can be
/// called so.
fn name_ctes(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| name_ctes(item, names)),
        Value::Object(fields) => {
            let entries = value["cte_map"]["map"].as_array().into_iter().flatten();
            names.extend(entries.filter_map(|e| Some(fold(e["key"].as_str()?))));
            fields.values().for_each(|field| name_ctes(field, names));
        }
        _ => {}
    }
}

/// Counts what a part has, and notes what names in FROM could mean: of two parts the first is a schema or
/// a catalog.
fn gather(value: &Value, view: &RelationName, ctes: &BTreeSet<String>, found: &mut Query) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| gather(item, view, ctes, found)),
        Value::Object(fields) => {
            let text = |field: &str| value[field].as_str().unwrap_or_default();
            found.parts += u64::from(!text("type").is_empty());
            let name = text("table_name");
            let is_cte = text("schema_name").is_empty() && ctes.contains(&fold(name));
            if text("type") == "BASE_TABLE" && !is_cte {
                let (catalog, schema) = (view.catalog.as_str(), view.schema.as_str());
                let parts = ["catalog_name", "schema_name", "table_name"].map(text);
                let meant = match parts {
                    ["", "", name] => vec![
                        [catalog, schema, name],
                        [catalog, "main", name],
                        [TEMPORARY, "main", name],
                    ],
                    ["", first, name] => vec![[catalog, first, name], [first, "main", name]],
                    full => vec![full],
                };
                let meant: BTreeSet<Key> = meant.into_iter().map(|k| k.map(fold)).collect();
                found.reads.extend(meant);
            }
            fields
                .values()
                .for_each(|field| gather(field, view, ctes, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_definition() {
        for (definition, expected) in [
            ("CREATE VIEW v AS SELECT 1;", Some("SELECT 1")),
            (
                "CREATE TEMP VIEW \"w \"\" AS x\".\"as\" (\"a, )\", b) AS SELECT 1 AS \"as\";",
                Some("SELECT 1 AS \"as\""),
            ),
            ("CREATE TABLE v AS SELECT 1;", None),
            ("CREATE VIEW v", None),
        ] {
            assert_eq!(query_of(definition), expected, "{definition}");
        }
    }
}
