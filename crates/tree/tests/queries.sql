select current_user from t
select current_role from t
select session_user from t
select user from t
select version() from t
select current_date from t
select current_timestamp from t
select localtime from t
select now() from t
select current_schema from t
select current_catalog from t
select x::json from t
select x::mytype from t
select x::varchar(10) from t
select x::enum('a','b') from t
select x::struct(a int) from t
select x::int[] from t
select x::regclass from t
select 't'::regclass from t
select "a b".* from t
select a.b.c.d.e from t
select lower(x) from t
select x.lower() from t
select (x).y from t
select x['y'] from t
select x[1] from t
select x[1:2] from t
select x::timestamptz from t
select x at time zone 'UTC' from t
select extract(year from x) from t
select substring(x from 1 for 2) from t
select position('a' in x) from t
select trim(both ' ' from x) from t
select x is distinct from y from t
select not x from t
select x in y from t
select x in (1,2) from t
select count(distinct x) from t
select sum(x order by y) from t
select t from t
select rowid from t
select array[1,2] from t
select [a for a in b if c] from t
select 1e1000 from t
select 1.0 from t
select 100000000000000000000 from t
select -5 from t
select - 5 from t
select x'ab' from t
select 'ab'::blob from t
select e'\n' from t
select interval '1 day' from t
select coalesce(a,b) from t
select if(a,b,c) from t
select nullif(a,b) from t
select x similar to y from t
select x ~ y from t
select x like y escape 'z' from t
select x glob y from t
select grouping(a) from t
select try(x) from t
select #1 from t
select ? from t
select $foo from t
select date '2020-01-01' from t
select row(1,2) from t
select (1,2) from t
select map{1:2} from t
select {'a':1} from t
select struct_pack(a:=1) from t
select struct_pack(a=>1) from t
select a -> b from t
select lambda a: b from t
select x operator(pg_catalog.+) y from t
select x collate nocase from t
select first(x) over () from t
select lag(x,1,2 ignore nulls) over (order by y) from t
select columns(*) from t
select columns(lambda c: c like 'a%') from t
select *columns(*) from t
select unpack(columns(*)) from t
select * like 'a%' from t
select true from t
select null from t
select cast(x as int) from t
select try_cast(x as int) from t
select x::decimal(5,0) from t
select 5::decimal(5,0) from t
select x between 1 and 2 from t
select exists(select 1) from t
select (select 1) from t
select x = any(select 1) from t
select x = all(select 1) from t
select x = any([1,2]) from t
select array(select 1) from t
select * from t tablesample reservoir(10 rows) repeatable (3)
select * from t using sample 3
select * from (select 1) s(a)
select * from a join b using (x) left join c on c.x=a.x full join d on true natural join e semi join f using (x) anti join g using (y)
with a as materialized (select 1), b(x) as not materialized (select 2) select * from a,b
with recursive r(a,b) using key (a) as (select 1,2 union select a+1,b from recurring.r) select * from r
(select 1) union (select 2) order by 1 limit 10%
select 1 intersect all select 2 except select 3
select distinct a from t
from t select a
select a,b,sum(c) from t group by grouping sets ((a),(a,b),())
select a from t group by rollup(a,b)
select a from t group by cube(a,b)
select a from t group by all order by all
select sum(x) filter (where y), string_agg(x, ',' order by z desc nulls first) from t
select row_number() over (partition by a order by b rows between unbounded preceding and 1 following exclude current row) from t
select sum(x) over w from t window w as (order by y range between interval 1 day preceding and current row)
select nth_value(x,2 order by z) over (order by y), rank() over (order by y groups 2 preceding)
select * from (values (1,2)) v(a,b)
describe t
describe select * from t
show all tables
summarize select 1
table t
select * from t limit $1 offset $2
select x from t limit (select 3)
select * from unnest([1,2]) with ordinality
pivot t on x in (1,2) using sum(y) group by z
from t pivot (sum(y) for x in (1,2))
unpivot t on a,b into name n value v
select * from generate_series(1,3) g, lateral (select g.generate_series)
select * from query('select 1')
select * from 'f.parquet'
select * from read_csv('x', header=true)
select a from t where (a,b) in (select 1,2)
select max(x) over (rows current row)
select case x when 1 then 2 else 3 end
select * from t as of
select list_transform([1], (x,i) -> x+i), reduce([1],lambda a,b: a+b)
select * from t1 positional join t2
select * from t1 cross join t2
select * from t1, t2
select * replace (a+1 as a) from t
select * rename (a as b) from t
select * exclude (a) from t
select t.* exclude a from t
select columns(t.*) from t
select columns([x for x in (*) if x like 'a']) from t
select struct_extract(s,'a'), s.a.b from t
select x is null, x is not null, x is true, x not between 1 and 2, x not in (1,2), x not like 'a', x ilike 'b', x ^ 2, x ** 2, x !~ 'a', -x, +x, ~x, x<<1, x//2, x%2, x||y, x&y, x|y, x->'$.a', x->>'$.b', @x, x!, a and b or c
select any_value(x) from t having count(*)>1 qualify 1=1
select date_trunc('month', d), date_part('y',d), epoch(d)
select approx_quantile(x,0.5), quantile_cont(x,[0.1,0.2]), percentile_cont(0.5) within group (order by x), mode() within group (order by x), listagg(x,',')
select * from t at (timestamp => now())
select 'a' in ('a','b'), [1,2] = [1,2], map {'a':1}['a'], {'a':{'b':1}}.a.b
select x:y
select a: 1, b
select generate_subscripts(x,1)
select default
from (from t)
from values (1) v(x)
select * from (t join u using (k)) as j(a,b)
select (select a from t2 where t2.x=t1.x) from t1
select row_number() over () as "current_user"
select 5.0, 10000000000.0, 1e10, 1.5e3, 0.1::double, 1e-10, true, false, 123.456, 5.
select x'00'
select "a""b" from "t""x"
select a from t where not (a = 1 and b = 2 or c)
select -(-5), - -5, -(5), 1 - -1
select a as "select" from t as "order"
select "order".* from t as "order"
select sum(x) over (w rows current row) from t window w as (partition by y)
select * from t1 natural join t2
select * from t1 left join t2 using (a,b)
select * from (t1 join t2 on true) join t3 on t1.a=t3.a
select * from t1 join (t2 join t3 using(a)) using (a)
select a between b and c and d from t
select a in (select 1), a not in (select 1), not exists (select 1)
select case when a then 1 when b then 2 end
select interval 1 year, interval '2' month
select cast('2020-01-01' as date)
select [x*2 for x in [1,2]]
select a[1:2:3], a[:2], a[1:], a[-1]
select (select 1 union select 2)
(select 1 limit 1) union all (select 2 limit 1)
select 1 union all (select 2 union select 3)
select 1 as a union select 2 order by a limit 3
select * from (with a as (select 1) select * from a)
select * from t order by all desc
select a.b[1].c from t
select t.a, (t).a, t['a'] from t
select count(*), count(), count(a) from t
select list_sort([1,2],'desc')
select distinct on (a,b) c from t
select * from t limit 5 offset 3
select * from t offset 3
select * from t limit all
select cast(a as varchar) || 'x' from t
select 1 where 1=1
select 'a'::varchar
values (1,'a'),(2,'b')
select * from (values (1)) order by 1 limit 1
select 9223372036854775807, 9223372036854775808, 170141183460469231731687303715884105727, -9223372036854775808
select date_part('year', d), year(d)
select lower(a) like '%x', a not ilike 'b'
select a is true, a is not false, a is unknown
select $1::int + $2
select nullif(a,1)
select greatest(1,2), least(a,b)
select try_cast('a' as int)
select group_concat(a, ',')
select * from t using sample 10%
select * from t using sample reservoir(10%)
select * from t tablesample bernoulli(10%)
select * from t tablesample 5 rows
select last(a order by b), first(a), arg_max(a,b)
select struct_pack(a:=1).a
select {'a':1,'b c':2}
select t.* like 'a%' from t
select * ilike 'a%' from t
select columns('a') from t
select columns(c -> c like 'a%') from t
select max(columns(*)) from t
select * from t where columns(*) > 1
select current_date, current_timestamp
select a.* from a, b
select exists(from t)
select a from t group by a having count(*)>1
select a,b from t group by 1,2 order by 1
select lead(a,1,0) over (partition by b order by c desc nulls last)
select sum(a) filter (where b>1) over (order by c)
select 'x' collate nocase
select 1 = any(select 2), 1 > all(select 3), 1 <> any(select 3)
select (1,2) = (3,4)
select * from t1 asof left join t2 on t1.a>=t2.a
select * from t1 asof join t2 using (x)
select array_agg(distinct a order by b)
select 1 is distinct from 2
select a<=>b
select * from range(3)
select unnest([1,2,3])
select * from unnest([1,2]) u(x)
select * from generate_series(1,2) as g(i)
select 1e400
select 'NaN'::double, 'inf'::double
select 1::tinyint, 2::utinyint, 3::smallint
select a::timestamp with time zone
select a::time with time zone
select a::int[3]
select a::map(int,varchar)
select a::union(x int,y varchar)
select a::struct("x y" int)
select a::decimal
select a::numeric(10,3)
select a::real, a::float, a::double precision, a::char(3), a::text, a::string, a::bytea, a::hugeint, a::uhugeint, a::bit, a::uuid, a::interval, a::time, a::date, a::timestamp_s, a::timestamp_ms,a::timestamp_ns,a::json,a::bignum
