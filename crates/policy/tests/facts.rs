//! What the audit is told of a statement: of one that runs, and of one that is refused.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{World, on_a_large_stack};
use model::{Constraint, ConstraintKind, RelationName, SqlType};
use policy::{Asked, CommandTag};

const POLICY: &str = r#"
[[principal]]
name = "ann"
verifier = "x"
roles = ["r"]
[[role]]
name = "r"
admin = true
[[grant]]
role = "r"
on = "rw.*.*"
privileges = ["select", "insert", "update", "delete", "create", "alter", "drop"]
[[deny]]
id = "shut"
on = "rw.main.shut"
[[deny]]
id = "keep"
on = "rw.main.u"
privileges = ["delete"]
[[mask]]
id = "names"
on = "rw.main.u.name"
with = "redact"
"#;

fn world() -> World {
    let (integer, text) = (SqlType::Integer, SqlType::Varchar);
    let t = [
        ("id", integer.clone()),
        ("a", integer.clone()),
        ("b", text.clone()),
    ];
    let u = [("id", integer.clone()), ("name", text)];
    let mut world = World::bare(
        &[
            ("rw.main.t", &t),
            ("rw.main.u", &u),
            ("rw.main.shut", &[("id", integer.clone())]),
            ("rw.other.x", &[("id", integer)]),
        ],
        "rw",
    );
    world.constrain(
        &RelationName::new("rw", "main", "t"),
        Constraint {
            kind: ConstraintKind::Unique,
            columns: vec!["id".to_owned()],
        },
    );
    world.with_policy(POLICY)
}

#[test]
fn what_a_statement_writes_is_among_what_it_is_about() {
    on_a_large_stack(|| {
        let world = world();
        for (text, target, columns, written) in [
            ("insert into t values (1, 2, 'x')", "rw.main.t", "t(id,a,b)", "a,b,id"),
            ("insert into t (ID, b) values (1, 'x')", "rw.main.t", "t(id,b)", "b,id"),
            ("insert into t default values", "rw.main.t", "t()", ""),
            ("insert into t by name select 1 as A, 2 as id", "rw.main.t", "t(id,a)", "a,id"),
            ("insert into t (id) values (1) returning b", "rw.main.t", "t(id,b)", "id"),
            ("insert into t (id) values (1) returning *", "rw.main.t", "t(id,a,b)", "id"),
            ("insert into t (b) select name from u", "rw.main.t", "t(b) u(name)", "b"),
            ("insert into t (id) select a from t", "rw.main.t", "t(id,a)", "id"),
            (
                "insert into t (id) values (1) on conflict (id) do update set a = excluded.a + 1",
                "rw.main.t",
                "t(id,a)",
                "a,id",
            ),
            ("update t set a = 1", "rw.main.t", "t(a)", "a"),
            ("update t set a = default where b = 'x'", "rw.main.t", "t(a,b)", "a"),
            ("update t set a = u.id from u", "rw.main.t", "t(id,a) u(id)", "a"),
            ("update t set a = 1 returning b as c", "rw.main.t", "t(a,b)", "a"),
            ("delete from t", "rw.main.t", "t()", ""),
            ("delete from t where a > 1 returning b", "rw.main.t", "t(a,b)", ""),
            ("truncate t", "rw.main.t", "t()", ""),
            (
                "merge into t using (select id as i from u) q on t.id = i when matched then update set a = i
                 when not matched then insert (id, b) values (i, 'x') returning a",
                "rw.main.t",
                "t(id,a,b) u(id)",
                "a,b,id",
            ),
            (
                "merge into t using u on t.id = u.id when matched then delete",
                "rw.main.t",
                "t(id) u(id)",
                "",
            ),
            (
                "merge into t using (select id from u) q using (id) when not matched then insert by name",
                "rw.main.t",
                "t(id,a,b) u(id,name)",
                "id",
            ),
            ("create table n (x integer, y text)", "rw.main.n", "n(x,y)", ""),
            ("create table n as select 'secret'", "rw.main.n", "n()", ""),
            ("create table n as select a from t", "rw.main.n", "n() t(a)", ""),
            ("create table n (x) as select a from t", "rw.main.n", "n(x) t(a)", ""),
            ("create view v as select a from t", "rw.main.v", "t(a) v()", ""),
            ("drop table t", "rw.main.t", "t()", ""),
            ("alter table t add column c integer", "rw.main.t", "t(c)", ""),
            ("alter table t drop column A", "rw.main.t", "t(a)", ""),
            ("alter table t rename column a to c", "rw.main.t", "t(a,c)", ""),
            ("create index i on t (A, b)", "rw.main.t", "t(a,b)", ""),
            ("comment on table t is 'secret'", "rw.main.t", "t()", ""),
            ("comment on column t.a is 'secret'", "rw.main.t", "t(a)", ""),
            ("vacuum t", "rw.main.t", "t()", ""),
            ("analyze t", "rw.main.t", "t()", ""),
            ("describe t", "", "t(id,a,b)", ""),
            ("explain select a from t", "", "t(a)", ""),
            ("drop table if exists shut", "shut", "", ""),
            ("drop index other.i", "rw.other.i", "", ""),
            ("create sequence s", "rw.main.s", "", ""),
            ("create schema z", "rw.z", "", ""),
            ("checkpoint", "rw", "", ""),
            ("select 1", "", "", ""),
        ] {
            let plan = world.authorise("ann", text);
            let plan = plan.unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let found = plan.columns().iter();
            let found: Vec<String> = found
                .map(|(name, columns)| format!("{}({})", name.name, columns.join(",")))
                .collect();
            let mut relations: Vec<&str> = plan.relations().iter().map(|r| r.name.as_str()).collect();
            relations.sort_unstable();
            let with_columns: Vec<&str> = plan.columns().keys().map(|r| r.name.as_str()).collect();
            assert_eq!(relations, with_columns, "{text}");
            assert_eq!(plan.target().unwrap_or_default(), target, "{text}");
            assert_eq!(found.join(" "), columns, "{text}");
            let found: Vec<&str> = plan.written().iter().map(String::as_str).collect();
            assert_eq!(found.join(","), written, "{text}");
        }
        let made = world.authorise("ann", "create sequence s").unwrap();
        let sequences: Vec<String> = made.sequences().iter().map(|s| s.to_string()).collect();
        assert_eq!(sequences, ["rw.main.s"]);
        let masked = world
            .authorise("ann", "explain select name from u")
            .unwrap();
        let masks: Vec<&str> = masked.masks().map(|rule| rule.rule.as_str()).collect();
        assert_eq!(masks, ["names"]);
    });
}

