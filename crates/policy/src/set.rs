//! A policy as loaded: read, validated whole, or refused with file, line and reason.

use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{CatalogSnapshot, Principal, Relation, RelationKind, RelationName, Result};
use tree::{Parser, Sidecar};

use crate::file::{At, Privilege, Sources};
use crate::fit::{Misfit, Tools};
use crate::index::Index;
use crate::limit::Limits;
use crate::load::{self, Rules};
use crate::mapping::Mappings;
use crate::mirrored;
use crate::pattern::Pattern;
use crate::rules::{Deny, Grant, Mask, Restrict};

/// One version of the policy. Immutable; a reload makes another.
#[derive(Debug)]
pub struct PolicySet {
    version: u64,
    hash: [u8; 32],
    sources: Sources,
    pub(crate) rules: Rules,
    indexes: Indexes,
    /// The grant on what is temporary.
    temporary: Grant,
    /// Rules that did not fit views when it was loaded.
    misfits: Vec<Misfit>,
}

/// The rules of each kind by relation.
#[derive(Debug)]
struct Indexes {
    grants: Index,
    restricts: Index,
    denies: Index,
    masks: Index,
}

impl Indexes {
    fn of(rules: &Rules) -> Self {
        Self {
            grants: Index::of(rules.grants.iter().map(|g| from_ref(&g.on))),
            restricts: Index::of(rules.restricts.iter().map(|r| from_ref(&r.on))),
            denies: Index::of(rules.denies.iter().map(|d| from_ref(&d.on))),
            masks: Index::of(rules.masks.iter().map(|m| m.on.as_slice())),
        }
    }
}

impl PolicySet {
    /// Reads and validates a policy file, or a folder of them, against the catalogs there are.
    ///
    /// # Errors
    /// `Config` with file, line and reason.
    pub fn load(path: &Path, snapshot: &CatalogSnapshot, parser: &Parser) -> Result<Self> {
        Self::from_sources(Sources::read(path)?, snapshot, parser)
    }

    /// The same, of a text; `path` is for messages.
    pub fn from_text(
        path: &Path,
        text: &str,
        snapshot: &CatalogSnapshot,
        parser: &Parser,
    ) -> Result<Self> {
        Self::from_sources(Sources::of_text(path, text), snapshot, parser)
    }

    fn from_sources(sources: Sources, snapshot: &CatalogSnapshot, parser: &Parser) -> Result<Self> {
        static VERSIONS: AtomicU64 = AtomicU64::new(1);
        let rules = load::rules(&sources)?;
        let mut set = Self {
            version: VERSIONS.fetch_add(1, Ordering::Relaxed),
            hash: sources.hash(),
            indexes: Indexes::of(&rules),
            rules,
            sources,
            temporary: Grant::on_temporary(),
            misfits: vec![],
        };
        set.check_names(snapshot)?;
        set.misfits = set.check_fit(snapshot, parser)?;
        Ok(set)
    }

    /// Grows with every load in this process.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// SHA-256 over the files' names and texts.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The principal of that name.
    pub fn principal(&self, name: &str) -> Option<Arc<Principal>> {
        let found = self.rules.principals.get(name);
        found.map(|(principal, _)| Arc::clone(principal))
    }

    /// What a principal may take up: of all limits that apply the strictest.
    pub fn limits(&self, principal: &Principal) -> Limits {
        let limits = self.rules.limits.iter();
        limits
            .filter(|limit| limit.applies(principal))
            .fold(Limits::default(), |all, limit| all.and(&limit.limits))
    }

