//! The Arrow Flight SQL door.

mod encode;
mod error;
mod message;
mod metadata;
mod params;
mod types;
