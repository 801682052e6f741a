//! Prepared statements of one connection.

use std::collections::HashMap;
use std::sync::Arc;

use gateway::Prepared;
use model::{Error, ErrorKind, Result, SqlType};

use crate::types::{PgType, oid};

/// A statement of the extended protocol.
pub(crate) struct Statement {
    /// The text as it was sent, in which positions of errors count.
    pub(crate) text: Arc<str>,
    /// Where the statement begins in the text.
    pub(crate) offset: usize,
    /// `None` for a text without a statement.
    pub(crate) prepared: Option<Arc<Prepared>>,
    /// Its parameters: the id that the client is told, and the type that the plan has.
    pub(crate) parameters: Vec<Parameter>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) oid: u32,
    /// The planned type; `Unknown` where the value decides.
    pub(crate) sql_type: SqlType,
    /// Whether the client fixed the id, so that the value is read by it and not by the plan.
    pub(crate) declared: bool,
}

impl Statement {
    pub(crate) fn new(
        text: Arc<str>,
        offset: usize,
        prepared: Option<Arc<Prepared>>,
        declared: &[u32],
    ) -> Self {
        let planned = prepared.as_ref().map_or(&[][..], |p| p.parameters());
        Self {
            parameters: parameters(planned, declared),
            text,
            offset,
            prepared,
        }
    }
}

/// The parameters of a plan under the ids that the client has fixed. It may fix more than the
/// statement has; they have to be bound then, as in PostgreSQL.
fn parameters(planned: &[SqlType], declared: &[u32]) -> Vec<Parameter> {
    let count = planned.len().max(declared.len());
    (0..count)
        .map(|i| {
            let sql_type = planned.get(i).cloned().unwrap_or(SqlType::Unknown);
            let fixed = declared.get(i).copied().filter(|oid| is_fixed(*oid));
            Parameter {
                oid: fixed.unwrap_or_else(|| PgType::of(&sql_type).oid),
                sql_type,
                declared: fixed.is_some(),
            }
        })
        .collect()
}

/// Whether an id in Parse fixes a type; 0 and `unknown` leave it open.
fn is_fixed(oid: u32) -> bool {
    oid != 0 && oid != oid::UNKNOWN
}

/// The types that Parse fixes.
///
/// # Errors
/// `UndefinedObject`: an id that no type here has.
pub(crate) fn declared_types(oids: &[u32]) -> Result<Vec<Option<SqlType>>> {
    oids.iter()
        .map(|oid| {
            if is_fixed(*oid) && !oid::is_known(*oid) {
                let message = format!("type with OID {oid} does not exist");
                return Err(Error::new(ErrorKind::UndefinedObject, message));
            }
            Ok(oid::declared(*oid))
        })
        .collect()
}

/// Statements by name. The session has the names, too, and bounds their number.
#[derive(Default)]
pub(crate) struct Statements(HashMap<String, Arc<Statement>>);

impl Statements {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Statement>> {
        self.0.get(name)
    }

    pub(crate) fn insert(&mut self, name: String, statement: Statement) {
        self.0.insert(name, Arc::new(statement));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    #[test]
    fn what_the_client_fixes_wins() {
        let planned = [SqlType::UBigInt, SqlType::Unknown, SqlType::Varchar];
        let parameter = |oid, sql_type, declared| Parameter {
            oid,
            sql_type,
            declared,
        };
        assert_eq!(
            parameters(&planned, &[0, oid::NUMERIC, oid::UNKNOWN, oid::INT4]),
            [
                parameter(oid::NUMERIC, SqlType::UBigInt, false),
                parameter(oid::NUMERIC, SqlType::Unknown, true),
                parameter(oid::TEXT, SqlType::Varchar, false),
                parameter(oid::INT4, SqlType::Unknown, true),
            ]
        );
    }

    #[test]
    fn ids_of_types() {
        let types = declared_types(&[0, oid::UNKNOWN, oid::INT8]).unwrap();
        assert_eq!(types, [None, None, Some(SqlType::BigInt)]);
        let error = declared_types(&[oid::INT8, 600]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UndefinedObject);
    }
}
