//! Whether rules fit the relations that they are about: all that there are when a policy is loaded, and
//! each that a statement would make, so that no statement keeps a policy from being loaded again.

use std::collections::HashSet;

use model::{
    CatalogSnapshot, Column, Error, Principal, Relation, RelationKind, RelationName, Result,
};
use tree::{Description, Parser, Sidecar};

use crate::authorise::Context;
use crate::compile::{Compiler, Purpose};
use crate::denial::held;
use crate::file::At;
use crate::mapping::Mappings;
use crate::mirrored::check_columns;
use crate::pattern::Pattern;
use crate::set::PolicySet;

/// What expressions are compiled with. The sidecar need not know any relation.
#[derive(Clone, Copy)]
pub(crate) struct Tools<'a> {
    pub(crate) parser: &'a Parser,
    pub(crate) sidecar: &'a Sidecar,
    pub(crate) mappings: &'a Mappings,
}

/// A rule that does not fit a relation.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) at: At,
    pub(crate) reason: String,
}

/// A rule that is about nothing there is.
#[derive(Debug)]
pub(crate) struct Unmatched {
    pub(crate) at: At,
    pub(crate) what: String,
}

/// Refuses to make a relation that a rule of the policy does not fit: it would be hidden from those whom
/// the rule is for, and the policy could not be loaded again.
///
/// # Errors
/// `PermissionDenied`.
pub(crate) fn check_made(
    context: &Context<'_>,
    name: &RelationName,
    kind: RelationKind,
    columns: Vec<Column>,
) -> Result<()> {
    if name.is_temporary() {
        return Ok(());
    }
    let view = context.view;
    let relation = Relation {
        name: name.clone(),
        kind,
        columns,
        definition: None,
        constraints: vec![],
    };
    let tools = Tools {
        parser: context.parser,
        sidecar: context.sidecar,
        mappings: view.mappings(),
    };
    let Some(misfit) = view.set().misfit(&relation, tools) else {
        return Ok(());
    };
    let rule = format!("{}: {}", view.set().place(misfit.at), misfit.reason);
    let message =
        format!("{name} can't have these columns: a rule of the policy does not fit them");
    Err(held(view, message, &rule))
}

/// Refuses to take away a table that rules may look things up in.
///
/// # Errors
/// `PermissionDenied`.
pub(crate) fn unless_mapping(context: &Context<'_>, name: &RelationName) -> Result<()> {
    let set = context.view.set();
    let mut mappings = set.rules.mappings.iter();
    match mappings.find(|m| m.on.matches(name)) {
        None => Ok(()),
        Some(listed) => {
            let message =
                format!("{name} can't be dropped or replaced: the policy looks things up in it");
            Err(held(context.view, message, &set.place(listed.at)))
        }
    }
}

/// The columns that a described query makes under these names.
///
/// # Errors
/// `NotSupported` for columns that nobody could be shown.
pub(crate) fn made(names: &[String], described: &Description) -> Result<Vec<Column>> {
    let Some(schema) = &described.schema else {
        return Err(Error::not_supported("a column of unknown type"));
    };
    let columns = names.iter().zip(&schema.columns);
    let columns = columns.map(|(name, column)| Column {
        name: name.clone(),
        sql_type: column.sql_type.clone(),
        nullable: true,
    });
    let columns: Vec<Column> = columns.collect();
    check_columns(&columns)?;
    Ok(columns)
}

impl PolicySet {
    /// The first rule, whomever it is for, that does not fit a relation: it names a column that is not
    /// there, or has an expression that has no meaning, the wrong type, or could throw.
    pub(crate) fn misfit(&self, relation: &Relation, tools: Tools<'_>) -> Option<Misfit> {
        let named = self.names_fit(relation);
        let compiled = || {
            let mut principals = self.rules.principals.values();
            principals.try_for_each(|(principal, _)| self.compiles(principal, relation, tools))
        };
        named.and_then(|()| compiled()).err()
    }

