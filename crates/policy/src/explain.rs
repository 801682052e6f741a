//! Why a principal sees what it sees: for administrators.

use std::collections::BTreeSet;

use model::{Error, RelationName};

use crate::asked::Asked;
use crate::authorise::Authorised;
use crate::file::{At, Privilege};
use crate::rules::MaskValue;
use crate::set::PolicySet;
use crate::view::View;

/// One line of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// `principal`, `policy`, `grant`, `restrict`, `deny`, `mask`, `relation`, `view`, `decision` or `sql`.
    pub what: &'static str,
    /// The relation or column that it is about; empty where it is about the statement.
    pub on: String,
    /// What there is to say.
    pub says: String,
    /// The rule's id, or where it is written; empty where it is about no rule.
    pub rule: String,
    /// Whether it is a rule that takes rows away, or leaves only some.
    pub filters: bool,
}

impl Explained {
    fn of_rule(mut self, set: &PolicySet, at: At, filters: bool) -> Self {
        self.rule = set.id(at);
        self.filters = filters;
        self
    }
}

impl View {
    /// The rules that meet in a statement, or in what one that is refused asked for, and what became of
    /// it. It shows rules and rewritten text:
    /// for administrators only. The key of hashes is left out.
    pub fn explain(
        &self,
        outcome: Result<&Authorised, &Error>,
        asked: Option<&Asked>,
    ) -> Vec<Explained> {
        let mut lines = self.explain_asker();
        match outcome {
            Ok(plan) => {
                lines.extend(plan.rules().iter().cloned());
                lines.push(line("decision", "", "runs".to_owned()));
                let sql = self.set().without_key(plan.sql());
                lines.push(line("sql", "", sql));
            }
            Err(error) => {
                if let Some(asked) = asked {
                    lines.extend(asked.rules.iter().cloned());
                    lines.extend(asked.unknown.iter().map(|name| {
                        line(
                            "relation",
                            name,
                            "there is no relation of this name".to_owned(),
                        )
                    }));
                }
                let mut says = format!("refused: {error}");
                if let Some(hint) = error.hint() {
                    says = format!("{says} ({hint})");
                }
                lines.push(line("decision", "", says));
            }
        }
        lines
    }

    /// The same of a statement that the session answers, as BEGIN or SET: no rule meets it.
    pub fn explain_session(&self) -> Vec<Explained> {
        let mut lines = self.explain_asker();
        let says = "answered by the session, which has no data".to_owned();
        lines.push(line("decision", "", says));
        lines
    }

    fn explain_asker(&self) -> Vec<Explained> {
        let principal = self.principal();
        let roles: Vec<&str> = principal.roles.iter().map(String::as_str).collect();
        let who = format!("{}: {}", principal.name, roles.join(", "));
        let version = format!("version {}", self.set().version());
        vec![line("principal", "", who), line("policy", "", version)]
    }

    /// The rules that this principal meets at a relation that it reads, and writes with these privileges.
    /// At what is temporary there are none.
    pub(crate) fn rules_on(&self, name: &RelationName, writes: &[Privilege]) -> Vec<Explained> {
        let mut lines = Vec::new();
        if name.is_temporary() {
            return lines;
        }
        let (set, principal) = (self.set(), self.principal());
        let on = name.to_string();
        let place = |at: At| set.place(at);
        let reading = set.reading_grants(principal, name);
        for grant in set.grants_for(principal, name) {
            let reads = grant.privileges.contains(&Privilege::Select);
            let counts = reading.iter().any(|g| g.at == grant.at);
            let mut says = format!("{}: {}", place(grant.at), words(&grant.privileges));
            if let Some(columns) = &grant.columns {
                says = format!("{says}; columns {}", joined(columns));
            }
            if let Some(rows) = &grant.rows {
                says = format!("{says}; rows {rows}");
            }
            if let Some(definer) = &grant.definer {
                says = format!("{says}; with the rights of {definer}");
            }
            if grant.allow_key_oracle {
                says.push_str("; allow_key_oracle");
            }
            if reads && !counts {
                says.push_str("; does not count for reading beside a definer's");
            }
            let writes = writes.iter().any(|p| grant.privileges.contains(p));
            let filters = grant.rows.is_some() && (counts || writes);
            lines.push(line("grant", &on, says).of_rule(set, grant.at, filters));
        }
        for restrict in set.restricts_for(principal, name) {
            let says = format!("{}: rows {}", place(restrict.at), restrict.rows);
            lines.push(line("restrict", &on, says).of_rule(set, restrict.at, true));
        }
        for deny in set.denies_for(principal, name) {
            let mut says = format!("{}: {}", place(deny.at), words(&deny.privileges));
            if let Some(columns) = &deny.columns {
                says = format!("{says}; columns {}", joined(columns));
            }
            lines.push(line("deny", &on, says).of_rule(set, deny.at, false));
        }
        let Some(access) = self.access(name) else {
            return lines;
        };
        for column in &access.columns {
            let Some(mask) = set.mask_for(principal, name, &column.name) else {
                continue;
            };
            let value = match &mask.value {
                MaskValue::Expression(expression) => expression.clone(),
                MaskValue::BuiltIn(built_in) => built_in.to_string(),
            };
            let on = format!("{on}.{}", column.name);
            let says = format!("{}: {value}", place(mask.at));
            lines.push(line("mask", &on, says).of_rule(set, mask.at, false));
        }
        let shown: Vec<&str> = access.columns.iter().map(|c| c.name.as_str()).collect();
        let form = match (&access.barrier, &access.inlined) {
            (Some(_), _) => "behind a barrier",
            (None, Some(_)) => "as its query",
            (None, None) => "as it is",
        };
        let says = format!("{form}; columns {}", shown.join(", "));
        lines.push(line("relation", &on, says));
        lines
    }

    /// Why this principal does not see a relation that there is, beside the rules on it.
    pub(crate) fn unseen(&self, name: &RelationName) -> Explained {
        let misfit = self.hidden().iter().find(|(hidden, _)| hidden == name);
        let has_grant = self
            .set()
            .grants_for(self.principal(), name)
            .next()
            .is_some();
        let says = match misfit {
            Some((_, error)) => format!("not seen: {error}"),
            None if has_grant => "not seen".to_owned(),
            None => "not seen: there is no grant".to_owned(),
        };
        line("relation", &name.to_string(), says)
    }
}

fn line(what: &'static str, on: &str, says: String) -> Explained {
    Explained {
        what,
        on: on.to_owned(),
        says,
        rule: String::new(),
        filters: false,
    }
}

fn words(privileges: &BTreeSet<Privilege>) -> String {
    let words: Vec<&str> = privileges.iter().map(|p| p.word()).collect();
    words.join(", ")
}

fn joined(columns: &BTreeSet<String>) -> String {
    columns.iter().cloned().collect::<Vec<_>>().join(", ")
}
