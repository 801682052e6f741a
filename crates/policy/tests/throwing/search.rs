//! What throws, found on the library itself: every allowed function in every overload, every cast
//! between the pools' types, and the syntax of `syntax.txt`, each tried on all values of its types.

use std::collections::{BTreeMap, BTreeSet};

use native::{Connection, Instance};
use policy::{Decision, FunctionClass, functions};

use crate::pools::{POOLS, TARGETS, instances};

/// Something that throws on some values of its columns, and not on others.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// What it is called: a function's name, or the text.
    pub(crate) name: String,
    /// SQL with `{0}`, `{1}`, … for columns.
    pub(crate) template: String,
    pub(crate) columns: Vec<Values>,
    pub(crate) kind: Kind,
    /// The first of its name: it is tried with every policy.
    pub(crate) first: bool,
}

/// A column that an entry reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Values {
    pub(crate) sql_type: &'static str,
    /// Literals: what may be seen, and what must stay hidden.
    pub(crate) harmless: &'static str,
    pub(crate) throws: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Cast,
    Syntax,
    Aggregate,
}

/// A form with typed holes, of which it is not known yet whether it throws.
struct Candidate {
    name: String,
    template: String,
    types: Vec<&'static str>,
    kind: Kind,
    /// A number in the call sets the size of the result: its ends would take the memory, not throw.
    sized: bool,
}

impl Entry {
    /// The expression over columns of these names.
    pub(crate) fn over(&self, names: &[String]) -> String {
        let mut text = self.template.clone();
        for (n, name) in names.iter().enumerate() {
            text = text.replace(&format!("{{{n}}}"), name);
        }
        text
    }
}

/// Overloads of an aggregate that are tried: TRY is not for them, so each value costs a query.
const TRIES: usize = 8;

/// Values that are looked at more closely, of those on which a form throws.
const CHOICES: usize = 4;

/// All that throws. The same each time.
pub(crate) fn entries() -> Vec<Entry> {
    let search = Search::open();
    let mut found: Vec<Entry> = vec![];
    let mut names = BTreeSet::new();
    let mut stale = vec![];
    let mut aggregated = BTreeMap::new();
    let syntax = syntax();
    let library = search.functions(FunctionClass::Scalar, "scalar");
    let aggregates = search.functions(FunctionClass::Aggregate, "aggregate");
    for candidate in syntax
        .into_iter()
        .chain(library)
        .chain(casts())
        .chain(aggregates)
    {
        if candidate.kind == Kind::Aggregate {
            let tries = aggregated.entry(candidate.name.clone()).or_insert(0);
            *tries += 1;
            if *tries > TRIES || names.contains(&candidate.name) {
                continue;
            }
        }
        let entry = search.throwing(&candidate);
        match entry {
            Some((harmless, throws)) => {
                let columns = candidate.types.iter().zip(harmless).zip(throws);
                found.push(Entry {
                    first: names.insert(candidate.name.clone()),
                    name: candidate.name,
                    template: candidate.template,
                    columns: columns
                        .map(|((sql_type, harmless), throws)| Values {
                            sql_type,
                            harmless,
                            throws,
                        })
                        .collect(),
                    kind: candidate.kind,
                });
            }
            None if candidate.kind == Kind::Syntax => stale.push(candidate.name),
            None => {}
        }
    }
    assert!(stale.is_empty(), "never throw: {stale:#?}");
    found
}

/// The forms of the file.
fn syntax() -> Vec<Candidate> {
    let lines = include_str!("syntax.txt").lines();
    let lines = lines.filter(|l| !l.is_empty() && !l.starts_with("--"));
    lines
        .map(|line| {
            let mut template = String::new();
            let mut types = vec![];
            let mut rest = line;
            while let Some(at) = rest.find('{') {
                template += &rest[..at];
                rest = &rest[at..];
                let hole = |name: &str| rest[1..].starts_with(&format!("{name}}}"));
                match POOLS.iter().find(|(name, _)| hole(name)) {
                    Some((name, _)) => {
                        template += &format!("{{{}}}", types.len());
                        types.push(*name);
                        rest = &rest[name.len() + 2..];
                    }
                    None => {
                        template.push('{');
                        rest = &rest[1..];
                    }
                }
            }
            Candidate {
                name: line.to_owned(),
                template: template + rest,
                types,
                kind: Kind::Syntax,
                sized: false,
            }
        })
        .collect()
}

