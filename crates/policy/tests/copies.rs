//! Steps 9 and 10: conditions copied into barriers, and statements without one.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{World, on_a_large_stack};
use model::SqlType;
use native::{Connection, Instance};

const POLICY: &str = r#"
opaque = ["wh.main.closed"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["eu"]
[[role]]
name = "eu"
[[grant]]
role = "eu"
on = "wh.main.t"
privileges = ["select"]
rows = "region = 'EU' and id is not null"
[[grant]]
role = "eu"
on = "wh.main.closed"
privileges = ["select"]
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "wh.main.u"
privileges = ["select"]
[[mask]]
on = "wh.main.t.masked"
with = "redact"
"#;

fn world() -> World {
    let columns: &[(&str, SqlType)] = &[
        ("id", SqlType::Integer),
        ("region", SqlType::Varchar),
        ("s", SqlType::Varchar),
        ("d", SqlType::Date),
        ("ts", SqlType::Timestamp),
        (
            "amt",
            SqlType::Decimal {
                width: 12,
                scale: 2,
            },
        ),
        (
            "wide",
            SqlType::Decimal {
                width: 38,
                scale: 2,
            },
        ),
        ("f", SqlType::Double),
        ("fl", SqlType::Float),
        ("h", SqlType::HugeInt),
        ("b", SqlType::Boolean),
        (
            "st",
            SqlType::Struct([("x".to_owned(), SqlType::Integer)].into()),
        ),
        ("masked", SqlType::Varchar),
    ];
    let u: &[(&str, SqlType)] = &[("uid", SqlType::Integer), ("name", SqlType::Varchar)];
    World::new(
        POLICY,
        &[
            ("wh.main.t", columns),
            ("wh.main.closed", columns),
            ("wh.main.u", u),
        ],
        "wh",
    )
}

/// The text after the row rule in the barrier's WHERE, up to the barrier's end; `None` if nothing was
/// added.
fn added(sql: &str) -> Option<String> {
    let after = sql
        .split("(__eider.id IS NOT NULL)")
        .nth(1)
        .unwrap_or_else(|| panic!("{sql}"));
    let inside = after.split(") LIMIT 9223372036854775807").next().unwrap();
    let inside = inside.trim_start_matches(" AND ");
    (!inside.is_empty()).then(|| inside.to_owned())
}

#[test]
fn what_is_exact_and_harmless_is_copied() {
    on_a_large_stack(|| {
        let world = world();
        for (condition, copy) in [
            ("id = 5", "(__eider.id = CAST('5' AS INTEGER))"),
            ("5 > id", "(CAST('5' AS INTEGER) > __eider.id)"),
            (
                "t.id in (1, 2)",
                "(__eider.id IN (CAST('1' AS INTEGER), CAST('2' AS INTEGER)))",
            ),
            ("id = 5.0", "(__eider.id = CAST('5' AS INTEGER))"),
            ("s <> 'x''y'", "(__eider.s != CAST('x''y' AS VARCHAR))"),
            (
                "d between '2020-01-01' and date '2020-12-31'",
                "(__eider.d BETWEEN CAST('2020-01-01' AS DATE) AND CAST('2020-12-31' AS DATE))",
            ),
            (
                "ts >= date '2020-01-01'",
                "(__eider.ts >= CAST('2020-01-01' AS TIMESTAMP))",
            ),
            ("amt < 5.5", "(__eider.amt < CAST('5.5' AS DECIMAL(12,2)))"),
            ("amt = 7", "(__eider.amt = CAST('7' AS DECIMAL(12,2)))"),
            ("f > 0.5", "(__eider.f > CAST('0.5' AS DOUBLE))"),
            ("f > 1e3", "(__eider.f > CAST('1000.0' AS DOUBLE))"),
            ("fl = 3", "(__eider.fl = CAST('3' AS FLOAT))"),
            ("b = true", "(__eider.b = CAST('t' AS BOOLEAN))"),
            ("h = 5", "(__eider.h = CAST('5' AS HUGEINT))"),
            (
                "id = 5 and upper(s) = 'X' and d > '2020-01-01'",
                "(__eider.id = CAST('5' AS INTEGER)) AND (__eider.d > CAST('2020-01-01' AS DATE))",
            ),
        ] {
            let sql = world.sql("eve", &format!("select upper(s) from t where {condition}"));
            assert_eq!(added(&sql).as_deref(), Some(copy), "{condition}\n{sql}");
        }
    });
}

#[test]
fn what_could_fail_or_mean_something_else_is_not() {
    on_a_large_stack(|| {
        let world = world();
        for condition in [
            "s = 5::varchar",
            "s::int = 5",
            "id = '5'",
            "id = 5.5",
            "id = 3000000000",
            "d = timestamp '2020-01-01 00:00:00'",
            "d = '2020-02-30'",
            "d = 'infinity'",
            "amt = 5.555",
            "wide = 5",
            "fl = 0.5",
            "masked = 'x'",
            "st.x = 5",
            "id = 5 or s = 'x'",
            "not (s like 'x')",
            "id is null",
            "id = amt",
            "id = null",
            "id is distinct from 5",
            "id not in (1, 2)",
            "id in (1, 2.5)",
            "id in (1, null)",
            "s = 'x' collate nocase",
            "id = (select 5)",
            "try_cast('5' as integer) = id",
            "ts > '2020-01-01 25:00:00'",
        ] {
            let sql = world.sql("eve", &format!("select upper(s) from t where {condition}"));
            assert_eq!(added(&sql), None, "{condition}\n{sql}");
        }
        for text in [
            // An alias, another relation's column of that name, renamed columns, a sample, outer joins' other
            // side, windows, QUALIFY, POSITIONAL and ASOF joins.
            "select upper(s), 7 as id from t where id = 5",
            "select upper(s) from t, (select 1 as id) q where q.id = 5",
            "select upper(s) from t x(region, id) where x.id = 'a'",
            "select upper(s) from t tablesample bernoulli(50 percent) where id = 5",
            "select upper(s) from t using sample 50 percent (bernoulli) where id = 5",
            "select upper(s) from u left join t on id = uid where id = 5",
            "select upper(s) from u full join t on id = uid where id = 5",
            "select upper(s) from t right join u on id = uid where id = 5",
            "select upper(s), row_number() over () from t where id = 5",
            "select upper(s) from t where id = 5 qualify row_number() over () = 1",
            "select upper(s) from t positional join u where id = 5",
            "select upper(s) from t asof join u on id >= uid where id = 5",
            "select upper(s) from t having max(id) = 5",
        ] {
            let Ok(authorised) = world.authorise("eve", text) else {
                continue;
            };
            assert_eq!(
                added(authorised.sql()),
                None,
                "{text}\n{}",
                authorised.sql()
            );
        }
        let sql = world.sql("eve", "select upper(s) from closed where id = 5");
        assert!(!sql.contains("__eider.id = "), "{sql}");
    });
}

#[test]
fn copies_reach_through_inner_joins_and_the_left_of_left_joins() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "select upper(s), name from t join u on id = uid where t.id = 5",
            "select upper(s), name from t, u where id = uid and id = 5",
            "select upper(s), name from u join t on id = uid where id = 5 and name = 'x'",
            "select upper(s), name from t left join u on id = uid where id = 5",
            "select * from (select upper(s) as x from t where id = 5) q",
            "with c as (select upper(s) as x from t where id = 5) from c",
            "select 1 as a where exists (select upper(s) from t where id = 5)",
        ] {
            let sql = world.sql("eve", text);
            assert_eq!(
                added(&sql).as_deref(),
                Some("(__eider.id = CAST('5' AS INTEGER))"),
                "{text}\n{sql}"
            );
        }
    });
}

