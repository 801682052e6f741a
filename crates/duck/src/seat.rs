//! The place of a connection that outlives a statement: of a transaction, or of temporary objects.

use std::sync::Arc;

use crate::control::Control;
use crate::core::Lease;

/// Where such a connection is.
pub(crate) enum Seat {
    Here(Lease),
    /// With a statement, or with something short.
    With(Option<Arc<Control>>),
    Lost,
}

/// What asking for the connection gives.
pub(crate) enum Taken {
    Lease(Lease),
    /// It will be here soon: what it is with has been stopped, or is about to end.
    Soon,
    /// A statement has it whose result is still being read.
    Busy,
    Lost,
}

impl Seat {
    pub(crate) fn take(&mut self, for_statement: Option<&Arc<Control>>) -> Taken {
        match std::mem::replace(self, Self::With(for_statement.cloned())) {
            Self::Here(lease) => Taken::Lease(lease),
            Self::Lost => {
                *self = Self::Lost;
                Taken::Lost
            }
            Self::With(control) => {
                let ends = control
                    .as_ref()
                    .is_none_or(|c| c.is_stopped() || c.is_quiet());
                *self = Self::With(control);
                if ends { Taken::Soon } else { Taken::Busy }
            }
        }
    }

    /// Puts the connection back; returns it if its place has been given up.
    pub(crate) fn put(&mut self, lease: Lease) -> Option<Lease> {
        if matches!(self, Self::Lost) || lease.core().is_dead() {
            *self = Self::Lost;
            return Some(lease);
        }
        *self = Self::Here(lease);
        None
    }

    /// Gives the place up; returns the connection if it is here.
    pub(crate) fn lose(&mut self) -> Option<Lease> {
        match std::mem::replace(self, Self::Lost) {
            Self::Here(lease) => Some(lease),
            Self::With(_) | Self::Lost => None,
        }
    }

    /// The statement that has the connection.
    pub(crate) fn statement(&self) -> Option<Arc<Control>> {
        match self {
            Self::With(control) => control.clone(),
            Self::Here(_) | Self::Lost => None,
        }
    }
}