fn casts() -> Vec<Candidate> {
    let pairs = POOLS
        .iter()
        .flat_map(|(from, _)| TARGETS.iter().map(move |to| (*from, *to)));
    pairs
        .map(|(from, to)| Candidate {
            name: format!("{from} to {to}"),
            template: format!("cast({{0}} as {to})"),
            types: vec![from],
            kind: Kind::Cast,
            sized: false,
        })
        .collect()
}

/// A library with a table for each pool.
struct Search(Connection);

/// Literals for each hole: harmless ones, and ones that throw.
type Found = (Vec<&'static str>, Vec<&'static str>);

impl Search {
    fn open() -> Self {
        let config = [("threads", "1"), ("memory_limit", "1GB")];
        let connection = Instance::open(None, &config).unwrap().connect().unwrap();
        for (n, (sql_type, values)) in POOLS.iter().enumerate() {
            let rows = values.iter().enumerate();
            let rows: Vec<String> = rows
                .map(|(i, v)| format!("({i}, ({v})::{sql_type})"))
                .collect();
            let rows = rows.join(", ");
            let create = format!("create table p{n} as select * from (values {rows}) v(n, a)");
            connection
                .execute(&create)
                .unwrap_or_else(|e| panic!("{create}: {e}"));
        }
        Self(connection)
    }

    /// Every overload of every function that statements may call, with types that columns may have.
    fn functions(&self, class: FunctionClass, function_type: &str) -> Vec<Candidate> {
        let listed = self.0.query(&format!(
            "select distinct function_name, array_to_string(parameter_types, ';'), coalesce(varargs, '')
             from duckdb_functions() where function_type = '{function_type}' order by all"
        ));
        let mut candidates = vec![];
        for row in listed.unwrap().into_rows() {
            let [name, types, more] = row.try_into().unwrap();
            let (name, types, more) = (name.unwrap(), types.unwrap(), more.unwrap());
            let rule = functions().rule(class, &name);
            let Some(rule) = rule.filter(|r| r.decision == Decision::Allow) else {
                continue;
            };
            let mut parameters: Vec<&str> = types.split(';').filter(|t| !t.is_empty()).collect();
            if !more.is_empty() {
                parameters.resize(parameters.len().max(2), &more);
            }
            let mut signatures: Vec<Vec<&'static str>> = vec![vec![]];
            for parameter in &parameters {
                signatures = signatures
                    .iter()
                    .flat_map(|s| {
                        instances(parameter)
                            .iter()
                            .map(|t| [s.as_slice(), &[*t]].concat())
                    })
                    .collect();
            }
            for types in signatures.into_iter().filter(|s| !s.is_empty()) {
                candidates.push(Candidate {
                    template: call(&name, types.len()),
                    name: name.clone(),
                    types,
                    kind: match class {
                        FunctionClass::Aggregate => Kind::Aggregate,
                        _ => Kind::Function,
                    },
                    sized: rule.sized,
                });
            }
        }
        candidates
    }

