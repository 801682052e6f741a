//! ALTER TABLE: forms, rights, and that nothing that is renamed or changed gets away from its rules.

use model::ErrorKind;

use crate::common::on_a_large_stack;
use crate::{check, check_refused, world};

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
                UndefinedTable,
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
            ("root", "create temp sequence s", NotSupported),
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
