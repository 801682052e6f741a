//! MERGE INTO, which DuckDB does not serialise: its shell is read here, the parts inside by DuckDB.

use model::{Error, ErrorKind, Result};
use serde_json::Value;
use tree::Parser;

use crate::dml::{Assignment, Piece, Target, assignments, cut, returning, target, value};
use crate::lexer::Token;
use crate::shell::{Shell, bare_select};
use crate::statement::Query;

/// `merge into target using source on condition when … then … [returning …]`.
#[derive(Debug)]
pub struct Merge {
    /// The table to write.
    pub target: Target,
    /// What is merged into it, as an item of FROM.
    pub source: Value,
    /// Which of its rows match which of the target's.
    pub condition: MergeCondition,
    /// What is done with which pairs of rows: with each pair what the first clause says that holds.
    pub clauses: Vec<MergeClause>,
    /// What it gives back.
    pub returning: Option<Query>,
    /// The whole statement.
    pub text: String,
    /// Where the clauses end in the text.
    pub end: usize,
}

/// When a row of the source matches one of the target.
#[derive(Debug)]
pub enum MergeCondition {
    /// ON this expression.
    On(Value),
    /// USING columns of this name in both.
    Using(Vec<String>),
}

/// `when … [and condition] then action`.
#[derive(Debug)]
pub struct MergeClause {
    /// Which pairs it speaks of.
    pub when: MergeWhen,
    /// Which of these.
    pub condition: Option<Value>,
    /// What is done.
    pub action: MergeAction,
    /// Where it stands in the text.
    pub position: usize,
}

/// Whether both rows of a pair are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeWhen {
    /// A row of the source and one of the target that matches it.
    Matched,
    /// A row of the source that matches none of the target: NOT MATCHED [BY TARGET].
    NotMatched,
    /// A row of the target that matches none of the source.
    NotMatchedBySource,
}

/// What a clause does.
#[derive(Debug)]
pub enum MergeAction {
    /// UPDATE SET: what is set, and the values of those that have one, in order.
    Update(Vec<Assignment>, Vec<Value>),
    /// UPDATE with the columns of the source.
    UpdateFrom(SourceColumns),
    /// DELETE.
    Delete,
    /// INSERT VALUES of one row.
    Insert {
        /// Its columns, where given.
        columns: Vec<String>,
        /// The values; `None` is DEFAULT.
        values: Vec<Option<Value>>,
    },
    /// INSERT with the columns of the source.
    InsertFrom(SourceColumns),
    /// INSERT DEFAULT VALUES.
    InsertDefaults,
    /// DO NOTHING.
    Nothing,
    /// ERROR, with what it says.
    Error(Option<Value>),
}

/// How the source's columns become the target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceColumns {
    /// By their names.
    ByName,
    /// In order.
    ByPosition,
}

