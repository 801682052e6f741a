//! Views over views: what they become together is bounded, and no view reads itself.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use std::time::{Duration, Instant};

use common::{Columns, World, add_view, on_a_large_stack};
use model::{ErrorKind, SqlType};

const POLICY: &str = r#"
[[principal]]
name = "root"
verifier = "x"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "x"
roles = ["desk"]
[[role]]
name = "all"
admin = true
[[role]]
name = "desk"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select", "create", "drop"]
[[grant]]
role = "desk"
on = "*.*.*"
privileges = ["select", "create", "drop"]
[[restrict]]
on = "rw.main.u"
rows = "id > 0"
to = ["desk"]
"#;

const COLUMNS: Columns<'_> = &[("id", SqlType::Integer), ("name", SqlType::Varchar)];

fn world(views: &[(&str, String)]) -> World {
    let mut world = World::new(POLICY, &[("rw.main.u", COLUMNS)], "rw");
    for (name, query) in views {
        let definition = format!("CREATE VIEW {name} AS {query};");
        add_view(
            &mut world.snapshot,
            &definition,
            &format!("rw.main.{name}"),
            COLUMNS,
        );
    }
    world.hides = true;
    world.with_policy(POLICY)
}

fn twice(view: usize) -> String {
    format!("SELECT * FROM rw.main.b{view} UNION ALL SELECT * FROM rw.main.b{view}")
}

/// Each is the one below twice.
fn tower(height: usize) -> Vec<(&'static str, String)> {
    const NAMES: [&str; 16] = [
        "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11", "b12", "b13",
        "b14", "b15",
    ];
    let query = |level: usize| match level.checked_sub(1) {
        None => "SELECT * FROM rw.main.u".to_owned(),
        Some(below) => twice(below),
    };
    (0..height).map(|n| (NAMES[n], query(n))).collect()
}

#[test]
fn what_a_view_becomes_is_bounded() {
    on_a_large_stack(|| {
        for who in ["root", "eve"] {
            let all = world(&tower(16));
            let view = all.view(who);
            let seen = |n: usize| {
                let name = format!("b{n}");
                view.visible().relation("rw", "main", &name).is_some()
            };
            let highest = (0..16).rev().find(|n| seen(*n)).unwrap();
            assert!((5..10).contains(&highest), "{highest}");
            // The second of them reads one that is not there.
            let (_, why) = &view.hidden()[0];
            assert_eq!(why.kind(), ErrorKind::TooComplex);
            let too_high = format!("from b{}", highest + 1);
            assert_eq!(all.refused(who, &too_high), ErrorKind::UndefinedTable);
            all.sql(who, &format!("drop view b{}", highest + 1));
            all.sql(who, &format!("drop view b{}", highest + 2));
            // The next is not made, and the highest costs little.
            let low = world(&tower(highest + 1));
            let create = format!("create view n as {}", twice(highest));
            assert_eq!(low.refused(who, &create), ErrorKind::TooComplex);
            let temporary = create.replace("create", "create temp");
            assert_eq!(low.refused(who, &temporary), ErrorKind::TooComplex);
            let below = world(&tower(highest));
            below.sql(
                who,
                &create.replace(&highest.to_string(), &(highest - 1).to_string()),
            );
            let time = |world: &World| {
                let times = (0..3).map(|_| {
                    let begun = Instant::now();
                    world.view(who);
                    begun.elapsed()
                });
                times.min().unwrap()
            };
            let cost = time(&low).saturating_sub(time(&below));
            assert!(cost < Duration::from_millis(1500), "{cost:?}");
        }
    });
}

#[test]
fn so_is_what_a_statement_becomes() {
    on_a_large_stack(|| {
        let world = world(&tower(7));
        let many = vec!["select id from b6"; 60].join(" union all ");
        assert_eq!(world.refused("root", &many), ErrorKind::TooComplex);
    });
}

#[test]
fn no_view_reads_itself() {
    on_a_large_stack(|| {
        let world = world(&tower(4));
        for who in ["root", "eve"] {
            for text in [
                "create or replace view b1 as select * from b1",
                "create or replace view b0 as select * from rw.main.b3",
                "create or replace view B1 as select id, name from u where id in (select id from b2)",
                "create or replace view b2 as with b2 as (from b2) from b2",
            ] {
                let error = world.authorise(who, text).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotSupported, "{text}: {error:?}");
                assert!(error.message().contains("read itself"), "{error:?}");
            }
            for text in [
                "create or replace view b3 as select * from b1",
                "create or replace view b2 as with b2 as (from b1) from b2",
                "create or replace view b2 as select 1 as id, 'b2' as name",
                "create temp view b2 as select * from b2",
            ] {
                world.sql(who, text);
            }
        }
    });
}
