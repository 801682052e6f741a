//! Text → statement → plan → policy → printed text.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::{
    Catalog, CatalogMode, CatalogSnapshot, Column, ErrorKind, ParamValue, Relation, RelationKind,
    RelationName, Schema, SqlType, StatementId,
};
use policy::{CommandTag, PolicySet, View};
use serde_json::Value;
use tree::{Parser, Sidecar};

/// The text in the one row rule: a governed table's query has it in its WHERE.
const RULE: &str = "only these";

const POLICY: &str = r#"
[[principal]]
name = "eve"
verifier = "x"
roles = ["eu"]
[[role]]
name = "eu"
[[grant]]
role = "eu"
on = "rw.main.t"
privileges = ["select", "insert", "update", "delete"]
rows = "region = 'only these'"
[[grant]]
role = "eu"
on = "rw.main.u"
privileges = ["select", "insert", "update", "delete", "create", "drop"]
[[grant]]
role = "eu"
on = "rw.main.mine"
privileges = ["select", "insert", "create", "drop"]
[[mask]]
on = "rw.main.t.masked"
with = "redact"
"#;

/// What came of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may run, and reads governed tables behind their rules only.
    Planned,
    /// It may not.
    Refused,
}

/// Plans statements of a principal who sees a part of `rw.main.t`, and all of `u` and `mine`.
pub struct Statements {
    parser: Parser,
    view: View,
    sidecar: Sidecar,
}

impl Default for Statements {
    fn default() -> Self {
        Self::new()
    }
}

impl Statements {
    /// The tables and the policy over them.
    ///
    /// # Panics
    /// If DuckDB can't be opened.
    pub fn new() -> Self {
        let parser = Parser::open().expect("DuckDB opens in memory");
        let snapshot = snapshot();
        let set = PolicySet::from_text(Path::new("policy.toml"), POLICY, &snapshot, &parser);
        let set = Arc::new(set.expect("the policy fits the tables"));
        let principal = set.principal("eve").expect("the policy has the principal");
        let view = View::new(&set, &snapshot, principal, "rw", &parser);
        let view = view.expect("the principal has a view");
        let sidecar = Sidecar::build(view.visible(), "rw").expect("what is visible binds");
        Self {
            parser,
            view,
            sidecar,
        }
    }

    /// Plans bytes as a text under the policy. Those that are no UTF-8 never come so far.
    ///
    /// # Panics
    /// As [`Self::plan`] does.
    pub fn plan_bytes(&self, data: &[u8]) {
        if let Ok(text) = std::str::from_utf8(data) {
            self.plan(text);
        }
    }

    /// Plans a text under the policy: any is refused or governed.
    ///
    /// # Panics
    /// If planning panics or fails inside, or if a governed table would be read otherwise than behind
    /// its row rule.
    pub fn plan(&self, text: &str) -> Outcome {
        let authorised = plan::parse(text, &self.parser).and_then(|statement| {
            policy::authorise(&statement, &self.view, &self.sidecar, &[], &self.parser)
        });
        let authorised = match authorised {
            Ok(authorised) => authorised,
            Err(e) => {
                assert_ne!(e.kind(), ErrorKind::Internal, "{text}: {e:?}");
                return Outcome::Refused;
            }
        };
        // A view is stored with its names, and ruled when it is read.
        let is_view = authorised.command_tag() == CommandTag::CreateView;
        if is_view || authorised.local_rows().is_some() || authorised.is_noop() {
            return Outcome::Planned;
        }
        let params = vec![ParamValue::Null; authorised.description().parameters.len()];
        let request = authorised.request(StatementId::new(), params, "UTC".into(), None);
        let request = request.unwrap_or_else(|e| panic!("{text}: {e:?}"));
        if let Some(sql) = request.query() {
            let tree = self.parser.parse(sql);
            let tree = tree.unwrap_or_else(|e| panic!("{text}\n{sql}: {e:?}"));
            check_tables(&tree, false, text, sql);
        }
        Outcome::Planned
    }
}

/// Fails if a governed table is read otherwise than by a query that asks for its rows' rule.
fn check_tables(tree: &Value, ruled: bool, text: &str, sql: &str) {
    match tree {
        Value::Array(items) => items.iter().for_each(|v| check_tables(v, ruled, text, sql)),
        Value::Object(fields) => {
            let is = |field: &str, value: &str| tree[field].as_str() == Some(value);
            if is("type", "BASE_TABLE") && is("table_name", "t") && is("catalog_name", "rw") {
                assert!(ruled, "a table without its rule:\n{text}\n{sql}");
            }
            let own = tree["where_clause"].to_string().contains(RULE);
            for (name, field) in fields {
                // Only what stands directly in FROM of the query that has the rule is under it.
                let under = name == "from_table" && own && field["alias"] == "__eider";
                check_tables(field, under, text, sql);
            }
        }
        _ => {}
    }
}

/// The tables: `t` is governed.
pub(crate) fn snapshot() -> CatalogSnapshot {
    let text = SqlType::Varchar;
    let st = SqlType::Struct([("b".to_owned(), text.clone())].into());
    let t = [
        ("id", SqlType::Integer),
        ("region", text.clone()),
        ("s", text.clone()),
        ("amt", SqlType::BigInt),
        ("d", SqlType::Date),
        ("st", st),
        ("masked", text.clone()),
        ("l", SqlType::List(SqlType::Integer.into())),
    ];
    let u = [("id", SqlType::Integer), ("name", text)];
    let relation = |name: &str, columns: &[(&str, SqlType)]| Relation {
        name: RelationName::new("rw", "main", name),
        kind: RelationKind::Table,
        definition: None,
        columns: columns
            .iter()
            .map(|(name, sql_type)| Column {
                name: (*name).to_owned(),
                sql_type: sql_type.clone(),
                nullable: true,
            })
            .collect(),
        constraints: vec![],
    };
    let relations = [relation("t", &t), relation("u", &u), relation("mine", &u)];
    let main = Schema {
        name: "main".to_owned(),
        relations: relations
            .into_iter()
            .map(|r| (r.name.name.clone(), r))
            .collect(),
        ..Schema::default()
    };
    let rw = Catalog {
        name: "rw".to_owned(),
        mode: CatalogMode::ReadWrite,
        schemas: BTreeMap::from([("main".to_owned(), main)]),
    };
    CatalogSnapshot {
        version: 1,
        catalogs: BTreeMap::from([("rw".to_owned(), rw)]),
        shared: None,
    }
}
