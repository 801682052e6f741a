//! A session's own tables and views: read like stored ones, and never silently something stored.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::sync::Arc;

use common::{Columns, World, add_view, on_a_large_stack, snapshot};
use model::{CatalogMode, CatalogSnapshot, ErrorKind, Result, SqlType, TEMPORARY};
use native::{Connection, Instance};
use policy::{Authorised, View};
use tree::Sidecar;

const POLICY: &str = r#"
mapping = ["rw.main.map"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["desk"]
[[role]]
name = "desk"
[[grant]]
role = "desk"
on = "rw.main.mapped"
privileges = ["select"]
rows = "dept in (select dept from rw.main.map where who = current_user)"
[[grant]]
role = "desk"
on = "rw.main.t"
privileges = ["select"]
columns = ["id", "s"]
rows = "owner = current_user"
[[grant]]
role = "desk"
on = "rw.main.pub"
privileges = ["select", "insert", "update", "delete", "drop"]
[[mask]]
on = "rw.main.t.s"
expr = "left(owner, 1)"
"#;

const T: Columns<'_> = &[
    ("id", SqlType::Integer),
    ("owner", SqlType::Varchar),
    ("s", SqlType::Varchar),
];

const MAPPED: Columns<'_> = &[("id", SqlType::Integer), ("dept", SqlType::Varchar)];

