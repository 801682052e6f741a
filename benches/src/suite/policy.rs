//! What filters and masks cost: rewritten statements beside the same meaning written by hand, without
//! barriers, as views that DuckDB takes apart. And policies of many rules.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use model::CatalogSnapshot;
use native::Connection;
use policy::{PolicySet, View};
use tree::{Parser, Sidecar};

use crate::Result;
use crate::configuration::{CATALOG, GOVERNED};
use crate::embedded::drain;
use crate::fixture::Fixture;
use crate::queries::{self, Query};
use crate::report::{Figure, Goal};
use crate::sample::{median, millis};
use crate::suite::plan::{on_planner_stack, snapshot};

const EACH: Goal = Goal::Ratio(2.0);
const MEAN: Goal = Goal::Ratio(1.25);
const LOAD: Goal = Goal::Value(1_000.0);

/// How many plans are shown: those of the statements with the largest ratios.
const WORST: usize = 3;

/// Rules of the large policy, and of the small one beside it.
const MANY: usize = 10_000;
const FEW: usize = 100;

/// What the governed principal of `configuration` sees of each table, by hand.
const BY_HAND: [(&str, &str); 8] = [
    (
        "customer",
        "select * replace (left(c_phone, 2) || '***' as c_phone) from",
    ),
    ("lineitem", "select * from"),
    ("nation", "select * from"),
    ("orders", "select * from"),
    ("part", "select * from"),
    ("partsupp", "select * from"),
    ("region", "select * from"),
    (
        "supplier",
        "select * replace (0::decimal(15,2) as s_acctbal) from",
    ),
];

/// The row rules of that principal.
const ROWS: [(&str, &str); 2] = [
    ("lineitem", "l_shipmode <> 'AIR'"),
    ("orders", "o_orderpriority <> '1-URGENT'"),
];

pub(super) fn run(fixture: &Fixture) -> Result<Vec<Figure>> {
    let snapshot = snapshot(fixture)?;
    let mut figures = on_planner_stack(|| cost(fixture, &snapshot))?;
    figures.extend(on_planner_stack(|| load(&snapshot))?);
    Ok(figures)
}

