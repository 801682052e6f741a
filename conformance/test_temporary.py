"""Temporary tables and views, and the schemas that PostgreSQL's clients name, through the clients."""

from contextlib import closing

import psycopg
import pytest

from harness import clients, config
from test_reload import Policy

GRANTS = """
[[grant]]
role = "jfk_desk"
on = "scratch.main.*"
privileges = ["select", "insert", "create", "drop"]
"""


@pytest.fixture
def desk(start_server):
    """A server whose jfk sees the flights from JFK only, and may write scratch."""
    return start_server(policy=(config.DEMO / "policy.toml").read_text() + GRANTS)


def test_a_temporary_table_has_what_its_maker_may_see(desk) -> None:
    with clients.connect_psycopg(desk, "jfk") as jfk, clients.connect_psycopg(desk, "admin") as admin:
        for connection, origins in ((jfk, [("JFK",)]), (admin, [("EWR",), ("JFK",), ("LGA",)])):
            made = connection.execute("create temp table seen as select origin, tailnum from flights")
            assert made.statusmessage.startswith("SELECT ")
            assert connection.execute("select distinct origin from seen order by 1").fetchall() == origins
            connection.execute("update seen set tailnum = origin where tailnum is null")
            assert connection.execute("select count(*) from seen where tailnum is null").fetchone() == (0,)
            deleted = connection.execute("delete from seen where origin = 'JFK' returning origin")
            assert deleted.rowcount > 0 and set(deleted.fetchall()) == {("JFK",)}
        with pytest.raises(psycopg.errors.UndefinedTable):
            with clients.connect_psycopg(desk, "jfk") as other:
                other.execute("select * from seen")


def test_a_name_of_one_part_means_the_temporary_table_first(desk) -> None:
    with clients.connect_psycopg(desk, "jfk") as jfk:
        jfk.execute("create temp table flights (origin text)")
        jfk.execute("insert into flights values ('EWR')")
        assert jfk.execute("select * from flights").fetchall() == [("EWR",)]
        assert jfk.execute("select flights.origin from temp.flights").fetchall() == [("EWR",)]
        assert jfk.execute("select * from pg_temp.flights").fetchall() == [("EWR",)]
        assert jfk.execute("select distinct origin from nyc.main.flights").fetchall() == [("JFK",)]
        with pytest.raises(psycopg.errors.AmbiguousColumn):
            jfk.execute("select * from main.flights")
        jfk.execute("drop table flights")
        assert jfk.execute("select distinct origin from flights").fetchall() == [("JFK",)]
        assert jfk.execute("select distinct origin from public.flights").fetchall() == [("JFK",)]


def test_a_temporary_table_captures_no_name_of_the_policys(desk) -> None:
    """What a policy or a stored view reads is stored, whatever the session calls its own."""
    with clients.connect_psycopg(desk, "admin") as admin:
        admin.execute("create view scratch.main.routes as select distinct origin, dest from flights")
    with clients.connect_psycopg(desk, "jfk") as jfk:
        expected = jfk.execute("select * from scratch.main.routes order by all").fetchall()
        jfk.execute("create temp table flights as select 'EWR' as origin, 'XXX' as dest")
        jfk.execute("create temp view routes as select 'LGA' as origin, 'YYY' as dest")
        assert jfk.execute("select * from scratch.main.routes order by all").fetchall() == expected
        assert jfk.execute("select * from routes").fetchall() == [("LGA", "YYY")]
        assert jfk.execute("select count(*) from nyc.flights where origin <> 'JFK'").fetchone() == (0,)
        for refused in (
            "create view scratch.main.mine as select * from flights",
            "create view scratch.main.mine as select * from (select * from routes)",
        ):
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                jfk.execute(refused)


def test_a_temporary_view_is_read_with_the_rights_of_its_session(desk) -> None:
    with clients.connect_psycopg(desk, "jfk") as jfk:
        jfk.execute("create temp table wanted as select 'EWR' as origin union all select 'JFK'")
        jfk.execute("create temp view counted as select origin, count(f.origin) as n from wanted w left join "
                    "nyc.main.flights f using (origin) group by origin")
        own = jfk.execute("select count(*) from flights").fetchone()[0]
        assert jfk.execute("select * from counted order by 1").fetchall() == [("EWR", 0), ("JFK", own)]
        jfk.execute("create or replace temp view counted as select 1 as one")
        assert jfk.execute("select * from counted").fetchall() == [(1,)]
        jfk.execute("drop view counted")
        with pytest.raises(psycopg.errors.UndefinedTable):
            jfk.execute("select * from counted")


def test_a_view_over_what_hidden_columns_and_mapping_tables_decide(start_server) -> None:
    rules = """
[[grant]]
role = "jfk_desk"
on = "nyc.main.planes"
privileges = ["select"]
columns = ["tailnum", "seats"]
rows = "manufacturer = 'CESSNA' and tailnum in (select tailnum from nyc.main.flights where origin = 'JFK')"
"""
    policy = (config.DEMO / "policy.toml").read_text() + rules
    server = start_server(policy='mapping = ["nyc.main.flights"]\n' + policy)
    with clients.connect_psycopg(server, "jfk") as jfk:
        jfk.execute("create temp view small as select * from planes")
        own = jfk.execute("select * from planes order by all").fetchall()
        assert own and jfk.execute("select * from small order by all").fetchall() == own


