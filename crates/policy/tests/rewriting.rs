//! Statements of principals with different rights over a small catalog: what runs, and what is refused.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{World, on_a_large_stack};
use model::{ErrorKind, RelationName, SqlType};

const POLICY: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["eu"]
attributes = { region = "EU" }
[[principal]]
name = "nobody"
verifier = "x"
[[role]]
name = "all"
[[role]]
name = "eu"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "insert", "create", "drop"]
[[grant]]
role = "eu"
on = "wh.main.t"
privileges = ["select"]
columns = ["id", "region", "secret", "amt", "st"]
rows = "region = attribute('region')"
[[grant]]
role = "eu"
on = "wh.main.u"
privileges = ["select"]
[[grant]]
role = "eu"
on = "rw.main.mine"
privileges = ["select", "insert", "create", "drop"]
[[mask]]
on = "wh.main.t.secret"
expr = "left(secret, 2) || '****'"
except = ["all"]
"#;

fn world() -> World {
    World::new(
        POLICY,
        &[
            (
                "wh.main.t",
                &[
                    ("id", SqlType::Integer),
                    ("region", SqlType::Varchar),
                    ("secret", SqlType::Varchar),
                    ("amt", SqlType::BigInt),
                    ("hidden", SqlType::Varchar),
                    (
                        "st",
                        SqlType::Struct([("b".to_owned(), SqlType::Varchar)].into()),
                    ),
                ],
            ),
            (
                "wh.main.u",
                &[("id", SqlType::Integer), ("name", SqlType::Varchar)],
            ),
            (
                "rw.main.mine",
                &[("a", SqlType::Integer), ("b", SqlType::Varchar)],
            ),
        ],
        "wh",
    )
}

#[test]
fn a_plain_table_gets_its_full_name_and_keeps_its_alias() {
    on_a_large_stack(|| {
        let w = world();
        assert_eq!(
            w.sql("root", "select id from u where u.id > 1"),
            "SELECT id FROM wh.main.u AS u WHERE (u.id > 1)"
        );
        assert_eq!(
            w.sql("root", "select x.id from main.u x"),
            "SELECT x.id FROM wh.main.u AS x"
        );
        assert_eq!(
            w.sql("root", "select wh.main.u.id, main.u.id from wh.u"),
            "SELECT u.id, u.id FROM wh.main.u AS u"
        );
    });
}

