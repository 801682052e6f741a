//! What one principal may see of one relation: columns, and the barrier that its rows come through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Column, Relation, RelationKind, RelationName, Result, SqlType};
use serde_json::{Value, json};
use tree::build;

use crate::changes::Changes;
use crate::compile::{Compiler, Purpose, SELF};
use crate::file::Privilege;
use crate::generated::{Shown, withheld};
use crate::mapping::looks_up;
use crate::mirrored;
use crate::part::size;
use crate::reserved::unless_reserved_columns;
use crate::rules::{Deny, Grant};
use crate::set::PolicySet;

/// A principal's view of a relation.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) name: RelationName,
    pub(crate) kind: RelationKind,
    pub(crate) privileges: BTreeSet<Privilege>,
    /// Visible columns in catalog order; those that may be written where nothing may be read.
    pub(crate) columns: Vec<Column>,
    /// The query that stands in for the relation, where any row rule, mask or hidden column applies.
    pub(crate) barrier: Option<Value>,
    /// Of a view without rules of its own: its query, as this principal reads it.
    pub(crate) inlined: Option<Inlined>,
    /// Parts of the query that stands for it; 0 where its name does.
    pub(crate) size: usize,
    /// Of a view: the views that its query reads, directly or through others.
    pub(crate) views: BTreeSet<RelationName>,
    /// Columns that are shown as they are, by folded name.
    pub(crate) open: BTreeMap<String, (String, SqlType)>,
    /// Whether conditions may be asked of them inside the barrier.
    pub(crate) copies: bool,
    /// What may be written of it, if anything.
    pub(crate) changes: Option<Changes>,
}

/// What a view without rules of its own stands for.
#[derive(Debug)]
pub(crate) struct Inlined {
    pub(crate) query: Value,
    /// Whether a governed relation takes part.
    pub(crate) governed: bool,
}

/// What a relation's rows come from.
pub(crate) enum Rows<'q> {
    /// The table of that name.
    Table,
    /// A view's query, with the rights of who reads it.
    View(Inlined),
    /// A view's query, with the rights of someone else: nothing of it may be seen but its rows.
    Definer(&'q Value),
}

impl Access {
    /// Of what a session may drop, and nothing else.
    pub(crate) fn to_drop(relation: &Relation) -> Self {
        Self {
            name: relation.name.clone(),
            kind: relation.kind,
            privileges: [Privilege::Drop].into(),
            columns: vec![],
            barrier: None,
            inlined: None,
            size: 0,
            views: BTreeSet::new(),
            open: BTreeMap::new(),
            copies: false,
            changes: None,
        }
    }

