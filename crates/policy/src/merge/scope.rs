//! The source of a MERGE, and what names in its clauses mean: where only one row of a pair is there,
//! names are that row's. In the query of pairs both rows have names, so that row's get qualified.

use model::{Error, Result, fold};
use plan::{Merge, Query, Target};
use serde_json::{Value, json};
use tree::build;
use tree::grammar::{Field, text};
use tree::walk;

use crate::authorise::Context;
use crate::part::{located, walkable};
use crate::rewrite::Rewriter;
use crate::rights::Rights;

/// A relation in a clause's scope, by the name that it goes by there.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
}

/// The source and its columns; `None` where no one name qualifies them all.
pub(crate) fn source(context: &Context<'_>, merge: &Merge) -> Result<Option<Named>> {
    let Some(name) = name(&merge.source) else {
        return Ok(None);
    };
    let star = vec![build::star()];
    let mut all = build::select(star, merge.source.clone(), None, false);
    let mut rewritten = all.clone();
    // Nothing is bound that has not been judged.
    Rewriter::new(Rights::of(context.view), context.parser).rewrite(&mut rewritten)?;
    tree::normalize(&mut all)?;
    let query = Query {
        text: context.parser.print(&all)?,
        tree: all,
    };
    let first = context.sidecar.describe(&query.text);
    let first = first.map_err(Error::without_position)?;
    let settled = context.settle(&query, first, &|text| Ok(text.to_owned()))?;
    Ok(Some(Named {
        name,
        columns: settled.names,
    }))
}

/// What DuckDB calls an item of FROM.
fn name(item: &Value) -> Option<String> {
    let alias = text(item, "alias");
    let name = match text(item, "type") {
        _ if !alias.is_empty() => alias,
        "BASE_TABLE" => text(item, "table_name"),
        "TABLE_FUNCTION" => text(&item["function"], "function_name"),
        "SUBQUERY" => "unnamed_subquery",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The source under the name that [`name`] gives it.
pub(crate) fn item(merge: &Merge) -> Value {
    let mut item = merge.source.clone();
    if text(&item, "type") == "SUBQUERY" && text(&item, "alias").is_empty() {
        item["alias"] = json!("unnamed_subquery");
    }
    item
}

/// What a target is called in its statement.
pub(crate) fn target_name(target: &Target) -> &str {
    let last = target.name.parts.last();
    let name = target.alias.as_ref().or(last);
    name.map_or("", String::as_str)
}

/// Makes names mean columns of `own` where they could, and not those of the relation called `other`.
pub(crate) fn qualify(expr: &mut Value, own: &Named, other: &str) -> Result<()> {
    visit(expr, Field::Expr, own, other, false)
}

fn visit(value: &mut Value, field: Field, own: &Named, other: &str, inner: bool) -> Result<()> {
    let same = |a: &str, b: &str| fold(a) == fold(b);
    if field == Field::Expr && text(value, "class") == "COLUMN_REF" {
        let parts = value["column_names"].as_array_mut();
        let parts = parts.ok_or_else(|| Error::internal("a column without a name"))?;
        let first = parts.first().and_then(Value::as_str).unwrap_or_default();
        let is_column = own.columns.iter().any(|c| same(c, first));
        let qualified = parts.len() > 1 && same(first, &own.name);
        if !is_column || qualified {
            return Ok(());
        }
        if !inner {
            parts.insert(0, json!(own.name));
        } else if parts.len() > 1 && same(first, other) {
            // A field of a column that is called as the relation that is not there.
            let what =
                "a name in a subquery or lambda of MERGE that could be a row's that is not there";
            return Err(located(Error::not_supported(what), value));
        }
        return Ok(());
    }
    // Inside of these, names may be their own; DuckDB says where one is ambiguous.
    let inner = inner || field == Field::Query || text(value, "class") == "LAMBDA";
    walkable(field).map_or(Ok(()), |field| {
        walk::children(value, field, &mut |v, f| visit(v, f, own, other, inner))
    })
}
