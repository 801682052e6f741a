//! Statement + principal + policy → sealed request. Deny by default: what no grant reaches does not
//! exist, what the function list does not allow does not exist, and what the rewriting does not
//! understand is refused.

mod access;
mod authorise;
mod builtin;
mod calls;
mod checker;
mod compile;
mod constants;
mod explain;
mod file;
mod functions;
mod index;
mod inquiry;
mod limit;
mod load;
mod parameters;
mod pattern;
mod rewrite;
mod rules;
mod scope;
mod set;
mod star;
mod summarize;
mod view;
mod write;

pub use authorise::{Authorised, CommandTag, authorise};
pub use constants::{constants, parameter_types};
pub use explain::Explained;
pub use file::Privilege;
pub use functions::{Decision, FunctionClass, Functions, Rule, functions};
pub use limit::Limits;
pub use set::PolicySet;
pub use view::View;

/// What `version()` answers. Clients read PostgreSQL's version out of it.
pub const VERSION: &str = concat!(
    "PostgreSQL 15.8 (Eider ",
    env!("CARGO_PKG_VERSION"),
    ", DuckDB 1.5.5)"
);
