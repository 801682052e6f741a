//! Everything of DuckDB that throws against every shape of policy: hidden rows, or raw values behind a
//! mask, are the only ones that make it throw, so each statement must answer, and as a copy does that
//! was filtered and masked beforehand. Where the copy throws too, on a mask, the statement must fail.
//!
//! What throws is found on the shipped library itself (`search.rs`), so that an upgrade of DuckDB
//! brings its new functions and overloads along; an entry of `syntax.txt` that no longer throws fails.
//!
//! What is covered, in bounded time: every entry with the plain row filter, the first overload of each
//! function and each line of `syntax.txt` alone in one place, the next one in the next, and further
//! overloads, casts and comparisons as conjuncts of one condition, which an optimizer moves one by one.
//! With every other shape each function and each line as such a conjunct, and every third alone in one
//! place. An item of FROM that throws is tried with every shape beside the relation that it reads. So
//! every shape is tried in every place that its rights allow, as is asserted. The same text is run on
//! the raw tables and must fail there, or the case would prove nothing. What policy refuses by name, and
//! so is left out, is in `refused.rs`.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]
#![allow(clippy::print_stdout, reason = "counts are told")]

mod candidates;
#[path = "../common/mod.rs"]
mod common;
mod places;
mod pools;
mod refused;
mod search;
mod shapes;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::writes::{Outcome, rows, written};
use common::{World, add_view, snapshot};
use model::{ErrorKind, SqlType, StatementId};
use native::{Connection, Instance};
use places::{Place, places};
use policy::{PolicySet, View};
use pools::WITHHELD;
use search::{Kind, entries};
use shapes::{KEY, SHAPES, Shape};
use tables::{Placed, Table, tables};
use tree::{Parser, Sidecar};

