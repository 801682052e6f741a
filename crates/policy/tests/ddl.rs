//! DDL: rights, forms, and that nothing that is renamed or changed gets away from its rules.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{ErrorKind, ExecKind, RelationName, Schema, SqlType};
use policy::PolicySet;
use tree::Parser;

const POLICY: &str = r#"
opaque = ["rw.main.quiet"]
[[principal]]
name = "root"
verifier = "x"
roles = ["all", "admin"]
[[principal]]
name = "ann"
verifier = "x"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["some"]
attributes = { region = "EU" }
[[principal]]
name = "lee"
verifier = "x"
roles = ["maker"]
[[principal]]
name = "max"
verifier = "x"
roles = ["mover"]
[[role]]
name = "admin"
admin = true
[[role]]
name = "all"
[[role]]
name = "some"
[[role]]
name = "maker"
[[role]]
name = "mover"

[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "insert", "create", "alter", "drop"]
[[grant]]
role = "some"
on = "rw.main.t"
privileges = ["select", "alter"]
rows = "region = attribute('region')"
[[grant]]
role = "some"
on = "rw.main.masked"
privileges = ["select", "alter"]
[[grant]]
role = "some"
on = "rw.main.plain"
privileges = ["select", "alter"]
[[grant]]
role = "some"
on = "ro.main.t"
privileges = ["select", "alter"]
[[grant]]
role = "some"
on = "rw.main.listed"
privileges = ["select"]
columns = ["a", "b"]
[[grant]]
role = "maker"
on = "rw.made.*"
privileges = ["create", "drop", "select"]
[[grant]]
role = "maker"
on = "rw.other.one"
privileges = ["create", "drop"]
[[grant]]
role = "mover"
on = "rw.full.*"
privileges = ["drop", "alter"]
[[deny]]
on = "rw.full.kept"
privileges = ["alter"]
[[restrict]]
on = "rw.main.own"
rows = "owner = current_user"
to = ["some"]
[[restrict]]
on = "rw.main.restricted"
rows = "level < 3"
to = ["some"]
[[deny]]
on = "rw.main.denied"
columns = ["secret"]
to = ["some"]
[[mask]]
on = "rw.main.masked.s"
expr = "s2 || '*'"
to = ["some"]
[[tag]]
name = "pii"
on = ["rw.*.*.email"]
[[mask]]
tag = "pii"
with = "redact"
to = ["some"]
[[mask]]
on = "rw.starred.*.*"
with = "null"
to = ["some"]
"#;

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
fn changes_of_tables() {
    on_a_large_stack(|| {
        check(&[
            (
                "eve",
                "alter table plain add column n decimal(9, 2) default 3",
                "alter table \"rw\".\"main\".\"plain\" add column \"n\" DECIMAL(9,2) default ('3.00')",
            ),
            (
                "eve",
                "alter table plain add n struct(a int, \"b c\" varchar)[]",
                "alter table \"rw\".\"main\".\"plain\" add column \"n\" STRUCT(\"a\" INTEGER, \"b c\" VARCHAR)[]",
            ),
            (
                "eve",
                "alter table plain add n boolean default true",
                "alter table \"rw\".\"main\".\"plain\" add column \"n\" BOOLEAN default ('true')",
            ),
            (
                "eve",
                "alter table plain add n varchar default 'it''s'",
                "alter table \"rw\".\"main\".\"plain\" add column \"n\" VARCHAR default ('it''s')",
            ),
            (
                "eve",
                "alter table plain add n date default null",
                "alter table \"rw\".\"main\".\"plain\" add column \"n\" DATE default (NULL)",
            ),
            (
                "eve",
                "alter table if exists plain drop X",
                "alter table \"rw\".\"main\".\"plain\" drop column \"x\"",
            ),
            (
                "eve",
                "alter table plain rename x to \"Y\"\"\"",
                "alter table \"rw\".\"main\".\"plain\" rename column \"x\" to \"Y\"\"\"",
            ),
            (
                "eve",
                "alter table plain alter x type date",
                "alter table \"rw\".\"main\".\"plain\" alter column \"x\" set data type DATE",
            ),
            (
                "eve",
                "alter table plain alter column x set default 'it''s'",
                "alter table \"rw\".\"main\".\"plain\" alter column \"x\" set default ('it''s')",
            ),
            (
                "eve",
                "alter table plain alter column x drop default",
                "alter table \"rw\".\"main\".\"plain\" alter column \"x\" drop default",
            ),
            (
                "eve",
                "alter table plain alter x set not null",
                "alter table \"rw\".\"main\".\"plain\" alter column \"x\" set not null",
            ),
            (
                "eve",
                "alter table plain add primary key (ID, x)",
                "alter table \"rw\".\"main\".\"plain\" add primary key (\"id\", \"x\")",
            ),
        ]);
        let world = world();
        for text in [
            "alter table plain add column if not exists X integer",
            "alter table plain drop column if exists gone",
            "alter table if exists gone add column x integer",
            "alter table if exists listed_not add column x integer",
        ] {
            assert!(world.authorise("eve", text).unwrap().is_noop(), "{text}");
        }
        // The worker reads a default again, as a query of its own.
        let request = world.request("eve", "alter table plain alter x set default upper('a')");
        assert_eq!(request.query().unwrap().as_ref(), "SELECT upper('a')");
        assert!(request.expected().functions.contains("upper"));
    });
}

