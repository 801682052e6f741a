//! Step 14 of the rewriting: what a principal may see, as an instance with schemas and no rows.
//! It answers every describe, and its errors may be shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{
    CatalogSnapshot, ConstraintKind, Error, ErrorKind, Relation, RelationName, Result,
    ResultSchema, SqlType,
};
use native::{Connection, Instance, Prepared};
use parking_lot::Mutex;
use serde_json::Value;

use crate::classify::{classify, kind_of};
use crate::interrupt::calling;
use crate::parser::CONFIG;
use crate::quote::quote;

/// What binding a text tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Types of `$1`, `$2`, …; [`SqlType::Unknown`] where nothing fixes one.
    pub parameters: Vec<SqlType>,
    /// The result's columns, or `None` while a parameter leaves a type open.
    pub schema: Option<Arc<ResultSchema>>,
    /// The result's columns' names, also where a type is open.
    pub names: Vec<String>,
}

/// A schema-only instance for one set of visible relations, with unqualified names resolved in one
/// default catalog. Binds only text that has passed steps 1 to 7. Cheap to share; calls on one
/// connection each, several at once.
pub struct Sidecar {
    instance: Instance,
    /// `catalog.schema`, quoted.
    search_path: String,
    /// What every connection makes of temporary tables.
    temporary: Vec<String>,
    idle: Mutex<Vec<Connection>>,
    /// What DuckDB makes no table like, and why.
    left_out: Vec<(RelationName, Error)>,
    /// Whether DuckDB has given the instance up.
    lost: Arc<AtomicBool>,
}

/// Connections kept for reuse.
const MAX_IDLE: usize = 4;

/// What the optimizer leaves alone in a plan that is shown: over relations without rows these would
/// plan for the lack of them, and run parts of the statement beforehand.
const NOT_OPTIMIZED: &str =
    "compressed_materialization,empty_result_pullup,expression_rewriter,statistics_propagation";

impl Sidecar {
    /// Builds the instance from visible relations only. One that DuckDB makes no table like is left
    /// out, and no statement about it is bound: [`Sidecar::left_out`] says why.
    pub fn build(visible: &CatalogSnapshot, default_catalog: &str) -> Result<Self> {
        let instance = Instance::open(None, CONFIG).map_err(Error::internal)?;
        let connection = instance.connect().map_err(Error::internal)?;
        let run = |sql: &str| connection.execute(sql).map(|_| ()).map_err(Error::internal);
        let mut left_out = Vec::new();
        for catalog in visible.catalogs.values() {
            run(&format!("attach ':memory:' as {}", quote(&catalog.name)))?;
            for schema in catalog.schemas.values() {
                let schema_name = format!("{}.{}", quote(&catalog.name), quote(&schema.name));
                run(&format!("create schema if not exists {schema_name}"))?;
                for sequence in schema.sequences.values() {
                    let name = quote(&sequence.name);
                    run(&format!("create sequence {schema_name}.{name}"))?;
                }
                // A view that can't be bound has no columns, and no table is made without any.
                for relation in schema.relations.values().filter(|r| !r.columns.is_empty()) {
                    if let Err(error) = make(&connection, &table_ddl(relation))? {
                        left_out.push((relation.name.clone(), error));
                    }
                }
            }
        }
        let search_path = match visible.catalog(default_catalog) {
            Some(catalog) => format!("{}.main", quote(&catalog.name)),
            // Nothing of the default catalog is visible: unqualified names then mean nothing.
            None => "memory.main".to_owned(),
        };
        run("set global errors_as_json = true")?;
        run(&format!(
            "set global disabled_optimizers = '{NOT_OPTIMIZED}'"
        ))?;
        run("set global allowed_configs = ['TimeZone']")?;
        run("set lock_configuration = true")?;
        Ok(Self {
            instance,
            search_path,
            temporary: vec![],
            idle: Mutex::new(vec![]),
            left_out,
            lost: Arc::default(),
        })
    }

    /// The same instance with the temporary tables and views of `visible` over it, on connections of its own.
    pub fn with_temporary(&self, visible: &CatalogSnapshot) -> Result<Self> {
        let temporary = visible.temporary().into_iter();
        let schemas = temporary.flat_map(|catalog| catalog.schemas.values());
        let relations = schemas.flat_map(|schema| schema.relations.values());
        Ok(Self {
            instance: self.instance.clone(),
            search_path: self.search_path.clone(),
            temporary: relations
                .filter(|r| !r.columns.is_empty())
                .map(table_ddl)
                .collect(),
            idle: Mutex::new(vec![]),
            left_out: vec![],
            lost: Arc::clone(&self.lost),
        })
    }

    /// The relations that could not be mirrored, and what DuckDB says of each: for the log.
    pub fn left_out(&self) -> &[(RelationName, Error)] {
        &self.left_out
    }

    /// Binds a statement of the user's own and tells its parameters and columns.
    ///
    /// # Errors
    /// What DuckDB says of the text, with a position in it.
    pub fn describe(&self, text: &str) -> Result<Description> {
        self.with_connection(|connection| {
            let prepared = calling(connection, || connection.prepare(text));
            let prepared = prepared.map_err(|e| self.classified(&e))?;
            description(&prepared)
        })
    }

    /// Runs a text over no rows: `describe <query>`, or a constant expression.
    pub fn evaluate(&self, text: &str) -> Result<native::Rows> {
        self.with_connection(|connection| self.query(connection, text))
    }

    /// Runs a text over no rows, in a time zone that a session has.
    pub fn evaluate_in(&self, text: &str, time_zone: &str) -> Result<native::Rows> {
        let connection = self.connect()?;
        let zone = time_zone.replace('\'', "''");
        connection
            .execute(&format!("set timezone = '{zone}'"))
            .map_err(Error::internal)?;
        self.query(&connection, text)
    }

