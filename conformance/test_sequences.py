"""Sequences through the clients: made, drawn from, used by DEFAULT, and hidden."""

from contextlib import closing

import adbc_driver_manager
import psycopg
import pytest

from harness import clients, config

GRANTS = """
[[grant]]
role = "jfk_desk"
on = "scratch.main.tickets"
privileges = ["select", "update"]

[[grant]]
role = "jfk_desk"
on = "scratch.main.orders"
privileges = ["select", "insert"]
"""


@pytest.fixture
def desk(start_server):
    """A server whose jfk sees the flights from JFK only, and may draw from one sequence."""
    return start_server(policy=(config.DEMO / "policy.toml").read_text() + GRANTS)


def refused(connection, sql: str, *arguments) -> str:
    with pytest.raises(psycopg.Error) as error:
        connection.execute(sql, *arguments)
    return error.value.sqlstate


def one(connection, sql: str):
    (row,) = connection.execute(sql).fetchall()
    return row


def test_a_sequence_is_made_drawn_from_and_dropped(desk) -> None:
    with clients.connect_psycopg(desk, "admin") as admin:
        made = admin.execute("create sequence scratch.main.counts start 10 increment by -2 minvalue 5 maxvalue 10 cycle")
        assert made.statusmessage == "CREATE SEQUENCE"
        for expected in (10, 8, 6, 10):
            assert one(admin, "select nextval('scratch.main.counts')") == (expected,)
        assert one(admin, "select currval('scratch.counts') as c, currval('scratch.public.\"counts\"') as d") == (10, 10)
        assert refused(admin, "create sequence scratch.main.counts") == "42P07"
        assert admin.execute("create sequence if not exists scratch.main.counts").statusmessage == "CREATE SEQUENCE"
        admin.execute("create or replace sequence scratch.main.counts maxvalue 2")
        drawn = admin.execute("select nextval('scratch.main.counts') from range(2) order by 1").fetchall()
        assert drawn == [(1,), (2,)]
        assert refused(admin, "select nextval('scratch.main.counts')") == "22000"
        assert refused(admin, "create sequence scratch.main.bad increment 0") == "42601"
        assert refused(admin, "create temp sequence t") == "0A000"
        assert refused(admin, "create sequence nyc.main.counts") == "25006"
        dropped = admin.execute("drop sequence scratch.main.counts")
        assert dropped.statusmessage == "DROP SEQUENCE"
        assert refused(admin, "select nextval('scratch.main.counts')") == "42P01"
        assert refused(admin, "drop sequence scratch.main.counts") == "42P01"
        admin.execute("drop sequence if exists scratch.main.counts")


def test_a_default_draws(desk) -> None:
    with clients.connect_psycopg(desk, "admin") as admin, clients.connect_psycopg(desk, "jfk") as jfk:
        admin.execute("create sequence scratch.main.numbers")
        admin.execute("create table scratch.main.orders (id integer default nextval('scratch.main.numbers') primary key, what text)")
        # The sequence is hidden from jfk, who may insert: a DEFAULT is the table's own.
        jfk.execute("insert into scratch.main.orders (what) values ('a'), ('b')")
        returned = jfk.execute("insert into scratch.main.orders (what) values ('c') returning id")
        assert returned.fetchall() == [(3,)]
        assert refused(jfk, "select nextval('scratch.main.numbers')") == "42P01"
        assert refused(jfk, "insert into scratch.main.orders values (nextval('scratch.main.numbers'), 'd')") == "42P01"
        admin.execute("insert into scratch.main.orders values (nextval('scratch.main.numbers'), 'd')")
        admin.execute("insert into scratch.main.orders select nextval('scratch.main.numbers'), upper(x) from (values ('e')) v(x)")
        rows = admin.execute("select id, what from scratch.main.orders order by id").fetchall()
        assert rows == [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "E")]
        for dropped in ("drop sequence scratch.main.numbers", "create or replace sequence scratch.main.numbers"):
            with pytest.raises(psycopg.Error) as error:
                admin.execute(dropped)
            assert error.value.sqlstate == "2BP01" and "orders" not in str(error.value)
        admin.execute("create table scratch.main.later (id bigint, what text)")
        admin.execute("alter table scratch.main.later alter id set default nextval('scratch.main.numbers')")
        admin.execute("insert into scratch.main.later (what) values ('f')")
        assert one(admin, "select * from scratch.main.later") == (6, "f")
        admin.execute("update scratch.main.later set id = nextval('scratch.main.numbers') where what = 'f'")
        assert one(admin, "select * from scratch.main.later") == (7, "f")


