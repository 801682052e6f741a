//! Sequences: which of them exist for whom, what may be done with them, and how they are named.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{Columns, World, on_a_large_stack, snapshot};
use model::{CatalogMode, Constraint, ConstraintKind, ErrorKind, RelationName, SqlType};
use policy::PolicySet;
use tree::Parser;

const POLICY: &str = r#"
[[principal]]
name = "ann"
verifier = "x"
roles = ["maker"]
[[principal]]
name = "ben"
verifier = "x"
roles = ["user"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["part"]
[[role]]
name = "maker"
[[role]]
name = "user"
[[role]]
name = "part"
[[grant]]
role = "maker"
on = "*.*.*"
privileges = ["select", "insert", "update", "delete", "create", "alter", "drop"]
[[grant]]
role = "user"
on = "rw.main.s"
privileges = ["select", "update"]
[[grant]]
role = "user"
on = "rw.main.look"
privileges = ["select"]
[[grant]]
role = "user"
on = "rw.main.t"
privileges = ["select", "insert", "update"]
[[grant]]
role = "part"
on = "rw.main.*"
privileges = ["select", "insert", "update"]
rows = "id > 1"
[[grant]]
role = "part"
on = "rw.main.s"
privileges = ["update"]
[[grant]]
role = "part"
on = "rw.main.new"
privileges = ["create"]
"#;

const SEQUENCES: [(&str, &str, &str); 9] = [
    ("rw", "main", "s"),
    ("rw", "main", "look"),
    ("rw", "main", "secret"),
    ("rw", "main", "t"),
    ("rw", "A.b", "it's"),
    ("rw", "A.b", "q\"q"),
    ("rw", "A.b", "qq"),
    ("other", "main", "s"),
    ("ro", "main", "s"),
];

fn world() -> World {
    let columns: Columns<'_> = &[("id", SqlType::Integer), ("x", SqlType::Integer)];
    let mut snapshot = snapshot(&[
        ("rw.main.t", columns),
        ("rw.main.u", columns),
        ("rw.A.t", &[("id", SqlType::Integer)]),
        ("other.main.t", columns),
        ("ro.main.t", columns),
    ]);
    snapshot.catalogs.get_mut("other").unwrap().mode = CatalogMode::ReadWrite;
    let rw = snapshot.catalogs.get_mut("rw").unwrap();
    let mut odd = rw.schemas.remove("A").unwrap();
    odd.name = "A.b".to_owned();
    odd.relations.clear();
    rw.schemas.insert("a.b".to_owned(), odd);
    for (catalog, schema, name) in SEQUENCES {
        let catalog_of = snapshot.catalogs.get_mut(catalog).unwrap();
        let schema_of = catalog_of
            .schemas
            .get_mut(&schema.to_ascii_lowercase())
            .unwrap();
        schema_of
            .sequences
            .insert(name.to_owned(), RelationName::new(catalog, schema, name));
    }
    let parser = Parser::open().unwrap();
    let set = PolicySet::from_text(Path::new("policy.toml"), POLICY, &snapshot, &parser).unwrap();
    World::of(set, snapshot, "rw")
}

fn names(set: &std::collections::BTreeSet<RelationName>) -> Vec<String> {
    set.iter().map(ToString::to_string).collect()
}

#[test]
fn a_sequence_is_printed_by_its_full_name() {
    on_a_large_stack(|| {
        let w = world();
        for (literal, full) in [
            ("s", "rw.main.s"),
            ("S", "rw.main.s"),
            ("main.s", "rw.main.s"),
            ("\"main\".S", "rw.main.s"),
            ("public.s", "rw.main.s"),
            ("rw.s", "rw.main.s"),
            ("RW.Public.\"s\"", "rw.main.s"),
            ("other.s", "other.main.s"),
            ("other.main.s", "other.main.s"),
            ("t", "rw.main.t"),
        ] {
            let text = format!("select nextval('{literal}') as n");
            // The sidecar has no schema `public`; a session's texts have it replaced before.
            let done = match literal.to_ascii_lowercase().contains("public") {
                true => {
                    let view = w.view("ann");
                    let text = view.with_own_schemas(&text).unwrap().into_owned();
                    w.authorise("ann", &text)
                }
                false => w.authorise("ann", &text),
            };
            let done = done.unwrap_or_else(|e| panic!("{literal}: {e:?}"));
            let quoted = format!("\"{}\"", full.replace('.', "\".\""));
            assert_eq!(
                done.sql(),
                format!("SELECT nextval('{quoted}') AS n"),
                "{literal}"
            );
            assert_eq!(names(&done.expected().sequences), [full]);
            assert_eq!(names(&done.expected().drawn), [full]);
            assert!(done.writes_shared());
        }
        let odd = w
            .authorise("ann", "select currval('\"A.b\".\"it''s\"')")
            .unwrap();
        assert_eq!(odd.sql(), "SELECT currval('\"rw\".\"A.b\".\"it''s\"')");
        assert_eq!(names(&odd.expected().sequences), ["rw.A.b.it's"]);
        assert!(odd.expected().drawn.is_empty() && !odd.writes_shared());
    });
}

#[test]
fn only_a_literal_that_is_a_name_names_a_sequence() {
    use ErrorKind::{NotSupported, Syntax, UndefinedFunction, UndefinedObject, UndefinedTable};
    on_a_large_stack(|| {
        let w = world();
        for (call, kind) in [
            ("nextval('s' || '')", NotSupported),
            ("nextval(cast('s' as varchar))", NotSupported),
            ("nextval('s'::regclass)", UndefinedObject),
            ("nextval(null)", NotSupported),
            ("nextval($1)", NotSupported),
            ("nextval(lower('S'))", NotSupported),
            ("nextval((select 's'))", NotSupported),
            ("nextval('s', 's')", NotSupported),
            ("nextval()", NotSupported),
            ("nextval(distinct 's')", NotSupported),
            ("nextval('s') filter (where true)", NotSupported),
            ("nextval('s' order by 1)", NotSupported),
            ("nextval(x := 's')", NotSupported),
            ("nextval(1)", NotSupported),
            ("nextval(date '2020-01-01')", NotSupported),
            ("nextval('\"a\"\".b\".c')", NotSupported),
            ("nextval('\"A.b\".\"q\"\"q\"')", NotSupported),
            ("nextval('')", Syntax),
            ("nextval('a.b.c.d')", Syntax),
            ("nextval('\"s')", Syntax),
            ("nextval('s ')", Syntax),
            ("nextval('s; drop table t')", Syntax),
            ("nextval('nope')", UndefinedTable),
            ("nextval('u')", UndefinedTable),
            ("nextval('nope.s')", UndefinedTable),
            ("nextval('temp.s')", UndefinedTable),
            ("nextval('memory.main.s')", UndefinedTable),
            ("other.main.nextval('s')", UndefinedFunction),
            ("pg_catalog.nextval('s')", UndefinedFunction),
            ("setval('s', 1)", UndefinedFunction),
            ("lastval()", UndefinedFunction),
        ] {
            let text = format!("select {call}");
            assert_eq!(w.refused("ann", &text), kind, "{text}");
        }
        for text in [
            "select * from nextval('s')",
            "select nextval('s') over ()",
            "select list_transform([1], x -> nextval(x))",
            "select list_aggr([1], 'nextval')",
            "select 's'.nextval(1)",
        ] {
            assert!(w.authorise("ann", text).is_err(), "{text}");
        }
    });
}

#[test]
fn what_is_hidden_does_not_exist() {
    use ErrorKind::{PermissionDenied, UndefinedTable};
    on_a_large_stack(|| {
        let w = world();
        assert!(
            w.authorise("ben", "select nextval('s'), currval('s')")
                .is_ok()
        );
        assert!(w.authorise("ben", "select currval('look')").is_ok());
        for (text, kind) in [
            ("select nextval('look')", PermissionDenied),
            ("drop sequence s", PermissionDenied),
            ("create sequence mine", PermissionDenied),
            ("select nextval('secret')", UndefinedTable),
            ("select currval('secret')", UndefinedTable),
            ("select nextval('other.main.s')", UndefinedTable),
            ("drop sequence secret", UndefinedTable),
            ("drop sequence nope", UndefinedTable),
            ("select * from s", UndefinedTable),
            ("drop table s", UndefinedTable),
            ("drop sequence u", UndefinedTable),
        ] {
            assert_eq!(w.refused("ben", text), kind, "{text}");
        }
        let said = |name: &str| {
            let text = format!("select nextval('{name}')");
            let error = w.authorise("ben", &text).unwrap_err();
            (error.kind(), error.message().replace(name, "…"))
        };
        assert_eq!(said("secret"), said("nope"));
        assert!(
            w.authorise("ben", "drop sequence if exists secret")
                .unwrap()
                .is_noop()
        );
        // A grant on some rows is none on a sequence.
        assert_eq!(w.refused("eve", "select nextval('look')"), UndefinedTable);
        assert_eq!(w.refused("eve", "select currval('s')"), PermissionDenied);
        assert!(w.authorise("eve", "select nextval('s')").is_ok());
    });
}

#[test]
fn values_are_not_drawn_where_they_would_tell_of_hidden_rows() {
    use ErrorKind::NotSupported;
    on_a_large_stack(|| {
        let w = world();
        for text in [
            "select nextval('s') from t",
            "select id from t where nextval('s') > 1",
            "select 1 from t limit (select nextval('s'))",
            "select (select nextval('s')), (select count(*) from t)",
            "with q as materialized (select nextval('s') as n) select n from q, t limit 3",
            "insert into t select nextval('s'), x from t",
            "insert into t values (nextval('s'), (select max(x) from t))",
            "create table new as select nextval('s') as n from t",
            "update t set x = nextval('s')",
            "update t set x = 1 where id = nextval('s')",
            "delete from t where id = nextval('s')",
        ] {
            assert!(w.authorise("eve", text).is_err(), "{text}");
        }
        assert_eq!(w.refused("eve", "select nextval('s') from t"), NotSupported);
        for text in [
            "insert into t values (nextval('s'), 2)",
            "insert into t (x) select nextval('s')",
            "insert into t (id, x) select nextval('s'), i from range(3) r(i)",
        ] {
            let done = w
                .authorise("eve", text)
                .unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(names(&done.expected().drawn), ["rw.main.s"], "{text}");
        }
        for text in [
            "select nextval('s') from t where x > 1",
            "insert into t select nextval('s'), x from t",
            "update t set x = nextval('s') where id > 2",
            "create table new as select nextval('s') as id from t",
        ] {
            let done = w
                .authorise("ann", text)
                .unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(names(&done.expected().drawn), ["rw.main.s"], "{text}");
        }
        // One catalog is written in a transaction.
        for text in [
            "select nextval('s'), nextval('other.main.s')",
            "insert into other.main.t values (nextval('s'), 1)",
            "create table other.main.n as select nextval('rw.main.s') as n",
            "create table other.main.n (id integer default nextval('rw.main.s'))",
            "create temp table n as select nextval('s') as n",
            "create temp table n (id integer default nextval('s'))",
        ] {
            assert_eq!(w.refused("ann", text), NotSupported, "{text}");
        }
        assert!(
            w.authorise("ann", "select currval('s'), nextval('other.main.s')")
                .is_ok()
        );
    });
}

#[test]
fn a_sequence_takes_no_part_elsewhere() {
    on_a_large_stack(|| {
        let mut w = world();
        let key = Constraint {
            kind: ConstraintKind::Unique,
            columns: vec!["id".to_owned()],
        };
        w.constrain(&RelationName::new("rw", "main", "t"), key);
        for text in [
            "create view v as select nextval('s') as n",
            "create view v as select currval('s') as n",
            "insert into t values (1, 2) returning nextval('s')",
            "update t set x = 1 returning nextval('s')",
            "insert into t values (1, 2) on conflict (id) do update set x = nextval('s')",
            "merge into t using u on t.id = u.id when matched then update set x = nextval('s')",
            "merge into t using (select nextval('s') as n) u on t.id = u.n when matched then delete",
            "explain select nextval('s')",
            "describe select nextval('s')",
            "summarize select nextval('s') as n",
            "alter table t add column n bigint default nextval('s')",
        ] {
            assert_eq!(w.refused("ann", text), ErrorKind::NotSupported, "{text}");
        }
        let view = w.view("ann");
        let sidecar = tree::Sidecar::build(view.visible(), "rw").unwrap();
        for call in ["nextval('s')", "currval('s')", "1 + nextval('rw.main.s')"] {
            let arguments = format!("select {call}");
            let parser = &w.parser;
            let values = policy::constants(
                &arguments,
                &[SqlType::BigInt],
                &view,
                &sidecar,
                "UTC",
                parser,
            );
            assert_eq!(
                values.unwrap_err().kind(),
                ErrorKind::NotSupported,
                "{call}"
            );
        }
    });
}

#[test]
fn policies_draw_from_nothing() {
    on_a_large_stack(|| {
        let w = world();
        for rule in [
            "[[role]]\nname = \"r\"\n[[grant]]\nrole = \"r\"\non = \"rw.main.t\"\nprivileges = [\"select\"]\nrows = \"id > nextval('s')\"",
            "[[role]]\nname = \"r\"\n[[mask]]\non = \"rw.main.t.x\"\nexpr = \"currval('s')\"",
        ] {
            let path = Path::new("policy.toml");
            let with = |rule: &str| {
                let text = format!(
                    "[[principal]]\nname = \"p\"\nverifier = \"x\"\nroles = [\"r\"]\n{rule}"
                );
                PolicySet::from_text(path, &text, &w.snapshot, &w.parser)
            };
            assert!(with(rule).is_err(), "{rule}");
            let plain = rule
                .replace("nextval('s')", "1")
                .replace("currval('s')", "1");
            assert!(with(&plain).is_ok(), "{plain}");
        }
    });
}

#[test]
fn definitions() {
    on_a_large_stack(|| {
        let w = world();
        for (text, sql) in [
            ("create sequence n", r#"create sequence "rw"."main"."n""#),
            (
                "create or replace sequence other.N start 5 increment by -2 no minvalue maxvalue 10 no cycle",
                r#"create or replace sequence "other"."main"."N" increment by -2 maxvalue 10 start with 5"#,
            ),
            (
                "create sequence if not exists \"A.b\".\"x y\" cycle minvalue -3 maxvalue +9 start with -3",
                r#"create sequence if not exists "rw"."A.b"."x y" minvalue -3 maxvalue 9 start with -3 cycle"#,
            ),
            (
                "drop sequence S restrict",
                r#"drop sequence "rw"."main"."s""#,
            ),
            (
                "drop sequence if exists public.s",
                r#"drop sequence "rw"."main"."s""#,
            ),
        ] {
            assert_eq!(w.sql("ann", text), sql, "{text}");
        }
        assert_eq!(
            w.sql(
                "ann",
                "create table n (id integer default nextval('s'), y integer default 1 + 2)"
            ),
            "create table \"rw\".\"main\".\"n\" (\"id\" INTEGER default (nextval('\"rw\".\"main\".\"s\"')), \
             \"y\" INTEGER default ((1 + 2)))"
        );
        let request = w.request("ann", "create table n (id integer default nextval('s'))");
        assert_eq!(
            request.query().map(|q| &**q),
            Some("SELECT nextval('\"rw\".\"main\".\"s\"')")
        );
        assert_eq!(names(&request.expected().drawn), ["rw.main.s"]);
        let request = w.request("ann", "alter table t alter id set default nextval('s')");
        assert_eq!(names(&request.expected().drawn), ["rw.main.s"]);
    });
}

#[test]
fn refused_definitions() {
    use ErrorKind::{NotSupported, ReadOnly, Syntax};
    on_a_large_stack(|| {
        let w = world();
        for (text, kind) in [
            ("create temp sequence n", NotSupported),
            ("create temporary sequence n", NotSupported),
            ("create sequence temp.n", NotSupported),
            ("create sequence \"n\"\"n\"", NotSupported),
            ("create sequence n as integer", NotSupported),
            ("create sequence n cache 5", NotSupported),
            ("create sequence n owned by t.id", NotSupported),
            ("create sequence n start 1 start 2", Syntax),
            ("create sequence n start 1.5", Syntax),
            ("create sequence n start 9223372036854775808", Syntax),
            ("create sequence n increment 0", Syntax),
            ("create sequence n minvalue 5 maxvalue 3", Syntax),
            ("create sequence n start -1", Syntax),
            ("create sequence n no", Syntax),
            ("create sequence n start", Syntax),
            ("create sequence n 1", Syntax),
            ("create or replace sequence if not exists n", Syntax),
            ("create sequence ro.main.n", ReadOnly),
            ("drop sequence ro.main.s", ReadOnly),
            ("select nextval('ro.main.s')", ReadOnly),
            ("drop sequence s cascade", NotSupported),
            ("drop sequence s, look", NotSupported),
            ("alter sequence s restart", NotSupported),
            ("comment on sequence s is 'x'", NotSupported),
        ] {
            assert_eq!(w.refused("ann", text), kind, "{text}");
        }
        assert!(w.authorise("ann", "select currval('ro.main.s')").is_ok());
    });
}
