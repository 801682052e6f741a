//! Statement + principal + policy → sealed request. Deny by default: what no grant reaches does not
//! exist, what the function list does not allow does not exist, and what the rewriting does not
//! understand is refused.

mod access;
mod alter;
mod asked;
mod attribute_values;
mod attributes;
mod authorise;
mod builtin;
mod calls;
mod changes;
mod checker;
mod checker_open;
mod closed;
mod columns;
mod compile;
mod conflict;
mod constants;
mod conversions;
mod copies;
mod costly;
mod ddl;
mod definer;
mod denial;
mod dml;
mod estimate;
mod expansion;
mod explain;
mod facts;
mod file;
mod fit;
mod formats;
mod from;
mod functions;
mod generated;
mod ids;
mod index;
mod inquiry;
mod insert;
mod limit;
mod literal;
mod load;
mod made;
mod mapping;
mod merge;
mod mirrored;
mod naming;
mod parameters;
mod part;
mod pattern;
mod reserved;
mod resolve;
mod returning;
mod rewrite;
mod rights;
mod rules;
mod schema;
mod scope;
mod seal;
mod sequence;
mod set;
mod sizes;
mod star;
mod stored;
mod summarize;
mod typing;
mod view;
mod write;
mod write_sequence;
mod write_view;

pub use asked::Asked;
pub use authorise::{Authorised, CommandTag, authorise};
pub use constants::{constants, parameter_types};
pub use explain::Explained;
pub use file::Privilege;
pub use functions::{Decision, FunctionClass, Functions, Rule, functions};
pub use limit::{Bound, Limits};
pub use schema::SCHEMA;
pub use set::PolicySet;
pub use view::View;

/// What `version()` answers. Clients read PostgreSQL's version out of it.
pub const VERSION: &str = concat!(
    "PostgreSQL 15.8 (Eider ",
    env!("CARGO_PKG_VERSION"),
    ", DuckDB 1.5.5)"
);
