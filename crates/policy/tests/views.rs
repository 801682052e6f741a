//! Views: read with the rights of who asks, or a definer's by an explicit grant.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{CatalogSnapshot, ErrorKind, SqlType};
use native::{Connection, Instance};
use policy::PolicySet;
use tree::Parser;

const POLICY: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["eu"]
[[principal]]
name = "nobody"
verifier = "x"
roles = ["views"]
[[role]]
name = "all"
admin = true
[[role]]
name = "eu"
[[role]]
name = "views"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "insert", "create", "drop"]
[[grant]]
role = "eu"
on = "rw.main.t"
privileges = ["select"]
columns = ["id", "region", "s"]
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "rw.main.new"
privileges = ["select", "create", "drop"]
[[grant]]
role = "eu"
on = "rw.main.trusted"
privileges = ["create", "drop"]
[[grant]]
role = "eu"
on = "rw.*.v"
privileges = ["select"]
[[grant]]
role = "eu"
on = "rw.main.stars"
privileges = ["select"]
[[grant]]
role = "eu"
on = "rw.main.renamed"
privileges = ["select"]
[[grant]]
role = "eu"
on = "rw.main.secrets"
privileges = ["select"]
[[grant]]
role = "eu"
on = "rw.main.above"
privileges = ["select"]
[[grant]]
role = "views"
on = "rw.main.v"
privileges = ["select"]
[[grant]]
role = "views"
on = "rw.main.trusted"
privileges = ["select"]
definer = "root"
rows = "id < 3"
[[grant]]
role = "all"
on = "rw.main.trusted"
privileges = ["select"]
definer = "root"
[[mask]]
on = "rw.main.trusted.secret"
with = "keep_first 1"
to = ["views"]
"#;

const TABLE: &str =
    "create table rw.main.t (id integer, region varchar, s varchar, secret varchar)";

