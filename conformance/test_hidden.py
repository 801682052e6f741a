"""Non-interference: two servers whose data differ only in what the principal may not see answer alike, whatever is asked.

Rows, names, types, errors with all their fields, and success itself are compared. That the questions are sharp is tested too:
an embedded DuckDB that filters and masks in a plain subquery tells its hidden data by many of them.
"""

import duckdb
import psycopg
import pytest

from harness import clients, config
from harness.scram import verifier
from harness.server import Server

# What anyone may see, and what `eve` may not: rows of other owners, the column `hidden`, and `masked` as it is.
VISIBLE = """
select * from (values
    (1, 'eve', '11', 'word', 10, 1.5::decimal(12, 1), date '2013-01-01', 'h1', 'mm-1', {'a': 1, 'b': '21'}, ['1', '2']),
    (2, 'eve', '12', 'more', 20, 2.5, date '2013-02-01', 'h2', 'mm-2', {'a': 2, 'b': '22'}, ['3']),
    (3, 'eve', null, null, null, null, null, null, null, null, null)
) t(id, owner, num, txt, amt, dbl, day, hidden, masked, st, li)
"""
SECRETS = {"a": ("secret-alpha", 1_000_000, "5"), "b": ("hidden-beta", -77, "6")}


def data(variant: str) -> str:
    word, number, digit = SECRETS[variant]
    return f"""
{VISIBLE.replace("h1", f"{word}-h").replace("mm-1", f"mm{word}")}
union all select 4, 'bob', '{word}', '{word}', {number}, {number}.5, date '2013-03-01' + {digit}, '{word}', '{word}',
    {{'a': {number}, 'b': '{word}'}}, ['{word}']
union all select 5, 'bob', '({word}', '%{word}', {digit}, -{digit}.0, date '19{digit}3-03-01', 'x', 'y', {{'a': 0, 'b': '('}}, []
"""


POLICY = f"""
[[principal]]
name = "eve"
verifier = "{verifier("eve")}"
roles = ["some"]

[[role]]
name = "some"

[[grant]]
role = "some"
on = "wh.main.t"
privileges = ["select"]
columns = ["id", "owner", "num", "txt", "amt", "dbl", "day", "masked", "st", "li"]
rows = "owner = current_user"

[[grant]]
role = "some"
on = "wh.main.plain"
privileges = ["select"]

[[mask]]
on = "wh.main.t.masked"
expr = "left(masked, 2) || '****'"
"""

NAIVE = """(select id, owner, num, txt, amt, dbl, day, left(masked, 2) || '****' as masked, st, li
from wh.main.t where owner = 'eve') t"""

THROWS = [
    "num::integer > 0",
    "cast(txt as double) > 0",
    "txt::date is not null",
    "txt::uuid is not null",
    "txt::interval is not null",
    "txt::boolean",
    "amt::tinyint > 0",
    "cast(amt as utinyint) > 0",
    "st.b::integer > 0",
    "struct_extract(st, 'b')::integer > 0",
    "(li[1])::integer > 0",
    "regexp_matches('x', txt)",
    "regexp_replace('x', num, 'y') = 'x'",
    "regexp_full_match('x', num)",
    "'x' like txt escape num",
    "sqrt(amt) > 0",
    "ln(dbl) > 0",
    "log2(dbl) is not null",
    "chr(amt) = 'x'",
    "make_date(amt, 1, 1) is not null",
    "date_part(txt, day) = 1",
    "date_trunc(txt, day) = day",
    "strftime(day, txt) = 'x'",
    "strptime(txt, '%Y') is not null",
    "printf('%d', txt) = 'x'",
    "format(txt, 1) = 'x'",
    "amt * 1000000000 * 1000000000 > 0",
    "amt::bigint * 9223372036854775807 is null",
    "day + to_days(amt * 1000000) > day",
    "factorial(amt) > 0",
    "repeat(txt, amt) = 'x'",
    "json_extract(txt, '$.a') is null",
    "json(txt) is null",
    "unhex(txt) is null",
    "from_base64(txt) is null",
    "num = 5",
    "amt = 5.5",
    "day = timestamp '2013-01-01 00:00:01'",
    "day = txt",
    "masked::integer = 1",
    "masked = 'mmsecret-alpha'",
    "masked like '%alpha%'",
    "hidden = 'h1'",
    "t.hidden is not null",
    "owner = 'bob'",
    "amt > 100",
    "num::integer > 0 and amt > 100",
    "num::integer > 0 and amt < 0",
]

