//! What may be written and not be read: of it exists what a grant reaches.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{Columns, World, add_view, on_a_large_stack};
use model::{ErrorKind, SqlType};

const POLICY: &str = r#"
[[principal]]
name = "eve"
verifier = "x"
roles = ["desk"]
[[role]]
name = "desk"
[[grant]]
role = "desk"
on = "rw.main.part"
privileges = ["insert"]
columns = ["id", "v"]
[[grant]]
role = "desk"
on = "rw.main.part"
privileges = ["create", "drop"]
[[grant]]
role = "desk"
on = "rw.main.each"
privileges = ["insert", "drop"]
[[grant]]
role = "desk"
on = "rw.main.gone"
privileges = ["drop"]
[[grant]]
role = "desk"
on = "rw.main.v"
privileges = ["drop"]
[[deny]]
on = "rw.main.each"
columns = ["sec"]
"#;

const COLUMNS: Columns<'_> = &[
    ("sec", SqlType::Integer),
    ("id", SqlType::Integer),
    ("v", SqlType::Varchar),
];

fn world() -> World {
    let tables = ["rw.main.part", "rw.main.each", "rw.main.gone"];
    let tables = tables.map(|name| (name, COLUMNS));
    let mut world = World::new("", &tables, "rw");
    let definition = "CREATE VIEW v AS SELECT * FROM rw.main.each;";
    add_view(&mut world.snapshot, definition, "rw.main.v", COLUMNS);
    world.with_policy(POLICY)
}

#[test]
fn columns_that_no_grant_reaches_do_not_exist() {
    on_a_large_stack(|| {
        let world = world();
        let view = world.view("eve");
        for (name, columns) in [
            ("part", &["id", "v"][..]),
            ("each", &["id", "v"]),
            ("gone", &[]),
            ("v", &[]),
        ] {
            let relation = view.visible().relation("rw", "main", name).unwrap();
            let names: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(names, columns, "{name}");
        }
        for name in ["part", "each"] {
            for column in ["sec", "nope"] {
                let text = format!("insert into {name} ({column}) values (1)");
                let error = world.authorise("eve", &text).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::UndefinedColumn, "{text}");
                let said = error.message().replace(column, "it");
                let expected = format!("column \"it\" of rw.main.{name} does not exist");
                assert_eq!(said, expected);
            }
            assert_eq!(
                world.refused("eve", &format!("select sec from {name}")),
                ErrorKind::PermissionDenied
            );
        }
        world.sql("eve", "drop table gone");
        world.sql("eve", "drop view v");
    });
}

#[test]
fn rows_without_a_list_are_of_the_columns_that_exist() {
    on_a_large_stack(|| {
        let world = world();
        let head = "insert into \"rw\".\"main\".\"part\" (\"id\", \"v\") ";
        for text in [
            "insert into part values (1, 'x')",
            "insert into part (id, v) values (1, 'x')",
            "insert into part by name select 1 as id, 'x' as v",
        ] {
            let planned = world.authorise("eve", text).unwrap();
            assert!(planned.sql().starts_with(head), "{}", planned.sql());
            // What DuckDB says of the others, as that they may not be NULL, stays in the worker.
            assert!(planned.is_governed(), "{text}");
        }
        assert!(
            world
                .authorise("eve", "insert into part values (1, 2, 'x')")
                .is_err()
        );
        let returned = world.refused("eve", "insert into part (id) values (1) returning id");
        assert_eq!(returned, ErrorKind::PermissionDenied);
        world.sql("eve", "insert into part default values");
    });
}
