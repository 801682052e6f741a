//! Statements about the session: recognised by their tokens, answered by the gateway, never sent to
//! DuckDB.

use model::{Error, ErrorKind, Result};

use crate::lexer::{Token, TokenKind, tokens};
use crate::prepare::{self, ExecuteStatement, PrepareStatement};

/// A statement about the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStatement {
    /// BEGIN or START TRANSACTION.
    Begin {
        /// READ ONLY or READ WRITE, where given.
        read_only: Option<bool>,
    },
    /// COMMIT or END.
    Commit,
    /// ROLLBACK or ABORT.
    Rollback,
    /// SET name = value, SET TIME ZONE, SET NAMES.
    Set {
        /// The setting, lowercase.
        name: String,
        /// Its new value.
        value: SettingValue,
        /// Whether it ends with the transaction (SET LOCAL).
        local: bool,
    },
    /// SET TRANSACTION …, SET SESSION CHARACTERISTICS AS TRANSACTION ….
    SetTransaction {
        /// READ ONLY or READ WRITE, where given.
        read_only: Option<bool>,
        /// ISOLATION LEVEL, lowercase, where given.
        isolation: Option<String>,
        /// Whether it is for all transactions of the session to come.
        session: bool,
    },
    /// RESET name.
    Reset(String),
    /// RESET ALL.
    ResetAll,
    /// SHOW name.
    Show(String),
    /// SHOW ALL.
    ShowAll,
    /// DISCARD.
    Discard(Discard),
    /// DEALLOCATE name, or all where `None`.
    Deallocate(Option<String>),
    /// CLOSE ALL.
    CloseAll,
    /// UNLISTEN.
    Unlisten,
    /// PREPARE name AS statement.
    Prepare(PrepareStatement),
    /// EXECUTE name.
    Execute(ExecuteStatement),
    /// EXPLAIN POLICY [FOR principal] statement.
    ExplainPolicy {
        /// Who is to be thought of as asking; the asker where not given.
        principal: Option<String>,
        /// The statement's text.
        statement: String,
    },
}

/// The value of a SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// DEFAULT.
    Default,
    /// The value's text; items of a list are joined by `, `.
    Text(String),
}

/// What DISCARD throws away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temp,
}

/// Recognises a session statement; `None` for anything else.
///
/// # Errors
/// `Syntax` where it begins as one and does not end as one; `NotSupported` for those that Eider
/// does not have, such as SAVEPOINT.
pub fn session_statement(text: &str) -> Result<Option<SessionStatement>> {
    let tokens = tokens(text)?;
    let Some(first) = tokens.first() else {
        return Ok(None);
    };
    if first.kind != TokenKind::Word {
        return Ok(None);
    }
    let mut words = Words {
        tokens: &tokens,
        at: 1,
        end: text.len(),
    };
    let statement = match first.text.to_ascii_lowercase().as_str() {
        "begin" => {
            let _ = words.take("transaction") || words.take("work");
            words.begin()?
        }
        "start" => {
            words.need("transaction")?;
            words.begin()?
        }
        "commit" | "end" => {
            words.transaction_end()?;
            SessionStatement::Commit
        }
        "rollback" | "abort" => {
            words.transaction_end()?;
            SessionStatement::Rollback
        }
        "set" => words.set()?,
        "reset" => words.reset()?,
        "show" => match words.show()? {
            Some(statement) => statement,
            None => return Ok(None),
        },
        "discard" => SessionStatement::Discard(words.discard()?),
        "deallocate" => {
            let _ = words.take("prepare");
            SessionStatement::Deallocate(if words.take("all") {
                None
            } else {
                Some(words.name()?)
            })
        }
        "close" if words.take("all") => SessionStatement::CloseAll,
        "unlisten" => {
            if !words.take_symbol('*') {
                words.name()?;
            }
            SessionStatement::Unlisten
        }
        "explain" if words.take("policy") => {
            let principal = match words.take("for") {
                true => Some(words.name()?),
                false => None,
            };
            let start = words.peek().ok_or_else(|| words.unexpected())?.start;
            words.at = tokens.len();
            SessionStatement::ExplainPolicy {
                principal,
                statement: text[start..].to_owned(),
            }
        }
        "prepare" => {
            return prepare::prepare(text, &tokens).map(|p| Some(SessionStatement::Prepare(p)));
        }
        "execute" => {
            return prepare::execute(text, &tokens).map(|e| Some(SessionStatement::Execute(e)));
        }
        word @ ("savepoint" | "release") => {
            return Err(Error::not_supported(word.to_ascii_uppercase())
                .with_hint("DuckDB has no savepoints; use one transaction"));
        }
        word @ ("listen" | "notify" | "declare" | "fetch" | "move" | "close" | "lock" | "copy"
        | "grant" | "revoke") => {
            return Err(Error::not_supported(word.to_ascii_uppercase()));
        }
        _ => return Ok(None),
    };
    words.finish()?;
    Ok(Some(statement))
}

