//! `policy.toml` as it is written. Unknown keys are errors; everything carries its line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model::{ByteSize, Error, ErrorKind, Result, Share, Span};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::attribute_values::{self, AttributeValue};

/// One whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Where the key of `keyed_hash` is, seen from the file's own folder.
    pub(crate) hash_key_file: Option<Spanned<PathBuf>>,
    /// Patterns of relations of whose rows nothing is asked before the row rules are.
    #[serde(default)]
    pub(crate) opaque: Vec<Spanned<String>>,
    /// Full names of tables that predicates and masks may ask by subquery.
    #[serde(default)]
    pub(crate) mapping: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) principal: Vec<Spanned<PrincipalEntry>>,
    #[serde(default)]
    pub(crate) role: Vec<Spanned<RoleEntry>>,
    #[serde(default)]
    pub(crate) grant: Vec<Spanned<GrantEntry>>,
    #[serde(default)]
    pub(crate) restrict: Vec<Spanned<RestrictEntry>>,
    #[serde(default)]
    pub(crate) deny: Vec<Spanned<DenyEntry>>,
    #[serde(default)]
    pub(crate) mask: Vec<Spanned<MaskEntry>>,
    #[serde(default)]
    pub(crate) tag: Vec<Spanned<TagEntry>>,
    #[serde(default)]
    pub(crate) limit: Vec<Spanned<LimitEntry>>,
}

/// Those of its keys that are tables.
const TABLES: [&str; 8] = [
    "principal",
    "role",
    "grant",
    "restrict",
    "deny",
    "mask",
    "tag",
    "limit",
];

/// `[[principal]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrincipalEntry {
    pub(crate) name: String,
    pub(crate) verifier: Spanned<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default, deserialize_with = "attribute_values::read")]
    pub(crate) attributes: BTreeMap<String, AttributeValue>,
}

/// `[[role]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleEntry {
    pub(crate) name: String,
    /// Members may see and end others' statements.
    #[serde(default)]
    pub(crate) admin: bool,
    /// Roles that its members have too.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

/// `[[grant]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantEntry {
    pub(crate) id: Option<String>,
    pub(crate) role: String,
    pub(crate) on: String,
    pub(crate) privileges: Vec<Privilege>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) rows: Option<String>,
    /// On views: they are read with this principal's rights instead of the reader's.
    pub(crate) definer: Option<String>,
    /// Lets its role write keys where errors about them tell of rows that it may not see.
    #[serde(default)]
    pub(crate) allow_key_oracle: bool,
}

/// What a grant permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "variants are SQL's words")]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Create,
    Alter,
    Drop,
}

impl Privilege {
    pub(crate) const ALL: [Self; 7] = [
        Self::Select,
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::Create,
        Self::Alter,
        Self::Drop,
    ];

    /// Those that change the rows of a relation that is there.
    pub(crate) const CHANGES: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// As it is written in a policy.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Create => "create",
            Self::Alter => "alter",
            Self::Drop => "drop",
        }
    }
}

/// `[[restrict]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestrictEntry {
    pub(crate) id: Option<String>,
    pub(crate) on: String,
    pub(crate) rows: String,
    pub(crate) to: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

/// `[[deny]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DenyEntry {
    pub(crate) id: Option<String>,
    pub(crate) on: String,
    /// All of them where none is named.
    pub(crate) privileges: Option<Vec<Privilege>>,
    /// These columns only; without it the whole relation.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) to: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

/// `[[tag]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TagEntry {
    pub(crate) name: String,
    /// Patterns of columns.
    pub(crate) on: Vec<String>,
}

/// `[[limit]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitEntry {
    pub(crate) id: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) to: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) except: Vec<String>,
    pub(crate) statements: Option<usize>,
    pub(crate) queue_share: Option<Share>,
    pub(crate) statement_timeout: Option<Span>,
    pub(crate) result_rows: Option<u64>,
    pub(crate) result_bytes: Option<ByteSize>,
    pub(crate) spill: Option<ByteSize>,
}

