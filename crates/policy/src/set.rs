//! A policy as loaded: read, validated whole, or refused with file, line and reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{
    Attribute, CatalogSnapshot, Error, ErrorKind, Principal, Relation, RelationName, Result,
};
use toml::Spanned;
use tree::{Parser, Sidecar};

use crate::compile::{Compiler, Purpose};
use crate::file::{self, AttributeValue, File, GrantEntry, MaskEntry, Privilege, Source};
use crate::pattern::Pattern;

/// One version of the policy. Immutable; a reload makes another.
#[derive(Debug)]
pub struct PolicySet {
    version: u64,
    principals: BTreeMap<String, (Arc<Principal>, String)>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) masks: Vec<Mask>,
}

/// A grant, its pattern read.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) on: Pattern<3>,
    pub(crate) privileges: BTreeSet<Privilege>,
    pub(crate) columns: Option<BTreeSet<String>>,
    pub(crate) rows: Option<String>,
    at: usize,
}

/// A mask, its pattern read.
#[derive(Debug)]
pub(crate) struct Mask {
    pub(crate) on: Pattern<4>,
    pub(crate) expr: String,
    pub(crate) to: Option<BTreeSet<String>>,
    pub(crate) except: BTreeSet<String>,
    at: usize,
}

impl Mask {
    pub(crate) fn applies(&self, principal: &Principal, name: &RelationName, column: &str) -> bool {
        let included = self
            .to
            .as_ref()
            .is_none_or(|to| !to.is_disjoint(&principal.roles));
        included && self.except.is_disjoint(&principal.roles) && self.on.matches(name, column)
    }
}

impl PolicySet {
    /// Reads and validates a policy file against the catalogs there are.
    ///
    /// # Errors
    /// `Config` with file, line and reason.
    pub fn load(path: &Path, snapshot: &CatalogSnapshot, parser: &Parser) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|e| Error::new(ErrorKind::Config, format!("{}: {e}", path.display())))?;
        Self::from_text(path, &text, snapshot, parser)
    }

    /// The same, of a text; `path` is for messages.
    pub fn from_text(
        path: &Path,
        text: &str,
        snapshot: &CatalogSnapshot,
        parser: &Parser,
    ) -> Result<Self> {
        static VERSIONS: AtomicU64 = AtomicU64::new(1);
        let source = Source { path, text };
        let file = file::read(source)?;
        let roles = roles(&file, source)?;
        let set = Self {
            version: VERSIONS.fetch_add(1, Ordering::Relaxed),
            principals: principals(&file, &roles, source)?,
            grants: file
                .grant
                .iter()
                .map(|g| grant(g, &roles, source))
                .collect::<Result<_>>()?,
            masks: file
                .mask
                .iter()
                .map(|m| mask(m, &roles, source))
                .collect::<Result<_>>()?,
        };
        set.check_names(snapshot, source)?;
        set.check_expressions(snapshot, parser, source)?;
        Ok(set)
    }

    /// Grows with every load in this process.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The principal of that name.
    pub fn principal(&self, name: &str) -> Option<Arc<Principal>> {
        self.principals
            .get(name)
            .map(|(principal, _)| Arc::clone(principal))
    }

    /// Names and verifier texts, for `auth`.
    pub fn verifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.principals
            .iter()
            .map(|(name, (_, verifier))| (name.as_str(), verifier.as_str()))
    }

    fn check_names(&self, snapshot: &CatalogSnapshot, source: Source<'_>) -> Result<()> {
        let catalog = |name: Option<&str>, at: usize| match name {
            Some(name) if snapshot.catalog(name).is_none() => {
                Err(source.error(at, format_args!("there is no catalog \"{name}\"")))
            }
            _ => Ok(()),
        };
        for grant in &self.grants {
            catalog(grant.on.part(0), grant.at)?;
            for relation in snapshot.relations().filter(|r| grant.on.matches(&r.name)) {
                let missing = grant
                    .columns
                    .iter()
                    .flatten()
                    .find(|c| relation.column(c).is_none());
                if let Some(column) = missing {
                    let reason = format!("there is no column \"{column}\" in {}", relation.name);
                    return Err(source.error(grant.at, reason));
                }
            }
        }
        for mask in &self.masks {
            catalog(mask.on.part(0), mask.at)?;
            let found = snapshot
                .relations()
                .any(|r| r.columns.iter().any(|c| mask.on.matches(&r.name, &c.name)));
            if !found {
                return Err(source.error(mask.at, format_args!("no column matches {}", mask.on)));
            }
        }
        Ok(())
    }

    /// Compiles every predicate and mask for everyone it is for, so that none fails at run time.
    fn check_expressions(
        &self,
        snapshot: &CatalogSnapshot,
        parser: &Parser,
        source: Source<'_>,
    ) -> Result<()> {
        // One sidecar over everything: it has no rows, and only this loader asks it.
        let sidecar = Sidecar::build(snapshot, "")?;
        for (principal, _) in self.principals.values() {
            let compiler = Compiler {
                parser,
                sidecar: &sidecar,
                principal,
            };
            for relation in snapshot.relations() {
                self.check_relation(&compiler, relation, source)?;
            }
        }
        Ok(())
    }

    fn check_relation(
        &self,
        compiler: &Compiler<'_>,
        relation: &Relation,
        source: Source<'_>,
    ) -> Result<()> {
        let principal = compiler.principal;
        for grant in self.grants_for(principal, &relation.name) {
            if let Some(rows) = &grant.rows {
                compiler
                    .compile(rows, relation, Purpose::Rows)
                    .map_err(|e| source.error(grant.at, e))?;
            }
        }
        for column in &relation.columns {
            let masks = self
                .masks
                .iter()
                .filter(|m| m.applies(principal, &relation.name, &column.name));
            for mask in masks {
                let purpose = Purpose::Mask(&column.sql_type);
                compiler
                    .compile(&mask.expr, relation, purpose)
                    .map_err(|e| source.error(mask.at, e))?;
            }
        }
        Ok(())
    }

    /// The grants of a principal on a relation, in file order.
    pub(crate) fn grants_for<'a>(
        &'a self,
        principal: &'a Principal,
        name: &'a RelationName,
    ) -> impl Iterator<Item = &'a Grant> {
        self.grants
            .iter()
            .filter(move |g| principal.roles.contains(&g.role) && g.on.matches(name))
    }

    /// Whether a principal has a privilege on that name, which need not exist.
    pub(crate) fn permits(
        &self,
        principal: &Principal,
        name: &RelationName,
        privilege: Privilege,
    ) -> bool {
        self.grants_for(principal, name)
            .any(|g| g.privileges.contains(&privilege))
    }

    /// Whether a principal may make something in a catalog or, where given, a schema.
    pub(crate) fn may_create_in(
        &self,
        principal: &Principal,
        catalog: &str,
        schema: Option<&str>,
    ) -> bool {
        self.grants.iter().any(|g| {
            principal.roles.contains(&g.role)
                && g.privileges.contains(&Privilege::Create)
                && g.on.part(0).is_none_or(|c| c == model::fold(catalog))
                && schema.is_none_or(|s| g.on.part(1).is_none_or(|p| p == model::fold(s)))
        })
    }
}

