//! Prepared statements: making, binding and closing them.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::sql::ActionCreatePreparedStatementRequest;
use arrow_schema::Schema;
use bytes::Bytes;
use model::{Error, ErrorKind, Result, SqlType};

use crate::encode;
use crate::message::CreatePreparedStatementResult;
use crate::params::Parameters;
use crate::session::Session;
use crate::statement::Statement;
use crate::{transactions, types};

/// A statement with a handle, and the values that are bound to it.
pub(crate) struct PreparedStatement {
    source: Source,
    /// Planned for the types of the bound values.
    bound: Option<Bound>,
}

/// The statement as the client sent it: what each binding starts from.
#[derive(Clone)]
enum Source {
    Planned(Arc<Statement>),
    /// It can't be planned before the types of its parameters are known, as `select ? + 1`.
    Open(Arc<str>),
}

#[derive(Clone)]
struct Bound {
    statement: Arc<Statement>,
    parameters: Arc<Parameters>,
}

/// CreatePreparedStatement.
pub(crate) async fn create(
    session: &Session,
    request: &ActionCreatePreparedStatementRequest,
) -> Result<CreatePreparedStatementResult> {
    transactions::check(session, request.transaction_id.as_deref())?;
    let planned = Statement::plan(session, &request.query, Vec::new()).await;
    let mut result = CreatePreparedStatementResult::default();
    let source = match planned {
        Ok(statement) => {
            let parameters = types::parameter_schema(statement.parameters());
            let dataset = dataset_schema(session, &statement).await;
            result.parameter_schema = schema_bytes(&parameters)?;
            result.dataset_schema = schema_bytes(&dataset)?;
            result.is_update = Some(!statement.is_query());
            Source::Planned(Arc::new(statement))
        }
        // Many clients prepare before they bind. No schema means that it is not known.
        Err(error) if error.kind() == ErrorKind::IndeterminateDatatype => {
            Source::Open(request.query.as_str().into())
        }
        Err(error) => return Err(error),
    };
    let bytes = source.bytes();
    let prepared = PreparedStatement {
        source,
        bound: None,
    };
    let handle = session.shelves.statements.put(prepared, bytes)?;
    result.prepared_statement_handle = Bytes::copy_from_slice(&handle);
    Ok(result)
}

fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    encode::schema_bytes(schema).map_err(Error::internal)
}

/// The columns of the rows; without fields for a statement that has none, which is what tells older
/// clients to execute it as an update. Where open parameters leave types open, a guess is better
/// than nothing: as if they were text.
async fn dataset_schema(session: &Session, statement: &Statement) -> Arc<Schema> {
    let empty = || Arc::new(Schema::empty());
    if let (true, None) = (statement.is_query(), statement.schema()) {
        let as_text = |t: &SqlType| t.is_unknown().then_some(SqlType::Varchar);
        let declared = statement.parameters().iter().map(as_text).collect();
        let guess = statement.declare(session, declared).await;
        return guess.ok().and_then(|s| s.schema()).unwrap_or_else(empty);
    }
    statement.schema().unwrap_or_else(empty)
}

/// The prepared statement of a handle.
///
/// # Errors
/// `UndefinedStatement`.
pub(crate) fn find(session: &Session, handle: &[u8]) -> Result<Arc<PreparedStatement>> {
    let statements = &session.shelves.statements;
    statements.get(handle).ok_or_else(|| statements.unknown())
}

/// Binds rows of values in the place of those that were bound before.
pub(crate) async fn bind(session: &Session, handle: &[u8], batches: &[RecordBatch]) -> Result<()> {
    let prepared = find(session, handle)?;
    let bound = prepared.bind(session, batches).await?;
    let bytes =
        prepared.source.bytes() + bound.as_ref().map_or(0, |bound| bound.parameters.bytes());
    let with_values = PreparedStatement {
        source: prepared.source.clone(),
        bound,
    };
    session
        .shelves
        .statements
        .replace(handle, with_values, bytes)
}

/// Runs a prepared statement for its effect, for each row of values: those that come along, else
/// those that were bound before.
pub(crate) async fn update(
    session: &Arc<Session>,
    handle: &[u8],
    batches: &[RecordBatch],
) -> Result<Option<u64>> {
    let prepared = find(session, handle)?;
    let (statement, parameters) = match prepared.bind(session, batches).await? {
        Some(bound) => (bound.statement, Some(bound.parameters)),
        None => prepared.ready()?,
    };
    statement.update(session, parameters.as_ref()).await
}

impl PreparedStatement {
    /// The statement and its values, ready to run.
    ///
    /// # Errors
    /// It takes parameters, and none are bound.
    pub(crate) fn ready(&self) -> Result<(Arc<Statement>, Option<Arc<Parameters>>)> {
        if let Some(bound) = &self.bound {
            let (statement, parameters) = (&bound.statement, &bound.parameters);
            return Ok((Arc::clone(statement), Some(Arc::clone(parameters))));
        }
        let count = match &self.source {
            Source::Planned(statement) => match statement.parameters().len() {
                0 => return Ok((Arc::clone(statement), None)),
                n => n.to_string(),
            },
            Source::Open(_) => String::from("some"),
        };
        Err(Error::new(
            ErrorKind::UndefinedParameter,
            format!("the statement takes {count} parameters and none are bound"),
        ))
    }

    /// The statement, planned for the values that are bound now if there are any.
    ///
    /// # Errors
    /// It can't be planned before values are bound.
    pub(crate) fn statement(&self) -> Result<&Arc<Statement>> {
        match (&self.bound, &self.source) {
            (Some(bound), _) => Ok(&bound.statement),
            (None, Source::Planned(statement)) => Ok(statement),
            (None, Source::Open(_)) => Err(Error::new(
                ErrorKind::IndeterminateDatatype,
                "the types of the result depend on parameters that are not bound",
            )),
        }
    }

    /// Reads values; the statement is planned anew if they do not have the types it was planned for.
    /// `None` if there are none: clients send no batch then, or one without columns.
    async fn bind(&self, session: &Session, batches: &[RecordBatch]) -> Result<Option<Bound>> {
        let columns = batches.first().map_or(0, RecordBatch::num_columns);
        if columns == 0 {
            return Ok(None);
        }
        let (statement, parameters) = match &self.source {
            Source::Planned(statement) => {
                let parameters = Parameters::read(batches, statement.parameters())?;
                let statement = match statement.fits(parameters.types()) {
                    true => Arc::clone(statement),
                    false => {
                        let declared = declared(&parameters);
                        Arc::new(statement.declare(session, declared).await?)
                    }
                };
                (statement, parameters)
            }
            Source::Open(text) => {
                let parameters = Parameters::read(batches, &vec![SqlType::Unknown; columns])?;
                let statement = Statement::plan(session, text, declared(&parameters)).await?;
                (Arc::new(statement), parameters)
            }
        };
        Ok(Some(Bound {
            statement,
            parameters: Arc::new(parameters),
        }))
    }
}

impl Source {
    /// About what it takes to keep it.
    fn bytes(&self) -> usize {
        match self {
            Self::Planned(statement) => statement.bytes(),
            Self::Open(text) => text.len(),
        }
    }
}

/// The types to plan a statement for, given its values. A column of NULLs leaves its type open.
fn declared(parameters: &Parameters) -> Vec<Option<SqlType>> {
    let types = parameters.types().iter();
    types
        .map(|t| (*t != SqlType::Null && !t.is_unknown()).then(|| t.clone()))
        .collect()
}
