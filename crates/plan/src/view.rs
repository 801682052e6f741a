//! CREATE VIEW and DROP VIEW. A view that DuckDB keeps is read by the same code.

use model::{Error, Result};
use tree::Parser;

use crate::lexer::Token;
use crate::shell::{Shell, query_from};
use crate::statement::{CreateView, DropView};

/// Whether a statement that begins with CREATE makes a view.
pub(crate) fn is_create(tokens: &[Token<'_>]) -> bool {
    let mut words = tokens.iter().skip(1);
    let mut next = words.next();
    while next.is_some_and(|t| {
        [
            "or",
            "replace",
            "local",
            "global",
            "temp",
            "temporary",
            "recursive",
            "materialized",
        ]
        .iter()
        .any(|w| t.is_word(w))
    }) {
        next = words.next();
    }
    next.is_some_and(|t| t.is_word("view"))
}

/// Whether a statement that begins with DROP drops a view.
pub(crate) fn is_drop(tokens: &[Token<'_>]) -> bool {
    tokens.get(1).is_some_and(|t| t.is_word("view"))
}

pub(crate) fn create(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<CreateView> {
    let mut shell = Shell::new(text, tokens);
    shell.need("create")?;
    let or_replace = shell.take_all(&["or", "replace"]);
    let temporary = shell.take_temporary()?;
    for word in ["recursive", "materialized"] {
        if shell.take(word) {
            return Err(Error::not_supported(format_args!(
                "a {} view",
                word.to_ascii_uppercase()
            )));
        }
    }
    shell.need("view")?;
    let if_not_exists = shell.take_all(&["if", "not", "exists"]);
    let name = shell.object_name()?;
    let columns = match shell.names_before_as(false)? {
        Some(columns) => columns,
        None => {
            shell.need("as")?;
            vec![]
        }
    };
    let query = query_from(&shell, parser)?;
    Ok(CreateView {
        name,
        temporary,
        or_replace,
        if_not_exists,
        columns,
        query,
    })
}

pub(crate) fn drop(text: &str, tokens: &[Token<'_>]) -> Result<DropView> {
    let mut shell = Shell::new(text, tokens);
    shell.need("drop")?;
    shell.need("view")?;
    let if_exists = shell.take_all(&["if", "exists"]);
    let name = shell.object_name()?;
    if shell.take_symbol(',') {
        return Err(Error::not_supported("DROP of several views at once"));
    }
    if shell.take("cascade") {
        return Err(Error::not_supported("DROP VIEW … CASCADE"));
    }
    let _ = shell.take("restrict");
    shell.finish()?;
    Ok(DropView { name, if_exists })
}
