//! Views that are read with a definer's rights: which grants count for them, and who may put a view
//! where such a view reads.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::path::Path;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{CatalogSnapshot, ErrorKind, SqlType};
use native::{Connection, Instance};
use policy::PolicySet;
use tree::Parser;

const PRINCIPALS: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["admin"]
[[principal]]
name = "boss"
verifier = "x"
roles = ["boss"]
[[principal]]
name = "jfk"
verifier = "x"
roles = ["one", "two"]
[[principal]]
name = "lga"
verifier = "x"
roles = ["two"]
[[role]]
name = "admin"
admin = true
[[role]]
name = "boss"
[[role]]
name = "one"
[[role]]
name = "two"
[[grant]]
role = "admin"
on = "*.*.*"
privileges = ["select", "insert", "update", "delete", "create", "alter", "drop"]
[[grant]]
role = "boss"
on = "rw.main.t"
privileges = ["select"]
"#;

/// Rows of `alice` are told of by the definer's view, others' are not.
const DEFINED: &str = r#"
[[grant]]
role = "one"
on = "rw.main.vd"
privileges = ["select"]
definer = "root"
rows = "owner = 'alice'"
columns = ["id", "owner"]
"#;

const WIDE: &str = r#"
[[grant]]
id = "wide"
role = "two"
on = "rw.main.*"
privileges = ["select"]
[[restrict]]
on = "rw.main.t"
rows = "owner = current_user"
to = ["two"]
"#;

const COLUMNS: Columns<'_> = &[
    ("id", SqlType::Integer),
    ("owner", SqlType::Varchar),
    ("s", SqlType::Varchar),
];

fn catalogs() -> CatalogSnapshot {
    let mut snapshot = snapshot(&[
        ("rw.main.t", COLUMNS),
        ("rw.sand.w", COLUMNS),
        ("rw.sand.free", COLUMNS),
    ]);
    for (name, definition) in [
        ("rw.main.vd", "CREATE VIEW vd AS SELECT * FROM t;"),
        (
            "rw.main.deep",
            "CREATE VIEW deep AS WITH q AS (SELECT * FROM sand.middle) SELECT * FROM q WHERE id IN (SELECT id FROM rw.sand.gone);",
        ),
        (
            "rw.sand.middle",
            "CREATE VIEW sand.middle AS SELECT * FROM w;",
        ),
    ] {
        add_view(&mut snapshot, definition, name, COLUMNS);
    }
    snapshot
}

fn load(policy: &str) -> model::Result<PolicySet> {
    let parser = Parser::open().unwrap();
    PolicySet::from_text(Path::new("policy.toml"), policy, &catalogs(), &parser)
}

fn world(rules: &[&str]) -> World {
    let policy = [&[PRINCIPALS], rules].concat().concat();
    let mut world = World::of(load(&policy).unwrap(), catalogs(), "rw");
    world.hides = true;
    world
}

fn database() -> Connection {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    for sql in [
        "attach ':memory:' as rw",
        "create table rw.main.t (id integer, owner varchar, s varchar)",
        "insert into rw.main.t values (1, 'jfk', 'a'), (2, 'bob', 'SECRET'), (3, 'alice', 'AL')",
    ] {
        connection.execute(sql).unwrap();
    }
    connection
}

fn rows(world: &World, who: &str, text: &str) -> Vec<Vec<String>> {
    let rows = database().query(&world.sql(who, text)).unwrap().into_rows();
    let text = |row: Vec<Option<String>>| row.into_iter().map(Option::unwrap_or_default).collect();
    let mut rows: Vec<Vec<String>> = rows.into_iter().map(text).collect();
    rows.sort();
    rows
}

#[test]
fn only_the_definers_grants_count() {
    on_a_large_stack(|| {
        // In either order of the rules.
        for rules in [[DEFINED, WIDE], [WIDE, DEFINED]] {
            let world = world(&rules);
            assert_eq!(world.names("jfk", "from vd"), ["id", "owner"]);
            assert_eq!(rows(&world, "jfk", "from vd"), [["3", "alice"]]);
            let hidden = world.refused("jfk", "select s from vd");
            assert_eq!(hidden, ErrorKind::UndefinedColumn);
            // What the others would give can be asked for below.
            assert_eq!(rows(&world, "jfk", "from t"), [["1", "jfk", "a"]]);
            // Who has no grant with a definer reads the view with rights of their own.
            assert_eq!(rows(&world, "lga", "select count(*) from vd"), [["0"]]);
        }
    });
}

