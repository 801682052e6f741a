//! Which constants could take long to compute. The engine computes them on a planner thread, and does
//! not look at interrupts meanwhile.

use model::{Error, Result, fold};
use serde_json::Value;
use tree::grammar::text;

use crate::functions::functions;
use crate::part::located;

/// Deepest nesting of calls: each may make its text a few times as long.
const MAX_CALLS: usize = 8;

/// Longest texts in all, in bytes.
const MAX_TEXT: usize = 10_000;

/// Longest text that calls around constants may make if each makes it twice as long, as `hex` does.
const MAX_MADE: usize = 64 << 20;

/// Wildcards of a pattern: with each, LIKE takes as many times as long as the text has characters.
const MAX_WILDCARDS: usize = 2;

/// Whether computing the constants in a tree could take long.
pub(crate) fn is_costly(tree: &Value) -> bool {
    let mut bytes = 0;
    exceeds(tree, 0, &mut bytes)
}

/// Bounds the constants that DuckDB computes while it binds: those of LIMIT and of table functions, what
/// chooses COLUMNS, and patterns, formats and paths; and calls around calls of constants, each of which
/// may make a text twice as long.
///
/// # Errors
/// `NotSupported`.
pub(crate) fn check_bound(tree: &Value) -> Result<()> {
    if let Some((calls, bytes)) = constant_call(tree)
        && u32::try_from(calls).is_ok_and(|calls| bytes > MAX_MADE >> calls.min(MAX_MADE.ilog2()))
    {
        let error = Error::not_supported("so many calls around a constant");
        return Err(located(error, tree));
    }
    let parts: Vec<&Value> = match tree {
        Value::Array(items) => return items.iter().try_for_each(check_bound),
        Value::Object(_) if tree["class"] == "STAR" => {
            // COLUMNS with a lambda filters a list of names: it costs no more than what is in it.
            let chosen = &tree["expr"];
            let lambda = arguments(chosen).find(|part| part["class"] == "LAMBDA");
            vec![lambda.map_or(chosen, |lambda| &lambda["expr"])]
        }
        Value::Object(_) if tree["class"] == "FUNCTION" && is_bound_with_constants(tree) => {
            arguments(tree).skip(1).collect()
        }
        Value::Object(_) => match text(tree, "type") {
            "LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER" => vec![&tree["limit"], &tree["offset"]],
            "TABLE_FUNCTION" if fold(text(&tree["function"], "function_name")) != "unnest" => {
                arguments(&tree["function"]).collect()
            }
            _ => vec![],
        },
        _ => return Ok(()),
    };
    if let Some(part) = parts.into_iter().find(|part| is_costly(part)) {
        let error = Error::not_supported("such a computation before a statement runs");
        let hint = "patterns, paths, LIMIT and arguments of table functions are literals or short expressions";
        return Err(located(error.with_hint(hint), part));
    }
    let fields = tree
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.values());
    fields.into_iter().try_for_each(check_bound)
}

/// Of a call of constants alone: how deep calls are nested in it, and how long its texts are in all.
fn constant_call(tree: &Value) -> Option<(usize, usize)> {
    let is_call = tree["class"] == "FUNCTION" && tree["is_operator"] != true;
    is_call.then(|| constant(tree)).flatten()
}

/// The same of any part; `None` where it is more than constants.
fn constant(tree: &Value) -> Option<(usize, usize)> {
    let is_call = tree["class"] == "FUNCTION" && tree["is_operator"] != true;
    let parts: Vec<&Value> = match tree {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => match text(tree, "class") {
            "CONSTANT" => return Some((0, text(&tree["value"], "value").len())),
            "COLUMN_REF"
            | "LAMBDA"
            | "LAMBDA_REF"
            | "PARAMETER"
            | "POSITIONAL_REFERENCE"
            | "STAR"
            | "SUBQUERY"
            | "WINDOW" => return None,
            _ => fields.values().collect(),
        },
        _ => vec![],
    };
    let all = parts.into_iter().try_fold((0, 0), |(calls, bytes), part| {
        let (inner, more) = constant(part)?;
        Some((calls.max(inner), bytes + more))
    });
    all.map(|(calls, bytes)| (calls + usize::from(is_call), bytes))
}

fn is_bound_with_constants(call: &Value) -> bool {
    const PREFIXES: [&str; 7] = [
        "approx_quantile",
        "json",
        "quantile",
        "regexp",
        "reservoir_quantile",
        "str_split_regex",
        "string_split_regex",
    ];
    let name = fold(text(call, "function_name"));
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || matches!(
            name.as_str(),
            "->" | "->>" | "strftime" | "strptime" | "try_strptime"
        )
}

fn arguments(call: &Value) -> impl Iterator<Item = &Value> {
    call["children"].as_array().into_iter().flatten()
}

fn exceeds(tree: &Value, calls: usize, bytes: &mut usize) -> bool {
    match tree {
        Value::Array(items) => items.iter().any(|item| exceeds(item, calls, bytes)),
        Value::Object(fields) => {
            let calls = match text(tree, "class") {
                "LAMBDA" => return true,
                "CONSTANT" => {
                    *bytes += text(&tree["value"], "value").len();
                    calls
                }
                "CAST" => calls + 1,
                "FUNCTION" if is_steep(tree) => return true,
                "FUNCTION" if tree["is_operator"] != true => calls + 1,
                _ => calls,
            };
            calls > MAX_CALLS
                || *bytes > MAX_TEXT
                || fields.values().any(|part| exceeds(part, calls, bytes))
        }
        _ => false,
    }
}

/// Whether time or result of a call can grow faster than its arguments.
fn is_steep(call: &Value) -> bool {
    let name = fold(text(call, "function_name"));
    let list = functions();
    let rules = [list.expression(&name), list.table(&name)];
    if rules.iter().flatten().any(|rule| rule.sized || rule.format) {
        return true;
    }
    let constant = |i: usize| literal(&call["children"][i]);
    match name.as_str() {
        "damerau_levenshtein"
        | "editdist3"
        | "jaro_similarity"
        | "jaro_winkler_similarity"
        | "levenshtein" => true,
        "~~" | "!~~" | "~~*" | "!~~*" | "~~~" | "like_escape" | "not_like_escape"
        | "ilike_escape" | "not_ilike_escape" => {
            let wildcards = |pattern: &str| pattern.matches(['%', '*']).count();
            constant(1).is_none_or(|pattern| wildcards(pattern) > MAX_WILDCARDS)
        }
        "replace" => constant(1)
            .zip(constant(2))
            .is_none_or(|(old, new)| new.len() > old.len()),
        "regexp_replace" => constant(2).is_none_or(|new| new.len() > 1),
        // A wildcard in a path that meets each level.
        _ if name.starts_with("json") || matches!(name.as_str(), "->" | "->>") => {
            let mut paths = arguments(call).skip(1).map(literal);
            paths.any(|path| path.is_none_or(|path| path.contains("..") || path.contains("**")))
        }
        _ => false,
    }
}

fn literal(expr: &Value) -> Option<&str> {
    (text(expr, "class") == "CONSTANT").then(|| text(&expr["value"], "value"))
}
