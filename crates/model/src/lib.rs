//! The vocabulary every crate of Eider shares: ids, principals, catalog snapshots, SQL types,
//! sealed requests, result streams, errors, and the [`Executor`] seam. No I/O happens here.

mod error;
mod executor;
mod id;
mod positions;
mod principal;
mod request;
mod snapshot;
mod sql_type;
mod stream;
mod units;
mod value;

pub use error::{Error, ErrorKind, Result};
pub use executor::{ExecSession, Executor};
pub use id::{SessionId, StatementId};
pub use positions::Positions;
pub use principal::{Attribute, Principal};
pub use request::{
    ExecKind, ExecRequest, Expected, OnConflict, RequestParts, Returning, SpillLimit,
};
pub use snapshot::{
    Catalog, CatalogMode, CatalogSnapshot, Column, Constraint, ConstraintKind, Relation,
    RelationKind, RelationName, Schema, TEMPORARY, fold,
};
pub use sql_type::SqlType;
pub use stream::{ResultColumn, ResultSchema, ResultStream};
pub use units::{ByteSize, Share, Span};
pub use value::ParamValue;
