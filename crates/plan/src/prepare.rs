//! PREPARE and EXECUTE as SQL.

use model::{Error, ErrorKind, Result};

use crate::inquiry::blanked;
use crate::lexer::Token;

/// `prepare name [(types)] as statement`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareStatement {
    /// What it is to be called.
    pub name: String,
    /// The types of `$1`, `$2`, … as texts, as far as they are given.
    pub types: Vec<String>,
    /// The statement's text, with blanks before it: its positions are those of the whole.
    pub statement: String,
}

/// `execute name [(arguments)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecuteStatement {
    /// The prepared statement.
    pub name: String,
    /// The arguments as a query without FROM; its positions are those of the whole.
    pub arguments: Option<String>,
}

/// Reads PREPARE.
pub(crate) fn prepare(text: &str, tokens: &[Token<'_>]) -> Result<PrepareStatement> {
    let reader = Reader { text, tokens };
    let name = reader.name(1)?;
    if reader.is_word(1, "transaction") && !reader.is_word(2, "as") {
        return Err(Error::not_supported("a two-phase commit"));
    }
    let mut at = 2;
    let mut types = vec![];
    if reader.is_symbol(2, '(') {
        let close = reader.close(2)?;
        let mut begin = 3;
        for end in reader.commas(3, close).chain([close]) {
            types.push(reader.piece(begin, end)?.to_owned());
            begin = end + 1;
        }
        at = close + 1;
    }
    if !reader.is_word(at, "as") {
        return Err(reader.unexpected(at));
    }
    let first = tokens
        .get(at + 1)
        .ok_or_else(|| reader.unexpected(at + 1))?;
    Ok(PrepareStatement {
        name,
        types,
        statement: blanked(text, first.start, ""),
    })
}

/// Reads EXECUTE.
pub(crate) fn execute(text: &str, tokens: &[Token<'_>]) -> Result<ExecuteStatement> {
    let reader = Reader { text, tokens };
    let name = reader.name(1)?;
    if tokens.len() == 2 {
        return Ok(ExecuteStatement {
            name,
            arguments: None,
        });
    }
    if !reader.is_symbol(2, '(') {
        return Err(reader.unexpected(2));
    }
    let close = reader.close(2)?;
    if close + 1 < tokens.len() {
        return Err(reader.unexpected(close + 1));
    }
    reader.piece(3, close)?;
    let (start, end) = (tokens[2].end(), tokens[close].start);
    Ok(ExecuteStatement {
        name,
        arguments: Some(blanked(&text[..end], start, "select")),
    })
}

struct Reader<'t, 'a> {
    text: &'a str,
    tokens: &'t [Token<'a>],
}

impl<'a> Reader<'_, 'a> {
    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|t| t.is_word(word))
    }

    fn is_symbol(&self, at: usize, symbol: char) -> bool {
        self.tokens.get(at).is_some_and(|t| t.is_symbol(symbol))
    }

    fn name(&self, at: usize) -> Result<String> {
        let name = self.tokens.get(at).and_then(Token::name);
        name.filter(|n| !n.is_empty())
            .ok_or_else(|| self.unexpected(at))
    }

    /// Where the parenthesis that opens at `open` closes.
    fn close(&self, open: usize) -> Result<usize> {
        let mut depth = 0_usize;
        for (i, token) in self.tokens.iter().enumerate().skip(open) {
            depth += usize::from(token.is_symbol('('));
            if token.is_symbol(')') {
                depth -= 1;
                if depth == 0 {
                    return Ok(i);
                }
            }
        }
        Err(self.unexpected(self.tokens.len()))
    }

    /// The commas between two tokens that are in no parenthesis.
    fn commas(&self, begin: usize, end: usize) -> impl Iterator<Item = usize> {
        let mut depth = 0_usize;
        (begin..end).filter(move |i| {
            let token = &self.tokens[*i];
            depth += usize::from(token.is_symbol('('));
            depth -= usize::from(token.is_symbol(')'));
            depth == 0 && token.is_symbol(',')
        })
    }

    /// The text of the tokens from `begin` to before `end`, of which there must be some.
    fn piece(&self, begin: usize, end: usize) -> Result<&'a str> {
        if begin >= end {
            return Err(self.unexpected(begin));
        }
        Ok(&self.text[self.tokens[begin].start..self.tokens[end - 1].end()])
    }

    fn unexpected(&self, at: usize) -> Error {
        match self.tokens.get(at) {
            Some(token) => Error::new(
                ErrorKind::Syntax,
                format!("syntax error at or near \"{}\"", token.text),
            )
            .with_position(token.start),
            None => Error::new(ErrorKind::Syntax, "syntax error at end of input")
                .with_position(self.text.len()),
        }
    }
}
