//! Numbers that set the size of a value: literal ones are bounded where they stand, others when the
//! statement runs, by a sum that overflows past the bound.

use model::{Error, ErrorKind, Result, fold};
use serde_json::{Value, json};
use tree::build;
use tree::grammar::text;

use crate::functions::Rule;
use crate::part::located;

/// Largest size that a literal may set of a value.
pub(crate) const MAX_SIZE: i64 = 1_000_000;

/// Largest size that is computed. The engine makes such values for some 2,000 rows at once.
pub(crate) const MAX_COMPUTED_SIZE: i64 = 100_000;

/// Most rows that literals may ask of a table function.
pub(crate) const MAX_ROWS: i64 = 10_000_000;

/// Largest distance of LAG and LEAD that is a literal.
const MAX_OFFSET: u64 = 1_000_000_000_000;

/// Most parts of an argument of a range that has to be repeated in a guard.
const MAX_REPEATED: usize = 100;

/// Bounds the literals of a call of a function with this rule.
///
/// # Errors
/// `LimitExceeded`.
pub(crate) fn check(rule: Rule, name: &str, arguments: &[Value], most: i64) -> Result<()> {
    let sizes = match rule.size_argument {
        Some(number) => arguments.get(number - 1..number).unwrap_or_default(),
        None => arguments,
    };
    let literals: Option<Vec<i64>> = sizes.iter().map(integer).collect();
    if let Some(literals) = literals
        && rule.size_argument.is_none()
        && length(&literals).is_some_and(|length| length <= most.unsigned_abs())
    {
        return Ok(());
    }
    let large = |argument: &&Value| {
        integer(argument).is_some_and(|n| n.unsigned_abs() > most.unsigned_abs())
    };
    match sizes.iter().find(large) {
        Some(argument) => Err(located(too_large(name, most), argument)),
        None => Ok(()),
    }
}

fn too_large(name: &str, most: i64) -> Error {
    let message = format!("a size in {name}() may be at most {most}");
    Error::new(ErrorKind::LimitExceeded, message)
}

/// A whole number that is written as one.
pub(crate) fn integer(expr: &Value) -> Option<i64> {
    (text(expr, "class") == "CONSTANT")
        .then(|| expr["value"]["value"].as_i64())
        .flatten()
}

/// About as many values as `range` and `generate_series` give for literals.
pub(crate) fn length(literals: &[i64]) -> Option<u64> {
    let (start, end, step) = match *literals {
        [end] => (0, end, 1),
        [start, end] => (start, end, 1),
        [start, end, step] => (start, end, step),
        _ => return None,
    };
    let distance = start.abs_diff(end);
    let forwards = (end >= start) == (step > 0);
    Some(match step {
        0 => 0,
        _ if !forwards => 0,
        _ => (distance / step.unsigned_abs()).saturating_add(1),
    })
}

/// Puts a guard around what a call of a sized function computes its size from.
///
/// # Errors
/// `NotSupported` for a range that no guard fits.
pub(crate) fn guard(rule: Rule, call: &mut Value) -> Result<()> {
    let name = fold(text(call, "function_name"));
    let at = json!({"query_location": call["query_location"]});
    let Some(arguments) = call["children"].as_array_mut() else {
        return Ok(());
    };
    let most = match arguments.iter().any(varies) {
        true => MAX_COMPUTED_SIZE,
        false => MAX_SIZE,
    };
    match rule.size_argument {
        Some(number) => {
            let size = arguments.get_mut(number - 1);
            if let Some(size) = size.filter(|size| integer(size).is_none()) {
                *size = bounded(size.take(), most, "INTEGER", i32::MAX.into());
            }
            Ok(())
        }
        None if arguments.iter().all(|a| integer(a).is_some()) => Ok(()),
        None => guard_range(arguments, most).map_err(|what| {
            let error = Error::not_supported(format_args!("such a {what} of {name}()"));
            let hint =
                "a literal or interval is a step, and start, end and step are short expressions";
            located(error.with_hint(hint), &at)
        }),
    }
}

/// The same for the arguments of `range`. The error is which of them is in the way.
fn guard_range(arguments: &mut [Value], most: i64) -> Result<(), &'static str> {
    if let [start, end, step] = arguments
        && is_interval(step)
    {
        if ![&*start, end, step].into_iter().all(is_repeatable) {
            return Err("start, end or step");
        }
        *end = bounded_in_time(start, end, step, most);
        return Ok(());
    }
    let step = match arguments.get(2) {
        None => 1,
        Some(step) => integer(step).ok_or("step")?,
    };
    // A list as long as may be made ends this far from its start.
    let most = most.saturating_mul(step.saturating_abs());
    match arguments {
        [end] => *end = bounded(end.take(), most, "BIGINT", i64::MAX),
        [start, end, ..] => {
            if integer(start).is_none() && !is_repeatable(start) {
                return Err("start");
            }
            let start = as_type(start.clone(), "BIGINT");
            let stop = as_type(end.take(), "BIGINT");
            let (way, distance) = match step < 0 {
                true => ("subtract", vec![start.clone(), stop]),
                false => ("add", vec![stop, start.clone()]),
            };
            let distance = build::call("subtract", distance);
            let distance = bounded(distance, most, "BIGINT", i64::MAX);
            *end = build::call(way, vec![start, distance]);
        }
        [] => {}
    }
    Ok(())
}

