//! What writes leave behind, beside a copy on which the user's own statement runs: which rows may be
//! written, and which new ones are refused, comes straight from the rules, by plain SQL.

use model::{ErrorKind, ExecRequest, StatementId};
use native::Connection;

use crate::common::writes::{self, Outcome};
use crate::data::{Table, quoted};
use crate::parameters;
use crate::queries::Queries;
use crate::rules::Seen;
use crate::worlds::{TOLD, Tally, World, bound};
use crate::writes::{Kinds, TARGET, Target, Write};

/// How often a statement is made anew that the principal has no right to.
const TRIES: usize = 12;

/// How many statements that write ran, and what came of others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    pub(crate) inserts: usize,
    pub(crate) updates: usize,
    pub(crate) deletes: usize,
    pub(crate) merges: usize,
    /// Of these, with RETURNING.
    pub(crate) returned: usize,
    /// Of these, that changed something.
    pub(crate) changed: usize,
    /// Refused as a new row was none that may be written.
    pub(crate) refused_rows: usize,
    /// Refused before they ran.
    pub(crate) refused: usize,
    /// Failed at run time, alike in both databases.
    pub(crate) failed: usize,
}

impl Written {
    /// Tries that of so many statements enough wrote, in every way.
    pub(crate) fn check(&self, tried: usize) {
        let kinds = [self.inserts, self.updates, self.deletes, self.merges];
        let all: usize = kinds.iter().sum();
        assert!(
            kinds.iter().all(|n| n * 100 > tried) && self.changed * 4 > all,
            "too few write: {self:?}"
        );
        assert!(
            self.returned * 4 > all && self.refused_rows * 20 > all && self.failed > 0,
            "too few of a kind: {self:?}"
        );
    }
}

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.inserts += other.inserts;
        self.updates += other.updates;
        self.deletes += other.deletes;
        self.merges += other.merges;
        self.returned += other.returned;
        self.changed += other.changed;
        self.refused_rows += other.refused_rows;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

/// What is in a database after a statement.
#[derive(Debug, PartialEq)]
struct After {
    outcome: Outcome,
    /// What the principal sees of the table.
    seen: Outcome,
}

