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
    /// As the client sent it: what each binding starts from.
    statement: Arc<Statement>,
    /// Planned for the types of the bound values.
    bound: Option<Bound>,
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
    let statement = Statement::plan(session, &request.query).await?;
    let parameter_schema = types::parameter_schema(statement.parameters());
    let dataset_schema = dataset_schema(session, &statement).await;
    let is_update = !statement.is_query();
    let bytes = statement.bytes();
    let prepared = PreparedStatement {
        statement: Arc::new(statement),
        bound: None,
    };
    let handle = session.shelves.statements.put(prepared, bytes)?;
    Ok(CreatePreparedStatementResult {
        prepared_statement_handle: Bytes::copy_from_slice(&handle),
        dataset_schema: encode::schema_bytes(&dataset_schema).map_err(Error::internal)?,
        parameter_schema: encode::schema_bytes(&parameter_schema).map_err(Error::internal)?,
        is_update: Some(is_update),
    })
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
        prepared.statement.bytes() + bound.as_ref().map_or(0, |bound| bound.parameters.bytes());
    let with_values = PreparedStatement {
        statement: Arc::clone(&prepared.statement),
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
    session: &Session,
    handle: &[u8],
    batches: &[RecordBatch],
) -> Result<Option<u64>> {
    let prepared = find(session, handle)?;
    let (statement, parameters) = match prepared.bind(session, batches).await? {
        Some(bound) => (bound.statement, Some(bound.parameters)),
        None => prepared.ready()?,
    };
    statement.update(session, parameters.as_deref()).await
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
        match self.statement.parameters().len() {
            0 => Ok((Arc::clone(&self.statement), None)),
            n => Err(Error::new(
                ErrorKind::UndefinedParameter,
                format!("the statement takes {n} parameters and none are bound"),
            )),
        }
    }

    /// The statement, planned for the values that are bound now if there are any.
    pub(crate) fn statement(&self) -> &Arc<Statement> {
        match &self.bound {
            Some(bound) => &bound.statement,
            None => &self.statement,
        }
    }

    /// Reads values; the statement is planned anew if they do not have the types it was planned for.
    /// `None` if there are none: clients send no batch then, or one without columns.
    async fn bind(&self, session: &Session, batches: &[RecordBatch]) -> Result<Option<Bound>> {
        if batches.iter().all(|b| b.num_columns() == 0) {
            return Ok(None);
        }
        let wanted = self.statement.parameters();
        let parameters = Arc::new(Parameters::read(batches, wanted)?);
        let fits = parameters
            .types()
            .iter()
            .zip(wanted)
            .all(|(t, wanted)| t == wanted || *t == SqlType::Null);
        let statement = if fits && self.statement.schema().is_some() | !self.statement.is_query() {
            Arc::clone(&self.statement)
        } else {
            let declared = parameters
                .types()
                .iter()
                .map(|t| (*t != SqlType::Null && !t.is_unknown()).then(|| t.clone()))
                .collect();
            Arc::new(self.statement.declare(session, declared).await?)
        };
        Ok(Some(Bound {
            statement,
            parameters,
        }))
    }
}
