//! Relations that a sidecar can have no table like: hidden from everybody, to be dropped, and not made.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::sync::Arc;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{
    CatalogMode, CatalogSnapshot, Constraint, ConstraintKind, ErrorKind, SqlType, TEMPORARY,
};
use policy::View;
use tree::{Parser, Sidecar};

const POLICY: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["desk"]
[[role]]
name = "all"
admin = true
[[role]]
name = "desk"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "create", "drop"]
[[grant]]
role = "desk"
on = "rw.main.*"
privileges = ["select", "create"]
[[grant]]
role = "desk"
on = "rw.main.odd"
privileges = ["select"]
columns = ["id", "r"]
[[restrict]]
on = "rw.*.*"
rows = "id > 0"
[[mask]]
on = "rw.main.odd.r"
with = "null"
to = ["desk"]
"#;

/// What DuckDB 1.5.5 makes and has no text for: of `row(1)`, of `list_zip`, of `json_transform` with
/// keys that are alike.
fn odd() -> Vec<SqlType> {
    let fields = |names: &[&str]| {
        let fields = names.iter().map(|n| ((*n).to_owned(), SqlType::Integer));
        SqlType::Struct(fields.collect())
    };
    let unnamed = Arc::new(fields(&["", ""]));
    let integer = Arc::new(SqlType::Integer);
    vec![
        fields(&[""]),
        fields(&["a", "A"]),
        fields(&["a", ""]),
        SqlType::List(Arc::clone(&unnamed)),
        SqlType::Array(Arc::clone(&unnamed), 2),
        SqlType::Map(Arc::clone(&unnamed), Arc::clone(&integer)),
        SqlType::Map(integer, Arc::clone(&unnamed)),
        SqlType::Union([("u".to_owned(), SqlType::clone(&unnamed))].into()),
        SqlType::Struct([("s".to_owned(), SqlType::clone(&unnamed))].into()),
        SqlType::Enum([].into()),
        SqlType::Unknown,
    ]
}

fn world(odd: &SqlType) -> World {
    let columns = [("id", SqlType::Integer), ("r", odd.clone())];
    let mut all = snapshot(&[
        ("rw.main.t", &[("id", SqlType::Integer)]),
        ("rw.main.odd", &columns),
        ("rw.main.unreadable", &[]),
        // What DuckDB says no to for another reason.
        (
            "rw.main.twice",
            &[("id", SqlType::Integer), ("ID", SqlType::Integer)],
        ),
        (
            "rw.main.nameless",
            &[("id", SqlType::Integer), ("", SqlType::Integer)],
        ),
    ]);
    let definition = "CREATE VIEW rv AS SELECT 1 AS id, main.\"row\"(1, 2) AS r;";
    add_view(&mut all, definition, "rw.main.rv", &columns);
    let definition = "CREATE VIEW v AS SELECT id FROM t;";
    add_view(
        &mut all,
        definition,
        "rw.main.v",
        &[("id", SqlType::Integer)],
    );
    let parser = Parser::open().unwrap();
    let path = std::path::Path::new("policy.toml");
    let set = policy::PolicySet::from_text(path, POLICY, &all, &parser).unwrap();
    let mut world = World::of(set, all, "rw");
    world.hides = true;
    world
}

#[test]
fn what_has_no_text_is_no_type_of_a_table() {
    for sql_type in odd() {
        assert!(!sql_type.has_text(), "{sql_type}");
        let all = snapshot(&[("rw.main.odd", &[("r", sql_type)])]);
        assert_eq!(Sidecar::build(&all, "rw").unwrap().left_out().len(), 1);
    }
    // What a sidecar describes, another has tables of.
    let nothing = Sidecar::build(&CatalogSnapshot::default(), "").unwrap();
    for value in [
        "null",
        "[]",
        "map()",
        "{'a \"b': null, 'c': [[1]]}",
        "union_value(a := 1)",
        "'x'::enum('x', 'y''')",
        "[1, 2]::integer[2]",
        "'{}'::json",
        "'POINT(1 1)'::geometry",
        "map_entries(map {1: 2})",
        "1.5",
        "now()",
    ] {
        let described = nothing.describe(&format!("select {value} as a")).unwrap();
        let sql_type = described.schema.unwrap().columns[0].sql_type.clone();
        assert!(sql_type.has_text(), "{sql_type}");
        let all = snapshot(&[("rw.main.a", &[("a", sql_type)])]);
        let left_out = Sidecar::build(&all, "rw").unwrap().left_out().to_vec();
        assert!(left_out.is_empty(), "{left_out:?}");
    }
}

