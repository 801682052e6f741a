-- Rows that are hidden: whatever throws, throws on them, and quotes them.
insert into rw.main.t select 1000 + i, 'US', 'hidden$tag' || i, $amount + i, date '1970-01-01' + ($amount % 99)::integer, {'b': 'hidden$tag'}, 'hidden$tag', 'hidden$tag', 'denied' from range(50) r(i)
insert into rw.main.k select $amount + i, 'US', i from range(9) r(i)
insert into rw.main.o select $amount + i, 'US', i from range(9) r(i)
insert into rw.main.h select $amount + i, 20, i, 21, 'hidden$tag' from range(9) r(i)