    /// `None` where the relation does not exist for the principal.
    pub(crate) fn new(
        set: &PolicySet,
        compiler: &Compiler<'_>,
        relation: &Relation,
        rows: Rows<'_>,
    ) -> Result<Option<Self>> {
        let grants: Vec<&Grant> = set.grants_for(compiler.principal, &relation.name).collect();
        let denies: Vec<&Deny> = set.denies_for(compiler.principal, &relation.name).collect();
        let privileges: BTreeSet<Privilege> = grants
            .iter()
            .flat_map(|g| g.privileges.iter().copied())
            .filter(|p| !denies.iter().any(|d| d.takes(*p)))
            .collect();
        if !privileges.is_empty() {
            unless_reserved_columns(&relation.columns)?;
            mirrored::check(relation, compiler.sidecar)?;
        }
        let reading = match privileges.contains(&Privilege::Select) {
            true => set.reading_grants(compiler.principal, &relation.name),
            false => vec![],
        };
        if reading.is_empty() {
            let writes_only = Privilege::CHANGES.iter().any(|p| privileges.contains(p))
                || privileges.contains(&Privilege::Drop);
            if !writes_only {
                return Ok(None);
            }
            let writing: Vec<&Grant> = grants.into_iter().filter(|g| changes(g)).collect();
            let columns: Vec<Column> = relation
                .columns
                .iter()
                .filter(|c| writing.iter().any(|g| reaches(g, &c.name)))
                .filter(|c| !denies.iter().any(|d| d.hides(&c.name)))
                .cloned()
                .collect();
            let plain = columns.iter().map(|c| c.name.as_str()).collect();
            let changes = Changes::new(set, compiler, relation, &privileges, plain)?;
            return Ok(Some(Self {
                privileges,
                columns,
                changes,
                ..Self::to_drop(relation)
            }));
        }
        let filter = filter(set, &reading, compiler, relation)?;
        let mut columns = Vec::new();
        let mut items = Vec::new();
        let is_definer = matches!(rows, Rows::Definer(_));
        let is_filtered = filter.is_some() || is_definer;
        let mut governed = is_filtered;
        let mut picks = Vec::new();
        for column in &relation.columns {
            let reaching: Vec<&Grant> = reading
                .iter()
                .copied()
                .filter(|g| reaches(g, &column.name))
                .filter(|_| !denies.iter().any(|d| d.hides(&column.name)))
                .collect();
            if reaching.is_empty() {
                governed = true;
                continue;
            }
            let guard = if reaching.len() == reading.len() {
                None
            } else {
                rows_of(&reaching, compiler, relation)?
            };
            let mask = set.mask_for(compiler.principal, &relation.name, &column.name);
            let key = set.rules.hash_key.as_ref();
            let mask = mask
                .map(|mask| compiler.mask(mask, key, relation, column))
                .transpose()?;
            governed |= guard.is_some() || mask.is_some();
            picks.push((column, guard, mask));
        }
        let shown = picks.iter().map(|(column, _, mask)| {
            let shown = match mask {
                None => Shown::Raw,
                Some(_) => Shown::Masked,
            };
            (model::fold(&column.name), shown)
        });
        let is_named = |column: &str| {
            let mut naming = reading.iter().filter(|g| g.columns.is_some());
            naming.any(|g| reaches(g, column))
        };
        let withheld = withheld(relation, shown.collect(), is_named);
        governed |= !withheld.is_empty();
        picks.retain(|(column, _, _)| !withheld.contains(&model::fold(&column.name)));
        if picks.is_empty() {
            return Ok(None);
        }
        // Nothing of the user's goes below a join with a mapping table.
        let shown = || picks.iter().flat_map(|(_, guard, mask)| [guard, mask]);
        let is_filtered = is_filtered || shown().flatten().any(looks_up);
        let plain = picks
            .iter()
            .filter(|(_, guard, mask)| guard.is_none() && mask.is_none())
            .map(|(column, _, _)| column.name.as_str())
            .collect();
        let changes = Changes::new(set, compiler, relation, &privileges, plain)?;
        let mut open = BTreeMap::new();
        for (column, guard, mask) in picks {
            let is_plain = mask.is_none() && guard.is_none();
            let shown = match governed {
                false => column.clone(),
                true => {
                    let (item, shown) = item(compiler, column, guard, mask, is_filtered)?;
                    items.push(item);
                    shown
                }
            };
            let is_same = shown.sql_type == column.sql_type;
            if is_plain && is_same && !column.sql_type.contains_struct() {
                let name = model::fold(&column.name);
                open.insert(name, (column.name.clone(), column.sql_type.clone()));
            }
            columns.push(shown);
        }
        let (barrier, inlined) = match rows {
            Rows::View(inlined) if !governed => (None, Some(inlined)),
            Rows::Table if !governed => (None, None),
            rows => {
                let from = match rows {
                    Rows::Table => build::base_table(&relation.name, SELF),
                    Rows::View(Inlined { query, .. }) => {
                        as_table(&query, SELF, json!([]), json!(null))
                    }
                    Rows::Definer(query) => as_table(query, SELF, json!([]), json!(null)),
                };
                let mut query = build::select(items, from, filter, is_filtered);
                tree::normalize(&mut query)?;
                // Its places are in the policy's text, not in a user's.
                tree::canonicalize(&mut query);
                (Some(query), None)
            }
        };
        let stands_in = barrier.as_ref().or(inlined.as_ref().map(|i| &i.query));
        Ok(Some(Self {
            name: relation.name.clone(),
            kind: relation.kind,
            privileges,
            columns,
            size: stands_in.map(size).unwrap_or_default(),
            views: BTreeSet::new(),
            barrier,
            inlined,
            open,
            copies: set.copies_conditions(&relation.name),
            changes,
        }))
    }
}

fn changes(grant: &Grant) -> bool {
    let privileges = &grant.privileges;
    Privilege::CHANGES.iter().any(|p| privileges.contains(p))
}

