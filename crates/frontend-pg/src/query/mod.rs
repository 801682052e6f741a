//! The two query protocols.

mod extended;
mod portal;
mod simple;
mod statement;

pub(crate) use portal::Portals;
pub(crate) use statement::{Parameter, Statements};
