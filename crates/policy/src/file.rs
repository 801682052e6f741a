//! `policy.toml` as it is written. Unknown keys are errors; everything carries its line.

use std::collections::BTreeMap;
use std::path::Path;

use model::{Error, ErrorKind, Result};
use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) principal: Vec<Spanned<PrincipalEntry>>,
    #[serde(default)]
    pub(crate) role: Vec<Spanned<RoleEntry>>,
    #[serde(default)]
    pub(crate) grant: Vec<Spanned<GrantEntry>>,
    #[serde(default)]
    pub(crate) mask: Vec<Spanned<MaskEntry>>,
}

/// `[[principal]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrincipalEntry {
    pub(crate) name: String,
    pub(crate) verifier: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, AttributeValue>,
}

/// A value in `attributes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum AttributeValue {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

/// `[[role]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleEntry {
    pub(crate) name: String,
    /// Members may see and end others' statements.
    #[serde(default)]
    pub(crate) admin: bool,
}

/// `[[grant]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantEntry {
    pub(crate) role: String,
    pub(crate) on: String,
    pub(crate) privileges: Vec<Privilege>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) rows: Option<String>,
}

/// What a grant permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum Privilege {
    Select,
    Insert,
    Create,
    Drop,
}

/// `[[mask]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaskEntry {
    pub(crate) on: String,
    pub(crate) expr: String,
    pub(crate) to: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

/// Where in the file something stands, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// An error at a byte of the file: file, line and reason.
    pub(crate) fn error(&self, at: usize, reason: impl std::fmt::Display) -> Error {
        let line = self.text.as_bytes()[..at.min(self.text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        Error::new(
            ErrorKind::Config,
            format!("{}:{line}: {reason}", self.path.display()),
        )
    }
}

pub(crate) fn read(source: Source<'_>) -> Result<File> {
    toml::from_str(source.text)
        .map_err(|e| source.error(e.span().map_or(0, |span| span.start), e.message()))
}