    /// Names and verifier texts, for `auth`.
    pub fn verifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        let principals = self.rules.principals.iter();
        principals.map(|(name, (_, login))| (name.as_str(), login.verifier.as_str()))
    }

    /// File and line of a principal's verifier, for messages.
    pub fn verifier_place(&self, principal: &str) -> Option<String> {
        let (_, login) = self.rules.principals.get(principal)?;
        Some(self.sources.place(login.at))
    }

    /// Rules that are about no relation or column there is, written ahead or mistaken, and those that did
    /// not fit a view, which hides it: with file and line.
    pub fn warnings(&self, snapshot: &CatalogSnapshot) -> Vec<String> {
        let unmatched = self.unmatched(snapshot).into_iter();
        let unmatched = unmatched.map(|rule| (rule.at, rule.what));
        let misfits = self.misfits.iter();
        let misfits = misfits.map(|rule| (rule.at, format!("a view is hidden: {}", rule.reason)));
        let told = unmatched.chain(misfits);
        told.map(|(at, what)| format!("{}: {what}", self.sources.place(at)))
            .collect()
    }

    /// All grants on a relation, in file order.
    pub(crate) fn grants_on(&self, name: &RelationName) -> impl Iterator<Item = &Grant> {
        let candidates = self.indexes.grants.candidates(name).into_iter();
        let grants = candidates.map(|number| &self.rules.grants[number]);
        grants.filter(move |g| g.on.matches(name))
    }

    /// All denials about a relation, in file order.
    pub(crate) fn denies_on(&self, name: &RelationName) -> impl Iterator<Item = &Deny> {
        let candidates = self.indexes.denies.candidates(name).into_iter();
        let denies = candidates.map(|number| &self.rules.denies[number]);
        denies.filter(move |d| d.on.matches(name))
    }

    /// The grants of a principal on a relation, in file order. On a temporary one, which only its own
    /// session sees, everyone has all rights.
    pub(crate) fn grants_for(
        &self,
        principal: &Principal,
        name: &RelationName,
    ) -> impl Iterator<Item = &Grant> {
        let temporary = name.is_temporary().then_some(&self.temporary);
        let grants = self.grants_on(name);
        grants
            .filter(move |g| principal.roles.contains(&g.role))
            .chain(temporary)
    }

    /// The denials that a principal meets at a relation.
    pub(crate) fn denies_for(
        &self,
        principal: &Principal,
        name: &RelationName,
    ) -> impl Iterator<Item = &Deny> {
        let denies = self.denies_on(name);
        denies.filter(move |d| d.audience.includes(principal))
    }

    /// The restrictions of a principal's rows of a relation.
    pub(crate) fn restricts_for(
        &self,
        principal: &Principal,
        name: &RelationName,
    ) -> impl Iterator<Item = &Restrict> {
        let candidates = self.indexes.restricts.candidates(name).into_iter();
        candidates
            .map(|number| &self.rules.restricts[number])
            .filter(move |r| r.applies(principal, name))
    }

    /// The masks that may meet columns of a relation, in file order.
    pub(crate) fn masks_on(&self, name: &RelationName) -> Vec<&Mask> {
        let candidates = self.indexes.masks.candidates(name).into_iter();
        candidates.map(|number| &self.rules.masks[number]).collect()
    }

    /// The mask that a principal meets at a column: the first in file order.
    pub(crate) fn mask_for(
        &self,
        principal: &Principal,
        name: &RelationName,
        column: &str,
    ) -> Option<&Mask> {
        let mut masks = self.masks_on(name).into_iter();
        masks.find(|m| m.applies(principal, name, column))
    }

    /// What a rule is called: its id, else name of the file and line.
    pub(crate) fn id(&self, at: At) -> String {
        let given = self.rules.ids.at(at);
        given.map_or_else(|| self.sources.short_place(at), str::to_owned)
    }

    /// Where a rule is written: file and line, after its id if it has one.
    pub(crate) fn place(&self, at: At) -> String {
        let place = self.sources.place(at);
        match self.rules.ids.at(at) {
            Some(id) => format!("{id} ({place})"),
            None => place,
        }
    }

    /// A rewritten text without the key of hashes.
    pub(crate) fn without_key(&self, sql: &str) -> String {
        match &self.rules.hash_key {
            Some(key) => key.left_out_of(sql),
            None => sql.to_owned(),
        }
    }

    /// Whether conditions of users may be asked of a relation's rows before its row rules are. How
    /// long that takes tells what ranges hidden rows are in.
    pub(crate) fn copies_conditions(&self, name: &RelationName) -> bool {
        !self.rules.opaque.iter().any(|(_, on)| on.matches(name))
    }

    /// Whether a principal has a privilege on that name, which need not exist.
    pub(crate) fn permits(
        &self,
        principal: &Principal,
        name: &RelationName,
        privilege: Privilege,
    ) -> bool {
        let mut grants = self.grants_for(principal, name);
        let mut denies = self.denies_for(principal, name);
        grants.any(|g| g.privileges.contains(&privilege)) && !denies.any(|d| d.takes(privilege))
    }

    /// Whether a principal has a privilege on a sequence of that name. A grant that is about some rows or
    /// columns only gives none: sequences have neither.
    pub(crate) fn permits_sequence(
        &self,
        principal: &Principal,
        name: &RelationName,
        privilege: Privilege,
    ) -> bool {
        let whole = |g: &Grant| g.rows.is_none() && g.columns.is_none();
        let mut grants = self.grants_for(principal, name);
        let mut denies = self.denies_for(principal, name);
        grants.any(|g| whole(g) && g.privileges.contains(&privilege))
            && !denies.any(|d| d.takes(privilege))
    }

    /// Whether a principal may make something in a catalog or, where given, a schema.
    pub(crate) fn may_create_in(
        &self,
        principal: &Principal,
        catalog: &str,
        schema: Option<&str>,
    ) -> bool {
        let covers = |on: &Pattern<3>, name: Option<&str>| {
            on.part(0).is_none_or(|c| c == model::fold(catalog))
                && name.is_none_or(|s| on.part(1).is_none_or(|p| p == model::fold(s)))
        };
        // A denial takes the place away only if it takes all of it.
        let takes_all = |on: &Pattern<3>| {
            on.part(2).is_none()
                && on.part(0).is_none_or(|c| c == model::fold(catalog))
                && on
                    .part(1)
                    .is_none_or(|p| schema.is_some_and(|s| p == model::fold(s)))
        };
        let granted = self.rules.grants.iter().any(|g| {
            principal.roles.contains(&g.role)
                && g.privileges.contains(&Privilege::Create)
                && covers(&g.on, schema)
        });
        let denied = self.rules.denies.iter().any(|d| {
            d.takes(Privilege::Create) && d.audience.includes(principal) && takes_all(&d.on)
        });
        granted && !denied
    }

    /// Whether a principal has a privilege on whatever may be in a schema, which need not exist: a
    /// grant is on all of it, and no denial on any of it.
    pub(crate) fn permits_schema(
        &self,
        principal: &Principal,
        catalog: &str,
        schema: &str,
        privilege: Privilege,
    ) -> bool {
        let meets = |on: &Pattern<3>| {
            on.part(0).is_none_or(|c| c == model::fold(catalog))
                && on.part(1).is_none_or(|s| s == model::fold(schema))
        };
        let granted = self.rules.grants.iter().any(|g| {
            principal.roles.contains(&g.role)
                && g.privileges.contains(&privilege)
                && g.on.part(2).is_none()
                && meets(&g.on)
        });
        let denied = self
            .rules
            .denies
            .iter()
            .any(|d| d.takes(privilege) && d.audience.includes(principal) && meets(&d.on));
        granted && !denied
    }

    /// Fails where a pattern's catalog or a mapping table does not exist.
    fn check_names(&self, snapshot: &CatalogSnapshot) -> Result<()> {
        let rules = &self.rules;
        for listed in &rules.mappings {
            let table = listed.table(snapshot);
            table.map_err(|reason| self.sources.error(listed.at, reason))?;
        }
        let grants = rules.grants.iter().map(|g| (g.at, g.on.part(0)));
        let denies = rules.denies.iter().map(|d| (d.at, d.on.part(0)));
        let restricts = rules.restricts.iter().map(|r| (r.at, r.on.part(0)));
        let opaque = rules.opaque.iter().map(|(at, on)| (*at, on.part(0)));
        let masks = rules.masks.iter();
        let masks = masks.flat_map(|m| m.on.iter().map(|on| (m.at, on.part(0))));
        let tagged = rules.tagged.iter().map(|(at, on)| (*at, on.part(0)));
        let catalogs = grants.chain(denies).chain(restricts).chain(opaque);
        for (at, catalog) in catalogs.chain(masks).chain(tagged) {
            if let Some(name) = catalog.filter(|name| snapshot.catalog(name).is_none()) {
                let reason = format!("there is no catalog \"{name}\"");
                return Err(self.sources.error(at, reason));
            }
        }
        Ok(())
    }

    /// Fails for a rule that does not fit a table there is, whomever it is for, so that none does at run
    /// time. What a view has follows from what is below it, which others may change: rules that do not
    /// fit views are given back. Whom they are for does not see these.
    fn check_fit(&self, snapshot: &CatalogSnapshot, parser: &Parser) -> Result<Vec<Misfit>> {
        // One sidecar over everything: it has no rows, and only this loader asks it.
        let tools = Tools {
            parser,
            sidecar: &Sidecar::build(snapshot, "")?,
            mappings: &Mappings::of(&self.rules.mappings, snapshot),
        };
        // What has no columns, or none that can be asked for, is hidden from everybody.
        let is_seen =
            |r: &&Relation| !r.columns.is_empty() && mirrored::check(r, tools.sidecar).is_ok();
        let relations = snapshot.relations().filter(is_seen);
        let mut of_views = Vec::new();
        for relation in relations {
            match (self.misfit(relation, tools), relation.kind) {
                (None, _) => {}
                (Some(misfit), RelationKind::View) => of_views.push(misfit),
                (Some(misfit), RelationKind::Table) => {
                    return Err(self.sources.error(misfit.at, misfit.reason));
                }
            }
        }
        Ok(of_views)
    }
}
