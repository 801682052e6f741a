//! One world: tables, a policy, and statements that are run on both databases and on the copy.

use std::path::Path;

use model::{CatalogMode, ErrorKind, ParamValue, SqlType, StatementId};
use native::Connection;
use plan::Statement;
use policy::{Authorised, PolicySet, View};
use tree::{Parser, Sidecar};

use crate::common;
use crate::common::writes::query;
use crate::data::{self, Table};
use crate::databases::{Databases, Reach};
use crate::exprs::{Item, Ty};
use crate::lookups::{self, MAPPING};
use crate::parameters;
use crate::predicates::WHO;
use crate::queries::Queries;
use crate::rng::Rng;
use crate::rules::Rules;
use crate::written::Written;

/// Statements of one world.
pub(crate) const STATEMENTS: usize = 125;

/// How many of a hundred write.
const WRITES: usize = 20;

/// How a case begins in which the two databases can be told apart.
pub(crate) const TOLD: &str = "hidden data shows";

/// What came of statements, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tried: usize,
    /// Answered with rows by everybody.
    pub(crate) ran: usize,
    /// Of these, answered with at least one row.
    pub(crate) with_rows: usize,
    /// Of those that ran, with parameters.
    pub(crate) with_parameters: usize,
    /// Of those that ran, with PIVOT or UNPIVOT.
    pub(crate) turned: usize,
    /// Of those that ran, with lambdas, lists or fields of structs.
    pub(crate) structured: usize,
    /// Failed at run time, alike in both databases.
    pub(crate) failed: usize,
    /// Of these, answered by the copy: its plan did without what throws.
    pub(crate) failed_only_here: usize,
    /// Failed in one database only, as the other has fewer hidden rows.
    pub(crate) failed_by_counts: usize,
    /// Not authorised, though the copy could bind it.
    pub(crate) refused: usize,
    /// Bound by nobody.
    pub(crate) unbound: usize,
    /// Of those that ran, with a look-up in a mapping table.
    pub(crate) looked_up: usize,
    /// Statements that write.
    pub(crate) written: Written,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.tried += other.tried;
        self.ran += other.ran;
        self.with_rows += other.with_rows;
        self.with_parameters += other.with_parameters;
        self.turned += other.turned;
        self.structured += other.structured;
        self.failed += other.failed;
        self.failed_only_here += other.failed_only_here;
        self.failed_by_counts += other.failed_by_counts;
        self.refused += other.refused;
        self.unbound += other.unbound;
        self.looked_up += other.looked_up;
        self.written += other.written;
    }
}

/// What a client learns.
#[derive(Debug, PartialEq)]
enum Outcome {
    Rows(Vec<String>, Vec<Vec<Option<String>>>),
    Fails(ErrorKind, String),
}

impl Outcome {
    /// What a client may not tell apart: the wording of errors over governed relations is fixed.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rows(..), Self::Rows(..)) => self == other,
            (Self::Fails(a, _), Self::Fails(b, _)) => a == b,
            _ => false,
        }
    }
}

fn outcome(connection: &Connection, sql: &str, values: &[ParamValue]) -> Outcome {
    match query(connection, sql, values) {
        Ok(rows) => {
            let names = rows.columns().to_vec();
            let mut rows = rows.into_rows();
            rows.sort();
            Outcome::Rows(names, rows)
        }
        Err(e) => Outcome::Fails(tree::kind_of(&e), e.to_string()),
    }
}

pub(crate) fn bound(connection: &Connection, sql: &str) -> native::Result<Vec<(String, SqlType)>> {
    connection.prepare(sql).map(|p| p.columns())
}

/// Tables, the policy over them, and what the principal sees.
pub(crate) struct World<'a> {
    pub(crate) seed: u64,
    pub(crate) databases: &'a Databases,
    parser: &'a Parser,
    reach: Reach,
    /// Whether the two databases have other numbers of hidden rows. DuckDB orders joins by them, and
    /// whether a visible row meets what throws on it may depend on that order.
    pub(crate) uneven: bool,
    pub(crate) rules: Rules,
    pub(crate) tables: Vec<Table>,
    view: View,
    sidecar: Sidecar,
    pub(crate) visible: Vec<Item>,
    pub(crate) rng: Rng,
}

impl<'a> World<'a> {
    /// The world of a seed. `keys` is a folder with the key of hashes.
    pub(crate) fn new(
        seed: u64,
        databases: &'a Databases,
        parser: &'a Parser,
        keys: &Path,
        reach: Reach,
    ) -> Self {
        let mut rng = Rng::new(seed);
        let tables = data::tables(&mut rng);
        let rules = Rules::random(&tables, &mut rng);
        let view = view(&rules, &tables, keys, parser);
        let sidecar = Sidecar::build(view.visible(), "wh").unwrap();
        let uneven = seed % 4 == 1;
        let omitted = if uneven { 30 } else { 0 };
        databases.fill(&tables, &rules, reach, omitted, &mut rng);
        let visible = visible(&rules, &tables);
        Self {
            seed,
            databases,
            parser,
            reach,
            uneven,
            rules,
            tables,
            view,
            sidecar,
            visible,
            rng,
        }
    }

