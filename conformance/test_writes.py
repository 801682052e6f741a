"""Writes to a catalog that may be written, and transactions."""

import psycopg
import pytest

from harness import clients


@pytest.fixture
def admin(server):
    with clients.connect_psycopg(server, "admin") as connection:
        yield connection


@pytest.fixture
def table(admin, request) -> str:
    """A name for a table of the test's own, dropped afterwards if it is there."""
    name = f"scratch.main.{request.node.originalname}"
    yield name
    admin.rollback()
    try:
        admin.execute(f"drop table {name}")
    except psycopg.errors.UndefinedTable:
        pass


def tag(connection, sql: str) -> str:
    return connection.execute(sql).statusmessage


def test_create_insert_select_drop(admin, table) -> None:
    assert tag(admin, f"create table {table} (a integer, b varchar)") == "CREATE TABLE"
    assert tag(admin, f"insert into {table} values (1, 'one'), (2, null)") == "INSERT 0 2"
    assert tag(admin, f"insert into {table} (b) select name from airlines") == "INSERT 0 16"
    assert admin.execute(f"select count(*) as n, count(a) as a, count(b) as b from {table}").fetchall() == [(18, 2, 17)]
    assert tag(admin, f"drop table {table}") == "DROP TABLE"
    with pytest.raises(psycopg.errors.UndefinedTable):
        admin.execute(f"select * from {table}")


def test_create_table_as(admin, table) -> None:
    admin.execute(f"create table {table} as select origin, count(*) as n from flights group by origin")
    assert admin.execute(f"select * from {table} order by origin").fetchall() == [
        ("EWR", 120835),
        ("JFK", 111279),
        ("LGA", 104662),
    ]


def test_a_table_exists_in_its_transaction_first(server, admin, table) -> None:
    with clients.connect_psycopg(server, "admin") as other:
        admin.execute("begin")
        admin.execute(f"create table {table} (a integer)")
        admin.execute(f"insert into {table} values (1)")
        assert admin.execute(f"select a from {table}").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            other.execute(f"select a from {table}")
        assert tag(admin, "commit") == "COMMIT"
        assert other.execute(f"select a from {table}").fetchall() == [(1,)]


def test_rollback(admin, table) -> None:
    admin.execute(f"create table {table} (a integer)")
    admin.execute("begin")
    admin.execute(f"insert into {table} values (1)")
    assert tag(admin, "rollback") == "ROLLBACK"
    assert admin.execute(f"select count(*) as n from {table}").fetchall() == [(0,)]


def test_after_an_error_a_transaction_only_rolls_back(admin, table) -> None:
    admin.execute(f"create table {table} (a integer)")
    admin.execute("begin")
    admin.execute(f"insert into {table} values (1)")
    with pytest.raises(psycopg.errors.UndefinedTable):
        admin.execute("select * from no_such_table")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        admin.execute("select 1")
    assert tag(admin, "commit") == "ROLLBACK"
    assert admin.execute(f"select count(*) as n from {table}").fetchall() == [(0,)]


def test_a_table_is_made_once(admin, table) -> None:
    admin.execute(f"create table {table} (a integer)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        admin.execute(f"create table {table} (a integer)")


def test_what_does_not_fit_is_refused(admin, table) -> None:
    admin.execute(f"create table {table} (a integer not null)")
    with pytest.raises(psycopg.Error):
        admin.execute(f"insert into {table} values (null)")
    with pytest.raises(psycopg.Error):
        admin.execute(f"insert into {table} values ('x')")
    assert admin.execute(f"select count(*) as n from {table}").fetchall() == [(0,)]


def test_several_statements_in_one_text(admin, table) -> None:
    admin.execute(f"create table {table} (a integer); insert into {table} values (1); insert into {table} values (2)")
    assert admin.execute(f"select sum(a) as s from {table}").fetchall() == [(3,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        admin.execute(f"insert into {table} values (4); select * from no_such_table; insert into {table} values (8)")
    # One text is one transaction.
    assert admin.execute(f"select sum(a) as s from {table}").fetchall() == [(3,)]


@pytest.mark.parametrize("sql", ["create table {} (a integer)", "insert into {} values (2)", "drop table {}"])
def test_each_statement_of_a_text_needs_its_right(server, admin, table, sql) -> None:
    admin.execute(f"create table {table} (a integer)")
    with clients.connect_psycopg(server, "jfk") as jfk, pytest.raises(psycopg.Error) as refused:
        jfk.execute("select 1; " + sql.format(table))
    assert refused.value.sqlstate in ("42501", "42P01", "3D000")
    assert admin.execute(f"select count(*) as n from {table}").fetchall() == [(0,)]


def test_writes_through_flight(server, admin, table) -> None:
    with clients.connect_adbc(server, "admin") as connection, connection.cursor() as cursor:
        cursor.execute(f"create table {table} as select 1 as a")
        cursor.execute(f"insert into {table} values (2)")
        assert cursor.rowcount == 1
        cursor.execute(f"select sum(a) as s from {table}")
        assert cursor.fetchall() == [(3,)]
    assert admin.execute(f"select count(*) as n from {table}").fetchall() == [(2,)]
