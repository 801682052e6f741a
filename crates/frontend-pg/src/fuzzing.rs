//! The readers of what clients send, for the fuzz targets.

use bytes::Bytes;
use model::SqlType;

use crate::message::{Frontend, sasl_initial};
use crate::params;
use crate::query::Parameter;
use crate::startup::Startup;
use crate::types::{Format, oid};

/// Reads bytes as whatever a client can send: a startup packet, a message of the type that the first
/// byte says, and a parameter of each type that has an id, as text and in binary.
pub fn message(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    let body = Bytes::copy_from_slice(body);
    let _read_or_refused = (
        Startup::parse(body.clone()).is_ok(),
        sasl_initial(body.clone()).is_ok(),
        Frontend::decode(*kind, body.clone()).is_ok(),
    );
    for id in 0..OIDS {
        let declared = oid::declared(id);
        let parameter = Parameter {
            oid: id,
            sql_type: declared.clone().unwrap_or(SqlType::Unknown),
            declared: declared.is_some(),
        };
        if parameter.declared {
            for format in [Format::Text, Format::Binary] {
                let values = [Some(body.clone())];
                let _read_or_refused = params::decode(
                    std::slice::from_ref(&parameter),
                    &[format],
                    &values,
                    "",
                    "UTC",
                );
            }
        }
    }
}

/// Ids of PostgreSQL's own types are below.
const OIDS: u32 = 4_000;