    /// Plans a query over no rows: DuckDB's tree of operators, as `{"name", "children", "extra_info"}`.
    /// Not optimised, it runs no part of the text beforehand.
    pub fn explain(&self, text: &str, optimized: bool) -> Result<Value> {
        let connection = self.connect()?;
        if optimized {
            connection
                .execute("pragma enable_optimizer")
                .map_err(Error::internal)?;
        }
        let rows = self
            .query(&connection, &format!("explain (format json) {text}"))
            .map_err(Error::without_position)?
            .into_rows();
        let json = rows.into_iter().next().and_then(|mut row| row.pop()?);
        let json = json.ok_or_else(|| Error::internal("EXPLAIN gave no plan"))?;
        let mut plans = crate::parser::read(&json)?;
        match plans.as_array_mut().map(Vec::as_mut_slice) {
            Some([plan]) => Ok(plan.take()),
            _ => Err(Error::internal("EXPLAIN gave more than one plan")),
        }
    }

    /// Whether a text has made DuckDB give the instance up: every further call fails, and another
    /// sidecar is to be built.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn query(&self, connection: &Connection, text: &str) -> Result<native::Rows> {
        calling(connection, || connection.query(text)).map_err(|e| self.classified(&e))
    }

    fn classified(&self, error: &native::Error) -> Error {
        if error.is_fatal() {
            self.lost.store(true, Ordering::Relaxed);
        }
        classify(error)
    }

    fn with_connection<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = work(&connection);
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        result
    }

    fn connect(&self) -> Result<Connection> {
        let connection = self.instance.connect().map_err(Error::internal)?;
        connection
            .execute(&format!("use {}", self.search_path))
            .map_err(Error::internal)?;
        for table in &self.temporary {
            // Left out likewise.
            let _ = make(&connection, table)?;
        }
        // Only binding is wanted: optimising a plan that never runs would double the time.
        connection
            .execute("pragma disable_optimizer")
            .map_err(Error::internal)?;
        Ok(connection)
    }
}

/// Makes a table, or says why DuckDB makes none like it, such as for a type that it has no text for.
///
/// # Errors
/// `Internal` for what is not the table's own affair.
fn make(connection: &Connection, ddl: &str) -> Result<Result<()>> {
    let Err(error) = connection.execute(ddl) else {
        return Ok(Ok(()));
    };
    match kind_of(&error) {
        ErrorKind::Internal
        | ErrorKind::Shutdown
        | ErrorKind::OutOfMemory
        | ErrorKind::DiskFull
        | ErrorKind::Io
        | ErrorKind::QueryCanceled => Err(Error::internal(error)),
        _ => Ok(Err(classify(&error))),
    }
}

fn table_ddl(relation: &Relation) -> String {
    let name = &relation.name;
    let mut columns: Vec<String> = relation
        .columns
        .iter()
        .map(|c| {
            let not_null = if c.nullable { "" } else { " not null" };
            format!("{} {}{not_null}", quote(&c.name), c.sql_type)
        })
        .collect();
    // ON CONFLICT is bound to them.
    let keys = relation.constraints.iter();
    for key in keys.filter(|c| c.kind == ConstraintKind::Unique) {
        let names: Vec<String> = key.columns.iter().map(|c| quote(c)).collect();
        columns.push(format!("unique ({})", names.join(", ")));
    }
    let kind = if name.is_temporary() { "temp " } else { "" };
    format!(
        "create {kind}table {}.{}.{} ({})",
        quote(&name.catalog),
        quote(&name.schema),
        quote(&name.name),
        columns.join(", ")
    )
}

fn description(prepared: &Prepared) -> Result<Description> {
    let mut parameters: Vec<(usize, SqlType)> = prepared
        .parameters()
        .into_iter()
        .map(|(name, sql_type)| {
            let number = name.parse().map_err(|_| {
                Error::not_supported(format_args!("a named parameter (${name})"))
                    .with_hint("write $1, $2, …")
            })?;
            Ok((number, sql_type))
        })
        .collect::<Result<_>>()?;
    parameters.sort_by_key(|(number, _)| *number);
    let contiguous = parameters
        .iter()
        .enumerate()
        .all(|(i, (number, _))| *number == i + 1);
    if !contiguous {
        return Err(Error::new(
            ErrorKind::UndefinedParameter,
            "parameters must be numbered $1, $2, … without gaps",
        ));
    }
    let columns = prepared.columns();
    let names = columns.iter().map(|(name, _)| name.clone()).collect();
    let open = columns.iter().any(|(_, sql_type)| sql_type.is_unknown());
    let schema = if open {
        None
    } else {
        // DuckDB has no Arrow schema for some of the types that are refused.
        native::check_types(&columns)?;
        let arrow = prepared.arrow_schema().map_err(Error::internal)?;
        Some(Arc::new(native::result_schema(&columns, &arrow)?))
    };
    Ok(Description {
        parameters: parameters.into_iter().map(|(_, t)| t).collect(),
        schema,
        names,
    })
}

/// Class and name of every function of the linked library.
pub fn library_functions() -> Result<Vec<(String, String)>> {
    let instance = Instance::open(None, CONFIG).map_err(Error::internal)?;
    let connection = instance.connect().map_err(Error::internal)?;
    let rows = connection
        .query("select distinct function_type, function_name from duckdb_functions()")
        .map_err(Error::internal)?
        .into_rows();
    Ok(rows
        .into_iter()
        .filter_map(|row| <[Option<String>; 2]>::try_from(row).ok())
        .filter_map(|[class, name]| Some((class?, name?)))
        .collect())
}
