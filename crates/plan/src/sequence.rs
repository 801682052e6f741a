//! CREATE SEQUENCE.

use model::{Error, ErrorKind, Result};

use crate::ddl::Ddl;
use crate::lexer::{Token, TokenKind};
use crate::shell::Shell;

/// How a sequence counts. What is `None` is DuckDB's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceOptions {
    /// START WITH.
    pub start: Option<i64>,
    /// INCREMENT BY.
    pub increment: Option<i64>,
    /// MINVALUE.
    pub min: Option<i64>,
    /// MAXVALUE.
    pub max: Option<i64>,
    /// CYCLE.
    pub cycle: bool,
}

/// Whether a statement that begins with CREATE makes a sequence.
pub(crate) fn is_create(tokens: &[Token<'_>]) -> bool {
    let before = ["or", "replace", "local", "global", "temp", "temporary"];
    let mut words = tokens.iter().skip(1);
    let what = words.find(|t| !before.iter().any(|w| t.is_word(w)));
    what.is_some_and(|t| t.is_word("sequence"))
}

/// Reads `create [or replace] sequence [if not exists] name …` up to its end.
pub(crate) fn create(shell: &mut Shell<'_, '_>) -> Result<Ddl> {
    shell.need("create")?;
    let or_replace = shell.take_all(&["or", "replace"]);
    if shell.take_temporary()? {
        return Err(Error::not_supported("a temporary sequence"));
    }
    shell.need("sequence")?;
    let if_not_exists = shell.take_all(&["if", "not", "exists"]);
    let name = shell.object_name()?;
    let mut options = SequenceOptions::default();
    let mut given = Vec::new();
    while let Some(token) = shell.peek() {
        let option = option(shell, &mut options)?;
        if given.contains(&option) {
            return Err(Error::new(
                ErrorKind::Syntax,
                format!("{option} is given more than once"),
            )
            .with_position(token.start));
        }
        given.push(option);
    }
    Ok(Ddl::CreateSequence {
        name,
        or_replace,
        if_not_exists,
        options,
    })
}

/// Reads one option, and says which it is.
fn option(shell: &mut Shell<'_, '_>, options: &mut SequenceOptions) -> Result<&'static str> {
    if shell.take("start") {
        let _ = shell.take("with");
        options.start = Some(number(shell)?);
        return Ok("START");
    }
    if shell.take("increment") {
        let _ = shell.take("by");
        options.increment = Some(number(shell)?);
        return Ok("INCREMENT");
    }
    let no = shell.take("no");
    if shell.take("cycle") {
        options.cycle = !no;
        return Ok("CYCLE");
    }
    for (word, name) in [("minvalue", "MINVALUE"), ("maxvalue", "MAXVALUE")] {
        if shell.take(word) {
            let bound = (!no).then(|| number(shell)).transpose()?;
            match name {
                "MINVALUE" => options.min = bound,
                _ => options.max = bound,
            }
            return Ok(name);
        }
    }
    let other = ["as", "cache", "owned"];
    match shell.peek() {
        Some(token) if !no && other.iter().any(|w| token.is_word(w)) => {
            let word = token.text.to_ascii_uppercase();
            Err(Error::not_supported(format_args!("{word} of a sequence"))
                .with_position(token.start))
        }
        _ => Err(shell.unexpected()),
    }
}

/// A whole number, with or without a sign.
fn number(shell: &mut Shell<'_, '_>) -> Result<i64> {
    let position = shell.position();
    let sign = match shell.take_symbol('-') {
        true => "-",
        false => {
            let _ = shell.take_symbol('+');
            ""
        }
    };
    let digits = shell.peek().filter(|t| t.kind == TokenKind::Number);
    let digits = digits.ok_or_else(|| shell.unexpected())?.text;
    shell.skip();
    format!("{sign}{digits}").parse().map_err(|_| {
        Error::new(
            ErrorKind::Syntax,
            "an option of a sequence is a whole number of 64 bits",
        )
        .with_position(position)
    })
}
