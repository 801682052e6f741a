//! Schemas, indexes, comments and maintenance: privileges, and the text that the emitter makes.

use model::{Error, ErrorKind, ExecKind, RelationKind, RelationName, Result, fold};
use plan::{Commented, Ddl, ObjectName};
use tree::quote;

use crate::alter::{alter_table, column_of, columns_of, table};
use crate::authorise::{Answer, Authorised, CommandTag, Context};
use crate::file::Privilege;
use crate::reserved::unless_reserved;
use crate::write::{full, require, writable, written};
use crate::write_sequence;

/// Names that a schema can't have: what DuckDB captures or takes for its own, and what `public` is
/// for PostgreSQL's clients.
const RESERVED_SCHEMAS: [&str; 8] = [
    "information_schema",
    "main",
    "memory",
    "pg_catalog",
    "public",
    "recurring",
    "system",
    "temp",
];

pub(crate) fn authorise(context: &Context<'_>, ddl: &Ddl) -> Result<Authorised> {
    match ddl {
        Ddl::CreateSchema {
            name,
            if_not_exists,
        } => create_schema(context, name, *if_not_exists),
        Ddl::DropSchema { name, if_exists } => drop_schema(context, name, *if_exists),
        Ddl::AlterTable {
            name,
            if_exists,
            change,
        } => alter_table(context, name, *if_exists, change),
        Ddl::CreateIndex {
            index,
            table: on,
            unique,
            if_not_exists,
            columns,
        } => {
            let access = table(context, on, "CREATE INDEX")?;
            unless_reserved(index)?;
            let unique = if *unique { "unique " } else { "" };
            let if_not_exists = if *if_not_exists { "if not exists " } else { "" };
            let sql = format!(
                "create {unique}index {if_not_exists}{} on {} ({})",
                quote(index),
                full(&access.name),
                columns_of(access, columns)?
            );
            Ok(defined(
                context,
                access.name.clone(),
                CommandTag::CreateIndex,
                sql,
            ))
        }
        Ddl::DropIndex { name, if_exists } => drop_index(context, name, *if_exists),
        Ddl::CreateSequence {
            name,
            or_replace,
            if_not_exists,
            options,
        } => write_sequence::create(context, name, *or_replace, *if_not_exists, options),
        Ddl::DropSequence { name, if_exists } => write_sequence::drop(context, name, *if_exists),
        Ddl::Comment { on, name, text } => comment(context, on, name, text.as_deref()),
        Ddl::Vacuum(name) => maintain(context, name, "vacuum", CommandTag::Vacuum),
        Ddl::Analyze(name) => maintain(context, name, "analyze", CommandTag::Analyze),
        Ddl::Checkpoint(catalog) => checkpoint(context, catalog.as_deref()),
    }
}

/// What is done by doing nothing.
pub(crate) fn nothing(context: &Context<'_>, tag: CommandTag) -> Authorised {
    let kind = ExecKind::Write {
        target: RelationName::new("", "", ""),
        changes_catalog: false,
    };
    let mut nothing = written(context, kind, tag, String::new(), None);
    nothing.answer = Answer::Nothing;
    nothing
}

/// A statement that changes what the catalog has.
pub(crate) fn defined(
    context: &Context<'_>,
    target: RelationName,
    tag: CommandTag,
    sql: String,
) -> Authorised {
    let kind = ExecKind::Write {
        target,
        changes_catalog: true,
    };
    written(context, kind, tag, sql, None)
}

fn create_schema(
    context: &Context<'_>,
    name: &ObjectName,
    if_not_exists: bool,
) -> Result<Authorised> {
    let target = schema_name(context, name)?;
    permit_schema(context, &target, Privilege::Create)?;
    let schema = &target.schema;
    unless_reserved(schema)?;
    let visible = context.view.visible();
    if visible
        .catalog(&target.catalog)
        .is_some_and(|c| c.schema(schema).is_some())
    {
        return match if_not_exists {
            true => Ok(nothing(context, CommandTag::CreateSchema)),
            false => Err(Error::new(
                ErrorKind::DuplicateSchema,
                format!("schema \"{schema}\" exists already"),
            )),
        };
    }
    // A schema named like a catalog would change what names of two parts mean.
    if RESERVED_SCHEMAS.contains(&fold(schema).as_str()) || visible.catalog(schema).is_some() {
        return Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("a schema can't be named \"{schema}\""),
        ));
    }
    writable(context, &target, "CREATE SCHEMA")?;
    let if_not_exists = if if_not_exists { "if not exists " } else { "" };
    let sql = format!("create schema {if_not_exists}{}", full_schema(&target));
    Ok(defined(context, target, CommandTag::CreateSchema, sql))
}

