//! Statements about schemas, tables that are there, indexes and comments; and maintenance.

use model::{Error, Result};
use serde_json::Value;
use tree::Parser;

use crate::lexer::{Token, TokenKind};
use crate::sequence::{self, SequenceOptions};
use crate::shell::{Shell, expression};
use crate::statement::{ColumnDefinition, ObjectName};

/// A statement that defines something other than a new relation, or looks after storage.
#[derive(Debug)]
pub enum Ddl {
    /// `create schema [if not exists] name`.
    CreateSchema {
        /// The schema: one part, or a catalog before it.
        name: ObjectName,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// `drop schema [if exists] name [restrict]`.
    DropSchema {
        /// The schema: one part, or a catalog before it.
        name: ObjectName,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// `alter table [if exists] name …`.
    AlterTable {
        /// The table.
        name: ObjectName,
        /// IF EXISTS.
        if_exists: bool,
        /// What becomes of it.
        change: TableChange,
    },
    /// `create [unique] index [if not exists] index on table (columns)`.
    CreateIndex {
        /// The index's own name; it is in the table's schema.
        index: String,
        /// Its table.
        table: ObjectName,
        /// UNIQUE.
        unique: bool,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// Columns of the table.
        columns: Vec<String>,
    },
    /// `drop index [if exists] name [restrict]`.
    DropIndex {
        /// The index.
        name: ObjectName,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// `create [or replace] sequence [if not exists] name …`.
    CreateSequence {
        /// The sequence.
        name: ObjectName,
        /// OR REPLACE.
        or_replace: bool,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// How it counts.
        options: SequenceOptions,
    },
    /// `drop sequence [if exists] name [restrict]`.
    DropSequence {
        /// The sequence.
        name: ObjectName,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// `comment on … is 'text'`.
    Comment {
        /// What it is about.
        on: Commented,
        /// The relation.
        name: ObjectName,
        /// NULL takes the comment away.
        text: Option<String>,
    },
    /// `vacuum table`.
    Vacuum(ObjectName),
    /// `analyze table`.
    Analyze(ObjectName),
    /// `checkpoint [catalog]`.
    Checkpoint(Option<String>),
}

/// What becomes of a table.
#[derive(Debug)]
#[expect(missing_docs, reason = "variants and fields are SQL's words")]
pub enum TableChange {
    AddColumn {
        column: ColumnDefinition,
        if_not_exists: bool,
    },
    DropColumn {
        column: String,
        if_exists: bool,
    },
    RenameColumn {
        column: String,
        to: String,
    },
    Rename {
        to: String,
    },
    SetType {
        column: String,
        /// The type, as a tree of `cast(null as type)`.
        type_cast: Value,
    },
    SetDefault {
        column: String,
        value: Value,
    },
    DropDefault {
        column: String,
    },
    SetNotNull {
        column: String,
    },
    DropNotNull {
        column: String,
    },
    AddPrimaryKey {
        columns: Vec<String>,
    },
}

/// What a comment is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum Commented {
    Table,
    View,
    /// This column of the relation.
    Column(String),
}

/// Reads a statement that begins in one of these ways; `None` is any other.
pub(crate) fn parse(text: &str, tokens: &[Token<'_>], parser: &Parser) -> Result<Option<Ddl>> {
    let word = |n: usize, keyword: &str| tokens.get(n).is_some_and(|t| t.is_word(keyword));
    let mut shell = Shell::new(text, tokens);
    let ddl = if word(0, "create") && word(1, "schema") {
        create_schema(&mut shell)?
    } else if word(0, "drop") && word(1, "schema") {
        let (name, if_exists) = dropped(&mut shell, "SCHEMA")?;
        Ddl::DropSchema { name, if_exists }
    } else if word(0, "create") && (word(1, "index") || word(1, "unique") && word(2, "index")) {
        create_index(&mut shell)?
    } else if word(0, "drop") && word(1, "index") {
        let (name, if_exists) = dropped(&mut shell, "INDEX")?;
        Ddl::DropIndex { name, if_exists }
    } else if word(0, "create") && sequence::is_create(tokens) {
        sequence::create(&mut shell)?
    } else if word(0, "drop") && word(1, "sequence") {
        let (name, if_exists) = dropped(&mut shell, "SEQUENCE")?;
        Ddl::DropSequence { name, if_exists }
    } else if word(0, "alter") {
        alter(&mut shell, parser)?
    } else if word(0, "comment") {
        comment(&mut shell)?
    } else if word(0, "vacuum") {
        Ddl::Vacuum(maintained(&mut shell, "VACUUM")?)
    } else if word(0, "analyze") || word(0, "analyse") {
        Ddl::Analyze(maintained(&mut shell, "ANALYZE")?)
    } else if word(0, "checkpoint") {
        shell.need("checkpoint")?;
        let named = shell.peek().is_some();
        Ddl::Checkpoint(named.then(|| shell.name()).transpose()?)
    } else {
        return Ok(None);
    };
    shell.finish()?;
    Ok(Some(ddl))
}

fn create_schema(shell: &mut Shell<'_, '_>) -> Result<Ddl> {
    shell.need("create")?;
    shell.need("schema")?;
    let if_not_exists = shell.take_all(&["if", "not", "exists"]);
    let name = shell.object_name()?;
    Ok(Ddl::CreateSchema {
        name,
        if_not_exists,
    })
}

/// `drop <what> [if exists] name [restrict]`.
fn dropped(shell: &mut Shell<'_, '_>, what: &str) -> Result<(ObjectName, bool)> {
    shell.need("drop")?;
    shell.need(what)?;
    let if_exists = shell.take_all(&["if", "exists"]);
    let name = shell.object_name()?;
    if shell.take_symbol(',') {
        return Err(Error::not_supported(format_args!(
            "DROP {what} of several at once"
        )));
    }
    if shell.take("cascade") {
        return Err(Error::not_supported(format_args!("DROP {what} … CASCADE")));
    }
    let _ = shell.take("restrict");
    Ok((name, if_exists))
}

fn create_index(shell: &mut Shell<'_, '_>) -> Result<Ddl> {
    shell.need("create")?;
    let unique = shell.take("unique");
    shell.need("index")?;
    let if_not_exists = shell.take_all(&["if", "not", "exists"]);
    let index = shell.name()?;
    shell.need("on")?;
    let table = shell.object_name()?;
    if shell.take("using") {
        return Err(Error::not_supported("USING of an index"));
    }
    shell.need_symbol('(')?;
    let columns = shell
        .names()
        .map_err(|_| Error::not_supported("an index of anything but plain columns"))?;
    if shell.peek().is_some_and(|t| t.kind == TokenKind::Word) {
        return Err(Error::not_supported("options of an index"));
    }
    Ok(Ddl::CreateIndex {
        index,
        table,
        unique,
        if_not_exists,
        columns,
    })
}

fn alter(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<Ddl> {
    shell.need("alter")?;
    if !shell.take("table") {
        return Err(shell.refused_object("ALTER"));
    }
    let if_exists = shell.take_all(&["if", "exists"]);
    let _ = shell.take("only");
    let name = shell.object_name()?;
    let change = table_change(shell, parser)?;
    if shell.take_symbol(',') {
        return Err(Error::not_supported("several changes in one ALTER TABLE"));
    }
    Ok(Ddl::AlterTable {
        name,
        if_exists,
        change,
    })
}

fn table_change(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<TableChange> {
    if shell.take("add") {
        return added(shell, parser);
    }
    if shell.take("drop") {
        if shell.take("constraint") {
            return Err(Error::not_supported("ALTER TABLE … DROP CONSTRAINT"));
        }
        let _ = shell.take("column");
        let if_exists = shell.take_all(&["if", "exists"]);
        let column = shell.name()?;
        if shell.take("cascade") {
            return Err(Error::not_supported("DROP COLUMN … CASCADE"));
        }
        let _ = shell.take("restrict");
        return Ok(TableChange::DropColumn { column, if_exists });
    }
    if shell.take("rename") {
        if shell.take("to") {
            return Ok(TableChange::Rename { to: shell.name()? });
        }
        let _ = shell.take("column");
        let column = shell.name()?;
        shell.need("to")?;
        let to = shell.name()?;
        return Ok(TableChange::RenameColumn { column, to });
    }
    if shell.take("alter") {
        let _ = shell.take("column");
        let column = shell.name()?;
        return column_change(shell, column, parser);
    }
    Err(shell.refused_object("ALTER TABLE …"))
}

fn added(shell: &mut Shell<'_, '_>, parser: &Parser) -> Result<TableChange> {
    if shell.take_all(&["primary", "key"]) {
        shell.need_symbol('(')?;
        return Ok(TableChange::AddPrimaryKey {
            columns: shell.names()?,
        });
    }
    if ["constraint", "unique", "check", "foreign"]
        .iter()
        .any(|word| shell.take(word))
    {
        return Err(Error::not_supported(
            "ALTER TABLE … ADD of a constraint other than PRIMARY KEY",
        ));
    }
    let _ = shell.take("column");
    let if_not_exists = shell.take_all(&["if", "not", "exists"]);
    let column = shell.column(parser)?;
    if column.not_null || column.key.is_some() {
        return Err(
            Error::not_supported("ADD COLUMN with a constraint").with_hint(
                "add the column, fill it, and then use ALTER COLUMN … SET NOT NULL or CREATE UNIQUE INDEX",
            ),
        );
    }
    Ok(TableChange::AddColumn {
        column,
        if_not_exists,
    })
}

fn column_change(
    shell: &mut Shell<'_, '_>,
    column: String,
    parser: &Parser,
) -> Result<TableChange> {
    if shell.take_all(&["set", "data", "type"]) || shell.take("type") {
        let text = shell.run(|t| t.is_word("using") || t.is_word("collate"))?;
        if shell.take("using") {
            return Err(
                Error::not_supported("ALTER COLUMN … TYPE … USING").with_hint(
                    "add a column, fill it from the other, drop that and rename the new one",
                ),
            );
        }
        if shell.take("collate") {
            return Err(Error::not_supported("COLLATE of a column"));
        }
        let type_cast = expression(&format!("cast(null as {text}\n)"), parser)?;
        return Ok(TableChange::SetType { column, type_cast });
    }
    if shell.take_all(&["set", "default"]) {
        let value = expression(shell.run(|_| false)?, parser)?;
        return Ok(TableChange::SetDefault { column, value });
    }
    if shell.take_all(&["drop", "default"]) {
        return Ok(TableChange::DropDefault { column });
    }
    if shell.take_all(&["set", "not", "null"]) {
        return Ok(TableChange::SetNotNull { column });
    }
    if shell.take_all(&["drop", "not", "null"]) {
        return Ok(TableChange::DropNotNull { column });
    }
    Err(shell.refused_object("ALTER COLUMN …"))
}

fn comment(shell: &mut Shell<'_, '_>) -> Result<Ddl> {
    shell.need("comment")?;
    shell.need("on")?;
    let (on, name) = if shell.take("table") {
        (Commented::Table, shell.object_name()?)
    } else if shell.take("view") {
        (Commented::View, shell.object_name()?)
    } else if shell.take("column") {
        let (name, column) = shell.column_name()?;
        (Commented::Column(column), name)
    } else {
        return Err(shell.refused_object("COMMENT ON"));
    };
    shell.need("is")?;
    let text = if shell.take("null") {
        None
    } else {
        Some(shell.string()?)
    };
    Ok(Ddl::Comment { on, name, text })
}

/// `vacuum table` or `analyze table`.
fn maintained(shell: &mut Shell<'_, '_>, verb: &str) -> Result<ObjectName> {
    if !shell.take("analyse") {
        shell.need(verb)?;
    }
    match shell.peek() {
        None => {
            return Err(
                Error::not_supported(format_args!("{verb} of nothing in particular"))
                    .with_hint("name a table"),
            );
        }
        Some(token)
            if token.is_symbol('(')
                || ["full", "freeze", "verbose", "analyze", "analyse"]
                    .iter()
                    .any(|word| token.is_word(word)) =>
        {
            return Err(Error::not_supported(format_args!("options of {verb}")));
        }
        Some(_) => {}
    }
    let name = shell.object_name()?;
    if shell.take_symbol('(') {
        return Err(Error::not_supported(format_args!("{verb} of columns")));
    }
    if shell.take_symbol(',') {
        return Err(Error::not_supported(format_args!(
            "{verb} of several tables"
        )));
    }
    Ok(name)
}

impl Shell<'_, '_> {
    /// A relation's name and, after a dot, a column's.
    fn column_name(&mut self) -> Result<(ObjectName, String)> {
        let position = self.peek().map_or(0, |t| t.start);
        let mut parts = vec![self.name()?];
        while self.take_symbol('.') {
            parts.push(self.name()?);
        }
        match parts.pop() {
            Some(column) if (1..=3).contains(&parts.len()) => {
                Ok((ObjectName { parts, position }, column))
            }
            _ => Err(Error::new(
                model::ErrorKind::Syntax,
                "a column's name here is its relation's name, a dot and its own",
            )
            .with_position(position)),
        }
    }

    /// A string in plain quotes.
    fn string(&mut self) -> Result<String> {
        let inside = self
            .peek()
            .filter(|t| t.kind == TokenKind::Text)
            .and_then(|t| t.text.strip_prefix('\'')?.strip_suffix('\''))
            .ok_or_else(|| self.unexpected())?;
        self.skip();
        Ok(inside.replace("''", "'"))
    }
}
