//! INSERT, UPDATE, DELETE and TRUNCATE, which DuckDB does not serialise. What an UPDATE or DELETE
//! reads is put together as a query, of pieces that DuckDB has read one by one.

use std::ops::Range;

use model::{Error, Result};
use serde_json::{Value, json};
use tree::{Parser, build};

use crate::inquiry::blanked;
use crate::lexer::{Token, TokenKind};
use crate::shell::{Shell, bare_select, expression};
use crate::statement::{ObjectName, Query, query};

/// The table that a statement writes.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: ObjectName,
    /// The name it goes by in the statement, where it was given one.
    pub alias: Option<String>,
}

impl Target {
    /// The table as an item of FROM.
    pub fn item(&self) -> Value {
        let (parts, position) = (&self.name.parts, self.name.position);
        let part = |back: usize| {
            parts
                .len()
                .checked_sub(back)
                .map_or("", |i| parts[i].as_str())
        };
        json!({
            "type": "BASE_TABLE", "alias": self.alias.as_deref().unwrap_or_default(), "sample": null,
            "query_location": position, "schema_name": part(2), "table_name": part(1),
            "column_name_alias": [], "catalog_name": part(3), "at_clause": null
        })
    }
}

/// `insert into target [(columns)] rows [returning …]`.
#[derive(Debug)]
pub struct Insert {
    /// The table to write.
    pub target: Target,
    /// Its columns, where given.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: InsertRows,
    /// ON CONFLICT.
    pub conflict: Option<Conflict>,
    /// What it gives back.
    pub returning: Option<Query>,
}

/// Where the rows of an INSERT come from.
#[derive(Debug)]
pub enum InsertRows {
    /// DEFAULT VALUES: one row.
    Defaults,
    /// A query, whose columns are the table's in order.
    Query(Query),
    /// BY NAME: a query, whose columns have the names of the table's.
    ByName(Query),
}

/// `on conflict [(key)] do nothing` or `… do update set assignments [where …]`.
#[derive(Debug)]
pub struct Conflict {
    /// The columns of the key, where given.
    pub key: Vec<String>,
    /// What is set; nothing is DO NOTHING.
    pub assignments: Vec<Assignment>,
    /// The values set, and last the condition where there is one, over the target and the row that
    /// is not inserted: `excluded`.
    pub values: Query,
    /// Whether there is a condition.
    pub conditional: bool,
    /// The clause as the user wrote it.
    pub text: String,
}

/// `update target set assignments [from …] [where …] [returning …]`.
#[derive(Debug)]
pub struct Update {
    /// The table to write.
    pub target: Target,
    /// What is set, in order.
    pub assignments: Vec<Assignment>,
    /// The values set, in the order of the assignments that have one, for each row to change: the
    /// first relation of its FROM is the target. The text is the whole statement's.
    pub source: Query,
    /// What it gives back.
    pub returning: Option<Query>,
}

/// `column = value` or `column = default`.
#[derive(Debug)]
pub struct Assignment {
    /// The column set.
    pub column: String,
    /// Where it stands in the text.
    pub position: usize,
    /// Whether it is set to its default rather than to a value.
    pub to_default: bool,
}

/// `delete from target [using …] [where …] [returning …]`.
#[derive(Debug)]
pub struct Delete {
    /// The table to write.
    pub target: Target,
    /// A query without columns for each row to remove, as in [`Update`].
    pub source: Query,
    /// What it gives back.
    pub returning: Option<Query>,
}

pub(crate) fn insert(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Insert> {
    let mut shell = Shell::new(text, tokens);
    shell.need("insert")?;
    if shell.take("or") {
        return Err(Error::not_supported("INSERT OR REPLACE or OR IGNORE"));
    }
    shell.need("into")?;
    let name = shell.object_name()?;
    let alias = shell.take("as").then(|| shell.name()).transpose()?;
    // A parenthesis opens a list of columns or a query; only the latter begins with a keyword.
    let opens_query = |t: &&Token<'_>| {
        ["select", "with", "from", "values", "table"]
            .iter()
            .any(|w| t.is_word(w))
    };
    let columns = if shell.peek().is_some_and(|t| t.is_symbol('('))
        && !shell.ahead(1).as_ref().is_some_and(opens_query)
    {
        shell.need_symbol('(')?;
        shell.names()?
    } else {
        vec![]
    };
    let target = Target { name, alias };
    let rows = if shell.take_all(&["default", "values"]) {
        InsertRows::Defaults
    } else {
        let by_name = shell.take_all(&["by", "name"]);
        let _ = shell.take_all(&["by", "position"]);
        let range = cut(&mut shell, |s| {
            s.at_word("returning") || s.at_words("on", "conflict")
        })?;
        let query = query(&blanked(&text[..range.end], range.start, ""), parser)?;
        match by_name {
            true => InsertRows::ByName(query),
            false => InsertRows::Query(query),
        }
    };
    let conflict = conflict(&mut shell, &target, parser)?;
    let returning = returning(&mut shell, &target, parser)?;
    shell.finish()?;
    Ok(Insert {
        target,
        columns,
        rows,
        conflict,
        returning,
    })
}

