//! What a statement is: the class decides who answers it, the tree what it means.

use model::{Error, ErrorKind, Result};
use serde_json::Value;
use tree::Parser;

use crate::ddl::{self, Ddl};
use crate::dml::{self, Delete, Insert, Update};
use crate::inquiry::{self, Explain, Show, Summarize};
use crate::lexer::{Token, TokenKind, tokens};
use crate::merge::{self, Merge};
use crate::{shell, view};

/// A statement over relations, read and held against the grammar, names not yet resolved.
#[derive(Debug)]
pub enum Statement {
    /// Any form of SELECT.
    Query(Query),
    /// DESCRIBE of a query or table: the columns it has.
    Describe(Query),
    /// EXPLAIN of a query.
    Explain(Explain),
    /// SUMMARIZE of a query or table: figures about each column.
    Summarize(Summarize),
    /// SHOW of catalog objects.
    Show(Show),
    /// CREATE TABLE.
    CreateTable(CreateTable),
    /// INSERT.
    Insert(Insert),
    /// UPDATE.
    Update(Update),
    /// DELETE.
    Delete(Delete),
    /// MERGE.
    Merge(Merge),
    /// TRUNCATE of that table.
    Truncate(ObjectName),
    /// DROP TABLE.
    DropTable(DropTable),
    /// CREATE VIEW.
    CreateView(CreateView),
    /// DROP VIEW.
    DropView(DropView),
    /// Of schemas, indexes, comments, tables that are there; and maintenance.
    Ddl(Ddl),
}

/// A query, as its text and as DuckDB's tree of it.
#[derive(Debug)]
pub struct Query {
    /// The user's own text. Where the query is a part of a statement, blanks stand for what is before
    /// it: positions in it are the statement's.
    pub text: String,
    /// `{"node": …, "named_param_map": …}`, held against the grammar.
    pub tree: Value,
}

/// A name of one to three parts, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Its parts, last one the relation.
    pub parts: Vec<String>,
    /// Where it stands in the text.
    pub position: usize,
}

/// `create [or replace] [temp] table [if not exists] name …`.
#[derive(Debug)]
pub struct CreateTable {
    /// The table to make.
    pub name: ObjectName,
    /// TEMPORARY.
    pub temporary: bool,
    /// OR REPLACE.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// What it is made of.
    pub body: TableBody,
}

/// What a new table is made of.
#[derive(Debug)]
pub enum TableBody {
    /// Columns and keys.
    Columns {
        /// In order.
        columns: Vec<ColumnDefinition>,
        /// PRIMARY KEY and UNIQUE over several columns.
        keys: Vec<Key>,
    },
    /// AS query.
    Query {
        /// Names for the columns, where given.
        columns: Vec<String>,
        /// The query.
        query: Query,
        /// WITH NO DATA.
        no_data: bool,
    },
}

/// A column of CREATE TABLE.
#[derive(Debug)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: String,
    /// Its type, as a tree of `cast(null as type)`.
    pub type_cast: Value,
    /// NOT NULL.
    pub not_null: bool,
    /// PRIMARY KEY or UNIQUE.
    pub key: Option<KeyKind>,
    /// DEFAULT, as an expression tree.
    pub default: Option<Value>,
}

/// A key over columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its kind.
    pub kind: KeyKind,
    /// Its columns.
    pub columns: Vec<String>,
}

/// What a key promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum KeyKind {
    Primary,
    Unique,
}

/// `create [or replace] [temp] view [if not exists] name [(columns)] as query`.
#[derive(Debug)]
pub struct CreateView {
    /// The view to make.
    pub name: ObjectName,
    /// TEMPORARY.
    pub temporary: bool,
    /// OR REPLACE.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Names for its columns, where given.
    pub columns: Vec<String>,
    /// What it stands for.
    pub query: Query,
}

