//! From files to rules: names resolved, patterns read, nothing unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use model::{Attribute, Principal, Result};
use toml::Spanned;

use crate::attribute_values::AttributeValue;
use crate::builtin::{BuiltIn, HashKey};
use crate::definer;
use crate::file::{At, File, Privilege, Sources};
use crate::ids::Ids;
use crate::limit::{Bound, Limit, Limits};
use crate::mapping::Listed;
use crate::pattern::Pattern;
use crate::rules::{Audience, Deny, Grant, Mask, MaskValue, Restrict};

/// Principals with what they log in by, by name.
pub(crate) type Principals = BTreeMap<String, (Arc<Principal>, Login)>;

/// What a principal logs in by.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) verifier: String,
    /// Where the verifier stands.
    pub(crate) at: At,
}

/// What the files say.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) principals: Principals,
    /// Names of the attributes that any of them has.
    pub(crate) attributes: BTreeSet<String>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) restricts: Vec<Restrict>,
    pub(crate) denies: Vec<Deny>,
    pub(crate) masks: Vec<Mask>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) opaque: Vec<(At, Pattern<3>)>,
    /// What tags are on, used or not.
    pub(crate) tagged: Vec<(At, Pattern<4>)>,
    pub(crate) mappings: Vec<Listed>,
    pub(crate) ids: Ids,
    pub(crate) hash_key: Option<HashKey>,
}

/// Reads the rules of the files.
pub(crate) fn rules(sources: &Sources) -> Result<Rules> {
    let files = sources.parse()?;
    let loader = Loader {
        sources,
        roles: Roles::of(&files, sources)?,
        tags: tags(&files, sources)?,
    };
    let principals = loader.principals(&files)?;
    let grants = loader.all(&files, |f| &f.grant, Loader::grant)?;
    definer::check(&grants, &principals, sources)?;
    Ok(Rules {
        grants,
        restricts: loader.all(&files, |f| &f.restrict, Loader::restrict)?,
        denies: loader.all(&files, |f| &f.deny, Loader::deny)?,
        masks: loader.all(&files, |f| &f.mask, Loader::mask)?,
        limits: entries(&files, |f| &f.limit)
            .map(|(at, entry)| loader.limit(at, entry, &principals))
            .collect::<Result<_>>()?,
        attributes: principals
            .values()
            .flat_map(|(principal, _)| principal.attributes.keys().cloned())
            .collect(),
        principals,
        opaque: entries(&files, |f| &f.opaque)
            .map(|(at, on)| loader.pattern(at, on).map(|on| (at, on)))
            .collect::<Result<_>>()?,
        tagged: loader.tags.values().flatten().cloned().collect(),
        mappings: entries(&files, |f| &f.mapping)
            .map(|(at, on)| loader.pattern(at, on).map(|on| Listed { on, at }))
            .collect::<Result<_>>()?,
        ids: Ids::of(&files, sources)?,
        hash_key: hash_key(&files, sources)?,
    })
}

struct Loader<'a> {
    sources: &'a Sources,
    roles: Roles,
    tags: Tags,
}

/// The columns that each tag is on.
type Tags = BTreeMap<String, Vec<(At, Pattern<4>)>>;

/// Each role with all that it brings, itself included; and those of administrators.
#[derive(Default)]
struct Roles {
    closure: BTreeMap<String, BTreeSet<String>>,
    admins: BTreeSet<String>,
}

impl Roles {
    fn of(files: &[File], sources: &Sources) -> Result<Self> {
        let mut given: BTreeMap<&str, (&[String], At)> = BTreeMap::new();
        let mut roles = Self::default();
        for (at, role) in entries(files, |f| &f.role) {
            if role.name.is_empty() {
                return Err(sources.error(at, "a role needs a name"));
            }
            if given.insert(&role.name, (&role.roles, at)).is_some() {
                let reason = format!("role \"{}\" is defined twice", role.name);
                return Err(sources.error(at, reason));
            }
            if role.admin {
                roles.admins.insert(role.name.clone());
            }
        }
        for (name, (_, at)) in &given {
            let mut brought = BTreeSet::new();
            let mut waiting = vec![*name];
            while let Some(role) = waiting.pop() {
                let Some((further, at)) = given.get(role) else {
                    return Err(sources.error(*at, format!("there is no role \"{role}\"")));
                };
                if further.iter().any(|f| f == name) {
                    let reason = format!("role \"{name}\" comes back to itself");
                    return Err(sources.error(*at, reason));
                }
                if brought.insert(role.to_owned()) {
                    waiting.extend(further.iter().map(String::as_str));
                }
            }
            roles.closure.insert((*name).to_owned(), brought);
        }
        Ok(roles)
    }
}