fn world(policy: &str) -> World {
    let tables: &[(&str, Columns<'_>)] = &[
        ("rw.main.t", T),
        ("rw.main.mapped", MAPPED),
        (
            "rw.main.map",
            &[("who", SqlType::Varchar), ("dept", SqlType::Varchar)],
        ),
        ("rw.main.pub", &[("id", SqlType::Integer)]),
    ];
    World::new(policy, tables, "rw")
}

/// A session over a world, with temporary tables and views.
struct Session {
    world: World,
    own: CatalogSnapshot,
}

impl Session {
    fn new(
        world: World,
        tables: &[(&str, Columns<'_>)],
        views: &[(&str, &str, Columns<'_>)],
    ) -> Self {
        let full = |name: &str| format!("{TEMPORARY}.main.{name}");
        let names: Vec<String> = tables.iter().map(|(name, _)| full(name)).collect();
        let tables = tables.iter().zip(&names);
        let tables: Vec<_> = tables.map(|((_, c), name)| (name.as_str(), *c)).collect();
        // A catalog has a relation at least.
        let mut own = snapshot(
            &[
                &tables[..],
                &[("temp.main.one", &[("a", SqlType::Integer)])],
            ]
            .concat(),
        );
        for (name, query, columns) in views {
            let definition = format!("CREATE TEMP VIEW {name} AS {query};");
            add_view(&mut own, &definition, &full(name), columns);
        }
        Self { world, own }
    }

    fn view(&self) -> View {
        let mut own = self.own.catalogs[TEMPORARY].clone();
        own.mode = CatalogMode::ReadWrite;
        let shared = Arc::new(self.world.snapshot.clone());
        let view = self.world.view("eve");
        let sidecar = Sidecar::build(view.visible(), "rw").unwrap();
        let all = shared.with_temporary(2, own);
        view.with_temporary(&all, &sidecar, &self.world.parser)
            .unwrap()
    }

    fn authorise(&self, text: &str) -> Result<Authorised> {
        let view = self.view();
        let shared = view.visible().shared.clone().unwrap();
        let sidecar = Sidecar::build(&shared, "rw").unwrap();
        let sidecar = sidecar.with_temporary(view.visible()).unwrap();
        let statement = plan::parse(text, &self.world.parser)?;
        policy::authorise(&statement, &view, &sidecar, &[], &self.world.parser)
    }

    fn sql(&self, text: &str) -> String {
        let planned = self.authorise(text);
        planned
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
            .sql()
            .to_owned()
    }

    fn refused(&self, text: &str) -> ErrorKind {
        match self.authorise(text) {
            Ok(planned) => panic!("{text} runs as {}", planned.sql()),
            Err(e) => e.kind(),
        }
    }
}

fn database() -> Connection {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    for sql in [
        "attach ':memory:' as rw",
        "create table rw.main.t (id integer, owner varchar, s varchar)",
        "insert into rw.main.t values (1, 'eve', 'a'), (2, 'bob', 'b')",
        "create table rw.main.mapped (id integer, dept varchar)",
        "insert into rw.main.mapped values (1, 'x'), (2, 'y')",
        "create table rw.main.map (who varchar, dept varchar)",
        "insert into rw.main.map values ('eve', 'y')",
    ] {
        connection.execute(sql).unwrap();
    }
    connection
}

fn rows(session: &Session, text: &str) -> Vec<Vec<Option<String>>> {
    database().query(&session.sql(text)).unwrap().into_rows()
}

#[test]
fn views_over_what_is_filtered_by_hidden_columns_and_mapping_tables() {
    on_a_large_stack(|| {
        let session = Session::new(
            world(POLICY),
            &[],
            &[
                (
                    "above",
                    "SELECT id + 10 AS n FROM temp.main.mine",
                    &[("n", SqlType::Integer)],
                ),
                ("mine", "SELECT * FROM rw.main.t", T),
                ("ours", "SELECT * FROM rw.main.mapped", MAPPED),
            ],
        );
        assert!(
            session.view().hidden().is_empty(),
            "{:?}",
            session.view().hidden()
        );
        let text = |row: &[&str]| {
            vec![
                row.iter()
                    .map(|c| Some((*c).to_owned()))
                    .collect::<Vec<_>>(),
            ]
        };
        assert_eq!(rows(&session, "from mine"), text(&["1", "e"]));
        assert_eq!(rows(&session, "from ours"), text(&["2", "y"]));
        assert_eq!(rows(&session, "from above"), text(&["11"]));
        assert_eq!(
            session.refused("select owner from mine"),
            ErrorKind::UndefinedColumn
        );
        assert!(session.authorise("from above").unwrap().is_governed());
    });
}

/// As after DROP TABLE below a view, and after a reload that takes away what a view reads.
#[test]
fn a_name_that_is_taken_never_means_what_is_stored() {
    on_a_large_stack(|| {
        let views: &[(&str, &str, Columns<'_>)] = &[
            (
                "pub",
                "SELECT * FROM temp.main.gone",
                &[("id", SqlType::Integer)],
            ),
            ("t", "SELECT * FROM rw.main.mapped", MAPPED),
            (
                "above",
                "SELECT * FROM temp.main.pub",
                &[("id", SqlType::Integer)],
            ),
        ];
        let less = POLICY.replace("on = \"rw.main.mapped\"", "on = \"rw.main.other\"");
        let session = Session::new(world(&less), &[], views);
        for text in [
            "from pub",
            "from pg_temp.pub",
            "from temp.main.pub",
            "from above",
            "from t",
            "select * from (select id from t) q",
            "insert into pub values (1)",
            "insert into pub select id from rw.main.t",
            "update pub set id = 1",
            "delete from pub",
            "truncate pub",
            "merge into pub using rw.main.t s on pub.id = s.id when matched then delete",
            "create temp table x as from pub",
            "create temp view x as from pub",
            "describe pub",
            "summarize pub",
            "explain select * from pub",
        ] {
            let text = text.replace("pg_temp", TEMPORARY);
            assert_eq!(session.refused(&text), ErrorKind::UndefinedTable, "{text}");
        }
        // Two readings of a name are as ambiguous as ever.
        let text = "insert into main.pub values (1)";
        assert_eq!(session.refused(text), ErrorKind::AmbiguousColumn);
        // By its full name the stored one is what is meant, and what can't be used can be dropped.
        session.sql("insert into rw.main.pub values (1)");
        assert_eq!(
            session.sql("drop view pub"),
            "drop view \"temp\".\"main\".\"pub\""
        );
        assert_eq!(
            session.refused("drop table pub"),
            ErrorKind::WrongObjectType
        );
        session.sql("create or replace temp view pub as select 1 as id");
        // The others still work.
        session.sql("from one");
        let hidden: Vec<String> = session
            .view()
            .hidden()
            .iter()
            .map(|(n, _)| n.name.clone())
            .collect();
        assert_eq!(hidden, ["above", "pub", "t"]);
    });
}