#[test]
fn what_a_refused_statement_asked_for_is_known() {
    on_a_large_stack(|| {
        let world = world();
        let view = world.view("ann");
        for (text, tag, target, relations, rules) in [
            (
                "select * from nothing",
                CommandTag::Select,
                "",
                "nothing",
                "",
            ),
            (
                "select * from shut",
                CommandTag::Select,
                "",
                "rw.main.shut",
                "shut",
            ),
            (
                "select * from Main.SHUT, shut",
                CommandTag::Select,
                "",
                "rw.main.shut",
                "shut",
            ),
            (
                "select * from a.b.c, t",
                CommandTag::Select,
                "",
                "a.b.c rw.main.t",
                "",
            ),
            (
                "with shut as (select * from shut) select (select max(id) from shut) from nothing",
                CommandTag::Select,
                "",
                "rw.main.shut nothing",
                "shut",
            ),
            (
                "with c as (select 1) select nothing from c",
                CommandTag::Select,
                "",
                "",
                "",
            ),
            (
                "with recursive c as (select 1 union all select nothing from c) from c",
                CommandTag::Select,
                "",
                "",
                "",
            ),
            (
                "delete from u where name = 'x'",
                CommandTag::Delete,
                "u",
                "rw.main.u",
                "keep names",
            ),
            (
                "insert into nothing values (1)",
                CommandTag::Insert,
                "nothing",
                "nothing",
                "",
            ),
            (
                "merge into t using shut on true when matched then delete",
                CommandTag::Merge,
                "t",
                "rw.main.shut rw.main.t",
                "shut",
            ),
            (
                "update t set a = (select 1 from shut)",
                CommandTag::Update,
                "t",
                "rw.main.t rw.main.shut",
                "shut",
            ),
            (
                "drop table rw.shut",
                CommandTag::DropTable,
                "rw.shut",
                "rw.main.shut",
                "shut",
            ),
            (
                "alter table shut rename to s",
                CommandTag::AlterTable,
                "shut",
                "rw.main.shut",
                "shut",
            ),
            (
                "create table z.n (a integer)",
                CommandTag::CreateTable,
                "z.n",
                "z.n",
                "",
            ),
            (
                "create view v as select * from shut",
                CommandTag::CreateView,
                "v",
                "rw.main.shut v",
                "shut",
            ),
            ("drop schema z", CommandTag::DropSchema, "z", "", ""),
            ("drop sequence t", CommandTag::DropSequence, "t", "", ""),
        ] {
            assert!(world.authorise("ann", text).is_err(), "{text}");
            let statement = plan::parse(text, &world.parser).unwrap();
            let asked = Asked::of(&statement, &view, &world.snapshot);
            assert_eq!(asked.tag, tag, "{text}");
            assert_eq!(asked.target.unwrap_or_default(), target, "{text}");
            assert_eq!(asked.relations.join(" "), relations, "{text}");
            let ids: Vec<&str> = asked.rules.iter().map(|rule| rule.rule.as_str()).collect();
            let named: Vec<&str> = ids
                .into_iter()
                .filter(|id| !id.is_empty() && !id.contains(':'))
                .collect();
            assert_eq!(named.join(" "), rules, "{text}");
        }
    });
}
