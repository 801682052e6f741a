//! Step 3 of the rewriting for stars: DuckDB prints the name before a star without quotes.

use model::{Error, ErrorKind, Result, fold};
use serde_json::{Value, json};
use tree::Parser;
use tree::grammar::text;

use crate::compile::SELF;
use crate::scope::FromScope;

/// Gives the names before and inside a star their new form.
///
/// # Errors
/// `UndefinedTable` for a name that would need quotes and is none of FROM.
pub(crate) fn requalify(star: &mut Value, scopes: &[FromScope], parser: &Parser) -> Result<()> {
    let item = |name: &str| {
        let folded = fold(name);
        scopes
            .iter()
            .rev()
            .flat_map(|s| &s.0)
            .find(|i| i.is_named(&folded))
            .map(|i| i.new_name().to_owned())
    };
    let name = text(star, "relation_name").to_owned();
    if !name.is_empty() {
        let found = item(&name);
        // A name that is none of FROM's could be a column's of STRUCT, but not one of these.
        let reserved = fold(&name) == "rowid" || fold(&name).starts_with(SELF);
        let known = found.is_some() || !reserved;
        let new = found.unwrap_or(name);
        if !known || !parser.is_plain(&new) {
            return Err(Error::new(
                ErrorKind::UndefinedTable,
                format!("\"{new}\" is not in FROM"),
            ));
        }
        star["relation_name"] = json!(new);
    }
    for entry in star["qualified_exclude_list"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        unqualify(entry, &item);
    }
    for entry in star["rename_list"].as_array_mut().into_iter().flatten() {
        unqualify(&mut entry["key"], &item);
    }
    Ok(())
}

fn unqualify(name: &mut Value, item: &impl Fn(&str) -> Option<String>) {
    let table = text(name, "table").to_owned();
    if let Some(new) = item(&table).filter(|_| !table.is_empty()) {
        name["catalog"] = json!("");
        name["schema"] = json!("");
        name["table"] = json!(new);
    }
}
