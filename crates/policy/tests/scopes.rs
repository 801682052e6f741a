//! What bare names and samples mean in a query.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::{World, on_a_large_stack};
use model::{ErrorKind, SqlType};

const POLICY: &str = r#"
[[principal]]
name = "eve"
verifier = "x"
roles = ["r"]
[[role]]
name = "r"
[[grant]]
role = "r"
on = "wh.main.t"
privileges = ["select"]
rows = "id > 1"
[[grant]]
role = "r"
on = "wh.main.u"
privileges = ["select"]
"#;

fn world() -> World {
    let columns = [("id", SqlType::Integer), ("name", SqlType::Varchar)];
    World::new(
        POLICY,
        &[("wh.main.t", &columns), ("wh.main.u", &columns)],
        "wh",
    )
}

#[test]
fn samples_of_what_is_hidden_in_part_are_taken_row_by_row() {
    on_a_large_stack(|| {
        let world = world();
        for text in [
            "select * from t tablesample 10%",
            "select * from t using sample 10 percent (system)",
            "select u.id from u tablesample system(10%), t",
        ] {
            let sql = world.sql("eve", text).to_ascii_lowercase();
            let by_row = sql.contains("bernoulli") && !sql.contains("system (");
            assert!(by_row, "{text}: {sql}");
        }
        let plain = world.sql(
            "eve",
            "select * from u tablesample system(10%) repeatable (5)",
        );
        assert!(plain.to_ascii_lowercase().contains("system"), "{plain}");
        for text in [
            "select * from t tablesample system(10%) repeatable (5)",
            "select * from t using sample reservoir(4 rows) repeatable (5)",
            "select * from t using sample 10 percent (bernoulli, 5)",
            "select * from (select * from u tablesample bernoulli(10%) repeatable (5)), t",
        ] {
            assert_eq!(
                world.refused("eve", text),
                ErrorKind::NotSupported,
                "{text}"
            );
        }
    });
}

#[test]
fn a_name_of_the_sessions_is_a_column_only_where_one_is_in_scope() {
    on_a_large_stack(|| {
        let world = world();
        let constant = |text: &str| {
            let sql = world.sql("eve", text).to_ascii_lowercase();
            sql.contains("'eve'")
        };
        for text in [
            "select current_user",
            "select current_user, exists (select 1 as \"current_user\")",
            "select id from u where name = current_user and exists (select 1 as \"current_user\")",
            "select id from u where name = user and id in (select 1 as \"user\")",
            "with c as (select 1 as \"user\") select id from u where name = user",
            "select 1 from u, (select (select 1 as \"user\") as z) s where name = user",
            "select user from (select name from u)",
        ] {
            assert!(constant(text), "{text}: {}", world.sql("eve", text));
        }
        for text in [
            "select name as user from u order by user",
            "select name as user, user || 'x' from u",
            "select user from (select name as user from u)",
            "select user from (select name from u) as s(user)",
            "select user from (select * from (select name as user from u))",
            "with c as (select name as user from u) select user from c",
            "with c(user) as (select name from u) select user from c",
            "select user from (with c as (select name as user from u) from c)",
            "with recursive c(user) as (select 1 union all select user + 1 from c where user < 3) select user from c",
            "select id from u, (values ('x')) v(user) where name = user",
            "select id from u, unnest(['x']) as user where name = user",
            "select id from u where exists (select 1 from (select name as user) where user = 'x')",
            "select id as current_user from u union all select 2 order by current_user",
        ] {
            assert!(!constant(text), "{text}: {}", world.sql("eve", text));
        }
        for text in [
            "select rowid from u where exists (select 1 as rowid)",
            "select rowid from u, (select (select 1 as rowid) as z)",
        ] {
            assert_eq!(world.refused("eve", text), ErrorKind::UndefinedColumn);
        }
    });
}