impl World<'_> {
    /// Runs a statement that writes, and describes what tells what is hidden or is wrong.
    pub(crate) fn write(&mut self, tally: &mut Tally) -> Option<String> {
        let tables: Vec<(&Table, Seen)> = self
            .tables
            .iter()
            .filter_map(|t| Some((t, self.rules.seen(t)?)))
            .collect();
        let mut tries = 0;
        let (write, target) = loop {
            let (table, seen) = self.rng.pick(&tables);
            let rules = &self.rules;
            let target = Target { table, seen, rules };
            let write = Queries::new(&self.visible, &mut self.rng).write(target);
            tries += 1;
            if tries == TRIES || write.is_granted(target) || self.rng.chance(5) {
                break (write, target);
            }
        };
        let parameters = self.rng.chance(85);
        let tried = self.written(&write, target, parameters, &mut tally.written);
        tried.err().map(|reason| {
            format!(
                "world {:#x}: {reason}\nstatement: {}\nthe copy's: {}\npolicy:\n{}",
                self.seed,
                write.asked,
                write.copied,
                self.rules.text()
            )
        })
    }

    fn written(
        &self,
        write: &Write,
        target: Target<'_>,
        parameters: bool,
        tally: &mut Written,
    ) -> Result<(), String> {
        let asked = parameters::Statement::new(&write.asked, parameters);
        let copied = parameters::Statement::new(&write.copied, parameters);
        let request = match self.request(&asked, write.returns) {
            Ok(request) => request,
            Err(e) if e.kind() == ErrorKind::Internal => return Err(format!("{e:?}")),
            Err(e) if e.message().contains("hidden") => {
                return Err(format!("the refusal tells what is hidden: {e:?}"));
            }
            Err(_) => {
                tally.refused += 1;
                return Ok(());
            }
        };
        let (request, columns) = request;
        if !write.is_granted(target) {
            return Err(format!("what may not be written is: {}", request.sql()));
        }
        let databases = self.databases;
        self.stage(write, target);
        if write.returns {
            let expected = bound(&databases.binder, &copied.text)
                .map_err(|e| format!("the copy does not bind it: {e}\nruns: {}", request.sql()))?;
            if columns != expected {
                return Err(format!(
                    "described as {columns:?}\nand by the copy as {expected:?}"
                ));
            }
        }
        let [x, y] = [&databases.x, &databases.y].map(|c| after(c, &request, write.kind, target));
        let (x, y) = (x?, y?);
        let fails = |after: &After| matches!(after.outcome, Outcome::Fails(_));
        if self.uneven && fails(&x) != fails(&y) {
            return Ok(());
        }
        if x != y {
            return Err(format!(
                "{TOLD}: {x:?}\nand: {y:?}\nruns: {}",
                request.sql()
            ));
        }
        let copy = self.copied(write, &copied, target);
        match (&x.outcome, copy) {
            (Outcome::Rows(_), Some(copy)) if copy.refused => Err(format!(
                "a row is written that may not be: {x:?}\nruns: {}",
                request.sql()
            )),
            (Outcome::Rows(rows), Some(copy)) => {
                let count = match write.kind {
                    Kinds::Insert => &mut tally.inserts,
                    Kinds::Update => &mut tally.updates,
                    Kinds::Delete => &mut tally.deletes,
                    Kinds::Merge => &mut tally.merges,
                };
                *count += 1;
                tally.returned += usize::from(write.returns);
                tally.changed += usize::from(!rows.is_empty() && *rows != [[Some("0".to_owned())]]);
                if x != copy.after {
                    return Err(format!(
                        "the outcome is {x:?}\nand the copy's {:?}\nruns: {}",
                        copy.after,
                        request.sql()
                    ));
                }
                Ok(())
            }
            (Outcome::Fails(ErrorKind::PermissionDenied), Some(copy)) if !copy.refused => {
                Err(format!(
                    "refused, and nothing of it may not be written: {}",
                    request.sql()
                ))
            }
            (Outcome::Fails(ErrorKind::PermissionDenied), _) => {
                tally.refused_rows += 1;
                Ok(())
            }
            _ => {
                tally.failed += 1;
                Ok(())
            }
        }
    }

    fn request(
        &self,
        statement: &parameters::Statement,
        returns: bool,
    ) -> model::Result<(ExecRequest, Vec<(String, model::SqlType)>)> {
        let authorised = self.plan(statement)?;
        let schema = authorised.description().schema.iter();
        let columns = schema.filter(|_| returns).flat_map(|s| &s.columns);
        let columns = columns
            .map(|c| (c.name.clone(), c.sql_type.clone()))
            .collect();
        let values = statement.values.clone();
        let request = authorised.request(StatementId::new(), values, "UTC".into(), None)?;
        Ok((request, columns))
    }

    /// Makes the copy's table: what is seen of each row, its number, and what may be done with it.
    fn stage(&self, write: &Write, target: Target<'_>) {
        let mut keys = "__row, ".to_owned();
        for (n, right) in write.rights.iter().enumerate() {
            let may = target
                .rules
                .may(right.privilege, target.table, &right.names());
            keys += &format!("({}) as __may{n}, ", may.unwrap_or_default());
        }
        let name = target.table.name;
        let from = format!("(select * from raw.main.{name} where __candidate = 0) as {name}");
        let query = target.seen.query(&keys, &from);
        let made = format!("create or replace table {TARGET} as {query}");
        let done = self.databases.copy.execute(&made);
        done.unwrap_or_else(|e| panic!("{e}\n{made}"));
    }

    /// What the statement does to the copy; `None` where it fails.
    fn copied(
        &self,
        write: &Write,
        statement: &parameters::Statement,
        target: Target<'_>,
    ) -> Option<Copied> {
        let copy = &self.databases.copy;
        copy.execute("begin").unwrap();
        let outcome = writes::outcome(copy, &statement.text, &statement.values);
        let done = match outcome {
            Outcome::Fails(_) => None,
            outcome => copied(copy, write, target, outcome),
        };
        copy.execute("rollback").unwrap();
        done
    }
}

