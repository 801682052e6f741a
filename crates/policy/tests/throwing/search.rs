//! What throws, found on the library itself: each candidate is tried on all values of its types.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use native::{Connection, Instance};

use crate::candidates::{Candidate, Sort, candidates};
use crate::pools::POOLS;

/// Something that throws on some values of its columns, and not on others.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// What it is called: a function's name, or the text.
    pub(crate) name: String,
    /// SQL with `{0}`, `{1}`, … for columns.
    pub(crate) template: String,
    pub(crate) columns: Vec<Values>,
    pub(crate) kind: Kind,
    /// What it is counted as.
    sort: Sort,
    /// The first of its name, or of its name over a rare type: it is tried with every policy.
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
    /// An item of FROM, which makes rows of another item's columns.
    Rows,
}

impl Entry {
    /// Whether it is tried with every shape.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.kind == Kind::Rows || self.first && self.kind != Kind::Cast
    }

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
    let candidates: Vec<Candidate> = candidates(&Search::open().library).collect();
    let is_other = |a: &Candidate, b: &Candidate| a.kind != Kind::Aggregate || a.sort() != b.sort();
    let chunks: Vec<&[Candidate]> = candidates.chunk_by(|a, b| !is_other(a, b)).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![vec![]; chunks.len()]);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let search = Search::open();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(chunk) = chunks.get(number) else {
                        break;
                    };
                    let entries = search.of(chunk);
                    found.lock().unwrap()[number] = entries;
                }
            });
        }
    });
    let mut found: Vec<Entry> = found.into_inner().unwrap().concat();
    let mut sorts = BTreeSet::new();
    for entry in &mut found {
        entry.first = sorts.insert(entry.sort.clone());
    }
    let names: BTreeSet<&str> = found.iter().map(|e| e.name.as_str()).collect();
    let stale = candidates
        .iter()
        .filter(|c| c.written && !names.contains(c.name.as_str()));
    let stale: Vec<&str> = stale.map(|c| c.name.as_str()).collect();
    assert!(stale.is_empty(), "never throw: {stale:#?}");
    found
}

/// A library with a table for each pool.
struct Search {
    library: Connection,
    /// What made the tables with both sorts of rows.
    made: RefCell<Vec<String>>,
}

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
        Self {
            library: connection,
            made: RefCell::default(),
        }
    }

    /// Those of the candidates that throw; of aggregates the first.
    fn of(&self, candidates: &[Candidate]) -> Vec<Entry> {
        let tries = match candidates[0].kind {
            Kind::Aggregate => TRIES,
            _ => candidates.len(),
        };
        let throwing = candidates.iter().take(tries).filter_map(|candidate| {
            let (harmless, throws) = self.throwing(candidate)?;
            let columns = candidate.types.iter().zip(harmless).zip(throws);
            Some(Entry {
                name: candidate.name.clone(),
                template: candidate.template.clone(),
                columns: columns
                    .map(|((sql_type, harmless), throws)| Values {
                        sql_type,
                        harmless,
                        throws,
                    })
                    .collect(),
                kind: candidate.kind,
                sort: candidate.sort(),
                first: false,
            })
        });
        match candidates[0].kind {
            Kind::Aggregate => throwing.take(1).collect(),
            _ => throwing.collect(),
        }
    }

    /// Values on which a form throws, and others on which it does not; NULLs where there are none.
    /// `None` where it does not bind or never throws.
    fn throwing(&self, candidate: &Candidate) -> Option<Found> {
        // An item of FROM is tried beside one row of values.
        let holes: Vec<String> = (0..candidate.types.len())
            .map(|n| match candidate.kind {
                Kind::Rows => format!("s.h{n}"),
                _ => format!("a{n}.a"),
            })
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
            Kind::Aggregate | Kind::Rows => None,
            _ => self.library.query(&all).ok(),
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
            None => self.one_by_one(candidate.kind, &text, &from, &numbers)?,
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
        if !self.made(&candidate.types, harmless, throws) {
            return false;
        }
        let mut text = candidate.template.clone();
        for n in 0..candidate.types.len() {
            text = text.replace(&format!("{{{n}}}"), &format!("c{n}"));
        }
        let throws = |table: &str| {
            let query = match candidate.kind {
                Kind::Aggregate => format!("select {text} from {table}"),
                Kind::Rows => {
                    format!("select max(hash(f.x)), max(f.x::varchar) from {table}, {text} f(x)")
                }
                _ => format!("select max(hash({text})), max(({text})::varchar) from {table}"),
            };
            self.library.query(&query).is_err()
        };
        !throws("harmless") && throws("mixed")
    }

    /// Makes the tables `harmless` and `mixed`, as the governed ones are made, unless they are there: the
    /// candidates before often are over the same values.
    fn made(&self, types: &[&str], harmless: &[&str], throws: &[&str]) -> bool {
        let columns = types.iter().enumerate();
        let columns: Vec<String> = columns.map(|(n, t)| format!("c{n} {t}")).collect();
        let columns = columns.join(", ");
        let (harmless, throws) = (harmless.join(", "), throws.join(", "));
        let statements = vec![
            format!("create or replace table harmless ({columns})"),
            format!("insert into harmless select {harmless} from range(10)"),
            "create or replace table mixed as from harmless".to_owned(),
            format!("insert into mixed select {throws} from range(10)"),
        ];
        let mut last = self.made.borrow_mut();
        if *last == statements {
            return true;
        }
        let done = statements.iter().all(|s| self.library.execute(s).is_ok());
        *last = if done { statements } else { vec![] };
        done
    }

    fn one_by_one(
        &self,
        kind: Kind,
        text: &str,
        from: &str,
        numbers: &str,
    ) -> Option<Vec<(Option<bool>, Vec<usize>)>> {
        let arity = numbers.split(", ").count();
        let values: Vec<String> = (0..arity).map(|n| format!("a{n}.a as h{n}")).collect();
        let values = values.join(", ");
        let query = |condition: &str| match kind {
            Kind::Rows => format!(
                "select count(*), max(hash(f.x))
                 from (select {values} from {from} where {condition} limit 1) s, {text} f(x)"
            ),
            // Two rows of each, so that sums overflow.
            _ => format!("select {text} from {from}, range(2) where {condition}"),
        };
        self.library.prepare(&query("true")).ok()?;
        let listed = self.library.query(&format!(
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
            let answer = self.library.query(&query(&condition.join(" and ")));
            tried.push((answer.is_ok().then_some(true), row));
        }
        Some(tried)
    }
}
