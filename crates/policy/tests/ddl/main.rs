//! DDL: rights and forms.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod alter;
#[path = "../common/mod.rs"]
mod common;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{ErrorKind, ExecKind, RelationName, Schema, SqlType};
use policy::PolicySet;
use tree::Parser;

const POLICY: &str = include_str!("policy.toml");

fn world() -> World {
    use SqlType::{Integer, Varchar};
    let relations: &[(&str, Columns<'_>)] = &[
        (
            "rw.main.t",
            &[("id", Integer), ("region", Varchar), ("v", Varchar)],
        ),
        ("rw.main.plain", &[("id", Integer), ("x", Varchar)]),
        ("rw.main.quiet", &[("id", Integer)]),
        (
            "rw.main.masked",
            &[("s", Varchar), ("s2", Varchar), ("n", Integer)],
        ),
        ("rw.main.own", &[("owner", Varchar), ("v", Varchar)]),
        (
            "rw.main.listed",
            &[("a", Integer), ("b", Integer), ("c", Integer)],
        ),
        ("rw.main.restricted", &[("level", Integer), ("z", Integer)]),
        ("rw.main.denied", &[("id", Integer), ("secret", Varchar)]),
        ("rw.main.people", &[("id", Integer), ("email", Varchar)]),
        ("rw.starred.t", &[("a", Integer), ("b", Integer)]),
        ("rw.full.kept", &[("a", Integer)]),
        ("rw.full.other", &[("a", Integer)]),
        ("ro.main.t", &[("id", Integer)]),
    ];
    let mut snapshot = snapshot(relations);
    let columns: Columns<'_> = &[("id", Integer)];
    add_view(
        &mut snapshot,
        "CREATE VIEW v AS SELECT id FROM rw.main.plain;",
        "rw.main.v",
        columns,
    );
    let empty = Schema {
        name: "Empty".to_owned(),
        ..Schema::default()
    };
    let rw = snapshot.catalogs.get_mut("rw").unwrap();
    rw.schemas.insert("empty".to_owned(), empty);
    let parser = Parser::open().unwrap();
    let path = std::path::Path::new("policy.toml");
    let set = PolicySet::from_text(path, POLICY, &snapshot, &parser).unwrap();
    World::of(set, snapshot, "rw")
}

fn check(cases: &[(&str, &str, &str)]) {
    let world = world();
    for (who, text, sql) in cases {
        assert_eq!(world.sql(who, text), *sql, "{who}: {text}");
    }
}

fn check_refused(cases: &[(&str, &str, ErrorKind)]) {
    let world = world();
    for (who, text, kind) in cases {
        assert_eq!(world.refused(who, text), *kind, "{who}: {text}");
    }
}

#[test]
fn schemas() {
    on_a_large_stack(|| {
        check(&[
            ("root", "create schema s", "create schema \"rw\".\"s\""),
            (
                "root",
                "CREATE SCHEMA IF NOT EXISTS rw.\"S;\"",
                "create schema if not exists \"rw\".\"S;\"",
            ),
            (
                "lee",
                "create schema rw.made",
                "create schema \"rw\".\"made\"",
            ),
            ("root", "drop schema empty", "drop schema \"rw\".\"Empty\""),
            (
                "max",
                "drop schema if exists full restrict",
                "drop schema \"rw\".\"full\"",
            ),
        ]);
        let world = world();
        for (who, text) in [
            ("root", "create schema if not exists Main"),
            ("root", "drop schema if exists gone"),
            ("root", "drop schema if exists gone.gone"),
            ("max", "drop schema if exists empty"),
        ] {
            assert!(world.authorise(who, text).unwrap().is_noop(), "{text}");
        }
        // What is sealed is the schema: the worker's words about what is in it are left out.
        let request = world.request("max", "drop schema full");
        assert!(request.governed());
        let target = RelationName::new("rw", "full", "");
        assert_eq!(
            *request.kind(),
            ExecKind::Write {
                target,
                changes_catalog: true
            }
        );
    });
}

#[test]
fn schemas_that_are_not_made_or_dropped() {
    use ErrorKind::{
        DuplicateSchema, InvalidParameterValue, NotSupported, PermissionDenied, ReadOnly, Syntax,
        UndefinedCatalog, UndefinedSchema,
    };
    on_a_large_stack(|| {
        check_refused(&[
            ("root", "create schema recurring", InvalidParameterValue),
            ("root", "create schema Temp", InvalidParameterValue),
            ("root", "create schema pg_catalog", InvalidParameterValue),
            (
                "root",
                "create schema information_schema",
                InvalidParameterValue,
            ),
            ("root", "create schema public", DuplicateSchema),
            ("root", "create schema __EIDER_x", InvalidParameterValue),
            ("root", "create schema ro", InvalidParameterValue),
            ("root", "create schema main", DuplicateSchema),
            ("root", "create schema ro.s", ReadOnly),
            ("root", "create schema gone.s", UndefinedCatalog),
            ("root", "create schema a.b.c", Syntax),
            ("root", "create schema s authorization x", Syntax),
            // A grant on one table is none on the schema.
            ("lee", "create schema rw.other", PermissionDenied),
            ("eve", "create schema s", PermissionDenied),
            ("root", "drop schema main", InvalidParameterValue),
            ("root", "drop schema empty cascade", NotSupported),
            ("root", "drop schema empty, full", NotSupported),
            ("root", "drop schema gone", UndefinedSchema),
            ("lee", "drop schema rw.full", UndefinedSchema),
            ("eve", "drop schema main", PermissionDenied),
        ]);
    });
}

#[test]
fn indexes_and_comments() {
    use ErrorKind::{NotSupported, PermissionDenied, Syntax, UndefinedColumn, WrongObjectType};
    on_a_large_stack(|| {
        check(&[
            (
                "eve",
                "create unique index if not exists i on plain (ID)",
                "create unique index if not exists \"i\" on \"rw\".\"main\".\"plain\" (\"id\")",
            ),
            (
                "eve",
                "create index \"i\"\"\" on rw.plain (id, x)",
                "create index \"i\"\"\" on \"rw\".\"main\".\"plain\" (\"id\", \"x\")",
            ),
            ("root", "drop index i", "drop index \"rw\".\"main\".\"i\""),
            (
                "eve",
                "comment on table plain is 'it''s; drop'",
                "comment on table \"rw\".\"main\".\"plain\" is 'it''s; drop'",
            ),
            (
                "eve",
                "comment on column rw.main.plain.X is null",
                "comment on column \"rw\".\"main\".\"plain\".\"x\" is null",
            ),
            (
                "root",
                "comment on view v is ''",
                "comment on view \"rw\".\"main\".\"v\" is ''",
            ),
        ]);
        check_refused(&[
            ("eve", "create index i on plain (lower(x))", NotSupported),
            ("eve", "create index i on plain ((x))", NotSupported),
            (
                "eve",
                "create index i on plain (id) where id > 1",
                NotSupported,
            ),
            ("eve", "create index i on plain (gone)", UndefinedColumn),
            (
                "eve",
                "create index i on plain using hnsw (id)",
                NotSupported,
            ),
            ("eve", "create index on plain (id)", Syntax),
            ("eve", "create index i on listed (a)", PermissionDenied),
            // Of whom an index is, is not known: the right is on all of the schema.
            ("eve", "drop index i", PermissionDenied),
            // A denial on a part of it takes it away.
            ("max", "drop index rw.full.i", PermissionDenied),
            ("root", "drop index i cascade", NotSupported),
            ("eve", "comment on table listed is 'x'", PermissionDenied),
            (
                "eve",
                "comment on column plain.gone is 'x'",
                UndefinedColumn,
            ),
            ("root", "comment on table v is 'x'", WrongObjectType),
            ("eve", "comment on table plain is 'a' 'b'", Syntax),
            ("eve", "comment on table plain is e'a'", Syntax),
            ("eve", "comment on schema main is 'x'", NotSupported),
        ]);
    });
}

#[test]
fn maintenance_is_for_administrators() {
    use ErrorKind::{NotSupported, PermissionDenied, ReadOnly, UndefinedCatalog, WrongObjectType};
    on_a_large_stack(|| {
        check(&[
            ("root", "vacuum plain", "vacuum \"rw\".\"main\".\"plain\""),
            (
                "root",
                "ANALYZE rw.plain",
                "analyze \"rw\".\"main\".\"plain\"",
            ),
            ("root", "checkpoint", "checkpoint \"rw\""),
            ("root", "checkpoint RW", "checkpoint \"rw\""),
        ]);
        check_refused(&[
            ("ann", "vacuum plain", PermissionDenied),
            ("ann", "analyze plain", PermissionDenied),
            ("ann", "checkpoint", PermissionDenied),
            ("root", "vacuum", NotSupported),
            ("root", "vacuum full plain", NotSupported),
            ("root", "vacuum (analyze) plain", NotSupported),
            ("root", "analyze plain (id)", NotSupported),
            ("root", "analyze v", WrongObjectType),
            ("root", "vacuum ro.t", ReadOnly),
            ("root", "checkpoint ro", ReadOnly),
            ("root", "checkpoint gone", UndefinedCatalog),
            ("root", "force checkpoint", NotSupported),
        ]);
    });
}

#[test]
fn columns_have_names_of_their_own() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "create table d (a integer, a integer)",
            "create temp table d (a integer, b integer, A varchar)",
            "create table d as select 1 as a, 2 as a",
            "create table d (b, a, B) as select 1, 2, 3",
            "create or replace table d (a, a) as select 1, 2",
        ] {
            let error = world.authorise("root", text).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::DuplicateColumn,
                "{text}: {error:?}"
            );
            let said = error.message().to_lowercase();
            assert!(said.contains("\"a\"") || said.contains("\"b\""), "{said}");
        }
        world.sql("root", "create table d as select 1 as a, 2 as b");
    });
}

#[test]
fn the_last_column_stays() {
    on_a_large_stack(|| {
        let world = world();
        let error = world.authorise("root", "alter table quiet drop column id");
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSupported);
        assert!(error.message().contains("last column"), "{error:?}");
    });
}