SHAPES = [
    "select id from t where {}",
    "select id, {} as x from t",
    "select count(*) as n from t where owner = 'bob' or {}",
    "select id from t order by {}, id",
    "select {} as x, count(*) as n from t group by 1",
    "select owner from t group by owner having bool_or({})",
    "select p.id from plain p join t on p.id = t.id and {}",
    "select p.id from plain p left join t on {}",
    "select p.id from plain p where exists (select 1 from t where t.id = p.id and {})",
    "with c as (select * from t) select c.id from c, t where c.id = t.id and {}",
    "select id, row_number() over (order by {}) as r from t",
    "select id from t qualify max({}) over () order by id",
    "select case when {} then 1 else 0 end as x from t where owner = 'bob'",
    "select x.id from plain p, lateral (select t.id from t where t.id >= p.id and {}) x",
    "select id from (select * from t limit 100) t where {}",
    "select max(id) filter (where {}) as m from t",
]

OTHERS = [
    "select * from t",
    "select t from t",
    "from t",
    "select max(st.b::integer) as m from t",
    "select st.* from t",
    "select unnest(st) from t",
    "select min(amt) as a, max(amt) as b, sum(amt) as s from t",
    "select sum(amt::bigint * 1000000000000) as s from t",
    "select (select num from t) as x",
    "select (select num from t where owner = 'bob') as x",
    "select approx_count_distinct(num) as n from t",
    "select * from t using sample 100 percent",
    "select * from t tablesample reservoir(3)",
    "select rowid from t",
    "select * from wh.t",
    "select wh.main.t.num::integer as x from wh.main.t",
    "select columns(*)::varchar from t",
    "select columns('hid.*') from t",
    "select * exclude (id) from t",
    "select * exclude (hidden) from t",
    "select hidden from t",
    "select * replace (num::integer as num) from t",
    "describe t",
    "describe select * from t",
    "select stats(num) as s from t",
    "select typeof(st) as x, typeof(li) as y from t",
    "select id from t where hidden is null",
    "select a.id from t a join t b on a.num = b.txt",
    "select a.id from t a positional join plain b",
    "select id, x from t, unnest(li) u(x)",
    "select distinct on (owner) owner, num from t order by owner, amt desc",
    "select num::integer as n from t union all select id from plain",
    "select id from t intersect select id from plain",
    'select "x"".*, (select max(hidden) from wh.main.t) as y --".* from t as "x"".*, (select max(hidden) from wh.main.t) as y --"',
    'select "x"", hidden --".* from t "x"", hidden --"',
    "select 1 operator(\"+ (select count(*) from wh.main.t) +\") 2 as x",
    "select \"sum(1) over (), hidden, sum\"(1) over () as x from t",
    "select main.\"count(*) over (), hidden, count\"(*) over () as x from t",
    "with \"\N{KELVIN SIGN}\" as (select 1 as a) select * from k",
    "with recursive t as (select * from wh.main.t) select count(*) as n from t",
    "with recursive r(i) as (select 1 union all select i + 1 from r, t where i < 3) select count(*) as n from r",
    "with recursive r(i) as (select 1 union all select i + 1 from recurring.t where i < 3) select count(*) as n from r",
    "select * from t at (version => 1)",
    "select * from wh.main.t t(a, b, c) where c::integer > 0",
    "select * from (select num as hidden from t) s where hidden::integer > 0",
    "insert into wh.main.t select * from wh.main.t",
    "select id from t where id in (select amt from t) or num::integer = 11",
    "select * from query('select * from t')",
    "select * from read_parquet('t.parquet')",
    "select id from t group by all having count(*) > (select max(amt) from t)",
]