fn cost(fixture: &Fixture, snapshot: &CatalogSnapshot) -> Result<Vec<Figure>> {
    let mut queries = queries::tpch()?;
    queries.extend(queries::read(include_str!("policy.sql"))?);
    let rewritten = rewrite(fixture, snapshot, &queries)?;
    let instance = fixture.embedded()?;
    let governed = instance.connect()?;
    let by_hand = instance.connect()?;
    write_by_hand(&by_hand)?;
    let mut measured = Vec::new();
    let mut logarithms = 0.0;
    for (query, sql) in queries.iter().zip(&rewritten) {
        let in_place = query.sql.replace(&format!("{CATALOG}."), "by_hand.");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=fixture.effort.rounds {
            let (rows, time) = timed(&governed, sql)?;
            let (expected, time_by_hand) = timed(&by_hand, &in_place)?;
            if rows != expected {
                return Err(format!("{rows} rows and not {expected} of {}", query.sql).into());
            }
            if round > 0 {
                ours.push(time);
                theirs.push(time_by_hand);
            }
        }
        let figure = Figure::new(&query.title, "ms", median(&mut ours), median(&mut theirs));
        logarithms += figure.ratio().ln();
        measured.push((figure.with_goal(EACH), sql));
    }
    measured.sort_by(|(a, _), (b, _)| b.ratio().total_cmp(&a.ratio()));
    for (figure, sql) in measured.iter().take(WORST) {
        eprintln!("{}", figure.name);
        show_plan(&governed, sql)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let mean = (logarithms / measured.len() as f64).exp();
    let mean = Figure::new("geometric mean of the ratios", "", mean, 1.0).with_goal(MEAN);
    let figures = measured.into_iter().map(|(figure, _)| figure);
    Ok(std::iter::once(mean).chain(figures).collect())
}

/// Prints how DuckDB runs a statement.
fn show_plan(connection: &Connection, sql: &str) -> Result<()> {
    let rows = connection.query(&format!("explain {sql}"))?;
    for plan in rows
        .into_rows()
        .into_iter()
        .filter_map(|mut row| row.pop()?)
    {
        eprintln!("{plan}");
    }
    Ok(())
}

fn rewrite(
    fixture: &Fixture,
    snapshot: &CatalogSnapshot,
    queries: &[Query],
) -> Result<Vec<String>> {
    let parser = Parser::open()?;
    let policy = std::sync::Arc::new(PolicySet::load(&fixture.policy, snapshot, &parser)?);
    let principal = policy.principal(GOVERNED).ok_or("no such principal")?;
    let view = View::new(&policy, snapshot, principal, CATALOG, &parser)?;
    let sidecar = Sidecar::build(view.visible(), CATALOG)?;
    let rewrite = |query: &Query| -> Result<String> {
        let statement = plan::parse(&query.sql, &parser)?;
        let authorised = policy::authorise(&statement, &view, &sidecar, &[], &parser)?;
        Ok(authorised.sql().to_owned())
    };
    queries.iter().map(rewrite).collect()
}

fn write_by_hand(connection: &Connection) -> Result<()> {
    connection.execute("attach ':memory:' as by_hand")?;
    for (table, select) in BY_HAND {
        let mut rules = ROWS.iter().filter(|(of, _)| *of == table);
        let condition = rules
            .next()
            .map_or(String::new(), |(_, rows)| format!(" where {rows}"));
        connection.execute(&format!(
            "create view by_hand.main.{table} as {select} {CATALOG}.main.{table}{condition}"
        ))?;
    }
    connection.execute("use by_hand")?;
    Ok(())
}

/// Rows, and milliseconds from the text to the last of them.
fn timed(connection: &Connection, sql: &str) -> Result<(usize, f64)> {
    let begun = Instant::now();
    let rows = drain(&connection.prepare(sql)?)?;
    Ok((rows, millis(begun.elapsed())))
}

/// Loading a policy of many rules; and what one of its principals sees, beside a policy of few.
fn load(snapshot: &CatalogSnapshot) -> Result<Vec<Figure>> {
    let parser = Parser::open()?;
    let (many, few) = (rules(snapshot, MANY)?, rules(snapshot, FEW)?);
    let load = |text: &str| -> Result<(f64, f64)> {
        let begun = Instant::now();
        let set = PolicySet::from_text(Path::new("policy.toml"), text, snapshot, &parser)?;
        let loaded = millis(begun.elapsed());
        let set = std::sync::Arc::new(set);
        let principal = set.principal(GOVERNED).ok_or("no such principal")?;
        let begun = Instant::now();
        View::new(&set, snapshot, principal, CATALOG, &parser)?;
        Ok((loaded, millis(begun.elapsed())))
    };
    let (loaded, seen) = load(&many)?;
    let (loaded_few, seen_few) = load(&few)?;
    Ok(vec![
        Figure::new(format!("loading {MANY} rules"), "ms", loaded, loaded_few).with_goal(LOAD),
        Figure::new(
            format!("one principal's view under {MANY} rules"),
            "ms",
            seen,
            seen_few,
        ),
    ])
}

/// As many rules: a tenth restricts rows, each in its own words, for a role that only one of three
/// principals has; a tenth masks; the rest grants, to a hundred roles.
fn rules(snapshot: &CatalogSnapshot, count: usize) -> Result<String> {
    let mut text = String::new();
    for (name, roles) in [
        (GOVERNED, "\"role0\""),
        ("other", "\"role1\""),
        ("third", "\"role2\""),
    ] {
        write!(
            text,
            "[[principal]]\nname = \"{name}\"\nverifier = \"x\"\nroles = [{roles}]\n"
        )?;
    }
    for role in 0..100 {
        write!(text, "[[role]]\nname = \"role{role}\"\n")?;
    }
    let tables: Vec<_> = snapshot.relations().map(|r| &r.name).collect();
    for number in 0..count {
        let (role, on) = (number % 100, tables[number / 10 % tables.len()]);
        match number % 10 {
            8 => {
                let (table, rule) = ("orders", format!("o_custkey <> {number}"));
                write!(
                    text,
                    "[[restrict]]\non = \"{CATALOG}.main.{table}\"\nrows = \"{rule}\"\nto = [\"role{role}\"]\n"
                )?;
            }
            9 => write!(
                text,
                "[[mask]]\non = \"{CATALOG}.main.customer.c_phone\"\nwith = \"redact\"\nto = [\"role{role}\"]\n"
            )?,
            _ => write!(
                text,
                "[[grant]]\nrole = \"role{role}\"\non = \"{on}\"\nprivileges = [\"select\"]\n"
            )?,
        }
    }
    Ok(text)
}
