-- PIVOT and UNPIVOT, as statements and in FROM.
-- name: pivot in from
from flights pivot (count(*) for origin in ('JFK', 'LGA') group by month)
-- name: pivot several aggregates
pivot flights on origin in ('JFK', 'LGA', 'EWR') using count(*), avg(distance) as d group by carrier
-- name: pivot of the rest of the columns
pivot (select carrier, origin, distance from flights) on origin in ('JFK', 'LGA') using sum(distance)
-- name: pivot of a masked column
pivot flights on tailnum in ('D9****', 'N3ALAA') using count(*) group by origin
-- name: pivot of an expression
pivot flights on arr_delay > 60 in (true, false) using count(*) group by carrier
-- name: pivot of a join
pivot flights f join airlines a using (carrier) on origin in ('JFK', 'EWR') using count(*) group by name
-- name: pivot over many values
pivot flights on month in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), origin in ('JFK', 'LGA', 'EWR') using max(distance) group by carrier
-- name: pivot filtered and ordered
pivot flights on origin in ('JFK' as here) using count(*) filter (distance > 1000) as far, list(distinct dest order by dest) as dests group by month
-- ordered: pivot with order and limit
pivot flights on day in (1, 2, 3) using count(*) group by carrier order by carrier limit 5
-- name: pivot of a pivot
pivot (pivot flights on origin in ('JFK') using count(*) group by carrier, month) on month in (1, 2, 3) using max("JFK")
-- name: pivot in a cte
with p as (pivot flights on origin in ('JFK', 'LGA') using count(*) group by carrier) select a.name, p."JFK" from p join airlines a using (carrier)
-- name: pivot of values
from (values (1, 'a'), (2, 'b')) t(x, y) pivot (max(x) for y in ('a', 'b', 'c'))
-- name: unpivot
unpivot airports on lat, lon into name what value much
-- name: unpivot by pattern
unpivot weather on temp, columns('wind_(speed|gust)') into name what value much
-- name: unpivot several columns at once
from airports unpivot ((a, b) for n in ((lat, lon) as there, (lon, lat) as back)) as p
-- name: unpivot keeps nulls
select n, count(*), count(v) from flights unpivot include nulls (v for n in (dep_delay, arr_delay)) group by n
-- name: unpivot masked
select what, min(v), max(v) from (unpivot flights on tailnum, dest into name what value v) group by what
-- name: unpivot joined
select a.name, u.name, u.value from (unpivot (select faa, lat, lon from airports) on lat, lon) u join airports a on a.faa = u.faa where u.value > 40
-- name: pivot by the values there are
pivot flights on origin using count(*) group by month
-- name: pivot by masked values there are
pivot flights on tailnum[1:2], month in (1, 2) using count(*), max(distance) as m group by carrier
-- name: pivot of a join by the values there are
pivot flights f join airlines a on f.carrier = a.carrier on name using count(*) group by origin
-- ordered: pivot of a cte by the values there are
with q as (from flights where month = 1) pivot q on day using count(*) group by carrier order by carrier limit 5
-- name: pivot by rows of values
pivot (from flights where distance > 2000) on (origin, dest) using count(*) group by month
