//! Non-interference: two databases that differ only in what a principal may not see give that
//! principal the same rows, names, errors and success for every statement; and the rows are those of
//! a copy filtered and masked beforehand. Holes H1 to H9, and what rivals leaked by.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod common;

use common::attacks::{SHAPES, databases, run, try_statements, try_what_throws, world};
use common::on_a_large_stack;

const POLICY: &str = r#"
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
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "wh.main.u"
privileges = ["select"]
[[mask]]
on = "wh.main.t.masked"
expr = "left(masked, 1) || '**'"
"#;

#[test]
fn what_is_hidden_makes_no_difference() {
    on_a_large_stack(|| try_statements(&world(POLICY, &[]), &databases(&[])));
}

#[test]
fn no_throwing_function_runs_on_hidden_rows() {
    on_a_large_stack(|| try_what_throws(&world(POLICY, &[]), &databases(&[]), &SHAPES));
}

/// The barrier is what holds: without it the same attacks do tell the databases apart.
#[test]
fn the_attacks_bite_where_there_is_no_barrier() {
    on_a_large_stack(|| {
        let databases = databases(&[]);
        let naive = "(select * from wh.main.t where region = 'EU')";
        let mut leaks = 0;
        for expression in include_str!("throwing.txt")
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with("--"))
        {
            let sql = format!("select count(*) from {naive} t where ({expression}) is not null");
            leaks += usize::from(
                run(&databases.hidden_x, &sql)
                    != run(
                        &databases.copy,
                        &format!("select count(*) from t where ({expression}) is not null"),
                    ),
            );
        }
        assert!(
            leaks > 0,
            "no attack of the list works on DuckDB any more: the list is stale"
        );
    });
}