/// Rows and columns of all grants with the definer come together, as those of any relation.
#[test]
fn grants_with_one_definer_add_up() {
    on_a_large_stack(|| {
        let more = r#"
[[grant]]
role = "two"
on = "rw.main.vd"
privileges = ["select"]
definer = "root"
rows = "id = 1"
[[restrict]]
on = "rw.main.vd"
rows = "id < 3"
to = ["two"]
"#;
        let world = world(&[DEFINED, WIDE, more]);
        assert_eq!(rows(&world, "jfk", "from vd"), [["1", "jfk", "a"]]);
        assert_eq!(world.names("jfk", "from vd"), ["id", "owner", "s"]);
    });
}

#[test]
fn an_explanation_tells_which_grants_count() {
    on_a_large_stack(|| {
        let world = world(&[DEFINED, WIDE]);
        let told = |who: &str| -> Vec<(String, bool)> {
            let plan = world.authorise(who, "from vd").unwrap();
            let lines = world.view(who).explain(Ok(&plan), None);
            let mut grants = lines;
            grants.retain(|l| l.what == "grant" && l.on == "rw.main.vd");
            grants.into_iter().map(|l| (l.says, l.filters)).collect()
        };
        let about = "does not count for reading";
        let jfk = told("jfk");
        let [(defined, true), (wide, false)] = jfk.as_slice() else {
            panic!("{jfk:?}")
        };
        assert!(defined.contains("rights of root") && !defined.contains(about));
        assert!(wide.starts_with("wide") && wide.contains(about), "{wide}");
        assert!(told("lga").iter().all(|(says, _)| !says.contains(about)));
    });
}

#[test]
fn policies_that_are_not_loaded() {
    on_a_large_stack(|| {
        let with = |on: &str, definer: &str, privileges: &str| {
            format!(
                "[[grant]]\nid = \"other\"\nrole = \"two\"\non = \"{on}\"\nprivileges = [{privileges}]\ndefiner = \"{definer}\"\n"
            )
        };
        for (more, reason) in [
            (
                with("rw.main.vd", "boss", "\"select\""),
                "jfk would read rw.main.vd with the rights of boss, and by policy.toml:",
            ),
            (with("rw.main.*", "root", "\"select\""), "full name"),
            (with("*.main.vd", "root", "\"select\""), "full name"),
            (with("rw.main.vd", "root", "\"drop\""), "select"),
            (with("rw.main.vd", "nobody", "\"select\""), "no principal"),
        ] {
            let policy = [PRINCIPALS, DEFINED, WIDE, &more].concat();
            let message = load(&policy).unwrap_err().message().to_owned();
            assert!(message.contains(reason), "{message}");
        }
        let elsewhere = with("rw.main.deep", "boss", "\"select\"");
        load(&[PRINCIPALS, DEFINED, WIDE, &elsewhere].concat()).unwrap();
    });
}

/// With a view under such a name its maker would read all that the definer may.
#[test]
fn only_administrators_make_views_where_a_definers_view_reads() {
    on_a_large_stack(|| {
        let rules = r#"
[[grant]]
role = "one"
on = "rw.main.deep"
privileges = ["select"]
definer = "root"
[[grant]]
role = "two"
on = "rw.sand.*"
privileges = ["select", "create", "drop", "alter"]
[[grant]]
role = "two"
on = "rw.main.t"
privileges = ["select"]
rows = "owner = current_user"
[[grant]]
role = "two"
on = "rw.main.q"
privileges = ["create", "drop"]
"#;
        let world = world(&[rules]);
        for (who, name) in [
            ("jfk", "sand.middle"),
            ("lga", "rw.SAND.\"W\""),
            ("jfk", "sand.gone"),
        ] {
            for verb in ["create", "create or replace"] {
                let text = format!("{verb} view {name} as select id, s as owner, s from t");
                // A table that is in the way has to be dropped first, and then it is refused.
                let kind = world.refused(who, &text);
                let in_the_way = name.contains("W") && verb.contains("replace");
                let expected = match in_the_way {
                    true => ErrorKind::WrongObjectType,
                    false => ErrorKind::PermissionDenied,
                };
                assert_eq!(kind, expected, "{who}: {text}");
            }
            world.sql("root", &format!("create view {name} as select 1 as id"));
        }
        // Tables hold what their maker may read, and other names are free.
        world.sql("jfk", "create table sand.gone as select * from t");
        world.sql("jfk", "create view sand.other as select * from t");
        world.sql(
            "jfk",
            "create or replace view sand.freed as select * from t",
        );
        world.sql("jfk", "create temp view w as select * from t");
        // No view is renamed.
        let text = "alter table sand.middle rename to gone";
        assert_eq!(world.refused("jfk", text), ErrorKind::WrongObjectType);
        for text in [
            "alter view sand.middle rename to gone",
            "alter schema sand rename to other",
        ] {
            let kind = world.refused("jfk", text);
            let refused = [ErrorKind::NotSupported, ErrorKind::Syntax];
            assert!(refused.contains(&kind), "{text}: {kind:?}");
        }
    });
}
