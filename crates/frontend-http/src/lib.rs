//! The HTTP door for operations: `/health`, `/metrics`, and running statements for admins.
//!
//! | request | answer | who |
//! |---|---|---|
//! | `GET /health` | the engine's state as JSON; 503 while it stops | anyone |
//! | `GET /metrics` | Prometheus text format 0.0.4 | anyone |
//! | `GET /v1/statements` | the statements in work, oldest first | admins, by Basic |
//! | `DELETE /v1/statements/{id}` | 202: asked to stop; 404: no such statement | admins, by Basic |

mod admin;
mod connection;
mod error;
mod health;
mod response;
mod routes;
mod statements;

pub use connection::Limits;
pub use routes::{Services, serve};
