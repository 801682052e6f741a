//! Tables whose hidden rows, and nothing else, make the entries throw.

use std::collections::BTreeMap;

use crate::pools::WITHHELD;
use crate::search::{Entry, Values};

/// Columns of values in one table: a wider one would be slower to plan.
const WIDTH: usize = 14;

/// A table `g.t…`, of which every column of values is `a…`.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Values>,
}

/// An entry over a table.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) entry: Entry,
    /// Its place in the list of tables.
    pub(crate) table: usize,
    /// Places of its columns in the table.
    pub(crate) columns: Vec<usize>,
}

impl Placed {
    /// The expression over the table's columns.
    pub(crate) fn expression(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| column(*c)).collect();
        self.entry.over(&names)
    }
}

/// The name of a column of values.
pub(crate) fn column(n: usize) -> String {
    format!("a{n}")
}

/// Tables for all entries; those that read alike share columns. Entries that are tried with every
/// shape come first, and share no table with the others.
pub(crate) fn tables(entries: Vec<Entry>) -> (Vec<Table>, Vec<Placed>) {
    let mut sorted = entries;
    let order = |a: &Entry, b: &Entry| {
        let everywhere = b.is_everywhere().cmp(&a.is_everywhere());
        everywhere.then_with(|| a.columns.cmp(&b.columns))
    };
    sorted.sort_by(order);
    let mut tables: Vec<Table> = vec![];
    let mut placed: Vec<Placed> = vec![];
    for entry in sorted {
        let missing = |table: &Table| {
            let new = entry.columns.iter().filter(|c| !table.columns.contains(c));
            new.count()
        };
        let last = placed.last();
        let begins = last.is_some_and(|p| p.entry.is_everywhere() != entry.is_everywhere());
        let last = tables.last();
        if begins || last.is_none_or(|t| t.columns.len() + missing(t) > WIDTH) {
            tables.push(Table {
                name: format!("t{}", tables.len()),
                columns: vec![],
            });
        }
        let at = tables.len() - 1;
        let table = &mut tables[at];
        let mut columns = vec![];
        let mut taken = BTreeMap::new();
        for values in &entry.columns {
            // Two arguments of the same values are two columns.
            let nth: &mut usize = taken.entry(*values).or_insert(0);
            let mut same = (0..table.columns.len()).filter(|n| table.columns[*n] == *values);
            let found = same.nth(*nth);
            *nth += 1;
            columns.push(found.unwrap_or_else(|| {
                table.columns.push(*values);
                table.columns.len() - 1
            }));
        }
        placed.push(Placed {
            entry,
            table: at,
            columns,
        });
    }
    (tables, placed)
}

impl Table {
    /// The query of the view over it, which does without columns that no result may have.
    pub(crate) fn view(&self) -> String {
        let columns = self.columns.iter().enumerate();
        let columns: String = columns
            .filter(|(_, v)| !WITHHELD.contains(&v.sql_type))
            .map(|(n, _)| format!(", {}", column(n)))
            .collect();
        format!(
            "select id, region, n, extra{columns} from rw.g.{}",
            self.name
        )
    }

    /// Statements that make it in a schema: ten rows that may be seen, of region EU, and ten others,
    /// which have the values that throw unless they are `calm`.
    pub(crate) fn made(&self, schema: &str, calm: bool) -> Vec<String> {
        let hidden: fn(&Values) -> &'static str = match calm {
            true => |v| v.harmless,
            false => |v| v.throws,
        };
        let declared = self.columns.iter().enumerate();
        let declared: String = declared
            .map(|(n, v)| format!(", {} {}", column(n), v.sql_type))
            .collect();
        let name = format!("{schema}.{}", self.name);
        let rows = |from: usize, region: &str, value: fn(&Values) -> &'static str| {
            let values: String = self
                .columns
                .iter()
                .map(|v| format!(", {}", value(v)))
                .collect();
            format!(
                "insert into {name} select i, '{region}', 0, 'denied'{values} from range({from}, {}) r(i)",
                from + 10
            )
        };
        vec![
            format!(
                "create table {name} (id integer, region varchar, n integer, extra varchar{declared})"
            ),
            rows(1, "EU", |v| v.harmless),
            rows(11, "US", hidden),
        ]
    }
}
