//! Who asks.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A typed attribute of a principal, for use in policies as `attribute('name')`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// VARCHAR
    Text(String),
    /// BIGINT
    Integer(i64),
    /// BOOLEAN
    Boolean(bool),
}

/// An authenticated principal as one version of the policy knows it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The name, as the client gave it at login.
    pub name: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// Whether it may see and end other principals' statements.
    pub admin: bool,
}
