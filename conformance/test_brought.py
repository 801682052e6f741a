"""Databases that bring names and views of their own, and principals who may make things beside them."""

from contextlib import closing

import duckdb
import psycopg
import pytest

from harness import clients, config
from harness.server import Server

BROUGHT = """
create table owned (__eider_rid bigint, owner varchar, v varchar);
insert into owned values (0, 'bob', 'hidden'), (1, 'bob', 'hidden');
create table half (id integer, sec integer not null default 7);
create table t (id integer, owner varchar, s varchar);
insert into t values (1, 'jfk', 'mine'), (2, 'bob', 'hidden'), (3, 'alice', 'hers');
create schema sand;
create table sand.w (id integer, owner varchar);
create view told as select * from t;
create view through as select * from sand.w;
"""

POLICY = """
[[role]]
name = "desk"

[[grant]]
role = "desk"
on = "scratch.main.owned"
privileges = ["select", "insert", "update", "delete"]
rows = "owner = current_user"

[[grant]]
role = "desk"
on = "scratch.main.half"
privileges = ["insert"]
columns = ["id"]

[[grant]]
role = "desk"
on = "scratch.main.*"
privileges = ["select"]

[[deny]]
on = "scratch.main.half"
privileges = ["select"]
to = ["desk"]

[[restrict]]
on = "scratch.main.t"
rows = "owner = current_user"
to = ["desk"]

[[grant]]
role = "desk"
on = "scratch.main.told"
privileges = ["select"]
definer = "admin"
columns = ["id"]
rows = "owner = 'alice'"

[[grant]]
role = "desk"
on = "scratch.main.through"
privileges = ["select"]
definer = "admin"

[[grant]]
role = "desk"
on = "scratch.sand.*"
privileges = ["select", "insert", "update", "create", "alter", "drop"]
"""


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("brought")
    with duckdb.connect(str(folder / "scratch.duckdb")) as database:
        database.execute(BROUGHT)
    demo = (config.DEMO / "policy.toml").read_text()
    policy = demo.replace('roles = ["jfk_desk"]', 'roles = ["jfk_desk", "desk"]') + POLICY
    server = Server.start(config.write(folder, policy=policy), folder)
    yield server
    server.stop()


@pytest.fixture
def jfk(brought):
    with clients.connect_psycopg(brought, "jfk", dbname="scratch") as connection:
        yield connection


def test_a_column_named_as_policy_names_rows_hides_its_table(jfk) -> None:
    for sql in (
        "select * from owned",
        "insert into owned values (0, 'jfk', 'a')",
        "update owned set owner = 'jfk'",
        "delete from owned",
        "merge into owned using (select 1 as a) s on true when matched then delete",
    ):
        with pytest.raises(psycopg.errors.UndefinedTable):
            jfk.execute(sql)
    for sql in (
        "create table sand.x (__eider_rid bigint, owner varchar)",
        "create table sand.x as select 0 as __eider_rid, 'jfk' as owner",
        "create temp table x as select 0 as \"__EIDER_RID\"",
        "alter table sand.w add column __eider_rid bigint",
        "alter table sand.w rename column id to __eider_rid",
        "create view sand.x as select 0 as __eider_rid",
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="reserved"):
            jfk.execute(sql)


def test_no_grant_borrows_a_definers_rights(jfk) -> None:
    assert jfk.execute("select * from told").fetchall() == [(3,)]
    assert jfk.execute("select * from t").fetchall() == [(1, "jfk", "mine")]


def test_nobody_slips_a_view_under_a_definers(jfk) -> None:
    jfk.execute("insert into sand.w values (5, 'jfk')")
    assert jfk.execute("select * from through").fetchall() == [(5, "jfk")]
    jfk.execute("drop table sand.w")
    for sql in ("create view sand.w as select id, s as owner from t", "create or replace view sand.w as select id, s as owner from t"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="definer"):
            jfk.execute(sql)
    with pytest.raises(psycopg.errors.UndefinedTable):
        jfk.execute("select * from through")
    jfk.execute("create table sand.w as select id, s as owner from t")
    assert jfk.execute("select * from through").fetchall() == [(1, "mine")]


def test_of_what_is_only_written_the_other_columns_do_not_exist(brought, jfk) -> None:
    for column in ("sec", "nope"):
        with pytest.raises(psycopg.errors.UndefinedColumn, match=f'column "{column}" of'):
            jfk.execute(f"insert into half ({column}) values (1)")
    assert jfk.execute("insert into half values (1)").statusmessage == "INSERT 0 1"
    with closing(clients.connect_adbc(brought, "jfk")) as adbc:
        listed = adbc.adbc_get_objects(depth="columns", catalog_filter="scratch", table_name_filter="half").read_all().to_pylist()
        tables = [t for c in listed for s in c["catalog_db_schemas"] for t in s["db_schema_tables"]]
        assert [[c["column_name"] for c in t["table_columns"]] for t in tables] == [["id"]]
    with clients.connect_psycopg(brought, "admin", dbname="scratch") as admin:
        assert admin.execute("select * from half").fetchall() == [(1, 7)]