/// `[[mask]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaskEntry {
    pub(crate) id: Option<String>,
    /// A pattern of columns; or `tag`.
    pub(crate) on: Option<String>,
    pub(crate) tag: Option<String>,
    /// An expression; or `with`.
    pub(crate) expr: Option<String>,
    /// A built-in mask by name.
    pub(crate) with: Option<String>,
    pub(crate) to: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

/// The files of a policy, for messages.
#[derive(Default)]
pub(crate) struct Sources(Vec<(PathBuf, String)>);

/// Where something stands: a file, and a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) file: usize,
    pub(crate) byte: usize,
}

impl Sources {
    /// Reads a file, or all `*.toml` of a folder in the order of their names.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let failed = |path: &Path, e: std::io::Error| {
            Error::new(ErrorKind::Config, format!("{}: {e}", path.display()))
        };
        let mut paths = Vec::new();
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(|e| failed(path, e))? {
                let found = entry.map_err(|e| failed(path, e))?.path();
                if found.extension().is_some_and(|e| e == "toml") {
                    paths.push(found);
                }
            }
            paths.sort();
        } else {
            paths.push(path.to_owned());
        }
        if paths.is_empty() {
            let reason = format!("{}: the folder has no *.toml", path.display());
            return Err(Error::new(ErrorKind::Config, reason));
        }
        let read = |path: PathBuf| match fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(e) => Err(failed(&path, e)),
        };
        paths.into_iter().map(read).collect::<Result<_>>().map(Self)
    }

    /// A single text; `path` is for messages.
    pub(crate) fn of_text(path: &Path, text: &str) -> Self {
        Self(vec![(path.to_owned(), text.to_owned())])
    }

    /// The files as they are written, each with its number.
    pub(crate) fn parse(&self) -> Result<Vec<File>> {
        let parse = |(file, (_, text)): (usize, &(PathBuf, String))| {
            toml::from_str(text).map_err(|e| {
                let byte = e.span().map_or(0, |span| span.start);
                let at = At { file, byte };
                match single(text, byte) {
                    Some(kind) => self.error(
                        at,
                        format!("a {kind} is written as [[{kind}]], as there can be many"),
                    ),
                    None => self.error(at, e.message()),
                }
            })
        };
        self.0.iter().enumerate().map(parse).collect()
    }

    /// SHA-256 over names and texts.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (path, text) in &self.0 {
            for part in [path.as_os_str().as_encoded_bytes(), text.as_bytes()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hash.finalize().into()
    }

    /// A path as the file of that number means it: seen from its own folder.
    pub(crate) fn beside(&self, file: usize, path: &Path) -> PathBuf {
        let folder = self.0.get(file).and_then(|(own, _)| own.parent());
        folder.unwrap_or(Path::new("")).join(path)
    }

    /// An error at a place: file, line and reason.
    pub(crate) fn error(&self, at: At, reason: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Config, format!("{}: {reason}", self.place(at)))
    }

    /// Name of the file, without its folder, and line: for those who need not know more.
    pub(crate) fn short_place(&self, at: At) -> String {
        let place = self.place(at);
        let name = place.rsplit('/').next();
        name.unwrap_or_default().to_owned()
    }

    /// File and line.
    pub(crate) fn place(&self, at: At) -> String {
        let Some((path, text)) = self.0.get(at.file) else {
            return String::new();
        };
        let before = &text.as_bytes()[..at.byte.min(text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        format!("{}:{line}", path.display())
    }
}

/// What a header is for that stands at this byte with one bracket where there should be two.
fn single(text: &str, byte: usize) -> Option<&'static str> {
    let start = text.get(..byte)?.rfind('\n').map_or(0, |end| end + 1);
    let (header, _) = text[start..]
        .trim_start()
        .strip_prefix('[')?
        .split_once(']')?;
    TABLES.into_iter().find(|kind| *kind == header.trim())
}

impl std::fmt::Debug for Sources {
    /// Without the texts, which hold verifiers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(path, _)| path))
            .finish()
    }
}