#[test]
fn what_is_asked_of_one_side_of_an_equality_is_asked_of_the_other() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "select upper(s) from u join t on id = uid where uid = 5",
            "select upper(s) from u, t where t.id = u.uid and u.uid = 5",
            "select upper(s) from u left join t on id = uid where uid = 5",
            "select upper(s) from u a join u b on a.uid = b.uid join t on t.id = b.uid where a.uid = 5",
            "select upper(s) from u left join (t join u b on t.id = b.uid) on b.uid = u.uid where u.uid = 5",
        ] {
            let sql = world.sql("eve", text);
            assert_eq!(
                added(&sql).as_deref(),
                Some("(__eider.id = CAST('5' AS INTEGER))"),
                "{text}\n{sql}"
            );
        }
        for text in [
            "select upper(s) from u full join t on id = uid where uid = 5",
            "select upper(s) from t left join u on id = uid where uid = 5",
            "select upper(s) from t right join u on id = uid where uid = 5",
            "select upper(s) from u join t on id = uid or uid = 7 where uid = 5",
            "select upper(s) from u join t on id = uid + 0 where uid = 5",
            "select upper(s) from u left join t on true left join u b on t.id = u.uid where u.uid = 5",
            "select upper(s) from u join t on true left join u b on t.id = u.uid where u.uid = 5",
            "select upper(s) from u left join (u b left join t on t.id = b.uid) on b.uid = u.uid where u.uid = 5",
            "select upper(s) from u asof join t on id >= uid where uid = 5",
            // By a collation of either column other texts may equal.
            "select upper(s) from u join t on name = s where name = 'x'",
        ] {
            let sql = world.sql("eve", text);
            assert_eq!(added(&sql), None, "{text}\n{sql}");
        }
    });
}

