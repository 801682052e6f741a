//! Statements that write: privileges, the query inside, and the text that the emitter makes of the
//! shell. Names are quoted and have three parts; nothing of the user's shell is copied.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    CatalogMode, Column, Error, ErrorKind, ExecKind, Expected, Positions, RelationKind,
    RelationName, Result, SqlType, TEMPORARY, fold,
};
use plan::{ColumnDefinition, CreateTable, DropTable, Key, KeyKind, ObjectName, TableBody};
use serde_json::Value;
use tree::{Description, build, quote};

use crate::authorise::{Answer, Authorised, CommandTag, Context};
use crate::denial::denied;
use crate::facts::Facts;
use crate::file::Privilege;
use crate::fit::{check_made, made, unless_mapping};
use crate::reserved::unless_reserved;
use crate::rewrite::Rewriter;
use crate::rights::Rights;
use crate::seal::{Sealed, seal};

pub(crate) fn create_table(context: &Context<'_>, create: &CreateTable) -> Result<Authorised> {
    let target = place_new(context, &create.name, create.temporary, "CREATE TABLE")?;
    if create.or_replace {
        // Also where nothing is seen: what is hidden may not be replaced either.
        require(context, &target, Privilege::Drop)?;
        unless_mapping(context, &target)?;
        if create.if_not_exists {
            return Err(Error::new(
                ErrorKind::Syntax,
                "OR REPLACE and IF NOT EXISTS exclude each other",
            ));
        }
    }
    let mut sql = String::from(match (create.or_replace, target.is_temporary()) {
        (true, true) => "create or replace temp table ",
        (true, false) => "create or replace table ",
        (false, true) => "create temp table ",
        (false, false) => "create table ",
    });
    if create.if_not_exists {
        sql.push_str("if not exists ");
    }
    sql.push_str(&full(&target));
    let fits = |columns| match create.if_not_exists && context.view.access(&target).is_some() {
        true => Ok(()),
        false => check_made(context, &target, RelationKind::Table, columns),
    };
    let kind = ExecKind::Write {
        target: target.clone(),
        changes_catalog: true,
    };
    match &create.body {
        TableBody::Columns { columns, keys } => {
            let mut defaults = Defaults::default();
            unless_alike(columns.iter().map(|c| c.name.as_str()))?;
            let (definitions, made) = definitions(context, columns, keys, &mut defaults)?;
            fits(made)?;
            sql.push_str(&format!(" ({})", definitions.join(", ")));
            let (tag, query) = (CommandTag::CreateTable, defaults.query());
            Ok(written(context, kind, tag, sql, query))
        }
        TableBody::Query {
            columns,
            query,
            no_data,
        } => {
            let done = context.finish(query, &|text| Ok(text.to_owned()))?;
            if !done.description.parameters.is_empty() {
                return Err(Error::not_supported("a parameter in CREATE TABLE AS"));
            }
            let names = if columns.is_empty() {
                &done.description.names
            } else {
                columns
            };
            if names.len() != done.description.names.len() {
                return Err(Error::new(
                    ErrorKind::Syntax,
                    format!(
                        "{} names are given for {} columns",
                        names.len(),
                        done.description.names.len()
                    ),
                ));
            }
            names.iter().try_for_each(|name| unless_reserved(name))?;
            unless_alike(names.iter().map(String::as_str))?;
            fits(made(names, &done.description)?)?;
            let with = if *no_data { " with no data" } else { "" };
            sql.push_str(&format!(" ({}) as {}{with}", quoted(names), done.sql));
            let tag = CommandTag::CreateTableAs;
            let query = Some((done.sql, done.expected, done.governed));
            let mut authorised = written(context, kind, tag, sql, query);
            authorised.views = done.views;
            authorised.positions = done.positions;
            Ok(authorised)
        }
    }
}

pub(crate) fn drop_table(context: &Context<'_>, drop: &DropTable) -> Result<Authorised> {
    let tag = CommandTag::DropTable;
    dropped(
        context,
        &drop.name,
        drop.if_exists,
        RelationKind::Table,
        tag,
    )
}

