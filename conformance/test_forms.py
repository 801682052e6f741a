"""Forms of statements beside plain queries, through every door: EXPLAIN, SUMMARIZE, SHOW, PREPARE and EXECUTE."""

import itertools
import json

import adbc_driver_manager
import psycopg
import pyarrow as pa
import pytest

from harness import clients
from harness.doors import DOORS, Refused
from harness.queries import Query
from harness.reference import Reference

PRINCIPALS = ["admin", "jfk", "nobody"]

SUMMARIZED = [
    "flights",
    "airlines",
    "weather",
    "select carrier, tailnum, distance, time_hour from flights where month < 3",
    "(from flights where origin = 'LGA')",
    "select tailnum, count(*) as n, [origin] as l, {'a': dest} as s from flights group by all order by n desc, tailnum limit 9",
]

APPROXIMATE = {"approx_unique", "q25", "q50", "q75"}
"""Sketches depend on the order in which threads see rows."""


def ask(server, connections, principal: str, door: str, sql: str) -> pa.Table:
    """The rows that a statement gives through a door, as texts where the door knows no types."""
    if door == "adbc":
        with connections(clients.connect_adbc, principal).cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()
    if door == "flight":
        flight = clients.FlightSql(server.flight, principal)
        try:
            return flight.query(sql)
        finally:
            flight.close()
    with connections(clients.connect_psycopg, principal).cursor(binary=door == "psycopg-binary") as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        rows = cursor.fetchall()
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


TYPED_DOORS = ["psycopg-text", "psycopg-binary", "adbc", "flight"]


@pytest.mark.parametrize("what", SUMMARIZED)
@pytest.mark.parametrize("door", TYPED_DOORS)
@pytest.mark.parametrize("principal", ["admin", "jfk"])
def test_summarize(server, connections, references: dict[str, Reference], principal, door, what) -> None:
    expected = references[principal].run(f"from (summarize {what})").table
    told = ask(server, connections, principal, door, f"summarize {what}")
    assert told.column_names == expected.column_names
    if door in ("adbc", "flight"):
        assert told.schema.types == expected.schema.types
    key = lambda row: row["column_name"]  # noqa: E731
    rows, right = sorted(told.to_pylist(), key=key), sorted(expected.to_pylist(), key=key)
    assert len(rows) == len(right) > 0
    for (row, wanted), name in itertools.product(zip(rows, right), expected.column_names):
        cell, right_cell = row[name], wanted[name]
        if name in APPROXIMATE | {"avg", "std"} and right_cell is not None:
            assert _near(cell, right_cell, 0.2 if name in APPROXIMATE else 1e-9), (row, wanted)
        else:
            assert cell == right_cell, (row, wanted)


def _near(cell, right, tolerance: float) -> bool:
    try:
        return float(cell) == pytest.approx(float(right), rel=tolerance, abs=2 if tolerance > 0.1 else 1e-9)
    except ValueError:  # dates: of the same year at least
        return str(cell)[:4] == str(right)[:4]


@pytest.mark.parametrize("door", DOORS, ids=str)
@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize("show", ["show tables", "show all tables", "describe", "describe airlines"])
def test_the_catalog_as_duckdb_lists_it(server, connections, references, principal, door, show) -> None:
    if (principal, show) == ("nobody", "describe airlines"):
        with pytest.raises(Refused):
            door.check(server, connections, principal, Query(show, show, True), None)
        return
    expected = references[principal].run(show)
    if principal == "nobody" and show == "show tables":
        assert expected.table.num_rows == 0
    door.check(server, connections, principal, Query(show, show, False), expected)


@pytest.mark.parametrize("door", TYPED_DOORS)
@pytest.mark.parametrize("principal", ["admin", "jfk"])
def test_explain(server, connections, principal, door) -> None:
    sql = "select origin, count(*) from flights where dep_delay > 5 and tailnum = 'N1' group by all order by 2 limit 3"
    plan = ask(server, connections, principal, door, f"explain {sql}")
    assert plan.column_names == ["QUERY PLAN"]
    lines = plan["QUERY PLAN"].to_pylist()
    assert lines[0] == "TOP_N" and any("Table: nyc.main.flights" in line for line in lines)
    text = "\n".join(lines)
    assert not any(word in text for word in ("JFK", "LIMIT", "rows", "ardinality", "****", "__eider")), text
    (document,) = ask(server, connections, principal, door, f"explain (format json) {sql}")["QUERY PLAN"].to_pylist()
    assert json.loads(document)[0]["name"] == "TOP_N"


def test_everybody_has_the_same_plan(server, connections) -> None:
    """A plan tells nothing of data or of rules."""
    sql = "explain select max(tailnum) from flights join airlines using (carrier) where origin = 'LGA'"
    admin, jfk = (ask(server, connections, who, "adbc", sql) for who in ("admin", "jfk"))
    assert admin == jfk