/// The end of a range of dates, plus no time: to find out that it is none fails where there are more
/// steps than `most` from the start.
fn bounded_in_time(start: &Value, end: &Value, step: &Value, most: i64) -> Value {
    let point = |expr: &Value| match text(expr, "class") {
        "CONSTANT" => as_type(expr.clone(), "TIMESTAMP"),
        _ => build::aliased(expr.clone(), ""),
    };
    let epoch = |expr: Value| build::call("epoch", vec![expr]);
    let distance = build::call("subtract", vec![epoch(point(end)), epoch(point(start))]);
    let step = epoch(as_type(step.clone(), "INTERVAL"));
    let steps = build::call("abs", vec![build::call("divide", vec![distance, step])]);
    let steps = bounded(steps, most, "INTEGER", i32::MAX.into());
    let none = build::call("least", vec![steps, build::literal("0", "INTEGER")]);
    build::call("+", vec![point(end), build::call("to_days", vec![none])])
}

/// Whether an argument may differ from row to row.
fn varies(expr: &Value) -> bool {
    match expr {
        Value::Array(items) => items.iter().any(varies),
        Value::Object(fields) => match text(expr, "class") {
            "COLUMN_REF" => true,
            "SUBQUERY" => false,
            _ => fields.values().any(varies),
        },
        _ => false,
    }
}

/// Bounds how far LAG and LEAD look. DuckDB 1.5.5 takes the least BIGINT for a small distance, and
/// reads memory that is far away.
///
/// # Errors
/// `LimitExceeded`.
pub(crate) fn check_offset(window: &Value) -> Result<()> {
    let offset = &window["offset_expr"];
    if integer(offset).is_some_and(|n| n.unsigned_abs() > MAX_OFFSET) {
        let name = text(window, "function_name");
        let message = format!("the offset of {name}() may be at most {MAX_OFFSET}");
        return Err(located(
            Error::new(ErrorKind::LimitExceeded, message),
            offset,
        ));
    }
    Ok(())
}

/// Has an offset that is computed fail where it is the least BIGINT.
pub(crate) fn guard_offset(window: &mut Value) {
    let offset = &mut window["offset_expr"];
    if !offset.is_null() && integer(offset).is_none() {
        let negated = build::call("subtract", vec![zero(), as_type(offset.take(), "BIGINT")]);
        *offset = build::call("subtract", vec![zero(), negated]);
    }
}

fn zero() -> Value {
    build::literal("0", "BIGINT")
}

/// The same number, up to `most`: past that the sum overflows its type, and the statement fails.
fn bounded(number: Value, most: i64, type_id: &str, greatest: i64) -> Value {
    let rest = || build::literal(&(greatest - most).to_string(), type_id);
    let sum = build::call("add", vec![as_type(number, type_id), rest()]);
    build::call("subtract", vec![sum, rest()])
}

fn as_type(mut expr: Value, type_id: &str) -> Value {
    // The name of an argument means nothing to these functions, and can't stand inside of a cast.
    expr["alias"] = Value::from("");
    build::cast(expr, json!({"id": type_id, "type_info": null}))
}

/// Whether a step is one in time: such lists are of dates.
fn is_interval(step: &Value) -> bool {
    match text(step, "class") {
        "CAST" => text(&step["cast_type"], "id") == "INTERVAL",
        // Letters that no number has, be it hexadecimal: those of years, months, minutes, …
        "CONSTANT" => step["value"]["value"].as_str().is_some_and(|text| {
            text.to_ascii_lowercase()
                .contains([':', 'h', 'm', 'q', 's', 'w', 'y'])
        }),
        "FUNCTION" => {
            let name = fold(text(step, "function_name"));
            let mut parts = step["children"].as_array().into_iter().flatten();
            name.starts_with("to_")
                || matches!(name.as_str(), "*" | "+" | "-" | "/") && parts.any(is_interval)
        }
        _ => false,
    }
}

/// Whether an expression may be written twice: it is short, and gives the same each time.
fn is_repeatable(expr: &Value) -> bool {
    parts(expr).is_some_and(|parts| parts <= MAX_REPEATED)
}

/// Of how many parts an expression is; `None` where one of them gives something else each time.
fn parts(expr: &Value) -> Option<usize> {
    const VOLATILE: [&str; 6] = [
        "random",
        "uuid",
        "uuidv4",
        "uuidv7",
        "gen_random_uuid",
        "nextval",
    ];
    let inner: Vec<&Value> = match expr {
        Value::Array(items) => items.iter().collect(),
        Value::Object(_) if VOLATILE.contains(&fold(text(expr, "function_name")).as_str()) => {
            return None;
        }
        Value::Object(fields) => fields.values().collect(),
        _ => return Some(0),
    };
    let own = usize::from(!text(expr, "class").is_empty());
    inner
        .into_iter()
        .try_fold(own, |sum, part| Some(sum + parts(part)?))
}
