//! The one list of the ways in which a client can have a statement run.

use crate::Door;

/// A form in which a door takes statements. What proves a policy goes through every one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// PostgreSQL's simple query.
    PgSimple,
    /// PostgreSQL's extended query with values as text.
    PgExtendedText,
    /// PostgreSQL's extended query with binary values.
    PgExtendedBinary,
    /// A Flight SQL statement: planned, then fetched by its ticket.
    FlightStatement,
    /// A prepared statement of Flight SQL.
    FlightPrepared,
}

/// Every form of every door. A door's own list holds no other.
pub const FORMS: &[Form] = &[
    Form::PgSimple,
    Form::PgExtendedText,
    Form::PgExtendedBinary,
    Form::FlightStatement,
    Form::FlightPrepared,
];

impl Form {
    /// The door that has it.
    pub fn door(self) -> Door {
        match self {
            Self::PgSimple | Self::PgExtendedText | Self::PgExtendedBinary => Door::Pg,
            Self::FlightStatement | Self::FlightPrepared => Door::Flight,
        }
    }

    /// Its name, for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PgSimple => "pg simple",
            Self::PgExtendedText => "pg extended text",
            Self::PgExtendedBinary => "pg extended binary",
            Self::FlightStatement => "flight statement",
            Self::FlightPrepared => "flight prepared",
        }
    }
}
