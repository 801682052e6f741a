"""Parameters, bound by clients of both doors in text and binary."""

import datetime
import decimal
import uuid

import psycopg
import pyarrow as pa
import pytest

from harness import clients

VALUES = [
    ("integer", 17),
    ("smallint", -3),
    ("bigint", 2**40),
    ("double", 1.25),
    ("decimal(10,2)", decimal.Decimal("12.34")),
    ("varchar", "it's \"quoted\" 🦆"),
    ("varchar", ""),
    ("varchar", None),
    ("boolean", True),
    ("date", datetime.date(2013, 7, 4)),
    ("time", datetime.time(12, 34, 56, 789)),
    ("timestamp", datetime.datetime(2013, 7, 4, 12, 34, 56)),
    ("blob", b"\x00\xff\x7f"),
    ("uuid", uuid.UUID("4ac7a9e9-607c-4c8a-84f3-843f0191e3fd")),
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
@pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
@pytest.mark.parametrize("binary", [False, True])
def test_a_value_goes_there_and_back(connections, kind, value, placeholder, binary) -> None:
    with connections(clients.connect_psycopg, "jfk").cursor(binary=binary) as cursor:
        cursor.execute(f"select {placeholder}::{kind} as v", [value])
        assert cursor.fetchall() == [(value,)]


@pytest.mark.parametrize("binary", [False, True])
def test_parameters_beside_columns(connections, binary) -> None:
    with connections(clients.connect_psycopg, "jfk").cursor(binary=binary) as cursor:
        sql = "select count(*) as n from flights where dest = %s and month between %s and %s"
        cursor.execute(sql, ["BOS", 1, 3])
        assert cursor.fetchall() == [(1428,)]


def test_a_prepared_statement_is_run_again(server) -> None:
    with clients.connect_psycopg(server, "jfk", prepare_threshold=1) as connection:
        for carrier, name in [("AA", "American Airlines Inc."), ("B6", "JetBlue Airways"), ("no", None)] * 3:
            row = connection.execute("select name from airlines where carrier = %s", [carrier]).fetchone()
            assert row == (name and (name,))


def test_a_parameter_is_a_value_and_never_text(connections) -> None:
    connection = connections(clients.connect_psycopg, "jfk")
    row = connection.execute("select count(*) as n from flights where dest = %s", ["x' or true --"]).fetchone()
    assert row == (0,)


def test_too_few_parameters(server) -> None:
    with clients.connect_psycopg(server, "jfk", cursor_factory=psycopg.RawCursor) as connection:
        with pytest.raises(psycopg.errors.ProtocolViolation):
            connection.execute("select $1::integer + $2::integer as s", [1])
        assert connection.execute("select $1::integer as s", [1]).fetchall() == [(1,)]


def test_parameters_through_adbc(connections) -> None:
    with connections(clients.connect_adbc, "jfk").cursor() as cursor:
        cursor.execute("select name from airlines where carrier = ?", ["AA"])
        assert cursor.fetchall() == [("American Airlines Inc.",)]
        cursor.execute("select count(*) as n from flights where dest = $1 and month <= $2", ["BOS", 3])
        assert cursor.fetchall() == [(1428,)]


def test_a_statement_describes_itself_before_it_runs(connections) -> None:
    with connections(clients.connect_adbc, "jfk").cursor() as cursor:
        schema = cursor.adbc_execute_schema("select carrier, count(*) as n from flights group by carrier")
    assert schema == pa.schema([("carrier", pa.string()), ("n", pa.int64())])
