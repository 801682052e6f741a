//! What a policy's files mean, read straight from them into plain SQL. Nothing here is shared with
//! `policy`: a mistake there shows as a difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result, fold};
use serde::Deserialize;
use toml::Spanned;

use super::attributes::Rule;
use super::masks;
use super::table::{Table, fits, literal, parts, quoted};
use crate::policy_file::{check_not_empty, check_verifier};

/// The rules of all files, in their order.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rules {
    hash_key_file: Option<PathBuf>,
    pub(super) principal: Vec<Principal>,
    role: Vec<Role>,
    grant: Vec<Grant>,
    restrict: Vec<Restrict>,
    pub(super) deny: Vec<Deny>,
    mask: Vec<Mask>,
    tag: Vec<Tag>,
    #[serde(skip)]
    hash_key: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Principal {
    pub(super) name: String,
    verifier: Spanned<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
struct Role {
    name: String,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Grant {
    role: String,
    on: String,
    privileges: Vec<String>,
    pub(super) columns: Option<Vec<String>>,
    pub(super) rows: Option<String>,
    definer: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Restrict {
    on: String,
    rows: String,
    #[serde(flatten)]
    audience: Audience,
}

#[derive(Debug, Deserialize)]
pub(super) struct Deny {
    pub(super) on: String,
    privileges: Option<Vec<String>>,
    pub(super) columns: Option<Vec<String>>,
    #[serde(flatten)]
    pub(super) audience: Audience,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mask {
    on: Option<String>,
    tag: Option<String>,
    expr: Option<String>,
    with: Option<String>,
    #[serde(flatten)]
    audience: Audience,
}

#[derive(Debug, Deserialize)]
struct Tag {
    name: String,
    on: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Audience {
    to: Option<Vec<String>>,
    #[serde(default)]
    except: Vec<String>,
}

impl Rules {
    /// Reads a file, or all `*.toml` of a folder in the order of their names.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bad = |path: &Path, e: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Config, format!("{}: {e}", path.display()))
        };
        let mut paths = vec![path.to_owned()];
        if path.is_dir() {
            paths.clear();
            for entry in fs::read_dir(path).map_err(|e| bad(path, &e))? {
                paths.push(entry.map_err(|e| bad(path, &e))?.path());
            }
            paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
            paths.sort();
        }
        let mut all = Self::default();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|e| bad(&path, &e))?;
            let place = |byte: usize| {
                let before = text.as_bytes().iter().take(byte);
                let line = 1 + before.filter(|b| **b == b'\n').count();
                format!("{}:{line}", path.display())
            };
            // Without the line's text, which may hold a verifier.
            let file: Self = toml::from_str(&text).map_err(|e| {
                let at = place(e.span().map_or(0, |span| span.start));
                Error::new(ErrorKind::Config, format!("{at}: {}", e.message()))
            })?;
            for principal in &file.principal {
                let verifier = &principal.verifier;
                check_verifier(&principal.name, verifier.get_ref(), || {
                    place(verifier.span().start)
                })?;
            }
            if let Some(key) = &file.hash_key_file {
                let key = path.parent().unwrap_or(Path::new("")).join(key);
                let text = fs::read_to_string(&key).map_err(|e| bad(&key, &e))?;
                all.hash_key = Some(text.trim().bytes().map(|b| format!("{b:02x}")).collect());
            }
            all.principal.extend(file.principal);
            all.role.extend(file.role);
            all.grant.extend(file.grant);
            all.restrict.extend(file.restrict);
            all.deny.extend(file.deny);
            all.mask.extend(file.mask);
            all.tag.extend(file.tag);
        }
        check_not_empty(path, &all.principal)?;
        Ok(all)
    }

    /// The principals' names.
    pub(super) fn principals(&self) -> Vec<&str> {
        self.principal.iter().map(|p| p.name.as_str()).collect()
    }

    /// What makes `current_user` and `attribute('x')` a principal's own: macros, which subqueries of
    /// rules see too.
    pub(super) fn own(&self, who: &str) -> Vec<String> {
        let user = literal(who);
        let names = ["current_user", "session_user", "user"];
        let mut macros: Vec<String> = names
            .iter()
            .map(|name| format!("create or replace macro {name}() as {user}"))
            .collect();
        macros.push(self.attributes(who));
        macros
    }

    /// A macro `attribute` that gives a principal's attributes.
    fn attributes(&self, who: &str) -> String {
        let given = self.principal.iter().find(|p| p.name == who);
        let fields: Vec<String> = given
            .into_iter()
            .flat_map(|p| &p.attributes)
            .map(|(name, value)| {
                let value = match value {
                    toml::Value::String(text) => literal(text),
                    toml::Value::Integer(number) => format!("cast({number} as bigint)"),
                    other => other.to_string(),
                };
                format!("{}: {value}", literal(name))
            })
            .collect();
        let fields = match fields.is_empty() {
            // A struct has a field.
            true => "' ': null".to_owned(),
            false => fields.join(", "),
        };
        format!("create or replace macro attribute(name) as struct_extract({{{fields}}}, name)")
    }

    /// Whether a principal sees all of a catalog as it is, whatever is in it.
    pub(super) fn sees_all(&self, who: &str, catalog: &str) -> bool {
        let roles = self.roles(who);
        let reaches = |on: &str| parts(on).first().is_some_and(|part| fits(part, catalog));
        let reads = |privileges: &[String]| privileges.iter().any(|p| p == "select");
        let is_given = self.grant.iter().any(|g| {
            let rest = parts(&g.on).split_off(1);
            let is_whole = g.columns.is_none() && g.rows.is_none() && g.definer.is_none();
            is_whole
                && roles.contains(g.role.as_str())
                && reads(&g.privileges)
                && reaches(&g.on)
                && rest.iter().all(|part| part == "*")
        });
        let is_taken = self.deny.iter().any(|d| {
            let of_reading = d.privileges.as_deref().is_none_or(reads);
            of_reading && d.audience.includes(&roles) && reaches(&d.on)
        });
        let mut restricts = self.restrict.iter();
        let is_filtered = restricts.any(|r| r.audience.includes(&roles) && reaches(&r.on));
        let is_masked = self.mask.iter().any(|m| {
            let tags = self.tag.iter().filter(|t| Some(&t.name) == m.tag.as_ref());
            let mut patterns = tags.flat_map(|t| &t.on).chain(&m.on);
            m.audience.includes(&roles) && patterns.any(|on| reaches(on))
        });
        is_given && !is_taken && !is_filtered && !is_masked
    }

    /// The principals whose rights are lent for reading views.
    pub(super) fn definers(&self) -> BTreeSet<&str> {
        let lent = self.grant.iter().filter_map(|g| g.definer.as_deref());
        lent.collect()
    }

    /// Whose rights a principal reads a view with; `None` where these are their own.
    pub(super) fn definer(&self, who: &str, view: &Table) -> Option<&str> {
        let roles = self.roles(who);
        let lent = self.grants(&roles, view);
        let definer = lent.first().and_then(|g| g.definer.as_deref());
        definer.filter(|definer| *definer != who)
    }

    /// The query over the raw table that gives what a principal sees of it; `None` where that is nothing at all.
    pub(super) fn seen(&self, who: &str, table: &Table) -> Result<Option<String>> {
        self.seen_of(who, table, &table.full(), false)
    }

    /// The same of the rows that `from` holds in place of the relation. Rows of a view that is read
    /// with another's rights are governed whatever the rules are.
    pub(super) fn seen_of(
        &self,
        who: &str,
        table: &Table,
        from: &str,
        is_lent: bool,
    ) -> Result<Option<String>> {
        let roles = self.roles(who);
        let rule = Rule::of(self, who);
        let grants = self.grants(&roles, table);
        let denies: Vec<&Deny> = self
            .deny
            .iter()
            .filter(|d| d.audience.includes(&roles) && table.is_matched(&d.on))
            .filter(|d| {
                d.privileges
                    .as_ref()
                    .is_none_or(|p| p.iter().any(|p| p == "select"))
            })
            .collect();
        // One with a name of policy's own is nobody's.
        let is_reserved = |name: &str| fold(name).starts_with("__eider");
        let has_reserved = table.columns.iter().any(|(name, _)| is_reserved(name));
        if has_reserved || denies.iter().any(|d| d.columns.is_none()) {
            return Ok(None);
        }
        let restricts = self.restrict.iter();
        let restricts =
            restricts.filter(|r| r.audience.includes(&roles) && table.is_matched(&r.on));
        let mut rows: Vec<String> = restricts.map(|r| rule.yes(&r.rows)).collect();
        rows.extend(rule.any_of(&grants));
        let telling = self.telling(who, table);
        let mut governed = is_lent || !rows.is_empty();
        let mut columns = vec![];
        for (name, sql_type) in &table.columns {
            let holds = |names: &Vec<String>| names.iter().any(|n| fold(n) == fold(name));
            let reaching: Vec<&Grant> = grants
                .iter()
                .copied()
                .filter(|g| g.columns.as_ref().is_none_or(holds))
                .collect();
            let is_hidden = reaching.is_empty() || telling.contains(name.as_str());
            if is_hidden || denies.iter().any(|d| d.columns.as_ref().is_some_and(holds)) {
                governed = true;
                continue;
            }
            let mut value = quoted(name);
            if let Some(mask) = self.mask_of(&roles, table, name) {
                governed = true;
                value = match (&mask.expr, &mask.with) {
                    (Some(expression), _) if rule.lacks(expression) => "null".to_owned(),
                    (Some(expression), _) => expression.clone(),
                    (None, with) => {
                        let with = with.as_deref().unwrap_or_default();
                        masks::shown(with, &value, sql_type, self.hash_key.as_deref())?
                    }
                };
            }
            if let Some(condition) = rule
                .any_of(&reaching)
                .filter(|_| reaching.len() < grants.len())
            {
                governed = true;
                value = format!("case when {condition} then {value} end");
            }
            columns.push((name, sql_type, value));
        }
        if columns.is_empty() {
            return Ok(None);
        }
        let items: Vec<String> = columns
            .into_iter()
            .map(|(name, sql_type, value)| {
                let sql_type = match governed {
                    true => without_enums(sql_type),
                    false => sql_type.clone(),
                };
                format!("cast({value} as {sql_type}) as {}", quoted(name))
            })
            .collect();
        let filter = match rows.is_empty() {
            true => "true".to_owned(),
            false => rows.join(" and "),
        };
        Ok(Some(format!(
            "select {} from {from}{} where {filter}",
            items.join(", "),
            own_roles(&roles, table)
        )))
    }

    /// The grants by which somebody with these roles reads a relation: those with a definer alone,
    /// where there are any.
    pub(super) fn grants(&self, roles: &BTreeSet<&str>, table: &Table) -> Vec<&Grant> {
        let own = self
            .grant
            .iter()
            .filter(|g| roles.contains(g.role.as_str()));
        let reads = |g: &&Grant| g.privileges.iter().any(|p| p == "select");
        let mut grants: Vec<&Grant> = own
            .filter(reads)
            .filter(|g| table.is_matched(&g.on))
            .collect();
        if grants.iter().any(|g| g.definer.is_some()) {
            grants.retain(|g| g.definer.is_some());
        }
        grants
    }

    /// The roles of a principal, and all that these bring.
    pub(super) fn roles(&self, who: &str) -> BTreeSet<&str> {
        let given = self.principal.iter().find(|p| p.name == who);
        let mut waiting: Vec<&str> = given
            .iter()
            .flat_map(|p| &p.roles)
            .map(String::as_str)
            .collect();
        let mut roles = BTreeSet::new();
        while let Some(role) = waiting.pop() {
            if roles.insert(role) {
                let brought = self.role.iter().filter(|r| r.name == role);
                waiting.extend(brought.flat_map(|r| &r.roles).map(String::as_str));
            }
        }
        roles
    }

    pub(super) fn mask_of(
        &self,
        roles: &BTreeSet<&str>,
        table: &Table,
        column: &str,
    ) -> Option<&Mask> {
        self.mask
            .iter()
            .filter(|m| m.audience.includes(roles))
            .find(|mask| {
                let tagged = self
                    .tag
                    .iter()
                    .filter(|t| Some(&t.name) == mask.tag.as_ref());
                let mut patterns = tagged.flat_map(|t| &t.on).chain(&mask.on);
                patterns.any(|on| {
                    let mut parts = parts(on);
                    let last = parts.pop().unwrap_or_default();
                    fits(&last, column) && table.has(&parts)
                })
            })
    }
}

impl Audience {
    pub(super) fn includes(&self, roles: &BTreeSet<&str>) -> bool {
        let has = |role: &String| roles.contains(role.as_str());
        self.to.as_ref().is_none_or(|to| to.iter().any(has)) && !self.except.iter().any(has)
    }
}

/// `current_roles` as a column beside the table's, unless it has one of that name.
fn own_roles(roles: &BTreeSet<&str>, table: &Table) -> String {
    if table
        .columns
        .iter()
        .any(|(c, _)| fold(c) == "current_roles")
    {
        return String::new();
    }
    let list: Vec<String> = roles.iter().map(|r| literal(r)).collect();
    format!(
        ", (select cast([{}] as varchar[]) as current_roles) as __eider_own",
        list.join(", ")
    )
}

/// A type with VARCHAR in place of each ENUM.
fn without_enums(sql_type: &str) -> String {
    let mut rest = sql_type;
    let mut text = String::new();
    while let Some(at) = rest.find("ENUM(") {
        text.push_str(&rest[..at]);
        text.push_str("VARCHAR");
        let mut quoted = false;
        let end = rest[at..].find(|c| {
            quoted ^= c == '\'';
            c == ')' && !quoted
        });
        rest = end.map_or("", |end| &rest[at + end + 1..]);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn governed_types_have_no_enum() {
        assert_eq!(
            without_enums("STRUCT(e ENUM('a)', 'b'), n INTEGER)[]"),
            "STRUCT(e VARCHAR, n INTEGER)[]"
        );
        assert_eq!(without_enums("DECIMAL(3,1)"), "DECIMAL(3,1)");
    }
}