QUESTIONS = [shape.format(throw) for shape in SHAPES for throw in THROWS] + OTHERS


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The two folders of data."""
    folders = {}
    for variant in SECRETS:
        folders[variant] = tmp_path_factory.mktemp(f"data_{variant}")
        with duckdb.connect() as connection:
            connection.execute(f"copy ({data(variant)}) to '{folders[variant]}/t.parquet'")
            connection.execute(f"copy (select unnest(range(1, 4))::integer as id) to '{folders[variant]}/plain.parquet'")
    return folders


@pytest.fixture(scope="module")
def servers(tmp_path_factory, folders):
    servers = []
    for variant, folder in folders.items():
        place = tmp_path_factory.mktemp(f"eider_{variant}")
        servers.append(Server.start(config.write(place, policy=POLICY, read_only={"wh": folder}), place))
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def eves(servers):
    """The same person at both servers."""
    connections = [clients.connect_psycopg(server, "eve", dbname="wh") for server in servers]
    yield connections
    for connection in connections:
        connection.close()


@pytest.fixture(scope="module")
def flights(servers):
    connections = [clients.FlightSql(server.flight, "eve") for server in servers]
    yield connections
    for connection in connections:
        connection.close()


def test_both_servers_show_what_may_be_seen(eves) -> None:
    for eve in eves:
        rows = eve.execute("select id, num, masked from t order by id").fetchall()
        assert rows == [(1, "11", "mm****"), (2, "12", "mm****"), (3, None, None)]


@pytest.mark.parametrize("sql", QUESTIONS)
def test_answers_do_not_depend_on_what_is_hidden(eves, sql) -> None:
    a, b = (answer(eve, sql) for eve in eves)
    assert a == b
    for words in SECRETS.values():
        assert words[0] not in str(a)


@pytest.mark.parametrize("sql", [*OTHERS, *(SHAPES[0].format(throw) for throw in THROWS)])
def test_nor_do_they_through_flight(flights, sql) -> None:
    a, b = (flight_answer(flight, sql) for flight in flights)
    assert a == b


def answer(connection: psycopg.Connection, sql: str):
    """All that a client can learn from a statement, but for how long it took."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            rows = sorted(map(repr, cursor.fetchall())) if cursor.description else None
            return cursor.statusmessage, cursor.description and [tuple(column) for column in cursor.description], rows
    except psycopg.Error as error:
        assert error.sqlstate, error
        fields = ("severity", "sqlstate", "message_primary", "message_detail", "message_hint", "statement_position", "context")
        return [getattr(error.diag, field) for field in fields]


def flight_answer(connection: clients.FlightSql, sql: str):
    try:
        table = connection.query(sql)
        return table.schema.to_string(), sorted(map(repr, table.to_pylist()))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error), str(error)


def test_the_questions_are_sharp(folders) -> None:
    """A plain subquery tells hidden data by many of them."""
    told = 0
    connections = []
    for folder in folders.values():
        connection = duckdb.connect()
        connection.execute("attach ':memory:' as wh")
        for table in ("t", "plain"):
            connection.execute(f"create table wh.main.{table} as from '{folder}/{table}.parquet'")
        connection.execute("use wh")
        connections.append(connection)
    for sql in (shape.format(throw) for shape in SHAPES for throw in THROWS):
        naive = sql.replace(" from t ", f" from {NAIVE} ").replace(" join t ", f" join {NAIVE} ")
        answers = []
        for connection in connections:
            try:
                answers.append(sorted(map(repr, connection.execute(naive).fetchall())))
            except duckdb.Error as error:
                answers.append(str(error))
        told += answers[0] != answers[1]
    assert told >= 70, told