struct Words<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    end: usize,
}

impl Words<'_, '_> {
    fn peek(&self) -> Option<&Token<'_>> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.is_word(keyword));
        self.at += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: char) -> bool {
        let found = self.peek().is_some_and(|t| t.is_symbol(symbol));
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, keyword: &str) -> Result<()> {
        if self.take(keyword) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> Error {
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

    fn finish(&self) -> Result<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn name(&mut self) -> Result<String> {
        let name = self
            .peek()
            .and_then(Token::name)
            .ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(name)
    }

    /// A setting's name: `a` or `a.b`.
    fn setting(&mut self) -> Result<String> {
        let mut name = self.name()?.to_ascii_lowercase();
        while self.take_symbol('.') {
            name = format!("{name}.{}", self.name()?.to_ascii_lowercase());
        }
        Ok(name)
    }

    fn transaction_end(&mut self) -> Result<()> {
        let _ = self.take("transaction") || self.take("work");
        if self.take("to") {
            return Err(Error::not_supported("ROLLBACK TO SAVEPOINT"));
        }
        if self.take("prepared") {
            return Err(Error::not_supported("a two-phase commit"));
        }
        if self.take("and") {
            let none = self.take("no");
            self.need("chain")?;
            if !none {
                return Err(Error::not_supported("AND CHAIN"));
            }
        }
        Ok(())
    }

    /// Every transaction reads one snapshot, which all levels but the highest allow.
    fn begin(&mut self) -> Result<SessionStatement> {
        let (read_only, isolation) = self.transaction_modes()?;
        if isolation.as_deref() == Some("serializable") {
            return Err(Error::not_supported("isolation level serializable")
                .with_hint("every transaction has snapshot isolation, as repeatable read"));
        }
        Ok(SessionStatement::Begin { read_only })
    }

    fn transaction_modes(&mut self) -> Result<(Option<bool>, Option<String>)> {
        let (mut read_only, mut isolation) = (None, None);
        while self.peek().is_some() {
            if self.take("isolation") {
                self.need("level")?;
                isolation = Some(self.isolation_level()?);
            } else if self.take("read") {
                read_only = Some(self.take("only"));
                if read_only == Some(false) {
                    self.need("write")?;
                }
            } else if self.take("not") {
                self.need("deferrable")?;
            } else if !self.take("deferrable") {
                return Err(self.unexpected());
            }
            let _ = self.take_symbol(',');
        }
        Ok((read_only, isolation))
    }

    fn isolation_level(&mut self) -> Result<String> {
        let level = if self.take("serializable") {
            "serializable"
        } else if self.take("repeatable") {
            self.need("read")?;
            "repeatable read"
        } else {
            self.need("read")?;
            if self.take("committed") {
                "read committed"
            } else {
                self.need("uncommitted")?;
                "read uncommitted"
            }
        };
        Ok(level.to_owned())
    }

    fn set(&mut self) -> Result<SessionStatement> {
        if self.take("transaction") {
            return self.set_transaction(false);
        }
        for scope in ["global", "variable"] {
            if self.take(scope) {
                return Err(Error::not_supported(format_args!(
                    "SET {}",
                    scope.to_ascii_uppercase()
                )));
            }
        }
        let local = self.take("local");
        if !local && self.take("session") {
            if self.take("characteristics") {
                self.need("as")?;
                self.need("transaction")?;
                return self.set_transaction(true);
            }
            if self.take("authorization") {
                return Err(Error::not_supported("SET SESSION AUTHORIZATION"));
            }
        }
        if self.take("role") {
            return Err(Error::not_supported("SET ROLE"));
        }
        let name = if self.take("time") {
            self.need("zone")?;
            let value = self.value()?;
            let value = match &value {
                SettingValue::Text(text) if text.eq_ignore_ascii_case("local") => {
                    SettingValue::Default
                }
                _ => value,
            };
            return Ok(SessionStatement::Set {
                name: "timezone".to_owned(),
                value,
                local,
            });
        } else if self.take("names") {
            "client_encoding".to_owned()
        } else if self.take("schema") {
            "search_path".to_owned()
        } else {
            let name = self.setting()?;
            if !self.take_symbol('=') {
                self.need("to")?;
            }
            name
        };
        let value = self.value()?;
        Ok(SessionStatement::Set { name, value, local })
    }

    fn set_transaction(&mut self, session: bool) -> Result<SessionStatement> {
        if self.peek().is_none() {
            return Err(self.unexpected());
        }
        let (read_only, isolation) = self.transaction_modes()?;
        Ok(SessionStatement::SetTransaction {
            read_only,
            isolation,
            session,
        })
    }

    fn value(&mut self) -> Result<SettingValue> {
        if self.take("default") {
            return Ok(SettingValue::Default);
        }
        let mut items = vec![self.item()?];
        while self.take_symbol(',') {
            items.push(self.item()?);
        }
        Ok(SettingValue::Text(items.join(", ")))
    }

    fn item(&mut self) -> Result<String> {
        let sign = if self.take_symbol('-') { "-" } else { "" };
        let _ = self.take_symbol('+');
        let token = *self.peek().ok_or_else(|| self.unexpected())?;
        let text = match token.kind {
            TokenKind::Word | TokenKind::Number => token.text.to_owned(),
            TokenKind::QuotedName => token.name().unwrap_or_default(),
            TokenKind::Text if token.text.starts_with('\'') => {
                token.text[1..token.text.len() - 1].replace("''", "'")
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(format!("{sign}{text}"))
    }

    fn reset(&mut self) -> Result<SessionStatement> {
        if self.take("all") {
            return Ok(SessionStatement::ResetAll);
        }
        if self.take("role") {
            return Err(Error::not_supported("RESET ROLE"));
        }
        Ok(SessionStatement::Reset(self.setting()?))
    }

    /// `None` for SHOW TABLES and the like, which ask about the catalog.
    fn show(&mut self) -> Result<Option<SessionStatement>> {
        if self.take("all") {
            let about_tables = self.take("tables");
            return Ok((!about_tables).then_some(SessionStatement::ShowAll));
        }
        for object in ["tables", "databases", "schemas", "columns"] {
            if self.take(object) {
                return Ok(None);
            }
        }
        if self.take("time") {
            self.need("zone")?;
            return Ok(Some(SessionStatement::Show("timezone".to_owned())));
        }
        if self.take("transaction") {
            self.need("isolation")?;
            self.need("level")?;
            return Ok(Some(SessionStatement::Show(
                "transaction_isolation".to_owned(),
            )));
        }
        if self.take("session") {
            self.need("authorization")?;
            return Ok(Some(SessionStatement::Show(
                "session_authorization".to_owned(),
            )));
        }
        self.setting()
            .map(|name| Some(SessionStatement::Show(name)))
    }

    fn discard(&mut self) -> Result<Discard> {
        for (word, what) in [
            ("all", Discard::All),
            ("plans", Discard::Plans),
            ("sequences", Discard::Sequences),
            ("temp", Discard::Temp),
            ("temporary", Discard::Temp),
        ] {
            if self.take(word) {
                return Ok(what);
            }
        }
        Err(self.unexpected())
    }
}
