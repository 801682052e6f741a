//! Columns that DuckDB computes of others show nothing that those hide.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{World, on_a_large_stack};
use model::{Constraint, ConstraintKind, ErrorKind, RelationName, SqlType};

fn world(rules: &str) -> World {
    let columns: Vec<(&str, SqlType)> = ["id", "x", "g", "h"]
        .map(|name| (name, SqlType::Integer))
        .into();
    let mut world = World::bare(&[("rw.main.t", &columns)], "rw");
    for of in [["g", "X"], ["h", "g"]] {
        let constraint = Constraint {
            kind: ConstraintKind::Generated,
            columns: of.map(str::to_owned).into(),
        };
        world.constrain(&RelationName::new("rw", "main", "t"), constraint);
    }
    world.with_policy(&format!(
        "[[principal]]\nname = \"eve\"\nverifier = \"x\"\nroles = [\"r\"]\n[[role]]\nname = \"r\"\n\
         [[grant]]\nrole = \"r\"\non = \"rw.main.t\"\nprivileges = [\"select\", \"update\"]\n{rules}"
    ))
}

#[test]
fn what_is_computed_of_something_hidden_is_hidden() {
    on_a_large_stack(|| {
        let mask = "[[mask]]\non = \"rw.main.t.x\"\nwith = \"null\"\n";
        let own = "[[mask]]\non = \"rw.main.t.g\"\nexpr = \"g\"\n";
        let some = "[[grant]]\nrole = \"r\"\non = \"rw.main.t\"\nprivileges = [\"select\"]\n\
                    rows = \"id > 5\"\ncolumns = [\"id\"]\n";
        for (rules, seen) in [
            (String::new(), "id x g h"),
            ("columns = [\"id\", \"g\"]\n".to_owned(), "id g"),
            ("columns = [\"id\", \"h\"]\n".to_owned(), "id h"),
            (mask.to_owned(), "id x"),
            (
                format!("columns = [\"id\", \"x\", \"h\"]\n{mask}"),
                "id x h",
            ),
            (
                format!("columns = [\"id\", \"x\", \"g\", \"h\"]\n{mask}"),
                "id x",
            ),
            (format!("{mask}{own}"), "id x g"),
            (format!("rows = \"id < 5\"\n{some}"), "id x g h"),
            (
                "[[deny]]\non = \"rw.main.t\"\ncolumns = [\"x\"]\n".to_owned(),
                "id",
            ),
            (
                "[[deny]]\non = \"rw.main.t\"\ncolumns = [\"g\"]\n".to_owned(),
                "id x",
            ),
        ] {
            let names = world(&rules).names("eve", "select * from t");
            assert_eq!(names.join(" "), seen, "{rules}");
        }
    });
}

#[test]
fn what_is_computed_of_a_column_is_written_with_it() {
    on_a_large_stack(|| {
        let reads =
            "[[mask]]\non = \"rw.main.t.id\"\nexpr = \"case when h > 100 then id else 0 end\"\n";
        let guards = "[[grant]]\nrole = \"r\"\non = \"rw.main.t\"\nprivileges = [\"select\"]\n\
                      rows = \"h > 100\"\n";
        let unmasking = [
            reads.to_owned(),
            format!("columns = [\"x\", \"g\", \"h\"]\n{guards}"),
            "columns = [\"x\", \"g\", \"h\"]\nrows = \"g < id\"\n".to_owned(),
        ];
        for rules in unmasking {
            for text in [
                "update t set x = 1000",
                "merge into t using (select 2 as x) q using (x) when matched then update set x = 1000",
            ] {
                let refused = world(&rules).refused("eve", text);
                assert_eq!(refused, ErrorKind::PermissionDenied, "{rules}: {text}");
            }
        }
        let other = "[[mask]]\non = \"rw.main.t.id\"\nwith = \"bucket 10\"\n";
        world(other).sql("eve", "update t set x = 1000");
    });
}