    /// Runs statements, and describes those that tell what is hidden or answer wrongly.
    pub(crate) fn statements(&mut self, tally: &mut Tally) -> Vec<String> {
        if self.visible.is_empty() {
            return vec![];
        }
        let mut wrong = vec![];
        for _ in 0..STATEMENTS {
            tally.tried += 1;
            if self.reach == Reach::Raw && self.rng.chance(WRITES) {
                wrong.extend(self.write(tally));
                continue;
            }
            let text = Queries::new(&self.visible, &mut self.rng).statement();
            let statement = parameters::Statement::new(&text, self.rng.chance(85));
            if let Err(reason) = self.statement(&statement, tally) {
                wrong.push(format!(
                    "world {:#x}: {reason}\nstatement: {}\nparameters: {:?}\npolicy:\n{}",
                    self.seed,
                    statement.text,
                    statement.values,
                    self.rules.text()
                ));
            }
        }
        wrong
    }

    fn statement(
        &self,
        statement: &parameters::Statement,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let text = statement.text.as_str();
        let copy = &self.databases.copy;
        let expected = bound(&self.databases.binder, text);
        let (sql, sent) = match self.authorised(statement) {
            Ok((sql, sent, columns)) => {
                let expected =
                    expected.map_err(|e| format!("the copy does not bind it: {e}\nruns: {sql}"))?;
                if columns != expected {
                    return Err(format!(
                        "described as {columns:?}\nand by the copy as {expected:?}\nruns: {sql}"
                    ));
                }
                (sql, sent)
            }
            Err(e) if e.kind() == ErrorKind::Internal => return Err(format!("{e:?}")),
            Err(e) => {
                if e.message().contains("hidden") {
                    return Err(format!("the refusal tells what is hidden: {e:?}"));
                }
                match expected {
                    Ok(_) => tally.refused += 1,
                    Err(_) => tally.unbound += 1,
                }
                return Ok(());
            }
        };
        let (sql, values) = match self.reach {
            Reach::Raw => (sql.as_str(), sent.as_slice()),
            Reach::Views => (text, statement.values.as_slice()),
        };
        let x = outcome(&self.databases.x, sql, values);
        let y = outcome(&self.databases.y, sql, values);
        let one_fails = matches!(
            (&x, &y),
            (Outcome::Rows(..), Outcome::Fails(..)) | (Outcome::Fails(..), Outcome::Rows(..))
        );
        if self.uneven && one_fails {
            tally.failed_by_counts += 1;
            return Ok(());
        }
        if !x.is_like(&y) {
            return Err(format!("{TOLD}: {x:?}\nand: {y:?}\nruns: {sql}"));
        }
        let copy = outcome(copy, text, &statement.values);
        match (&x, &copy) {
            (Outcome::Rows(_, found), Outcome::Rows(_, expected)) => {
                tally.ran += 1;
                tally.looked_up += usize::from(sql.contains(MAPPING));
                tally.with_rows += usize::from(!found.is_empty());
                let has = |words: &[&str]| usize::from(words.iter().any(|w| text.contains(w)));
                tally.with_parameters += usize::from(!statement.values.is_empty());
                tally.turned += has(&["pivot "]);
                tally.structured += has(&["lambda", "list_", ").n", "['s']", " for q in "]);
                if found != expected {
                    return Err(format!(
                        "the answer is {found:?}\nand the copy's {expected:?}\nruns: {sql}"
                    ));
                }
            }
            (Outcome::Fails(..), Outcome::Rows(..)) => {
                tally.failed += 1;
                tally.failed_only_here += 1;
            }
            _ => tally.failed += 1,
        }
        Ok(())
    }

    pub(crate) fn plan(&self, statement: &parameters::Statement) -> model::Result<Authorised> {
        let (text, declared) = (&statement.text, statement.declared());
        let parsed = plan::parse(text, self.parser)?;
        if let Statement::Describe(_) = parsed {
            return Err(model::Error::not_supported("DESCRIBE"));
        }
        policy::authorise(&parsed, &self.view, &self.sidecar, &declared, self.parser)
    }

    fn authorised(&self, statement: &parameters::Statement) -> model::Result<Planned> {
        let authorised = self.plan(statement)?;
        let columns = authorised
            .description()
            .schema
            .iter()
            .flat_map(|s| &s.columns);
        let columns = columns.map(|c| (c.name.clone(), c.sql_type.clone()));
        let columns = columns.collect();
        let values = statement.values.clone();
        let request = authorised.request(StatementId::new(), values, "UTC".into(), None)?;
        Ok((
            request.sql().to_string(),
            request.params().to_vec(),
            columns,
        ))
    }