#[test]
fn more_conditions_than_are_worth_it_are_not_copied() {
    on_a_large_stack(|| {
        let world = world();
        let conditions = |count: usize| {
            let all: Vec<String> = (0..count).map(|n| format!("id <> {n}")).collect();
            format!("select id from t where {}", all.join(" and "))
        };
        let is_open = |sql: &str| !sql.contains("LIMIT 9223372036854775807");
        assert!(is_open(&world.sql("eve", &conditions(256))));
        let sql = world.sql("eve", &conditions(257));
        assert_eq!((is_open(&sql), added(&sql)), (false, None), "{sql}");
        // 30 columns that equal each other, and 200 conditions.
        let tables: Vec<String> = (0..30).map(|n| format!("t t{n}")).collect();
        let equal: Vec<String> = (1..30).map(|n| format!("t0.id = t{n}.id")).collect();
        let asked: Vec<String> = (0..200).map(|n| format!("t0.id <> {n}")).collect();
        let text = format!(
            "select upper(t0.s) from {} where {} and {}",
            tables.join(", "),
            equal.join(" and "),
            asked.join(" and ")
        );
        let sql = world.sql("eve", &text);
        let copies = sql.matches("(__eider.id != CAST(").count();
        assert!((200..400).contains(&copies), "{copies}");
    });
}

#[test]
fn a_parameter_of_the_columns_type_is_copied() {
    on_a_large_stack(|| {
        let world = world();
        let sql = world.sql("eve", "select upper(s) from t where id = $1 and s = $2");
        assert_eq!(
            added(&sql).as_deref(),
            Some("(__eider.id = CAST($1 AS INTEGER)) AND (__eider.s = CAST($2 AS VARCHAR))"),
            "{sql}"
        );
        let declared = [Some(SqlType::BigInt)];
        let other = world.authorise_with(
            "eve",
            "select upper(s) from t where id = $1::bigint",
            &declared,
        );
        assert_eq!(added(other.unwrap().sql()), None);
    });
}

#[test]
fn a_closed_statement_has_no_barrier() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "select id, s from t where id = 5",
            "select count(*) from t where d > '2020-01-01'",
            "select id as s, s as id, d from t order by d desc nulls last, t.id limit 10 offset 3",
            "select t.id from t where id in (1, 2) and s = 'x' order by id",
            "select id as k from t order by k",
        ] {
            let sql = world.sql("eve", text);
            assert!(!sql.contains("9223372036854775807"), "{text}\n{sql}");
            assert!(
                sql.contains("__eider.region = CAST('EU' AS VARCHAR)"),
                "{sql}"
            );
        }
        for text in [
            "select * from t where id = 5",
            "select st from t",
            "select masked from t",
            "select upper(s) from t",
            "select distinct id from t",
            "select id from t where upper(s) = 'X'",
            "select id from t where id = 5 or s = 'x'",
            "select id, count(*) from t group by 1",
            "select id from t order by upper(s)",
            "select id from t order by masked",
            "select id from t limit (select 5)",
            "select id from t limit 50 percent",
            "select q.id from (select id from t) q",
            "with c as (select id from t) from c",
            "select id from t union all select uid from u",
            "select count(id) from t",
            "select count(*) filter (id > 1) from t",
            "select id from t order by all",
            "select id from t x(id)",
            "from t",
            "select id from closed where id = 5",
            "select max(id) from t",
        ] {
            let Ok(authorised) = world.authorise("eve", text) else {
                continue;
            };
            let sql = authorised.sql();
            assert!(sql.contains("9223372036854775807"), "{text}\n{sql}");
        }
        assert!(
            !world
                .sql("eve", "select id from closed order by id limit 3")
                .contains("9223372036854775807")
        );
        let insert = world.authorise("eve", "create table x as select id from t");
        assert!(insert.is_err());
    });
}