impl Loader<'_> {
    fn all<E, R>(
        &self,
        files: &[File],
        part: fn(&File) -> &Vec<Spanned<E>>,
        read: fn(&Self, At, &E) -> Result<R>,
    ) -> Result<Vec<R>> {
        entries(files, part)
            .map(|(at, entry)| read(self, at, entry))
            .collect()
    }

    fn known<'n>(&self, at: At, names: impl IntoIterator<Item = &'n String>) -> Result<()> {
        for name in names {
            if !self.roles.closure.contains_key(name) {
                let reason = format!("there is no role \"{name}\"");
                return Err(self.sources.error(at, reason));
            }
        }
        Ok(())
    }

    fn pattern<const N: usize>(&self, at: At, text: &str) -> Result<Pattern<N>> {
        Pattern::parse(text).map_err(|reason| self.sources.error(at, reason))
    }

    fn columns(&self, at: At, names: Option<&Vec<String>>) -> Result<Option<BTreeSet<String>>> {
        if names.is_some_and(Vec::is_empty) {
            let reason = "an empty list of columns means nothing: leave it out for all columns";
            return Err(self.sources.error(at, reason));
        }
        Ok(names.map(|names| names.iter().map(|n| model::fold(n)).collect()))
    }

    fn audience(&self, at: At, to: Option<&Vec<String>>, except: &[String]) -> Result<Audience> {
        self.known(at, to.into_iter().flatten().chain(except))?;
        if to.is_some_and(Vec::is_empty) {
            let reason = "an empty list of roles means nobody: leave `to` out for everybody";
            return Err(self.sources.error(at, reason));
        }
        Ok(Audience {
            to: to.map(|to| to.iter().cloned().collect()),
            except: except.iter().cloned().collect(),
        })
    }

    fn principals(&self, files: &[File]) -> Result<Principals> {
        let mut principals = Principals::new();
        for (at, given) in entries(files, |f| &f.principal) {
            if given.name.is_empty() {
                return Err(self.sources.error(at, "a principal needs a name"));
            }
            self.known(at, &given.roles)?;
            let roles: BTreeSet<String> = given
                .roles
                .iter()
                .flat_map(|role| self.roles.closure.get(role).into_iter().flatten().cloned())
                .collect();
            let principal = Principal {
                name: given.name.clone(),
                admin: !roles.is_disjoint(&self.roles.admins),
                roles,
                attributes: attributes(&given.attributes),
            };
            let login = Login {
                verifier: given.verifier.get_ref().clone(),
                at: At {
                    byte: given.verifier.span().start,
                    ..at
                },
            };
            let kept = (Arc::new(principal), login);
            if principals.insert(given.name.clone(), kept).is_some() {
                let reason = format!("principal \"{}\" is defined twice", given.name);
                return Err(self.sources.error(at, reason));
            }
        }
        Ok(principals)
    }

    fn grant(&self, at: At, given: &crate::file::GrantEntry) -> Result<Grant> {
        self.known(at, [&given.role])?;
        if given.privileges.is_empty() {
            return Err(self.sources.error(at, "a grant needs privileges"));
        }
        Ok(Grant {
            role: given.role.clone(),
            on: self.pattern(at, &given.on)?,
            privileges: given.privileges.iter().copied().collect(),
            columns: self.columns(at, given.columns.as_ref())?,
            rows: given.rows.clone(),
            definer: given.definer.clone(),
            allow_key_oracle: given.allow_key_oracle,
            at,
        })
    }

    fn restrict(&self, at: At, given: &crate::file::RestrictEntry) -> Result<Restrict> {
        Ok(Restrict {
            on: self.pattern(at, &given.on)?,
            rows: given.rows.clone(),
            audience: self.audience(at, given.to.as_ref(), &given.except)?,
            at,
        })
    }

    fn deny(&self, at: At, given: &crate::file::DenyEntry) -> Result<Deny> {
        let privileges = match &given.privileges {
            None => Privilege::ALL.into(),
            Some(some) if some.is_empty() => {
                let reason = "an empty list of privileges means nothing: leave it out for all";
                return Err(self.sources.error(at, reason));
            }
            Some(some) => some.iter().copied().collect::<BTreeSet<_>>(),
        };
        let columns = self.columns(at, given.columns.as_ref())?;
        if columns.is_some() && !privileges.contains(&Privilege::Select) {
            let reason = "columns can be denied to readers only: the privileges must hold select";
            return Err(self.sources.error(at, reason));
        }
        Ok(Deny {
            on: self.pattern(at, &given.on)?,
            privileges,
            columns,
            audience: self.audience(at, given.to.as_ref(), &given.except)?,
            at,
        })
    }

    fn mask(&self, at: At, given: &crate::file::MaskEntry) -> Result<Mask> {
        let error = |reason: &str| self.sources.error(at, reason);
        let on = match (&given.on, &given.tag) {
            (Some(on), None) => vec![self.pattern(at, on)?],
            (None, Some(tag)) => {
                let tagged = self.tags.get(tag);
                let tagged = tagged.ok_or_else(|| error(&format!("there is no tag \"{tag}\"")))?;
                tagged.iter().map(|(_, on)| on.clone()).collect()
            }
            _ => return Err(error("a mask needs either `on` or `tag`")),
        };
        let value = match (&given.expr, &given.with) {
            (Some(expression), None) => MaskValue::Expression(expression.clone()),
            (None, Some(name)) => {
                let built_in = BuiltIn::parse(name);
                MaskValue::BuiltIn(built_in.map_err(|reason| error(&reason))?)
            }
            _ => return Err(error("a mask needs either `expr` or `with`")),
        };
        Ok(Mask {
            on,
            value,
            audience: self.audience(at, given.to.as_ref(), &given.except)?,
            at,
        })
    }
}

