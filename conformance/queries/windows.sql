-- name: ranks
select carrier, dest, n, row_number() over w as r, rank() over w as k, dense_rank() over w as d, percent_rank() over w as p, ntile(4) over w as q
from (select carrier, dest, count(*) as n from flights group by carrier, dest)
window w as (partition by carrier order by n desc, dest);

-- name: lag and lead
select month, n, lag(n) over (order by month) as before, lead(n, 1, 0) over (order by month) as after
from (select month, count(*) as n from flights group by month);

-- name: frames
select day, n, sum(n) over (order by day rows between 2 preceding and current row) as last3,
       avg(n) over (order by day range between 3 preceding and 3 following) as week,
       sum(n) over () as total, first_value(n) over (order by day) as first, last_value(n) over (order by day rows between unbounded preceding and unbounded following) as last
from (select day, count(*) as n from flights where month = 1 group by day);

-- name: qualify
select origin, dest, count(*) as n from flights group by origin, dest qualify row_number() over (partition by origin order by n desc, dest) <= 3;

-- name: window over a filter
select carrier, flight, dep_delay, max(dep_delay) over (partition by carrier) as worst from flights where month = 5 and day = 5 and dep_delay > 60;

-- name: aggregate with filter and order
select origin, count(*) filter (where dep_delay > 60) as late, string_agg(distinct carrier, ',' order by carrier) as carriers, arg_max(dest, distance) as far
from flights where dest in ('HNL', 'SFO', 'BOS') group by origin;
