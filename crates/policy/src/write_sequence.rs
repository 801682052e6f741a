//! CREATE SEQUENCE and DROP SEQUENCE: privileges, and the text that the emitter makes.

use model::{Error, ErrorKind, Result};
use plan::{ObjectName, SequenceOptions};

use crate::authorise::{Authorised, CommandTag, Context};
use crate::ddl::{defined, nothing};
use crate::denial::denied;
use crate::file::Privilege;
use crate::sequence::unless_quoted;
use crate::write::{full, place_new, require, writable};

pub(crate) fn create(
    context: &Context<'_>,
    name: &ObjectName,
    or_replace: bool,
    if_not_exists: bool,
    options: &SequenceOptions,
) -> Result<Authorised> {
    let target = place_new(context, name, false, "CREATE SEQUENCE")?;
    if target.is_temporary() {
        return Err(Error::not_supported("a temporary sequence").with_position(name.position));
    }
    unless_quoted(&target).map_err(|e| e.with_position(name.position))?;
    let mut sql = String::from("create ");
    if or_replace {
        // Also where nothing is seen: what is hidden may not be replaced either.
        require(context, &target, Privilege::Drop)?;
        if if_not_exists {
            return Err(Error::new(
                ErrorKind::Syntax,
                "OR REPLACE and IF NOT EXISTS exclude each other",
            ));
        }
        sql.push_str("or replace ");
    }
    sql.push_str("sequence ");
    if if_not_exists {
        sql.push_str("if not exists ");
    }
    sql.push_str(&full(&target));
    for (words, number) in [
        ("increment by", options.increment),
        ("minvalue", options.min),
        ("maxvalue", options.max),
        ("start with", options.start),
    ] {
        if let Some(number) = number {
            sql.push_str(&format!(" {words} {number}"));
        }
    }
    if options.cycle {
        sql.push_str(" cycle");
    }
    // Says what is wrong with the options.
    context
        .sidecar
        .describe(&sql)
        .map_err(Error::without_position)?;
    Ok(defined(context, target, CommandTag::CreateSequence, sql))
}

pub(crate) fn drop(
    context: &Context<'_>,
    name: &ObjectName,
    if_exists: bool,
) -> Result<Authorised> {
    let parts: Vec<&str> = name.parts.iter().map(String::as_str).collect();
    let target = match context.view.sequence(&parts) {
        Ok(found) => found.clone(),
        Err(e) if if_exists && e.kind() == ErrorKind::UndefinedTable => {
            return Ok(nothing(context, CommandTag::DropSequence));
        }
        Err(e) => return Err(e.with_position(name.position)),
    };
    if !context.view.permits_sequence(&target, Privilege::Drop) {
        return Err(denied(context.view, &target, Privilege::Drop, "drop"));
    }
    writable(context, &target, "DROP SEQUENCE")?;
    let sql = format!("drop sequence {}", full(&target));
    Ok(defined(context, target, CommandTag::DropSequence, sql))
}
