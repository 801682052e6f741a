//! DuckDB's lexical grammar, as far as it decides where a statement, a string or a comment ends.
//!
//! Nothing is authorised by these tokens: each piece they cut out is read again by DuckDB as
//! exactly one statement, so a difference between the two lexers gives an error and no hole.

use model::{Error, ErrorKind, Result};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// A name in double quotes.
    QuotedName,
    /// A string in any of its forms.
    Text,
    /// A number.
    Number,
    /// `$1` or `?`.
    Parameter,
    /// Any other single character.
    Symbol(char),
}

/// A token of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Its own text.
    pub text: &'a str,
    /// Where it begins: a byte offset.
    pub start: usize,
}

impl Token<'_> {
    /// Where it ends: the byte offset after it.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword, in any case.
    pub fn is_word(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is this character.
    pub fn is_symbol(&self, symbol: char) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }

    /// The name that a word or quoted name stands for: words fold to lowercase, as in PostgreSQL.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_owned()),
            TokenKind::QuotedName => Some(self.text[1..self.text.len() - 1].replace("\"\"", "\"")),
            _ => None,
        }
    }
}

/// Splits a text into tokens; comments and white space are left out.
///
/// # Errors
/// `Syntax` for a string, name or comment that does not end; `CharacterNotInRepertoire` for NUL.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>> {
    if let Some(at) = text.find('\0') {
        let nul = Error::new(
            ErrorKind::CharacterNotInRepertoire,
            "a statement can't hold the character NUL",
        );
        return Err(nul.with_position(at));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(None);
        };
        let kind = match first {
            '\'' => {
                self.quoted('\'', "string")?;
                TokenKind::Text
            }
            '"' => {
                self.quoted('"', "quoted name")?;
                TokenKind::QuotedName
            }
            '$' => self.dollar()?,
            '?' => {
                self.at += 1;
                TokenKind::Parameter
            }
            c if c.is_ascii_digit() => {
                self.number();
                TokenKind::Number
            }
            c if is_word_start(c) => self.word()?,
            c => {
                self.at += c.len_utf8();
                TokenKind::Symbol(c)
            }
        };
        Ok(Some(Token {
            kind,
            text: &self.text[start..self.at],
            start,
        }))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest
                .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c', '\u{a0}', '\u{feff}']);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn block_comment(&mut self) -> Result<()> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        while self.at < bytes.len() {
            match (bytes[self.at], bytes.get(self.at + 1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.at += 1,
            }
        }
        Err(unterminated("comment", start))
    }

    fn quoted(&mut self, quote: char, what: &str) -> Result<()> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.rest().find(quote) {
                None => return Err(unterminated(what, start)),
                Some(n) => {
                    self.at += n + 1;
                    if !self.rest().starts_with(quote) {
                        return Ok(());
                    }
                    self.at += 1;
                }
            }
        }
    }

    /// `e'…'`: a backslash takes the next character along.
    fn escaped(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            match bytes[self.at] {
                b'\\' => self.at += 2,
                b'\'' if bytes.get(self.at + 1) == Some(&b'\'') => self.at += 2,
                b'\'' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
        Err(unterminated("string", start))
    }

    fn dollar(&mut self) -> Result<TokenKind> {
        let start = self.at;
        let rest = self.rest();
        let tag_len = rest[1..]
            .find(|c: char| !(is_word_start(c) || c.is_ascii_digit()))
            .unwrap_or(rest.len() - 1);
        let tag = &rest[1..=tag_len];
        let opens =
            rest[1 + tag_len..].starts_with('$') && !tag.starts_with(|c: char| c.is_ascii_digit());
        if !opens {
            self.at += 1 + tag_len;
            return Ok(TokenKind::Parameter);
        }
        let fence = &rest[..tag_len + 2];
        match rest[fence.len()..].find(fence) {
            Some(n) => {
                self.at += 2 * fence.len() + n;
                Ok(TokenKind::Text)
            }
            None => Err(unterminated("dollar-quoted string", start)),
        }
    }

    fn number(&mut self) {
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            while bytes
                .get(at)
                .is_some_and(|b| b.is_ascii_digit() || *b == b'_')
            {
                at += 1;
            }
            at
        };
        self.at = digits(self.at);
        if bytes.get(self.at) == Some(&b'.') && bytes.get(self.at + 1) != Some(&b'.') {
            self.at = digits(self.at + 1);
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(self.at + 1), Some(b'+' | b'-')));
            if bytes
                .get(self.at + 1 + sign)
                .is_some_and(u8::is_ascii_digit)
            {
                self.at = digits(self.at + 1 + sign);
            }
        }
    }

    fn word(&mut self) -> Result<TokenKind> {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !(is_word_start(c) || c.is_ascii_digit() || c == '$'))
            .unwrap_or(rest.len());
        if rest[len..].starts_with('\'') && matches!(&rest[..len], "e" | "E") {
            self.at += len;
            self.escaped()?;
            return Ok(TokenKind::Text);
        }
        if rest[len..].starts_with('\'')
            && matches!(&rest[..len], "x" | "X" | "b" | "B" | "n" | "N")
        {
            self.at += len;
            self.quoted('\'', "string")?;
            return Ok(TokenKind::Text);
        }
        self.at += len;
        Ok(TokenKind::Word)
    }
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn unterminated(what: &str, start: usize) -> Error {
    Error::new(ErrorKind::Syntax, format!("unterminated {what}")).with_position(start)
}