def test_a_view_that_can_not_be_read_keeps_its_name(start_server, tmp_path) -> None:
    """Neither a table that is dropped nor a policy that is changed makes the name a stored relation's."""
    server = start_server(policy=(config.DEMO / "policy.toml").read_text() + GRANTS)
    policy = Policy(server, tmp_path / "server0" / "policy.toml")
    with clients.connect_psycopg(server, "jfk", dbname="scratch") as jfk:
        for name in ("kept", "taken"):
            jfk.execute(f"create table {name} (a int)")
        jfk.execute("create temp table below (a int)")
        jfk.execute("create temp view kept as select * from below")
        jfk.execute("create temp view taken as select alt from nyc.main.airports")
        jfk.execute("drop table below")
        policy.becomes(policy.text + "\n[[deny]]\non = 'nyc.main.airports'\n")
        for name in ("kept", "taken"):
            for sql in (f"select * from {name}", f"insert into {name} values (1)", f"delete from {name}"):
                with pytest.raises(psycopg.errors.UndefinedTable, match="can't be used"):
                    jfk.execute(sql)
            assert jfk.execute(f"select count(*) from scratch.main.{name}").fetchone() == (0,)
            jfk.execute("show all tables")
            jfk.execute(f"drop view {name}")
            jfk.execute(f"insert into {name} values (2)")
            assert jfk.execute(f"select * from {name}").fetchall() == [(2,)]


def test_dbt_writes_by_way_of_a_temporary_table_in_one_transaction(desk) -> None:
    """The statements of an incremental model with the strategy delete+insert."""
    with clients.connect_psycopg(desk, "admin", dbname="scratch") as admin:
        admin.execute("create table model as select 1 as id, 'old' as v union all select 2, 'old'")
        with admin.transaction():
            admin.execute('create temporary table "model__dbt_tmp" as (select 2 as id, \'new\' as v union all select 3, \'new\')')
            admin.execute('delete from "scratch"."main"."model" as DBT_INCREMENTAL_TARGET using "model__dbt_tmp" '
                          "where \"model__dbt_tmp\".id = DBT_INCREMENTAL_TARGET.id")
            admin.execute('insert into "scratch"."main"."model" (id, v) (select id, v from "model__dbt_tmp")')
        assert admin.execute("select * from model order by id").fetchall() == [(1, "old"), (2, "new"), (3, "new")]
        with pytest.raises(ZeroDivisionError), admin.transaction():
            admin.execute("create temp table undone as select 1 as a")
            admin.execute("drop table model__dbt_tmp")
            raise ZeroDivisionError
        assert admin.execute("select count(*) from model__dbt_tmp").fetchone() == (2,)
        with pytest.raises(psycopg.errors.UndefinedTable):
            admin.execute("select * from undone")


def test_a_read_only_session_may_write_what_is_temporary(desk) -> None:
    with clients.connect_psycopg(desk, "admin") as admin:
        admin.execute("set default_transaction_read_only = on")
        admin.execute("create temp table t as select 1 as a")
        with admin.transaction():
            admin.execute("insert into t values (2)")
        assert admin.execute("select sum(a) from t").fetchone() == (3,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            admin.execute("create table scratch.main.t as select * from t")


def test_discard_drops_what_is_temporary(desk) -> None:
    for discard in ("discard temp", "discard temporary", "discard all"):
        with clients.connect_psycopg(desk, "jfk") as jfk:
            jfk.execute("create temp table t as select 1 as a")
            jfk.execute(discard)
            with pytest.raises(psycopg.errors.UndefinedTable):
                jfk.execute("select * from t")
            jfk.execute("create temp table t as select 2 as a")
            assert jfk.execute("select * from t").fetchall() == [(2,)]


def test_psql_makes_and_shows_them(desk) -> None:
    script = """create temp table if not exists t (a int primary key, b text default 'x') on commit preserve rows;
        create temp table if not exists t (other int);
        insert into t (a) values (1), (2);
        insert into t (a) values (2) on conflict (a) do update set b = 'y';
        alter table t add column c int;
        select * from t order by a;
        show tables;
        describe t;
    """
    ran = clients.psql(desk, "jfk", "-qAt", stdin=script)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[:2] == [f"1|x|{clients.NULL}", f"2|y|{clients.NULL}"]
    assert "t" in lines[2:]
    assert any(line.startswith("c|INTEGER") for line in lines)


def test_adbc_makes_and_lists_them(desk) -> None:
    with closing(clients.connect_adbc(desk, "jfk")) as adbc, adbc.cursor() as cursor:
        cursor.execute("create temp table t as select origin from flights limit 3")
        cursor.execute("select distinct origin from t")
        assert cursor.fetchall() == [("JFK",)]
        listed = adbc.adbc_get_objects(depth="tables", catalog_filter="temp").read_all().to_pylist()
        tables = [t for c in listed for s in c["catalog_db_schemas"] for t in s["db_schema_tables"]]
        assert [(t["table_name"], t["table_type"]) for t in tables] == [("t", "LOCAL TEMPORARY")]
        with closing(clients.connect_adbc(desk, "jfk")) as other, other.cursor() as cursor_of_other:
            with pytest.raises(Exception, match="does not exist"):
                cursor_of_other.execute("select * from t")


def test_wrong_forms_are_refused_with_a_reason(desk) -> None:
    with clients.connect_psycopg(desk, "jfk") as jfk:
        for sql, error in (
            ("create temp table scratch.main.t (a int)", psycopg.errors.InvalidParameterValue),
            ("create temp table t (a int) on commit drop", psycopg.errors.FeatureNotSupported),
            ("create temp table t (a int) on commit delete rows", psycopg.errors.FeatureNotSupported),
            ("create temp table __eider_t (a int)", psycopg.errors.InvalidParameterValue),
            ("create unlogged table t (a int)", psycopg.errors.FeatureNotSupported),
            ("create schema temp.s", psycopg.Error),
            ("create temp table t as select $1", psycopg.Error),
        ):
            with pytest.raises(error):
                jfk.execute(sql)
        assert jfk.execute("select 1").fetchone() == (1,)
