//! Forms of statements beside plain queries: what they answer, and with what.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use arrow_array::cast::AsArray;
use common::{World, on_a_large_stack};
use model::{ErrorKind, SqlType};
use policy::CommandTag;

const POLICY: &str = r#"
[[principal]]
name = "eve"
verifier = "x"
roles = ["eu"]
[[principal]]
name = "nobody"
verifier = "x"
[[role]]
name = "eu"
[[grant]]
role = "eu"
on = "wh.main.t"
privileges = ["select"]
columns = ["id", "region", "amt"]
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "wh.s.u"
privileges = ["select"]
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
                    ("amt", SqlType::Decimal { width: 9, scale: 2 }),
                    ("hidden", SqlType::Varchar),
                ],
            ),
            ("wh.main.v", &[("id", SqlType::Integer)]),
            ("wh.s.u", &[("id", SqlType::Integer)]),
        ],
        "wh",
    )
}

/// The first column of a local answer.
fn lines(world: &World, who: &str, text: &str) -> Vec<String> {
    let authorised = world
        .authorise(who, text)
        .unwrap_or_else(|e| panic!("{text}: {e:?}"));
    let (_, batch) = authorised.local_rows().unwrap();
    let column = batch.column(0).as_string::<i32>();
    column.iter().map(|v| v.unwrap().to_owned()).collect()
}

#[test]
fn a_plan_is_the_user_s_own_and_has_no_numbers() {
    on_a_large_stack(|| {
        let world = world();
        let plan = lines(
            &world,
            "eve",
            "explain select region from t where amt > 7 order by id",
        );
        assert_eq!(
            plan,
            [
                "ORDER_BY",
                "  Order By: #1 ASC",
                "  ->  SEQ_SCAN",
                "        Filters: (CAST(amt AS DECIMAL(12,2)) > 7.00)",
                "        Projections: region, id",
                "        Table: wh.main.t",
                "        Type: Sequential Scan",
            ]
        );
        let text =
            "explain (format json, costs off, verbose) select count(*) from t join s.u using (id)";
        let plan = lines(&world, "eve", text).concat();
        assert!(
            plan.contains("HASH_JOIN") && !plan.contains("Cardinality"),
            "{plan}"
        );
        let authorised = world.authorise("eve", text).unwrap();
        assert_eq!(authorised.command_tag(), CommandTag::Explain);
        assert_eq!(authorised.description().names, ["QUERY PLAN"]);
    });
}

#[test]
fn a_plan_runs_nothing_beforehand() {
    on_a_large_stack(|| {
        let text =
            "explain select list_sum(list_transform(range(1000000), x -> x * random()))::int = 7";
        let plan = lines(&world(), "eve", text).join("\n");
        assert!(plan.contains("list_transform"), "{plan}");
    });
}

#[test]
fn a_plan_is_refused_for_what_would_be_refused() {
    on_a_large_stack(|| {
        let world = world();
        for (text, kind, position) in [
            (
                "explain select hidden from t",
                ErrorKind::UndefinedColumn,
                Some(15),
            ),
            (
                "explain select 1 from v",
                ErrorKind::UndefinedTable,
                Some(22),
            ),
            (
                "explain select stats(id) from t",
                ErrorKind::UndefinedFunction,
                Some(15),
            ),
            ("explain analyze select 1", ErrorKind::NotSupported, None),
            ("explain (analyze) select 1", ErrorKind::NotSupported, None),
            (
                "explain (verbose, analyze on) select 1",
                ErrorKind::NotSupported,
                None,
            ),
            (
                "explain (format xml) select 1",
                ErrorKind::NotSupported,
                Some(9),
            ),
            ("explain drop table t", ErrorKind::NotSupported, Some(8)),
            ("explain (select 1", ErrorKind::Syntax, Some(17)),
            ("explain (costs) x", ErrorKind::NotSupported, Some(16)),
            ("explain", ErrorKind::Syntax, Some(7)),
            (
                "explain select id from t where id = $1",
                ErrorKind::NotSupported,
                None,
            ),
        ] {
            let error = world.authorise("eve", text).unwrap_err();
            assert_eq!(
                (error.kind(), error.position()),
                (kind, position),
                "{text}: {error:?}"
            );
        }
    });
}

#[test]
fn the_catalog_is_listed_as_far_as_it_is_visible() {
    on_a_large_stack(|| {
        let world = world();
        for (text, eve) in [
            ("show tables", vec!["t"]),
            ("show tables from main", vec!["t"]),
            ("show tables from wh.s", vec!["u"]),
            ("show all tables", vec!["wh", "wh"]),
            ("describe", vec!["wh", "wh"]),
            ("SHOW DATABASES", vec!["wh"]),
            ("show schemas", vec!["wh", "wh"]),
        ] {
            assert_eq!(lines(&world, "eve", text), eve, "{text}");
            if !text.contains("from") {
                assert!(lines(&world, "nobody", text).is_empty(), "{text}");
            }
        }
        assert_eq!(
            world.refused("nobody", "show tables from wh.s"),
            ErrorKind::UndefinedSchema
        );
        assert_eq!(world.refused("eve", "show tables x"), ErrorKind::Syntax);
        assert_eq!(
            world.refused("eve", "show columns from t"),
            ErrorKind::NotSupported
        );
        let all = world.authorise("eve", "show all tables").unwrap();
        let told = format!("{:?}", all.local_rows().unwrap().1);
        assert!(
            told.contains("DECIMAL(9,2)") && !told.contains("hidden"),
            "{told}"
        );
    });
}