    /// Values on which a form throws, and others on which it does not; NULLs where there are none.
    /// `None` where it does not bind or never throws.
    fn throwing(&self, candidate: &Candidate) -> Option<Found> {
        let holes: Vec<String> = (0..candidate.types.len())
            .map(|n| format!("a{n}.a"))
            .collect();
        let mut text = candidate.template.clone();
        for (n, hole) in holes.iter().enumerate() {
            text = text.replace(&format!("{{{n}}}"), hole);
        }
        let pools: Vec<usize> = candidate
            .types
            .iter()
            .map(|t| POOLS.iter().position(|(name, _)| name == t).unwrap())
            .collect();
        let few = pools.len() > 3;
        let from: Vec<String> = pools
            .iter()
            .enumerate()
            .map(|(n, pool)| {
                let condition = match POOLS[*pool].0 {
                    // A series over these has no end in sight.
                    "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" if candidate.sized => "n = 0",
                    "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" if candidate.sized => {
                        "a between -1 and 100"
                    }
                    _ if few => "n < 4",
                    _ => "true",
                };
                format!("(select * from p{pool} where {condition}) a{n}")
            })
            .collect();
        let from = from.join(", ");
        let numbers: Vec<String> = (0..pools.len()).map(|n| format!("a{n}.n")).collect();
        let numbers = numbers.join(", ");
        // NULL where it throws. An optimizer does without the call in `f(x) is null`, not in `hash(f(x))`.
        let all = format!(
            "select try(if(hash({text}) = hash(null), 0, 1)), {numbers} from {from} order by all"
        );
        let tried = match candidate.kind {
            Kind::Aggregate => None,
            _ => self.0.query(&all).ok(),
        };
        // Where everything throws, it may be TRY that does.
        let some = |rows: &native::Rows| rows.rows().iter().any(|row| row[0].is_some());
        let tried = tried.filter(some);
        let tried: Vec<(Option<bool>, Vec<usize>)> = match tried {
            Some(rows) => {
                let number = |cell: &Option<String>| cell.as_deref().unwrap().parse().unwrap();
                let rows = rows.rows().iter();
                rows.map(|row| {
                    let answer = row[0].as_deref().map(|a| a == "1");
                    (answer, row[1..].iter().map(number).collect())
                })
                .collect()
            }
            // TRY is not for aggregates, and lets some errors through: one by one.
            None => self.one_by_one(&text, &from, &pools, &numbers)?,
        };
        let literals = |numbers: &[usize]| -> Vec<&'static str> {
            let each = numbers.iter().zip(&pools);
            each.map(|(n, pool)| POOLS[*pool].1[*n]).collect()
        };
        let throwing = tried.iter().filter(|(answer, _)| answer.is_none());
        let harmless = |wanted: bool| tried.iter().find(move |(a, _)| *a == Some(wanted));
        let harmless = [harmless(true), harmless(false)];
        let harmless = harmless
            .iter()
            .flatten()
            .map(|(_, numbers)| literals(numbers));
        let harmless: Vec<_> = harmless.chain([vec!["null"; pools.len()]]).collect();
        for (_, throws) in throwing.take(CHOICES) {
            let throws = literals(throws);
            let held = harmless.iter().find(|h| self.holds(candidate, h, &throws));
            if let Some(harmless) = held {
                return Some((harmless.clone(), throws));
            }
        }
        None
    }

    /// Whether a form throws over a table with both sorts of rows, and not over the harmless ones.
    fn holds(&self, candidate: &Candidate, harmless: &[&str], throws: &[&str]) -> bool {
        let row = |values: &[&str]| {
            let typed = values.iter().zip(&candidate.types).enumerate();
            let typed: Vec<String> = typed
                .map(|(n, (value, sql_type))| format!("cast({value} as {sql_type}) as c{n}"))
                .collect();
            format!("select {} from range(10)", typed.join(", "))
        };
        let mut text = candidate.template.clone();
        for n in 0..candidate.types.len() {
            text = text.replace(&format!("{{{n}}}"), &format!("c{n}"));
        }
        let query = match candidate.kind {
            Kind::Aggregate => format!("select {text} from tried"),
            _ => format!("select max(hash({text})), max(({text})::varchar) from tried"),
        };
        let run = |sql: &str| self.0.query(sql);
        run(&format!(
            "create or replace table tried as {}",
            row(harmless)
        ))
        .is_ok()
            && run(&query).is_ok()
            && run(&format!("insert into tried {}", row(throws))).is_ok()
            && run(&query).is_err()
    }

    fn one_by_one(
        &self,
        text: &str,
        from: &str,
        pools: &[usize],
        numbers: &str,
    ) -> Option<Vec<(Option<bool>, Vec<usize>)>> {
        // Two rows of each, so that sums overflow.
        let query =
            |condition: &str| format!("select {text} from {from}, range(2) where {condition}");
        self.0.prepare(&query("true")).ok()?;
        let listed = self.0.query(&format!(
            "select {numbers} from {from} order by all limit 24"
        ));
        let mut tried = vec![];
        for row in listed.ok()?.into_rows() {
            let row: Vec<usize> = row
                .into_iter()
                .map(|n| n.unwrap().parse().unwrap())
                .collect();
            let condition: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(n, i)| format!("a{n}.n = {i}"))
                .collect();
            debug_assert_eq!(row.len(), pools.len());
            let answer = self.0.query(&query(&condition.join(" and ")));
            tried.push((answer.is_ok().then_some(true), row));
        }
        Some(tried)
    }
}

/// A call as one writes it: operators between or before what they are about.
fn call(name: &str, arity: usize) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match arity {
        1 if !is_word => format!("({name} {{0}})"),
        2 if !is_word => format!("({{0}} {name} {{1}})"),
        _ => {
            let holes: Vec<String> = (0..arity).map(|n| format!("{{{n}}}")).collect();
            format!("\"{name}\"({})", holes.join(", "))
        }
    }
}