@pytest.mark.parametrize("door", DOORS, ids=str)
@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize(
    "sql", ["explain analyze select 1", "explain (analyze) select * from flights", "explain analyze flights", "explain select stats(origin) from flights"]
)
def test_explain_refuses(server, connections, principal, door, sql) -> None:
    with pytest.raises(Refused) as refused:
        door.check(server, connections, principal, Query(sql, sql, True), None)
    assert not any(word in refused.value.message for word in ("JFK", "nyc.main")), refused.value


@pytest.mark.parametrize("principal", ["admin", "jfk"])
def test_prepare_and_execute_over_postgresql(server, references, principal) -> None:
    with clients.connect_psycopg(server, principal) as connection:
        connection.execute("prepare f (text, integer) as select carrier, count(*) as n from flights where origin = $1 and month = $2 group by all")
        for origin, month in [("JFK", 1), ("LGA", 2)]:
            expected = references[principal].run(
                f"select carrier, count(*) as n from flights where origin = '{origin}' and month = {month} group by all"
            )
            for binary in (False, True):
                with connection.cursor(binary=binary) as cursor:
                    cursor.execute(f"execute f ('{origin}', {month - 1} + 1)")
                    assert sorted(cursor.fetchall()) == sorted(tuple(row.values()) for row in expected.table.to_pylist())
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            connection.execute("execute g")
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            connection.execute("prepare f as select 1")
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("execute f ('JFK')")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("execute f ('JFK', 'x')")
        connection.execute("deallocate f")
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            connection.execute("execute f ('JFK', 1)")
        connection.execute("prepare f as select 1")
        connection.execute("discard all")
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            connection.execute("deallocate f")


def test_names_are_shared_with_the_protocol(server) -> None:
    """libpq prepares by protocol what SQL executes, and binds what SQL prepares."""
    with clients.connect_psycopg(server, "jfk") as connection:
        wire = connection.pgconn
        assert wire.prepare(b"p", b"select $1::integer + 1").status == psycopg.pq.ExecStatus.COMMAND_OK
        assert connection.execute("execute p (2)").fetchall() == [(3,)]
        connection.execute("prepare s (integer) as select $1 * 2")
        result = wire.exec_prepared(b"s", [b"21"])
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK and result.get_value(0, 0) == b"42"
        described = wire.describe_prepared(b"s")
        assert (described.nparams, described.nfields) == (1, 1)
        result = wire.prepare(b"s", b"select 1")
        assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"42P05"
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            connection.execute("prepare p as select 1")
        connection.execute("deallocate p")
        result = wire.exec_prepared(b"p", [b"1"])
        assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"26000"


def test_prepare_and_execute_with_psql(server) -> None:
    script = "prepare p (date) as select $1 + 1 as d, current_user as who;\nexecute p ('2020-02-28');\ndeallocate p;\nexecute p ('2020-02-28');\n"
    done = clients.psql(server, "jfk", "--csv", "--quiet", stdin=script)
    assert done.stdout.split() == ["d,who", "2020-02-29,jfk"]
    assert 'prepared statement "p" does not exist' in done.stderr


def test_prepare_and_execute_over_flight(server) -> None:
    with clients.connect_adbc(server, "jfk") as connection, connection.cursor() as cursor:
        cursor.execute("prepare p as select count(*) as n from flights where dest = $1")
        cursor.execute("execute p ('LAX')")
        (n,) = cursor.fetchone()
        cursor.execute("select count(*) from flights where dest = 'LAX'")
        assert cursor.fetchone() == (n,)
        cursor.execute("deallocate p")
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("execute p ('LAX')")


def test_an_execute_writes_and_may_be_undone(server) -> None:
    with clients.connect_psycopg(server, "admin") as connection:
        connection.execute("create table scratch.main.executed (a integer)")
        connection.execute("prepare w as insert into scratch.main.executed values ($1)")
        assert connection.execute("execute w (1)").statusmessage == "INSERT 0 1"
        with pytest.raises(psycopg.Error), connection.transaction():
            connection.execute("execute w (2)")
            connection.execute("execute w ('x')")
        assert connection.execute("from scratch.main.executed").fetchall() == [(1,)]
        # Tables of a file, over which DuckDB's binder does not name what it has to know the columns of.
        for sql in ("unpivot scratch.main.executed on a", "from scratch.main.executed x join scratch.main.executed y using (a)"):
            assert len(connection.execute(sql).fetchall()) == 1, sql
        connection.execute("drop table scratch.main.executed")


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_pivot_s_columns_are_the_values_that_are_seen(server, connections, references, door) -> None:
    for who, origins in [("admin", ["EWR", "JFK", "LGA"]), ("jfk", ["JFK"])]:
        sql = "pivot flights on origin using count(*) group by month"
        expected = references[who].run("pivot flights on origin in ({}) using count(*) group by month".format(str(origins)[1:-1]))
        assert expected.names == ["month", *origins]
        door.check(server, connections, who, Query("pivot", sql, False), expected)
    for sql in ("pivot flights on tailnum using count(*) group by month, day, hour, distance", "pivot (from flights where false) on origin"):
        with pytest.raises(Refused):
            door.check(server, connections, "admin", Query("pivot", sql, False), None)
