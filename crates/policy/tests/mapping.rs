//! Rules that look things up in mapping tables: what they may be, what they become, and that nothing
//! of hidden rows, nor of the mapping tables themselves, shows through them.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::attacks::{SHAPES, databases, run, try_statements, try_what_throws, world};
use common::{Columns, World, on_a_large_stack, snapshot};
use model::{ErrorKind, SqlType};
use policy::PolicySet;
use tree::Parser;

/// The rules of `attacks.rs`, by look-ups.
const POLICY: &str = r#"
mapping = ["wh.main.regions", "wh.main.blocked"]
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
columns = ["id", "region", "s", "amt", "d", "st", "masked", "l", "e"]
rows = "region in (select region from wh.main.regions where who = current_user)"
[[grant]]
role = "eu"
on = "wh.main.u"
privileges = ["select"]
[[restrict]]
on = "wh.main.t"
rows = "not exists (select 1 from wh.main.blocked where blocked.id = t.id)"
[[restrict]]
on = "wh.main.t"
rows = "amt <= (select max(amount) from wh.main.blocked b where b.id < 4000) or id < 1000"
[[mask]]
on = "wh.main.t.masked"
expr = """case when exists (select 1 from wh.main.regions m where m.who = current_user and m.region = t.s)
    then masked else left(masked, 1) || '**' end"""
"#;

