//! Statements that would take long to bind, or grow without end: refused before they are bound.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{World, on_a_large_stack};
use model::{ErrorKind, SqlType};

const POLICY: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["all"]
[[role]]
name = "all"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "create"]
"#;

fn world() -> World {
    let columns = [("id", SqlType::Integer), ("name", SqlType::Varchar)];
    let relations: [(_, &[_]); 2] = [("wh.main.u", &columns), ("rw.main.mine", &columns)];
    World::new(POLICY, &relations, "wh")
}

#[test]
fn nesting_is_bounded() {
    on_a_large_stack(|| {
        let w = world();
        let nested = |n: usize| format!("select {}1{}", "(select ".repeat(n), ")".repeat(n));
        assert!(w.authorise("root", &nested(12)).is_ok());
        assert_eq!(w.refused("root", &nested(17)), ErrorKind::TooComplex);
        let derived = |n: usize| {
            format!(
                "select * from {}u{}",
                "(select * from ".repeat(n),
                ") q".repeat(n)
            )
        };
        assert!(w.authorise("root", &derived(60)).is_ok());
        assert_eq!(w.refused("root", &derived(120)), ErrorKind::TooComplex);
        let list = format!(
            "select * from u where id in ({})",
            vec!["1"; 60_000].join(",")
        );
        assert_eq!(w.refused("root", &list), ErrorKind::TooComplex);
    });
}

#[test]
fn what_stars_and_names_stand_for_is_bounded() {
    on_a_large_stack(|| {
        let w = world();
        let chain = |n: usize, first: &str, again: &str| {
            (0..n).fold(first.to_owned(), |inner, _| again.replace('#', &inner))
        };
        let names = |n: usize| {
            let names: Vec<String> = (0..n)
                .map(|i| format!("c{i} + c{i} as c{}", i + 1))
                .collect();
            format!("select id as c0, {} from u", names.join(", "))
        };
        let stars = |n: usize| chain(n, "select 1 as x", "select *, * from (#) q");
        let columns = |n: usize| chain(n, "select 1 as x", "select *, columns(*) + 1 from (#) q");
        let joins = |n: usize| {
            let ctes = (1..n).map(|i| {
                let below = i - 1;
                format!("c{i} as (select * from c{below} x, c{below} y)")
            });
            let ctes: Vec<String> = ctes.collect();
            format!(
                "with c0 as (select 1 as a), {} select * from c{}",
                ctes.join(", "),
                n - 1
            )
        };
        let structs = |n: usize| {
            chain(
                n,
                "select 1 as x",
                "select {'a': x, 'b': x} as x from (#) q",
            )
        };
        let rows = |n: usize| chain(n, "select 1 as x", "select q as x, q as y from (#) q");
        let forms: [&dyn Fn(usize) -> String; 6] =
            [&names, &stars, &columns, &joins, &structs, &rows];
        for form in forms {
            assert!(w.authorise("root", &form(6)).is_ok(), "{}", form(6));
            let refused = w.refused("root", &form(40));
            assert_eq!(refused, ErrorKind::TooComplex, "{}", form(40));
            let view = format!("create view rw.main.large as {}", form(40));
            assert_eq!(w.refused("root", &view), ErrorKind::TooComplex, "{view}");
        }
        // What is long and does not double.
        let long: Vec<String> = (0..2000).map(|i| format!("id + {i} as c{i}")).collect();
        let long = format!(
            "select *, c7 + c8 from (select {} from u) q",
            long.join(", ")
        );
        assert!(w.authorise("root", &long).is_ok());
        let on = |column: &str| format!("{column} in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)");
        let on: Vec<String> = ["a", "b", "c", "d", "e"].map(on).into();
        let pivot = format!(
            "pivot (select 1 as a, 2 as b, 3 as c, 4 as d, 5 as e) on {} using count(*)",
            on.join(", ")
        );
        assert_eq!(w.refused("root", &pivot), ErrorKind::TooComplex, "{pivot}");
    });
}

