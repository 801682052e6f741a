-- One statement a line. Those that run must answer as the copy without hidden data; others are refused.
-- H1: fields of structs pass barriers
select max(st.b::int) from t
select sum(st.b::int) from (select * from t limit 1000) q
select max(struct_extract(st, 'b')::int) from t
select count(*) from t where st.b::int > 5
select max((st).b::int) from t
select max(st['b']::int) from t
select (select max(st.b::int) from t t2 where t2.id = t.id) from t where id < 3
select unnest(st) from t where id < 3
select st.* from (select st from t) q where st.b = '3'
-- H2: statistics decide whether a plan is empty
select count(*) from t where s::int > 0 and amt > 100000
select count(*) from t where s::int > 0 and amt > 4000000
select count(*) from t where s::int > 0 and amt < -50
select count(*) from t where s::int > 0 and d > date '2100-01-01'
select count(*) from t where s::int > 0 and d < date '2000-01-01'
select count(*) from t where (id - 1)::utinyint >= 0 and amt between 5000000 and 5000010
select min(amt), max(amt), min(d), max(d), min(id), max(id), count(*) from t
select approx_count_distinct(s) from t where id < 0
select max(s) from t
select min(s), max(masked) from t
-- H3: what DuckDB prints without quotes
select "a; select * from wh.main.t --".* from u as "a; select * from wh.main.t --"
select "u, wh.main.t".* from u as "u, wh.main.t"
select "order".* from u as "order"
select "U U".id, "U U".* from u "U U"
select 1 operator(pg_catalog.+) 2
select 1 operator("+ (select max(amt) from wh.main.t) +") 2
select $"x (select 1)"
select "row_number() over (), max"(amt) over () from t
-- H4: folding
with "t" as (select 1 as id) select * from "T"
with T as (select 5 as id) select * from t
with ﬀt as (select 1 as id) select max(amt) from t
select max(amt) from "T"
select max(amt) from "WH"."MAIN"."T"
select max(amt) from Main.t
-- H5: predicates that could be copied inside
select count(*) from t where s = 5
select count(*) from t where s::int = 5 or s = '3'
select count(*) from t where amt = 50.5
select count(*) from t where d = timestamp '2020-01-02 00:00:00'
select count(*) from t where masked = 'mx1'
select count(*) from t where masked like 'hidden%'
select count(*) from t where masked like 'mx%'
select masked, count(*) from t group by masked
select count(*) from u left join t on t.id = u.id where t.s is null
select count(*) from u left join t on t.id = u.id and t.s::int > 3
select count(*) from u full join t on t.id = u.id
select count(*) from u anti join t on t.id = u.id
select count(*) from u semi join t on t.id = u.id
select count(*) from u where id not in (select id from t)
select count(*) from t asof join u on t.id >= u.id
select count(*) from (select * from t order by id) positional join u
-- denied columns
select denied from t
select t.denied from t
select count(denied) from t
select * from t order by denied
select id from t where denied is not null
select (select denied from t t2 limit 1) from u
select columns('den.*') from t
select * exclude (id) from t where id = 1
select * replace (denied as id) from t
select t from t where id = 1
select t.* from t where t.id = 2
select to_json(t) from t where id = 3
select row(t.*) from t where id = 3
select struct_pack(x := t) from t where id = 3
select * from (select * from t) as q(a, b, c, d, e, f, g, h, i, denied)
select a from t as q(a)
select * rename (id as denied) from t where id = 4
-- C: ways round
select * from wh.main.t where id > 900
select * from wh.t where id > 900
select count(*) from main.t
select count(*) from "wh"."main"."t" as t
from t select count(*)
table t
select count(*) from (table t)
select count(*) from 't'
select count(*) from 'wh.main.t'
select count(*) from query('select * from t')
select count(*) from query_table('t')
select count(*) from query_table(['t'])
pivot t on region using sum(amt)
select * from (pivot t on region using sum(amt))
from t pivot (sum(amt) for region in ('EU', 'US'))
unpivot t on amt into name n value v
from t unpivot (v for n in (amt, id))
summarize t
select * from (summarize t)
select * from (describe t)
describe t
show tables
explain select * from t
explain analyze select * from t where s::int > 0
prepare x as select * from t
execute x
select id from u order by (select max(amt) from t), id
select id from u limit (select count(*) from t where id < 4)
select id from u order by id offset (select count(*) from t where id < 4)
values ((select max(amt) from t))
select [x for x in (select list(amt) from t where id < 3)]
select list_transform([1, 2], lambda x: x + (select count(*) from t))
select id from u qualify row_number() over (order by (select max(amt) from t)) = 1
select count(*) filter (where (select max(amt) from t) > 100) from u
with recursive r(n) as (select 1 union all select n + 1 from r, t where t.id = n and n < 500) select max(n) from r
with recursive t(id) as (select 1 union all select id + 1 from t where id < 3) select * from t
with t as (select * from t where id < 3) select count(*) from t
with x as (select * from t), y as (with t as (select 1 as id) select * from t) select count(*) from x, y
select * from u where exists (from t where t.id = u.id and t.amt > 1000000)
select * from u where (select max(amt) from t where t.id = u.id) > 1000000
select * from u, lateral (select * from t where t.id = u.id + 990) l
select u.id, x.amt from u join lateral (select amt from t where t.id = u.id order by amt limit 1) x on true
select any_value(id) from t where not (region = 'EU')
select count(*) from t where region <> 'EU' or region is null
select count(*) from t where region = 'US'
select distinct region from t
select region, count(*) from t group by cube(region)
select count(*) from t tablesample 100%
select count(*) from t using sample 100 percent (bernoulli)
select sum(amt) over () from t where id = 1
select lag(amt) over (order by id) from t where id in (1, 2)
select first_value(amt) over (order by amt desc) from t limit 1
select rank() over (order by amt desc), id from t where id = 199
select id from t union select id from u
select id from t except select id from u
select id from u intersect select id from t
select * from t natural join u
select * from t join u using (id)
select count(*) from t t1 cross join t t2
select count(*) from t t1, t t2 where t1.id = t2.id
select t1.amt from t t1 left join t t2 on t1.id = t2.id + 1 where t2.id is null
select max(t.amt) from t full outer join (select 5000 as id) z using (id)
select count(*) from t at (version => 1)
select rowid from t
select t.rowid from t
select max(rowid) from t
select count(*) from t where rowid > 198
select filename from t
-- B: metadata and statistics
select stats(amt) from t limit 1
select * from pragma_storage_info('t')
select * from pragma_table_info('t')
select * from duckdb_columns()
select * from duckdb_tables()
select estimated_size from duckdb_tables() where table_name = 't'
select * from information_schema.columns
select * from pg_catalog.pg_class
select * from sqlite_master
select current_query()
select typeof(e) from t limit 1
select enum_range(e) from t limit 1
select enum_last(e) from t limit 1
select e, count(*) from t group by e
select e::varchar from t where id = 1
select vector_type(amt) from t limit 1
select bitstring_agg(amt) from t
select alias(amt) from t limit 1
select current_setting('threads')
select getvariable('x')
select * from duckdb_settings()
select * from duckdb_functions()
select hiddenx from t
select hidde from t
select am from t
-- D: capture
create temp macro lower(x) as 'EU'
create macro left(a, b) as a
set variable x = 1
create schema recurring
select * from recurring.t
with recurring as (select 1) select * from recurring.t
with "system" as (select 1 as a) select max(amt) from t
with __eider_c1 as (select 1 as a) select a from __eider_c1
with a as (select 1 as x) select * from __eider_c1
select * from __eider_c1
select __eider.amt from t
select __eider.denied from t
select __eider from t
select id from t as __eider where __eider.id = 1
select * from (select * from u as __eider) q where q.id = 1
select __eider_t1.id from u as __eider_t1, u as __eider_t2 where __eider_t2.id = __eider_t1.id
with __eider as (select 9 as id) select max(t.id) from t
select max(amt) from t __eider_t1
-- E: writes
update t set amt = 0
update t set amt = 0 where s::int > 0
delete from t where regexp_matches('x', s)
delete from t using u where t.id = u.id
insert into t (id) values (1)
insert into t select * from t
insert into t values (1000, 'EU') returning *
insert into t (id) values (1) on conflict do update set id = 2 returning *
merge into t using u on t.id = u.id when matched then delete
merge into t using u on t.id = u.id when matched and t.s::int > 0 then delete
merge into t using u on regexp_matches('x', t.s) when matched then update set amt = 0
merge into t using u on t.s like 'hidden%' when not matched then insert (id) values (1)
merge into t using u on false when not matched by source and s like 'hidden%' then delete returning merge_action, *
merge into t using (values (1001)) q(id) using (id) when matched then error t.s when not matched then insert (id) values (q.id) returning *
merge into u using t on t.id = u.id when matched then update set name = t.s when not matched then insert (name) values (t.s)
create table c as select * from t
create view v as select * from t
create index i on t (amt)
create unique index i on t (amt)
alter table t rename to q
alter table t drop column s
drop table t
truncate t
comment on table t is 'x'
-- F: masks
select masked from t where id = 1
select max(masked), min(masked), length(max(masked)) from t
select t1.masked from t t1 join t t2 on t1.masked = t2.masked where t1.id = 1 and t2.id = 2
select count(distinct masked) from t
select masked::int from t
select masked || s from t where id = 7
select regexp_matches(masked, 'hidden') from t where id = 5
select * from t where masked > 'mx' order by masked limit 1
select ascii(substr(masked, 2, 1)) from t where id = 9
-- G: files and host
select * from read_csv('/etc/passwd')
select * from read_text('/etc/passwd')
select * from '/etc/passwd'
select * from "/etc/passwd"
select read_blob('/etc/passwd')
select * from glob('/*')
copy t to '/tmp/x'
copy (select * from t) to '/tmp/x.csv'
copy t from '/tmp/x'
export database '/tmp/x'
attach '/tmp/x.db'
attach ':memory:' as z
detach wh
install httpfs
load httpfs
select getenv('HOME')
-- sequences: hidden ones, names that are computed or capture, draws for hidden rows
select nextval('wh.main.hidden')
select currval('wh.main.hidden')
select nextval('wh.main.hidden') from t
select nextval('wh.main.hid' || 'den')
select nextval(s) from t
select nextval((select max(s) from t))
select nextval('"wh"".main".hidden')
select nextval('hidden"."main"."s')
select count(*) from t where currval(s) > 0
select list_transform(['wh.main.hidden'], x -> nextval(x))
-- H: availability
call enable_logging('QueryLog')
call pragma_version()
pragma enable_profiling
pragma disable_optimizer
set threads = 1
checkpoint
force checkpoint
select repeat('x', 500000000)
select range(100000000)
select list_resize([1], 100000000)
select sleep_ms(100000)
select write_log('x')
select * from test_all_types()
-- I: parsers
SELECT E'\'' , (SELECT min(s) FROM t) --'
SELECT '\'' , (SELECT min(s) FROM t) --'
SELECT $$'$$ , (SELECT min(s) FROM t) --'
SELECT U&'\0027' , (SELECT min(s) FROM t) --'
SELECT /* /* */ */ (SELECT min(s) FROM t) -- */
SELECT 1 /*; select 2 */, (SELECT min(s) FROM t)
SELECT 1; SELECT max(s) FROM t
SELECT "a""b" FROM (SELECT min(s) AS "a""b" FROM t) q
SELECT x'27' , (SELECT min(s) FROM t)
SELECT 'a' 'b' , (SELECT min(s) FROM t)
-- plans and figures
summarize t
summarize select s, amt from t where s::int > 0
summarize select max(st.b::int) as b from t
summarize select st, masked, e from t
summarize select denied from t
explain select * from t where amt > 4000000
explain select * from t where s::int > 0 and amt between 5000000 and 5000010
explain (format json) select max(amt) from t where e = 'a'
explain select denied from t
explain analyze select * from t
explain (analyze, costs off) select * from t
explain (analyze true) select * from t
explain select stats(amt) from t
explain select s::int from t
explain select (select max(amt) from wh.main.t) + 1
describe t
show all tables
describe
-- PIVOT and UNPIVOT
pivot t on region in ('EU', 'US') using count(*) group by e
pivot t on region in ('EU', 'US') using sum(amt) group by masked
pivot t on masked in ('m**', 'hiddenx', 'mx1') using count(*) group by region
pivot t on e in ('a', 'hiddenx') using count(*) group by region
pivot t on e in ('a', 'hiddenx') using max(s::int) group by region
pivot t on s::int in (1, 2) using count(*) group by region
pivot t on s::int > 5 in (true, false) using sum(s::int) group by region
pivot t on st.b in ('1', '2') using count(*) group by region
pivot t on (st).b::int in (1, 2) using max(amt) group by region
pivot t on d in ('2020-01-02') using max(st.b::int) group by region
pivot t on denied in ('denied') using count(*) group by region
pivot t on region in ('EU') using max(denied)
pivot t on region in ('EU') using count(*) group by denied
pivot t on region in ('EU') using count(*) group by rowid
pivot t on region in ('EU') using count(*) group by current_user
pivot t on region in en using count(*)
pivot t on region in ('EU') using stats(amt) group by id
pivot t on region in ('EU') using max((select max(amt) from t)) group by id
pivot (select id, s, region from t where amt > 1000000) on region in ('US') using max(s)
pivot (select id, s::int as s, region from t) on region in ('EU') using max(s) group by id
pivot t join u using (id) on name in ('n1', 'n2') using max(s::int) group by region
pivot u join t on t.id = u.id and t.s::int > 0 on region in ('EU', 'US') using count(*) group by name
from t pivot (max(s::int) for id in (1, 2, 1000, 1001) group by region)
from t pivot (list(s) for id in (1, 2, 1000) region in ('EU', 'US') group by e)
from (from t where s::int > 0) pivot (sum(amt) for id in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 1000) group by region)
from t as q pivot (max(s) for region in ('US') group by masked) as p where p."US" is not null
with p as (pivot t on region in ('EU', 'US') using min(amt), max(amt) group by e) select * from p
select (select count(*) from (pivot t on id in (1) using max(s::int) group by region)) from u where id = 1
unpivot t on s, region, masked
unpivot t on s::int into name n value v
unpivot (select id, s::int as x, amt from t) on x, amt
unpivot t on st.b into name n value v
unpivot t on columns('s|masked|denied') into name n value v
unpivot t on denied
unpivot t on (s, masked) as a, (masked, s) as b into name n value v, w
unpivot t on *
from t unpivot (v for n in (id, amt)) where v > 4000000
from t unpivot include nulls (v for n in (amt)) as p pivot (max(v) for n in ('amt') group by region)
select max(v::int) from (unpivot t on s into name n value v) where id > 0
select n, count(*) from (from t unpivot (v for n in (s, masked))) group by n
pivot wh.main.t on region in ('US') using count(*) group by e
pivot "T" on region in ('US') using max(s) group by e
-- PIVOT that looks for its values
pivot t on region using count(*) group by e
pivot t on e using count(*) group by region
pivot t on masked using count(*) group by region
pivot t on s::int % 7 using max(s::int) group by region
pivot t on amt > 1000000, region using max(s) group by e
pivot t on st.b using count(*) group by region
pivot t on denied using count(*) group by region
pivot t on (region, e) using count(*) group by masked
pivot t join u using (id) on name using max(s::int) group by region
pivot (select left(s, 6) as h, region from t) on h[1:1] using count(*) group by region
with q as (from t where s::int > 190) pivot q on s using max(amt) group by region
