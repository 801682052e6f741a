//! Rules and the relations that they are about: no statement makes a relation that a rule does not fit,
//! as the policy could not be loaded again; rules about nothing are warned of.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{CatalogSnapshot, ErrorKind, SqlType};
use policy::PolicySet;
use tree::Parser;

const POLICY: &str = r#"
mapping = ["rw.main.desks"]
[[principal]]
name = "root"
verifier = "x"
roles = ["all", "admin"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["all", "some"]
[[role]]
name = "all"
[[role]]
name = "admin"
admin = true
[[role]]
name = "some"
[[grant]]
role = "all"
on = "rw.*.*"
privileges = ["select", "create", "alter", "drop"]
[[restrict]]
id = "owned"
on = "rw.work.*"
rows = "owner = current_user"
to = ["some"]
[[mask]]
id = "addresses"
on = "*.*.*.email"
expr = "left(email, 1)"
except = ["admin"]
[[deny]]
on = "rw.main.denied"
columns = ["secret"]
to = ["some"]
[[grant]]
role = "some"
on = "rw.main.listed"
privileges = ["select"]
columns = ["a"]
[[grant]]
role = "some"
on = "rw.main.v"
privileges = ["select"]
definer = "root"
"#;

fn catalogs() -> CatalogSnapshot {
    use SqlType::{Integer, Varchar};
    let relations: &[(&str, Columns<'_>)] = &[
        ("rw.work.t", &[("owner", Varchar), ("a", Integer)]),
        ("rw.main.people", &[("id", Integer), ("email", Varchar)]),
        ("rw.main.denied", &[("id", Integer), ("secret", Varchar)]),
        ("rw.main.listed", &[("a", Integer), ("b", Integer)]),
        ("rw.main.plain", &[("id", Integer)]),
        ("rw.main.desks", &[("name", Varchar)]),
    ];
    let mut snapshot = snapshot(relations);
    let columns: Columns<'_> = &[("id", Integer)];
    let view = "CREATE VIEW v AS SELECT id FROM rw.main.plain;";
    add_view(&mut snapshot, view, "rw.main.v", columns);
    let broken = "CREATE VIEW broken AS SELECT id FROM rw.main.gone;";
    add_view(&mut snapshot, broken, "rw.main.broken", columns);
    snapshot
}

fn world() -> World {
    let (snapshot, parser) = (catalogs(), Parser::open().unwrap());
    let set = PolicySet::from_text(Path::new("policy.toml"), POLICY, &snapshot, &parser).unwrap();
    let mut world = World::of(set, snapshot, "rw");
    world.hides = true;
    world
}

#[test]
fn what_a_rule_does_not_fit_is_not_made_whomever_the_rule_is_for() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "create table rw.work.junk (a integer)",
            "create or replace table rw.work.t as select 1 as a",
            "create view rw.work.w as select id from plain",
            "create table new (email integer)",
            "create table new as select id as email from plain",
            "create view new (email) as select id from plain",
            "create or replace table denied (id integer)",
            "create or replace table listed as select id as b from plain",
            "create table rw.main.v (id integer)",
            "drop table desks",
            "create or replace table desks (name varchar)",
        ] {
            for who in ["root", "eve"] {
                let error = world.authorise(who, text).unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::PermissionDenied,
                    "{who}: {text}: {error}"
                );
                let told = error.hint().is_some_and(|h| h.contains("policy.toml:"));
                assert_eq!(told, who == "root", "{who}: {text}: {:?}", error.hint());
            }
        }
    });
}

#[test]
fn a_column_that_a_rule_does_not_fit_is_not_added() {
    on_a_large_stack(|| {
        let policy = POLICY.replace("expr = \"left(email, 1)\"", "with = \"keep_first 1\"");
        let mut world = World::of(load(&policy).unwrap(), catalogs(), "rw");
        world.hides = true;
        for who in ["root", "eve"] {
            let text = "alter table plain add column email integer";
            assert_eq!(world.refused(who, text), ErrorKind::PermissionDenied);
            world.sql(who, "alter table plain add column email varchar");
        }
    });
}

#[test]
fn what_rules_fit_is_made() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "create table rw.work.fine (owner varchar, more integer)",
            "create table rw.work.fine as select name as owner from desks",
            "create view rw.work.fine as select name as owner from desks",
            "create table new (email varchar, e integer)",
            "create or replace table denied (secret varchar)",
            "create table if not exists rw.work.t (a integer)",
            "create temp table junk (email integer)",
            "drop table plain",
        ] {
            let made = world.authorise("root", text);
            assert!(made.is_ok(), "{text}: {:?}", made.err());
        }
    });
}