/// What is in the file: names as DuckDB prints them, without the catalog.
const VIEWS: [(&str, &str, Columns<'_>); 9] = [
    (
        "rw.main.v",
        "CREATE VIEW v (n, r) AS SELECT id, region FROM t WHERE (id > 0);",
        &[("n", SqlType::Integer), ("r", SqlType::Varchar)],
    ),
    (
        "rw.other.v",
        "CREATE VIEW other.v AS SELECT current_user AS who, count_star() FROM main.t;",
        &[("who", SqlType::Varchar), ("count_star()", SqlType::BigInt)],
    ),
    (
        "rw.main.stars",
        "CREATE VIEW stars AS SELECT * FROM rw.main.t;",
        &[
            ("id", SqlType::Integer),
            ("region", SqlType::Varchar),
            ("s", SqlType::Varchar),
            ("secret", SqlType::Varchar),
        ],
    ),
    (
        "rw.main.renamed",
        "CREATE VIEW renamed (a, b, c, d) AS SELECT * FROM rw.main.t;",
        &[
            ("a", SqlType::Integer),
            ("b", SqlType::Varchar),
            ("c", SqlType::Varchar),
            ("d", SqlType::Varchar),
        ],
    ),
    (
        "rw.main.secrets",
        "CREATE VIEW secrets AS SELECT secret FROM t;",
        &[("secret", SqlType::Varchar)],
    ),
    (
        "rw.main.above",
        "CREATE VIEW above AS WITH q AS (SELECT n FROM v)SELECT n, (n + 1) AS m FROM q;",
        &[("n", SqlType::Integer), ("m", SqlType::Integer)],
    ),
    (
        "rw.main.trusted",
        "CREATE VIEW trusted AS SELECT id, s, secret FROM t;",
        &[
            ("id", SqlType::Integer),
            ("s", SqlType::Varchar),
            ("secret", SqlType::Varchar),
        ],
    ),
    (
        "rw.main.broken",
        "CREATE VIEW broken AS SELECT x FROM gone;",
        &[],
    ),
    (
        "rw.main.circle",
        "CREATE VIEW circle AS SELECT a FROM circle;",
        &[("a", SqlType::Integer)],
    ),
];

fn world() -> World {
    let mut snapshot = snapshot(&[(
        "rw.main.t",
        &[
            ("id", SqlType::Integer),
            ("region", SqlType::Varchar),
            ("s", SqlType::Varchar),
            ("secret", SqlType::Varchar),
        ],
    )]);
    for (name, definition, columns) in VIEWS {
        add_view(&mut snapshot, definition, name, columns);
    }
    let parser = Parser::open().unwrap();
    let path = Path::new("policy.toml");
    let set = PolicySet::from_text(path, POLICY, &snapshot, &parser).unwrap();
    hiding(set, snapshot)
}

fn hiding(set: PolicySet, snapshot: CatalogSnapshot) -> World {
    let mut world = World::of(set, snapshot, "rw");
    world.hides = true;
    world
}

fn database(hidden: &str) -> Connection {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    for sql in [
        "attach ':memory:' as rw",
        TABLE,
        "insert into rw.main.t values (1, 'EU', '1', 'one'), (2, 'EU', '2', 'two'), (5, 'EU', '5', 'five')",
        hidden,
    ] {
        connection.execute(sql).unwrap();
    }
    connection
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let rows = connection
        .query(sql)
        .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let mut rows: Vec<Vec<String>> = rows
        .into_rows()
        .into_iter()
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
        .collect();
    rows.sort();
    rows
}

fn check(world: &World, who: &str, text: &str, expected: &[&[&str]]) {
    let connection = database("insert into rw.main.t values (3, 'US', 'x', 'three')");
    let found = rows(&connection, &world.sql(who, text));
    assert_eq!(found, expected, "{who}: {text}");
}

#[test]
fn a_view_has_the_rights_of_who_asks() {
    on_a_large_stack(|| {
        let world = world();
        check(&world, "root", "select count(*) from v", &[&["4"]]);
        check(&world, "eve", "select count(*) from v", &[&["3"]]);
        check(&world, "eve", "from v where n < 2", &[&["1", "EU"]]);
        check(
            &world,
            "eve",
            "select n from rw.v as w(n) where w.n = 5",
            &[&["5"]],
        );
        check(
            &world,
            "eve",
            "select v.n, rw.main.v.r from v where n = 1",
            &[&["1", "EU"]],
        );
        check(&world, "eve", "select max(m) from above", &[&["6"]]);
        check(
            &world,
            "root",
            "select who, \"count_star()\" from other.v",
            &[&["root", "4"]],
        );
        check(&world, "eve", "from rw.other.v", &[&["eve", "3"]]);
        assert!(world.authorise("eve", "from above").unwrap().is_governed());
        assert!(!world.authorise("root", "from above").unwrap().is_governed());
        // A user's own names do not reach into a view, nor a view's out of it.
        check(
            &world,
            "eve",
            "with t as (select 9 as id, 'z' as region) select n, id from v, t where n = 1",
            &[&["1", "9"]],
        );
        check(
            &world,
            "eve",
            "with q as (select 7 as n) select a.n, q.n from above a, q where a.n = 1",
            &[&["1", "7"]],
        );
        // Without rights on what it reads, there is nothing to see.
        assert_eq!(world.refused("nobody", "from v"), ErrorKind::UndefinedTable);
    });
}

#[test]
fn hidden_columns_stay_hidden_in_a_view() {
    on_a_large_stack(|| {
        let world = world();
        assert_eq!(world.names("eve", "from stars"), ["id", "region", "s"]);
        assert_eq!(
            world.names("root", "from stars"),
            ["id", "region", "s", "secret"]
        );
        for hidden in ["from secrets", "from renamed", "from broken", "from circle"] {
            assert_eq!(
                world.refused("eve", hidden),
                ErrorKind::UndefinedTable,
                "{hidden}"
            );
        }
        assert_eq!(
            world.refused("root", "from broken"),
            ErrorKind::UndefinedTable
        );
        assert_eq!(
            world.refused("root", "from circle"),
            ErrorKind::UndefinedTable
        );
        let view = world.view("eve");
        let hidden: Vec<&str> = view.hidden().iter().map(|(n, _)| n.name.as_str()).collect();
        assert_eq!(hidden, ["renamed", "secrets"]);
    });
}

#[test]
fn a_definers_view_shows_its_rows_and_nothing_else() {
    on_a_large_stack(|| {
        let world = world();
        let all: &[&[&str]] = &[&["1", "1", "o****"], &["2", "2", "t****"]];
        check(&world, "nobody", "from trusted", all);
        assert_eq!(world.refused("nobody", "from t"), ErrorKind::UndefinedTable);
        // Its definer reads it with rights of their own.
        check(&world, "root", "select count(*) from trusted", &[&["4"]]);
        // Its rows are behind a barrier: what throws does not run on the others.
        let (x, y) = (
            database("insert into rw.main.t values (7, 'US', 'hidden', 'x')"),
            database("insert into rw.main.t values (8, 'US', '1', 'other')"),
        );
        for text in [
            "select count(*) from trusted where s::int > 0",
            "select max(s::int) from trusted",
            "select secret, count(*) from trusted group by 1",
            "select sum(s::int) from trusted where id = 1",
        ] {
            let sql = world.sql("nobody", text);
            assert_eq!(rows(&x, &sql), rows(&y, &sql), "{text}");
        }
        // Nobody but an administrator says what a definer's rights are used for.
        let replaced = "create or replace view trusted as select id, s, secret from t";
        assert_eq!(world.refused("eve", replaced), ErrorKind::PermissionDenied);
        world.sql("root", replaced);
    });
}

#[test]
fn a_view_is_stored_with_its_names_resolved() {
    on_a_large_stack(|| {
        let world = world();
        let sql = world.sql(
            "eve",
            "create view new (a, b) as with c as (from t) select c.id, current_user from c, t as o where o.id = c.id",
        );
        assert!(
            sql.starts_with("create view \"rw\".\"main\".\"new\" (\"a\", \"b\") as "),
            "{sql}"
        );
        assert!(sql.contains("rw.main.t") && !sql.contains("'EU'"), "{sql}");
        let connection = database("insert into rw.main.t values (3, 'US', 'x', 'three')");
        connection.execute(&sql).unwrap();
        let kept = rows(
            &connection,
            "select sql from duckdb_views() where view_name = 'new'",
        );
        let mut snapshot = world.snapshot;
        let columns = &[("a", SqlType::Integer), ("b", SqlType::Varchar)];
        add_view(&mut snapshot, &kept[0][0], "rw.main.new", columns);
        let parser = Parser::open().unwrap();
        let path = Path::new("policy.toml");
        let set = PolicySet::from_text(path, POLICY, &snapshot, &parser).unwrap();
        let world = hiding(set, snapshot);
        let read = |who: &str| rows(&connection, &world.sql(who, "from new")).len();
        assert_eq!((read("eve"), read("root")), (3, 4));
        let whose = rows(&connection, &world.sql("eve", "select distinct b from new"));
        assert_eq!(whose, [["eve"]]);
    });
}

#[test]
fn views_that_are_not_made() {
    on_a_large_stack(|| {
        let world = world();
        for (text, kind) in [
            (
                "create view new as select secret from t",
                ErrorKind::UndefinedColumn,
            ),
            ("create view new as from hidden", ErrorKind::UndefinedTable),
            (
                "create view new as select $1::int as a",
                ErrorKind::NotSupported,
            ),
            (
                "create view new (a) as select 1 as x, 2 as y",
                ErrorKind::Syntax,
            ),
            (
                "create view new as select getvariable('x')",
                ErrorKind::UndefinedFunction,
            ),
            (
                "create view new as select 1 as a; select 2",
                ErrorKind::Syntax,
            ),
            (
                "create temp view wh.main.new as select 1 as a",
                ErrorKind::InvalidParameterValue,
            ),
            (
                "create view elsewhere as select 1 as a",
                ErrorKind::PermissionDenied,
            ),
            (
                "create or replace view t as select 1 as a",
                ErrorKind::PermissionDenied,
            ),
            ("drop view t", ErrorKind::WrongObjectType),
            ("drop view v", ErrorKind::PermissionDenied),
            ("drop view gone", ErrorKind::UndefinedTable),
            ("insert into v values (1, 'x')", ErrorKind::PermissionDenied),
        ] {
            assert_eq!(world.refused("eve", text), kind, "{text}");
        }
        for (text, kind) in [
            (
                "create or replace view t as select 1 as a",
                ErrorKind::WrongObjectType,
            ),
            ("drop table v", ErrorKind::WrongObjectType),
            ("insert into v values (1, 'x')", ErrorKind::WrongObjectType),
        ] {
            assert_eq!(world.refused("root", text), kind, "{text}");
        }
        assert_eq!(
            world.sql("root", "drop view v"),
            "drop view \"rw\".\"main\".\"v\""
        );
    });
}
