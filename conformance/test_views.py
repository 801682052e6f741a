"""Views: stored in DuckDB, read with the rights of who asks, or a definer's where a grant says so."""

from contextlib import closing

import psycopg
import pytest

from harness import clients, config

GRANTS = """
[[grant]]
role = "jfk_desk"
on = "scratch.main.*"
privileges = ["select", "create", "drop"]

[[principal]]
name = "clerk"
verifier = "SCRAM-SHA-256$4096:Gxw03gYPxAW8tVEPJakrEQ==$WZjEiFuQsUS+6IBscIi9pTzjWXF7CrXT7kgRL2IZ5l8=:7dIL5WuDxy4A1e/y5epnKSaWcGDjq2pHa/Rad2vLwrY="
roles = ["clerks"]

[[role]]
name = "clerks"

[[grant]]
role = "clerks"
on = "scratch.main.totals"
privileges = ["select"]
definer = "admin"

[[grant]]
role = "clerks"
on = "scratch.main.departures"
privileges = ["select"]
"""


@pytest.fixture
def views(start_server):
    server = start_server(policy=(config.DEMO / "policy.toml").read_text() + GRANTS)
    with clients.connect_psycopg(server, "admin") as admin:
        admin.execute("create view scratch.main.departures as select * from flights where dep_time is not null")
        admin.execute("create view scratch.main.totals (origin, flights, who) as "
                      "select origin, count(*), current_user from nyc.flights group by origin")
        admin.execute("create view scratch.main.late as select tailnum, count(*) as n from scratch.departures "
                      "where dep_delay > 60 group by tailnum")
    return server


def both(server, principal: str, sql: str, **login) -> list[tuple]:
    """The rows, through both doors."""
    with clients.connect_psycopg(server, principal, **login) as pg:
        rows = sorted(pg.execute(sql).fetchall())
        assert sorted(pg.execute(sql, prepare=True, binary=True).fetchall()) == rows
    password = login.get("password")
    with closing(clients.FlightSql(server.flight, principal, password)) as flight:
        assert sorted(tuple(row.values()) for row in flight.query(sql).to_pylist()) == rows
    return rows


def test_a_view_shows_what_its_reader_may_see(views) -> None:
    counted = "select count(*) as n, count(distinct origin) as o, max(tailnum) as t from scratch.main.departures"
    assert both(views, "admin", counted) == [(328521, 3, "N9EAMQ")]
    assert both(views, "jfk", counted) == [(109416, 1, "N9****")]
    assert both(views, "jfk", "select sum(n)::bigint as n from scratch.main.late") == [(8401,)]
    # A view of a view, by its names; and no view at all without rights on what it reads.
    with clients.connect_psycopg(views, "clerk", password="nobody") as clerk:
        for hidden in ("scratch.main.departures", "scratch.main.late", "flights"):
            with pytest.raises(psycopg.errors.UndefinedTable):
                clerk.execute(f"select * from {hidden}")


def test_a_definers_view_is_an_explicit_grant(views) -> None:
    rows = both(views, "clerk", "select * from scratch.main.totals", password="nobody")
    assert rows == [("EWR", 120835, "clerk"), ("JFK", 111279, "clerk"), ("LGA", 104662, "clerk")]
    with clients.connect_psycopg(views, "jfk") as jfk:
        assert jfk.execute("select * from scratch.main.totals").fetchall() == [("JFK", 111279, "jfk")]
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only an administrator"):
            jfk.execute("create or replace view scratch.main.totals as select 1 as a")


def test_a_view_of_ones_own(views) -> None:
    with clients.connect_psycopg(views, "jfk") as jfk:
        assert jfk.execute("create view scratch.main.mine as from flights").statusmessage == "CREATE VIEW"
        assert jfk.execute("select count(*) from scratch.mine").fetchall() == [(111279,)]
        with clients.connect_psycopg(views, "admin") as admin:
            assert admin.execute("select count(*) from scratch.mine").fetchall() == [(336776,)]
        with pytest.raises(psycopg.errors.WrongObjectType, match="is not a table"):
            jfk.execute("drop table scratch.main.mine")
        with pytest.raises(psycopg.errors.WrongObjectType, match="takes no rows|is a view"):
            admin_insert(views, "insert into scratch.main.mine select * from flights limit 1")
        assert jfk.execute("drop view scratch.main.mine").statusmessage == "DROP VIEW"
        with pytest.raises(psycopg.errors.UndefinedTable):
            jfk.execute("select count(*) from scratch.mine")


def admin_insert(server, sql: str) -> None:
    with clients.connect_psycopg(server, "admin") as admin:
        admin.execute(sql)


def test_a_transaction_sees_the_views_that_it_began_with(views) -> None:
    with clients.connect_psycopg(views, "jfk") as old, clients.connect_psycopg(views, "jfk") as new:
        new.execute("create table scratch.main.t as select 1 as a")
        old.execute("begin")
        # As in PostgreSQL, its first query is when it begins to see.
        assert old.execute("select a from scratch.main.t").fetchall() == [(1,)]
        new.execute("drop table scratch.main.t")
        new.execute("create view scratch.main.t as select count(*) as a from flights")
        assert old.execute("select a from scratch.main.t").fetchall() == [(1,)]
        assert new.execute("select a from scratch.main.t").fetchall() == [(111279,)]
        old.execute("commit")
        assert old.execute("select a from scratch.main.t").fetchall() == [(111279,)]
        new.execute("drop view scratch.main.t")


def test_flight_lists_a_view_as_one(views) -> None:
    with closing(clients.connect_adbc(views, "jfk")) as connection:
        objects = connection.adbc_get_objects(depth="tables", catalog_filter="scratch").read_all().to_pylist()
    tables = objects[0]["catalog_db_schemas"][0]["db_schema_tables"]
    kinds = {table["table_name"]: table["table_type"] for table in tables}
    assert kinds == {"departures": "VIEW", "late": "VIEW", "totals": "VIEW"}