fn drop_schema(context: &Context<'_>, name: &ObjectName, if_exists: bool) -> Result<Authorised> {
    let given = match schema_name(context, name) {
        Err(e) if if_exists && e.kind() == ErrorKind::UndefinedCatalog => {
            return Ok(nothing(context, CommandTag::DropSchema));
        }
        found => found?,
    };
    let catalog = context.view.visible().catalog(&given.catalog);
    let Some(schema) = catalog.and_then(|c| c.schema(&given.schema)) else {
        if if_exists {
            return Ok(nothing(context, CommandTag::DropSchema));
        }
        return Err(Error::new(
            ErrorKind::UndefinedSchema,
            format!("schema \"{}\" does not exist", given.schema),
        )
        .with_position(name.position));
    };
    let target = RelationName::new(&given.catalog, &schema.name, "");
    permit_schema(context, &target, Privilege::Drop)?;
    if RESERVED_SCHEMAS.contains(&fold(&schema.name).as_str()) {
        return Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("schema \"{}\" can't be dropped", schema.name),
        ));
    }
    writable(context, &target, "DROP SCHEMA")?;
    let sql = format!("drop schema {}", full_schema(&target));
    let mut dropped = defined(context, target, CommandTag::DropSchema, sql);
    // DuckDB's own words would name what is in it, hidden or not.
    dropped.governed = true;
    Ok(dropped)
}

/// DuckDB does not tell whose index it is before it is dropped, so the right must be on all there is.
fn drop_index(context: &Context<'_>, name: &ObjectName, if_exists: bool) -> Result<Authorised> {
    let (target, _) = context
        .view
        .place(&name.parts)
        .map_err(|e| e.with_position(name.position))?;
    permit_schema(context, &target, Privilege::Alter)?;
    writable(context, &target, "DROP INDEX")?;
    let if_exists = if if_exists { "if exists " } else { "" };
    let sql = format!("drop index {if_exists}{}", full(&target));
    Ok(defined(context, target, CommandTag::DropIndex, sql))
}

fn comment(
    context: &Context<'_>,
    on: &Commented,
    name: &ObjectName,
    text: Option<&str>,
) -> Result<Authorised> {
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let access = context
        .view
        .resolve(&parts)
        .map_err(|e| e.with_position(name.position))?;
    require(context, &access.name, Privilege::Alter)?;
    writable(context, &access.name, "COMMENT")?;
    let relation = full(&access.name);
    let is_view = access.kind == RelationKind::View;
    let subject = match on {
        Commented::Table if !is_view => format!("table {relation}"),
        Commented::View if is_view => format!("view {relation}"),
        Commented::Column(column) => {
            let column = column_of(access, column)?;
            format!("column {relation}.{}", quote(&column.name))
        }
        Commented::Table | Commented::View => {
            let kind = if is_view { "table" } else { "view" };
            return Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("{} is not a {kind}", access.name),
            )
            .with_position(name.position));
        }
    };
    let text = match text {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => "null".to_owned(),
    };
    let sql = format!("comment on {subject} is {text}");
    Ok(defined(
        context,
        access.name.clone(),
        CommandTag::Comment,
        sql,
    ))
}

fn maintain(
    context: &Context<'_>,
    name: &ObjectName,
    verb: &str,
    tag: CommandTag,
) -> Result<Authorised> {
    admin(context, verb)?;
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let access = context
        .view
        .resolve(&parts)
        .map_err(|e| e.with_position(name.position))?;
    if access.kind != RelationKind::Table {
        return Err(Error::new(
            ErrorKind::WrongObjectType,
            format!("{} is not a table", access.name),
        )
        .with_position(name.position));
    }
    writable(context, &access.name, &verb.to_ascii_uppercase())?;
    let sql = format!("{verb} {}", full(&access.name));
    Ok(defined(context, access.name.clone(), tag, sql))
}

fn checkpoint(context: &Context<'_>, catalog: Option<&str>) -> Result<Authorised> {
    admin(context, "checkpoint")?;
    let name = catalog.unwrap_or(context.view.default_catalog());
    let target = RelationName::new(&catalog_name(context, name)?, "", "");
    writable(context, &target, "CHECKPOINT")?;
    let sql = format!("checkpoint {}", quote(&target.catalog));
    Ok(defined(context, target, CommandTag::Checkpoint, sql))
}

fn admin(context: &Context<'_>, verb: &str) -> Result<()> {
    if context.view.principal().admin {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        format!("only an administrator may {verb}"),
    ))
}

/// The full name of a schema that need not exist: a relation's, of which the last part is empty.
fn schema_name(context: &Context<'_>, name: &ObjectName) -> Result<RelationName> {
    let (catalog, schema) = match name.parts.as_slice() {
        [schema] => (context.view.default_catalog(), schema),
        [catalog, schema] => (catalog.as_str(), schema),
        _ => {
            return Err(
                Error::new(ErrorKind::Syntax, "a schema's name has at most two parts")
                    .with_position(name.position),
            );
        }
    };
    let catalog = catalog_name(context, catalog).map_err(|e| e.with_position(name.position))?;
    Ok(RelationName::new(&catalog, schema, ""))
}

fn catalog_name(context: &Context<'_>, name: &str) -> Result<String> {
    let found = context.view.visible().catalog(name);
    found.map(|c| c.name.clone()).ok_or_else(|| {
        Error::new(
            ErrorKind::UndefinedCatalog,
            format!("catalog \"{name}\" does not exist"),
        )
    })
}

fn permit_schema(context: &Context<'_>, target: &RelationName, privilege: Privilege) -> Result<()> {
    let (set, principal) = (context.view.set(), context.view.principal());
    if set.permits_schema(principal, &target.catalog, &target.schema, privilege) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        format!(
            "permission denied to {} in all of schema \"{}\"",
            privilege.word(),
            target.schema
        ),
    ))
}

fn full_schema(name: &RelationName) -> String {
    format!("{}.{}", quote(&name.catalog), quote(&name.schema))
}
