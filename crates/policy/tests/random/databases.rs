//! Two databases that differ only in what the principal may not see, and the copy without it.

use std::collections::{BTreeMap, BTreeSet};

use native::{Connection, Instance};

use crate::data::{Cell, Column, Table, quoted};
use crate::lookups::{self, MAPPING};
use crate::rng::Rng;
use crate::rules::Rules;

/// How many changes of a row are tried for each database.
const CHANGES: usize = 6;

/// Instances that are used for one world after the other.
pub(crate) struct Databases {
    pub(crate) x: Connection,
    pub(crate) y: Connection,
    pub(crate) copy: Connection,
    /// The copy's too. It only binds: an optimizer would run constant parts, and fail on them.
    pub(crate) binder: Connection,
}

/// How the principal's statements reach the rows in `x` and `y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `wh` has the raw tables: what runs is policy's text.
    Raw,
    /// `wh` has a view of filter and mask for each table, without a barrier, and the user's own text
    /// runs. It is what a careless gateway does, and has to be found out.
    Views,
}

fn open() -> (Instance, Connection) {
    let config = [("threads", "1"), ("preserve_insertion_order", "false")];
    let instance = Instance::open(None, &config).unwrap();
    let connection = instance.connect().unwrap();
    for catalog in ["wh", "raw"] {
        run(&connection, &format!("attach ':memory:' as {catalog}"));
    }
    run(&connection, "use wh");
    (instance, connection)
}

fn run(connection: &Connection, sql: &str) {
    connection
        .execute(sql)
        .unwrap_or_else(|e| panic!("{e}\n{sql}"));
}

impl Databases {
    pub(crate) fn open() -> Self {
        let (instance, copy) = open();
        let binder = instance.connect().unwrap();
        run(&binder, "use wh; pragma disable_optimizer");
        Self {
            x: open().1,
            y: open().1,
            copy,
            binder,
        }
    }

    /// Takes the tables of a world in place of the last one's. `omitted` is the share in a hundred of
    /// hidden rows that only one of the two databases has.
    pub(crate) fn fill(
        &self,
        tables: &[Table],
        rules: &Rules,
        reach: Reach,
        omitted: usize,
        rng: &mut Rng,
    ) {
        for connection in [&self.x, &self.y, &self.copy] {
            for catalog in ["wh", "raw"] {
                let kind = match (reach, catalog) {
                    (Reach::Views, "wh") => "view",
                    _ => "table",
                };
                for table in ["t", "u", "v", "w"] {
                    // A copy always has tables.
                    let kind = if std::ptr::eq(connection, &raw const self.copy) {
                        "table"
                    } else {
                        kind
                    };
                    run(
                        connection,
                        &format!("drop {kind} if exists {catalog}.main.{table}"),
                    );
                }
            }
        }
        let own = lookups::own(rng);
        for (connection, tag) in [(&self.x, "p"), (&self.y, "q"), (&self.copy, "c")] {
            let rows = [own.clone(), lookups::others(tag, rng)].concat();
            let columns = lookups::COLUMNS.map(|(name, sql_type)| format!("{name} {sql_type}"));
            let made = format!(
                "create or replace table {MAPPING} ({}); insert into {MAPPING} values {}",
                columns.join(", "),
                rows.join(", ")
            );
            run(connection, &made);
        }
        for table in tables {
            let [x, y] = self.two(table, rules, omitted, rng);
            self.put(&self.x, table, &x, rules, reach);
            self.put(&self.y, table, &y, rules, reach);
        }
    }

    fn put(
        &self,
        connection: &Connection,
        table: &Table,
        rows: &[Vec<Cell>],
        rules: &Rules,
        reach: Reach,
    ) {
        let catalog = match reach {
            Reach::Raw => "wh",
            Reach::Views => "raw",
        };
        let name = format!("{catalog}.main.{}", table.name);
        run(
            connection,
            &format!("create table {name} ({})", table.declarations()),
        );
        insert(connection, &name, rows.iter().map(Vec::as_slice));
        if let (Reach::Views, Some(seen)) = (reach, rules.seen(table)) {
            let view = seen.query("", &name);
            run(
                connection,
                &format!("create view wh.main.{} as {view}", table.name),
            );
        }
    }