#[test]
fn what_cannot_be_read_is_dropped_by_who_may() {
    on_a_large_stack(|| {
        let world = world();
        for name in ["broken", "main.broken", "rw.main.broken"] {
            assert_eq!(
                world.refused("eve", &format!("from {name}")),
                ErrorKind::UndefinedTable
            );
            assert_eq!(
                world.sql("eve", &format!("drop view {name}")),
                "drop view \"rw\".\"main\".\"broken\""
            );
        }
        assert_eq!(
            world.refused("eve", "drop table broken"),
            ErrorKind::WrongObjectType
        );
        let denied = format!("{POLICY}\n[[deny]]\non = 'rw.main.broken'\nprivileges = ['drop']\n");
        let mut world = World::of(load(&denied).unwrap(), catalogs(), "rw");
        world.hides = true;
        assert_eq!(
            world.refused("eve", "drop view broken"),
            ErrorKind::UndefinedTable
        );
    });
}

fn load(policy: &str) -> model::Result<PolicySet> {
    let parser = Parser::open().unwrap();
    PolicySet::from_text(Path::new("policy.toml"), policy, &catalogs(), &parser)
}

#[test]
fn rules_about_nothing_are_warned_of() {
    on_a_large_stack(|| {
        assert_eq!(load(POLICY).unwrap().warnings(&catalogs()), [""; 0]);
        let rules = r#"
[[deny]]
on = "rw.main.plian"
[[restrict]]
on = "rw.public.plain"
rows = "id = 1"
[[deny]]
on = "rw.work.*"
columns = ["nothing"]
[[mask]]
on = "rw.main.gone.id"
with = "null"
[[tag]]
name = "pii"
on = ["*.*.*.email", "*.*.*.mail"]
[[grant]]
role = "some"
on = "rw.yet.*"
privileges = ["select", "create"]
"#;
        let first = POLICY.lines().count();
        let told = [
            (2, "no relation matches rw.main.plian"),
            (4, "no relation matches rw.public.plain"),
            (7, "no column matches rw.work.*.nothing"),
            (10, "no column matches rw.main.gone.id"),
            (13, "no column matches *.*.*.mail"),
        ];
        let told = told.map(|(line, what)| format!("policy.toml:{}: {what}", first + line));
        let set = load(&format!("{POLICY}{rules}")).unwrap();
        assert_eq!(set.warnings(&catalogs()), told);
    });
}

/// What is below a view can be changed by others, who must not keep the policy from being loaded by it.
#[test]
fn a_view_that_a_rule_does_not_fit_any_more_is_hidden_and_warned_of() {
    on_a_large_stack(|| {
        let mut snapshot = catalogs();
        let columns: Columns<'_> = &[("id", SqlType::Integer)];
        let view = "CREATE VIEW star AS SELECT * FROM rw.main.plain;";
        add_view(&mut snapshot, view, "rw.work.star", columns);
        let path = Path::new("policy.toml");
        let set = PolicySet::from_text(path, POLICY, &snapshot, &Parser::open().unwrap()).unwrap();
        let [warning] = set.warnings(&snapshot).try_into().unwrap();
        assert!(warning.contains("a view is hidden: there is no column \"owner\" in rw.work.star"));
        let mut world = World::of(set, snapshot, "rw");
        world.hides = true;
        assert_eq!(world.names("root", "from work.star"), ["id"]);
        assert_eq!(
            world.refused("eve", "from work.star"),
            ErrorKind::UndefinedTable
        );
    });
}

#[test]
fn rules_that_do_not_fit_what_is_there_are_refused() {
    on_a_large_stack(|| {
        for (rule, reason) in [
            (
                "[[restrict]]\non = 'rw.main.*'\nrows = 'owner = 1'",
                "there is no column \"owner\"",
            ),
            (
                "[[mask]]\non = 'rw.main.plain.nothing'\nwith = 'null'",
                "there is no column \"nothing\"",
            ),
            (
                "[[deny]]\non = 'rw.main.plain'\nto = []",
                "an empty list of roles",
            ),
            (
                "[[grant]]\nrole = 'some'\non = 'rw.main.plain'\nprivileges = ['select']\ndefiner = 'root'",
                "only views have a definer",
            ),
        ] {
            let error = load(&format!("{POLICY}{rule}")).unwrap_err();
            assert!(error.message().contains(reason), "{rule}: {error}");
            assert!(error.message().starts_with("policy.toml:"), "{error}");
        }
    });
}
