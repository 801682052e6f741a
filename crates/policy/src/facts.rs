//! What an authorised statement is about: for the audit, and for administrators.

use std::collections::{BTreeMap, BTreeSet};

use model::{ExecKind, RelationName};
use plan::Statement;

use crate::asked;
use crate::authorise::{Answer, Authorised, CommandTag};
use crate::columns;
use crate::explain::Explained;
use crate::file::Privilege;
use crate::view::View;

/// What a statement is about. The columns written are told by what makes the statement; the rest is
/// found once it is made.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// In order: what it reads, what it names without reading it, what it writes.
    relations: Vec<RelationName>,
    target: Option<String>,
    columns: BTreeMap<RelationName, Vec<String>>,
    pub(crate) written: BTreeSet<String>,
    rules: Vec<Explained>,
}

impl Authorised {
    /// The relations that it reads, writes, defines or tells of, views among them.
    pub fn relations(&self) -> &[RelationName] {
        &self.facts.relations
    }

    /// The columns that it reads, writes or changes, of each relation that its principal sees or that
    /// it makes, by name: some that only have the name of one that is read may be among them.
    pub fn columns(&self) -> &BTreeMap<RelationName, Vec<String>> {
        &self.facts.columns
    }

    /// The columns of its target that it gives values.
    pub fn written(&self) -> &BTreeSet<String> {
        &self.facts.written
    }

    /// What it writes, makes, changes or drops: a relation, schema, sequence, index or catalog. By full
    /// name, but as the statement named it where there is nothing to do.
    pub fn target(&self) -> Option<&str> {
        self.facts.target.as_deref()
    }

    /// The stored views that it names.
    pub fn views(&self) -> impl Iterator<Item = &RelationName> {
        self.views.iter()
    }

    /// The sequences that it names.
    pub fn sequences(&self) -> BTreeSet<&RelationName> {
        let is_sequence = matches!(
            self.tag,
            CommandTag::CreateSequence | CommandTag::DropSequence
        );
        let target = self.target_name().filter(|_| is_sequence);
        self.expected.sequences.iter().chain(target).collect()
    }

    /// The rules that met in it, with what they filter and mask.
    pub fn rules(&self) -> &[Explained] {
        &self.facts.rules
    }

    /// The rules that decide which rows it reads.
    pub fn filters(&self) -> impl Iterator<Item = &Explained> {
        self.rules().iter().filter(|rule| rule.filters)
    }

    /// The masks on the columns that it reads.
    pub fn masks(&self) -> impl Iterator<Item = &Explained> {
        let masked = |rule: &&Explained| {
            let columns = self.columns().iter();
            let mut names =
                columns.flat_map(|(name, all)| all.iter().map(move |c| format!("{name}.{c}")));
            rule.what == "mask" && names.any(|name| name == rule.on)
        };
        self.rules().iter().filter(masked)
    }

    pub(crate) fn target_name(&self) -> Option<&RelationName> {
        match &self.kind {
            ExecKind::Write { target, .. } if !self.is_noop() => Some(target),
            ExecKind::Write { .. } | ExecKind::Query => None,
        }
    }

    /// Finds what the statement that it was made of is about.
    pub(crate) fn find_facts(&mut self, statement: &Statement, view: &View) {
        let target = self.target_name();
        let is_relation = !matches!(
            self.tag,
            CommandTag::CreateSchema
                | CommandTag::DropSchema
                | CommandTag::CreateSequence
                | CommandTag::DropSequence
                | CommandTag::DropIndex
                | CommandTag::Checkpoint
        );
        let read = self.expected.relations.iter().chain(&self.views);
        let mut relations: Vec<RelationName> = read.cloned().collect();
        if !matches!(self.answer, Answer::Worker) {
            // It reads nothing, and tells of what it names.
            relations.extend(asked::seen(statement, view));
        }
        if let Some(target) = target.filter(|name| is_relation && !relations.contains(*name)) {
            relations.push(target.clone());
        }
        let defined = target.filter(|_| !is_relation);
        let ruled = relations.iter().chain(defined);
        let writes = |name| match target == Some(name) {
            true => writes(self.tag),
            false => &[],
        };
        let rules = ruled.flat_map(|name| view.rules_on(name, writes(name)));
        let rules = rules.collect();
        let named = || statement.target().map(|name| name.parts.join("."));
        self.facts.target = target.map(told).or_else(named);
        self.facts.relations = relations;
        self.facts.rules = rules;
        self.facts.columns = columns::touched(statement, self, view);
    }
}

/// The privileges by which a statement changes rows of its target.
fn writes(tag: CommandTag) -> &'static [Privilege] {
    match tag {
        CommandTag::Insert => &[Privilege::Insert],
        CommandTag::Update => &[Privilege::Update],
        CommandTag::Delete | CommandTag::Truncate => &[Privilege::Delete],
        CommandTag::Merge => &Privilege::CHANGES,
        _ => &[],
    }
}

/// A full name without the parts that are empty, as those of a schema's are.
fn told(name: &RelationName) -> String {
    let parts = [&name.catalog, &name.schema, &name.name];
    let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(".")
}
