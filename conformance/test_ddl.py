"""Schemas, changes of tables, indexes, comments and maintenance; and that rules stay with what they are about."""

import datetime

import adbc_driver_manager
import psycopg
import pytest

from harness import clients, config

POLICY = (config.DEMO / "policy.toml").read_text() + """
[[role]]
name = "clerk"

[[principal]]
name = "clerk"
verifier = "SCRAM-SHA-256$4096:gpYvPAdHtjbAHMRHJRlhzg==$/3CxVCQNGK8YrbaInErDCuAr+5yTJHLUepkQQ0yuToo=:LYQvAho2fbPPWL8IJBcogjCdaBlf/ekKz7pgB7+q0g0="
roles = ["clerk"]

[[grant]]
role = "clerk"
on = "scratch.main.seen"
privileges = ["select", "alter"]
rows = "a > 1"

[[grant]]
role = "clerk"
on = "scratch.desk.*"
privileges = ["select", "insert", "create", "alter", "drop"]

[[deny]]
on = "scratch.desk.hidden"
privileges = ["select", "alter"]
to = ["clerk"]
"""


@pytest.fixture
def admin(server):
    with clients.connect_psycopg(server, "admin") as connection:
        yield connection


@pytest.fixture
def table(admin, request):
    """A table of the test's own with a column and a row, dropped afterwards if it is there."""
    name = f"scratch.main.{request.node.originalname}"
    admin.execute(f"create table {name} (a integer)")
    admin.execute(f"insert into {name} values (1)")
    yield name
    admin.rollback()
    for dropped in (name, f"{name}_2"):
        try:
            admin.execute(f"drop table {dropped}")
        except psycopg.errors.UndefinedTable:
            pass


def tag(connection, sql: str) -> str:
    return connection.execute(sql).statusmessage