fn open(statements: impl IntoIterator<Item = String>) -> Connection {
    let config = [("threads", "1"), ("preserve_insertion_order", "false")];
    let connection = Instance::open(None, &config).unwrap().connect().unwrap();
    let fixed = [
        "attach ':memory:' as rw; use rw; create schema g; create schema v; create schema raw",
        "create table main.u as select i::integer as id, 'n' || i as name from range(1, 21) r(i)",
        "create table main.regions as select * from (values ('eve', 'EU'), ('bob', 'US')) r(who, region)",
    ];
    for statement in fixed.map(str::to_owned).into_iter().chain(statements) {
        let ran = connection.execute(&statement);
        ran.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    connection
}

/// A shape over all tables: the raw data, the copy, and what planning needs.
struct Bench {
    shape: Shape,
    raw: Connection,
    /// The same with raw values that do not throw.
    calm: Connection,
    copy: Connection,
    parser: Parser,
    view: View,
    sidecar: Sidecar,
}

impl Bench {
    fn new(shape: Shape, tables: &[Table], folder: &Path) -> Self {
        let view = |t: &Table| format!("create view v.{} as {}", t.name, t.view());
        let raw = |calm: bool| {
            let statements = tables.iter().flat_map(move |t| {
                let made = t.made("g", calm).into_iter();
                made.chain([view(t)])
            });
            open(statements)
        };
        let (raw, calm) = (raw(false), raw(true));
        let copy = tables.iter().flat_map(|t| {
            let seen = shape.seen(t, &format!("raw.{}", t.name));
            let made = t.made("raw", false).into_iter();
            made.chain([format!("create table g.{} as {seen}", t.name), view(t)])
        });
        let copy = open(copy);
        let parser = Parser::open().unwrap();
        let world = world(shape, tables, &raw, folder);
        let view = world.view("eve");
        let sidecar = Sidecar::build(view.visible(), "rw").unwrap();
        Self {
            shape,
            raw,
            calm,
            copy,
            parser,
            view,
            sidecar,
        }
    }

    /// Tries entries over one table in a place.
    fn tried(
        &self,
        together: &[&Placed],
        place: &Place,
        tables: &[Table],
    ) -> Result<Verdict, String> {
        let table = &tables[together[0].table];
        let relation = format!("{}.{}", self.shape.schema, table.name);
        let expressions: Vec<String> = together.iter().map(|p| p.expression()).collect();
        let text = place.statement(&relation, &expressions);
        let told =
            |reason: String| format!("{}, {}: {reason}\n{text}", self.shape.name, place.name);
        let naive = undone(&self.raw, || rows(&self.raw, &text));
        if let Outcome::Rows(_) = naive {
            return Err(told("it does not throw on the raw table".to_owned()));
        }
        let request = plan::parse(&text, &self.parser)
            .and_then(|s| policy::authorise(&s, &self.view, &self.sidecar, &[], &self.parser))
            .and_then(|a| a.request(StatementId::new(), vec![], "UTC".into(), None));
        let request = match request {
            Ok(request) => request,
            Err(e) if e.kind() == ErrorKind::Internal => return Err(told(format!("{e:?}"))),
            Err(e) => return Ok(Verdict::Refused(told(format!("{e:?}")))),
        };
        let found = written(&self.raw, &request, |outcome| format!("{outcome:?}"));
        let expected = undone(&self.copy, || rows(&self.copy, &text));
        match expected {
            Outcome::Rows(_) if found == format!("{expected:?}") => Ok(Verdict::Answered),
            Outcome::Fails(_) if !self.shape.is_whole() && found.starts_with("Fails") => {
                Ok(Verdict::Alike)
            }
            // The copy's plan does without what throws on the mask: raw values that do not throw tell
            // whether it is the mask.
            _ if !self.shape.is_whole() && found.starts_with("Fails") => {
                match written(&self.calm, &request, |outcome| format!("{outcome:?}")) {
                    calm if calm == found => Ok(Verdict::Alike),
                    calm => Err(told(format!("{found}, and over other raw values {calm}"))),
                }
            }
            _ => Err(told(format!(
                "{found}, and the copy {expected:?}\nruns: {}",
                request.sql()
            ))),
        }
    }
}

/// What came of a case that holds.
enum Verdict {
    /// Answered as the copy.
    Answered,
    /// Failed as on the copy: what the mask shows throws too.
    Alike,
    Refused(String),
}

fn undone<T>(connection: &Connection, run: impl FnOnce() -> T) -> T {
    connection.execute("begin").unwrap();
    let done = run();
    connection.execute("rollback").unwrap();
    done
}

fn world(shape: Shape, tables: &[Table], raw: &Connection, folder: &Path) -> World {
    let listed: Vec<(String, Vec<(String, SqlType)>)> = tables
        .iter()
        .map(|t| {
            let columns = raw
                .prepare(&format!("select * from g.{}", t.name))
                .unwrap()
                .columns();
            (t.name.clone(), columns)
        })
        .collect();
    let borrowed: Vec<Vec<(&str, SqlType)>> = listed
        .iter()
        .map(|(_, columns)| {
            columns
                .iter()
                .map(|(n, t)| (n.as_str(), t.clone()))
                .collect()
        })
        .collect();
    let names: Vec<String> = listed.iter().map(|(n, _)| format!("rw.g.{n}")).collect();
    let mut relations: Vec<(&str, common::Columns<'_>)> = names
        .iter()
        .zip(&borrowed)
        .map(|(n, c)| (n.as_str(), c.as_slice()))
        .collect();
    let u = [("id", SqlType::Integer), ("name", SqlType::Varchar)];
    let regions = [("who", SqlType::Varchar), ("region", SqlType::Varchar)];
    relations.push(("rw.main.u", &u));
    relations.push(("rw.main.regions", &regions));
    let mut snapshot = snapshot(&relations);
    for (table, columns) in tables.iter().zip(&borrowed) {
        let name = &table.name;
        let definition = format!("CREATE VIEW v.{name} AS {};", table.view());
        let mut columns = columns.clone();
        columns.retain(|(_, t)| !WITHHELD.contains(&t.to_string().as_str()));
        add_view(
            &mut snapshot,
            &definition,
            &format!("rw.v.{name}"),
            &columns,
        );
    }
    let text = shape.text(tables);
    let path = folder.join("policy.toml");
    let set = PolicySet::from_text(&path, &text, &snapshot, &Parser::open().unwrap());
    World::of(
        set.unwrap_or_else(|e| panic!("{e:?}\n{text}")),
        snapshot,
        "rw",
    )
}

/// How often each case came to what.
#[derive(Default)]
struct Tally {
    answered: BTreeMap<(&'static str, &'static str), usize>,
    alike: usize,
    refused: Vec<String>,
    wrong: Vec<String>,
}

/// Entries that are tried as one condition.
const TOGETHER: usize = 6;

fn shape(number: usize, tables: &[Table], placed: &[Placed], folder: &Path) -> Tally {
    let shape = SHAPES[number];
    // What only the first shape meets stands in the last tables.
    let everywhere = placed.iter().filter(|p| p.entry.is_everywhere());
    let tables = match number {
        0 => tables,
        _ => &tables[..everywhere.map(|p| p.table + 1).max().unwrap()],
    };
    let bench = Bench::new(shape, tables, folder);
    let fits: Vec<&Placed> = placed
        .iter()
        .filter(|p| shape.hides(&p.entry.columns) && p.table < tables.len())
        .collect();
    let mut tally = Tally::default();
    let mut tried = |together: &[&Placed], place: &Place| match bench.tried(together, place, tables)
    {
        Ok(Verdict::Answered) => {
            *tally.answered.entry((shape.name, place.name)).or_default() += 1;
        }
        Ok(Verdict::Alike) => tally.alike += 1,
        Ok(Verdict::Refused(reason)) => tally.refused.push(reason),
        Err(reason) => tally.wrong.push(reason),
    };
    let is_function =
        |p: &&&Placed| p.entry.first && !matches!(p.entry.kind, Kind::Cast | Kind::Rows);
    let makes_rows = |p: &&&Placed| p.entry.kind == Kind::Rows;
    for (n, one) in fits.iter().filter(makes_rows).enumerate() {
        let places = places(Kind::Rows, shape.access);
        tried(&[*one], &places[(n + number) % places.len()]);
    }
    // Where a mask shows something else that may throw too, each is a case of its own.
    let every = if number == 0 || shape.disguises() {
        1
    } else {
        3
    };
    for aggregates in [false, true] {
        let alone = fits
            .iter()
            .filter(is_function)
            .filter(|p| (p.entry.kind == Kind::Aggregate) == aggregates);
        let alone = alone.skip(number % every).step_by(every);
        for (n, one) in alone.enumerate() {
            let places = places(one.entry.kind, shape.access);
            tried(&[*one], &places[(n + number) % places.len()]);
        }
    }
    if shape.disguises() {
        return tally;
    }
    let rest: Vec<&Placed> = fits
        .iter()
        .filter(|p| !matches!(p.entry.kind, Kind::Aggregate | Kind::Rows))
        .filter(|p| (number == 0) != is_function(p))
        .copied()
        .collect();
    let mut conditions = places(Kind::Function, shape.access);
    conditions.retain(Place::is_condition);
    let of_table = rest.chunk_by(|a, b| a.table == b.table);
    for (n, together) in of_table.flat_map(|t| t.chunks(TOGETHER)).enumerate() {
        tried(together, &conditions[(n + number) % conditions.len()]);
    }
    tally
}

#[test]
fn nothing_that_throws_meets_what_is_hidden() {
    let entries = entries();
    refused::no_rule_throws(&entries);
    let (tables, placed) = tables(entries);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), KEY).unwrap();
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let work = || loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= SHAPES.len() {
                    break;
                }
                let tally = shape(number, &tables, &placed, folder.path());
                let mut all = all.lock().unwrap();
                all.answered.extend(tally.answered);
                all.alike += tally.alike;
                all.refused.extend(tally.refused);
                all.wrong.extend(tally.wrong);
            };
            let thread = std::thread::Builder::new().stack_size(tree::STACK_BYTES);
            thread.spawn_scoped(scope, work).unwrap();
        }
    });
    let tally = all.into_inner().unwrap();
    let names: BTreeSet<&str> = placed.iter().map(|p| p.entry.name.as_str()).collect();
    let answered: usize = tally.answered.values().sum();
    println!(
        "{} entries of {} names in {} tables: {answered} answered, {} failed alike, {} were refused",
        placed.len(),
        names.len(),
        tables.len(),
        tally.alike,
        tally.refused.len()
    );
    for reason in &tally.refused {
        println!("{reason}");
    }
    assert!(
        tally.wrong.is_empty(),
        "{} cases:\n{}",
        tally.wrong.len(),
        tally.wrong[..tally.wrong.len().min(12)].join("\n\n")
    );
    assert!(names.len() > 1_000, "few things throw: {}", names.len());
    assert!(
        tally.refused.len() * 50 < answered && tally.alike * 5 < answered,
        "too few were answered"
    );
    for shape in SHAPES {
        let of_shape = tally
            .answered
            .iter()
            .filter(|((name, _), _)| *name == shape.name);
        let (count, cases) = of_shape.fold((0, 0), |(p, c), (_, n)| (p + 1, c + n));
        println!("{}: {cases} in {count} places", shape.name);
        // Of what a mask shows, little throws where only text or dates are masked.
        let least = if shape.disguises() { 1 } else { 60 };
        assert!(cases >= least, "{}: {cases} cases", shape.name);
        let mut all = places(Kind::Function, shape.access);
        // The NULLs of a mask make some of these fail, as on the copy.
        if shape.is_whole() {
            all.extend(places(Kind::Rows, shape.access));
        }
        for place in all {
            let tried = tally.answered.contains_key(&(shape.name, place.name));
            assert!(
                tried || shape.disguises(),
                "{}: none in {}",
                shape.name,
                place.name
            );
        }
    }
}
