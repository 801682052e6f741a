-- Makes of the visible rows a copy that holds no more than what is seen.
alter table rw.main.t drop column denied
alter table rw.main.t alter column e type varchar
update rw.main.t set masked = left(masked, 1) || '**'
update rw.main.m set masked = left(masked, 1) || '**'
alter table rw.main.h drop column secret
update rw.main.h set note = '**'
drop table rw.main.child
alter table rw.main.gen drop column g
alter table rw.main.gen drop column secret
