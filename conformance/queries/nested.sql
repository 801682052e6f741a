-- name: lists
select [1, 2, 3] as numbers, ['a', null, 'c,d', '"q"', '', 'NULL'] as texts, []::integer[] as empty, [null]::integer[] as one_null,
       [true, false] as flags, [1.5, 2.5]::double[] as doubles, [date '2013-01-01'] as dates;

-- name: arrays of fixed length
select [1, 2, 3]::integer[3] as a, ['x', 'y']::varchar[2] as b;

-- name: structs
select {'a': 1, 'b': 'two', 'c': null, 'd': true} as s, {'outer': {'inner': [1, 2]}} as deep;

-- name: maps
select map {'one': 1, 'two': 2} as m, map([1, 2], ['a', 'b']) as by_number;

-- name: lists of lists
select [[1, 2], [3], []] as ragged, [[1, 2], [3, 4]] as square, [{'a': 1}, {'a': null}] as structs;

-- name: list aggregate
select carrier, list(distinct origin order by origin) as origins, count(*) as n from flights group by carrier;

-- name: unnest
select carrier, o from (select carrier, list(distinct origin) as origins from flights group by carrier), unnest(origins) as u(o);

-- name: unnest in the select list
select unnest([1, 2, 3]) as n, 'x' as x;

-- name: fields and elements
select s.a as a, s['b'] as b, l[1] as first, l[-1] as last, l[2:3] as slice, m['k'] as v
from (select {'a': 1, 'b': 'two'} as s, [10, 20, 30] as l, map {'k': 'v'} as m);

-- name: list functions
select list_transform([1, 2, 3], lambda x: x * 2) as doubled, list_filter([1, 2, 3], lambda x: x > 1) as large, list_sum([1, 2, 3]) as total,
       list_sort(['b', 'a']) as sorted, len([1, 2]) as n, [1, 2] || [3] as joined, list_contains([1, 2], 2) as has;

-- name: struct of a row
select {'carrier': carrier, 'name': name} as airline from airlines;

-- name: a whole row
select a from airlines as a;