def test_what_is_hidden_does_not_exist(desk) -> None:
    with clients.connect_psycopg(desk, "admin") as admin, clients.connect_psycopg(desk, "jfk") as jfk:
        for name in ("tickets", "hidden"):
            admin.execute(f"create sequence scratch.main.{name}")
        assert one(jfk, "select nextval('scratch.main.tickets')") == (1,)
        assert one(jfk, "select currval('scratch.main.tickets')") == (1,)
        messages = set()
        for name in ("hidden", "nowhere"):
            with pytest.raises(psycopg.errors.UndefinedTable) as error:
                jfk.execute(f"select nextval('scratch.main.{name}')")
            messages.add(str(error.value).replace(name, "…"))
            assert refused(jfk, f"drop sequence scratch.main.{name}") == "42P01"
        assert len(messages) == 1
        assert refused(jfk, "drop sequence scratch.main.tickets") == "42501"
        for sql in (
            "select nextval('scratch.main.tickets') from flights",
            "select nextval('scratch.main.tickets') from flights limit 1",
            "select (select nextval('scratch.main.tickets')), count(*) from flights",
            "create view scratch.main.v as select nextval('scratch.main.tickets') as n",
            "select nextval('scratch.main.' || 'tickets')",
            "explain select nextval('scratch.main.tickets')",
        ):
            assert refused(jfk, sql) in {"0A000", "42501"}, sql
        assert refused(jfk, "select nextval(%s)", ("scratch.main.tickets",)) == "0A000"
        jfk.execute("prepare p (bigint) as select $1")
        assert refused(jfk, "execute p (nextval('scratch.main.tickets'))") == "0A000"
        jfk.execute("prepare q as select nextval('scratch.main.tickets')")
        assert [one(jfk, "execute q") for _ in range(3)] == [(2,), (3,), (4,)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            jfk.execute("prepare r as select nextval('scratch.main.hidden')")


def test_a_query_that_draws_is_no_read(desk) -> None:
    with clients.connect_psycopg(desk, "admin") as admin:
        admin.execute("create sequence scratch.main.drawn")
        admin.execute("begin read only")
        assert refused(admin, "select nextval('scratch.main.drawn')") == "25006"
        admin.execute("rollback")
        admin.execute("set default_transaction_read_only = on")
        assert refused(admin, "select nextval('scratch.main.drawn')") == "25006"
        admin.execute("set default_transaction_read_only = off")
        admin.execute("begin")
        assert one(admin, "select nextval('scratch.main.drawn')") == (1,)
        admin.execute("create temp table kept as select currval('scratch.main.drawn') as n")
        admin.execute("commit")
        assert one(admin, "select n from kept") == (1,)
        with admin.cursor(binary=True) as cursor:
            for expected in range(2, 12):
                cursor.execute("select nextval('scratch.main.drawn') + %s", (0,), prepare=True)
                assert cursor.fetchall() == [(expected,)]


def test_other_clients_draw_too(desk) -> None:
    made = clients.psql(desk, "admin", "--tuples-only", "--no-align", stdin="""
        create sequence scratch.main.shared;
        select nextval('scratch.main.shared');
        select nextval('scratch.public.shared');
        select nextval('scratch.shared');
    """)
    assert made.stdout.split("\n")[:4] == ["CREATE SEQUENCE", "1", "2", "3"], made.stderr
    with closing(clients.connect_adbc(desk, "admin")) as admin, closing(admin.cursor()) as cursor:
        cursor.execute("select nextval('scratch.main.shared') as n")
        assert cursor.fetchall() == [(4,)]
        cursor.execute("create sequence scratch.main.flight")
        cursor.execute("create table scratch.main.numbered (id bigint default nextval('scratch.main.flight'), what text)")
        cursor.execute("insert into scratch.main.numbered (what) values ('x')")
        cursor.execute("select * from scratch.main.numbered")
        assert cursor.fetchall() == [(1, "x")]
    with closing(clients.connect_adbc(desk, "jfk")) as jfk, closing(jfk.cursor()) as cursor:
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("select nextval('scratch.main.shared')")