#[test]
fn tables_that_are_not_changed() {
    use ErrorKind::{
        DuplicateColumn, InvalidText, NotSupported, PermissionDenied, ReadOnly, Syntax,
        UndefinedColumn, UndefinedFunction, UndefinedTable, WrongObjectType,
    };
    on_a_large_stack(|| {
        check_refused(&[
            // Not seen whole: filtered, masked, or not readable.
            ("eve", "alter table t add column a integer", NotSupported),
            ("eve", "alter table t alter v set not null", NotSupported),
            ("eve", "alter table masked drop column n", NotSupported),
            ("eve", "create unique index i on t (id)", NotSupported),
            ("eve", "create index i on t (id)", NotSupported),
            (
                "max",
                "alter table rw.full.kept add column b integer",
                PermissionDenied,
            ),
            (
                "eve",
                "alter table listed add column d integer",
                PermissionDenied,
            ),
            (
                "eve",
                "alter table people add column d integer",
                UndefinedTable,
            ),
            ("eve", "alter table ro.t add column d integer", ReadOnly),
            (
                "root",
                "alter table v add column d integer",
                WrongObjectType,
            ),
            (
                "eve",
                "alter table plain add column X integer",
                DuplicateColumn,
            ),
            ("eve", "alter table plain rename id to x", DuplicateColumn),
            ("eve", "alter table plain drop column gone", UndefinedColumn),
            (
                "eve",
                "alter table plain alter gone drop default",
                UndefinedColumn,
            ),
            (
                "eve",
                "alter table plain add primary key (gone)",
                UndefinedColumn,
            ),
            (
                "eve",
                "alter table plain alter x set default getvariable('x')",
                UndefinedFunction,
            ),
            (
                "eve",
                "alter table plain alter x set default nextval('s')",
                UndefinedFunction,
            ),
            (
                "eve",
                "alter table plain alter x set default (select max(x) from plain)",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain alter x set default $1",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain add column a double default random()",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain add column a integer default 'x'",
                InvalidText,
            ),
            (
                "eve",
                "alter table plain add column a integer not null",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain add column a integer unique",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain add constraint c check (id > 1)",
                NotSupported,
            ),
            ("eve", "alter table plain drop constraint c", NotSupported),
            (
                "eve",
                "alter table plain drop column x cascade",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain alter x type date using x::date",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain add column a integer, add column b integer",
                NotSupported,
            ),
            (
                "eve",
                "alter table plain add column a integer; select 1",
                Syntax,
            ),
            ("eve", "alter table plain set schema other", NotSupported),
            ("eve", "alter view v rename to w", NotSupported),
            ("eve", "alter sequence s restart", NotSupported),
            ("root", "create sequence s", NotSupported),
        ]);
    });
}

#[test]
fn a_rename_takes_no_table_away_from_its_rules() {
    on_a_large_stack(|| {
        let world = world();
        // Under both names only rules for all tables hold.
        assert_eq!(
            world
                .sql("root", "alter table rw.full.other rename to x")
                .as_str(),
            "alter table \"rw\".\"full\".\"other\" rename to \"x\""
        );
        for (from, to) in [
            // Grants, row rules, denials, masks and `opaque` of the old name or of the new one.
            ("t", "free"),
            ("people", "plain"),
            ("people", "restricted"),
            ("people", "denied"),
            ("people", "masked"),
            ("people", "quiet"),
            ("quiet", "free"),
            ("restricted", "free"),
            ("denied", "free"),
            ("masked", "free"),
        ] {
            for who in ["root", "ann"] {
                let text = format!("alter table {from} rename to {to}");
                let error = world.authorise(who, &text).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{text}");
                assert!(!error.message().contains("policy.toml"), "{error}");
                assert_eq!(error.hint().is_some(), who == "root", "{error:?}");
            }
        }
        let error = world
            .authorise("root", "alter table restricted rename to free")
            .unwrap_err();
        assert!(error.hint().unwrap().contains("policy.toml:"), "{error:?}");
        assert_eq!(
            world.sql("ann", "alter table people rename to persons"),
            "alter table \"rw\".\"main\".\"people\" rename to \"persons\""
        );
        // The new name needs the right to make it, and is not the policy's own.
        assert_eq!(
            world.refused("eve", "alter table plain rename to free"),
            ErrorKind::PermissionDenied
        );
        assert_eq!(
            world.refused("root", "alter table people rename to __Eider_x"),
            ErrorKind::InvalidParameterValue
        );
    });
}

#[test]
fn a_column_that_rules_name_stays() {
    on_a_large_stack(|| {
        let world = world();
        for (table, column) in [
            ("t", "region"),
            ("masked", "s"),
            ("masked", "s2"),
            ("listed", "a"),
            ("restricted", "level"),
            ("denied", "secret"),
            ("people", "email"),
        ] {
            for change in [
                format!("alter table {table} rename column {column} to other"),
                format!("alter table {table} drop column {column}"),
                format!("alter table {table} alter column {column} type bigint"),
            ] {
                for who in ["root", "ann"] {
                    let error = world.authorise(who, &change).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{change}");
                    assert_eq!(error.hint().is_some(), who == "root", "{error:?}");
                }
            }
        }
        // Nor may another column take such a name.
        for text in [
            "alter table people rename column id to email",
            "alter table own add column \"current_user\" varchar default 'eve'",
            "alter table own rename column v to \"Current_User\"",
            "alter table listed rename column c to a",
            "alter table starred.t alter column a type bigint",
        ] {
            assert!(world.authorise("root", text).is_err(), "{text}");
        }
        // Rules for every column hold of any name; and what no rule is about is free.
        for text in [
            "alter table starred.t rename column a to c",
            "alter table starred.t drop column a",
            "alter table masked rename column n to m",
            "alter table listed drop column c",
            "alter table people alter column email set default 'x'",
        ] {
            world.sql("root", text);
        }
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
