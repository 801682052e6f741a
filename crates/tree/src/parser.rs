//! Text to tree and back, by DuckDB itself.

use std::collections::BTreeSet;

use model::{Error, ErrorKind, ParamValue, Result};
use native::{Connection, Instance, Prepared};
use serde_json::Value;

use crate::classify;
use crate::document::document;
use crate::interrupt::calling;

/// How deep DuckDB's JSON may nest. Planner threads have stacks for many times this.
const MAX_DEPTH: usize = 4_000;

/// Reads and prints SQL with DuckDB. It has an empty locked instance of its own, so nothing it is
/// given can reach data.
///
/// Trees nest deeply: use one, and drop its trees, on a thread with a stack of [`STACK_BYTES`].
pub struct Parser {
    serialize: Prepared,
    deserialize: Prepared,
    /// Outlives the statements prepared on it.
    connection: Connection,
    keywords: BTreeSet<String>,
}

/// Stack that a thread needs to work on trees of the greatest allowed depth.
pub const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Options of instances that hold no data.
pub(crate) const CONFIG: &[(&str, &str)] = &[
    ("threads", "1"),
    ("memory_limit", "1GiB"),
    ("autoinstall_known_extensions", "false"),
    ("autoload_known_extensions", "false"),
    ("enable_external_access", "false"),
    ("allow_community_extensions", "false"),
];

impl Parser {
    /// Opens the instance behind it.
    pub fn open() -> Result<Self> {
        let instance = Instance::open(None, CONFIG).map_err(Error::internal)?;
        let connection = instance.connect().map_err(Error::internal)?;
        let keywords = connection
            .query("select keyword_name from duckdb_keywords()")
            .map_err(Error::internal)?
            .into_rows()
            .into_iter()
            .filter_map(|mut row| row.pop().flatten())
            .collect();
        connection
            .execute("set lock_configuration = true")
            .map_err(Error::internal)?;
        let serialize = connection
            .prepare("select json_serialize_sql($1::varchar)")
            .map_err(Error::internal)?;
        let deserialize = connection
            .prepare("select json_deserialize_sql(cast($1 as varchar)::json)")
            .map_err(Error::internal)?;
        Ok(Self {
            serialize,
            deserialize,
            connection,
            keywords,
        })
    }

    /// Reads exactly one SELECT statement: `{"node": …, "named_param_map": …}`. What comes back has
    /// not been checked against the grammar.
    ///
    /// # Errors
    /// `Syntax` with a position; `NotSupported` for what DuckDB does not serialise; `TooComplex`
    /// for a tree that is too deep.
    pub fn parse(&self, text: &str) -> Result<Value> {
        let json = self.call(&self.serialize, text).map_err(|e| classify(&e))?;
        let mut answer = read(&json)?;
        if answer["error"] != Value::Bool(false) {
            return Err(refusal(&answer));
        }
        match answer["statements"].as_array_mut().map(Vec::as_mut_slice) {
            Some([statement]) => Ok(statement.take()),
            Some([]) => Err(Error::new(ErrorKind::Syntax, "the statement is empty")),
            _ => Err(Error::new(
                ErrorKind::Syntax,
                "cannot take several statements at once",
            )),
        }
    }

    /// Prints a query as DuckDB writes it.
    pub fn print(&self, query: &Value) -> Result<String> {
        let document = document(query).map_err(Error::internal)?;
        self.call(&self.deserialize, &document)
            .map_err(|e| Error::not_supported("this form of SQL").with_cause(e))
    }

    /// Whether DuckDB reads and prints this name without quotes.
    pub fn is_plain(&self, name: &str) -> bool {
        let mut bytes = name.bytes();
        bytes
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !self.keywords.contains(name)
    }

    fn call(&self, statement: &Prepared, text: &str) -> native::Result<String> {
        statement.bind(1, &ParamValue::Varchar(text.to_owned()))?;
        let rows = calling(&self.connection, || statement.query())?;
        rows.scalar()
            .ok_or_else(|| native::Error::new(native::ErrorType::Internal, "no answer"))
    }
}

/// Reads DuckDB's JSON, with numbers as they are.
///
/// # Errors
/// `TooComplex` over [`MAX_DEPTH`].
pub(crate) fn read(json: &str) -> Result<Value> {
    use serde::Deserialize;
    within_depth(json)?;
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader).map_err(|e| {
        Error::new(
            ErrorKind::NumericOutOfRange,
            "a number in the statement is out of range",
        )
        .with_cause(e)
    })
}

/// Counts brackets outside of strings, before anything recursive sees the text.
fn within_depth(json: &str) -> Result<()> {
    // Few statements have as many brackets in all, and counting them is quick.
    let opens = |byte: &&u8| matches!(byte, b'{' | b'[');
    if json.as_bytes().iter().filter(opens).count() <= MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Error::new(
                        ErrorKind::TooComplex,
                        "the statement is nested too deeply",
                    ));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn refusal(answer: &Value) -> Error {
    let message = answer["error_message"]
        .as_str()
        .unwrap_or("this statement can't be read");
    let message = message
        .split("\n\nLINE ")
        .next()
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let error = match answer["error_type"].as_str() {
        Some("parser" | "syntax") => Error::new(ErrorKind::Syntax, message),
        // DuckDB reads it as several statements.
        _ if message.starts_with("Only SELECT") => {
            Error::not_supported("a query that stands for several statements")
                .with_hint("name the values of a PIVOT: ON expression IN (…)")
        }
        _ => Error::new(ErrorKind::NotSupported, message),
    };
    match answer["position"].as_str().and_then(|p| p.parse().ok()) {
        Some(position) => error.with_position(position),
        None => error,
    }
}
