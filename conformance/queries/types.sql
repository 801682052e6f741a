-- name: integers
select 127::tinyint as t, (-32768)::smallint as s, 2147483647::integer as i, (-9223372036854775808)::bigint as b;

-- name: unsigned integers
select 255::utinyint as t, 65535::usmallint as s, 4294967295::uinteger as i, 18446744073709551615::ubigint as b;

-- name: huge integers
select 99999999999999999999999999999999999999::hugeint as big, (-1)::hugeint as small, 340282366920938463463::uhugeint::varchar as u;

-- name: sum of integers is huge
select sum(distance) as total, count(*) as n from flights;

-- name: decimals
select 1.50::decimal(5,2) as a, (-0.001)::decimal(4,3) as b, 12345678901234567890123456789012345678::decimal(38,0) as c,
       0::decimal(10,4) as d, 100000::decimal(18,3) as e, 99999999.99::decimal(10,2) as f;

-- name: doubles
select 0.1::double as a, -1e300::double as b, 5e-324::double as c, 'nan'::double as d, 'infinity'::double as e,
       '-infinity'::double as f, 1e15::double as g, 123456789.125::double as h, -0.0::double as i;

-- name: floats
select 0.1::float as a, 3.4e38::float as b, 16777217::float as c, 'nan'::float as d;

-- name: booleans
select true as t, false as f, null::boolean as n, 1 = 1 as e, not true as g;

-- name: texts
select '' as empty, ' ' as blank, 'it''s' as quote, E'line\nbreak\ttab' as control, 'back\slash' as backslash,
       '"quoted", {braces}' as marks, 'NULL' as word, 'Grüße, 世界, 🦆' as beyond, repeat('x', 10000) as long;

-- name: blobs
select '\x00\xFF\x7F\x5C'::blob as b, ''::blob as empty, 'plain'::blob as plain, null::blob as n;

-- name: uuid
select '4ac7a9e9-607c-4c8a-84f3-843f0191e3fd'::uuid as u, null::uuid as n;

-- name: json
select '{"a": [1, 2.5, null, "x"], "b": {"c": true}}'::json as j, '"text"'::json as t, '17'::json as i;

-- name: bits
select '101'::bit as odd, '10000000'::bit as whole, '0000000011111111101'::bit as longer;

-- name: dates
select date '2013-01-01' as d, date '1970-01-01' as epoch, date '0044-03-15' as old, date '1999-12-31' as before, date '9999-12-31' as last;

-- name: times
select time '00:00:00' as midnight, time '12:34:56.789012' as micro, time '23:59:59.999999' as last;

-- name: timestamps
select timestamp '2013-01-01 05:15:00' as t, timestamp '1969-12-31 23:59:59.999999' as before,
       timestamp '2262-04-11 23:47:16.854775' as late, timestamp '0001-01-01 00:00:00' as first;

-- name: timestamps of other precision
select timestamp_s '2013-01-01 05:15:00' as s, timestamp_ms '2013-01-01 05:15:00.123' as ms,
       timestamp_ns '2013-01-01 05:15:00.123456' as ns;

-- name: timestamps with zone
select timestamptz '2013-01-01 05:15:00+00' as utc, timestamptz '2013-07-01 05:15:00-04' as summer, timestamptz '1999-12-31 23:59:59.5+05:30' as half;

-- name: intervals
select interval '3' day as d, interval '14' month as m, interval '90' minute as h, interval '-1' second as minus,
       interval '1 year 2 months 3 days 04:05:06.789' as all_of_it;

-- name: enumerations
select 'low'::enum ('low', 'high') as e, null::enum ('low', 'high') as n;

-- name: names of columns
select 1 as "select", 2 as "With Space", 3 as "Ünïcode", 4 as "UPPER", 5 as "quote""d", 6 as lower;

-- name: names that nobody gave
select 1, 'x', 1 + 1, count(*), min(distance), upper('a'), cast(1 as varchar), case when true then 1 end, origin = 'JFK'
from flights group by origin;

-- name: the same name twice
select 1 as a, 2 as a, 3 as b;

-- name: no rows
select * from flights where false;

-- name: one column, many rows
select flight from flights where month = 3 and day = 14;