fn roles(file: &File, source: Source<'_>) -> Result<BTreeMap<String, bool>> {
    let mut roles = BTreeMap::new();
    for entry in &file.role {
        let role = entry.get_ref();
        if role.name.is_empty() {
            return Err(source.error(entry.span().start, "a role needs a name"));
        }
        if roles.insert(role.name.clone(), role.admin).is_some() {
            return Err(source.error(
                entry.span().start,
                format_args!("role \"{}\" is defined twice", role.name),
            ));
        }
    }
    Ok(roles)
}

type Principals = BTreeMap<String, (Arc<Principal>, String)>;

fn principals(
    file: &File,
    roles: &BTreeMap<String, bool>,
    source: Source<'_>,
) -> Result<Principals> {
    let mut principals = Principals::new();
    for entry in &file.principal {
        let (at, given) = (entry.span().start, entry.get_ref());
        if given.name.is_empty() {
            return Err(source.error(at, "a principal needs a name"));
        }
        known(given.roles.iter(), roles, at, source)?;
        let attributes = given
            .attributes
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    AttributeValue::Boolean(b) => Attribute::Boolean(*b),
                    AttributeValue::Integer(i) => Attribute::Integer(*i),
                    AttributeValue::Text(t) => Attribute::Text(t.clone()),
                };
                (name.clone(), value)
            })
            .collect();
        let principal = Principal {
            name: given.name.clone(),
            roles: given.roles.iter().cloned().collect(),
            attributes,
            admin: given.roles.iter().any(|r| roles.get(r) == Some(&true)),
        };
        let previous = principals.insert(
            given.name.clone(),
            (Arc::new(principal), given.verifier.clone()),
        );
        if previous.is_some() {
            return Err(source.error(
                at,
                format_args!("principal \"{}\" is defined twice", given.name),
            ));
        }
    }
    Ok(principals)
}

fn known<'a>(
    names: impl Iterator<Item = &'a String>,
    roles: &BTreeMap<String, bool>,
    at: usize,
    source: Source<'_>,
) -> Result<()> {
    for name in names {
        if !roles.contains_key(name) {
            return Err(source.error(at, format_args!("there is no role \"{name}\"")));
        }
    }
    Ok(())
}

fn grant(
    entry: &Spanned<GrantEntry>,
    roles: &BTreeMap<String, bool>,
    source: Source<'_>,
) -> Result<Grant> {
    let (at, given) = (entry.span().start, entry.get_ref());
    known(std::iter::once(&given.role), roles, at, source)?;
    if given.privileges.is_empty() {
        return Err(source.error(at, "a grant needs privileges"));
    }
    if given.columns.as_ref().is_some_and(Vec::is_empty) {
        return Err(source.error(at, "a grant of no columns grants nothing"));
    }
    Ok(Grant {
        role: given.role.clone(),
        on: Pattern::parse(&given.on).map_err(|reason| source.error(at, reason))?,
        privileges: given.privileges.iter().copied().collect(),
        columns: given
            .columns
            .as_ref()
            .map(|c| c.iter().map(|c| model::fold(c)).collect()),
        rows: given.rows.clone(),
        at,
    })
}

fn mask(
    entry: &Spanned<MaskEntry>,
    roles: &BTreeMap<String, bool>,
    source: Source<'_>,
) -> Result<Mask> {
    let (at, given) = (entry.span().start, entry.get_ref());
    known(
        given.to.iter().flatten().chain(&given.except),
        roles,
        at,
        source,
    )?;
    Ok(Mask {
        on: Pattern::parse(&given.on).map_err(|reason| source.error(at, reason))?,
        expr: given.expr.clone(),
        to: given.to.as_ref().map(|to| to.iter().cloned().collect()),
        except: given.except.iter().cloned().collect(),
        at,
    })
}
