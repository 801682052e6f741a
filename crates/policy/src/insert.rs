//! INSERT: the rows come of a governed query, and must be such as their writer sees.

use model::{Error, ErrorKind, ExecKind, Result};
use plan::{Insert, InsertRows, Query};
use tree::quote;

use crate::access::Access;
use crate::authorise::{Authorised, CommandTag, Context};
use crate::changes::is_whole;
use crate::conflict;
use crate::dml::{column, target};
use crate::file::Privilege;
use crate::returning;
use crate::rewrite::Rewriter;
use crate::rights::Rights;
use crate::write::{full, quoted, written};

pub(crate) fn insert(context: &Context<'_>, insert: &Insert) -> Result<Authorised> {
    let (access, changes) = target(context, &insert.target.name, Privilege::Insert)?;
    let given = columns(context, access, insert)?;
    let all = || access.columns.iter().map(|c| c.name.clone()).collect();
    let columns = match (&insert.rows, &given) {
        (InsertRows::Defaults, _) => vec![],
        (_, None) => all(),
        (_, Some(given)) => given.clone(),
    };
    let allowed = changes.allow(context.view, access, Privilege::Insert, &columns)?;
    let head = format!("insert into {}", full(&access.name));
    let alias = insert
        .target
        .alias
        .as_ref()
        .filter(|_| insert.conflict.is_some());
    let alias = alias
        .map(|a| format!(" as {}", quote(a)))
        .unwrap_or_default();
    let list = match given.is_some() || !is_whole(access) {
        true => format!(" ({})", quoted(&columns)),
        false => String::new(),
    };
    let mut tail = String::new();
    if let Some(conflict) = &insert.conflict {
        if !is_whole(access) || allowed.rows.is_some() {
            return Err(Error::not_supported(format_args!(
                "ON CONFLICT on {}, part of which is hidden from {},",
                access.name,
                context.view.principal().name
            )));
        }
        tail = format!(" {}", conflict.text);
    }
    if let Some(list) = &insert.returning {
        tail = format!("{tail}\n returning {}", list.text);
    }
    let kind = ExecKind::Write {
        target: access.name.clone(),
        changes_catalog: false,
    };
    let (mut authorised, description) = match &insert.rows {
        InsertRows::Defaults => {
            let sql = format!("{head} default values");
            let text = format!("{head}{alias} default values{tail}\n");
            let description = context.sidecar.describe(&text);
            let description = description.map_err(Error::without_position)?;
            (
                written(context, kind, CommandTag::Insert, sql, None),
                description,
            )
        }
        InsertRows::Query(query) | InsertRows::ByName(query) => {
            // The sidecar binds the user's rows into the target: it knows its columns' types, so that
            // parameters get them.
            let query = Query {
                text: query.text.clone(),
                tree: query.tree.clone(),
            };
            let wrap = |text: &str| Ok(format!("{head}{alias}{list} {text}\n{tail}\n"));
            let done = context.finish(&query, &wrap)?;
            let sql = format!("{head}{list} {}", done.sql);
            let query = Some((done.sql, done.expected, done.governed));
            let mut written = written(context, kind, CommandTag::Insert, sql, query);
            written.views = done.views;
            written.positions = done.positions;
            (written, done.description)
        }
    };
    let returned = returning::seal(
        context,
        access,
        insert.returning.as_ref(),
        allowed.rows,
        &access.name.name,
        false,
    )?;
    if let Some(conflict) = &insert.conflict {
        conflict::attach(
            context,
            access,
            insert,
            conflict,
            &mut authorised,
            &description.parameters,
        )?;
    }
    authorised.facts.written.extend(columns);
    authorised.governed |= !is_whole(access);
    authorised.description.parameters = description.parameters;
    let columns = (description.schema, description.names);
    let wanted = insert.returning.as_ref().map(|_| columns);
    returning::attach(&mut authorised, returned, wanted)?;
    Ok(authorised)
}

/// The columns that the statement names for its values, as the catalog spells them.
fn columns(context: &Context<'_>, access: &Access, insert: &Insert) -> Result<Option<Vec<String>>> {
    let by_name = matches!(insert.rows, InsertRows::ByName(_));
    if !insert.columns.is_empty() && (by_name || matches!(insert.rows, InsertRows::Defaults)) {
        return Err(Error::new(
            ErrorKind::Syntax,
            "a list of columns goes with plain rows only",
        ));
    }
    let given = match &insert.rows {
        InsertRows::ByName(query) => names(context, query)?,
        _ if insert.columns.is_empty() => return Ok(None),
        _ => insert.columns.clone(),
    };
    let spelled = given.iter().map(|name| column(access, name));
    spelled.collect::<Result<_>>().map(Some)
}

/// The names that a query gives its columns.
fn names(context: &Context<'_>, query: &Query) -> Result<Vec<String>> {
    let mut rewritten = query.tree.clone();
    Rewriter::new(Rights::of(context.view), context.parser)
        .with_sequences()
        .rewrite(&mut rewritten)?;
    let first = context.sidecar.describe(&query.text);
    let first = first.map_err(Error::without_position)?;
    Ok(context
        .settle(query, first, &|text| Ok(text.to_owned()))?
        .names)
}