/// DROP of a relation of that kind.
pub(crate) fn dropped(
    context: &Context<'_>,
    name: &ObjectName,
    if_exists: bool,
    kind: RelationKind,
    tag: CommandTag,
) -> Result<Authorised> {
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let view = context.view;
    let access = match view.resolve_to_drop(&parts) {
        Ok(access) => access,
        Err(e)
            if e.kind() == ErrorKind::UndefinedTable
                && let Some(access) = view.resolve_unreadable(&parts) =>
        {
            access
        }
        Err(e) if if_exists && e.kind() == ErrorKind::UndefinedTable => {
            let nowhere = RelationName::new("", "", "");
            let kind = ExecKind::Write {
                target: nowhere,
                changes_catalog: false,
            };
            let mut nothing = written(context, kind, tag, String::new(), None);
            nothing.answer = Answer::Nothing;
            return Ok(nothing);
        }
        Err(e) => return Err(e.with_position(name.position)),
    };
    let target = access.name.clone();
    let (word, other) = match kind {
        RelationKind::Table => ("table", "view"),
        RelationKind::View => ("view", "table"),
    };
    if access.kind != kind {
        let error = Error::new(
            ErrorKind::WrongObjectType,
            format!("{target} is not a {word}"),
        );
        let hint = format!(
            "use DROP {} to remove a {other}",
            other.to_ascii_uppercase()
        );
        return Err(error.with_hint(hint).with_position(name.position));
    }
    require(context, &target, Privilege::Drop)?;
    unless_mapping(context, &target)?;
    writable(
        context,
        &target,
        &format!("DROP {}", word.to_ascii_uppercase()),
    )?;
    let sql = format!("drop {word} {}", full(&target));
    let kind = ExecKind::Write {
        target,
        changes_catalog: true,
    };
    Ok(written(context, kind, tag, sql, None))
}

/// A write's final form. Its result has no columns that a client sees.
pub(crate) fn written(
    context: &Context<'_>,
    kind: ExecKind,
    tag: CommandTag,
    sql: String,
    query: Option<(Arc<str>, Arc<Expected>, bool)>,
) -> Authorised {
    let (query, expected, governed) = match query {
        Some((query, expected, governed)) => (Some(query), expected, governed),
        None => (None, Arc::default(), false),
    };
    Authorised {
        principal: Arc::clone(context.view.principal()),
        kind,
        tag,
        sql: sql.into(),
        query,
        on_conflict: None,
        returning: None,
        expected,
        description: Description {
            parameters: vec![],
            schema: None,
            names: vec![],
        },
        governed,
        positions: Positions::default(),
        views: BTreeSet::new(),
        answer: Answer::Worker,
        catalog_version: context.view.visible().version,
        facts: Facts::default(),
    }
}

/// Where a new table or view goes.
pub(crate) fn place_new(
    context: &Context<'_>,
    name: &plan::ObjectName,
    temporary: bool,
    verb: &str,
) -> Result<RelationName> {
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let is_temporary = |name: &str| fold(name) == TEMPORARY;
    let target = match parts.as_slice() {
        [name] if temporary => RelationName::new(TEMPORARY, "main", *name),
        [schema, name] if is_temporary(schema) => RelationName::new(TEMPORARY, "main", *name),
        [catalog, schema, name] if is_temporary(catalog) && fold(schema) == "main" => {
            RelationName::new(TEMPORARY, "main", *name)
        }
        _ if temporary || parts.len() == 3 && is_temporary(parts[0]) => {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "what is temporary is in the schema temp.main and in no other",
            )
            .with_position(name.position));
        }
        _ => {
            let placed = context.view.place(&name.parts);
            placed.map_err(|e| e.with_position(name.position))?.0
        }
    };
    unless_reserved(&target.name)?;
    require(context, &target, Privilege::Create)?;
    if !target.is_temporary() {
        writable(context, &target, verb)?;
    }
    Ok(target)
}

pub(crate) fn writable(context: &Context<'_>, target: &RelationName, verb: &str) -> Result<()> {
    match context
        .view
        .visible()
        .catalog(&target.catalog)
        .map(|c| c.mode)
    {
        Some(CatalogMode::ReadWrite) => Ok(()),
        _ => Err(Error::new(
            ErrorKind::ReadOnly,
            format!(
                "cannot execute {verb} in the read-only catalog \"{}\"",
                target.catalog
            ),
        )),
    }
}

pub(crate) fn require(
    context: &Context<'_>,
    target: &RelationName,
    privilege: Privilege,
) -> Result<()> {
    if context.view.permits(target, privilege) {
        return Ok(());
    }
    let verb = match privilege {
        Privilege::Select => "read",
        Privilege::Insert => "insert into",
        Privilege::Update => "update",
        Privilege::Delete => "delete from",
        Privilege::Create => "create",
        Privilege::Alter => "alter",
        Privilege::Drop => "drop",
    };
    Err(denied(context.view, target, privilege, verb))
}

