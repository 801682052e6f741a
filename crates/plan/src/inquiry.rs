//! Statements that ask about a query or about the catalog: EXPLAIN, SUMMARIZE, DESCRIBE, SHOW.

use model::{Error, ErrorKind, Result};
use tree::Parser;

use crate::lexer::{Token, TokenKind};
use crate::statement::{Query, Statement, query, starts_query};

/// `explain [(options)] query`.
#[derive(Debug)]
pub struct Explain {
    /// The query. Its text has blanks in place of what stands before it, so that positions in it are
    /// positions in the statement.
    pub query: Query,
    /// How the plan is to be written.
    pub format: ExplainFormat,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    /// A line a row.
    #[default]
    Text,
    /// One row with a JSON document.
    Json,
}

/// `summarize query`, `summarize table`.
#[derive(Debug)]
pub struct Summarize {
    /// The user's own text.
    pub text: String,
    /// The query, or `from table`; its positions are those of the statement.
    pub query: Query,
}

/// What of the catalog is to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// SHOW TABLES \[FROM …\]: one or two parts of a schema's name.
    Tables(Vec<String>),
    /// SHOW ALL TABLES, and DESCRIBE of nothing.
    AllTables,
    /// SHOW DATABASES.
    Databases,
    /// SHOW SCHEMAS.
    Schemas,
}

/// Options of EXPLAIN that change what PostgreSQL tells beside the plan.
const BESIDE_THE_PLAN: &[&str] = &[
    "verbose",
    "costs",
    "settings",
    "generic_plan",
    "buffers",
    "wal",
    "timing",
    "summary",
    "memory",
];

/// Reads EXPLAIN.
///
/// # Errors
/// `NotSupported` for EXPLAIN ANALYZE, and for EXPLAIN of what is no query.
pub(crate) fn explain(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Explain> {
    let mut at = 1;
    let mut format = ExplainFormat::Text;
    let opens_options = |at: usize| {
        tokens.get(at).is_some_and(|t| t.is_symbol('('))
            && tokens.get(at + 1).is_some_and(is_option)
    };
    if opens_options(at) {
        at += 1;
        loop {
            at = option(text, tokens, at, &mut format)?;
            match tokens.get(at) {
                Some(t) if t.is_symbol(',') => at += 1,
                Some(t) if t.is_symbol(')') => break,
                _ => return Err(unexpected(text, tokens.get(at))),
            }
        }
        at += 1;
    } else {
        if tokens.get(at).is_some_and(is_analyze) {
            return Err(analyze());
        }
        at += usize::from(tokens.get(at).is_some_and(|t| t.is_word("verbose")));
    }
    let first = tokens.get(at);
    match first {
        Some(first) if starts_query(first) => Ok(Explain {
            query: query(&blanked(text, first.start, ""), parser)?,
            format,
        }),
        Some(first) if first.kind == TokenKind::Word => Err(Error::not_supported(format_args!(
            "EXPLAIN {}",
            first.text.to_ascii_uppercase()
        ))
        .with_position(first.start)),
        _ => Err(unexpected(text, first)),
    }
}

fn is_analyze(token: &Token<'_>) -> bool {
    token.is_word("analyze") || token.is_word("analyse")
}

fn is_option(token: &Token<'_>) -> bool {
    is_analyze(token)
        || token.is_word("format")
        || token.is_word("serialize")
        || BESIDE_THE_PLAN.iter().any(|o| token.is_word(o))
}

/// Reads one option, and says where it ends.
fn option(
    text: &str,
    tokens: &[Token<'_>],
    at: usize,
    format: &mut ExplainFormat,
) -> Result<usize> {
    let name = tokens.get(at).ok_or_else(|| unexpected(text, None))?;
    let value = tokens
        .get(at + 1)
        .filter(|t| !t.is_symbol(',') && !t.is_symbol(')'));
    let after = at + 1 + usize::from(value.is_some());
    let is_off = value.is_some_and(|v| {
        ["off", "false", "0", "none"]
            .iter()
            .any(|w| v.text.eq_ignore_ascii_case(w))
    });
    if name.is_word("format") {
        *format = match value {
            Some(v) if v.is_word("text") => ExplainFormat::Text,
            Some(v) if v.is_word("json") => ExplainFormat::Json,
            _ => {
                return Err(Error::not_supported("this format of EXPLAIN")
                    .with_hint("FORMAT is TEXT or JSON")
                    .with_position(name.start));
            }
        };
    } else if is_analyze(name) && !is_off {
        return Err(analyze());
    } else if !is_option(name) {
        return Err(Error::new(
            ErrorKind::Syntax,
            format!("unrecognized EXPLAIN option \"{}\"", name.text),
        )
        .with_position(name.start));
    }
    Ok(after)
}

fn analyze() -> Error {
    Error::not_supported("EXPLAIN ANALYZE").with_hint(
        "counts of rows within a plan could tell of rows that you may not see; use EXPLAIN",
    )
}

/// Reads SUMMARIZE.
pub(crate) fn summarize(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Summarize> {
    let first = tokens.get(1).ok_or_else(|| unexpected(text, None))?;
    let keyword = if starts_query(first) { "" } else { "from" };
    Ok(Summarize {
        text: text.to_owned(),
        query: query(&blanked(text, first.start, keyword), parser)?,
    })
}

/// Reads DESCRIBE of nothing, and SHOW of catalog objects.
pub(crate) fn show(text: &str, tokens: &[Token<'_>]) -> Result<Statement> {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|t| t.is_word(word));
    let (shown, end) = if tokens.len() == 1 {
        (Show::AllTables, 1)
    } else if is(1, "all") && is(2, "tables") {
        (Show::AllTables, 3)
    } else if is(1, "databases") {
        (Show::Databases, 2)
    } else if is(1, "schemas") {
        (Show::Schemas, 2)
    } else if is(1, "tables") && is(2, "from") {
        let (parts, end) = schema_name(text, tokens, 3)?;
        (Show::Tables(parts), end)
    } else if is(1, "tables") {
        (Show::Tables(vec![]), 2)
    } else {
        return Err(Error::not_supported("this form of SHOW"));
    };
    match tokens.get(end) {
        None => Ok(Statement::Show(shown)),
        extra => Err(unexpected(text, extra)),
    }
}

fn schema_name(text: &str, tokens: &[Token<'_>], at: usize) -> Result<(Vec<String>, usize)> {
    let name = |at: usize| {
        let token = tokens.get(at);
        token
            .and_then(Token::name)
            .ok_or_else(|| unexpected(text, token))
    };
    let first = name(at)?;
    if tokens.get(at + 1).is_some_and(|t| t.is_symbol('.')) {
        return Ok((vec![first, name(at + 2)?], at + 3));
    }
    Ok((vec![first], at + 1))
}

/// The text with `keyword` and blanks in place of what stands before `start`.
pub(crate) fn blanked(text: &str, start: usize, keyword: &str) -> String {
    format!("{keyword:<start$}{}", &text[start..])
}

fn unexpected(text: &str, token: Option<&Token<'_>>) -> Error {
    match token {
        Some(token) => Error::new(
            ErrorKind::Syntax,
            format!("syntax error at or near \"{}\"", token.text),
        )
        .with_position(token.start),
        None => {
            Error::new(ErrorKind::Syntax, "syntax error at end of input").with_position(text.len())
        }
    }
}
