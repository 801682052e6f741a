//! Step 7 of the rewriting: functions, operators, windows, collations, samples, each by allow-list.
//! Session functions become constants.

use model::{Error, ErrorKind, Result, fold};
use serde_json::{Value, json};
use tree::build;
use tree::grammar::text;

use crate::formats;
use crate::functions::{Decision, FunctionClass, Functions, Rule, functions};
use crate::part::located;
use crate::rights::Rights;
use crate::sequence::{SequenceCall, resolved};
use crate::sizes::{self, MAX_ROWS, MAX_SIZE};

/// Largest reservoir sample: it takes eight bytes a row at once.
const MAX_SAMPLE: i64 = 1_000_000;

/// Judges calls for one reader.
pub(crate) struct Calls<'a> {
    rights: Rights<'a>,
    list: &'static Functions,
    /// Whether sequences may be named.
    sequences: bool,
}

impl<'a> Calls<'a> {
    pub(crate) fn new(rights: Rights<'a>) -> Self {
        Self {
            rights,
            list: functions(),
            sequences: false,
        }
    }

    /// Lets calls name sequences.
    pub(crate) fn allow_sequences(&mut self) {
        self.sequences = true;
    }

    /// Allows a call in an expression, or gives what stands for it: a constant, or a call that names its
    /// sequence in full.
    pub(crate) fn function(&self, expr: &Value) -> Result<Option<Value>> {
        let name = text(expr, "function_name");
        let (catalog, schema) = (fold(text(expr, "catalog")), fold(text(expr, "schema")));
        let is_session = self
            .list
            .expression(name)
            .iter()
            .any(|r| r.decision == Decision::Session);
        let builtin = match (catalog.as_str(), schema.as_str()) {
            ("" | "system", "" | "main") => true,
            ("", "pg_catalog") => is_session,
            _ => false,
        };
        if !builtin {
            return Err(undefined(name, expr));
        }
        if expr["is_operator"] == true && !self.list.is_operator(name) {
            return Err(undefined(name, expr));
        }
        if is_session && self.rights.names_only {
            return Ok(None);
        }
        if is_session {
            let constant = self
                .session_value(&fold(name))
                .ok_or_else(|| undefined(name, expr))?;
            return Ok(Some(build::aliased(constant, text(expr, "alias"))));
        }
        if self.list.is_syntax(name) {
            return Ok(None);
        }
        if let Some(call) = SequenceCall::of(name) {
            if !self.sequences || self.rights.names_only {
                let refused = Error::not_supported(format_args!("{}() here", fold(name)));
                return Err(located(refused, expr));
            }
            return resolved(call, expr, self.rights).map(Some);
        }
        self.allow(&self.list.expression(name), name, expr, MAX_SIZE)?;
        Ok(None)
    }

    /// Puts guards into a call or window function that was allowed, where a number that is computed
    /// sets the size of its result or where it looks.
    pub(crate) fn guard(&self, expr: &mut Value) -> Result<()> {
        // The text of a view keeps its user's words; guards come when it is read.
        if self.rights.names_only {
            return Ok(());
        }
        if text(expr, "class") == "WINDOW" {
            sizes::guard_offset(expr);
        }
        let rules = self.list.expression(text(expr, "function_name"));
        match rules.into_iter().find(|rule| rule.sized) {
            Some(rule) => sizes::guard(rule, expr),
            None => Ok(()),
        }
    }

    /// Allows a call in FROM.
    pub(crate) fn table_function(&self, call: &Value) -> Result<()> {
        let name = text(call, "function_name");
        if !text(call, "catalog").is_empty() || !text(call, "schema").is_empty() {
            return Err(undefined(name, call));
        }
        self.allow(&self.list.table(name), name, call, MAX_ROWS)
    }

