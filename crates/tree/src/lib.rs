//! SQL text ↔ DuckDB's own tree: reading, printing, the closed grammar that a tree is held against,
//! walking and building trees, DuckDB's errors as Eider's, and the sidecar that binds text against
//! schemas without rows.

pub mod build;
mod check;
mod classify;
mod document;
pub mod grammar;
mod normal;
mod parser;
mod quote;
mod sidecar;
pub mod walk;

pub use check::{MAX_NODES, check};
pub use classify::{classify, kind_of, position_of};
pub use normal::{canonical, canonicalize, normalize};
pub use parser::{Parser, STACK_BYTES};
pub use quote::quote;
pub use sidecar::{Description, Sidecar, library_functions};