#[test]
fn what_is_computed_before_a_statement_runs_is_bounded() {
    on_a_large_stack(|| {
        let w = world();
        let (a, b) = ("a".repeat(6000), "b".repeat(6000));
        let distance = format!("levenshtein('{a}', '{b}')");
        let like = format!("('{a}' like '%a%a%a%b')::integer");
        let grown = format!("length({}'{a}'{})", "hex(".repeat(30), ")".repeat(30));
        for costly in [&distance, &like, &grown] {
            let forms = [
                format!("select id from u limit {costly}"),
                format!("select id from u offset {costly}"),
                format!("select 1 as a from range({costly})"),
                format!("select regexp_matches('a', cast({costly} as varchar)) from u"),
                format!("select strftime(now(), cast({costly} as varchar)) from u"),
                format!("select columns(c -> {costly} = 1) from u"),
            ];
            for form in forms {
                assert_eq!(w.refused("root", &form), ErrorKind::NotSupported, "{form}");
            }
        }
        assert_eq!(
            w.refused("root", &format!("select {grown} as n from u")),
            ErrorKind::NotSupported
        );
        // Computed by a worker, which the statement's deadline stops; or not at all.
        for costly in [&distance, &like] {
            let query = format!("select {costly} as n from u");
            assert!(w.authorise("root", &query).is_ok(), "{query}");
            assert!(w.authorise("root", &format!("explain {query}")).is_ok());
        }
        for plain in [
            "select id from u limit 2 + 1",
            "select columns(lambda c: c like 'i%') from u",
            "select i as i from range(10, 20 * 5) r(i)",
            "select i as i from unnest(range(5)) r(i)",
            "select regexp_replace('abc', '[a-b]+', 'x', 'g') as r",
            "select json_extract('{}', '$.a') as j",
        ] {
            let plan = w.authorise("root", plain);
            assert!(plan.is_ok(), "{plain}: {:?}", plan.err());
        }
    });
}

#[test]
fn numbers_that_set_sizes_are_bounded() {
    on_a_large_stack(|| {
        let w = world();
        for refused in [
            "select repeat('x', 1000001)",
            "select repeat('x', -9223372036854775808)",
            "select lpad('x', 1000001, 'y') from u",
            "select bitstring('1', 2147483647)",
            "select list_resize([1], 9223372036854775807)",
            "select range(1000002)",
            "select range(5, -9223372036854775808, -1)",
            "select * from range(100000000)",
            "select * from generate_series(-9223372036854775808, 9223372036854775807, 3)",
            "select * from u, range(id, 9223372036854775807)",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::LimitExceeded,
                "{refused}"
            );
        }
        for refused in [
            "select range(id, 5, id) from u",
            "select range((random() * 1000)::bigint, id) from u",
            "select range(now(), now() + to_days((random() * 1000)::integer), interval 1 hour) from u",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::NotSupported,
                "{refused}"
            );
        }
        // What is computed has a guard in the text that runs.
        for (guarded, guard) in [
            ("select repeat('x', id) as r from u", "2147383647"),
            (
                "select rpad(name, (length(name) + 1)::integer, '.') as r from u",
                "2147383647",
            ),
            ("select list_resize([1], $1::integer) as r", "2146483647"),
            ("select bitstring('1', id) as r from u", "2147383647"),
            ("select range(id) as r from u", "9223372036854675807"),
            ("select range(3, id) as r from u", "9223372036854675807"),
            (
                "select range(id, id + 3) as r from u",
                "9223372036854675807",
            ),
            (
                "select generate_series(id, -3, -2) as r from u",
                "9223372036854575807",
            ),
        ] {
            let sql = w.authorise("root", guarded).unwrap().sql().to_owned();
            assert!(sql.contains(guard), "{guarded}: {sql}");
        }
        for plain in [
            "select repeat('x', 1000000) as r",
            "select lpad(name, 20, '0') as r from u",
            "select range(1700000000, 1700000100) as r",
            "select i as i from range(1700000000, 1700000100) r(i)",
            "select i as i from generate_series(-9223372036854775808, 9223372036854775807, 9223372036854775807) r(i)",
            "select generate_series(date '2020-01-01', current_date, interval 1 day) as r",
            "select generate_series(date '2020-01-01', current_date, '1 day') as r",
            "select generate_series(date '2020-01-01', current_date, to_days(id)) as r from u",
            "select range((select min(id) from u), (select max(id) from u)) as r",
            "select list_resize([20000000], 3, 30000000) as r",
        ] {
            let plan = w.authorise("root", plain);
            assert!(plan.is_ok(), "{plain}: {:?}", plan.err());
        }
    });
}