/// The rows are those of the filtered copy, for every condition in every place.
#[test]
fn copies_change_no_answer() {
    on_a_large_stack(|| {
        let world = world();
        let connection = database();
        let view = world.view("eve");
        let sidecar = tree::Sidecar::build(view.visible(), "wh").unwrap();
        let conditions = [
            "id = 5",
            "id <> 5",
            "id in (1, 5, 7)",
            "5 <= id",
            "id between 3 and 9",
            "s = '5'",
            "s < '5'",
            "d >= '2020-01-05'",
            "d = date '2020-01-06'",
            "ts > date '2020-01-04'",
            "ts <= timestamp '2020-01-04 00:00:00'",
            "amt = 5.5",
            "amt > 3",
            "f >= 0.5",
            "f < 2.5",
            "fl = 3",
            "h in (4, 5)",
            "b = true",
            "b <> 't'",
            "id = 5 and s = '5'",
            "id > 2 and upper(s) <> 'X'",
            "id > 2 or s = '1'",
        ];
        let mut compared = 0;
        for condition in conditions {
            for shape in [
                "select id, s, d, ts, amt, f, h, b from {t} where {c} order by id",
                "select count(*) from {t} where {c}",
                "select id, s from {t} where {c} order by d desc, id limit 3",
                "select id, name from {t} join u on id = uid where {c} order by id",
                "select id, name from {t} left join u on id = uid where {c} order by id",
                "select uid, id from u left join {t} on id = uid and id > 3 where {c} order by uid",
                "select id, count(*) from {t} where {c} group by 1 order by 1",
                "select uid from u where exists (select 1 from {t} where id = uid and {c}) order by 1",
                "select uid, id, s from u left join {t} on id = uid where uid in (3, 5, 9) and {u} order by uid",
                "select uid, id from u join {t} on id = uid where uid between 4 and 8 and {c} order by uid",
                "select a.uid, id from u a join u b on a.uid = b.uid left join {t} on id = b.uid where a.uid > 4 and {u} order by 1, 2",
                "select u.uid, id, b.uid from u left join {t} on id = uid left join u b on id = u.uid where u.uid > 4 order by 1, 2, 3",
                "select u.uid, id, b.uid from u join {t} on true left join u b on id = u.uid where u.uid = 5 and {c} order by 1, 2, 3",
                "select u.uid, id, b.uid from u left join {t} on true left join u b on id = u.uid where u.uid = 5 order by 1, 2, 3",
                "select u.uid, q, id from u left join ((select uid as q from u) b left join {t} on id = q) on q = u.uid where u.uid = 5 order by 1, 2, 3",
                "select u.uid, b.uid, id from u left join (u b join {t} on id = b.uid) on b.uid = u.uid where u.uid <> 5 order by 1, 2, 3",
                "select u.uid, id from u full join {t} on id = uid where uid < 8 order by 1, 2",
                "select x.id, y.id from {t} x, {t} y where x.id = y.id + 1 and x.{c} order by 1",
            ] {
                let right = condition.replace("id", "uid");
                let right = if right.starts_with("uid") {
                    &right
                } else {
                    "true"
                };
                let shape = shape.replace("{c}", condition).replace("{u}", right);
                let text = shape.replace("{t}", "t");
                let planned = plan::parse(&text, &world.parser).and_then(|statement| {
                    policy::authorise(&statement, &view, &sidecar, &[], &world.parser)
                });
                let Ok(authorised) = planned else {
                    continue;
                };
                let found = rows(&connection, authorised.sql());
                let copy = rows(&connection, &shape.replace("{t}", "cp"));
                assert_eq!(found, copy, "{text}\n{}", authorised.sql());
                compared += 1;
            }
        }
        assert!(compared > 150, "{compared}");
    });
}

fn database() -> Connection {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    for sql in [
        "attach ':memory:' as wh",
        "use wh",
        "create table t as select i as id, case when i % 2 = 0 then 'US' else 'EU' end as region, i::varchar as s,
            date '2020-01-01' + i as d, timestamp '2020-01-01 00:00:00' + to_days(i) as ts, (i + 0.5)::decimal(12,2) as amt,
            i::decimal(38,2) as wide, i / 2 as f, i::float as fl, i::hugeint as h, i % 3 = 0 as b, {'x': i} as st, 'm' as masked
            from range(20) r(n), lateral (select n::integer as i)",
        "insert into t (id, region, s) values (null, 'EU', 'null'), (100, null, 'x')",
        "create table u as select i::integer as uid, 'n' || i as name from range(3, 12) r(i)",
        "create table cp as select * from t where region = 'EU' and id is not null",
    ] {
        connection.execute(sql).unwrap();
    }
    connection
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<Option<String>>> {
    let rows = connection.query(sql);
    rows.unwrap_or_else(|e| panic!("{sql}: {e:?}")).into_rows()
}