/// What a statement did to the copy.
struct Copied {
    /// Whether it made a row that may not be written.
    refused: bool,
    after: After,
}

/// `None` where a value is no label of an ENUM: the copy, which shows texts, took it.
fn copied(
    copy: &Connection,
    write: &Write,
    target: Target<'_>,
    outcome: Outcome,
) -> Option<Copied> {
    let refused = raw(copy, target, &refused(write, target))? != Outcome::Rows(vec![]);
    let seen = raw(copy, target, &target.seen.query("", target.table.name))?;
    let after = After { outcome, seen };
    Some(Copied { refused, after })
}

/// Runs a statement on a database, and tries that what is hidden stays as it was.
fn after(
    connection: &Connection,
    request: &ExecRequest,
    kind: Kinds,
    target: Target<'_>,
) -> Result<After, String> {
    let name = format!("wh.main.{}", target.table.name);
    let unseen = match &target.seen.rows {
        Some(rows) => format!("select * from {name} where not ({rows})"),
        None => format!("select * from {name} limit 0"),
    };
    let shows = target.seen.columns.iter();
    let as_is: Vec<&str> = shows.filter(|c| c.as_is).map(|c| c.column.name).collect();
    let columns = target.table.columns.iter().map(|c| c.name);
    let others: Vec<String> = columns.filter(|c| !as_is.contains(c)).map(quoted).collect();
    let kept = match (kind, others.is_empty()) {
        (Kinds::Update, false) => format!("select {} from {name}", others.join(", ")),
        _ => unseen.clone(),
    };
    let hidden = || [&unseen, &kept].map(|sql| writes::rows(connection, sql));
    let before = hidden();
    writes::written(connection, request, |outcome| {
        if hidden() != before {
            return Err(format!("what is hidden changed: {}", request.sql()));
        }
        let query = target.seen.query("", &name);
        Ok(After {
            outcome: outcome.clone(),
            seen: writes::rows(connection, &query),
        })
    })
}

/// Asks the raw table as it would be if the copy's changes were made to it.
fn raw(copy: &Connection, target: Target<'_>, query: &str) -> Option<Outcome> {
    let name = target.table.name;
    let columns = target.table.columns.iter().map(|column| {
        let (quoted, sql_type) = (quoted(column.name), column.kind.sql_type());
        let mut shows = target.seen.columns.iter();
        let from = match shows.any(|c| c.as_is && c.column.name == column.name) {
            true => "k",
            false => "s",
        };
        format!("cast({from}.{quoted} as {sql_type}) as {quoted}")
    });
    let columns: Vec<String> = columns.collect();
    let made = format!(
        "with {name} as (select k.__row, {} from {TARGET} k left join raw.main.{name} s on s.__row = k.__row and s.__candidate = 0) {query}",
        columns.join(", ")
    );
    match writes::rows(copy, &made) {
        Outcome::Fails(ErrorKind::InvalidText) => None,
        Outcome::Fails(kind) => panic!("{kind:?}: {made}"),
        rows => Some(rows),
    }
}

/// A query of the rows that are new or other than they were, and may not be.
fn refused(write: &Write, target: Target<'_>) -> String {
    let name = target.table.name;
    let seen = target.seen.rows.as_deref().unwrap_or("true");
    let may = |privilege: &str| {
        let right = write.rights.iter().find(|r| r.privilege == privilege)?;
        target.rules.may(privilege, target.table, &right.names())
    };
    let shows = target.seen.columns.iter().filter(|c| c.as_is);
    let columns: Vec<String> = shows.map(|c| quoted(c.column.name)).collect();
    let same = match columns.is_empty() {
        true => "true".to_owned(),
        false => format!(
            "(select row({0}) from raw.main.{name} s where s.__row = {name}.__row and s.__candidate = 0) is not distinct from row({0})",
            columns.join(", ")
        ),
    };
    format!(
        "select 1 from {name} where case when __row is null then not (({seen}) and ({})) else not ({same}) and not (({seen}) and ({})) end",
        may("insert").unwrap_or_else(|| "true".to_owned()),
        may("update").unwrap_or_else(|| "true".to_owned())
    )
}
