-- name: star
select * from airlines;

-- name: from first
from airports where alt > 5000;

-- name: star with exclude, replace and rename
select * exclude (lat, lon) replace (upper(name) as name) rename (faa as code) from airports where tz = -10;

-- name: columns by pattern
select columns('.*delay') from flights where month = 6 and day = 1 and dep_delay > 200;

-- name: qualified star and columns
select f.*, a.name from flights as f join airlines as a on f.carrier = a.carrier where f.month = 1 and f.day = 2 and f.dest = 'BOS';

-- name: three-part names
select nyc.main.airlines.name from nyc.main.airlines where nyc.main.airlines.carrier = 'AA';

-- name: column aliases of a table
select code, label from airlines as a(code, label) where code < 'B';

-- name: values
select * from (values (1, 'one'), (2, 'two'), (3, null)) as v(n, word);

-- name: bare values
values (1, 'a'), (2, 'b');

-- name: inner join
select a.name, count(*) as n from flights f join airlines a on a.carrier = f.carrier group by a.name;

-- name: join using
select name, count(*) as n, avg(arr_delay) as delay from flights join airlines using (carrier) group by name;

-- name: natural join
select count(*) as n from (select carrier from flights) natural join (select carrier from airlines);

-- name: left join
select f.dest, a.name from (select distinct dest from flights) f left join airports a on a.faa = f.dest where a.faa is null or a.alt > 4000;

-- name: right and full join
select coalesce(l.k, r.k) as k, l.v as l, r.v as r
from (values (1, 'a'), (2, 'b')) l(k, v) full join (values (2, 'x'), (3, 'y')) r(k, v) on l.k = r.k;

-- name: semi and anti join
select (select count(*) from airports a semi join flights f on f.dest = a.faa) as reached,
       (select count(*) from airports a anti join flights f on f.dest = a.faa) as not_reached;

-- name: cross join
select a.carrier, o.origin from airlines a cross join (select distinct origin from flights) o;

-- name: join on a range
select f.flight, w.temp from flights f join weather w on f.origin = w.origin and f.time_hour = w.time_hour
where f.month = 7 and f.day = 4 and w.temp > 85;

-- name: asof join
select t.moment, w.temp from (values (timestamp '2013-05-01 10:30:00'), (timestamp '2013-05-01 20:45:00')) t(moment)
asof join (select * from weather where origin = 'JFK') w on t.moment >= w.time_hour;

-- name: join with planes
select p.manufacturer, count(*) as n from flights f join planes p using (tailnum) group by p.manufacturer;

-- name: a flight's tail numbers
select tailnum, count(*) as n from flights group by tailnum order by n desc, tailnum limit 50;

-- name: filter on a tail number
select count(*) as n from flights where tailnum like 'N7%' or tailnum = 'N1****';

-- name: lateral join
select a.carrier, x.flight, x.distance
from airlines a, lateral (select flight, distance from flights f where f.carrier = a.carrier order by distance desc, flight limit 1) x;

-- name: correlated subqueries
select a.name, (select max(distance) from flights f where f.carrier = a.carrier) as farthest
from airlines a where exists (select 1 from flights f where f.carrier = a.carrier and f.dest = 'HNL');

-- name: in, any, all
select count(*) as n from flights
where dest in (select faa from airports where alt > 5000) and distance > any (select 100) and distance >= all (select 500);

-- name: scalar subquery in select
select (select count(*) from airlines) as airlines, (select count(*) from airports) as airports;

-- name: with
with busy as (select dest, count(*) as n from flights group by dest having count(*) > 5000), named as (select b.*, a.name from busy b left join airports a on a.faa = b.dest)
select * from named;

-- name: a cte named like a table
with flights as (select * from flights where month = 12) select count(*) as n, min(day) as first from flights;

-- name: nested ctes
with a as (with b as (select 1 as x) select x + 1 as y from b) select * from a, (with a as (select 10 as z) select z from a);

-- name: materialized cte
with m as materialized (select origin, count(*) as n from flights group by origin) select * from m union all select 'all', sum(n)::bigint from m;

-- name: recursive cte
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) select count(*) as n, sum(i) as total from n;

-- name: union, intersect, except
(select origin as a from flights union select dest from flights) intersect select faa from airports except select 'JFK';

-- name: union all by name
select 1 as a, 2 as b union all by name select 3 as b, 4 as c;

-- ordered: order, limit, offset
select carrier, flight, time_hour, dest from flights where origin = 'JFK' order by time_hour desc, carrier, flight, dest limit 10 offset 5;

-- ordered: order by all
select distinct origin, carrier from flights order by all;

-- name: distinct on
select distinct on (origin) origin, carrier from flights order by origin, carrier;

-- name: group by rollup
select origin, month, count(*) as n from flights where carrier = 'B6' group by rollup (origin, month);

-- name: grouping sets
select origin, carrier, grouping(origin) as g, count(*) as n from flights group by grouping sets ((origin), (carrier), ());

-- name: having
select carrier, avg(dep_delay) as d from flights group by carrier having count(*) > 1000 and avg(dep_delay) > 12;

-- name: case and casts
select case when distance < 500 then 'short' when distance < 2000 then 'middle' else 'long' end as haul, count(*)::integer as n,
       try_cast('x' as integer) as none from flights group by haul;

-- name: text functions
select upper(name) as u, lower(name) as l, length(name) as n, substr(name, 1, 3) as s, replace(name, ' ', '_') as r, strpos(name, 'Air') as p,
       name like '%Air%' as k, name ilike '%air%' as i, regexp_replace(name, '[aeiou]', '*', 'g') as x, left(name, 2) as f, trim('  a ') as t
from airlines;

-- name: dates and times
select date_trunc('month', time_hour) as m, extract(dow from time_hour) as dow, year(time_hour) as y, count(*) as n,
       max(time_hour) - min(time_hour) as span, max(time_hour)::date + 1 as next
from flights where carrier = 'HA' group by all;

-- name: arithmetic
select 7 / 2 as quotient, 7 // 2 as whole, -7 % 3 as remainder, 2 ** 10 as power, round(2.567, 2) as r, abs(-3) as a, sqrt(2) as s, 1.1 + 2.2 as d,
       5 & 3 as bits, 1 << 4 as shift, greatest(1, 3, 2) as g;

-- name: statistics
select origin, avg(dep_delay) as mean, stddev(dep_delay) as sd, median(dep_delay) as median, quantile_cont(dep_delay, 0.9) as q9,
       corr(dep_delay, arr_delay) as corr, count(distinct dest) as dests
from flights group by origin;

-- name: values from a sample of none
select count(*) as n from (select * from airlines) where carrier not in (select carrier from flights);
