//! RETURNING: of each row that was written, what its writer sees of it; and whether the row may be
//! written at all. DuckDB evaluates the list on the rows written only, so no barrier is needed in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Column, Error, ErrorKind, Result, ResultSchema, Returning, fold};
use plan::Query;
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::{build, walk};

use crate::access::Access;
use crate::authorise::{Authorised, Context};
use crate::changes::{Changes, MERGE_ACTION, items};
use crate::compile::SELF;
use crate::dml::column;
use crate::mapping::looks_up;
use crate::part::{located, names, walkable};
use crate::rewrite::{Rewriter, TARGET};
use crate::rights::Rights;
use crate::seal::Sealed;

/// A sealed list, and the functions in it.
pub(crate) struct Returned {
    returning: Returning,
    functions: BTreeSet<String>,
}

/// Seals what a statement gives back, and the check of its new rows. In its text the relation that is
/// written goes by `target`; `merges` where a row says what was done with it. `None` where there is
/// neither.
pub(crate) fn seal(
    context: &Context<'_>,
    access: &Access,
    list: Option<&Query>,
    check: Option<Value>,
    target: &str,
    merges: bool,
) -> Result<Option<Returned>> {
    let mut all = Vec::new();
    if let Some(list) = list {
        let mut query = list.tree.clone();
        let nothing = build::select(vec![], build::base_table(&access.name, SELF), None, false);
        Rewriter::new(Rights::of(context.view), context.parser)
            .with_source(nothing)
            .rewrite(&mut query)?;
        let Value::Array(items) = query["node"]["select_list"].take() else {
            return Err(Error::internal("a list that is none"));
        };
        let changes = access.changes.as_ref();
        let changes = changes.ok_or_else(|| Error::internal("a write without its rules"))?;
        let row = Row {
            access,
            changes,
            target,
            merges,
        };
        for item in items {
            all.extend(row.item(item)?);
        }
    }
    let checked = check.is_some();
    if let Some(mut check) = check {
        rename(&mut check, SELF, target);
        all.push(check);
    }
    if all.is_empty() {
        return Ok(None);
    }
    if all.iter().any(looks_up) {
        return Err(Error::not_supported(format_args!(
            "to check new rows of {}, or give them back, by a rule that asks a mapping table",
            access.name
        )));
    }
    let nothing = build::nothing();
    let mut query = build::select(all, nothing, None, false);
    let Sealed { sql, expected, .. } = context.seal_text(&mut query)?;
    let list = sql.strip_prefix("SELECT ");
    let list = list.ok_or_else(|| Error::internal("a list that does not print as one"))?;
    if !expected.relations.is_empty() {
        return Err(Error::not_supported("a subquery in RETURNING"));
    }
    Ok(Some(Returned {
        returning: Returning {
            list: list.into(),
            most: (None, None),
            checked,
        },
        functions: expected.functions.clone(),
    }))
}

/// Puts the list at the end of the statement. `columns` are those of the result, where rows are
/// wanted.
///
/// # Errors
/// `IndeterminateDatatype` where the type of one is open.
pub(crate) fn attach(
    authorised: &mut Authorised,
    returned: Option<Returned>,
    columns: Option<(Option<Arc<ResultSchema>>, Vec<String>)>,
) -> Result<()> {
    if let Some((schema, names)) = columns {
        authorised.description.schema = Some(schema.ok_or_else(|| {
            Error::new(
                ErrorKind::IndeterminateDatatype,
                "could not determine the types of the result",
            )
        })?);
        authorised.description.names = names;
    }
    let Some(returned) = returned else {
        return Ok(());
    };
    let sql = format!("{} returning {}", authorised.sql, returned.returning.list);
    authorised.sql = sql.into();
    let mut expected = authorised.expected.as_ref().clone();
    expected.functions.extend(returned.functions);
    authorised.expected = Arc::new(expected);
    authorised.governed |= returned.returning.checked;
    authorised.returning = Some(returned.returning);
    Ok(())
}

/// A row that was written, as its writer sees it.
struct Row<'a> {
    access: &'a Access,
    changes: &'a Changes,
    target: &'a str,
    merges: bool,
}