def refused(connection, sql: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as error:
        connection.execute(sql)
    return error.value


def test_schemas(admin) -> None:
    assert tag(admin, "create schema scratch.s") == "CREATE SCHEMA"
    assert tag(admin, "create schema if not exists scratch.s") == "CREATE SCHEMA"
    assert refused(admin, "create schema scratch.s").sqlstate == "42P06"
    admin.execute("create table scratch.s.t as select 1 as a")
    assert admin.execute("select a from scratch.s.t").fetchall() == [(1,)]
    assert refused(admin, "drop schema scratch.s").sqlstate == "2BP01"
    admin.execute("drop table scratch.s.t")
    assert tag(admin, "drop schema scratch.s restrict") == "DROP SCHEMA"
    assert refused(admin, "drop schema scratch.s").sqlstate == "3F000"
    assert tag(admin, "drop schema if exists scratch.s") == "DROP SCHEMA"


def test_columns(admin, table) -> None:
    for change in [
        "add column b varchar default 'xy'",
        "add column d date default date '2020-01-02'",
        "add column e boolean default true",
        "add column f double default 1e3",
        "add column g integer default -7",
        "add column c integer",
        "alter column c set default 7",
        "rename column a to n",
        "alter column n set data type bigint",
        "alter column b set not null",
        "alter column b set default upper('a' || 'b')",
        "drop column c",
        "add column if not exists b varchar",
    ]:
        assert tag(admin, f"alter table {table} {change}") == "ALTER TABLE", change
    assert admin.execute(f"from {table}").fetchall() == [
        (1, "xy", datetime.date(2020, 1, 2), True, 1000.0, -7)
    ]
    admin.execute(f"insert into {table} (n) values (5)")
    assert admin.execute(f"select b, e, g from {table} where n = 5").fetchall() == [("AB", True, -7)]
    assert refused(admin, f"insert into {table} (n, b) values (2, null)").sqlstate == "23502"
    assert tag(admin, f"alter table {table} add primary key (n)") == "ALTER TABLE"
    assert refused(admin, f"insert into {table} (n, b) values (1, 'z')").sqlstate == "23505"


def test_a_change_is_seen_in_its_transaction_first(server, admin, table) -> None:
    with clients.connect_psycopg(server, "admin") as other:
        other.execute("select 1")
        admin.execute("begin")
        admin.execute(f"alter table {table} add column b integer default 5")
        assert admin.execute(f"from {table}").fetchall() == [(1, 5)]
        assert other.execute(f"from {table}").fetchall() == [(1,)]
        admin.execute("rollback")
        assert admin.execute(f"from {table}").fetchall() == [(1,)]
        admin.execute(f"alter table {table} rename to {table.split('.')[-1]}_2")
        assert other.execute(f"from {table}_2").fetchall() == [(1,)]
        assert refused(other, f"from {table}").sqlstate == "42P01"


def test_indexes_and_comments(admin, table) -> None:
    assert tag(admin, f"create unique index ddl_i on {table} (a)") == "CREATE INDEX"
    assert tag(admin, f"create index if not exists ddl_i on {table} (a)") == "CREATE INDEX"
    assert refused(admin, f"insert into {table} values (1)").sqlstate == "23505"
    assert tag(admin, "drop index scratch.main.ddl_i") == "DROP INDEX"
    assert tag(admin, "drop index if exists scratch.main.ddl_i") == "DROP INDEX"
    assert tag(admin, f"insert into {table} values (1)") == "INSERT 0 1"
    assert tag(admin, f"comment on table {table} is 'it''s'") == "COMMENT"
    assert tag(admin, f"comment on column {table}.a is null") == "COMMENT"


def test_maintenance(server, admin, table) -> None:
    assert tag(admin, f"analyze {table}") == "ANALYZE"
    assert tag(admin, f"vacuum {table}") == "VACUUM"
    assert tag(admin, "checkpoint scratch") == "CHECKPOINT"
    assert refused(admin, "checkpoint").sqlstate == "25006"
    with clients.connect_psycopg(server, "jfk") as jfk:
        for sql in ("checkpoint scratch", "vacuum flights", "analyze flights"):
            assert refused(jfk, sql).sqlstate == "42501", sql


def test_checkpoint_waits_for_no_transaction(server, admin, table) -> None:
    """With changes of its own transaction DuckDB refuses it, and the transaction goes on as after any error."""
    admin.execute("begin")
    admin.execute(f"insert into {table} values (2)")
    error = refused(admin, "checkpoint scratch")
    assert error.sqlstate not in (None, "XX000"), error
    admin.execute("rollback")
    assert tag(admin, "checkpoint scratch") == "CHECKPOINT"


def test_through_flight(server, admin, table) -> None:
    with clients.connect_adbc(server, "admin") as connection, connection.cursor() as cursor:
        cursor.execute("create schema scratch.flight_s")
        cursor.execute("drop schema scratch.flight_s")
        cursor.execute(f"alter table {table} add column b integer default 2")
        cursor.execute(f"from {table}")
        assert cursor.fetchall() == [(1, 2)]
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("drop schema scratch.main")
            cursor.fetchall()


def test_rules_stay_with_their_tables(start_server) -> None:
    server = start_server(policy=POLICY)
    with clients.connect_psycopg(server, "admin") as admin, _as_clerk(server) as clerk:
        admin.execute("create table scratch.main.seen as select * from (values (1, 'x'), (2, 'y')) t(a, b)")
        assert clerk.execute("select a from scratch.main.seen").fetchall() == [(2,)]
        error = refused(admin, "alter table scratch.main.seen rename to other")
        assert error.sqlstate == "42501" and "policy.toml:" in error.diag.message_hint
        assert refused(admin, "alter table scratch.main.seen rename a to c").sqlstate == "42501"
        assert refused(admin, "alter table scratch.main.seen drop a").sqlstate == "42501"
        assert tag(admin, "alter table scratch.main.seen rename b to c") == "ALTER TABLE"
        # The clerk sees a part of it only: nothing about the rest may be learned.
        for sql in (
            "alter table scratch.main.seen alter a set not null",
            "alter table scratch.main.seen alter a type date",
            "alter table scratch.main.seen add primary key (a)",
            "create unique index i on scratch.main.seen (a)",
        ):
            assert refused(clerk, sql).sqlstate == "0A000", sql
        assert clerk.execute("from scratch.main.seen").fetchall() == [(2, "y")]


def test_a_schema_tells_nothing_of_what_is_hidden_in_it(start_server) -> None:
    server = start_server(policy=POLICY)
    with clients.connect_psycopg(server, "admin") as admin, _as_clerk(server) as clerk:
        assert tag(clerk, "create schema scratch.desk") == "CREATE SCHEMA"
        assert refused(clerk, "create schema scratch.other").sqlstate == "42501"
        admin.execute("create table scratch.desk.hidden as select 'secret' as s")
        error = refused(clerk, "drop schema scratch.desk")
        assert error.sqlstate == "2BP01"
        told = f"{error.diag.message_primary} {error.diag.message_detail} {error.diag.message_hint}"
        assert "hidden" not in told
        admin.execute("drop table scratch.desk.hidden")
        assert tag(clerk, "drop schema scratch.desk") == "DROP SCHEMA"


def _as_clerk(server):
    """The clerk has jfk's password."""
    return clients.connect_psycopg(server, "clerk", password="jfk")
