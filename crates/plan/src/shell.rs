//! Statements that DuckDB does not serialise: their shell is read here, over tokens, form by form;
//! each query, type or expression inside is cut out by its offsets and read by DuckDB. What is not
//! understood is refused.

use model::{Error, ErrorKind, Result};
use serde_json::Value;
use tree::Parser;

use crate::inquiry::blanked;
use crate::lexer::{Token, TokenKind};
use crate::statement::{
    ColumnDefinition, CreateTable, DropTable, Key, KeyKind, ObjectName, TableBody, query,
};

pub(crate) fn create_table(
    text: &str,
    tokens: &[Token<'_>],
    parser: &Parser,
) -> Result<CreateTable> {
    let mut shell = Shell::new(text, tokens);
    shell.need("create")?;
    let or_replace = shell.take_all(&["or", "replace"]);
    let temporary = shell.take_temporary()?;
    if !shell.take("table") {
        return Err(shell.refused_object("CREATE"));
    }
    let if_not_exists = shell.take_all(&["if", "not", "exists"]);
    let name = shell.object_name()?;
    shell.take_on_commit(temporary)?;
    let body = if shell.take("as") {
        shell.table_query(vec![], parser)?
    } else if let Some(columns) = shell.names_before_as(temporary)? {
        shell.table_query(columns, parser)?
    } else {
        shell.need_symbol('(')?;
        let body = shell.table_columns(parser)?;
        shell.take_on_commit(temporary)?;
        shell.finish()?;
        body
    };
    Ok(CreateTable {
        name,
        temporary,
        or_replace,
        if_not_exists,
        body,
    })
}

pub(crate) fn drop_table(text: &str, tokens: &[Token<'_>]) -> Result<DropTable> {
    let mut shell = Shell::new(text, tokens);
    shell.need("drop")?;
    if !shell.take("table") {
        return Err(shell.refused_object("DROP"));
    }
    let if_exists = shell.take_all(&["if", "exists"]);
    let name = shell.object_name()?;
    if shell.take_symbol(',') {
        return Err(Error::not_supported("DROP of several tables at once"));
    }
    if shell.take("cascade") {
        return Err(Error::not_supported("DROP TABLE … CASCADE"));
    }
    let _ = shell.take("restrict");
    shell.finish()?;
    Ok(DropTable { name, if_exists })
}

/// What is left, as a query.
pub(crate) fn query_from(
    shell: &Shell<'_, '_>,
    parser: &Parser,
) -> Result<crate::statement::Query> {
    let start = shell.peek().ok_or_else(|| shell.unexpected())?.start;
    query(&blanked(&shell.text[..shell.end], start, ""), parser)
}

/// A statement's tokens, and how far they have been read.
pub(crate) struct Shell<'t, 'a> {
    pub(crate) text: &'a str,
    tokens: &'t [Token<'a>],
    at: usize,
    end: usize,
}

impl<'t, 'a> Shell<'t, 'a> {
    pub(crate) fn new(text: &'a str, tokens: &'t [Token<'a>]) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            end: tokens.last().map_or(0, Token::end),
        }
    }

    pub(crate) fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    pub(crate) fn ahead(&self, n: usize) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at + n)
    }

    /// Where the next token begins, or the text ends.
    pub(crate) fn position(&self) -> usize {
        self.peek().map_or(self.end, |t| t.start)
    }

    pub(crate) fn skip(&mut self) {
        self.at += 1;
    }

    pub(crate) fn at_symbol(&self, symbol: char) -> bool {
        self.peek().is_some_and(|t| t.is_symbol(symbol))
    }

    /// Whether this keyword is next, and not the last part of a name.
    pub(crate) fn at_word(&self, keyword: &str) -> bool {
        let behind_dot = self.before().is_some_and(|t| t.is_symbol('.'));
        !behind_dot && self.peek().is_some_and(|t| t.is_word(keyword))
    }

    pub(crate) fn at_words(&self, first: &str, second: &str) -> bool {
        self.at_word(first) && self.ahead(1).is_some_and(|t| t.is_word(second))
    }

    /// Whether one of these clauses begins here: FROM does not, in IS DISTINCT FROM.
    pub(crate) fn at_clause(&self, keywords: &[&str]) -> bool {
        let distinct = self.before().is_some_and(|t| t.is_word("distinct"));
        keywords
            .iter()
            .any(|k| self.at_word(k) && !(distinct && *k == "from"))
    }

    /// How many `?` begin in this part of the text.
    pub(crate) fn question_marks(&self, range: std::ops::Range<usize>) -> usize {
        let inside = self.tokens.iter().filter(|t| range.contains(&t.start));
        inside
            .filter(|t| t.kind == TokenKind::Parameter && t.text == "?")
            .count()
    }

    /// Whether there are parameters in this part of the text.
    pub(crate) fn has_parameters(&self, range: std::ops::Range<usize>) -> bool {
        let mut inside = self.tokens.iter().filter(|t| range.contains(&t.start));
        inside.any(|t| t.kind == TokenKind::Parameter)
    }

    fn before(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at.checked_sub(1)?)
    }

    pub(crate) fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.is_word(keyword));
        self.at += usize::from(found);
        found
    }

    pub(crate) fn take_all(&mut self, keywords: &[&str]) -> bool {
        let found = keywords
            .iter()
            .enumerate()
            .all(|(i, k)| self.ahead(i).is_some_and(|t| t.is_word(k)));
        self.at += if found { keywords.len() } else { 0 };
        found
    }

    pub(crate) fn take_symbol(&mut self, symbol: char) -> bool {
        let found = self.peek().is_some_and(|t| t.is_symbol(symbol));
        self.at += usize::from(found);
        found
    }

    pub(crate) fn need(&mut self, keyword: &str) -> Result<()> {
        if self.take(keyword) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(crate) fn need_symbol(&mut self, symbol: char) -> Result<()> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(crate) fn unexpected(&self) -> Error {
        match self.peek() {
            Some(token) => Error::new(
                ErrorKind::Syntax,
                format!("syntax error at or near \"{}\"", token.text),
            )
            .with_position(token.start),
            None => Error::new(ErrorKind::Syntax, "syntax error at end of input")
                .with_position(self.end),
        }
    }

    pub(crate) fn refused_object(&self, verb: &str) -> Error {
        match self.peek() {
            Some(token) if token.kind == TokenKind::Word => {
                Error::not_supported(format_args!("{verb} {}", token.text.to_ascii_uppercase()))
            }
            _ => self.unexpected(),
        }
    }

    pub(crate) fn finish(&self) -> Result<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(crate) fn name(&mut self) -> Result<String> {
        let name = self
            .peek()
            .and_then(Token::name)
            .filter(|n| !n.is_empty())
            .ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(name)
    }

    /// Names up to a closing parenthesis.
    pub(crate) fn names(&mut self) -> Result<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.take_symbol(',') {
            names.push(self.name()?);
        }
        self.need_symbol(')')?;
        Ok(names)
    }

    pub(crate) fn object_name(&mut self) -> Result<ObjectName> {
        let position = self.peek().map_or(self.end, |t| t.start);
        let mut parts = vec![self.name()?];
        while self.take_symbol('.') {
            parts.push(self.name()?);
        }
        if parts.len() > 3 {
            return Err(
                Error::new(ErrorKind::Syntax, "a name has at most three parts")
                    .with_position(position),
            );
        }
        Ok(ObjectName { parts, position })
    }

    /// Takes TEMPORARY in any of its spellings; LOCAL and GLOBAL before it mean nothing, as in
    /// PostgreSQL.
    pub(crate) fn take_temporary(&mut self) -> Result<bool> {
        let behind = self.ahead(1);
        let behind = behind.is_some_and(|t| t.is_word("temp") || t.is_word("temporary"));
        if behind && !self.take("local") {
            let _ = self.take("global");
        }
        if self.peek().is_some_and(|t| t.is_word("unlogged")) {
            return Err(Error::not_supported("an UNLOGGED table"));
        }
        Ok(self.take("temp") || self.take("temporary"))
    }

    /// Takes ON COMMIT PRESERVE ROWS, which is what temporary tables do here.
    fn take_on_commit(&mut self, temporary: bool) -> Result<()> {
        if !(temporary && self.take_all(&["on", "commit"])) {
            return Ok(());
        }
        if self.take_all(&["preserve", "rows"]) {
            return Ok(());
        }
        match self.peek() {
            Some(token) if token.is_word("delete") || token.is_word("drop") => {
                Err(Error::not_supported("ON COMMIT other than PRESERVE ROWS")
                    .with_position(token.start))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `(a, b) as`, or nothing taken. A table that is `temporary` may say ON COMMIT before AS.
    pub(crate) fn names_before_as(&mut self, temporary: bool) -> Result<Option<Vec<String>>> {
        let start = self.at;
        if self.take_symbol('(')
            && let Ok(names) = self.names()
            && self.take_on_commit(temporary).is_ok()
            && self.take("as")
        {
            return Ok(Some(names));
        }
        self.at = start;
        Ok(None)
    }

    fn table_query(&mut self, columns: Vec<String>, parser: &Parser) -> Result<TableBody> {
        let no_data = self.with_data()?;
        let query = query_from(self, parser)?;
        Ok(TableBody::Query {
            columns,
            query,
            no_data,
        })
    }

    /// Cuts `with [no] data` off the end.
    fn with_data(&mut self) -> Result<bool> {
        let word = |back: usize, keyword: &str| {
            self.tokens
                .len()
                .checked_sub(back)
                .and_then(|i| self.tokens.get(i))
                .is_some_and(|t| t.is_word(keyword))
        };
        let (no_data, count) = if word(1, "data") && word(2, "no") && word(3, "with") {
            (true, 3)
        } else if word(1, "data") && word(2, "with") {
            (false, 2)
        } else {
            return Ok(false);
        };
        self.tokens = &self.tokens[..self.tokens.len() - count];
        self.end = self.tokens.last().map_or(0, Token::end);
        if self.at >= self.tokens.len() {
            return Err(self.unexpected());
        }
        Ok(no_data)
    }

    fn table_columns(&mut self, parser: &Parser) -> Result<TableBody> {
        let (mut columns, mut keys) = (vec![], vec![]);
        loop {
            match self.peek() {
                Some(t) if t.is_word("primary") || t.is_word("unique") => {
                    keys.push(self.table_key()?)
                }
                Some(t)
                    if ["constraint", "check", "foreign", "like", "exclude"]
                        .iter()
                        .any(|w| t.is_word(w)) =>
                {
                    return Err(Error::not_supported(format_args!(
                        "{} in CREATE TABLE",
                        t.text.to_ascii_uppercase()
                    ))
                    .with_position(t.start));
                }
                _ => columns.push(self.column(parser)?),
            }
            if !self.take_symbol(',') {
                break;
            }
        }
        self.need_symbol(')')?;
        Ok(TableBody::Columns { columns, keys })
    }

    fn table_key(&mut self) -> Result<Key> {
        let kind = self.key_kind()?.ok_or_else(|| self.unexpected())?;
        self.need_symbol('(')?;
        Ok(Key {
            kind,
            columns: self.names()?,
        })
    }

    fn key_kind(&mut self) -> Result<Option<KeyKind>> {
        if self.take("unique") {
            return Ok(Some(KeyKind::Unique));
        }
        if self.take("primary") {
            self.need("key")?;
            return Ok(Some(KeyKind::Primary));
        }
        Ok(None)
    }

    pub(crate) fn column(&mut self, parser: &Parser) -> Result<ColumnDefinition> {
        let name = self.name()?;
        let text = self.run(|t| {
            [
                "not",
                "null",
                "primary",
                "unique",
                "default",
                "check",
                "references",
                "collate",
                "constraint",
                "generated",
                "as",
                "using",
            ]
            .iter()
            .any(|w| t.is_word(w))
        })?;
        let type_cast = expression(&format!("cast(null as {text}\n)"), parser)?;
        let mut column = ColumnDefinition {
            name,
            type_cast,
            not_null: false,
            key: None,
            default: None,
        };
        loop {
            if self.take_all(&["not", "null"]) {
                column.not_null = true;
            } else if self.take("null") {
            } else if let Some(kind) = self.key_kind()? {
                column.key = Some(kind);
            } else if self.take("default") {
                let text = self.run(|t| {
                    [
                        "not",
                        "primary",
                        "unique",
                        "check",
                        "references",
                        "collate",
                        "constraint",
                        "generated",
                    ]
                    .iter()
                    .any(|w| t.is_word(w))
                })?;
                column.default = Some(expression(text, parser)?);
            } else if self
                .peek()
                .is_none_or(|t| t.is_symbol(',') || t.is_symbol(')'))
            {
                return Ok(column);
            } else {
                let word = self.peek().map_or("", |t| t.text);
                return Err(Error::not_supported(format_args!(
                    "{} of a column",
                    word.to_ascii_uppercase()
                )));
            }
        }
    }

    /// The text of balanced tokens up to a comma, a closing parenthesis or `stop` outside of them.
    pub(crate) fn run(&mut self, stop: impl Fn(&Token<'_>) -> bool) -> Result<&'a str> {
        let first = self.peek().ok_or_else(|| self.unexpected())?;
        let mut depth = 0_usize;
        let mut end = first.start;
        while let Some(token) = self.peek() {
            match token.kind {
                TokenKind::Symbol('(' | '[') => depth += 1,
                TokenKind::Symbol(')' | ']') if depth > 0 => depth -= 1,
                TokenKind::Symbol(')' | ',') if depth == 0 => break,
                _ if depth == 0 && end > first.start && stop(token) => break,
                _ => {}
            }
            end = token.end();
            self.at += 1;
        }
        if end == first.start {
            return Err(self.unexpected());
        }
        Ok(&self.text[first.start..end])
    }
}

/// Reads a run of tokens as one expression and nothing else.
///
/// The newline ends a comment that the run might end with.
pub(crate) fn expression(text: &str, parser: &Parser) -> Result<Value> {
    match bare_select(&format!("SELECT ({text}\n)"), parser)? {
        (mut items, from) if items.len() == 1 && from["type"] == "EMPTY" => Ok(items.remove(0)),
        _ => Err(not_bare()),
    }
}

/// Reads a SELECT that has a list and perhaps a FROM, but no other clause: both of them.
pub(crate) fn bare_select(text: &str, parser: &Parser) -> Result<(Vec<Value>, Value)> {
    let mut tree = parser.parse(text)?;
    tree::check(&tree)?;
    let bare = serde_json::json!({
        "type": "SELECT_NODE", "modifiers": [], "cte_map": {"map": []}, "where_clause": null,
        "group_expressions": [], "group_sets": [], "aggregate_handling": "STANDARD_HANDLING", "having": null,
        "sample": null, "qualify": null
    });
    let node = tree["node"].as_object_mut().ok_or_else(not_bare)?;
    let items = node.remove("select_list");
    let from = node.remove("from_table");
    match (items, from) {
        (Some(Value::Array(items)), Some(from)) if tree["node"] == bare => Ok((items, from)),
        _ => Err(not_bare()),
    }
}

fn not_bare() -> Error {
    Error::new(ErrorKind::Syntax, "not an expression")
}
