//! Session settings: one table of definitions, one store per session.

mod kind;
mod store;
mod table;
mod time_zone;

pub(crate) use store::{Settings, canonical_name};
pub(crate) use table::Setting;