/// `drop view [if exists] name`.
#[derive(Debug)]
pub struct DropView {
    /// The view to drop.
    pub name: ObjectName,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// `drop table [if exists] name`.
#[derive(Debug)]
pub struct DropTable {
    /// The table to drop.
    pub name: ObjectName,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// Reads exactly one statement over relations. Statements about the session are
/// [`session_statement`](crate::session_statement)'s.
///
/// # Errors
/// `Syntax` with a position; `NotSupported` for what Eider does not run, naming it.
pub fn parse(text: &str, parser: &Parser) -> Result<Statement> {
    let tokens = tokens(text)?;
    if let Some(extra) = tokens.iter().find(|t| t.is_symbol(';')) {
        return Err(
            Error::new(ErrorKind::Syntax, "cannot take several statements at once")
                .with_position(extra.start),
        );
    }
    let first = tokens
        .first()
        .ok_or_else(|| Error::new(ErrorKind::Syntax, "the statement is empty"))?;
    if first.is_word("with") && writes(&tokens) {
        return Err(Error::not_supported("WITH before a statement that writes")
            .with_hint("put it inside the query or expression that uses it"));
    }
    if starts_query(first) {
        return query(text, parser).map(Statement::Query);
    }
    if let Some(ddl) = ddl::parse(text, &tokens, parser)? {
        return Ok(Statement::Ddl(ddl));
    }
    match keyword(first).as_str() {
        "describe" | "desc" if tokens.len() > 1 => describe(text, parser),
        "describe" | "desc" | "show" => inquiry::show(text, &tokens),
        "explain" => inquiry::explain(text, &tokens, parser).map(Statement::Explain),
        "summarize" => inquiry::summarize(text, &tokens, parser).map(Statement::Summarize),
        "create" if view::is_create(&tokens) => {
            view::create(text, &tokens, parser).map(Statement::CreateView)
        }
        "create" => shell::create_table(text, &tokens, parser).map(Statement::CreateTable),
        "insert" => dml::insert(text, &tokens, parser).map(Statement::Insert),
        "update" => dml::update(text, &tokens, parser).map(Statement::Update),
        "delete" => dml::delete(text, &tokens, parser).map(Statement::Delete),
        "merge" => merge::parse(text, &tokens, parser).map(Statement::Merge),
        "truncate" => dml::truncate(text, &tokens).map(Statement::Truncate),
        "drop" if view::is_drop(&tokens) => view::drop(text, &tokens).map(Statement::DropView),
        "drop" => shell::drop_table(text, &tokens).map(Statement::DropTable),
        word if is_known(word) => {
            Err(Error::not_supported(word.to_ascii_uppercase()).with_position(first.start))
        }
        _ => Err(Error::new(
            ErrorKind::Syntax,
            format!("syntax error at or near \"{}\"", first.text),
        )
        .with_position(first.start)),
    }
}

/// Whether WITH stands before a write: its word follows the last of the queries in parentheses.
fn writes(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    tokens.windows(2).any(|pair| {
        match pair[0].kind {
            TokenKind::Symbol('(') => depth += 1,
            TokenKind::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let verbs = ["insert", "update", "delete", "merge"];
        depth == 0 && pair[0].is_symbol(')') && verbs.iter().any(|v| pair[1].is_word(v))
    })
}

/// Reads one query and holds it against the grammar.
pub(crate) fn query(text: &str, parser: &Parser) -> Result<Query> {
    let tree = parser.parse(text)?;
    tree::check(&tree)?;
    Ok(Query {
        text: text.to_owned(),
        tree,
    })
}

/// DuckDB reads `describe q` as `select * from <show of q>`.
fn describe(text: &str, parser: &Parser) -> Result<Statement> {
    let mut tree = parser.parse(text)?;
    let shown = &mut tree["node"]["from_table"];
    if shown["type"] != "SHOW_REF" || shown["show_type"] != "DESCRIBE" || shown["query"].is_null() {
        return Err(Error::not_supported("this form of DESCRIBE"));
    }
    let inner = serde_json::json!({"node": shown["query"].take(), "named_param_map": []});
    tree::check(&inner)?;
    Ok(Statement::Describe(Query {
        text: text.to_owned(),
        tree: inner,
    }))
}

fn keyword(token: &Token<'_>) -> String {
    match token.kind {
        TokenKind::Word => token.text.to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Whether a statement that begins so is some form of SELECT.
pub(crate) fn starts_query(first: &Token<'_>) -> bool {
    first.is_symbol('(') || STARTS_QUERY.iter().any(|word| first.is_word(word))
}

const STARTS_QUERY: [&str; 9] = [
    "select",
    "with",
    "from",
    "values",
    "table",
    "pivot",
    "pivot_wider",
    "unpivot",
    "pivot_longer",
];

/// Statements of DuckDB and PostgreSQL that Eider refuses by name rather than as bad syntax.
fn is_known(word: &str) -> bool {
    matches!(
        word,
        "attach"
            | "call"
            | "cluster"
            | "copy"
            | "declare"
            | "detach"
            | "do"
            | "export"
            | "fetch"
            | "force"
            | "grant"
            | "import"
            | "install"
            | "load"
            | "lock"
            | "pragma"
            | "refresh"
            | "reindex"
            | "replace"
            | "revoke"
            | "savepoint"
            | "use"
    )
}
