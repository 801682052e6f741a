//! Names that policy makes itself: nothing of anybody else's may have one, as what runs would mean it.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{CatalogSnapshot, ErrorKind, SqlType, TEMPORARY};
use policy::{PolicySet, View};
use tree::{Parser, Sidecar};

const POLICY: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["own"]
[[role]]
name = "all"
admin = true
[[role]]
name = "own"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "insert", "update", "delete", "create", "alter", "drop"]
[[grant]]
role = "own"
on = "rw.*.*"
privileges = ["select", "insert", "update", "delete"]
rows = "owner = current_user"
"#;

const COLUMNS: Columns<'_> = &[
    ("owner", SqlType::Varchar),
    ("v", SqlType::Varchar),
    ("n", SqlType::BigInt),
];

fn world(more: &[(&str, Columns<'_>)]) -> World {
    let tables = [&[("rw.main.t", COLUMNS)], more].concat();
    let mut world = World::new(POLICY, &tables, "rw");
    world.hides = true;
    world
}

#[test]
fn no_statement_gives_a_column_such_a_name() {
    on_a_large_stack(|| {
        let world = world(&[]);
        for text in [
            "create table x (__eider_rid bigint, owner varchar)",
            "create table x (owner varchar, \"__EIDER_In\" boolean)",
            "create temp table x (__eider_r1 boolean)",
            "create table x as select 1 as __eider_rid, owner from t",
            "create table x as select q.* from (select n as \"__Eider_Rid\" from t) q",
            "create table x as select unnest({'__eider_rid': 1})",
            "create table x as select * from t as q(\"__eider_v1\", b, c)",
            "create table x (__eider_rid, b) as select n, owner from t",
            "create or replace table x (__eider) as select n from t",
            "create temp table x as select 1 as __eider_rid",
            "create view x as select 1 as __eider_rid",
            "create view x (__eider_in) as select n from t",
            "create view x as select * from (select n as __eider_rid from t)",
            "create temp view x as select n as __eider_rid from t",
            "alter table t add column __eider_rid bigint",
            "alter table t add column if not exists \"__EIDER_RID\" bigint",
            "alter table t rename column n to __eider_rid",
            "alter table t rename column n to \"__Eider_m\"",
        ] {
            let kind = world.refused("root", text);
            assert_eq!(kind, ErrorKind::InvalidParameterValue, "{text}");
        }
        // Names that hold it elsewhere are nobody's but the user's.
        world.sql(
            "root",
            "create table x (an__eider_rid bigint, eider text, owner text)",
        );
    });
}

/// Also a database that was not made here may bring such columns: with them a write would find rows by
/// values that its user chose.
#[test]
fn a_relation_with_such_a_column_does_not_exist() {
    on_a_large_stack(|| {
        let owner = ("owner", SqlType::Varchar);
        let with = |name| [(name, SqlType::BigInt), owner.clone()];
        let columns = [
            "__eider_rid",
            "__EIDER_RID",
            "__eider_in",
            "__eider_r1",
            "__eider",
        ];
        for column in columns {
            let world = world(&[("rw.main.x", &with(column))]);
            for who in ["root", "eve"] {
                for text in [
                    "from x",
                    "select owner from rw.main.x",
                    "insert into x (owner) values ('eve')",
                    "update x set owner = 'eve'",
                    "delete from x",
                    "merge into x using (select 1 as a) s on x.owner = 'eve' when matched then delete",
                ] {
                    let kind = world.refused(who, text);
                    assert_eq!(kind, ErrorKind::UndefinedTable, "{who}: {text}");
                }
                let view = world.view(who);
                assert!(view.visible().relation("rw", "main", "x").is_none());
                let [(hidden, why)] = view.hidden() else {
                    panic!("{:?}", view.hidden())
                };
                assert_eq!(hidden.name, "x");
                assert!(why.message().contains("reserved"), "{why:?}");
            }
        }
    });
}

#[test]
fn nor_does_a_view_of_such_a_column() {
    on_a_large_stack(|| {
        let mut world = world(&[]);
        let (definition, columns) = (
            "CREATE VIEW x (\"__eider_rid\", owner) AS SELECT n, owner FROM rw.main.t;",
            [
                ("__eider_rid", SqlType::BigInt),
                ("owner", SqlType::Varchar),
            ],
        );
        add_view(&mut world.snapshot, definition, "rw.main.x", &columns);
        for who in ["root", "eve"] {
            assert_eq!(world.refused(who, "from x"), ErrorKind::UndefinedTable);
        }
    });
}

#[test]
fn nor_do_a_sessions_own() {
    on_a_large_stack(|| {
        let world = world(&[]);
        let name = format!("{TEMPORARY}.main.x");
        let with = [
            ("__eider_rid", SqlType::BigInt),
            ("owner", SqlType::Varchar),
        ];
        let own = |columns: Columns<'_>| snapshot(&[(name.as_str(), columns)]);
        let seen = |own: &CatalogSnapshot| -> View {
            let temporary = own.catalogs[TEMPORARY].clone();
            let all = std::sync::Arc::new(world.snapshot.clone()).with_temporary(2, temporary);
            let view = world.view("eve");
            let sidecar = Sidecar::build(view.visible(), "rw").unwrap();
            view.with_temporary(&all, &sidecar, &world.parser).unwrap()
        };
        // Its name stays taken.
        let visible = |view: &View| {
            let relation = view.visible().relation(TEMPORARY, "main", "x").unwrap();
            !relation.columns.is_empty()
        };
        assert!(!visible(&seen(&own(&with))));
        assert!(visible(&seen(&own(&with[1..]))));
    });
}

/// In a look-up it would hide the row that a rule speaks of.
#[test]
fn a_mapping_table_has_no_such_column() {
    let field = SqlType::Struct([("owner".to_owned(), SqlType::Varchar)].into());
    let tables: &[(&str, Columns<'_>)] = &[
        ("rw.main.t", COLUMNS),
        (
            "rw.main.m",
            &[("who", SqlType::Varchar), ("__eider", field)],
        ),
    ];
    let policy = format!("mapping = [\"rw.main.m\"]\n{POLICY}");
    let parser = Parser::open().unwrap();
    let path = std::path::Path::new("policy.toml");
    let refused = PolicySet::from_text(path, &policy, &snapshot(tables), &parser);
    let message = refused.unwrap_err().message().to_owned();
    assert!(message.contains("reserved"), "{message}");
}

/// A type's fields and what a star brings can be called anything: what is meant by such a name in a
/// statement is nothing.
#[test]
fn a_reference_never_means_one() {
    on_a_large_stack(|| {
        let world = world(&[]);
        for text in [
            "select __eider_v1 from (select unnest({'__eider_v1': 1})) q",
            "select q.__eider_v1 from (select unnest({'__eider_v1': 1})) q",
            "merge into t using (select unnest({'__eider_r1': true})) q on t.n = 1 when matched and __eider_r1 then delete",
            "update t set v = 'x' from (select unnest({'__eider_v1': 'x'})) q where __eider_v1 = 'x'",
            "delete from t using (select unnest({'__eider_rid': 1})) q where q.__eider_rid = t.n",
        ] {
            let kind = world.refused("eve", text);
            let refused = [ErrorKind::UndefinedColumn, ErrorKind::NotSupported];
            assert!(refused.contains(&kind), "{text}: {kind:?}");
        }
        // A relation may be called so: it gets another name.
        world.sql(
            "eve",
            "select __eider_t1.n, __eider_t1 from t as __eider_t1",
        );
    });
}