impl Row<'_> {
    /// What is seen of each column, in order. Of those that are seen as they are it needs no CASE to
    /// hide the others' statistics: there are no other rows here.
    fn values(&self) -> Vec<Value> {
        let value = |(mut value, column): (Value, &Column)| {
            let plain = self.changes.sees_as_is(&column.name);
            if plain && text(&value, "class") == "CASE" {
                value = value["else_expr"].take();
            }
            rename(&mut value, SELF, self.target);
            value
        };
        items(self.access)
            .zip(&self.access.columns)
            .map(value)
            .collect()
    }

    /// The expressions that an item of the list stands for. Their names are the sidecar's.
    fn item(&self, mut item: Value) -> Result<Vec<Value>> {
        if text(&item, "class") == "STAR" {
            let bare = json!({
                "class": "STAR", "type": "STAR", "alias": "", "relation_name": item["relation_name"],
                "exclude_list": [], "replace_list": [], "columns": false, "expr": null,
                "qualified_exclude_list": [], "rename_list": []
            });
            if tree::canonical(&item) != bare
                || !matches!(text(&item, "relation_name"), "" | TARGET)
            {
                return Err(refused("a star with changes in RETURNING", &item));
            }
            return Ok(self.values());
        }
        self.expr(&mut item, Field::Expr)?;
        item["alias"] = json!("");
        Ok(vec![item])
    }

    fn expr(&self, value: &mut Value, field: Field) -> Result<()> {
        match text(value, "class") {
            "COLUMN_REF" => return self.column(value),
            "SUBQUERY" => return Err(refused("a subquery in RETURNING", value)),
            "STAR" => return Err(refused("a star inside an expression of RETURNING", value)),
            "POSITIONAL_REFERENCE" => {
                return Err(refused("a column by its place in RETURNING", value));
            }
            // Its parameters could stand for columns that a mask reads.
            "LAMBDA" if self.access.barrier.is_some() => {
                return Err(refused(
                    "a lambda in RETURNING of a masked or filtered table",
                    value,
                ));
            }
            _ => {}
        }
        walkable(field).map_or(Ok(()), |field| {
            walk::children(value, field, &mut |v, f| self.expr(v, f))
        })
    }

    fn column(&self, value: &mut Value) -> Result<()> {
        let mut parts: Vec<String> = names(&value["column_names"]).map(str::to_owned).collect();
        if parts.len() > 1 && parts[0] == TARGET {
            parts.remove(0);
        }
        let Some((first, fields)) = parts.split_first() else {
            return Err(Error::internal("a column without a name"));
        };
        // A parameter of a lambda: there is none over what is hidden.
        let Ok(name) = column(self.access, first) else {
            if self.merges && parts.last().is_some_and(|p| fold(p) == MERGE_ACTION) {
                if parts.len() > 1 {
                    return Err(refused("merge_action behind another name", value));
                }
                value["column_names"] = json!([self.target, MERGE_ACTION]);
                return Ok(());
            }
            return match self.access.barrier {
                None if first != TARGET => Ok(()),
                _ => Err(refused("a whole row in RETURNING", value)),
            };
        };
        let number = self.access.columns.iter().position(|c| c.name == name);
        let mut seen = number
            .and_then(|n| self.values().into_iter().nth(n))
            .ok_or_else(|| Error::internal("a column that is not seen"))?;
        if !fields.is_empty() {
            let plain = text(&seen, "class") == "COLUMN_REF";
            let list = seen["column_names"].as_array_mut().filter(|_| plain);
            let list =
                list.ok_or_else(|| refused("a field of a hidden value in RETURNING", value))?;
            list.extend(fields.iter().map(|f| json!(f)));
        }
        *value = build::aliased(seen, text(value, "alias"));
        Ok(())
    }
}

/// Gives the relation another name in an expression of policy's own.
pub(crate) fn rename(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| rename(v, from, to)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "column_names" && field[0] == from {
                    field[0] = json!(to);
                } else {
                    rename(field, from, to);
                }
            }
        }
        _ => {}
    }
}

fn refused(what: &str, value: &Value) -> Error {
    located(Error::not_supported(what), value)
}
