//! CREATE VIEW and DROP VIEW. A view is stored with its names resolved, and read with the rights of
//! whoever reads it: making one gives nothing away.

use model::{Error, ErrorKind, ExecKind, RelationKind, RelationName, Result, fold};
use plan::{CreateView, DropView};

use crate::authorise::{Authorised, CommandTag, Context};
use crate::file::Privilege;
use crate::fit::{check_made, made};
use crate::reserved::unless_reserved;
use crate::rewrite::Rewriter;
use crate::rights::Rights;
use crate::seal::{Sealed, seal};
use crate::stored::{check_size, read_by};
use crate::write::{dropped, full, place_new, quoted, require, written};

pub(crate) fn create(context: &Context<'_>, create: &CreateView) -> Result<Authorised> {
    let target = place_new(context, &create.name, create.temporary, "CREATE VIEW")?;
    if create.or_replace {
        require(context, &target, Privilege::Drop)?;
        if create.if_not_exists {
            return Err(Error::new(
                ErrorKind::Syntax,
                "OR REPLACE and IF NOT EXISTS exclude each other",
            ));
        }
        if let Some(found) = context.view.visible().get(&target)
            && found.kind != RelationKind::View
        {
            return Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("{target} is not a view"),
            ));
        }
    }
    // Whoever writes what others read with a definer's rights reads all that the definer may.
    if context.view.is_read_for_others(&target) {
        return Err(Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "only an administrator may define {target}, which is read with a definer's rights"
            ),
        ));
    }
    let rights = Rights::names_only(context.view);
    let mut query = create.query.tree.clone();
    // Nothing is bound that has not been judged.
    Rewriter::new(rights, context.parser).rewrite(&mut query)?;
    let mut whole = create.query.tree.clone();
    let found = Rewriter::new(Rights::of(context.view), context.parser).rewrite(&mut whole)?;
    check_size(&whole)?;
    let folded = |name: &RelationName| [&name.catalog, &name.schema, &name.name].map(|p| fold(p));
    let mut below = read_by(&found, context.view).into_iter();
    if below.any(|name| folded(&name) == folded(&target)) {
        return Err(Error::not_supported(format_args!(
            "view {target}, which would read itself,"
        )));
    }
    let described = context
        .sidecar
        .describe(&create.query.text)
        .map_err(Error::without_position)?;
    if !described.parameters.is_empty() {
        return Err(Error::not_supported("a parameter in a view"));
    }
    if !create.columns.is_empty() && create.columns.len() != described.names.len() {
        return Err(Error::new(
            ErrorKind::Syntax,
            format!(
                "{} names are given for {} columns",
                create.columns.len(),
                described.names.len()
            ),
        ));
    }
    let mut names = described.names.iter().chain(&create.columns);
    names.try_for_each(|name| unless_reserved(name))?;
    let names = match create.columns.as_slice() {
        [] => &described.names,
        names => names,
    };
    let columns = made(names, &described)?;
    if !(create.if_not_exists && context.view.access(&target).is_some()) {
        check_made(context, &target, RelationKind::View, columns)?;
    }
    let Sealed {
        sql: query,
        expected,
        ..
    } = seal(&mut query, rights, context.parser)?;
    if !target.is_temporary() && expected.relations.iter().any(RelationName::is_temporary) {
        return Err(Error::not_supported("a stored view over what is temporary")
            .with_hint("make it a TEMP VIEW"));
    }
    let verb = match (create.or_replace, target.is_temporary()) {
        (true, true) => "create or replace temp view",
        (true, false) => "create or replace view",
        (false, true) => "create temp view",
        (false, false) => "create view",
    };
    let if_not_exists = if create.if_not_exists {
        " if not exists"
    } else {
        ""
    };
    let columns = match create.columns.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", quoted(columns)),
    };
    let sql = format!(
        "{verb}{if_not_exists} {}{columns} as {query}",
        full(&target)
    );
    let kind = ExecKind::Write {
        target,
        changes_catalog: true,
    };
    let query = Some((query, expected, false));
    Ok(written(context, kind, CommandTag::CreateView, sql, query))
}

pub(crate) fn drop(context: &Context<'_>, drop: &DropView) -> Result<Authorised> {
    let tag = CommandTag::DropView;
    dropped(context, &drop.name, drop.if_exists, RelationKind::View, tag)
}