fn reaches(grant: &Grant, column: &str) -> bool {
    grant
        .columns
        .as_ref()
        .is_none_or(|columns| columns.contains(&model::fold(column)))
}

/// What a governed relation's query shows of a column, and the column that it becomes. Opaque wherever
/// statistics or fields of a struct could tell of more than that.
fn item(
    compiler: &Compiler<'_>,
    column: &Column,
    guard: Option<Value>,
    mask: Option<Value>,
    is_filtered: bool,
) -> Result<(Value, Column)> {
    let sql_type = without_enum(&column.sql_type);
    let is_plain = mask.is_none() && guard.is_none();
    let mut value = mask.unwrap_or_else(|| build::column(&[SELF, &column.name]));
    if sql_type != column.sql_type {
        value = build::cast(value, compiler.type_tree(&sql_type)?);
    }
    let opaque = is_filtered || !is_plain || column.sql_type.contains_struct();
    let chosen = without_array(&sql_type);
    let is_cast = opaque && chosen != sql_type;
    if is_cast {
        value = build::cast(value, compiler.type_tree(&chosen)?);
    }
    if opaque {
        value = build::case(build::is_null(value.clone()), build::null(), value);
    }
    if let Some(guard) = guard {
        value = build::case(guard, value, build::null());
    }
    if is_cast {
        value = build::cast(value, compiler.type_tree(&sql_type)?);
    }
    let shown = Column {
        name: column.name.clone(),
        sql_type,
        nullable: true,
    };
    Ok((build::aliased(value, &column.name), shown))
}

/// The rows that a principal sees: what grants give together, less what restrictions take.
fn filter(
    set: &PolicySet,
    grants: &[&Grant],
    compiler: &Compiler<'_>,
    relation: &Relation,
) -> Result<Option<Value>> {
    let mut conditions = Vec::new();
    for restrict in set.restricts_for(compiler.principal, &relation.name) {
        conditions.push(compiler.compile(&restrict.rows, relation, Purpose::Rows)?);
    }
    conditions.extend(rows_of(grants, compiler, relation)?);
    Ok(build::conjunction("CONJUNCTION_AND", conditions))
}

/// The rows of some grants together; `None` where one of them has all rows.
fn rows_of(
    grants: &[&Grant],
    compiler: &Compiler<'_>,
    relation: &Relation,
) -> Result<Option<Value>> {
    let mut conditions = Vec::with_capacity(grants.len());
    for grant in grants {
        match &grant.rows {
            None => return Ok(None),
            Some(rows) => conditions.push(compiler.compile(rows, relation, Purpose::Rows)?),
        }
    }
    Ok(build::conjunction("CONJUNCTION_OR", conditions))
}

/// A dictionary lists values of hidden rows: ENUMs of governed relations are text.
pub(crate) fn without_enum(sql_type: &SqlType) -> SqlType {
    let fields = |fields: &Arc<[(String, SqlType)]>| {
        fields
            .iter()
            .map(|(n, t)| (n.clone(), without_enum(t)))
            .collect()
    };
    match sql_type {
        SqlType::Enum(_) => SqlType::Varchar,
        SqlType::List(t) => SqlType::List(Arc::new(without_enum(t))),
        SqlType::Array(t, n) => SqlType::Array(Arc::new(without_enum(t)), *n),
        SqlType::Map(k, v) => SqlType::Map(Arc::new(without_enum(k)), Arc::new(without_enum(v))),
        SqlType::Struct(f) => SqlType::Struct(fields(f)),
        SqlType::Union(f) => SqlType::Union(fields(f)),
        other => other.clone(),
    }
}

/// What CASE chooses among in place of a type: DuckDB 1.5.5 has none over ARRAY, where some are NULL,
/// nor over a STRUCT of them. A list of an array's length becomes the array again.
fn without_array(sql_type: &SqlType) -> SqlType {
    match sql_type {
        SqlType::Array(t, _) => SqlType::List(Arc::clone(t)),
        SqlType::Struct(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, t)| (name.clone(), without_array(t)));
            SqlType::Struct(fields.collect())
        }
        other => other.clone(),
    }
}

/// The barrier as an item of FROM.
pub(crate) fn as_table(barrier: &Value, alias: &str, columns: Value, sample: Value) -> Value {
    let columns = if columns.is_null() {
        json!([])
    } else {
        columns
    };
    build::subquery(barrier.clone(), alias, columns, sample)
}