#[test]
fn how_far_rows_are_looked_for_is_bounded() {
    on_a_large_stack(|| {
        let w = world();
        for refused in [
            "select lag(id, -9223372036854775808) over () as r from u",
            "select lead(id, -9223372036854775808, 1) over (order by id) as r from u",
            "select lag(id, 9223372036854775807) over () as r from u",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::LimitExceeded,
                "{refused}"
            );
        }
        for guarded in [
            "select lag(id, -9223372036854775807 - 1) over () as r from u",
            "select lead(id, '-9223372036854775808') over () as r from u",
            "select lag(id, '-9223372036854775808'::bigint) over () as r from u",
            "select lag(id, $1) over () as r from u",
            "select lag(id, id) over () as r from u",
            "select lag(id, $1, 5) over (order by id) as r from u order by lag(id, $1, 5) over (order by id)",
        ] {
            let sql = w.authorise("root", guarded).unwrap().sql().to_owned();
            assert!(sql.contains("subtract"), "{guarded}: {sql}");
        }
        for plain in [
            "lag(id)",
            "lag(id, 3)",
            "lead(id, -3, 0)",
            "nth_value(id, 2)",
        ] {
            let plain = format!("select {plain} over (order by id) as r from u");
            let sql = w.authorise("root", &plain).unwrap().sql().to_owned();
            assert!(!sql.contains("subtract"), "{plain}: {sql}");
        }
    });
}

#[test]
fn formats_are_literals_with_small_numbers() {
    on_a_large_stack(|| {
        let w = world();
        for refused in [
            "select format('{:.2147483647f}', 1.5)",
            "select printf('%.2147483647f', 1.0)",
            "select printf('%1000000000d', id) from u",
            "select format('{:6000} {:6000}', 1, 2)",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::LimitExceeded,
                "{refused}"
            );
        }
        for refused in [
            "select format(name, 1) from u",
            "select format($1, 1)",
            "select format('{' || ':10}', 1)",
            "select format('{:{}}', 'a', 1000000000)",
            "select printf('%*d', 1000000000, 1)",
            "select list_transform([1], x -> printf(name, x)) from u",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::NotSupported,
                "{refused}"
            );
        }
        for plain in [
            "select format('{:>10} {:.2f} {0:*^12} of 20000000', name, 1.5) as r from u",
            "select printf('%05d %s %% 20000000', id, name) as r from u",
            "select format('{}', 20000000) as r",
        ] {
            let plan = w.authorise("root", plain);
            assert!(plan.is_ok(), "{plain}: {:?}", plan.err());
        }
    });
}

#[test]
fn nothing_becomes_a_variant() {
    on_a_large_stack(|| {
        let w = world();
        for refused in [
            "select '[1]'::json::variant::varchar as v",
            "select try_cast(name as variant) is null as v from u",
            "select cast([name] as variant[])::varchar as v from u",
            "select {'a': name}::struct(a variant)::varchar as v from u",
            "create table rw.main.new (v variant)",
            "create temp table new (v struct(a variant))",
            "create temp table new as select name::variant as v from u",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::UndefinedObject,
                "{refused}"
            );
        }
    });
}

