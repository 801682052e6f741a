//! Conversions in rules. DuckDB's TRY_CAST throws for some pairs of types, calls convert their
//! arguments as CAST does, and what has a time zone follows the user's: each is refused at load.

use model::{Result, SqlType};
use serde_json::Value;
use tree::build;
use tree::grammar::text;

use crate::compile::{Scope, bad, is_null};

/// Functions that write values of any type into a text.
const WRITERS: [&str; 3] = ["concat", "concat_ws", "||"];

/// Two time zones in which no time of day is the same.
const ZONES: [&str; 2] = ["UTC", "Asia/Tokyo"];

impl Scope<'_> {
    /// Refuses a condition that DuckDB would convert to BOOLEAN.
    pub(crate) fn is_truth(&self, condition: &Value) -> Result<()> {
        let known = matches!(
            text(condition, "class"),
            "COMPARISON" | "BETWEEN" | "CONJUNCTION" | "SUBQUERY"
        );
        if known || is_null(condition) {
            return Ok(());
        }
        match self.type_of(condition)? {
            SqlType::Boolean => Ok(()),
            other => Err(bad(format_args!(
                "a condition of type {other} must be BOOLEAN: write a comparison or TRY_CAST"
            ))),
        }
    }

    /// Refuses a TRY_CAST that throws on some value, or follows the user's time zone.
    pub(crate) fn tries(&self, cast: &Value, child: &Value) -> Result<()> {
        if self.trusted || is_null(child) {
            return Ok(());
        }
        let (from, to) = (self.type_of(child)?, self.type_of(cast)?);
        if tries_all(&from, &to) {
            return Ok(());
        }
        Err(bad(format_args!(
            "TRY_CAST of {from} as {to} may throw, or follow the user's time zone"
        )))
    }

    /// Refuses a call that converts its arguments in a way that may throw.
    pub(crate) fn takes(&self, name: &str, arguments: &[Value]) -> Result<()> {
        let mut types = Vec::with_capacity(arguments.len());
        for argument in arguments.iter().filter(|a| !is_null(a)) {
            types.push(self.type_of(argument)?);
        }
        if WRITERS.contains(&name) && types.iter().any(is_zoned) {
            return Err(bad(format_args!(
                "{name}() of a TIMESTAMP WITH TIME ZONE follows the user's time zone"
            )));
        }
        let parts: Vec<Vec<&SqlType>> = types.iter().map(parts).collect();
        let converted = parts.iter().flatten().find(|t| {
            use SqlType::{Bignum, TimestampMs, TimestampS, Variant};
            matches!(t, Bignum | Variant | TimestampS | TimestampMs)
        });
        if let Some(sql_type) = converted {
            return Err(bad(format_args!(
                "{name}() of type {sql_type} may throw: write TRY_CAST"
            )));
        }
        for (n, one) in parts.iter().enumerate() {
            for (a, b) in parts[n + 1..]
                .iter()
                .flatten()
                .flat_map(|b| one.iter().map(move |a| (a, b)))
            {
                if !meet(a, b) {
                    return Err(bad(format_args!(
                        "{a} and {b} meet in {name}() without a conversion that can't throw: write TRY_CAST"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Refuses a literal whose value follows the user's time zone.
    pub(crate) fn is_fixed(&self, literal: &Value) -> Result<()> {
        if text(&literal["cast_type"], "id") != "TIMESTAMP WITH TIME ZONE" {
            return Ok(());
        }
        let epoch = build::call("epoch_us", vec![literal.clone()]);
        let query = build::select(vec![epoch], build::nothing(), None, false);
        let printed = self.compiler.parser.print(&query)?;
        let mut values = Vec::with_capacity(ZONES.len());
        for zone in ZONES {
            values.push(self.compiler.sidecar.evaluate_in(&printed, zone)?.scalar());
        }
        if values[0] == values[1] {
            return Ok(());
        }
        Err(bad(format_args!(
            "{} follows the user's time zone: write one into it, as '+00'",
            text(&literal["child"]["value"], "value")
        )))
    }
}

/// Whether TRY_CAST gives a value or NULL for every value, in every time zone: pairs that the suite of
/// throwing functions has tried on the ends of their types. What is not listed may throw.
fn tries_all(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::{
        Blob, Date, Enum, Interval, Json, List, Time, TimeNs, Timestamp, TimestampMs, TimestampNs,
        TimestampS, Uuid, Varchar,
    };
    match (from, to) {
        _ if from == to => true,
        (List(from), List(to)) => tries_all(from, to),
        (_, Varchar) => !is_zoned(from),
        (Varchar | Enum(_), to) if is_number(to) => true,
        (
            Varchar | Enum(_),
            Date | Time | TimeNs | Timestamp | TimestampS | TimestampMs | TimestampNs | Interval
            | Uuid | Blob | Json,
        ) => true,
        (from, to) if is_number(from) => is_number(to),
        (Date, Timestamp | TimestampS | TimestampMs | TimestampNs) => true,
        (Timestamp, Date | TimestampS | TimestampMs) => true,
        (TimestampS | TimestampMs | TimestampNs, Timestamp) => true,
        (TimestampNs, Date) => true,
        _ => false,
    }
}

/// Whether values of these types are compared, or put into one list, without a conversion that throws.
fn meet(a: &SqlType, b: &SqlType) -> bool {
    use SqlType::{Array, Date, Decimal, HugeInt, Json, List, Timestamp, TimestampNs};
    use SqlType::{TimestampTz, UHugeInt, Varchar};
    let is_moment = |t: &SqlType| matches!(t, Date | Timestamp | TimestampNs | TimestampTz);
    match (a, b) {
        _ if a == b => true,
        (UHugeInt, other) | (other, UHugeInt) => !is_number(other),
        (HugeInt | Decimal { .. }, Decimal { .. }) | (Decimal { .. }, HugeInt) => false,
        (Json, Varchar) | (Varchar, Json) => false,
        (List(_), Array(..)) | (Array(..), List(_) | Array(..)) => false,
        // One becomes the other by the user's time zone.
        (TimestampTz, Varchar) | (Varchar, TimestampTz) => false,
        _ => !(is_moment(a) && is_moment(b)),
    }
}

/// A type, and those of its elements.
fn parts(sql_type: &SqlType) -> Vec<&SqlType> {
    let mut all = vec![sql_type];
    match sql_type {
        SqlType::List(t) | SqlType::Array(t, _) => all.extend(parts(t)),
        SqlType::Map(k, v) => {
            all.extend(parts(k));
            all.extend(parts(v));
        }
        SqlType::Struct(fields) | SqlType::Union(fields) => {
            all.extend(fields.iter().flat_map(|(_, t)| parts(t)));
        }
        _ => {}
    }
    all
}

/// Whether the text of a value follows the session's time zone, or is not known not to.
fn is_zoned(sql_type: &SqlType) -> bool {
    let zoned = |t: &&SqlType| matches!(t, SqlType::TimestampTz | SqlType::Variant);
    parts(sql_type).iter().any(zoned)
}

/// What TRY_CAST takes for a number, but BIGNUM, which has no ends.
fn is_number(sql_type: &SqlType) -> bool {
    let is_bignum = *sql_type == SqlType::Bignum;
    *sql_type == SqlType::Boolean || sql_type.is_numeric() && !is_bignum
}
