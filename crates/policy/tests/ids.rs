//! What rules are called, and what is said of them: in explanations, errors and the audit.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{World, on_a_large_stack, snapshot};
use model::{ErrorKind, SqlType};
use policy::{Explained, PolicySet};
use tree::Parser;

const POLICY: &str = r#"
[[principal]]
name = "eve"
verifier = "x"
roles = ["r"]
[[role]]
name = "r"
[[grant]]
id = "reads"
role = "r"
on = "rw.main.t"
privileges = ["select", "insert", "drop"]
[[grant]]
role = "r"
on = "rw.main.u"
privileges = ["select"]
rows = "id > 0"
[[restrict]]
id = "no small ones"
on = "rw.main.t"
rows = "id > 5"
[[deny]]
id = "keep"
on = "rw.main.*"
privileges = ["drop", "insert"]
[[mask]]
id = "names"
on = "*.*.*.name"
with = "redact"
[[limit]]
id = "few"
statements = 1
"#;

fn world() -> World {
    World::new(
        POLICY,
        &[
            (
                "rw.main.t",
                &[
                    ("id", SqlType::Integer),
                    ("name", SqlType::Varchar),
                    ("a", SqlType::Integer),
                ],
            ),
            (
                "rw.main.u",
                &[("id", SqlType::Integer), ("b", SqlType::Integer)],
            ),
            ("rw.main.unseen", &[("id", SqlType::Integer)]),
        ],
        "rw",
    )
}

#[test]
fn rules_are_called_by_their_ids_else_by_their_places() {
    on_a_large_stack(|| {
        let world = world();
        let plan = world
            .authorise("eve", "select t.name from t join u using (id)")
            .unwrap();
        let ids = |rules: &mut dyn Iterator<Item = &Explained>| {
            rules.map(|r| r.rule.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            ids(&mut plan.filters()),
            ["no small ones", "policy.toml:13"]
        );
        assert_eq!(ids(&mut plan.masks()), ["names"]);
        let explained = world.view("eve").explain(Ok(&plan), None);
        let says: Vec<&str> = explained.iter().map(|line| line.says.as_str()).collect();
        for said in [
            "reads (policy.toml:8): select, insert, drop",
            "policy.toml:13: select; rows id > 0",
            "no small ones (policy.toml:18): rows id > 5",
            "keep (policy.toml:22): insert, drop",
            "names (policy.toml:26): redact",
        ] {
            assert!(says.contains(&said), "{said} in {says:?}");
        }
    });
}

#[test]
fn an_id_is_given_once() {
    on_a_large_stack(|| {
        let snapshot = snapshot(&[]);
        for (text, reason) in [
            (
                "[[limit]]\nid = 'a'\nstatements = 1\n[[deny]]\nid = 'a'\non = '*.*.*'\n",
                "p.toml:4: the id \"a\" is given twice",
            ),
            (
                "[[limit]]\nid = ''\nstatements = 1\n",
                "p.toml:1: an id has at least one character",
            ),
        ] {
            let loaded = PolicySet::from_text(
                Path::new("p.toml"),
                text,
                &snapshot,
                &Parser::open().unwrap(),
            );
            assert_eq!(loaded.unwrap_err().message(), reason);
        }
    });
}

#[test]
fn who_may_know_of_a_relation_is_told_what_rule_denies() {
    on_a_large_stack(|| {
        let world = world();
        let refused = |text: &str| world.authorise("eve", text).unwrap_err();
        for text in ["drop table t", "insert into t values (1, 'x', 2)"] {
            let error = refused(text);
            assert_eq!(
                (error.kind(), error.hint()),
                (ErrorKind::PermissionDenied, Some("the rule keep denies it")),
                "{text}"
            );
        }
        // What is not seen and what does not exist are alike.
        for verb in ["drop table", "insert into"] {
            let [unseen, none] = ["unseen", "nothing"].map(|name| {
                let rest = if verb == "insert into" {
                    " values (1)"
                } else {
                    ""
                };
                let error = refused(&format!("{verb} {name}{rest}"));
                (
                    error.kind(),
                    error.message().replace(name, ""),
                    error.hint().map(str::to_owned),
                )
            });
            assert_eq!(unseen, none);
            assert_eq!(unseen.2, None);
        }
    });
}

#[test]
fn the_columns_that_a_statement_reads_are_known_by_name() {
    on_a_large_stack(|| {
        let world = world();
        let read = |text: &str| {
            let plan = world
                .authorise("eve", text)
                .unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let columns = plan.columns().iter();
            let columns =
                columns.map(|(name, columns)| format!("{}({})", name.name, columns.join(",")));
            columns.collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("select a from t", "t(a)"),
            ("select count(*) from t", "t()"),
            ("select * from t", "t(id,name,a)"),
            ("from u", "u(id,b)"),
            ("select T.A from t where ID > 5", "t(id,a)"),
            ("select t.a, b from t join u using (id)", "t(id,a) u(id,b)"),
            ("select b from t natural join u", "t(id,name,a) u(id,b)"),
            ("select x from t as q(x, y, z)", "t(id,name,a)"),
            ("select t from t", "t(id,name,a)"),
            (
                "select q.x from (select a as x from t) q where exists (select 1 from u where u.b = q.x)",
                "t(a) u(b)",
            ),
            (
                "with c as (select a from t) select c.a from c order by 1",
                "t(a)",
            ),
            ("select count(columns('a')) from t", "t(id,name,a)"),
            ("summarize u", "u(id,b)"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    });
}
