//! Columns of a view whose reader sees less below than who made it: each has its own name, and the rules
//! of that name.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{ErrorKind, SqlType};
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
roles = ["some"]
[[role]]
name = "all"
[[role]]
name = "some"
[[grant]]
role = "all"
on = "rw.*.*"
privileges = ["select"]
[[grant]]
role = "some"
on = "rw.main.t1"
privileges = ["select"]
columns = ["b"]
[[grant]]
role = "some"
on = "rw.main.t2"
privileges = ["select"]
[[grant]]
role = "some"
on = "rw.views.*"
privileges = ["select"]
[[mask]]
on = "rw.views.united.b"
with = "redact"
to = ["some"]
"#;

#[test]
fn a_column_that_moves_takes_its_name_along() {
    on_a_large_stack(|| {
        let columns: Columns<'_> = &[("a", SqlType::Varchar), ("b", SqlType::Varchar)];
        let turned: Columns<'_> = &[("b", SqlType::Varchar), ("a", SqlType::Varchar)];
        let mut snapshot = snapshot(&[("rw.main.t1", columns), ("rw.main.t2", turned)]);
        let union = "SELECT * FROM rw.main.t1 UNION BY NAME SELECT * FROM rw.main.t2";
        let listed: Columns<'_> = &[("x", SqlType::Varchar), ("y", SqlType::Varchar)];
        let twice: Columns<'_> = &[("b", SqlType::Varchar), ("b_1", SqlType::Varchar)];
        for (name, list, query, columns) in [
            ("united", "", union, columns),
            ("listed", " (x, y)", union, listed),
            ("twice", "", "SELECT b, b FROM rw.main.t1", twice),
            (
                "texts",
                "",
                "SELECT upper(b) FROM rw.main.t1",
                &[("upper(b)", SqlType::Varchar)],
            ),
        ] {
            let made = format!("CREATE VIEW {name}{list} AS {query};");
            add_view(&mut snapshot, &made, &format!("rw.views.{name}"), columns);
        }
        let parser = Parser::open().unwrap();
        let path = Path::new("policy.toml");
        let set = PolicySet::from_text(path, POLICY, &snapshot, &parser).unwrap();
        let mut world = World::of(set, snapshot, "rw");
        world.hides = true;
        for (who, text, names) in [
            ("root", "from views.united", &["a", "b"][..]),
            ("root", "from views.listed", &["x", "y"]),
            ("eve", "from views.united", &["b", "a"]),
            ("root", "from views.twice", &["b", "b_1"]),
            ("eve", "from views.twice", &["b", "b_1"]),
            ("eve", "from views.texts", &["upper(b)"]),
        ] {
            assert_eq!(world.names(who, text), names, "{who}: {text}");
        }
        assert_eq!(
            world.refused("eve", "from views.listed"),
            ErrorKind::UndefinedTable
        );
        let shown = |column: &str| {
            let sql = world.sql("eve", &format!("select {column} from views.united"));
            sql.contains("****")
        };
        assert!(
            shown("b"),
            "{}",
            world.sql("eve", "select b from views.united")
        );
    });
}