const REGIONS: Columns<'_> = &[("who", SqlType::Varchar), ("region", SqlType::Varchar)];
const BLOCKED: Columns<'_> = &[("id", SqlType::Integer), ("amount", SqlType::BigInt)];
const MAPPINGS: &[(&str, Columns<'_>)] =
    &[("wh.main.regions", REGIONS), ("wh.main.blocked", BLOCKED)];

/// What others may see is hidden too, and differs.
const TABLES: &[&str] = &[
    "create table wh.main.regions (who varchar, region varchar)",
    "insert into wh.main.regions values ('eve', 'EU'), ('bob', 'US'), ('hidden{tag}', 'hidden{tag}'), (null, null)",
    "create table wh.main.blocked (id integer, amount bigint)",
    "insert into wh.main.blocked select 5000 + i, i from range(ascii('{tag}')) r(i)",
];

#[test]
fn what_is_hidden_by_a_lookup_makes_no_difference() {
    on_a_large_stack(|| try_statements(&world(POLICY, MAPPINGS), &databases(TABLES)));
}

#[test]
fn no_throwing_function_runs_on_rows_hidden_by_a_lookup() {
    on_a_large_stack(|| {
        try_what_throws(&world(POLICY, MAPPINGS), &databases(TABLES), &SHAPES[..3])
    });
}

#[test]
fn the_mapping_table_is_named_and_does_not_exist_for_the_reader() {
    on_a_large_stack(|| {
        let world = world(POLICY, MAPPINGS);
        let authorised = world.authorise("eve", "select max(masked) from t").unwrap();
        let relations: Vec<String> = authorised
            .expected()
            .relations
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            relations,
            ["wh.main.blocked", "wh.main.regions", "wh.main.t"]
        );
        assert!(authorised.is_governed());
        for text in [
            "select * from regions",
            "select * from wh.main.blocked",
            "select (select count(*) from wh.main.regions) from t",
            "describe wh.main.regions",
            "select __eider_mapping.who from t",
        ] {
            assert_eq!(
                world.refused("eve", text),
                ErrorKind::UndefinedTable,
                "{text}"
            );
        }
        for text in [
            "select who from t",
            "with regions as (select 1 as region) select r.who from t join regions r using (region)",
        ] {
            assert_eq!(
                world.refused("eve", text),
                ErrorKind::UndefinedColumn,
                "{text}"
            );
        }
    });
}

/// Rows of `t(id, region)` that one rule shows over what `map(id, region, amt)` holds.
fn shown(rows: &str, map: &str) -> Vec<Option<String>> {
    let world = small(rows).unwrap();
    let connection = native::Instance::open(None, &[])
        .unwrap()
        .connect()
        .unwrap();
    for statement in [
        "attach ':memory:' as wh",
        "create table wh.main.t as select * from (values (1, 'EU'), (2, 'US'), (3, null)) v(id, region)",
        "create table wh.main.map (id integer, region varchar, amt bigint)",
    ] {
        connection.execute(statement).unwrap();
    }
    if !map.is_empty() {
        connection
            .execute(&format!("insert into wh.main.map values {map}"))
            .unwrap();
    }
    let sql = world.sql("eve", "select id from t order by id");
    let rows = connection.query(&sql).unwrap().into_rows();
    rows.into_iter().flatten().collect()
}

fn small(rows: &str) -> Result<World, model::Error> {
    let policy = format!(
        "mapping = [\"wh.main.map\"]\n[[principal]]\nname = \"eve\"\nverifier = \"x\"\nroles = [\"r\"]\n[[role]]\nname = \"r\"\n\
         [[grant]]\nrole = \"r\"\non = \"wh.main.t\"\nprivileges = [\"select\"]\nrows = '''{rows}'''\n"
    );
    load(&policy)
}

fn load(policy: &str) -> Result<World, model::Error> {
    let snapshot = snapshot(&[
        (
            "wh.main.t",
            &[("id", SqlType::Integer), ("region", SqlType::Varchar)],
        ),
        (
            "wh.main.map",
            &[
                ("id", SqlType::Integer),
                ("region", SqlType::Varchar),
                ("amt", SqlType::BigInt),
            ],
        ),
        ("wh.main.other", &[("id", SqlType::Integer)]),
    ]);
    let set = PolicySet::from_text(
        Path::new("p.toml"),
        policy,
        &snapshot,
        &Parser::open().unwrap(),
    )?;
    Ok(World::of(set, snapshot, "wh"))
}

#[test]
fn a_lookup_says_what_it_says_in_sql_and_null_is_no() {
    on_a_large_stack(|| {
        let ids = |ids: &[&str]| {
            ids.iter()
                .map(|i| Some((*i).to_owned()))
                .collect::<Vec<_>>()
        };
        for (rows, map, expected) in [
            (
                "region in (select region from wh.main.map)",
                "(1, 'EU', 1)",
                &["1"][..],
            ),
            (
                "region in (select m.region from wh.main.map as m where m.id = t.id)",
                "(2, 'EU', 1)",
                &[],
            ),
            (
                "region not in (select region from wh.main.map)",
                "(1, 'EU', 1)",
                &["2"],
            ),
            (
                "region not in (select region from wh.main.map)",
                "(1, 'EU', 1), (2, null, 1)",
                &[],
            ),
            (
                "region not in (select region from wh.main.map)",
                "",
                &["1", "2", "3"],
            ),
            (
                "exists (from wh.main.map where map.id = t.id and amt > 5)",
                "(1, 'EU', 1), (3, 'EU', 6)",
                &["3"],
            ),
            (
                "not exists (select * from wh.main.map where map.id = wh.main.t.id)",
                "(1, 'EU', 1)",
                &["2", "3"],
            ),
            (
                "'EU' in (select region from wh.main.map)",
                "(1, 'EU', 1)",
                &["1", "2", "3"],
            ),
            (
                "id <= (select max(id) from wh.main.map)",
                "(1, 'EU', 1), (2, 'EU', 1)",
                &["1", "2"],
            ),
            ("id <= (select max(id) from wh.main.map)", "", &[]),
            (
                "id = (select min(id) from wh.main.map m where m.region = t.region)",
                "(2, 'US', 1), (9, 'US', 1)",
                &["2"],
            ),
            (
                "current_user in (select region from wh.main.map where map.id = t.id)",
                "(3, 'eve', 1)",
                &["3"],
            ),
        ] {
            assert_eq!(shown(rows, map), ids(expected), "{rows} over {map}");
        }
    });
}

#[test]
fn what_may_fail_or_is_more_than_a_lookup_is_refused() {
    on_a_large_stack(|| {
        for (rows, reason) in [
            ("id in (select id from wh.main.other)", "not listed"),
            ("id in (select id from map)", "not listed"),
            (
                "id in (select amt from wh.main.map)",
                "INTEGER and BIGINT meet",
            ),
            (
                "id in (select id from wh.main.map where id = 1)",
                "could be a column",
            ),
            (
                "id in (select id from wh.main.map where amt)",
                "must be BOOLEAN",
            ),
            (
                "id in (select id from wh.main.map where cast(map.region as integer) = 1)",
                "write TRY_CAST",
            ),
            (
                "id in (select id from wh.main.map where sqrt(map.id) = 1)",
                "sqrt",
            ),
            (
                "id in (select id from wh.main.map where amt in (select amt from wh.main.map))",
                "a subquery must be",
            ),
            (
                "id in (select nothing from wh.main.map)",
                "no column \"nothing\"",
            ),
            (
                "id in (select id + 1 from wh.main.map)",
                "a subquery must be",
            ),
            ("id in (select t.id from wh.main.map)", "a subquery must be"),
            (
                "id in (select id from wh.main.map limit 1)",
                "a subquery must be",
            ),
            (
                "id in (select distinct id from wh.main.map)",
                "a subquery must be",
            ),
            (
                "id in (select id from wh.main.map group by id)",
                "a subquery must be",
            ),
            (
                "id in (select id from wh.main.map, wh.main.other)",
                "a subquery must be",
            ),
            (
                "id in (with c as (select 1) select id from wh.main.map)",
                "a subquery must be",
            ),
            (
                "id in (select id from wh.main.map union select 1)",
                "a subquery must be",
            ),
            (
                "id in (select id from wh.main.map using sample 1)",
                "a subquery must be",
            ),
            (
                "id > any (select id from wh.main.map)",
                "a subquery must be",
            ),
            ("id = (select id from wh.main.map)", "a subquery must be"),
            (
                "id = (select sum(id) from wh.main.map)",
                "a subquery must be",
            ),
            (
                "id = (select max(distinct id) from wh.main.map)",
                "a subquery must be",
            ),
            ("exists (select amt from wh.main.map)", "a subquery must be"),
        ] {
            let error = small(rows).map(|_| ()).unwrap_err();
            assert!(
                error.kind() == ErrorKind::Config
                    && error.message().starts_with("p.toml:")
                    && error.message().contains(reason),
                "{rows}: {error:?}"
            );
        }
        for (list, reason) in [
            ("wh.main.gone", "p.toml:1: there is no table wh.main.gone"),
            (
                "wh.main.*",
                "p.toml:1: a mapping table is named in full, not by wh.main.*",
            ),
        ] {
            let error = load(&format!("mapping = [\"{list}\"]"))
                .map(|_| ())
                .unwrap_err();
            assert_eq!(error.message(), reason);
        }
    });
}

#[test]
fn a_relation_is_hidden_when_its_mapping_table_is_gone_or_changed() {
    on_a_large_stack(|| {
        let mut world = small("region in (select region from wh.main.map where amt > 5)").unwrap();
        let before = world.snapshot.clone();
        assert!(world.authorise("eve", "select id from t").is_ok());
        world.hides = true;
        let schema = |world: &mut World| {
            let catalog = world.snapshot.catalogs.get_mut("wh").unwrap();
            catalog.schemas.get_mut("main").unwrap().relations.clone()
        };
        let whole = schema(&mut world);
        let changes: [&dyn Fn(&mut model::Relation); 3] = [
            &|map| map.kind = model::RelationKind::View,
            &|map| map.columns[1].sql_type = SqlType::Integer,
            &|map| map.columns[2].name = "other".to_owned(),
        ];
        for change in changes {
            let mut relations = whole.clone();
            change(relations.get_mut("map").unwrap());
            world.snapshot = before.clone();
            let catalog = world.snapshot.catalogs.get_mut("wh").unwrap();
            catalog.schemas.get_mut("main").unwrap().relations = relations;
            assert_eq!(
                world.refused("eve", "select id from t"),
                ErrorKind::UndefinedTable
            );
            let view = world.view("eve");
            let [(name, _)] = view.hidden() else {
                panic!("{:?}", view.hidden())
            };
            assert_eq!(name.to_string(), "wh.main.t");
        }
        world.snapshot = before;
        let catalog = world.snapshot.catalogs.get_mut("wh").unwrap();
        catalog
            .schemas
            .get_mut("main")
            .unwrap()
            .relations
            .remove("map");
        assert_eq!(
            world.refused("eve", "select id from t"),
            ErrorKind::UndefinedTable
        );
    });
}

/// RETURNING, which checks new rows, has no subqueries.
#[test]
fn rows_are_changed_by_a_lookup_and_new_ones_are_refused() {
    on_a_large_stack(|| {
        let columns: Columns<'_> = &[("id", SqlType::Integer), ("region", SqlType::Varchar)];
        let policy = r#"
mapping = ["rw.main.map"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["r"]
[[role]]
name = "r"
[[grant]]
role = "r"
on = "rw.main.t"
privileges = ["select", "insert", "update", "delete"]
rows = "region in (select region from rw.main.map)"
"#;
        let relations = [("rw.main.t", columns), ("rw.main.map", columns)];
        let world = World::new(policy, &relations, "rw");
        let delete = world
            .authorise("eve", "delete from t where id = 1")
            .unwrap();
        let relations = delete.expected().relations.iter();
        let relations: Vec<String> = relations.map(ToString::to_string).collect();
        assert_eq!(relations, ["rw.main.map", "rw.main.t"]);
        for text in [
            "insert into t values (1, 'EU')",
            "update t set region = 'US'",
        ] {
            assert_eq!(
                world.refused("eve", text),
                ErrorKind::NotSupported,
                "{text}"
            );
        }
    });
}

/// Statistics of hidden rows, and of what is looked up, decide nothing that can be seen.
#[test]
fn conditions_are_asked_of_rows_behind_a_lookup() {
    on_a_large_stack(|| {
        let (world, databases) = (world(POLICY, MAPPINGS), databases(TABLES));
        for text in [
            "select id, s from t where id > 100 order by id limit 5",
            "select count(*) from t where amt between 10 and 50000000",
            "select * from t where region = 'US'",
            "select s::int from t where amt > 3000 and id >= 1",
        ] {
            let sql = world.sql("eve", text);
            assert!(sql.contains("regions") && sql.contains("blocked"), "{sql}");
            let (x, y) = (
                run(&databases.hidden_x, &sql),
                run(&databases.hidden_y, &sql),
            );
            assert_eq!(x, y, "{sql}");
        }
    });
}