#[test]
fn a_summary_is_a_query_through_the_barrier() {
    on_a_large_stack(|| {
        let world = world();
        let authorised = world.authorise("eve", "summarize t").unwrap();
        assert!(authorised.is_governed());
        assert!(
            authorised.sql().contains("limit 9223372036854775807")
                || authorised.sql().contains("LIMIT 9223372036854775807")
        );
        let schema = authorised.description().schema.clone().unwrap();
        let types: Vec<String> = schema
            .columns
            .iter()
            .map(|c| c.sql_type.to_string())
            .collect();
        assert_eq!(
            types.join(" "),
            "VARCHAR VARCHAR VARCHAR VARCHAR BIGINT VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR BIGINT DECIMAL(9,2)"
        );
        assert!(!authorised.sql().contains("hidden"));
        for (text, kind) in [
            ("summarize v", ErrorKind::UndefinedTable),
            ("summarize select hidden from t", ErrorKind::UndefinedColumn),
            (
                "summarize select stats(id) from t",
                ErrorKind::UndefinedFunction,
            ),
            ("summarize", ErrorKind::Syntax),
            ("summarize t t2 where", ErrorKind::Syntax),
            ("from (summarize t)", ErrorKind::NotSupported),
        ] {
            assert_eq!(world.refused("eve", text), kind, "{text}");
        }
        let with = "summarize select id from t where amt > $1";
        let authorised = world.authorise("eve", with).unwrap();
        assert_eq!(
            authorised.description().parameters,
            [SqlType::Decimal { width: 9, scale: 2 }]
        );
    });
}

#[test]
fn what_is_turned_comes_through_the_barrier() {
    on_a_large_stack(|| {
        let world = world();
        for (text, names) in [
            (
                "pivot t on region in ('EU') using count(*) group by id",
                vec!["id", "EU"],
            ),
            (
                "from t pivot (max(amt) as m, count(*) for region in ('EU' as here) group by id)",
                vec!["id", "here_m", "here_count_star()"],
            ),
            (
                "pivot t join s.u using (id) on region in ('EU') using sum(amt)",
                vec!["id", "EU"],
            ),
            (
                "unpivot t on id::decimal(9,2), amt into name n value v",
                vec!["region", "n", "v"],
            ),
            (
                "from t unpivot (v for n in (id)) as p(a, b, c, d)",
                vec!["a", "b", "c", "d"],
            ),
            (
                "with q as (from t) pivot q on region in ('EU') using count(id) group by amt",
                vec!["amt", "EU"],
            ),
        ] {
            let authorised = world
                .authorise("eve", text)
                .unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(authorised.description().names, names, "{text}");
            assert!(authorised.is_governed(), "{text}");
            let sql = authorised.sql();
            assert!(
                sql.contains("LIMIT 9223372036854775807") && !sql.contains("hidden"),
                "{sql}"
            );
        }
        for (text, kind) in [
            (
                "pivot t on region in ('EU') using max(hidden)",
                ErrorKind::UndefinedColumn,
            ),
            (
                "pivot t on hidden in ('EU') using max(id)",
                ErrorKind::UndefinedColumn,
            ),
            (
                "pivot t on region in ('EU') using max(id) group by hidden",
                ErrorKind::UndefinedColumn,
            ),
            (
                "pivot t on region in ('EU') using max(id) group by rowid",
                ErrorKind::UndefinedColumn,
            ),
            (
                "pivot t on region in ('EU') using max(id) group by session_user",
                ErrorKind::UndefinedColumn,
            ),
            (
                "pivot t on region in some_type using max(id)",
                ErrorKind::NotSupported,
            ),
            (
                "pivot t on region in ('EU') using stats(id)",
                ErrorKind::UndefinedFunction,
            ),
            (
                "pivot t on stats(id) in ('EU') using max(id)",
                ErrorKind::UndefinedFunction,
            ),
            ("pivot v on id in (1)", ErrorKind::UndefinedTable),
            ("unpivot v on id", ErrorKind::UndefinedTable),
            ("unpivot t on stats(id)", ErrorKind::UndefinedFunction),
            ("unpivot t on hidden", ErrorKind::Syntax),
            (
                "unpivot t on columns(* exclude (id)), (select max(id) from v)",
                ErrorKind::UndefinedTable,
            ),
        ] {
            assert_eq!(world.refused("eve", text), kind, "{text}");
        }
    });
}
