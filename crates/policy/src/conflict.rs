//! ON CONFLICT of an INSERT into a table that its writer sees whole.

use model::{Error, OnConflict, Result, SqlType};
use plan::{Conflict, Insert};
use serde_json::{Value, json};
use tree::{build, quote};

use crate::access::Access;
use crate::authorise::{Authorised, Context};
use crate::dml::{column, target};
use crate::file::Privilege;
use crate::returning::rename;
use crate::rewrite::{Rewriter, TARGET};
use crate::rights::Rights;
use crate::seal::Sealed;
use crate::write::quoted;

/// Puts the clause at the end of the statement.
///
/// # Errors
/// `PermissionDenied` without the right to update the columns that it sets.
pub(crate) fn attach(
    context: &Context<'_>,
    access: &Access,
    insert: &Insert,
    conflict: &Conflict,
    authorised: &mut Authorised,
    parameters: &[SqlType],
) -> Result<()> {
    let name = |c: &String| column(access, c);
    let key = conflict.key.iter().map(name).collect::<Result<Vec<_>>>()?;
    let mut clause = String::from(" on conflict");
    if !key.is_empty() {
        clause.push_str(&format!(" ({})", quoted(&key)));
    }
    let mut sealed = OnConflict {
        key,
        ..OnConflict::default()
    };
    if conflict.assignments.is_empty() {
        clause.push_str(" do nothing");
    } else {
        let (_, changes) = target(context, &insert.target.name, Privilege::Update)?;
        let set = conflict.assignments.iter();
        let columns = set
            .map(|a| column(access, &a.column).map_err(|e| e.with_position(a.position)))
            .collect::<Result<Vec<_>>>()?;
        let allowed = changes.allow(context.view, access, Privilege::Update, &columns)?;
        if allowed.rows.is_some() || conflict.assignments.iter().any(|a| a.to_default) {
            return Err(Error::not_supported("this form of ON CONFLICT"));
        }
        let mut texts = texts(context, access, conflict, authorised, parameters)?;
        if conflict.conditional {
            sealed.condition = texts.pop();
        }
        sealed.set = columns.into_iter().zip(texts).collect();
        let set = sealed.set.iter();
        authorised
            .facts
            .written
            .extend(set.clone().map(|(c, _)| c.clone()));
        let set: Vec<String> = set
            .map(|(c, text)| format!("{} = ({text})", quote(c)))
            .collect();
        clause.push_str(&format!(" do update set {}", set.join(", ")));
        if let Some(condition) = &sealed.condition {
            clause.push_str(&format!(" where ({condition})"));
        }
    }
    authorised.sql = format!("{}{clause}", authorised.sql).into();
    authorised.on_conflict = Some(sealed);
    Ok(())
}

/// The texts of its expressions, one by one: in them the target goes by its own name.
fn texts(
    context: &Context<'_>,
    access: &Access,
    conflict: &Conflict,
    authorised: &mut Authorised,
    parameters: &[SqlType],
) -> Result<Vec<std::sync::Arc<str>>> {
    let mut query = conflict.values.tree.clone();
    let nothing = build::select(vec![], build::base_table(&access.name, TARGET), None, false);
    Rewriter::new(Rights::of(context.view), context.parser)
        .with_source(nothing)
        .rewrite(&mut query)?;
    context.cast_all(&mut query, parameters)?;
    let Value::Array(items) = query["node"]["select_list"].take() else {
        return Err(Error::internal("a list that is none"));
    };
    let mut texts = Vec::with_capacity(items.len());
    let mut expected = authorised.expected.as_ref().clone();
    for mut item in items {
        rename(&mut item, TARGET, &access.name.name);
        item["alias"] = json!("");
        let nothing = build::nothing();
        let mut lone = build::select(vec![item], nothing, None, false);
        let Sealed {
            sql,
            expected: found,
            ..
        } = context.seal_text(&mut lone)?;
        if !found.relations.is_empty() {
            return Err(Error::not_supported("a subquery in ON CONFLICT"));
        }
        expected.functions.extend(found.functions.iter().cloned());
        let text = sql.strip_prefix("SELECT ");
        texts.push(
            text.ok_or_else(|| Error::internal("an expression that prints as none"))?
                .into(),
        );
    }
    authorised.expected = std::sync::Arc::new(expected);
    Ok(texts)
}