    /// Rules that match no relation or column: written ahead, or mistaken.
    pub(crate) fn unmatched(&self, snapshot: &CatalogSnapshot) -> Vec<Unmatched> {
        let rules = &self.rules;
        let mut found = Vec::new();
        let mut check = |at: At, is_there: bool, what: &dyn Fn() -> String| {
            if !is_there {
                found.push(Unmatched { at, what: what() });
            }
        };
        let grants = rules.grants.iter().map(|g| (g.at, &g.on, &g.columns));
        let denies = rules.denies.iter().map(|d| (d.at, &d.on, &d.columns));
        for (at, on, columns) in grants.chain(denies) {
            // Rights on names that are yet to come are given by patterns.
            let awaits = on.part(2).is_none();
            let is_there = awaits || matching(snapshot, on).next().is_some();
            check(at, is_there, &|| format!("no relation matches {on}"));
            for column in columns.iter().flatten().filter(|_| is_there) {
                let is_there = matching(snapshot, on).any(|r| r.column(column).is_some());
                check(at, is_there, &|| format!("no column matches {on}.{column}"));
            }
        }
        let restricts = rules.restricts.iter().map(|r| (r.at, &r.on));
        for (at, on) in restricts.chain(rules.opaque.iter().map(|(at, on)| (*at, on))) {
            let is_there = matching(snapshot, on).next().is_some();
            check(at, is_there, &|| format!("no relation matches {on}"));
        }
        let masks = rules.masks.iter();
        let masked = masks.flat_map(|m| m.on.iter().map(|on| (m.at, on)));
        for (at, on) in masked.chain(rules.tagged.iter().map(|(at, on)| (*at, on))) {
            let mut relations = matching(snapshot, on);
            let is_there =
                relations.any(|r| r.columns.iter().any(|c| on.matches(&r.name, &c.name)));
            check(at, is_there, &|| format!("no column matches {on}"));
        }
        found.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        found.dedup_by(|a, b| (a.at, &a.what) == (b.at, &b.what));
        found
    }

    /// Fails for a rule that names the relation in full and a column that it does not have, or that
    /// takes it for a view.
    fn names_fit(&self, relation: &Relation) -> std::result::Result<(), Misfit> {
        let lacks = |column: &str| relation.column(column).is_none();
        let no_column = |at: At, column: &str| Misfit {
            at,
            reason: format!("there is no column \"{column}\" in {}", relation.name),
        };
        for grant in self.grants_on(&relation.name) {
            if grant.definer.is_some() && relation.kind == RelationKind::Table {
                return Err(Misfit {
                    at: grant.at,
                    reason: format!("{} is a table, and only views have a definer", grant.on),
                });
            }
            let mut columns = grant.columns.iter().flatten();
            if is_full(&grant.on)
                && let Some(column) = columns.find(|c| lacks(c))
            {
                return Err(no_column(grant.at, column));
            }
        }
        for deny in self.denies_on(&relation.name) {
            let mut columns = deny.columns.iter().flatten();
            if is_full(&deny.on)
                && let Some(column) = columns.find(|c| lacks(c))
            {
                return Err(no_column(deny.at, column));
            }
        }
        for mask in self.masks_on(&relation.name) {
            let here = mask.on.iter();
            let here = here.filter(|on| is_full(on) && on.matches_relation(&relation.name));
            if let Some(column) = here.filter_map(|on| on.part(3)).find(|c| lacks(c)) {
                return Err(no_column(mask.at, column));
            }
        }
        Ok(())
    }

    /// Compiles every predicate and mask that one principal meets there.
    fn compiles(
        &self,
        principal: &Principal,
        relation: &Relation,
        tools: Tools<'_>,
    ) -> std::result::Result<(), Misfit> {
        let compiler = Compiler {
            parser: tools.parser,
            sidecar: tools.sidecar,
            principal,
            attributes: &self.rules.attributes,
            mappings: tools.mappings,
        };
        let misfit = |at: At, error: model::Error| Misfit {
            at,
            reason: error.to_string(),
        };
        // Many rules say the same.
        let mut good = HashSet::new();
        let grants = self.grants_for(principal, &relation.name);
        let grants = grants.filter_map(|g| Some((g.at, g.rows.as_deref()?)));
        let restricts = self.restricts_for(principal, &relation.name);
        let restricts = restricts.map(|r| (r.at, r.rows.as_str()));
        for (at, rows) in grants.chain(restricts) {
            if good.insert(rows) {
                let compiled = compiler.compile(rows, relation, Purpose::Rows);
                compiled.map_err(|e| misfit(at, e))?;
            }
        }
        let masks = self.masks_on(&relation.name);
        for column in &relation.columns {
            let mut good = HashSet::new();
            let masks = masks.iter();
            for mask in masks.filter(|m| m.applies(principal, &relation.name, &column.name)) {
                if good.insert(&mask.value) {
                    let key = self.rules.hash_key.as_ref();
                    let compiled = compiler.mask(mask, key, relation, column);
                    compiled.map_err(|e| misfit(mask.at, e))?;
                }
            }
        }
        Ok(())
    }
}

fn is_full<const N: usize>(on: &Pattern<N>) -> bool {
    (0..3).all(|n| on.part(n).is_some())
}

/// Relations that a pattern matches: one at most where it names one.
fn matching<'s, const N: usize>(
    snapshot: &'s CatalogSnapshot,
    on: &'s Pattern<N>,
) -> impl Iterator<Item = &'s Relation> {
    let (one, all) = match (on.part(0), on.part(1), on.part(2)) {
        (Some(catalog), Some(schema), Some(name)) => {
            (snapshot.relation(catalog, schema, name), None)
        }
        _ => (None, Some(snapshot.relations())),
    };
    let relations = one.into_iter().chain(all.into_iter().flatten());
    relations.filter(|r| on.matches_relation(&r.name))
}