#[test]
fn a_governed_table_stands_behind_its_barrier() {
    on_a_large_stack(|| {
        let w = world();
        let sql = w.sql("eve", "select id, secret from t where amt > 5");
        assert!(
            sql.contains("LIMIT 9223372036854775807) AS t WHERE (amt > 5)"),
            "{sql}"
        );
        assert!(sql.contains("CAST('EU' AS VARCHAR)"), "{sql}");
        assert!(
            sql.contains(r#""system".main.concat"#) || sql.contains(r#""system".main."||""#),
            "{sql}"
        );
        assert!(!sql.contains("hidden"), "{sql}");
        let a = w.authorise("eve", "select * from t").unwrap();
        let names: Vec<_> = a.description().names.clone();
        assert_eq!(names, ["id", "region", "secret", "amt", "st"]);
        let request = w.request("eve", "select * from t");
        assert!(request.governed());
        assert_eq!(
            request.expected().relations,
            [RelationName::new("wh", "main", "t")].into()
        );
    });
}

#[test]
fn what_is_not_granted_does_not_exist() {
    on_a_large_stack(|| {
        let w = world();
        for text in [
            "select * from mine2",
            "select * from rw.main.nope",
            "select * from wh.nope.t",
            "from 'f.parquet'",
        ] {
            assert_eq!(w.refused("eve", text), ErrorKind::UndefinedTable, "{text}");
        }
        assert_eq!(
            w.refused("eve", "select hidden from t"),
            ErrorKind::UndefinedColumn
        );
        assert_eq!(
            w.refused("nobody", "select * from t"),
            ErrorKind::UndefinedTable
        );
        assert_eq!(
            w.refused("nobody", "create table rw.main.x (a int)"),
            ErrorKind::UndefinedCatalog
        );
        let hidden = w.authorise("nobody", "select * from t").unwrap_err();
        let missing = w.authorise("nobody", "select * from q").unwrap_err();
        assert_eq!(
            hidden.message().replace("\"t\"", "\"q\""),
            missing.message()
        );
        assert_eq!(
            w.names("nobody", "select 1 as one, 'x' || 'y'"),
            ["one", "('x' || 'y')"]
        );
    });
}

#[test]
fn names_are_scoped_as_duckdb_scopes_them() {
    on_a_large_stack(|| {
        let w = world();
        for text in [
            "with t as (select 1 as id) select id from t",
            "with a as (select * from t), b as (select * from a) select count(*) from b, a",
            "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r",
            "select * from t where id in (with t as (select 1 as x) select x from t)",
            "with t as (select * from t) select * from t",
            "select main.t.id, wh.main.t.region from t",
            "select t.* exclude (amt) from t join u using (id)",
            "select t1.id from t t1, lateral (select u.id from u where u.id = t1.id) l",
            "select \"My T\".* from u as \"My T\" where \"My T\".id > 0",
            "select t from t",
            "select * from wh.main.t a, wh.main.t b where a.id = b.id",
            "select st.b, (st).b, st['b'] from t",
            "select columns(*) from u",
            "select count(*) filter (where amt > 1), max(secret) over (partition by region) from t group by amt, secret, region",
            "from t select id limit 3",
            "values (1, 'a'), (2, 'b')",
            "select * from (values (1, 2)) v(a, b)",
            "select id from t union all select id from u order by 1",
            "select (select max(id) from u where u.id = t.id) from t",
            "select * from t tablesample 10%",
            "select id from t qualify row_number() over (order by id) = 1",
            "select * replace (upper(secret) as secret) from t",
            "select * rename (id as ident) from t",
            "select exists(select 1 from u where u.id = t.id) from t",
            "select current_user, current_user(), version(), current_schema(), current_database()",
            "select [x * 2 for x in [1, 2, 3]], {'a': 1}, list_transform([1], lambda y: y + 1)",
            "select * from range(3) r(i)",
            "select unnest([1, 2])",
            "select grouping(region) from t group by rollup(region)",
            "select $1::int + 1",
            "select id from t where id = $1",
        ] {
            for who in ["root", "eve"] {
                let a = w
                    .authorise(who, text)
                    .unwrap_or_else(|e| panic!("{who}: {text}: {e:?}"));
                assert!(!a.sql().is_empty());
            }
        }
        // A CTE that is not recursive does not see itself.
        assert!(
            w.sql("eve", "with t as (select * from t) select * from t")
                .contains("wh.main.t")
        );
        assert_eq!(
            w.refused("eve", "with q as (select * from q) select * from q"),
            ErrorKind::UndefinedTable
        );
        assert_eq!(
            w.sql("root", "select 1 as current_user"),
            "SELECT 1 AS current_user"
        );
    });
}

#[test]
fn functions_are_allowed_by_list() {
    on_a_large_stack(|| {
        let w = world();
        for text in [
            "select stats(id) from t",
            "select current_query()",
            "select error('x')",
            "select getvariable('x')",
            "select * from read_parquet('x')",
            "select * from query('select 1')",
            "select * from duckdb_tables()",
            "select read_blob('x')",
            "select lower.lower(secret) from t",
            "select secret.lower() from t",
            "select enum_range(null::varchar)",
            "select * from glob('*')",
            "select temp.main.lower('x')",
            "select json_execute_serialized_sql('x')",
            "select * from sniff_csv('x')",
        ] {
            assert_eq!(
                w.refused("root", text),
                ErrorKind::UndefinedFunction,
                "{text}"
            );
        }
        assert_eq!(
            w.refused("root", "select repeat('x', 500000000)"),
            ErrorKind::LimitExceeded
        );
        assert_eq!(
            w.refused("root", "select list_aggr([1], 's' || 'um')"),
            ErrorKind::NotSupported
        );
        assert_eq!(
            w.refused("root", "select x::mytype from (select 1 as x)"),
            ErrorKind::UndefinedObject
        );
        assert_eq!(
            w.refused("root", "select rowid from u"),
            ErrorKind::UndefinedColumn
        );
        // DuckDB's binder fails inside at this one.
        assert_eq!(
            w.refused("root", "select rowid.* from u"),
            ErrorKind::UndefinedTable
        );
        assert_eq!(
            w.refused("root", "select id __eider_rid, __eider_rid from u"),
            ErrorKind::UndefinedColumn
        );
    });
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    on_a_large_stack(|| {
        let w = world();
        for text in [
            "pivot t on id using sum(amt)",
            "create macro f(x) as x",
            "create materialized view v as select 1",
            "create unlogged table x (a int)",
            "create temp table x (a int) on commit drop",
            "select * from pg_catalog.pg_class",
            "select * from information_schema.tables",
            "copy t to 'x'",
            "attach 'x'",
            "select * from t at (version => 1)",
            "pragma version",
            "call x()",
            "install x",
            "vacuum",
            "drop view v, w",
            "use wh",
            "select * from duckdb_tables",
        ] {
            assert_eq!(w.refused("root", text), ErrorKind::NotSupported, "{text}");
        }
        for text in [
            "selec 1",
            "select 1 2 3 x",
            "select (",
            "select 'x",
            "",
            "create table",
            "insert into",
            "with x as (insert into rw.main.mine values (1, 'a') returning *) select * from x",
        ] {
            assert_eq!(w.refused("root", text), ErrorKind::Syntax, "{text}");
        }
    });
}

#[test]
fn writes_need_privileges_and_a_catalog_that_takes_them() {
    on_a_large_stack(|| {
        let w = world();
        assert_eq!(
            w.sql("root", "create table rw.main.x (a int primary key, \"B c\" decimal(5,2) not null default 1.5, unique (a, \"B c\"))"),
            r#"create table "rw"."main"."x" ("a" INTEGER primary key, "B c" DECIMAL(5,2) not null default (1.5), unique ("a", "B c"))"#
        );
        let sql = w.sql("eve", "insert into rw.mine (a) select id from t");
        assert!(
            sql.starts_with(r#"insert into "rw"."main"."mine" ("a") SELECT id FROM (SELECT"#),
            "{sql}"
        );
        let sql = w.sql(
            "root",
            "create table rw.main.y as select count(*), secret from t group by all",
        );
        assert!(
            sql.starts_with(r#"create table "rw"."main"."y" ("count_star()", "secret") as SELECT"#),
            "{sql}"
        );
        let a = w
            .authorise("root", "insert into rw.mine values ($1, $2)")
            .unwrap();
        assert_eq!(
            a.description().parameters,
            [SqlType::Integer, SqlType::Varchar]
        );
        assert_eq!(
            w.refused("root", "insert into u values (1, 'x')"),
            ErrorKind::ReadOnly
        );
        assert_eq!(
            w.refused("root", "create table wh.main.x (a int)"),
            ErrorKind::ReadOnly
        );
        assert_eq!(
            w.refused("eve", "create table rw.main.other (a int)"),
            ErrorKind::PermissionDenied
        );
        assert_eq!(
            w.refused("eve", "drop table rw.main.nope"),
            ErrorKind::UndefinedTable
        );
        assert!(
            w.authorise("eve", "drop table if exists rw.main.nope")
                .unwrap()
                .is_noop()
        );
        assert_eq!(
            w.sql("eve", "drop table rw.main.mine"),
            r#"drop table "rw"."main"."mine""#
        );
        assert_eq!(
            w.refused("root", "insert into rw.mine values (default, 'x')"),
            ErrorKind::NotSupported
        );
    });
}

#[test]
fn parameters_get_types() {
    on_a_large_stack(|| {
        let w = world();
        let types = |text: &str, declared: &[Option<SqlType>]| {
            let a = w.authorise_with("root", text, declared).unwrap();
            let schema = a.description().schema.clone().unwrap();
            (
                a.description().parameters.clone(),
                schema.columns[0].sql_type.clone(),
            )
        };
        assert_eq!(
            types("select $1", &[]),
            (vec![SqlType::Varchar], SqlType::Varchar)
        );
        assert_eq!(
            types("select $1", &[Some(SqlType::BigInt)]),
            (vec![SqlType::BigInt], SqlType::BigInt)
        );
        assert_eq!(
            types("select id from u where id = $1", &[]).0,
            [SqlType::Integer]
        );
        assert_eq!(
            w.names(
                "root",
                "select id, $1, $2 as x, count(*) from u group by all"
            ),
            ["id", "$1", "x", "count_star()"]
        );
        assert_eq!(
            w.refused("root", "select $1 + $2"),
            ErrorKind::IndeterminateDatatype
        );
        assert_eq!(w.refused("root", "select $foo"), ErrorKind::NotSupported);
    });
}

#[test]
fn describe_is_answered_from_what_is_visible() {
    on_a_large_stack(|| {
        let w = world();
        let a = w.authorise("eve", "describe t").unwrap();
        let (schema, batch) = a.local_rows().unwrap();
        assert_eq!((schema.columns.len(), batch.num_rows()), (6, 5));
        assert_eq!(
            w.refused("eve", "describe select hidden from t"),
            ErrorKind::UndefinedColumn
        );
    });
}

#[test]
fn errors_say_where_in_the_statement_they_are() {
    on_a_large_stack(|| {
        let w = world();
        for (text, place) in [
            ("select nope from t", "nope"),
            ("insert into rw.main.mine select nope from u", "nope"),
            ("insert into rw.main.mine select stats(id) from u", "stats"),
            ("insert into rw.main.mine select 1 from nope", "nope"),
            ("insert into rw.main.mine values (1", ""),
            (
                "create or replace table rw.main.mine as select nope from u",
                "nope",
            ),
            (
                "create or replace table rw.main.mine as select 1 from u where stats(id) > 1",
                "stats",
            ),
            ("create or replace table rw.main.mine as selec 1", "selec"),
            (
                "create or replace table rw.main.mine as (select id from u where max(id) > 1)",
                "max",
            ),
            ("explain (costs off) select nope from t", "nope"),
            ("summarize select nope from t", "nope"),
            ("pivot t on nope in (1) using max(id)", "nope"),
        ] {
            let error = w.authorise("eve", text).unwrap_err();
            let at = if place.is_empty() {
                text.len()
            } else {
                text.find(place).unwrap()
            };
            assert_eq!(error.position(), Some(at), "{text}: {error:?}");
        }
    });
}