#[test]
fn what_a_text_makes_in_one_value_is_bounded() {
    on_a_large_stack(|| {
        let w = world();
        for refused in [
            "select length(array_to_string(list_transform(range(500), x -> repeat('a', 1000000)), ''))",
            "select list_transform(range(1000000), x -> format('{:10000}', x))",
            "select list_transform(repeat([1], 1000000), lambda x: repeat('a', 1000))",
            "select length(repeat(repeat('a', 10000), 10000))",
            "select length(repeat(repeat(name, 1000), 1000)) from u",
            "select length(repeat(repeat(name, id), id)) from u",
            "select length(hex(repeat('a', 1000000) || id)) from u",
            "select length(replace(repeat('a', 100000), 'a', repeat('b', 100000)))",
            "select length(regexp_replace(repeat('a', 1000000), 'a', 'bbbbbbbbbbbbbbbbbbbb', 'g'))",
            "select length(replace(replace(name, 'a', repeat('a', 1000)), 'a', repeat('a', 1000))) from u",
            "select length(x || id) from u, (select repeat('a', 1000000) as x) q",
            "with c as (select repeat('a', 100000) as x) select length(replace(y, 'a', y)) from c as q(y)",
            "select length(s.f || s.f || name) from (select {'f': repeat('a', 1000000)} as s) q, u",
            "select list_reduce(range(1000), (a, b) -> a || a, 'x')",
            "select list_reduce([name, name], lambda a, b: a || a) from u",
            "with recursive r as (select 'a' as x union all select x || x from r) select length(x) from r",
            "with recursive r as (select 'a' as x union all select q.x || q.x from r as q, (select 1 from u as q) z) \
             select x from r",
            "with recursive r(n, y) as (select 1, 'a' union all select n + 1, replace(y, 'a', 'aa') from r) \
             select length(y) from r where n > 40",
            "select reservoir_quantile(id, 0.5, 2147483647) from u",
            "select reservoir_quantile(id, 0.5, 2147483647) over () as r from u",
        ] {
            assert_eq!(
                w.refused("root", refused),
                ErrorKind::LimitExceeded,
                "{refused}"
            );
        }
        for plain in [
            "select unnest(list_transform(range(100000), i -> 'name' || i)) as r",
            "select list_transform(range(200), i -> repeat('*', i)) as r",
            "select list_transform(range(id), i -> 'k' || i) as r from u",
            "select list_reduce(range(1000000), (a, b) -> a + b) as r",
            "select list_reduce(range(1000000), (a, b) -> greatest(a, b)) as r",
            "select list_reduce(string_split(name, ' '), (a, b) -> a || ', ' || upper(b)) as r from u",
            "select repeat('x', 1000000) as r from range(10)",
            "select max(pad) as r from (select repeat('x', 1000000) as pad from range(10)) q",
            "select rpad(name, 10 - length(name)::integer, '.') as r from u",
            "select replace(replace(name, '&', '&amp;'), '<', '&lt;') as r from u",
            "select regexp_replace(name, '(a+)(b+)', '\\2\\1', 'g') as r from u",
            "with recursive r(id, path, names, k) as (select id, [id], name, 'x' from u union all \
             select u.id, path || [u.id], names || '/' || name, k from u, r where u.id = r.id + 1) \
             select id as i, path as p, names as n from r",
            "with recursive r as (select id, name from u union all \
             select u.id, r.name || '/' || u.name from u join r on u.id = r.id + 1) select name as n from r",
            "with recursive r as (select 1 as n union all select n + 1 from r where n < 100) select n as n from r",
            "select reservoir_quantile(id, 0.5, 8192) as r, reservoir_quantile(id, 0.5) as s from u",
        ] {
            let plan = w.authorise("root", plain);
            assert!(plan.is_ok(), "{plain}: {:?}", plan.err());
        }
        let nested = (0..14).fold("a".to_owned(), |inner, n| {
            format!("list_reduce([1], lambda a{n}, b{n}: {inner} + a{n})")
        });
        let refused = w.refused("root", &format!("select {nested} from (select 1 as a) q"));
        assert_eq!(refused, ErrorKind::TooComplex);
    });
}