/// Refuses two columns of one name.
fn unless_alike<'n>(names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut all = BTreeSet::new();
    for name in names {
        if !all.insert(fold(name)) {
            return Err(Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{name}\" is specified more than once"),
            ));
        }
    }
    Ok(())
}

fn definitions(
    context: &Context<'_>,
    columns: &[ColumnDefinition],
    keys: &[Key],
    defaults: &mut Defaults,
) -> Result<(Vec<String>, Vec<Column>)> {
    let mut definitions = Vec::with_capacity(columns.len() + keys.len());
    let mut made = Vec::with_capacity(columns.len());
    for column in columns {
        unless_reserved(&column.name)?;
        let sql_type = type_of(context, &column.type_cast)?;
        let mut text = format!("{} {sql_type}", quote(&column.name));
        made.push(Column {
            name: column.name.clone(),
            sql_type,
            nullable: !column.not_null,
        });
        if column.not_null {
            text.push_str(" not null");
        }
        if let Some(key) = column.key {
            text.push_str(if key == KeyKind::Primary {
                " primary key"
            } else {
                " unique"
            });
        }
        if let Some(default) = &column.default {
            text.push_str(&format!(" default ({})", defaults.add(context, default)?));
        }
        definitions.push(text);
    }
    for key in keys {
        let kind = if key.kind == KeyKind::Primary {
            "primary key"
        } else {
            "unique"
        };
        definitions.push(format!("{kind} ({})", quoted(&key.columns)));
    }
    Ok((definitions, made))
}

pub(crate) fn type_of(context: &Context<'_>, type_cast: &Value) -> Result<SqlType> {
    let query = lone(type_cast);
    let printed = context.parser.print(&query)?;
    let description = context
        .sidecar
        .describe(&printed)
        .map_err(Error::without_position)?;
    description
        .schema
        .as_ref()
        .and_then(|s| s.columns.first())
        .map(|c| c.sql_type.clone())
        .ok_or_else(|| Error::new(ErrorKind::UndefinedObject, "the type is not known"))
}

/// The expressions of a table's DEFAULTs, which the worker reads again as a query of them.
#[derive(Default)]
struct Defaults {
    texts: Vec<String>,
    expected: Expected,
}

impl Defaults {
    /// The text of one more.
    fn add(&mut self, context: &Context<'_>, default: &Value) -> Result<String> {
        let (sql, expected) = default_query(context, default)?;
        let text = expression(&sql)?.to_owned();
        self.texts.push(text.clone());
        self.expected
            .functions
            .extend(expected.functions.iter().cloned());
        self.expected
            .sequences
            .extend(expected.sequences.iter().cloned());
        self.expected.drawn.extend(expected.drawn.iter().cloned());
        Ok(text)
    }

    fn query(self) -> Option<(Arc<str>, Arc<Expected>, bool)> {
        let text = format!("SELECT {}", self.texts.join(", "));
        let any = !self.texts.is_empty();
        any.then(|| (text.into(), Arc::new(self.expected), false))
    }
}

/// The expression that a query of [`default_query`] selects.
pub(crate) fn expression(sql: &str) -> Result<&str> {
    sql.strip_prefix("SELECT ")
        .ok_or_else(|| Error::internal("a DEFAULT is printed as another query"))
}

/// DEFAULT reads no relation and no parameter. Its expression, sealed as a query of nothing else.
pub(crate) fn default_query(
    context: &Context<'_>,
    default: &Value,
) -> Result<(Arc<str>, Arc<Expected>)> {
    let mut query = lone(default);
    let rights = Rights::of(context.view);
    Rewriter::new(rights, context.parser)
        .with_sequences()
        .rewrite(&mut query)?;
    let Sealed { sql, expected, .. } = seal(&mut query, rights, context.parser)?;
    let description = context
        .sidecar
        .describe(&sql)
        .map_err(Error::without_position)?;
    if !expected.relations.is_empty() || !description.parameters.is_empty() {
        return Err(Error::not_supported(
            "a DEFAULT that is more than an expression",
        ));
    }
    Ok((sql, expected))
}

/// `select <expr>`.
fn lone(expr: &Value) -> Value {
    let nothing = build::nothing();
    build::select(vec![expr.clone()], nothing, None, false)
}

pub(crate) fn full(name: &RelationName) -> String {
    format!(
        "{}.{}.{}",
        quote(&name.catalog),
        quote(&name.schema),
        quote(&name.name)
    )
}

pub(crate) fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|n| quote(n))
        .collect::<Vec<_>>()
        .join(", ")
}