pub(crate) fn parse(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Merge> {
    let mut shell = Shell::new(text, tokens);
    shell.need("merge")?;
    shell.need("into")?;
    let target = target(&mut shell, "using")?;
    shell.need("using")?;
    let (source, condition) = source(&mut shell, parser)?;
    let mut clauses = vec![];
    while shell.at_word("when") {
        let clause = clause(&mut shell, parser)?;
        let same = |c: &MergeClause| c.when == clause.when && c.condition.is_none();
        if clause.condition.is_none() && clauses.iter().any(same) {
            let what = "only one clause of a kind can go without a condition";
            return Err(Error::new(ErrorKind::Syntax, what).with_position(clause.position));
        }
        clauses.push(clause);
    }
    if clauses.is_empty() {
        return Err(shell.unexpected());
    }
    let end = shell.position();
    let returning = returning(&mut shell, &target, parser)?;
    shell.finish()?;
    Ok(Merge {
        target,
        source,
        condition,
        clauses,
        returning,
        text: text.to_owned(),
        end,
    })
}

/// `source on condition` and `source using (columns)`, which are read as the right side of a join.
fn source(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<(Value, MergeCondition)> {
    const TARGET: &str = "__eider_target";
    let range = cut(shell, |s| s.at_word("when"))?;
    let piece = Piece::new(shell, &range, "SELECT 1 FROM __eider_target JOIN ");
    let text = format!("{}{}\n", piece.before, &shell.text[range.clone()]);
    let (_, mut join) = bare_select(&text, parser).map_err(|e| piece.error(e))?;
    let is_one = join["left"]["table_name"] == TARGET
        && join["join_type"] == "INNER"
        && join["ref_type"] == "REGULAR"
        && join["alias"] == "";
    if !is_one {
        return Err(Error::not_supported("this form of USING in MERGE").with_position(range.start));
    }
    piece.relocate(&mut join);
    let columns = join["using_columns"].as_array();
    let columns: Vec<String> = columns
        .into_iter()
        .flatten()
        .filter_map(|c| c.as_str().map(str::to_owned))
        .collect();
    let condition = match columns.is_empty() {
        true => MergeCondition::On(join["condition"].take()),
        false => MergeCondition::Using(columns),
    };
    Ok((join["right"].take(), condition))
}

fn clause(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<MergeClause> {
    let position = shell.position();
    shell.need("when")?;
    let when = match shell.take("not") {
        false => {
            shell.need("matched")?;
            MergeWhen::Matched
        }
        true => {
            shell.need("matched")?;
            match shell.take("by") {
                true if shell.take("source") => MergeWhen::NotMatchedBySource,
                true => {
                    shell.need("target")?;
                    MergeWhen::NotMatched
                }
                false => MergeWhen::NotMatched,
            }
        }
    };
    let condition = match shell.take("and") {
        true => {
            let range = cut(shell, |s| s.at_word("then"))?;
            Some(value(shell, &range, parser)?)
        }
        false => None,
    };
    shell.need("then")?;
    let action = action(shell, parser)?;
    Ok(MergeClause {
        when,
        condition,
        action,
        position,
    })
}

/// The words that end an action.
const ENDS: [&str; 2] = ["when", "returning"];

fn action(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<MergeAction> {
    if shell.take_all(&["do", "nothing"]) {
        return Ok(MergeAction::Nothing);
    }
    if shell.take("delete") {
        return Ok(MergeAction::Delete);
    }
    if shell.take("error") {
        if at_end(shell) {
            return Ok(MergeAction::Error(None));
        }
        let range = cut(shell, |s| s.at_clause(&ENDS))?;
        return Ok(MergeAction::Error(Some(value(shell, &range, parser)?)));
    }
    if shell.take("update") {
        if !shell.take("set") {
            return source_columns(shell).map(MergeAction::UpdateFrom);
        }
        if shell.take_symbol('*') {
            return Ok(MergeAction::UpdateFrom(SourceColumns::ByPosition));
        }
        let (set, values) = assignments(shell, &ENDS, parser)?;
        return Ok(MergeAction::Update(set, values));
    }
    shell.need("insert")?;
    if shell.take_all(&["default", "values"]) {
        return Ok(MergeAction::InsertDefaults);
    }
    let columns = match shell.take_symbol('(') {
        true => shell.names()?,
        false => vec![],
    };
    if shell.take("values") {
        let values = row(shell, parser)?;
        return Ok(MergeAction::Insert { columns, values });
    }
    if !columns.is_empty() {
        return Err(shell.unexpected());
    }
    source_columns(shell).map(MergeAction::InsertFrom)
}

/// `[by name | by position] [*]`.
fn source_columns(shell: &mut Shell<'_, '_>) -> Result<SourceColumns> {
    let by_name = shell.take_all(&["by", "name"]);
    let _ = !by_name && shell.take_all(&["by", "position"]);
    let _ = shell.take_symbol('*');
    match (at_end(shell), by_name) {
        (false, _) => Err(shell.unexpected()),
        (true, true) => Ok(SourceColumns::ByName),
        (true, false) => Ok(SourceColumns::ByPosition),
    }
}

fn at_end(shell: &Shell<'_, '_>) -> bool {
    shell.peek().is_none() || shell.at_clause(&ENDS)
}

/// `(value | default, …)`.
fn row(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<Vec<Option<Value>>> {
    shell.need_symbol('(')?;
    let mut values = vec![];
    loop {
        if shell.take("default") {
            values.push(None);
        } else {
            let range = cut(shell, |s| s.at_symbol(',') || s.at_symbol(')'))?;
            values.push(Some(value(shell, &range, parser)?));
        }
        if !shell.take_symbol(',') {
            break;
        }
    }
    shell.need_symbol(')')?;
    Ok(values)
}