#[test]
fn one_that_can_not_be_mirrored_hides_itself_only() {
    on_a_large_stack(|| {
        for sql_type in &odd()[..4] {
            let world = world(sql_type);
            for who in ["root", "eve"] {
                for text in ["from t", "from v", "create view n as select id from v"] {
                    world.sql(who, text);
                }
                for name in ["odd", "rv", "unreadable", "twice", "nameless"] {
                    let text = format!("from {name}");
                    let refused = world.refused(who, &text);
                    assert_eq!(refused, ErrorKind::UndefinedTable, "{who}: {text}");
                    let view = world.view(who);
                    assert!(view.visible().relation("rw", "main", name).is_none());
                }
                let view = world.view(who);
                assert_eq!(view.hidden().len(), 5, "{:?}", view.hidden());
            }
            for (kind, name) in [
                ("table", "odd"),
                ("table", "unreadable"),
                ("table", "twice"),
                ("view", "rv"),
            ] {
                let drop = format!("drop {kind} {name}");
                let expected = format!("drop {kind} \"rw\".\"main\".\"{name}\"");
                assert_eq!(world.sql("root", &drop), expected);
                assert_eq!(world.refused("eve", &drop), ErrorKind::UndefinedTable);
            }
        }
    });
}

#[test]
fn none_is_made() {
    on_a_large_stack(|| {
        let world = World::new(POLICY, &[("rw.main.t", &[("id", SqlType::Integer)])], "rw");
        for query in [
            "select 1 as id, row(1, 2) as r",
            "select id, (id, id) as r from t",
            "select 1 as id, list_zip([1], [2]) as r",
            "select 1 as id, map([row(1)], [2]) as r",
            "select 1 as id, {'a': row(1)} as r",
        ] {
            for form in [
                "create view n as",
                "create or replace view n as",
                "create view if not exists n as",
                "create temp view n as",
                "create table n as",
                "create temp table n as",
                "create or replace table n as",
            ] {
                let text = format!("{form} {query}");
                let error = world.authorise("root", &text).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotSupported, "{text}: {error:?}");
                assert!(error.message().contains("\"r\""), "{error:?}");
                assert!(
                    error.hint().is_some_and(|h| h.contains("row()")),
                    "{error:?}"
                );
            }
            world.sql("root", query);
        }
        world.sql("root", "create view n as select 1 as id, {'a': 1} as r");
    });
}

#[test]
fn nor_do_a_sessions_own_hinder_it() {
    on_a_large_stack(|| {
        let world = World::new(POLICY, &[("rw.main.t", &[("id", SqlType::Integer)])], "rw");
        for sql_type in odd() {
            let columns: Columns<'_> = &[("id", SqlType::Integer), ("r", sql_type)];
            let name = |name: &str| format!("{TEMPORARY}.main.{name}");
            let mut own = snapshot(&[(&name("odd"), columns)]);
            let definition = "CREATE TEMP VIEW rv AS SELECT 1 AS id, main.\"row\"(1, 2) AS r;";
            add_view(&mut own, definition, &name("rv"), columns);
            let mut own = own.catalogs[TEMPORARY].clone();
            own.mode = CatalogMode::ReadWrite;
            let all = Arc::new(world.snapshot.clone()).with_temporary(2, own);
            let view = world.view("root");
            let sidecar = Sidecar::build(view.visible(), "rw").unwrap();
            let view: View = view.with_temporary(&all, &sidecar, &world.parser).unwrap();
            let sidecar = sidecar.with_temporary(view.visible()).unwrap();
            let planned = |text: &str| {
                let statement = plan::parse(text, &world.parser).unwrap();
                policy::authorise(&statement, &view, &sidecar, &[], &world.parser)
            };
            for good in ["from t", "drop table odd", "drop view rv"] {
                planned(good).unwrap_or_else(|e| panic!("{good}: {e:?}"));
            }
            for bad in ["from odd", "from rv"] {
                assert!(planned(bad).is_err(), "{bad}");
            }
            // The mirror does without them too.
            let sidecar = Sidecar::build(&world.snapshot, "rw").unwrap();
            let sidecar = sidecar.with_temporary(&all).unwrap();
            sidecar.describe("select id from t").unwrap();
        }
    });
}

#[test]
fn a_key_that_does_not_fit_hides_its_table_only() {
    on_a_large_stack(|| {
        let mut world = world(&SqlType::Unknown);
        let name = model::RelationName::new("rw", "main", "t");
        let constraint = Constraint {
            kind: ConstraintKind::Unique,
            columns: vec!["gone".to_owned()],
        };
        world.constrain(&name, constraint);
        assert_eq!(world.refused("root", "from t"), ErrorKind::UndefinedTable);
        world.sql("root", "select 1 as a");
        world.sql("root", "drop table t");
    });
}

#[test]
fn a_type_that_cannot_be_written_is_seen_as_it_is() {
    on_a_large_stack(|| {
        let array = SqlType::Array(SqlType::Integer.into(), 2);
        let labels = SqlType::Enum(["x".to_owned(), "y".to_owned()].into());
        let st = SqlType::Struct([("e".to_owned(), labels), ("a".to_owned(), array)].into());
        let policy = "[[principal]]\nname = 'eve'\nverifier = 'x'\nroles = ['r']\n[[role]]\nname = 'r'\n\
                      [[grant]]\nrole = 'r'\non = 'rw.main.*'\nprivileges = ['select']\n";
        let columns = [("id", SqlType::Integer), ("v", st)];
        let world = World::new(policy, &[("rw.main.mine", &columns)], "rw");
        assert_eq!(world.names("eve", "from mine"), ["id", "v"]);
    });
}
