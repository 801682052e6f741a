"""What is refused, and how: with a clear error, on a connection that stays usable, whoever asks."""

import adbc_driver_manager
import psycopg
import pytest

from harness import clients, config

FILE = config.NYC / "planes.parquet"

NOT_YET = [
    "from (pivot airlines on carrier using count(*))",
    "from (summarize flights)",
    "explain analyze select * from flights",
    "explain insert into scratch.main.t values (1)",
    "explain pivot flights on origin using count(*)",
    "pivot flights on origin in (select 'JFK') using count(*)",
    "pivot flights on origin in some_type using count(*)",
    "create table scratch.main.t as pivot flights on origin using count(*)",
    "prepare transaction 'x'",
    "show columns from flights",
    "create macro f(x) as x + 1",
    "create temp macro f(x) as table select x",
    "alter table scratch.main.t add column b integer",
    "create temp sequence s",
    "alter sequence scratch.main.s restart",
    "create index i on scratch.main.t (a)",
    "create type scratch.main.e as enum ('a')",
    "copy airlines to '/tmp/airlines.csv'",
    "copy scratch.main.t from '/etc/passwd'",
    "export database '/tmp/export'",
    "import database '/tmp/export'",
    "attach ':memory:' as other",
    "attach '/etc/passwd' as other",
    "detach nyc",
    "use scratch",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "pragma memory_limit = '1GB'",
    "call pragma_version()",
    "vacuum",
    "set memory_limit = '100GB'",
    "set global threads = 64",
    "set variable x = 1",
    "execute p",
    "select * from duckdb_tables()",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_class",
]
"""Statements that this release does not run for anybody."""

NEVER = [
    f"select * from '{FILE}'",
    f'select * from "{FILE}"',
    f"select * from read_parquet('{FILE}')",
    f"select * from parquet_scan('{FILE}')",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from glob('/*')",
    "select * from query('select 1')",
    "select * from query_table('flights')",
    "select current_setting('memory_limit')",
    "select getenv('HOME')",
    "select getvariable('x')",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select json_serialize_sql('select 1')",
    "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "select stats(tailnum) from flights",
    "select nextval('s')",
    "select no_such_function(1)",
    "select rowid from flights",
    "select file_row_number from flights",
    "select filename from flights",
]
"""Ways around the catalog, and functions that tell of the machine or of hidden rows."""

WRITES_WITHOUT_RIGHT = [
    "create table scratch.main.t (a integer)",
    "create table scratch.main.t as select * from flights",
    "insert into scratch.main.t values (1)",
    "drop table scratch.main.t",
    "insert into nyc.main.airlines values ('ZZ', 'x')",
    "create table nyc.main.t (a integer)",
    "drop table nyc.main.airlines",
]

BROKEN = ["selec 1", "select", "select 'open", 'select "open', "select (1", "select 1)", "select $1$ x", "select * from", ";;x;;"]


@pytest.mark.parametrize("sql", NOT_YET)
@pytest.mark.parametrize("principal", ["admin", "jfk"])
def test_a_form_that_is_not_there_yet(connections, principal, sql) -> None:
    assert _refusal(connections, principal, sql) in {"0A000", "42501", "42P01", "42883", "3F000", "26000", "42704"}


@pytest.mark.parametrize("sql", NEVER)
@pytest.mark.parametrize("principal", ["admin", "jfk"])
def test_a_way_around(connections, principal, sql) -> None:
    assert _refusal(connections, principal, sql) in {"0A000", "42501", "42883", "42P01", "42703"}


@pytest.mark.parametrize("sql", WRITES_WITHOUT_RIGHT)
def test_a_write_without_the_right(connections, sql) -> None:
    assert _refusal(connections, "jfk", sql) in {"42501", "42P01", "3D000", "3F000"}


@pytest.mark.parametrize("sql", BROKEN)
def test_text_that_is_no_sql(connections, sql) -> None:
    assert _refusal(connections, "jfk", sql) == "42601"


@pytest.mark.parametrize("sql", [*NOT_YET, *NEVER, *WRITES_WITHOUT_RIGHT, *BROKEN])
def test_the_same_through_flight(connections, sql) -> None:
    connection = connections(clients.connect_adbc, "jfk")
    with connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute(sql)
            cursor.fetchall()
        cursor.execute("select 17 as a")
        assert cursor.fetchall() == [(17,)]


def _refusal(connections, principal: str, sql: str) -> str:
    """The SQLSTATE with which a statement is refused; the connection must go on."""
    connection = connections(clients.connect_psycopg, principal)
    with pytest.raises(psycopg.Error) as refused:
        connection.execute(sql)
    assert refused.value.sqlstate, refused.value
    assert refused.value.diag.message_primary
    assert connection.execute("select 17 as a").fetchall() == [(17,)]
    return refused.value.sqlstate