    /// Tries that a stricter policy shows no more.
    pub(crate) fn stricter(&mut self, keys: &Path) -> Vec<String> {
        let stricter = self.rules.stricter(&self.tables, &mut self.rng);
        let view = view(&stricter, &self.tables, keys, self.parser);
        let sidecar = Sidecar::build(view.visible(), "wh").unwrap();
        let mut wrong = vec![];
        for table in &self.tables {
            let guarded = stricter.seen(table).is_some_and(|s| s.guarded);
            let text = format!("select * from {}", table.name);
            let less = self.all_of(&text, &view, &sidecar);
            let more = self.all_of(&text, &self.view, &self.sidecar);
            if let Err(reason) = shows_no_more(less, more, guarded) {
                wrong.push(format!(
                    "world {:#x}: {text}: {reason}\npolicy:\n{}\nstricter:\n{}",
                    self.seed,
                    self.rules.text(),
                    stricter.text()
                ));
            }
        }
        wrong
    }

    /// Names and rows of a statement; none where nothing of it exists.
    fn all_of(
        &self,
        text: &str,
        view: &View,
        sidecar: &Sidecar,
    ) -> (Vec<String>, Vec<Vec<Option<String>>>) {
        let statement = plan::parse(text, self.parser).unwrap();
        match policy::authorise(&statement, view, sidecar, &[], self.parser) {
            Ok(authorised) => {
                let rows = self.databases.x.query(authorised.sql()).unwrap();
                (authorised.description().names.clone(), rows.into_rows())
            }
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::UndefinedTable, "{text}: {e:?}");
                (vec![], vec![])
            }
        }
    }
}

/// A worker's text and parameters, and the columns that are told.
type Planned = (String, Vec<ParamValue>, Vec<(String, SqlType)>);

type Shown = (Vec<String>, Vec<Vec<Option<String>>>);

/// With `guarded`, a value may have become NULL where no grant reaches it any more, so that columns
/// are compared one by one.
fn shows_no_more(less: Shown, more: Shown, guarded: bool) -> Result<(), String> {
    let places: Option<Vec<usize>> = less
        .0
        .iter()
        .map(|name| more.0.iter().position(|m| m == name))
        .collect();
    let Some(places) = places else {
        return Err(format!("columns {:?} beside {:?}", less.0, more.0));
    };
    if less.1.len() > more.1.len() {
        return Err(format!("{} rows beside {}", less.1.len(), more.1.len()));
    }
    let wider: Vec<Vec<Option<String>>> = more
        .1
        .iter()
        .map(|row| places.iter().map(|p| row[*p].clone()).collect())
        .collect();
    if !guarded {
        return contained(less.1, wider).map_err(|row| format!("the row {row:?} is new"));
    }
    for column in 0..places.len() {
        let of = |rows: &[Vec<Option<String>>]| -> Vec<String> {
            rows.iter().filter_map(|r| r[column].clone()).collect()
        };
        contained(of(&less.1), of(&wider))
            .map_err(|value| format!("the value {value:?} is new"))?;
    }
    Ok(())
}

fn contained<T: PartialEq>(part: Vec<T>, mut whole: Vec<T>) -> Result<(), T> {
    for item in part {
        match whole.iter().position(|w| *w == item) {
            Some(at) => drop(whole.swap_remove(at)),
            None => return Err(item),
        }
    }
    Ok(())
}

fn view(rules: &Rules, tables: &[Table], keys: &Path, parser: &Parser) -> View {
    let mapping = (MAPPING, lookups::COLUMNS);
    let columns: Vec<Vec<(&str, SqlType)>> = tables
        .iter()
        .map(|t| {
            t.columns
                .iter()
                .map(|c| (c.name, c.kind.sql_type()))
                .collect()
        })
        .collect();
    let names: Vec<String> = tables
        .iter()
        .map(|t| format!("wh.main.{}", t.name))
        .collect();
    let relations: Vec<(&str, common::Columns<'_>)> = names
        .iter()
        .zip(&columns)
        .map(|(n, c)| (n.as_str(), c.as_slice()))
        .chain([(mapping.0, mapping.1.as_slice())])
        .collect();
    let mut snapshot = common::snapshot(&relations);
    let catalog = snapshot.catalogs.get_mut("wh").unwrap();
    catalog.mode = CatalogMode::ReadWrite;
    let text = rules.text();
    let set = PolicySet::from_text(&keys.join("policy.toml"), &text, &snapshot, parser)
        .unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let principal = set.principal(WHO).unwrap();
    let view = View::new(&set.into(), &snapshot, principal, "wh", parser).unwrap();
    assert!(view.hidden().is_empty(), "{:?}\n{text}", view.hidden());
    view
}

fn visible(rules: &Rules, tables: &[Table]) -> Vec<Item> {
    let seen = tables.iter().filter_map(|t| Some((t, rules.seen(t)?)));
    seen.map(|(table, seen)| Item {
        alias: table.name.to_owned(),
        columns: seen
            .columns
            .iter()
            .map(|c| (c.column.name.to_owned(), Ty::of(c.column.kind)))
            .collect(),
    })
    .collect()
}
