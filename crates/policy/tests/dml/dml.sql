-- Writes of "eve": see dml.rs. One statement a line.
-- UPDATE of a filtered and masked table
update t set amt = amt + 1
update t set amt = 1 where id = 5
update t set amt = 1 where id = 1005
update t set amt = 1 where s like 'hidden%'
update t set amt = 1 where region = 'US'
update t set amt = s::bigint
update t set amt = s::integer where id < 10
update t set s = masked where masked like 'm%'
update t set s = masked
update t set s = e || masked || st.b
update t set st = {'b': masked}
update t set s = (select max(masked) from t x)
update t set amt = (select count(*) from t x where x.id > 10)
update t set amt = (select max(amt) from t)
update t set amt = (select sum(x.amt) from t x where x.id = t.id)
update t set amt = default where id < 4
update t set amt = default, s = 'x' || s where id between 3 and 9
update t set d = '2021-05-05' where id = 3
update t set d = d + amt::integer
update t set e = 'b' where e = 'a'
update t set e = 'no label'
update t set amt = 1 / (id - id)
update t set s = null
update t set id = id + 1000
update t set region = 'US' where id = 3
update t set region = 'EU', amt = 0 where id < 3
update t set region = lower(region)
update t set region = null where id = 4
update t set region = default where id = 4
update t set region = case when id > 5 then 'US' else 'EU' end where id < 5
update t set region = case when id > 5 then 'US' else 'EU' end
update t set denied = 'x'
update t set masked = 'x'
update t set amt = 1 where denied = 'denied'
update t set s = denied
update t set s = t.denied
update t set rowid = 1
update t set amt = rowid
update t set amt = t.rowid
update t set amt = __eider_rid
update t set amt = t.__eider_rid
update t set amt = __eider.rowid
update t set amt = __eider_t0.__eider_rid
update t set s = t
update t set s = t::varchar
update t as q set s = q
update t as q set s = q::varchar
update t set s = (select t)
update t set s = (select t::varchar from u limit 1)
update t set s = q.x::varchar from (select t as x) q
update t set s = #9
update t set amt = #1
update t set s = columns(*)
update t set s = coalesce(*columns(*))
update t set amt = 1 where columns(*) is not null
update t set s = (select x from (select * from t) q(x) limit 1)
update t set s = (select __eider_rid from (select 1 as __eider_rid) q)
update t set amt = 1 where exists (select 1 from t x where x.s like 'hidden%')
update t set amt = 1 where ('x' || s)::integer > 0
update t set amt = 1 where s::integer > 30
update t set amt = 1 where regexp_matches('x', case when s like 'hidden%' then '(' || s else 'x' end)
update t set s = error('x' || s)
update t set amt = 1, amt = 2
update t set nothing = 1
update t set amt = nothing
update t set amt = 'x'
update t set amt = $$5$$::integer where id = 2
update t x set amt = x.id where x.id < 7
update t as x set amt = t.id
update rw.main.t set amt = rw.main.t.id where main.t.id < 7
update rw.t set amt = t.id where t.id < 7
update t set amt = u.id from u where u.id = t.id
update t set s = u.name from u where u.id = t.id and t.amt > 50
update t set s = a.name || b.name from u a, u b where a.id = t.id and b.id = a.id + 1
update t set s = a.name from u a join u b on a.id = b.id where b.id = t.id
update t set s = a.name from u a left join u b on a.id = b.id - 5 where a.id = t.id and b.id is null
update t set s = q.m from (select max(masked) as m, region from t group by region) q where q.region = t.region
update t set s = x.s from t x where x.id = t.id + 1
update t set s = q.name from (select * from u) q where q.id = t.id
update t set s = q.name from (values (1, 'one'), (2, 'two')) q(id, name) where q.id = t.id
update t set amt = x from unnest([1]) q(x) where id = 3
update t set amt = b is distinct from id from (values (3)) q(b) where id < 5
update t set s = (with c as (select max(s) as m from t) select m from c)
update t set s = extract(year from d)::varchar where d > date '2020-02-01'
with c as (select 1) update t set amt = 1 from c
update t set s = (select t.* from u limit 1)
update t set s = (select max(q.x::varchar) from u, lateral (select t.*) q(x))
update t set amt = (select count(*) from u, lateral (select t as w) q)
update t set s = (select max(columns(*)::varchar) from (select t) q)
update t set amt = (select #1 from u limit 1)
update t set s = q.s from t q natural join u where q.id = t.id
update t set amt = rowid from (select 1 as rowid) q
update t set amt = t.rowid from (select 1 as rowid) q
update t set amt = u.id from u as __eider_t0, u where u.id = t.id
update t set amt = __eider_t0.id from u as __eider_t0 where __eider_t0.id = t.id
update t set amt = __eider_v1 where __eider_v1 = 5
update t as __eider set amt = __eider.id
update t as __eider_s set amt = __eider_s.id
update t set s = x.s from t as x where x.s like 'hidden%'
update t set s = (select string_agg(s, ',' order by s) from t x where x.id < t.id)
update t set amt = sum(amt)
update t set amt = row_number() over ()
update t set s = unnest([s, s])
update "t" set "amt" = 1, "s" = 'a"b' where "id" = 1
update t set amt = case when s like 'hidden%' then s::integer else 0 end
update t set e = e
update t set st = st
update t set st = t.st, s = t.st.b
-- RETURNING
update t set amt = amt + 1 where id < 4 returning id, amt, masked
update t set amt = amt + 1 where id < 4 returning *
update t set amt = 0 where id < 4 returning t.*, id + amt as x, upper(masked)
update t x set amt = 0 where id < 4 returning x.*, x.id, st.b, e
update t set amt = 0 where id < 4 returning t
update t set amt = 0 where id < 4 returning denied
update t set amt = 0 where id < 4 returning rowid
update t set amt = 0 where id < 4 returning __eider_rid
update t set amt = 0 where id < 4 returning __eider.denied
update t set amt = 0 where id < 4 returning (select max(s) from t)
update t set amt = 0 where id < 4 returning * exclude (id)
update t set amt = 0 where id < 4 returning columns(*)
update t set amt = 0 where id < 4 returning #9
update t set amt = 0 where id < 4 returning s::date
update t set amt = 0 where id < 4 returning region = 'EU', region || s
update t set amt = 0 where id < 4 returning list_transform([1], denied -> denied)
update t set region = 'US' where id < 4 returning *
delete from t where id < 4 returning *
delete from t where id < 4 returning masked, id * 2 as twice, e
delete from t where id > 1000 returning *
insert into t (id, s) values (70, 'new') returning *
insert into t (id, s) values (70, 'new') returning id, region, amt, masked
insert into t (id, s) select id + 100, masked from t where id < 5 returning id, s
insert into t (id, region) values (70, 'US') returning *
-- DELETE
delete from t
delete from t where true
delete from t where id < 10
delete from t where id > 1000
delete from t where region = 'US'
delete from t where masked like 'h%'
delete from t where masked like 'm%' and amt > 100
delete from t where s::integer > 5
delete from t where 1 / (amt - 5000000) > 0
delete from t where amt > (select avg(amt) from t)
delete from t where denied = 'denied'
delete from t where rowid = 3
delete from t where t.__eider_rid = 3
delete from t where t is null
delete from t where #1 = 3
delete from t where columns(*) = 3
delete from t using u where t.id = u.id
delete from t as x using u where x.id = u.id and u.id < 5
delete from t using t x where x.id = t.id + 1
delete from t using u a join u b on a.id = b.id where a.id = t.id
delete from t where id in (select id from u)
delete from t where not exists (select 1 from t x where x.id = t.id + 1)
delete from t where regexp_matches('x', case when s like 'hidden%' then '(' || s else 'x' end)
truncate t
truncate table u
truncate k
delete from u
delete from u where id < 5 returning *
update u set name = name || 'x' where id = 3 returning name
update u set id = id + 1
-- INSERT into a filtered table
insert into t (id) values (70)
insert into t (id, amt) values (70, default)
insert into t values (70, 'EU', 's', 1, date '2020-01-01', {'b': 'x'}, 'masked', 'a')
insert into t (id, region, s, amt, d, st, e) values (70, 'EU', 's', 1, date '2020-01-01', {'b': 'x'}, 'a')
insert into t (id, region) values (70, 'US')
insert into t (id, region) values (70, null)
insert into t (id, region) values (70, 'EU'), (71, 'US')
insert into t (id, region) select id, region from t where id < 10
insert into t (id, masked) values (70, 'x')
insert into t (id, denied) values (70, 'x')
insert into t (id, rowid) values (70, 1)
insert into t (e) values ('b')
insert into t (e) values ('no label')
insert into t (s) select masked from t
insert into t (amt) select s::bigint from t
insert into t by name select 70 as id, 'x' as s
insert into t by name select 70 as id, 'US' as region
insert into t by name select 70 as id, 'x' as denied
insert into t default values
insert into t default values returning id, region, amt
insert into t (id) values (70) on conflict do nothing
insert into u values (70, 'x'), (71, 'y') returning *
insert into u by name select 'x' as name, 5 as id
insert into u default values returning *
insert into u (id, name) select id, s from t where amt > 30
-- ON CONFLICT
insert into p values (1, 9) on conflict do nothing
insert into p values (1, 9), (2, 9) on conflict (id) do nothing returning *
insert into p values (1, 9), (2, 9) on conflict (id) do update set v = excluded.v + p.v returning id, v
insert into p values (1, 9) on conflict (id) do update set v = v + excluded.v where excluded.v > 5
insert into p values (1, 9) on conflict (id) do update set v = v + excluded.v where p.v > 5
insert into p as q (id) values (1) on conflict (id) do update set v = q.v + 1
insert into p as q (id) values (1) on conflict (id) do update set v = (q.v + 1) * 2, id = 5
insert into p (id, v) select id, length(s) from t where id < 5 on conflict (id) do update set v = excluded.v
insert into p by name select 1 as id, 7 as v on conflict (id) do update set v = excluded.v
insert into p default values on conflict do nothing
insert into p values (1, 9) on conflict (id) do update set v = (select max(amt) from t)
insert into p values (1, 9) on conflict (id) do update set v = error('x')
insert into p values (1, 9) on conflict (id) do update set v = rowid
insert into p values (1, 9) on conflict (id) do update set v = default
insert into p values (1, 9) on conflict (id) do update set v = 1) returning (v
insert into p values (1, 9) on conflict (nothing) do nothing
insert into p values (1, 9) on conflict on constraint c do nothing
insert into p values (1, 9) on conflict (id) where id > 3 do nothing
insert into p values (1, 9) on conflict (id) do update
insert into p values (1, 9) on conflict (id) do delete
insert into i values (1, 9) on conflict (id) do nothing
insert into i values (1, 9) on conflict (id) do update set v = 1
insert into o values (1, 'EU', 1) on conflict (id) do nothing
insert into o values (1, 'EU', 1) on conflict (id) do update set a = 1 returning *
insert into k values (-77, 'EU', 1) on conflict (id) do nothing
insert into m (id) values (1) on conflict do nothing
insert or replace into p values (1, 9)
insert or ignore into p values (1, 9)
-- A masked table without a filter
update m set a = a + 1
update m set a = length(masked)
update m set masked = 'x'
update m set a = 1 where masked = 'm**' returning *
delete from m where masked = 'mx1'
delete from m where masked = 'm**' and id < 4
insert into m (id, a) values (1, 2) returning *
insert into m values (1, 'x', 2)
-- What decides how much is shown, and what is compared with something hidden
update h set a = 200 where id = 3 returning note
update h set a = 200
update h set level = 1 where id = 3
update h set level = 1, id = 9
update h set level = default
update h set id = id + 1, note = 'x'
update h set id = id + 1
update h set id = a * level where level > 3 returning *
merge into h using u on h.id = u.id when matched then update set a = 200 returning note
merge into h using u on h.id = u.id when matched then update set level = 1
merge into h using u on h.id = u.id when matched then update set id = 5 returning note
delete from h where id > 3 returning *
-- What refers to rows, and what is computed of something hidden
update parent set n = 3 where id = 1 returning *
update parent set n = 3 where id = 1
update parent set l = [3] where id = 1
update parent set id = 5 where id = 1
merge into parent using u on u.id = parent.id when matched then update set n = 3 returning parent.id
insert into parent values (1, 3, null) on conflict (id) do update set n = 3 returning *
insert into parent values (1, 3, null) on conflict (id) do nothing
insert into parent values (9, 3, null) returning *
delete from parent where id = 1
update gen set a = -60 where id = 1 returning *
update gen set a = -60
update gen set tags = [5]
update gen set id = 1
merge into gen using u on u.id = gen.id when matched then update set id = 3 returning gen.a
insert into gen values (9, -60, [1])
insert into gen values (9, -60, [1]) returning *
delete from gen where id = 1
-- Keys of a filtered table
update k set a = 0
update k set a = id * 2 where id < 4 returning *
update k set id = id + 1
update k set id = -77 where id = 1
insert into k values (-77, 'EU', 1)
insert into k (region, a) values ('EU', 1)
delete from k where id = 3
update o set a = 0
delete from o where id = 3 returning id
insert into o values (100, 'EU', 1) returning *
insert into o values (100, 'US', 1)
update o set region = 'US' where id = 1
update c set k = -77
insert into c values (1, -77)
insert into c (id) values (1)
delete from c
-- What is no write, or not one
update set a = 1
update t
update t set
update t set amt
update t set amt =
update t set amt = 1 where
update t set amt = 1 from
update t set amt = 1 returning
update t set (amt, id) = (1, 2)
update t set t.amt = 1
update t set amt = 1; delete from t
update only t set amt = 1
update t set amt = 1 order by id
update t set amt = 1 limit 3
update t set amt = 1) where (id = 3
update t set amt = 1 where id = 3 union select 1
update nothing set a = 1
update information_schema.tables set a = 1
delete t
delete from
delete from t where
delete from t using
delete from t where id = 3 limit 1
truncate
truncate t, u
truncate nothing