fn conflict(
    shell: &mut Shell<'_, '_>,
    target: &Target,
    parser: &Parser,
) -> Result<Option<Conflict>> {
    let start = shell.position();
    if !shell.take_all(&["on", "conflict"]) {
        return Ok(None);
    }
    let key = match shell.take_symbol('(') {
        true => shell.names()?,
        false => vec![],
    };
    if shell.at_word("on") || shell.at_word("where") {
        return Err(Error::not_supported(
            "ON CONFLICT with ON CONSTRAINT or WHERE before DO",
        ));
    }
    shell.need("do")?;
    let (mut set, mut values) = (vec![], vec![]);
    let mut conditional = false;
    if !shell.take("nothing") {
        shell.need("update")?;
        shell.need("set")?;
        (set, values) = assignments(shell, &["where", "returning"], parser)?;
        conditional = shell.take("where");
        if conditional {
            let range = cut(shell, |s| s.at_clause(&["returning"]))?;
            values.push(value(shell, &range, parser)?);
        }
    }
    let excluded = Target {
        alias: Some("excluded".to_owned()),
        ..target.clone()
    };
    let from = crossed(target.item(), excluded.item());
    let text = shell.text[start..shell.position()].to_owned();
    Ok(Some(Conflict {
        key,
        assignments: set,
        values: Query {
            text: text.clone(),
            tree: build::select(values, from, None, false),
        },
        conditional,
        text,
    }))
}

