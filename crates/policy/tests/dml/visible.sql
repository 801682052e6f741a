-- Rows that are visible, the same in every database; their raw masked and denied values, with $tag in
-- them, differ.
insert into rw.main.t select i, 'EU', i::varchar, i * 10, date '2020-01-01' + i::integer, {'b': i::varchar}, 'm$tag' || i, 'a', 'denied$tag' from range(1, 60) r(i)
insert into rw.main.m select i, 'm$tag' || i, i from range(1, 9) r(i)
insert into rw.main.k select i, 'EU', i from range(1, 9) r(i)
insert into rw.main.o select i, 'EU', i from range(1, 9) r(i)
insert into rw.main.h select i, 20, i, ascii('$tag') - ascii('x'), 'm$tag' || i from range(1, 9) r(i)
insert into rw.main.child select ascii('$tag') - ascii('x') + 1
insert into rw.main.gen (id, a, secret, tags) select i, 1, (ascii('$tag') - ascii('x')) * 120, [i] from range(1, 5) r(i)
