//! Where in a statement an expression can stand.

use crate::search::Kind;

/// A statement around an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// `{e}` is the expression, or the item of FROM, `{t}` the relation.
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
pub(crate) const PLACES: [Place; 50] = [
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
    place(
        "right join on",
        Access::Read,
        "select count(*) from {t} t right join main.u u on t.id = u.id and hash({e}) <> 7",
    ),
    place(
        "full join on",
        Access::Read,
        "select count(*) from main.u u full join {t} t on t.id = u.id and ({e})::varchar = u.name",
    ),
    place(
        "semi join on",
        Access::Read,
        "select count(*) from main.u u semi join {t} t on t.id = u.id and hash({e}) <> 7",
    ),
    place(
        "asof join on",
        Access::Read,
        "select count(*) from main.u u asof join {t} t on ({e})::varchar = u.name and u.id >= t.id",
    ),
    place(
        "positional join",
        Access::Read,
        "select count(q.x) from main.u u positional join (select ({e})::varchar as x from {t} t) q",
    ),
    place(
        "rollup",
        Access::Read,
        "select ({e})::varchar, count(*) from {t} t group by rollup(({e})::varchar)",
    ),
    place(
        "distinct on",
        Access::Read,
        "select count(*) from (select distinct on (({e})::varchar) t.id from {t} t) q",
    ),
    place(
        "window argument",
        Access::Read,
        "select t.id, lag(({e})::varchar) over (order by t.id) from {t} t",
    ),
    place(
        "window frame",
        Access::Read,
        "select t.id, sum(t.id) over (order by t.id rows between hash({e}) % 3 preceding and current row) from {t} t",
    ),
    place(
        "ordered aggregate",
        Access::Read,
        "select list(t.id order by ({e})::varchar, t.id) from {t} t",
    ),
    place(
        "except",
        Access::Read,
        "select name from main.u except select ({e})::varchar from {t} t",
    ),
    place(
        "recursive",
        Access::Read,
        "with recursive r(i, x) as (select 0, '' union all select r.i + 1, ({e})::varchar from r, {t} t where r.i < 1) select count(*), max(x) from r",
    ),
    place(
        "lambda",
        Access::Read,
        "select t.id, list_transform([t.id], lambda y: y || ({e})::varchar) from {t} t",
    ),
    place(
        "comprehension",
        Access::Read,
        "select t.id, [y for y in [t.id] if hash({e}) <> 7] from {t} t",
    ),
    place(
        "columns",
        Access::Read,
        "select max(columns(*)::varchar) from (select t.id, {e} as x from {t} t) q",
    ),
    place(
        "columns lambda",
        Access::Read,
        "select columns(lambda c: c = 'x')::varchar from (select t.id, {e} as x from {t} t) q",
    ),
    place(
        "unnest",
        Access::Read,
        "select unnest([({e})::varchar, '-']) from {t} t",
    ),
    place(
        "struct",
        Access::Read,
        "select ({'x': ({e})::varchar}).x from {t} t",
    ),
    place(
        "try",
        Access::Read,
        "select t.id, try(sqrt(-1) + length(({e})::varchar)) from {t} t where hash({e}) <> 7",
    ),
    place(
        "pivot",
        Access::Read,
        "pivot (select t.id, ({e})::varchar as x from {t} t) on x in ('-') using count(*)",
    ),
    place(
        "unpivot",
        Access::Read,
        "unpivot (select t.id, ({e})::varchar as x from {t} t) on x into name k value w",
    ),
    place(
        "merge on",
        Access::Update,
        "merge into {t} as t using main.u as u on t.id = u.id and hash({e}) <> 7 when matched then update set n = 9",
    ),
    place(
        "merge when",
        Access::Update,
        "merge into {t} as t using main.u as u on t.id = u.id when matched and hash({e}) <> 7 then update set n = 9",
    ),
    place(
        "merge set",
        Access::Update,
        "merge into {t} as t using main.u as u on t.id = u.id when matched then update set n = length(({e})::varchar)",
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

/// Where items of FROM can stand, beside the relation whose columns they read.
pub(crate) const BESIDE: [Place; 16] = [
    place(
        "beside: lateral",
        Access::Read,
        "select count(*), max(hash(f.x)) from {t} t, {e} f(x)",
    ),
    place(
        "beside: lateral rows",
        Access::Read,
        "select t.id, f.x::varchar from {t} t, {e} f(x)",
    ),
    place(
        "beside: cross join",
        Access::Read,
        "select count(*) from {t} t cross join {e} f(x) where hash(f.x) <> 7",
    ),
    place(
        "beside: left join",
        Access::Read,
        "select t.id, max(hash(f.x)) from {t} t left join lateral (select g.x from {e} g(x)) f on true group by t.id",
    ),
    place(
        "beside: scalar",
        Access::Read,
        "select t.id, (select max(f.x::varchar) from {e} f(x)) from {t} t",
    ),
    place(
        "beside: exists",
        Access::Read,
        "select count(*) from {t} t where exists (select 1 from {e} f(x) where hash(f.x) <> 7)",
    ),
    place(
        "beside: in",
        Access::Read,
        "select count(*) from {t} t where t.region in (select f.x::varchar from {e} f(x))",
    ),
    place(
        "beside: array",
        Access::Read,
        "select t.id, len(array(select f.x from {e} f(x))) from {t} t",
    ),
    place(
        "beside: joined",
        Access::Read,
        "select count(*) from main.u u join (select t.id, f.x from {t} t, {e} f(x)) q on q.id = u.id and hash(q.x) <> 7",
    ),
    place(
        "beside: cte",
        Access::Read,
        "with c as (select t.id, f.x from {t} t, {e} f(x)) select count(*), max(hash(c.x)) from c",
    ),
    place(
        "beside: group by",
        Access::Read,
        "select f.x::varchar, count(*) from {t} t, {e} f(x) group by all",
    ),
    place(
        "beside: window",
        Access::Read,
        "select t.id, count(*) over (partition by f.x::varchar) from {t} t, {e} f(x)",
    ),
    place(
        "beside: union",
        Access::Read,
        "select f.x::varchar from {t} t, {e} f(x) union select name from main.u",
    ),
    place(
        "beside: insert select",
        Access::Read,
        "insert into main.u select t.id, f.x::varchar from {t} t, {e} f(x)",
    ),
    place(
        "beside: delete where",
        Access::Delete,
        "delete from {t} as t where exists (select 1 from {e} f(x) where hash(f.x) <> 7)",
    ),
    place(
        "beside: update set",
        Access::Update,
        "update {t} as t set n = (select count(hash(f.x)) from {e} f(x))",
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
        Kind::Rows => &BESIDE,
        Kind::Function | Kind::Cast | Kind::Syntax => &PLACES,
    };
    all.iter().filter(|p| p.access <= access).copied().collect()
}
