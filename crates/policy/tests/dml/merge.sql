-- MERGE of "eve": see main.rs. One statement a line.
merge into t using u on t.id = u.id when matched then delete
merge into t using u on t.id = u.id when matched and t.amt > 50 then delete
merge into t using u on t.id = u.id when matched then update set s = u.name
merge into t using u on t.id = u.id when matched then update set s = u.name, amt = default
merge into t as d using (select id + 50 as id, name from u) as s on (d.id = s.id) when matched then update set s = s.name when not matched then insert (id, s) values (s.id, s.name)
merge into t using u using (id) when matched then update set amt = id * 2, s = name when not matched then insert (id) values (id)
merge into t using (select id + 50 as id, name as s from u) as q using (id) when matched then update by name when not matched then insert by name
-- As dbt writes it
merge into rw.main.t as DBT_INTERNAL_DEST using (select id + 50 as id, name as s, id as amt from u) as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id) when matched then update set "id" = DBT_INTERNAL_SOURCE."id", "s" = DBT_INTERNAL_SOURCE."s" when not matched then insert ("id", "s", "amt") values (DBT_INTERNAL_SOURCE."id", DBT_INTERNAL_SOURCE."s", DBT_INTERNAL_SOURCE."amt")
merge into "rw"."main"."t" as DBT_INTERNAL_DEST using "rw"."main"."u" as DBT_INTERNAL_SOURCE using (id) when matched then update set s = DBT_INTERNAL_SOURCE.name when not matched then insert (id) values (DBT_INTERNAL_SOURCE.id)
merge into rw.main.u as DBT_INTERNAL_DEST using (select id + 5 as id, 'x' as name from u) as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id) when matched then update by name when not matched then insert by name
merge into rw.main.u as DBT_INTERNAL_DEST using (select id + 5 as id, 'x' as name from u) as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id) when matched then update when not matched then insert
-- A hidden row matches nothing: its id is inserted once more
merge into t using (values (1003, 'new'), (3, 'old')) q(id, s) on q.id = t.id when matched then update set s = q.s when not matched then insert (id, s) values (q.id, q.s)
merge into t using (values (1003), (3)) q(id) using (id) when matched then delete
merge into t using (values (1003), (3)) q(id) using (id) when not matched then insert (id) values (q.id) returning *
merge into t using (values ('US'), ('EU')) q(region) using (region) when matched and t.id < 4 then delete when not matched then insert (id, region) values (500, 'EU')
merge into t using (values ('US')) q(region) using (region) when not matched then insert (id, region) values (500, q.region)
merge into t using (values (3)) q(id) using (id) when not matched by source then delete
merge into t using (values (3)) q(id) using (id) when not matched by source and t.amt > 300 then update set s = masked
merge into t using (values (3), (1003)) q(id) using (id) when matched then update set amt = 0 when not matched by source and id > 20 then delete when not matched then insert (id) values (q.id)
merge into t using (values (3), (1003)) q(id) on q.id = t.id when not matched by source then update set s = 'gone' when not matched by target then insert default values when matched then do nothing
merge into t using u on false when not matched by source then delete when not matched then insert (id, s) values (id, name)
merge into t using u on true when matched and t.id = u.id then delete
merge into t using u on t.s = 'hidden' || u.id when matched then delete when not matched then insert (id) values (1)
merge into t using u on t.masked like 'h%' and u.id = 1 when matched then delete
merge into t using u on t.masked = 'm**' and u.id = 1 when matched then delete
merge into t using u on t.s::integer = u.id when matched then update set amt = 0
merge into t using u on 1 / (t.amt - 5000003) = u.id when matched then delete
merge into t using u on regexp_matches('x', case when t.s like 'hidden%' then '(' || t.s else 'x' end) and t.id = u.id when matched then delete
merge into t using u on t.st.b::integer = u.id when matched then delete
merge into t using u on t.id = u.id when matched and t.s::integer > 5 then delete
merge into t using u on t.id = u.id when matched then update set amt = t.s::bigint
merge into t using u on true when matched and u.id = 1 and t.s like 'hidden%' then delete
merge into t using u on u.id = 1 when not matched by source and s::integer > 5 then delete
merge into t using u on u.id = 1 when matched then update set amt = t.s::bigint
merge into t using u on u.id = 100 when not matched by source then update set amt = s::bigint
-- What only some pairs compute
merge into t using u on t.id = u.id when matched then update set amt = 1 // (u.id - u.id)
merge into t using u on t.id = u.id when matched then update set d = 'x' || u.id
merge into t using u on t.id = u.id when matched and u.id < 4 then update set s = 'a' when matched and u.id < 8 then do nothing when matched then delete
-- Values and their types
merge into t using u on t.id = u.id when matched then update set d = null, st = null, amt = null, s = null, e = null
merge into t using u on t.id = u.id when matched then update set d = '2021-05-05', st = {'b': u.name}, e = 'b', amt = '5', s = 5
merge into t using u on t.id = u.id when matched then update set st = t.st, s = t.st.b, e = t.e
merge into t using u on t.id = u.id when matched then update set e = 'no label'
merge into t using u on t.id = u.id when matched then update set amt = 99999999999999999999
merge into t using u on t.id = u.id when matched then update set s = masked, amt = length(masked)
merge into t using u on t.id = u.id when matched then update set amt = (select count(*) from t x where x.id > u.id)
merge into t using u on t.id = u.id when matched then update set s = (select max(masked) from t x)
merge into t using u on t.id = u.id when matched and exists (select 1 from t x where x.s like 'hidden%') then delete
merge into t using u on t.id = u.id when matched then update set amt = case when u.id > 3 then 1 else 2 end, s = case t.id when 3 then 'three' else 'when' end
merge into t using u on t.id = u.id when matched then update set s = list_transform([1, 2], id -> id + 1)::varchar
merge into t using (select id + 50 as id, name from u) q on t.id = q.id when not matched then insert (id, s) values (id, list_transform([1, 2], id -> id + 1)::varchar)
merge into t using (select id + 50 as id, name from u) q on t.id = q.id when not matched then insert (id, s) values (id, (select max(id) from u)::varchar)
merge into t using (select id + 50 as id, name from u) q on t.id = q.id when not matched then insert (id, s) values (id, (select max(id + q.id) from u)::varchar)
merge into t using (select id + 50 as id, name as s from u) q on t.id = q.id when not matched and id > 65 then insert (id, s) values (id, upper(s))
merge into t using (select id + 50 as id, name as s from u) q on t.id = q.id when not matched then insert (id, s) values (id, (select max(s) from u))
merge into t using (select id + 50 as id, {'id': 7} as t from u) q on t.id = q.id when not matched then insert (id, amt) values (q.id, t.id)
merge into t using (select id, 'q' as s from u) st on t.id = st.id when not matched by source then update set s = st.b
merge into t using (select id + 50 as id, {'id': 7} as t from u) q on t.id = q.id when not matched then insert (id, amt) values (q.id, (select t.id))
merge into t using (select id + 50 as id, region, s, amt, d, st, 'mmm' as masked, e from t) q on t.id = q.id when not matched then insert
merge into m using (select id + 5 as id, 'mmm' as masked, 1 as a from m) q on m.id = q.id when not matched then insert
merge into m using (select id + 5 as id, 1 as a from m) q on m.id = q.id when matched then update set a = q.a when not matched then insert (id, a) values (q.id, q.a)
merge into m using (select id, 1 as a from m) q on m.id = q.id when matched then update by name
merge into m using (select id, masked from m) q on m.id = q.id when matched then update by name
merge into m using (values ('m**', 1)) q(masked, a) using (masked) when matched then delete
merge into m using (values ('mx1', 1)) q(masked, a) using (masked) when matched then delete
merge into t using (select id + 50 as id, nothing from u) q on t.id = q.id when not matched then insert by name
merge into t using (select id + 50 as id, 1 as nothing from u) q on t.id = q.id when not matched then insert by name
merge into t using (select id, 1 as denied from u) q on t.id = q.id when matched then update by name
merge into t using (select id + 50 as id, 'x' as denied from u) q on t.id = q.id when not matched then insert by name
-- Sources
merge into t using (select id from u) on t.id = unnamed_subquery.id when matched then delete
merge into t using (select id as i from u) on t.id = i when matched then update set amt = i when not matched then insert (id) values (i)
merge into t using u a join u b on a.id = b.id on t.id = a.id when matched then update set s = a.name || b.name
merge into t using (u a join u b using (id)) on t.id = a.id when matched then update set s = a.name || b.name
merge into t using (u a join u b using (id)) on t.id = a.id when matched then update by name
merge into t using range(5) r(id) using (id) when matched then delete when not matched then insert (id) values (r.id)
merge into t using range(5) on range = id when matched then delete
merge into t using t x on x.id = t.id + 1 when matched then update set s = x.s, amt = x.amt
merge into t using t x on x.id = t.id + 10 when matched then update set s = x.masked when not matched then insert (id, s) values (x.id + 100, x.masked) when not matched by source then delete
merge into t using (select max(masked) as m, region from t group by region) q using (region) when matched then update set s = q.m
merge into t using (with c as (select * from u where id < 4) select * from c) q on t.id = q.id when matched then delete
merge into t using (select * from u where id < 9 limit 100) q on t.id = q.id when matched then delete
merge into rw.main.t using rw.main.u on rw.main.t.id = main.u.id when matched then update set s = rw.main.u.name, amt = main.t.id
merge into t using t on true when matched then delete
merge into t using nothing on true when matched then delete
merge into nothing using u on true when matched then delete
merge into t using (select t.id) q on true when matched then delete
merge into t using (select denied from t) q on true when matched then delete
merge into t using u on t.denied = u.name when matched then delete
-- What may not be named
merge into t using u on t.rowid = u.id when matched then delete
merge into t using u on t.__eider_rid = u.id when matched then delete
merge into t using u on t.id = u.id when matched then update set amt = __eider_rid
merge into t using u on t.id = u.id when matched then update set amt = __eider_s.__eider_rid
merge into t using u on t.id = u.id when matched then update set amt = __eider_t0.__eider_in
merge into t using u on t.id = u.id when matched then update set amt = __eider_in::integer
merge into t using u on t.id = u.id when matched then update set s = t::varchar
merge into t using u on t.id = u.id when matched then update set s = (select t.* from u limit 1)
merge into t using u on t is not null when matched then delete
merge into t as q using u on q is not null when matched then delete
merge into t using u on #1 = 3 when matched then delete
merge into t using u on t.id = u.id when matched then update set amt = #1
merge into t using u on columns(*) is null when matched then delete
merge into t using u on t.id = u.id when matched then update set s = columns(*)
merge into t using u on t.id = u.id when matched then update set amt = sum(u.id)
merge into t using u on t.id = u.id when matched then update set amt = row_number() over ()
merge into t using u on t.id = u.id when matched then update set amt = unnest([1, 2])
merge into t using u on t.id = u.id when not matched then insert (id) values (t.id)
merge into t using u on t.id = u.id when not matched by source then update set s = u.name
merge into t using u on t.id = u.id when matched then update set masked = 'x'
merge into t using u on t.id = u.id when matched then update set denied = 'x'
merge into t using u on t.id = u.id when matched then update set rowid = 1
merge into t using u on t.id = u.id when matched then update set nothing = 1
merge into t using u on t.id = u.id when matched then update set amt = 1, amt = 2
merge into t using u on t.id = u.id when matched then update set region = 'US'
merge into t using u on t.id = u.id when matched and u.id < 0 then update set region = 'US' when matched then delete
merge into t using u on t.id = u.id when matched then update set region = lower(t.region)
merge into t using u on t.id = u.id when not matched by source then update set region = null
merge into t using (values (500, 'US')) q(id, region) on t.id = q.id when not matched then insert by name
merge into t using (values (500, 'EU')) q(id, region) on t.id = q.id when not matched then insert by name
merge into t using (values (500, null)) q(id, region) on t.id = q.id when not matched then insert by name
merge into t using (values (3, 'EU'), (500, 'US')) q(id, region) on t.id = q.id when not matched then insert by name when matched then update by name
merge into t using (select 500 as id) q on t.id = q.id when not matched then insert values (id)
merge into t using (select 500 as id) q on t.id = q.id when not matched then insert (id, masked) values (id, 'x')
merge into t using u on t.id = u.id when matched then insert (id, s) values (u.id + 100, t.s)
merge into t using u on t.id = u.id when not matched by source then insert (id, s) values (t.id + 100, s)
-- ERROR and nothing
merge into t using u on t.id = u.id when matched then error
merge into t using u on t.id = u.id when matched and t.s like 'hidden%' then error 'seen: ' || t.s when matched then delete
merge into t using u on t.id = u.id when matched then error 'seen: ' || t.s
merge into t using u on t.id = u.id when matched and u.id > 300 then error when matched then delete
merge into t using u on t.id = u.id when matched then do nothing
merge into t using u on t.id = u.id when matched and t.id > 3 then do nothing when matched then delete
merge into t using u on t.id = u.id when matched then delete when matched then do nothing
merge into t using u on t.id = u.id when matched and u.id = 3 then error 'seen: ' || t.s when matched then delete
-- RETURNING
merge into t using u on t.id = u.id when matched and u.id < 4 then delete returning *
merge into t using u on t.id = u.id when matched and u.id < 4 then update set amt = u.id returning merge_action, *
merge into t using (values (3, 'x'), (500, 'y')) q(id, s) using (id) when matched then update set s = q.s when not matched then insert by name returning merge_action, id, region, amt, masked, s
merge into t using (values (3, 'x'), (500, 'y')) q(id, s) using (id) when matched then delete when not matched then insert by name returning merge_action || '!' as done, upper(masked) as m
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning q.s
merge into t as x using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning x.s, x.masked, x.*
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning denied
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning rowid
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning t
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning __eider.denied
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning (select max(s) from t)
merge into t using (values (3, 'x')) q(id, s) using (id) when matched then update set s = q.s returning t.merge_action
merge into u using (values (3, 'x'), (99, 'z')) q(id, name) using (id) when matched then update by name when not matched then insert by name returning *
merge into u using (values (3, 'x'), (99, 'z')) q(id, name) using (id) when matched then delete when not matched then insert returning merge_action, name
-- Keys
merge into k using u on k.id = u.id when matched then update set a = u.id * 2
merge into k using u on k.id = u.id when matched then delete
merge into k using u on k.id = u.id when not matched then insert (id, a) values (u.id, 1)
merge into k using (values (-77, 1)) q(id, a) on k.id = q.id when not matched then insert (id, region, a) values (q.id, 'EU', q.a)
merge into k using (values (3, 1)) q(id, a) on k.id = q.id when matched then update by name
merge into k using (values (3, 1)) q(id, a) on k.id = q.id when matched then update set id = 100
merge into o using (values (3, 1), (100, 5)) q(id, a) on o.id = q.id when matched then update set a = q.a when not matched then insert (id, region, a) values (q.id, 'EU', q.a)
merge into o using (values (100, 5)) q(id, a) on o.id = q.id when not matched then insert (id, region, a) values (q.id, 'US', q.a)
merge into c using u on c.id = u.id when not matched then insert (id, k) values (u.id, -77)
merge into c using u on c.id = u.id when not matched then insert (id) values (u.id)
merge into p using (values (1, 9), (2, 9)) q(id, v) using (id) when matched then update set v = q.v when not matched then insert returning merge_action, *
merge into p using (values (1, 9), (2, 9)) q(id, v) using (id) when matched then update by name when not matched then insert by name
merge into p using (values (2, 9), (2, 9)) q(id, v) using (id) when not matched then insert
merge into i using (values (1, 9), (2, 9)) q(id, v) using (id) when not matched then insert
merge into i using (values (1, 9), (2, 9)) q(id, v) using (id) when matched then update set v = q.v when not matched then insert
merge into i using (values (1, 9), (2, 9)) q(id, v) using (id) when matched then delete
merge into w using u on w.id = u.id when not matched then insert (id) values (u.id)
merge into w using u on w.id = u.id when matched then update set b = 1
-- What is no MERGE, or not one
merge into t using u on t.id = u.id when matched then delete; delete from t
merge into t using u on t.id = u.id when matched then delete where true
merge into t using u on t.id = u.id when matched then update set amt = 1) when matched then delete
merge into t using u when matched then delete
merge into t using u on t.id = u.id
merge into t using u on t.id = u.id when not matched then delete
merge into t using u on t.id = u.id when not matched then update set amt = 1
merge into t using u on t.id = u.id when matched then update set (amt, id) = (1, 2)
merge into only t using u on t.id = u.id when matched then delete
merge into information_schema.tables using u on true when matched then delete
with c as (select 1 as id) merge into t using c on t.id = c.id when matched then delete
