//! Text → statement: where one ends, what class it is, and for statements over relations DuckDB's own
//! tree of every query inside. Names are resolved, and rights applied, by `policy`.

mod ddl;
mod dml;
mod inquiry;
mod lexer;
mod merge;
mod pivot;
mod prepare;
mod schemas;
mod sequence;
mod session;
mod shell;
mod split;
mod statement;
mod subject;
mod view;

pub use ddl::{Commented, Ddl, TableChange};
pub use dml::{Assignment, Conflict, Delete, Insert, InsertRows, Target, Update};
pub use inquiry::{Explain, ExplainFormat, Show, Summarize};
pub use lexer::{Token, TokenKind, tokens};
pub use merge::{Merge, MergeAction, MergeClause, MergeCondition, MergeWhen, SourceColumns};
pub use pivot::{ClosedPivot, OpenPivot, open_pivot};
pub use prepare::{ExecuteStatement, PrepareStatement};
pub use schemas::{is_schema_of_postgres, with_own_schemas};
pub use sequence::SequenceOptions;
pub use session::{Discard, SessionStatement, SettingValue, session_statement};
pub use split::{Piece, split};
pub use statement::{
    ColumnDefinition, CreateTable, CreateView, DropTable, DropView, Key, KeyKind, ObjectName,
    Query, Statement, TableBody, parse,
};

/// Reads a text as one expression and nothing else, as in policies.
///
/// # Errors
/// `Syntax` for anything else; `NotSupported` for what the grammar does not know.
pub fn parse_expression(text: &str, parser: &tree::Parser) -> model::Result<serde_json::Value> {
    shell::expression(text, parser)
}
