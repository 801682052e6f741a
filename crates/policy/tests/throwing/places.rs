//! Where in a statement an expression can stand.

use crate::search::Kind;

/// A statement around an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// `{e}` is the expression, `{t}` the relation.
    pub(crate) text: &'static str,
    pub(crate) access: Access,
}

/// What a statement does with the governed relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Read,
    Delete,
    Update,
}

const fn place(name: &'static str, access: Access, text: &'static str) -> Place {
    Place { name, text, access }
}

/// All places. Nothing in them lets an optimizer do without the expression: a comparison with NULL would.
pub(crate) const PLACES: [Place; 26] = [
    place(
        "where",
        Access::Read,
        "select count(*) from {t} t where hash({e}) <> 7",
    ),
    place(
        "select list",
        Access::Read,
        "select ({e})::varchar as x from {t} t",
    ),
    place(
        "aggregate",
        Access::Read,
        "select max(({e})::varchar) from {t} t",
    ),
    place(
        "join on",
        Access::Read,
        "select count(*) from {t} t join main.u u on ({e})::varchar = u.name",
    ),
    place(
        "left join on",
        Access::Read,
        "select count(*) from main.u u left join {t} t on t.id = u.id and hash({e}) <> 7",
    ),
    place(
        "group by",
        Access::Read,
        "select ({e})::varchar, count(*) from {t} t group by all",
    ),
    place(
        "having",
        Access::Read,
        "select t.region, count(*) from {t} t group by t.region having max(({e})::varchar) <> '-'",
    ),
    place(
        "order by",
        Access::Read,
        "select t.id from {t} t order by ({e})::varchar, t.id limit 5",
    ),
    place(
        "window",
        Access::Read,
        "select t.id, count(*) over (partition by ({e})::varchar) from {t} t",
    ),
    place(
        "window order",
        Access::Read,
        "select t.id, rank() over (order by ({e})::varchar) from {t} t",
    ),
    place(
        "qualify",
        Access::Read,
        "select t.id from {t} t qualify row_number() over (order by ({e})::varchar, t.id) < 3",
    ),
    place(
        "filter",
        Access::Read,
        "select count(*) filter (where hash({e}) <> 7) from {t} t",
    ),
    place(
        "distinct",
        Access::Read,
        "select distinct ({e})::varchar from {t} t",
    ),
    place(
        "union",
        Access::Read,
        "select ({e})::varchar from {t} t union select name from main.u",
    ),
    place(
        "in",
        Access::Read,
        "select count(*) from main.u u where u.name in (select ({e})::varchar from {t} t)",
    ),
    place(
        "exists",
        Access::Read,
        "select count(*) from main.u u where exists (select 1 from {t} t where t.id = u.id and hash({e}) <> 7)",
    ),
    place(
        "scalar",
        Access::Read,
        "select u.id, (select max(({e})::varchar) from {t} t where t.id = u.id) from main.u u",
    ),
    place(
        "lateral",
        Access::Read,
        "select count(l.x) from main.u u, lateral (select ({e})::varchar as x from {t} t where t.id = u.id) l",
    ),
    place(
        "case",
        Access::Read,
        "select sum(case when t.id > 0 then length(({e})::varchar) else 0 end) from {t} t",
    ),
    place(
        "cte",
        Access::Read,
        "with c as (select t.id, ({e})::varchar as x from {t} t) select count(*) from c where c.x <> '-'",
    ),
    place(
        "insert select",
        Access::Read,
        "insert into main.u select t.id, ({e})::varchar from {t} t",
    ),
    place(
        "delete where",
        Access::Delete,
        "delete from {t} where hash({e}) <> 7",
    ),
    place(
        "delete returning",
        Access::Delete,
        "delete from {t} returning id, ({e})::varchar as x",
    ),
    place(
        "update where",
        Access::Update,
        "update {t} set n = 7 where hash({e}) <> 7",
    ),
    place(
        "update set",
        Access::Update,
        "update {t} set n = length(({e})::varchar)",
    ),
    place(
        "update returning",
        Access::Update,
        "update {t} set n = 8 returning id, ({e})::varchar as x",
    ),
];

/// Where aggregates can stand.
pub(crate) const SUMMARIES: [Place; 7] = [
    place(
        "select list",
        Access::Read,
        "select ({e})::varchar from {t} t",
    ),
    place(
        "grouped",
        Access::Read,
        "select t.region, ({e})::varchar from {t} t group by t.region",
    ),
    place(
        "having",
        Access::Read,
        "select t.region from {t} t group by t.region having hash({e}) <> 7",
    ),
    place(
        "order by",
        Access::Read,
        "select t.region from {t} t group by t.region order by ({e})::varchar",
    ),
    place(
        "scalar",
        Access::Read,
        "select u.id, (select ({e})::varchar from {t} t) from main.u u",
    ),
    place(
        "subquery",
        Access::Read,
        "select count(*) from (select ({e})::varchar as x from {t} t) q where q.x <> '-'",
    ),
    place(
        "insert select",
        Access::Read,
        "insert into main.u select 1, ({e})::varchar from {t} t",
    ),
];

/// A condition that an optimizer has to ask.
const CONDITION: &str = "hash({e}) <> 7";

impl Place {
    /// The statement over a relation, around expressions. Only a condition is made of several, each a
    /// conjunct of its own: an optimizer moves them one by one.
    pub(crate) fn statement(&self, relation: &str, expressions: &[String]) -> String {
        let text = self.text.replace("{t}", relation);
        let conjuncts: Vec<String> = expressions
            .iter()
            .map(|e| CONDITION.replace("{e}", e))
            .collect();
        let text = text.replace(CONDITION, &conjuncts.join(" and "));
        text.replace("{e}", &expressions[0])
    }

    /// Whether it takes several expressions.
    pub(crate) fn is_condition(&self) -> bool {
        self.text.contains(CONDITION)
    }
}

/// The places that fit an entry.
pub(crate) fn places(kind: Kind, access: Access) -> Vec<Place> {
    let all: &[Place] = match kind {
        Kind::Aggregate => &SUMMARIES,
        Kind::Function | Kind::Cast | Kind::Syntax => &PLACES,
    };
    all.iter().filter(|p| p.access <= access).copied().collect()
}
