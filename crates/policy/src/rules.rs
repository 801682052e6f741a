//! The rules of a policy, their patterns read.

use std::collections::BTreeSet;

use model::{Column, Principal, RelationName, TEMPORARY};

use crate::builtin::{BuiltIn, HashKey};
use crate::file::{At, Privilege};
use crate::pattern::Pattern;

/// Whom a rule is for: the roles of `to`, or everybody, but not those of `except`.
#[derive(Debug)]
pub(crate) struct Audience {
    pub(crate) to: Option<BTreeSet<String>>,
    pub(crate) except: BTreeSet<String>,
}

/// Adds rights.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) on: Pattern<3>,
    pub(crate) privileges: BTreeSet<Privilege>,
    pub(crate) columns: Option<BTreeSet<String>>,
    pub(crate) rows: Option<String>,
    /// Whose rights a view has, where not those of its reader.
    pub(crate) definer: Option<String>,
    pub(crate) allow_key_oracle: bool,
    pub(crate) at: At,
}

impl Grant {
    /// What a session may do with its own temporary tables and views: everything. It stands in no file.
    pub(crate) fn on_temporary() -> Self {
        Self {
            role: String::new(),
            on: Pattern::of([Some(TEMPORARY), None, None]),
            privileges: Privilege::ALL.into(),
            columns: None,
            rows: None,
            definer: None,
            allow_key_oracle: false,
            at: At { file: 0, byte: 0 },
        }
    }
}

/// Takes rows away, whatever is granted.
#[derive(Debug)]
pub(crate) struct Restrict {
    pub(crate) on: Pattern<3>,
    pub(crate) rows: String,
    pub(crate) audience: Audience,
    pub(crate) at: At,
}

/// Takes rights away, whatever is granted.
#[derive(Debug)]
pub(crate) struct Deny {
    pub(crate) on: Pattern<3>,
    pub(crate) privileges: BTreeSet<Privilege>,
    /// These only; `None` is the whole relation.
    pub(crate) columns: Option<BTreeSet<String>>,
    pub(crate) audience: Audience,
    pub(crate) at: At,
}

/// Shows something else in a column's place.
#[derive(Debug)]
pub(crate) struct Mask {
    pub(crate) on: Vec<Pattern<4>>,
    pub(crate) value: MaskValue,
    pub(crate) audience: Audience,
    pub(crate) at: At,
}

/// What a mask shows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum MaskValue {
    Expression(String),
    BuiltIn(BuiltIn),
}

impl Audience {
    pub(crate) fn includes(&self, principal: &Principal) -> bool {
        let included = self.to.as_ref();
        included.is_none_or(|to| !to.is_disjoint(&principal.roles))
            && self.except.is_disjoint(&principal.roles)
    }
}

impl Restrict {
    pub(crate) fn applies(&self, principal: &Principal, name: &RelationName) -> bool {
        self.audience.includes(principal) && self.on.matches(name)
    }
}

impl Deny {
    /// Whether it hides that column from readers.
    pub(crate) fn hides(&self, column: &str) -> bool {
        self.privileges.contains(&Privilege::Select)
            && self
                .columns
                .as_ref()
                .is_some_and(|c| c.contains(&model::fold(column)))
    }

    /// Whether it takes that privilege on the whole relation.
    pub(crate) fn takes(&self, privilege: Privilege) -> bool {
        self.columns.is_none() && self.privileges.contains(&privilege)
    }
}

impl Mask {
    pub(crate) fn applies(&self, principal: &Principal, name: &RelationName, column: &str) -> bool {
        self.audience.includes(principal) && self.on.iter().any(|on| on.matches(name, column))
    }

    /// Its expression over a column.
    pub(crate) fn expression(
        &self,
        column: &Column,
        key: Option<&HashKey>,
    ) -> Result<String, String> {
        match &self.value {
            MaskValue::Expression(expression) => Ok(expression.clone()),
            MaskValue::BuiltIn(built_in) => built_in.expression(column, key),
        }
    }

    /// Whether its expression is Eider's own, and known not to throw.
    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self.value, MaskValue::BuiltIn(_))
    }
}
