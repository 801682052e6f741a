//! What each kind of rule does, on data: the rewritten statements run on DuckDB.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{World, on_a_large_stack, snapshot};
use model::{ErrorKind, SqlType};
use native::{Connection, Instance};
use policy::PolicySet;
use tree::Parser;

const PEOPLE: &str = r#"
[[principal]]
name = "ann"
verifier = "x"
roles = ["lead"]
[[principal]]
name = "bob"
verifier = "x"
roles = ["clerk"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["clerk", "blocked"]
[[role]]
name = "clerk"
roles = ["staff"]
[[role]]
name = "lead"
roles = ["clerk", "auditor"]
[[role]]
name = "staff"
[[role]]
name = "auditor"
[[role]]
name = "blocked"
"#;

const T: &[(&str, SqlType)] = &[
    ("id", SqlType::Integer),
    ("region", SqlType::Varchar),
    ("secret", SqlType::Varchar),
];

fn connection() -> Connection {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    connection
        .execute(
            "attach ':memory:' as wh; attach ':memory:' as rw;
             create table wh.main.t as from (values (1, 'EU', 'abcdef'), (2, 'EU', 'xy'), (3, 'US', null)) v(id, region, secret);
             create table rw.main.w (a integer)",
        )
        .unwrap();
    connection
}

fn world(rules: &str) -> World {
    let tables: [(&str, common::Columns<'_>); 2] =
        [("wh.main.t", T), ("rw.main.w", &[("a", SqlType::Integer)])];
    World::new(&format!("{PEOPLE}{rules}"), &tables, "wh")
}

/// The rows of a query, as text.
fn rows(world: &World, who: &str, query: &str) -> Vec<String> {
    let sql = world.sql(who, query);
    let found = connection().query(&sql).unwrap();
    let text = |v: &Option<String>| v.clone().unwrap_or("-".to_owned());
    found
        .rows()
        .iter()
        .map(|row| row.iter().map(text).collect::<Vec<_>>().join("|"))
        .collect()
}

const GRANT: &str = r#"
[[grant]]
role = "staff"
on = "wh.main.t"
privileges = ["select"]
"#;

#[test]
fn a_role_brings_its_own_roles() {
    on_a_large_stack(|| {
        let w = world(GRANT);
        for who in ["ann", "bob", "eve"] {
            assert_eq!(rows(&w, who, "select count(*) from t"), ["3"]);
        }
        let ann = w.set.principal("ann").unwrap();
        assert_eq!(
            ann.roles.iter().map(String::as_str).collect::<Vec<_>>(),
            ["auditor", "clerk", "lead", "staff"]
        );
    });
}

#[test]
fn a_restriction_takes_rows_whatever_is_granted() {
    on_a_large_stack(|| {
        let w = world(&format!(
            r#"{GRANT}
[[grant]]
role = "clerk"
on = "wh.main.t"
privileges = ["select"]
rows = "id >= 2"
[[restrict]]
on = "wh.main.*"
rows = "region = 'EU'"
except = ["auditor"]
[[restrict]]
on = "wh.main.t"
rows = "id < 2"
to = ["blocked"]
"#
        ));
        let ids = |who| rows(&w, who, "select id from t order by id");
        assert_eq!(ids("ann"), ["1", "2", "3"]);
        assert_eq!(ids("bob"), ["1", "2"]);
        assert_eq!(ids("eve"), ["1"]);
    });
}

/// DuckDB reads `(a or b) or c` as one OR of three: what it prints has to come back as the same tree.
#[test]
fn rules_with_the_words_that_join_rules() {
    on_a_large_stack(|| {
        let w = world(
            r#"
[[grant]]
role = "clerk"
on = "wh.main.t"
privileges = ["select"]
rows = "id = 1 or id = 3"
[[grant]]
role = "staff"
on = "wh.main.t"
privileges = ["select"]
columns = ["id", "region"]
rows = "id = 2 or region = 'none'"
[[restrict]]
on = "wh.main.t"
rows = "id < 3 and region = 'EU'"
[[restrict]]
on = "wh.main.t"
rows = "id > 0 and id < 9"
"#,
        );
        let found = rows(&w, "bob", "select id, secret from t order by id");
        assert_eq!(found, ["1|abcdef", "2|-"]);
    });
}

#[test]
fn a_denial_beats_every_grant() {
    on_a_large_stack(|| {
        let rules = |deny: &str| {
            world(&format!(
                r#"{GRANT}
[[grant]]
role = "staff"
on = "*.*.*"
privileges = ["select", "insert", "create", "drop"]
[[deny]]
to = ["blocked"]
{deny}"#
            ))
        };
        let w = rules("on = \"wh.main.t\"");
        assert_eq!(rows(&w, "bob", "select count(*) from t"), ["3"]);
        assert_eq!(w.refused("eve", "from t"), ErrorKind::UndefinedTable);
        let w = rules("on = \"*.*.*\"\ncolumns = [\"secret\"]");
        assert_eq!(rows(&w, "bob", "select secret from t where id = 2"), ["xy"]);
        assert_eq!(rows(&w, "eve", "from t where id = 2"), ["2|EU"]);
        assert_eq!(
            w.refused("eve", "select secret from t"),
            ErrorKind::UndefinedColumn
        );
        let w = rules("on = \"rw.*.*\"\nprivileges = [\"insert\", \"create\"]");
        for text in [
            "insert into rw.main.w values (1)",
            "create table rw.main.n (a int)",
        ] {
            assert!(w.authorise("bob", text).is_ok(), "{text}");
            assert!(w.authorise("eve", text).is_err(), "{text}");
        }
        assert_eq!(
            w.sql("eve", "from rw.main.w"),
            "SELECT * FROM rw.main.w AS w"
        );
        assert!(w.authorise("eve", "drop table rw.main.w").is_ok());
    });
}

#[test]
fn the_first_mask_applies_and_a_tag_covers_many() {
    on_a_large_stack(|| {
        let w = world(&format!(
            r#"{GRANT}
[[tag]]
name = "pii"
on = ["wh.main.t.secret", "*.*.*.region"]
[[mask]]
tag = "pii"
with = "redact"
to = ["blocked"]
[[mask]]
on = "wh.main.t.secret"
with = "keep_first 3"
except = ["lead"]
"#
        ));
        let all = |who| rows(&w, who, "select id, region, secret from t order by id");
        assert_eq!(all("ann"), ["1|EU|abcdef", "2|EU|xy", "3|US|-"]);
        assert_eq!(all("bob"), ["1|EU|abc****", "2|EU|****", "3|US|-"]);
        assert_eq!(all("eve"), ["1|****|****", "2|****|****", "3|****|-"]);
        // What is above a mask sees its result only.
        let found = rows(&w, "bob", "select id from t where secret like 'abcd%'");
        assert!(found.is_empty());
    });
}

/// Every built-in mask over the least, the largest and the odd values of every type that it takes.
#[test]
fn built_in_masks_throw_for_no_value() {
    let decimal = |width, scale| SqlType::Decimal { width, scale };
    let types: Vec<(SqlType, &str)> = vec![
        (
            SqlType::Varchar,
            "'', 'a', 'äöü', repeat('x', 1000), chr(0)",
        ),
        (SqlType::TinyInt, "-128, -1, 0, 7, 127"),
        (SqlType::SmallInt, "-32768, -1, 0, 17, 32767"),
        (SqlType::Integer, "-2147483648, -1, 0, 17, 2147483647"),
        (
            SqlType::BigInt,
            "-9223372036854775808, -1, 0, 17, 9223372036854775807",
        ),
        (SqlType::UTinyInt, "0, 17, 255"),
        (SqlType::UBigInt, "0, 17, 18446744073709551615"),
        (
            SqlType::Float,
            "'-inf', -1.5, 0, 17.5, 3.4e38, 'inf', 'nan'",
        ),
        (
            SqlType::Double,
            "'-inf', -1.5, 0, 17.5, 1.7e308, 'inf', 'nan'",
        ),
        (decimal(5, 2), "-999.99, -0.01, 0, 17.25, 999.99"),
        (
            decimal(18, 0),
            "-999999999999999999, 0, 17, 999999999999999999",
        ),
        (
            SqlType::Date,
            "'-infinity', '5877642-06-25 (BC)', '0044-03-15 (BC)', '2020-02-29', '5881580-07-10', 'infinity'",
        ),
        (
            SqlType::Timestamp,
            "'-infinity', '290309-12-22 (BC) 00:00:00', '2020-02-29 12:00:00', '294247-01-10 04:00:54.775806', 'infinity'",
        ),
    ];
    on_a_large_stack(move || {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "a secret of sixteen bytes\n").unwrap();
        let parser = Parser::open().unwrap();
        let mut tried = 0;
        for (sql_type, values) in &types {
            for mask in [
                "null",
                "redact",
                "keep_first 2",
                "keep_last 2",
                "keyed_hash",
                "year",
                "bucket 10",
            ] {
                let policy = format!(
                    "hash_key_file = \"key\"\n{PEOPLE}{}[[mask]]\non = \"wh.main.t.v\"\nwith = \"{mask}\"\n",
                    GRANT
                );
                let snapshot = snapshot(&[("wh.main.t", &[("v", sql_type.clone())])]);
                let path = folder.path().join("policy.toml");
                let Ok(set) = PolicySet::from_text(&path, &policy, &snapshot, &parser) else {
                    continue;
                };
                let w = World::of(set, snapshot, "wh");
                let c = Instance::open(None, &[]).unwrap().connect().unwrap();
                c.execute(&format!(
                    "attach ':memory:' as wh; create table wh.main.t (v {sql_type});
                     insert into wh.main.t select unnest([{values}, null]::varchar[])::{sql_type}"
                ))
                .unwrap();
                let sql = w.sql(
                    "bob",
                    "select count(v), count(*) from (select distinct v from t)",
                );
                let found = c
                    .query(&sql)
                    .unwrap_or_else(|e| panic!("{mask} of {sql_type}: {e}"));
                assert!(!found.rows().is_empty());
                assert!(
                    !format!("{:?}", w.set).contains("61207365"),
                    "the key is shown"
                );
                tried += 1;
            }
        }
        assert_eq!(tried, 2 * types.len() + 3 + 2 + 10);
    });
}

#[test]
fn built_in_masks_show_what_they_say() {
    on_a_large_stack(|| {
        let w = world(&format!(
            "{GRANT}[[mask]]\non = \"wh.main.t.secret\"\nwith = \"keep_last 2\"\n\
             [[mask]]\non = \"wh.main.t.id\"\nwith = \"bucket 2\"\n"
        ));
        let all = rows(&w, "bob", "select id, secret from t order by all");
        assert_eq!(all, ["0|****ef", "2|****", "2|-"]);
    });
}

#[test]
fn what_is_wrong_is_refused_with_its_line() {
    on_a_large_stack(|| {
        let parser = Parser::open().unwrap();
        let snapshot = snapshot(&[("wh.main.t", T)]);
        for (rules, reason) in [
            (
                "[[role]]\nname = 'a'\nroles = ['b']\n[[role]]\nname = 'b'\nroles = ['a']",
                "comes back to itself",
            ),
            (
                "[[role]]\nname = 'a'\nroles = ['c']",
                "there is no role \"c\"",
            ),
            (
                "[[restrict]]\non = 'wh.main.t'\nrows = 'nothing = 1'",
                "there is no column \"nothing\"",
            ),
            (
                "[[restrict]]\non = 'wh.main.t'\nrows = 'id'",
                "must be BOOLEAN",
            ),
            (
                "[[deny]]\non = 'wh.main.t'\ncolumns = ['x']",
                "there is no column \"x\"",
            ),
            (
                "[[deny]]\non = 'wh.main.t'\ncolumns = ['id']\nprivileges = ['insert']",
                "readers only",
            ),
            (
                "[[deny]]\non = 'wh.main.t'\nto = ['who']",
                "there is no role \"who\"",
            ),
            (
                "[[mask]]\non = 'wh.main.t.id'\nwith = 'keep_first 2'",
                "is of type INTEGER",
            ),
            (
                "[[mask]]\non = 'wh.main.t.id'\nwith = 'shuffle'",
                "no built-in mask",
            ),
            (
                "[[mask]]\non = 'wh.main.t.secret'\nwith = 'keyed_hash'",
                "needs hash_key_file",
            ),
            (
                "[[mask]]\non = 'wh.main.t.id'\nwith = 'null'\nexpr = '1'",
                "either `expr` or `with`",
            ),
            (
                "[[mask]]\ntag = 'pii'\nwith = 'null'",
                "there is no tag \"pii\"",
            ),
            (
                "[[principal]]\nname = 'x'\nverifier = 'x'\nattributes = { a = 1, f = 1.5 }",
                "expected text, a 64-bit integer or a boolean as attribute `f`",
            ),
            (
                "[[principal]]\nname = 'x'\nverifier = 'x'\nattributes.big = 9223372036854775808",
                "invalid value: integer `9223372036854775808`, expected text",
            ),
            (
                "[[principal]]\nname = 'x'\nverifier = 'x'\nattributes.day = 2026-01-01",
                "expected text, a 64-bit integer or a boolean as attribute `day`",
            ),
            (
                "[deny]\non = 'wh.main.t'",
                "a deny is written as [[deny]], as there can be many",
            ),
            (
                " [ grant ] # twice\nrole = 'staff'",
                "a grant is written as [[grant]], as there can be many",
            ),
            ("[[limit]]\nto = ['staff']", "limits nothing"),
            ("[[limit]]\nstatements = 0", "of no statements"),
            (
                "[[limit]]\nprincipal = 'who'\nstatements = 1",
                "there is no principal \"who\"",
            ),
            ("[[limit]]\nstatement_timeout = '30'", "is not a time"),
            ("[[limit]]\nresult_bytes = 'much'", "is not a size"),
            ("[[limit]]\nqueue_share = '101%'", "is not a share"),
            ("[[limit]]\nqueue_share = '10'", "is not a share"),
            ("[[limit]]\nspill = '10'", "is not a size"),
            ("[[limit]]\nspill = '0B'", "spill must be more than nothing"),
            (
                "[[limit]]\nstatement_timeout = '0s'",
                "statement_timeout must be more than nothing",
            ),
            (
                "[[tag]]\nname = 'pii'\non = ['wh.main.t.nope']\n[[mask]]\ntag = 'pii'\nwith = 'null'",
                "there is no column \"nope\"",
            ),
        ] {
            let text = format!("{PEOPLE}{GRANT}{rules}");
            let path = Path::new("policy.toml");
            let error = PolicySet::from_text(path, &text, &snapshot, &parser).unwrap_err();
            assert!(error.message().contains(reason), "{rules}: {error}");
            assert!(error.message().starts_with("policy.toml:"), "{error}");
        }
    });
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_names_its_files() {
    on_a_large_stack(|| {
        let parser = Parser::open().unwrap();
        let snapshot = snapshot(&[("wh.main.t", T)]);
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert!(PolicySet::load(folder.path(), &snapshot, &parser).is_err());
        write("10-people.toml", PEOPLE);
        write("20-rights.toml", GRANT);
        write("notes.txt", "no policy");
        assert!(PolicySet::load(folder.path(), &snapshot, &parser).is_ok());
        write("30-more.toml", "\n[[deny]]\non = 'nope.main.t'\n");
        let error = PolicySet::load(folder.path(), &snapshot, &parser).unwrap_err();
        assert!(
            error
                .message()
                .contains("30-more.toml:2: there is no catalog \"nope\""),
            "{error}"
        );
    });
}

/// Rules of which each names one relation of many.
#[test]
fn ten_thousand_rules_load_and_meet_only_where_they_belong() {
    use std::fmt::Write;
    on_a_large_stack(|| {
        let names: Vec<String> = (0..100).map(|n| format!("wh.main.t{n}")).collect();
        let tables: Vec<(&str, common::Columns<'_>)> =
            names.iter().map(|name| (name.as_str(), T)).collect();
        let mut policy = PEOPLE.to_owned();
        for n in 0..10_000 {
            let table = &names[n % names.len()];
            match n / names.len() % 10 {
                0..6 => write!(
                    policy,
                    "[[grant]]\nrole = 'staff'\non = '{table}'\nprivileges = ['select']\n"
                ),
                6 => write!(
                    policy,
                    "[[restrict]]\non = '{table}'\nrows = 'id < {n}'\nto = ['blocked']\n"
                ),
                7 => write!(
                    policy,
                    "[[deny]]\non = '{table}'\ncolumns = ['region']\nto = ['auditor']\n"
                ),
                _ => write!(
                    policy,
                    "[[mask]]\non = '{table}.secret'\nwith = 'redact'\nexcept = ['lead']\n"
                ),
            }
            .unwrap();
        }
        let w = World::new(&policy, &tables, "wh");
        let kept = w.sql("ann", "select secret from t7");
        assert!(!kept.contains("****"), "{kept}");
        let denied = w.refused("ann", "select region from t7");
        assert_eq!(denied, ErrorKind::UndefinedColumn);
        let masked = w.sql("bob", "select region, secret from t8");
        assert!(masked.contains("****"), "{masked}");
        let restricted = w.sql("eve", "select id from t99");
        assert!(restricted.contains("id < "), "{restricted}");
    });
}
