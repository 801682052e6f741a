-- name: null of each kind
select null::tinyint as a, null::bigint as b, null::hugeint as c, null::decimal(9,2) as d, null::double as e, null::varchar as f,
       null::date as g, null::time as h, null::timestamp as i, null::timestamptz as j, null::interval as k, null::integer[] as l;

-- name: aggregates of nothing
select count(*) as n, count(dep_delay) as c, sum(dep_delay) as s, avg(dep_delay) as a, min(tailnum) as m, list(flight) as l
from flights where origin = 'nowhere';

-- name: nulls are not counted
select count(*) as n, count(dep_time) as departed, count(air_time) as flown, count(*) filter (where tailnum is null) as nameless from flights;

-- ordered: nulls first and last
(select arr_delay from flights where month = 1 and day = 1 order by arr_delay nulls first limit 20)
union all
(select arr_delay from flights where month = 1 and day = 1 order by arr_delay desc nulls last limit 20)
order by arr_delay nulls first;

-- name: three-valued logic
select null = null as a, null and false as b, null or true as c, not (null::boolean) as d, 1 in (2, null) as e, 1 not in (1, null) as f,
       null is distinct from 1 as g, null is not distinct from null as h, coalesce(null, 2) as i, nullif(1, 1) as j;

-- name: groups by null
select dep_time is null as cancelled, tailnum is null as nameless, count(*) as n from flights group by all;

-- name: every column with its nulls
select * from flights where dep_time is null and month = 2 and day = 8;

-- name: empty text is not null
select '' is null as a, length('') as b, '' = '' as c, concat('x', null) as d, 'x' || null as e;
