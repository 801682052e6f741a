//! UPDATE, DELETE and TRUNCATE (rewriting, step 19): the rows to change are found by a governed query
//! that gives their numbers, and changed by these. What the statement does besides is made here.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Error, ErrorKind, ExecKind, Expected, Positions, RelationName, Result, fold};
use plan::{Delete, ObjectName, Query, Update};
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::{Description, build, quote, walk};

use crate::access::Access;
use crate::authorise::{Authorised, CommandTag, Context};
use crate::changes::{Allowed, Changes, ROW_NUMBER, source};
use crate::compile::SELF;
use crate::copies;
use crate::file::Privilege;
use crate::part::{located, walkable};
use crate::returning::{self, Returned};
use crate::rewrite::{Rewriter, TARGET};
use crate::rights::Rights;
use crate::seal::seal_source;
use crate::write::{full, require, writable, written};

/// The name of the query that finds the rows.
pub(crate) const ROWS: &str = "__eider_s";

/// How the values that are set are named, followed by their number.
pub(crate) const VALUE: &str = "__eider_v";

pub(crate) fn update(context: &Context<'_>, update: &Update) -> Result<Authorised> {
    let (access, changes) = target(context, &update.target.name, Privilege::Update)?;
    let columns = update
        .assignments
        .iter()
        .map(|a| column(access, &a.column).map_err(|e| e.with_position(a.position)))
        .collect::<Result<Vec<_>>>()?;
    let allowed = changes.allow(context.view, access, Privilege::Update, &columns)?;
    let mut sets = Vec::with_capacity(columns.len());
    let mut values = 0;
    for (assignment, column) in update.assignments.iter().zip(&columns) {
        let value = match assignment.to_default {
            true => "default".to_owned(),
            false => {
                values += 1;
                format!("{ROWS}.{VALUE}{values}")
            }
        };
        sets.push(format!("{} = {value}", quote(column)));
    }
    let found = rows(context, access, &allowed, &update.target, &update.source)?;
    let returned = returning::seal(
        context,
        access,
        update.returning.as_ref(),
        allowed.rows,
        SELF,
        false,
    )?;
    let sql = format!(
        "update {} as {SELF} set {} from ({}) as {ROWS} where {SELF}.rowid = {ROWS}.{ROW_NUMBER}",
        full(&access.name),
        sets.join(", "),
        found.sql
    );
    let wants_rows = update.returning.is_some();
    let mut authorised = done(
        context,
        access,
        CommandTag::Update,
        sql,
        found,
        returned,
        wants_rows,
    )?;
    authorised.facts.written.extend(columns);
    Ok(authorised)
}

pub(crate) fn delete(context: &Context<'_>, delete: &Delete) -> Result<Authorised> {
    let (access, changes) = target(context, &delete.target.name, Privilege::Delete)?;
    let allowed = changes.allow(context.view, access, Privilege::Delete, &[])?;
    let found = rows(context, access, &allowed, &delete.target, &delete.source)?;
    let returned = returning::seal(
        context,
        access,
        delete.returning.as_ref(),
        None,
        SELF,
        false,
    )?;
    let sql = format!(
        "delete from {} as {SELF} where {SELF}.rowid in ({})",
        full(&access.name),
        found.sql
    );
    let wants_rows = delete.returning.is_some();
    done(
        context,
        access,
        CommandTag::Delete,
        sql,
        found,
        returned,
        wants_rows,
    )
}

/// TRUNCATE leaves nothing, so it is only for those who see and may delete all rows.
pub(crate) fn truncate(context: &Context<'_>, name: &ObjectName) -> Result<Authorised> {
    let (access, changes) = target(context, name, Privilege::Delete)?;
    let allowed = changes.allow(context.view, access, Privilege::Delete, &[])?;
    if access.barrier.is_some() || allowed.rows.is_some() {
        return Err(Error::not_supported(format_args!(
            "TRUNCATE of {}, part of which is hidden from {},",
            access.name,
            context.view.principal().name
        ))
        .with_hint("DELETE removes the rows that you see"));
    }
    let kind = ExecKind::Write {
        target: access.name.clone(),
        changes_catalog: false,
    };
    let sql = format!("truncate {}", full(&access.name));
    Ok(written(context, kind, CommandTag::Truncate, sql, None))
}

/// The relation that is written, once the principal has the right, and its catalog takes writes.
pub(crate) fn target<'a>(
    context: &'a Context<'_>,
    name: &ObjectName,
    privilege: Privilege,
) -> Result<(&'a Access, &'a Changes)> {
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let resolved = context.view.resolve(&parts);
    let access = resolved.map_err(|e| e.with_position(name.position))?;
    require(context, &access.name, privilege)?;
    writable(
        context,
        &access.name,
        &privilege.word().to_ascii_uppercase(),
    )?;
    let changes = access.changes.as_ref();
    let changes = changes.ok_or_else(|| Error::internal("a right to write without its rules"))?;
    Ok((access, changes))
}

