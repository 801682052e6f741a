-- The tables that dml.sql and merge.sql write to. One statement a line.
create table rw.main.p as select 1 as id, 2 as v
alter table rw.main.p add primary key (id)
create table rw.main.i (id integer primary key, v integer)
insert into rw.main.i values (1, 2)
create table rw.main.t (id integer, region varchar default 'EU', s varchar, amt bigint default 7, d date, st struct(b varchar), masked varchar, e enum('a', 'b', 'hiddenx', 'hiddeny'), denied varchar)
create table rw.main.m (id integer, masked varchar, a integer)
create table rw.main.k (id integer primary key, region varchar, a integer)
create table rw.main.o (id integer primary key, region varchar, a integer)
create table rw.main.c (id integer, k integer references k(id))
create table rw.main.w as select i as id, i as a, i as b from range(10) r(i)
create table rw.main.h (id integer, level integer, a integer, secret integer, note varchar)
create table rw.main.u as select i as id, 'n' || i as name from range(1, 20) r(i)
