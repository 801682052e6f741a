"""UPDATE, DELETE, TRUNCATE and RETURNING through both doors, on tables that are seen whole and in part."""

import adbc_driver_manager
import psycopg
import pytest

from harness import clients, config
from harness.server import Server

POLICY = """
[[role]]
name = "desk"

[[grant]]
role = "desk"
on = "scratch.main.trips"
privileges = ["select", "insert", "update", "delete"]
columns = ["id", "origin", "tail", "delay"]
rows = "origin = 'JFK'"

[[grant]]
role = "desk"
on = "scratch.main.keyed"
privileges = ["select", "insert", "update", "delete"]
rows = "id < 10"

[[mask]]
on = "scratch.main.trips.tail"
expr = "left(tail, 2) || '****'"
to = ["desk"]
"""


@pytest.fixture(scope="module")
def desk_server(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("dml")
    # A policy may name only what is there.
    server = Server.start(config.write(folder), folder)
    with clients.connect_psycopg(server, "admin") as admin:
        admin.execute("create table scratch.main.trips (id integer, origin varchar default 'JFK', tail varchar, delay integer, owner varchar)")
        admin.execute("create table scratch.main.keyed (id integer primary key, a integer)")
    server.stop()
    (folder / "addresses.json").unlink()
    demo = (config.DEMO / "policy.toml").read_text()
    policy = demo.replace('roles = ["jfk_desk"]', 'roles = ["jfk_desk", "desk"]') + POLICY
    server = Server.start(config.write(folder, policy=policy), folder)
    yield server
    server.stop()


@pytest.fixture
def admin(desk_server):
    with clients.connect_psycopg(desk_server, "admin") as connection:
        connection.execute("truncate scratch.main.trips")
        connection.execute("truncate scratch.main.keyed")
        connection.execute(
            "insert into scratch.main.trips select i, case when i % 2 = 0 then 'JFK' else 'LGA' end, 'N' || i || 'X', i * 10, 'me' "
            "from range(1, 11) r(i)"
        )
        connection.execute("insert into scratch.main.keyed select i, i from range(20) r(i)")
        yield connection


@pytest.fixture
def desk(desk_server, admin):
    with clients.connect_psycopg(desk_server, "jfk") as connection:
        yield connection


def tag(connection, sql: str, *values) -> str:
    return connection.execute(sql, *values).statusmessage


def test_update_and_delete_of_a_whole_table(admin) -> None:
    assert tag(admin, "update scratch.main.trips set delay = delay + 1 where origin = 'JFK'") == "UPDATE 5"
    assert admin.execute("select sum(delay) as s from scratch.main.trips").fetchall() == [(555,)]
    assert tag(admin, "update scratch.main.trips t set tail = a.name from airlines a where a.carrier = 'AA' and t.id = 1") == "UPDATE 1"
    assert admin.execute("select tail from scratch.main.trips where id = 1").fetchall() == [("American Airlines Inc.",)]
    assert tag(admin, "delete from scratch.main.trips using airlines where id = 2 and carrier = 'AA'") == "DELETE 1"
    assert tag(admin, "delete from scratch.main.trips where id > 8") == "DELETE 2"
    assert tag(admin, "delete from scratch.main.trips") == "DELETE 7"
    assert tag(admin, "truncate table scratch.main.keyed") == "TRUNCATE TABLE"
    assert admin.execute("select count(*) as n from scratch.main.keyed").fetchall() == [(0,)]


def test_only_visible_rows_are_written(admin, desk) -> None:
    assert tag(desk, "update scratch.main.trips set delay = 0") == "UPDATE 5"
    assert admin.execute("select sum(delay) as s from scratch.main.trips").fetchall() == [(250,)]
    assert tag(desk, "delete from scratch.main.trips where id < 5") == "DELETE 2"
    assert admin.execute("select count(*) as n from scratch.main.trips where origin = 'LGA'").fetchall() == [(5,)]
    assert tag(desk, "delete from scratch.main.trips") == "DELETE 3"
    assert admin.execute("select count(*) as n from scratch.main.trips").fetchall() == [(5,)]
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        desk.execute("truncate scratch.main.trips")


def test_expressions_read_what_is_seen(admin, desk) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.execute("update scratch.main.trips set tail = 'x'")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        desk.execute("update scratch.main.trips set owner = 'x'")
    assert tag(desk, "update scratch.main.trips set delay = length(tail) where tail like 'N%'") == "UPDATE 5"
    assert admin.execute("select distinct delay from scratch.main.trips where origin = 'JFK'").fetchall() == [(6,)]
    assert tag(desk, "update scratch.main.trips set delay = 1 where tail = 'N2X'") == "UPDATE 0"


@pytest.mark.parametrize(
    "sql",
    [
        "update scratch.main.trips set origin = 'LGA' where id = 2",
        "update scratch.main.trips set origin = null",
        "insert into scratch.main.trips (id, origin) values (50, 'JFK'), (51, 'LGA')",
        "insert into scratch.main.trips (id, tail) values (50, 'N1')",
        "insert into scratch.main.keyed values (5, 5)",
        "insert into scratch.main.keyed values (15, 5)",
        "update scratch.main.keyed set id = 15 where id = 1",
    ],
)
def test_what_would_be_hidden_or_tell_is_refused(admin, desk, sql) -> None:
    everything = "select * from scratch.main.trips order by all", "select * from scratch.main.keyed order by all"
    before = [admin.execute(q).fetchall() for q in everything]
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        desk.execute(sql)
    assert "LGA" not in str(refused.value)
    desk.execute("begin")
    desk.execute("delete from scratch.main.trips where id = 4")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.execute(sql)
    assert tag(desk, "commit") == "ROLLBACK"
    assert [admin.execute(q).fetchall() for q in everything] == before


def test_insert_into_what_is_seen_in_part(admin, desk) -> None:
    assert tag(desk, "insert into scratch.main.trips (id, delay) values (50, 1), (51, 2)") == "INSERT 0 2"
    assert admin.execute("select * from scratch.main.trips where id = 50").fetchall() == [(50, "JFK", None, 1, None)]
    assert tag(desk, "insert into scratch.main.trips by name select 7 as delay, 60 as id") == "INSERT 0 1"
    assert desk.execute("select id, delay from scratch.main.trips where id > 50 order by id").fetchall() == [(51, 2), (60, 7)]


def test_returning(admin, desk) -> None:
    cursor = desk.execute("update scratch.main.trips set delay = delay / 10 where id < 5 returning id, tail, delay * 2 as twice")
    assert [c.name for c in cursor.description] == ["id", "tail", "twice"]
    assert sorted(cursor.fetchall()) == [(2, "N2****", 4), (4, "N4****", 8)]
    assert cursor.statusmessage == "UPDATE 2"
    cursor = desk.execute("insert into scratch.main.trips (id) values (70) returning *")
    assert [c.name for c in cursor.description] == ["id", "origin", "tail", "delay"]
    assert cursor.fetchall() == [(70, "JFK", None, None)]
    assert cursor.statusmessage == "INSERT 0 1"
    cursor = desk.execute("delete from scratch.main.trips where id > 5 returning id")
    assert sorted(cursor.fetchall()) == [(6,), (8,), (10,), (70,)]
    assert cursor.statusmessage == "DELETE 4"
    with pytest.raises(psycopg.errors.UndefinedColumn):
        desk.execute("delete from scratch.main.trips returning owner")
    assert desk.execute("delete from scratch.main.trips where id > 500 returning id").fetchall() == []


def test_parameters(admin, desk) -> None:
    for binary in (False, True):
        cursor = desk.execute(
            "update scratch.main.trips set delay = %s where id = %s and origin = %s returning delay + 1 as d", (7, 2, "JFK"), binary=binary
        )
        assert cursor.fetchall() == [(8,)]
    assert tag(desk, "delete from scratch.main.trips where id = any(select %s::integer)", (4,)) == "DELETE 1"
    assert tag(desk, "insert into scratch.main.trips (id, delay) values (%s, %s)", (90, None)) == "INSERT 0 1"


def test_on_conflict(admin, desk) -> None:
    upsert = "insert into scratch.main.keyed values (%s, %s) on conflict (id) do update set a = excluded.a + keyed.a"
    assert tag(admin, upsert, (3, 100)) == "INSERT 0 1"
    assert tag(admin, upsert + " where keyed.a > 1000", (3, 100)) == "INSERT 0 0"
    assert tag(admin, "insert into scratch.main.keyed values (3, 0), (77, 7) on conflict do nothing") == "INSERT 0 1"
    assert admin.execute("select * from scratch.main.keyed where id in (3, 77) order by id").fetchall() == [(3, 103), (77, 7)]
    # The desk does not see all keys.
    for sql in ("insert into scratch.main.keyed values (15, 0) on conflict do nothing", "insert into scratch.main.trips (id) values (1) on conflict do nothing"):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
            desk.execute(sql)


def test_in_transactions(desk_server, admin, desk) -> None:
    desk.execute("begin")
    assert tag(desk, "update scratch.main.trips set delay = -1") == "UPDATE 5"
    assert tag(desk, "insert into scratch.main.trips (id) values (80)") == "INSERT 0 1"
    # Rows of the transaction's own can be changed again.
    assert desk.execute("update scratch.main.trips set delay = 3 where id = 80 returning id, delay").fetchall() == [(80, 3)]
    assert tag(desk, "delete from scratch.main.trips where delay = -1") == "DELETE 5"
    assert admin.execute("select count(*) as n from scratch.main.trips").fetchall() == [(10,)]
    desk.execute("commit")
    assert desk.execute("select id from scratch.main.trips").fetchall() == [(80,)]
    desk.execute("begin read only")
    for sql in ("update scratch.main.trips set delay = 1", "delete from scratch.main.trips returning id", "insert into scratch.main.trips default values"):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            desk.execute(sql)
        desk.execute("rollback")
        desk.execute("begin read only")
    desk.execute("rollback")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        admin.execute("delete from airlines")


def test_several_statements_are_one_transaction(admin, desk) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.execute("delete from scratch.main.trips where id = 2; update scratch.main.trips set origin = 'LGA'")
    assert admin.execute("select count(*) as n from scratch.main.trips").fetchall() == [(10,)]


def test_errors_of_data_are_told_of_visible_rows_only(desk) -> None:
    with pytest.raises(psycopg.Error) as failed:
        desk.execute("update scratch.main.trips set delay = tail::integer")
    assert "N2" not in str(failed.value) and failed.value.sqlstate == "22P02"


def test_through_flight(desk_server, admin) -> None:
    with clients.connect_adbc(desk_server, "jfk") as connection, connection.cursor() as cursor:
        cursor.execute("update scratch.main.trips set delay = delay + 1")
        assert cursor.rowcount == 5
        cursor.execute("update scratch.main.trips set delay = 0 where id = 2 returning id, tail")
        assert cursor.fetchall() == [(2, "N2****")]
        cursor.execute("delete from scratch.main.trips where id = ?", (4,))
        assert cursor.rowcount in (1, -1)
        cursor.executemany("update scratch.main.trips set delay = ? where id = ?", [(71, 6), (72, 8)])
        cursor.execute("select id, delay from scratch.main.trips order by id")
        assert cursor.fetchall() == [(2, 0), (6, 71), (8, 72), (10, 101)]
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("update scratch.main.trips set origin = 'LGA'")
    assert admin.execute("select count(*) as n from scratch.main.trips").fetchall() == [(9,)]


def test_without_the_right(desk_server, admin) -> None:
    with clients.connect_psycopg(desk_server, "nobody") as nobody:
        for sql in ("update scratch.main.trips set delay = 1", "delete from scratch.main.trips", "truncate scratch.main.trips"):
            with pytest.raises(psycopg.errors.UndefinedTable):
                nobody.execute(sql)
    with clients.connect_psycopg(desk_server, "jfk") as jfk, pytest.raises(psycopg.errors.InsufficientPrivilege):
        jfk.execute("delete from airlines")


# As dbt writes it on DuckDB.
MERGE = """
merge into scratch.main.trips as DBT_INTERNAL_DEST
using (select 2 as id, 'JFK' as origin, 77 as delay union all select 3, 'JFK', 88) as DBT_INTERNAL_SOURCE
on (DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id)
when matched then update set "delay" = DBT_INTERNAL_SOURCE."delay"
when not matched then insert ("id", "origin", "delay")
values (DBT_INTERNAL_SOURCE."id", DBT_INTERNAL_SOURCE."origin", DBT_INTERNAL_SOURCE."delay")
"""


def test_merge_of_a_whole_table(admin) -> None:
    source = "(values (3, 30), (50, 500)) s(id, a)"
    assert tag(admin, f"merge into scratch.main.keyed using {source} using (id) when matched then update by name when not matched then insert by name") == "MERGE 2"
    assert admin.execute("select * from scratch.main.keyed where id in (3, 50) order by id").fetchall() == [(3, 30), (50, 500)]
    assert tag(admin, f"merge into scratch.main.keyed t using {source} on s.id = t.id when not matched by source and t.id > 9 then delete") == "MERGE 10"
    assert tag(admin, f"merge into scratch.main.keyed t using {source} on s.id = t.id when matched and s.a > 1000 then delete") == "MERGE 0"
    cursor = admin.execute(
        f"merge into scratch.main.keyed t using {source} on s.id = t.id when matched and t.id = 3 then delete "
        "when matched then update set a = %s returning merge_action, *", (1,)
    )
    assert [c.name for c in cursor.description] == ["merge_action", "id", "a"]
    assert sorted(cursor.fetchall()) == [("DELETE", 3, 30), ("UPDATE", 50, 1)]
    assert cursor.statusmessage == "MERGE 2"
    with pytest.raises(psycopg.errors.RaiseException, match="no such row: 3"):
        admin.execute(f"merge into scratch.main.keyed t using {source} on s.id = t.id when matched then delete when not matched then error 'no such row: ' || s.id; select 1 / 0")


def test_merge_into_what_is_seen_in_part(admin, desk) -> None:
    # The desk does not see the row 3.
    assert tag(desk, MERGE) == "MERGE 2"
    assert desk.execute("select id, tail, delay from scratch.main.trips where id < 4 order by id").fetchall() == [(2, "N2****", 77), (3, None, 88)]
    assert admin.execute("select id, origin, delay from scratch.main.trips where id = 3 order by origin").fetchall() == [(3, "JFK", 88), (3, "LGA", 30)]
    assert tag(desk, MERGE) == "MERGE 2"
    gone = "merge into scratch.main.trips t using (values (2)) s(id) using (id) when not matched by source then delete returning id, tail, merge_action"
    assert sorted(desk.execute(gone).fetchall(), key=str) == [(10, "N1****", "DELETE"), (3, None, "DELETE"), (4, "N4****", "DELETE"), (6, "N6****", "DELETE"), (8, "N8****", "DELETE")]
    assert admin.execute("select count(*) as n from scratch.main.trips where origin = 'LGA'").fetchall() == [(5,)]


@pytest.mark.parametrize(
    "sql",
    [
        "merge into scratch.main.trips t using (values (2)) s(id) using (id) when matched then update set origin = 'LGA'",
        "merge into scratch.main.trips t using (values (2), (3)) s(id) using (id) when matched then delete when not matched then insert (id, origin) values (id, 'LGA')",
        "merge into scratch.main.trips t using (values (2)) s(id) using (id) when matched then update set tail = 'x'",
        "merge into scratch.main.keyed t using (values (15, 5)) s(id, a) using (id) when not matched then insert",
        "merge into scratch.main.keyed t using (values (1, 5)) s(id, a) using (id) when matched then update by name",
    ],
)
def test_merges_of_what_would_be_hidden_or_tell_are_refused(admin, desk, sql) -> None:
    everything = "select * from scratch.main.trips order by all", "select * from scratch.main.keyed order by all"
    before = [admin.execute(q).fetchall() for q in everything]
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        desk.execute(sql)
    assert "LGA" not in str(refused.value)
    assert [admin.execute(q).fetchall() for q in everything] == before


def test_merge_raises_without_telling_of_what_is_hidden(desk) -> None:
    with pytest.raises(psycopg.errors.RaiseException) as raised:
        desk.execute("merge into scratch.main.trips t using (values (2)) s(id) using (id) when matched then error t.tail when not matched then insert (id) values (id)")
    assert raised.value.diag.message_primary == "the statement raised an error"


def test_merge_through_psql_and_flight(desk_server, admin) -> None:
    assert clients.psql(desk_server, "jfk", "-c", MERGE).stdout.strip() == "MERGE 2"
    with clients.connect_adbc(desk_server, "jfk") as connection, connection.cursor() as cursor:
        cursor.execute(MERGE)
        assert cursor.rowcount == 2
        cursor.execute(f"{MERGE} returning merge_action, id, tail")
        assert sorted(cursor.fetchall()) == [("UPDATE", 2, "N2****"), ("UPDATE", 3, None)]
        cursor.execute("merge into scratch.main.trips t using (values (2)) s(id) using (id) when matched then update set delay = ?", (5,))
        assert cursor.rowcount in (1, -1)
    assert admin.execute("select delay from scratch.main.trips where id = 2").fetchall() == [(5,)]


def test_merge_in_transactions(desk_server, admin, desk) -> None:
    desk.execute("begin")
    assert tag(desk, MERGE) == "MERGE 2"
    assert tag(desk, MERGE) == "MERGE 2"
    desk.execute("rollback")
    assert admin.execute("select count(*) as n from scratch.main.trips").fetchall() == [(10,)]
    desk.execute("begin read only")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        desk.execute(MERGE)
    desk.execute("rollback")
    with clients.connect_psycopg(desk_server, "nobody") as nobody, pytest.raises(psycopg.errors.UndefinedTable):
        nobody.execute(MERGE)