    /// Allows a window function.
    pub(crate) fn window(&self, expr: &Value) -> Result<()> {
        let name = text(expr, "function_name");
        if !text(expr, "catalog").is_empty() || !text(expr, "schema").is_empty() {
            return Err(undefined(name, expr));
        }
        let class = match text(expr, "type") {
            "WINDOW_AGGREGATE" => FunctionClass::Aggregate,
            _ => FunctionClass::Window,
        };
        let rules: Vec<Rule> = self.list.rule(class, name).into_iter().collect();
        self.allow(&rules, name, expr, MAX_SIZE)?;
        sizes::check_offset(expr)
    }

    /// Allows a collation.
    pub(crate) fn collation(&self, expr: &Value) -> Result<()> {
        let collation = text(expr, "collation");
        if self.list.is_collation(collation) {
            return Ok(());
        }
        let error = Error::new(
            ErrorKind::UndefinedObject,
            format!("collation \"{collation}\" does not exist"),
        );
        Err(located(error, expr))
    }

    /// Allows a sample that does not ask for too much memory at once.
    pub(crate) fn sample(&self, sample: &Value) -> Result<()> {
        let rows = sample["sample_size"]["value"].as_i64().unwrap_or_default();
        if sample["is_percentage"] == false && rows > MAX_SAMPLE {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a sample may have at most {MAX_SAMPLE} rows; use a percentage"),
            ));
        }
        Ok(())
    }

    /// The constant that a bare name such as `current_user` stands for, where no column has it.
    pub(crate) fn bare(&self, name: &str) -> Result<Option<Value>> {
        match self.list.bare(name) {
            Some((Decision::Session, _)) if self.rights.names_only => Ok(None),
            Some((Decision::Session, call)) => Ok(self.session_value(call)),
            Some((Decision::Deny | Decision::Sequence, _)) => Err(Error::new(
                ErrorKind::UndefinedColumn,
                format!("column \"{name}\" does not exist"),
            )),
            Some((Decision::Allow, _)) | None => Ok(None),
        }
    }

    fn session_value(&self, call: &str) -> Option<Value> {
        let value = match call {
            "current_user" | "session_user" | "user" | "current_role" => {
                self.rights.reader.name.as_str()
            }
            "current_catalog" | "current_database" => self.rights.database,
            "current_schema" => "main",
            "version" => crate::VERSION,
            _ => return None,
        };
        Some(build::literal(value, "VARCHAR"))
    }

    fn allow(&self, rules: &[Rule], name: &str, expr: &Value, most: i64) -> Result<()> {
        let allowed = !rules.is_empty() && rules.iter().all(|r| r.decision == Decision::Allow);
        if !allowed {
            return Err(undefined(name, expr));
        }
        let arguments = expr["children"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for rule in rules {
            if rule.sized {
                sizes::check(*rule, name, arguments, most)?;
            }
            if rule.format {
                formats::check(name, arguments, expr)?;
            }
        }
        for number in rules.iter().filter_map(|r| r.names_aggregate) {
            self.named_aggregate(arguments.get(number - 1), name, expr)?;
        }
        Ok(())
    }

    /// A function that calls an aggregate by its name in text: the name must be there to be judged.
    fn named_aggregate(&self, argument: Option<&Value>, name: &str, expr: &Value) -> Result<()> {
        let named = argument
            .filter(|a| text(a, "class") == "CONSTANT")
            .map(|a| text(&a["value"], "value"));
        let Some(aggregate) = named.filter(|n| !n.is_empty()) else {
            let error = Error::not_supported(format_args!(
                "{name}() of an aggregate that is not named by a literal"
            ));
            return Err(located(error, expr));
        };
        let rules: Vec<Rule> = self
            .list
            .rule(FunctionClass::Aggregate, aggregate)
            .into_iter()
            .collect();
        self.allow(
            &rules,
            aggregate,
            &json!({"query_location": expr["query_location"]}),
            MAX_SIZE,
        )
    }
}

/// A function that is not allowed looks like one that does not exist.
fn undefined(name: &str, expr: &Value) -> Error {
    located(
        Error::new(
            ErrorKind::UndefinedFunction,
            format!("function {name} does not exist"),
        ),
        expr,
    )
}