impl Loader<'_> {
    fn limit(
        &self,
        at: At,
        given: &crate::file::LimitEntry,
        principals: &Principals,
    ) -> Result<Limit> {
        let error = |reason: String| self.sources.error(at, reason);
        if let Some(name) = &given.principal
            && !principals.contains_key(name)
        {
            return Err(error(format!("there is no principal \"{name}\"")));
        }
        let by: Arc<str> = match &given.id {
            Some(id) => id.as_str().into(),
            None => self.sources.short_place(at).into(),
        };
        let (timeout, bytes, spill) = (given.statement_timeout, given.result_bytes, given.spill);
        let nothing = [
            ("statement_timeout", timeout.is_some_and(|t| t.0.is_zero())),
            ("result_bytes", bytes.is_some_and(|b| b.0 == 0)),
            ("spill", spill.is_some_and(|b| b.0 == 0)),
        ];
        if let Some((key, _)) = nothing.iter().find(|(_, is_nothing)| *is_nothing) {
            return Err(error(format!("{key} must be more than nothing")));
        }
        let limits = Limits {
            statements: bound(given.statements, &by),
            queue_share: bound(given.queue_share, &by),
            statement_timeout: bound(timeout.map(|t| t.0), &by),
            result_rows: bound(given.result_rows, &by),
            result_bytes: bound(bytes.map(|b| b.0), &by),
            spill: bound(spill.map(|b| b.0), &by),
        };
        if limits == Limits::default() {
            return Err(error("a limit limits nothing".to_owned()));
        }
        if given.statements == Some(0) {
            return Err(error("a limit of no statements: use a denial".to_owned()));
        }
        Ok(Limit {
            principal: given.principal.clone(),
            audience: self.audience(at, given.to.as_ref(), &given.except)?,
            limits,
        })
    }
}

fn bound<T>(most: Option<T>, by: &Arc<str>) -> Option<Bound<T>> {
    most.map(|most| Bound {
        most,
        by: Arc::clone(by),
    })
}

/// All entries of a kind, in the order of the files.
fn entries<'f, E: 'f>(
    files: &'f [File],
    part: fn(&File) -> &Vec<Spanned<E>>,
) -> impl Iterator<Item = (At, &'f E)> {
    files.iter().enumerate().flat_map(move |(file, content)| {
        part(content).iter().map(move |entry| {
            let byte = entry.span().start;
            (At { file, byte }, entry.get_ref())
        })
    })
}

fn attributes(given: &BTreeMap<String, AttributeValue>) -> BTreeMap<String, Attribute> {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Boolean(b) => Attribute::Boolean(*b),
        AttributeValue::Integer(i) => Attribute::Integer(*i),
        AttributeValue::Text(t) => Attribute::Text(t.clone()),
    };
    given.iter().map(|(k, v)| (k.clone(), value(v))).collect()
}

fn tags(files: &[File], sources: &Sources) -> Result<Tags> {
    let mut tags = Tags::new();
    for (at, tag) in entries(files, |f| &f.tag) {
        if tag.name.is_empty() || tag.on.is_empty() {
            return Err(sources.error(at, "a tag needs a name and columns"));
        }
        let patterns = tags.entry(tag.name.clone()).or_default();
        for on in &tag.on {
            let on = Pattern::parse(on).map_err(|reason| sources.error(at, reason))?;
            patterns.push((at, on));
        }
    }
    Ok(tags)
}

fn hash_key(files: &[File], sources: &Sources) -> Result<Option<HashKey>> {
    let mut key = None;
    for (file, content) in files.iter().enumerate() {
        let Some(given) = &content.hash_key_file else {
            continue;
        };
        let byte = given.span().start;
        let error = |reason: String| sources.error(At { file, byte }, reason);
        if key.is_some() {
            return Err(error("hash_key_file is given twice".to_owned()));
        }
        let path = sources.beside(file, given.get_ref());
        let text =
            fs::read_to_string(&path).map_err(|e| error(format!("{}: {e}", path.display())))?;
        key = Some(HashKey::new(&text).map_err(error)?);
    }
    Ok(key)
}