pub(crate) fn update(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Update> {
    let mut shell = Shell::new(text, tokens);
    shell.need("update")?;
    let target = target(&mut shell, "set")?;
    shell.need("set")?;
    let (assignments, values) = assignments(&mut shell, &["from", "where", "returning"], parser)?;
    let source = source(&mut shell, &target, "from", values, parser)?;
    let returning = returning(&mut shell, &target, parser)?;
    shell.finish()?;
    Ok(Update {
        target,
        assignments,
        source,
        returning,
    })
}

/// `column = value, …` up to one of these clauses, and the values.
pub(crate) fn assignments(
    shell: &mut Shell<'_, '_>,
    clauses: &[&str],
    parser: &Parser,
) -> Result<(Vec<Assignment>, Vec<Value>)> {
    let (mut assignments, mut values) = (vec![], vec![]);
    loop {
        let position = shell.position();
        if shell.peek().is_some_and(|t| t.is_symbol('(')) {
            return Err(
                Error::not_supported("SET of several columns at once").with_position(position)
            );
        }
        let column = shell.name()?;
        if !shell.take_symbol('=') {
            return Err(shell.unexpected());
        }
        let to_default = shell.take("default");
        if !to_default {
            let ends = |s: &Shell<'_, '_>| s.at_symbol(',') || s.at_clause(clauses);
            let range = cut(shell, ends)?;
            values.push(value(shell, &range, parser)?);
        }
        assignments.push(Assignment {
            column,
            position,
            to_default,
        });
        if !shell.take_symbol(',') {
            break;
        }
    }
    Ok((assignments, values))
}

pub(crate) fn delete(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Delete> {
    let mut shell = Shell::new(text, tokens);
    shell.need("delete")?;
    shell.need("from")?;
    let target = target(&mut shell, "using")?;
    let source = source(&mut shell, &target, "using", vec![], parser)?;
    let returning = returning(&mut shell, &target, parser)?;
    shell.finish()?;
    Ok(Delete {
        target,
        source,
        returning,
    })
}

pub(crate) fn truncate(text: &str, tokens: &[Token<'_>]) -> Result<ObjectName> {
    let mut shell = Shell::new(text, tokens);
    shell.need("truncate")?;
    let _ = shell.take("table");
    let name = shell.object_name()?;
    shell.finish()?;
    Ok(name)
}

/// The table and the name that it goes by. A word that begins the next clause is no such name.
pub(crate) fn target(shell: &mut Shell<'_, '_>, next: &str) -> Result<Target> {
    let name = shell.object_name()?;
    let clauses = [next, "where", "returning"];
    let named = shell.take("as")
        || shell.peek().is_some_and(|t| {
            matches!(t.kind, TokenKind::Word | TokenKind::QuotedName)
                && !clauses.iter().any(|c| t.is_word(c))
        });
    let alias = named.then(|| shell.name()).transpose()?;
    Ok(Target { name, alias })
}

/// `select values from target, more where condition`: what a statement reads.
fn source(
    shell: &mut Shell<'_, '_>,
    target: &Target,
    keyword: &str,
    values: Vec<Value>,
    parser: &Parser,
) -> Result<Query> {
    let mut from = target.item();
    if shell.take(keyword) {
        let range = cut(shell, |s| s.at_clause(&["where", "returning"]))?;
        from = crossed(from, from_items(shell, &range, parser)?);
    }
    let mut condition = None;
    if shell.take("where") {
        let range = cut(shell, |s| s.at_clause(&["returning"]))?;
        condition = Some(value(shell, &range, parser)?);
    }
    let tree = build::select(values, from, condition, false);
    tree::check(&tree)?;
    Ok(Query {
        text: shell.text.to_owned(),
        tree,
    })
}

/// `select list from target`, of the list after RETURNING.
pub(crate) fn returning(
    shell: &mut Shell<'_, '_>,
    target: &Target,
    parser: &Parser,
) -> Result<Option<Query>> {
    if !shell.take("returning") {
        return Ok(None);
    }
    let range = cut(shell, |_| false)?;
    if shell.has_parameters(range.clone()) {
        // DuckDB takes none there.
        return Err(Error::not_supported("a parameter in RETURNING").with_position(range.start));
    }
    let text = &shell.text[range.clone()];
    let piece = Piece::new(shell, &range, "SELECT ");
    let found = bare_select(&format!("{}{text}\n", piece.before), parser);
    let (mut items, from) = found.map_err(|e| piece.error(e))?;
    if from["type"] != "EMPTY" {
        return Err(shell.unexpected());
    }
    items.iter_mut().for_each(|i| piece.relocate(i));
    Ok(Some(Query {
        text: text.to_owned(),
        tree: build::select(items, target.item(), None, false),
    }))
}

/// `left, right` of FROM.
fn crossed(left: Value, right: Value) -> Value {
    json!({
        "type": "JOIN", "alias": "", "sample": null, "query_location": build::NOWHERE,
        "left": left, "right": right, "condition": null, "join_type": "INNER", "ref_type": "CROSS",
        "using_columns": [], "delim_flipped": false, "duplicate_eliminated_columns": []
    })
}

/// The tokens up to where `ends` says so, outside of all brackets and CASEs.
pub(crate) fn cut(
    shell: &mut Shell<'_, '_>,
    ends: impl Fn(&Shell<'_, '_>) -> bool,
) -> Result<Range<usize>> {
    let start = shell.position();
    let (mut depth, mut cases, mut end) = (0_usize, 0_usize, start);
    while let Some(token) = shell.peek() {
        match token.kind {
            _ if depth == 0 && cases == 0 && ends(shell) => break,
            TokenKind::Symbol('(' | '[' | '{') => depth += 1,
            TokenKind::Symbol(')' | ']' | '}') => {
                depth = depth.checked_sub(1).ok_or_else(|| shell.unexpected())?;
            }
            _ if depth == 0 && shell.at_word("case") => cases += 1,
            _ if depth == 0 && cases > 0 && shell.at_word("end") => cases -= 1,
            _ => {}
        }
        end = token.end();
        shell.skip();
    }
    if end == start {
        return Err(shell.unexpected());
    }
    Ok(start..end)
}

/// One expression, with the places that it has in the whole text.
pub(crate) fn value(shell: &Shell<'_, '_>, range: &Range<usize>, parser: &Parser) -> Result<Value> {
    let piece = Piece::new(shell, range, "SELECT (");
    let found = expression(&shell.text[range.clone()], parser);
    let mut found = found.map_err(|e| piece.error(e))?;
    piece.relocate(&mut found);
    Ok(found)
}

fn from_items(shell: &Shell<'_, '_>, range: &Range<usize>, parser: &Parser) -> Result<Value> {
    let piece = Piece::new(shell, range, "SELECT 1 FROM ");
    let text = format!("{}{}\n", piece.before, &shell.text[range.clone()]);
    let (_, mut from) = bare_select(&text, parser).map_err(|e| piece.error(e))?;
    piece.relocate(&mut from);
    Ok(from)
}

/// A piece of a statement that was read by itself, behind some words of its own.
pub(crate) struct Piece {
    pub(crate) before: &'static str,
    start: usize,
    /// How many `?` the statement has before it: they are counted from 1 in each piece.
    parameters: usize,
}

impl Piece {
    pub(crate) fn new(shell: &Shell<'_, '_>, range: &Range<usize>, before: &'static str) -> Self {
        let has_own = shell.question_marks(range.clone()) > 0;
        Self {
            before,
            start: range.start,
            parameters: if has_own {
                shell.question_marks(0..range.start)
            } else {
                0
            },
        }
    }

    pub(crate) fn error(&self, error: Error) -> Error {
        let position = error.position().unwrap_or(self.before.len());
        error.with_position((self.start + position).saturating_sub(self.before.len()))
    }

    /// Gives all places and parameters in a tree what they are in the whole text.
    pub(crate) fn relocate(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|v| self.relocate(v)),
            Value::Object(fields) => {
                if fields.get("class").is_some_and(|c| c == "PARAMETER")
                    && let Some(number) = fields["identifier"]
                        .as_str()
                        .and_then(|n| n.parse::<usize>().ok())
                {
                    fields["identifier"] = json!((number + self.parameters).to_string());
                }
                for (name, field) in fields {
                    match (name.as_str(), field.as_u64()) {
                        ("query_location", Some(place)) if place != build::NOWHERE => {
                            let moved = (self.start as u64).saturating_add(place);
                            *field = json!(moved.saturating_sub(self.before.len() as u64));
                        }
                        _ => self.relocate(field),
                    }
                }
            }
            _ => {}
        }
    }
}