/// A column of the relation that is written, as the catalog spells it.
pub(crate) fn column(access: &Access, name: &str) -> Result<String> {
    let mut columns = access.columns.iter();
    let found = columns.find(|c| c.name.eq_ignore_ascii_case(name));
    found.map(|c| c.name.clone()).ok_or_else(|| {
        Error::new(
            ErrorKind::UndefinedColumn,
            format!("column \"{name}\" of {} does not exist", access.name),
        )
    })
}

/// The rows to change, found.
pub(crate) struct Found {
    pub(crate) sql: Arc<str>,
    pub(crate) expected: Arc<Expected>,
    pub(crate) positions: Positions,
    /// What the sidecar says of the whole statement.
    pub(crate) description: Description,
    pub(crate) governed: bool,
    pub(crate) views: BTreeSet<RelationName>,
}

fn rows(
    context: &Context<'_>,
    access: &Access,
    allowed: &Allowed,
    target: &plan::Target,
    query: &Query,
) -> Result<Found> {
    let mut tree = query.tree.clone();
    check_names(&mut tree, access, target)?;
    let source = source(access, allowed.rows.clone(), vec![])?;
    let narrowed = access.barrier.is_some() || allowed.rows.is_some();
    let mut rewriter =
        Rewriter::new(Rights::of(context.view), context.parser).with_source(source.clone());
    if !narrowed {
        rewriter = rewriter.with_sequences();
    }
    let found = rewriter.rewrite(&mut tree)?;
    let first = context.sidecar.describe(&query.text)?;
    let schema = first.schema.clone();
    let mut alone = query.tree.clone();
    if let Some(items) = alone["node"]["select_list"].as_array_mut()
        && items.is_empty()
    {
        items.push(build::literal("1", "INTEGER"));
    }
    let alone = Query {
        text: query.text.clone(),
        tree: alone,
    };
    let names = first.names.clone();
    let settled = context.settle(&alone, first, &|text| Ok(text.to_owned()))?;
    let items = tree["node"]["select_list"].as_array_mut();
    let items = items.ok_or_else(|| Error::internal("a query without a list"))?;
    for (i, item) in items.iter_mut().enumerate() {
        item["alias"] = json!(format!("{VALUE}{}", i + 1));
    }
    items.push(build::aliased(
        build::column(&[TARGET, ROW_NUMBER]),
        ROW_NUMBER,
    ));
    context.cast_all(&mut tree, &settled.parameters)?;
    copies::add(&mut tree, context.view)?;
    let rights = Rights::of(context.view);
    let sealed = seal_source(&mut tree, &tree::canonical(&source), rights, context.parser)?;
    Ok(Found {
        sql: sealed.sql,
        expected: sealed.expected,
        positions: sealed.positions,
        description: Description {
            parameters: settled.parameters,
            schema,
            names,
        },
        views: found.views,
        governed: found.governed || narrowed,
    })
}

/// Refuses what would name the number of a row: its whole row, and columns by their places.
pub(crate) fn check_names(query: &mut Value, access: &Access, target: &plan::Target) -> Result<()> {
    let name = target.alias.as_ref().or(target.name.parts.last());
    let whole_row = name.map(|n| fold(n)).filter(|name| {
        let mut columns = access.columns.iter();
        !columns.any(|c| c.name.eq_ignore_ascii_case(name))
    });
    check(query, Field::Query, whole_row.as_deref(), 0)
}

fn check(value: &mut Value, field: Field, whole_row: Option<&str>, depth: usize) -> Result<()> {
    let reserved = |name: &str| fold(name) == ROW_NUMBER;
    let parts = value["column_names"].as_array().into_iter().flatten();
    let parts: Vec<&str> = parts.filter_map(Value::as_str).collect();
    let refused = match text(value, "class") {
        "POSITIONAL_REFERENCE" => Some("a column by its place in a statement that writes"),
        "STAR" if depth < 2 => Some("a star in a statement that writes"),
        "COLUMN_REF" if parts.len() == 1 && whole_row.is_some_and(|n| n == fold(parts[0])) => {
            Some("the whole row of the table that is written")
        }
        _ if reserved(text(value, "alias")) || parts.iter().any(|p| reserved(p)) => {
            Some("a name that begins with __eider_")
        }
        _ => None,
    };
    if let Some(what) = refused {
        return Err(located(Error::not_supported(what), value));
    }
    let depth = depth + usize::from(matches!(field, Field::Query));
    walkable(field).map_or(Ok(()), |field| {
        walk::children(value, field, &mut |v, f| check(v, f, whole_row, depth))
    })
}

/// The statement in its final form.
pub(crate) fn done(
    context: &Context<'_>,
    access: &Access,
    tag: CommandTag,
    sql: String,
    found: Found,
    returned: Option<Returned>,
    wants_rows: bool,
) -> Result<Authorised> {
    let kind = ExecKind::Write {
        target: access.name.clone(),
        changes_catalog: false,
    };
    let query = Some((found.sql, found.expected, found.governed));
    let mut authorised = written(context, kind, tag, sql, query);
    authorised.description.parameters = found.description.parameters;
    authorised.views = found.views;
    authorised.positions = found.positions;
    returning::attach(
        &mut authorised,
        returned,
        wants_rows.then_some((found.description.schema, found.description.names)),
    )?;
    Ok(authorised)
}