    /// The rows of both databases, and the copy's table. A changed row is taken only where the
    /// principal sees the same of it, or the same nothing, as of the row that it began as.
    fn two(
        &self,
        table: &Table,
        rules: &Rules,
        omitted: usize,
        rng: &mut Rng,
    ) -> [Vec<Vec<Cell>>; 2] {
        let seen = rules.seen(table);
        // Per row: the row itself, then for each database from most to least changed.
        let mut candidates: Vec<Vec<Vec<Cell>>> = vec![];
        // What throws in one database has to be harmless in the other, or both would fail alike.
        let harmless = rng.chance(75);
        // What is shown as it is can't be other in a row that is seen.
        let shows = seen.iter().flat_map(|s| &s.columns);
        let as_is: Vec<&str> = shows.filter(|c| c.as_is).map(|c| c.column.name).collect();
        for row in &table.rows {
            let mut changed = vec![row.clone()];
            for tag in ["p", "q"] {
                for (percent, of_as_is) in [(100, true), (100, false), (50, true), (20, true)] {
                    let cells = row.iter().zip(&table.columns);
                    let may = |c: &Column| of_as_is || !as_is.contains(&c.name);
                    let other = cells.map(|(cell, c)| match may(c) && rng.chance(percent) {
                        true if tag == "q" && harmless => c.kind.value(true, rng),
                        true => Cell::poison(c.kind, tag, rng),
                        false => cell.clone(),
                    });
                    changed.push(other.collect());
                }
                let variant = row.iter().zip(&table.columns);
                changed.push(
                    variant
                        .map(|(cell, c)| cell.variant(c.kind, tag, rng))
                        .collect(),
                );
                let one = rng.below(row.len());
                let mut least = row.clone();
                least[one] = row[one].variant(table.columns[one].kind, tag, rng);
                changed.push(least);
            }
            candidates.push(changed);
        }
        let Some(seen) = seen else {
            // Nothing of it is seen: everything may differ.
            let of = |n: usize| candidates.iter().map(|c| c[n].clone()).collect();
            return [of(1), of(1 + CHANGES)];
        };
        let name = format!("raw.main.{}", table.name);
        run(
            &self.copy,
            &format!(
                "create table {name} (__row integer, __candidate integer, {})",
                table.declarations()
            ),
        );
        let key = |n: usize| Cell::Int(i64::try_from(n).unwrap_or_default());
        let staged: Vec<Vec<Cell>> = candidates
            .iter()
            .enumerate()
            .flat_map(|(r, row)| {
                row.iter()
                    .enumerate()
                    .map(move |(c, cells)| [vec![key(r), key(c)], cells.clone()].concat())
            })
            .collect();
        insert(&self.copy, &name, staged.iter().map(Vec::as_slice));
        let columns: Vec<String> = seen.columns.iter().map(|c| quoted(c.column.name)).collect();
        let view = seen.query("__row, __candidate, ", &name);
        // Whether a row may be written is to be seen as well.
        let rights = rules.write_rows(table).join(", ");
        let with_rights = seen.query(
            &format!("__row, __candidate, [{rights}] as __rights, "),
            &name,
        );
        // As text, since NaN and NULL must be told apart.
        let accepted = format!(
            "with seen as (select __row, __candidate, cast(row({}, __rights) as varchar) as shown from ({with_rights}))
             select s.__row, s.__candidate, c.shown is not null from {name} s
                left join seen c using (__row, __candidate)
                left join seen b on b.__row = s.__row and b.__candidate = 0
             where c.shown is not distinct from b.shown",
            columns.join(", ")
        );
        let accepted = self
            .copy
            .query(&accepted)
            .unwrap_or_else(|e| panic!("{e}\n{accepted}"));
        let number = |cell: &Option<String>| cell.as_deref().unwrap().parse::<usize>().unwrap();
        let mut allowed: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut visible = BTreeSet::new();
        for row in accepted.rows() {
            allowed
                .entry(number(&row[0]))
                .or_default()
                .insert(number(&row[1]));
            if row[2].as_deref() == Some("true") {
                visible.insert(number(&row[0]));
            }
        }
        run(
            &self.copy,
            &format!(
                "create table wh.main.{} as select * exclude (__row, __candidate) from ({view}) where __candidate = 0",
                table.name
            ),
        );
        let mut choose = |first: usize, omit: usize| {
            let mut rows = vec![];
            for (r, row) in candidates.iter().enumerate() {
                if !visible.contains(&r) && rng.chance(omit) {
                    continue;
                }
                let chosen = (first..first + CHANGES).find(|c| allowed[&r].contains(c));
                rows.push(row[chosen.unwrap_or(0)].clone());
            }
            rows
        };
        [choose(1, 0), choose(1 + CHANGES, omitted)]
    }
}

fn insert<'r>(connection: &Connection, table: &str, rows: impl Iterator<Item = &'r [Cell]>) {
    let rows: Vec<String> = rows
        .map(|row| {
            let cells: Vec<String> = row.iter().map(Cell::sql).collect();
            format!("({})", cells.join(", "))
        })
        .collect();
    if !rows.is_empty() {
        run(
            connection,
            &format!("insert into {table} values {}", rows.join(", ")),
        );
    }
}
