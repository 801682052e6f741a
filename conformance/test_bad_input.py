"""Bad input at both doors: a clear error or a clean close, and a server that is healthy afterwards."""

import contextlib
import os
import socket
import struct

import adbc_driver_manager
import psycopg
import pyarrow as pa
import pyarrow.flight
import pytest

from harness import clients, config
from harness.server import Server

STARTUP = struct.pack("!I", 3 << 16) + b"user\0jfk\0database\0nyc\0\0"
MEGABYTE = 1 << 20


def message(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    """A message of PostgreSQL's protocol, by default with the length that is right."""
    return kind + struct.pack("!i", len(body) + 4 if length is None else length) + body


def exchange(address, *sent: bytes) -> bytes:
    """Sends bytes, says that there are no more, and returns all that comes until the server closes."""
    with socket.create_connection((address.host, address.port), timeout=clients.SECONDS) as connection:
        return exchange_on(connection, *sent)


def exchange_on(connection: socket.socket, *sent: bytes) -> bytes:
    received = b""
    try:
        for part in sent:
            connection.sendall(part)
        with contextlib.suppress(OSError):
            # The server may have closed already.
            connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
    except (ConnectionResetError, BrokenPipeError):
        pass  # closed on us with bytes unread: as clean as TCP allows
    return received


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this module's own: failed logins here must not slow down anyone's elsewhere."""
    folder = tmp_path_factory.mktemp("eider")
    server = Server.start(config.write(folder), folder)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def healthy_after(server):
    """Whatever a test did, both doors serve the next client."""
    yield
    with clients.connect_psycopg(server, "jfk") as connection:
        assert connection.execute("select 17 as a").fetchall() == [(17,)]
    flight = clients.FlightSql(server.flight, "jfk")
    assert flight.query("select 17 as a").to_pylist() == [{"a": 17}]
    flight.close()


@pytest.mark.parametrize(
    "sent",
    [
        [b""],
        [b"\0"],
        [b"\0" * 8],
        [b"\xff" * 64],
        [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
        [struct.pack("!ii", 2**31 - 1, 3 << 16)],
        [struct.pack("!ii", -1, 3 << 16)],
        [struct.pack("!ii", 3, 3 << 16)],
        [message(b"", struct.pack("!I", 99 << 16) + b"user\0x\0\0")],
        [message(b"", STARTUP)[:11]],
        [message(b"", struct.pack("!I", 3 << 16) + b"user\0jfk")],
        [message(b"", struct.pack("!I", 3 << 16) + b"\0")],
        [message(b"", struct.pack("!I", 3 << 16) + b"user\0\xff\xfe\0\0")],
        [message(b"", STARTUP), message(b"Q", b"select 1\0")],
        [message(b"", STARTUP), message(b"p", b"", length=2**31 - 1)],
        [message(b"", STARTUP), message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 2**31 - 1))],
        [message(b"", STARTUP), message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 3) + b"\xff\xff\xff")],
        [message(b"", STARTUP), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
        [message(b"", struct.pack("!I", 80877102) + b"\0" * 8)],
    ],
)
def test_garbage_before_login(server, sent) -> None:
    """Nobody is let in, whatever they send."""
    received = exchange(server.pg, *sent)
    assert message(b"R", struct.pack("!i", 0)) not in received
    assert b"Z\0\0\0\5I" not in received


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff" * 64,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\xff\xff\xff\0\0\0\0\0\0\0",
    ],
)
def test_garbage_at_the_flight_door(server, sent) -> None:
    assert b"authorization" not in exchange(server.flight, sent)


@pytest.mark.parametrize(("user", "password"), [("jfk", "wrong"), ("jfk", ""), ("ghost", "ghost"), ("", "x"), ("JFK", "jfk")])
def test_a_wrong_name_or_password(server, user, password) -> None:
    """A name that is not there and a password that is wrong cannot be told apart."""
    refused = clients.psql(server, user, "--command", "select 1", PGPASSWORD=password or " ", PGUSER=user or " ")
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr
    with pytest.raises(pa.ArrowException, match="(?i)unauthenticated"):
        clients.FlightSql(server.flight, user, password).query("select 1")


def test_an_unknown_database(server) -> None:
    with pytest.raises(psycopg.OperationalError, match='database "oslo" does not exist'):
        clients.connect_psycopg(server, "jfk", dbname="oslo")


def test_nothing_is_told_of_databases_before_login(server) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        clients.connect_psycopg(server, "jfk", password="wrong", dbname="oslo")
    assert "oslo" not in str(refused.value)


@pytest.mark.parametrize("size", [MEGABYTE + 1, 10 * MEGABYTE])
def test_text_over_the_limit(server, size) -> None:
    sql = f"select '{'x' * size}'"
    with clients.connect_psycopg(server, "jfk") as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(sql)
    assert refused.value.sqlstate in ("54000", "08P01", None), refused.value
    with clients.connect_adbc(server, "jfk") as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute(sql)


def test_nul_in_text(server) -> None:
    with clients.connect_adbc(server, "jfk") as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("select 'a\0b'")
            cursor.fetchall()
    flight = clients.FlightSql(server.flight, "jfk")
    with pytest.raises(pa.ArrowException):
        flight.query("select 1 --\0")
    flight.close()


@pytest.mark.parametrize(
    "sql",
    [
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select " + "+".join(["1"] * 20000),
        "select " + "not " * 5000 + "true",
        "select 1 where 1 in (" + ",".join(map(str, range(100_000))) + ")",
        " union all ".join(["select 1"] * 5000),
        "select 1e1000",
    ],
    ids=["parentheses", "additions", "nots", "in-list", "unions", "exponent"],
)
def test_text_made_to_exhaust(server, sql) -> None:
    """Answered or refused, within the time limit of a test."""
    with clients.connect_psycopg(server, "jfk") as connection:
        try:
            connection.execute(sql).fetchall()
        except psycopg.Error as error:
            assert error.sqlstate, error
        assert connection.execute("select 17 as a").fetchall() == [(17,)]


@pytest.mark.parametrize(
    "body",
    [
        message(b"Q", b"select 1"),
        message(b"Q", b"select '\xff\xfe'\0"),
        message(b"P", b"s\0select $1\0" + struct.pack("!h", -1)),
        message(b"B", b"\0no_such_statement\0" + struct.pack("!hhh", 0, 0, 0)),
        message(b"B", b"\0\0" + struct.pack("!hh", 0, 1000)),
        message(b"B", b"\0\0" + struct.pack("!hhi", 0, 1, 2**31 - 1)),
        message(b"D", b"Xnothing\0"),
        message(b"E", b"no_such_portal\0" + struct.pack("!i", 0)),
        message(b"F", struct.pack("!ihhh", 1, 0, 0, 0)),
        message(b"c", b""),
        message(b"d", b"data without copy"),
        message(b"?", b"no such message"),
        message(b"Q", b"", length=0),
        message(b"Q", b"", length=-5),
        message(b"Q", b"", length=2**31 - 1),
    ],
)
def test_garbage_after_login(server, body) -> None:
    """psycopg logs in; then its socket is spoken to in broken PostgreSQL."""
    connection = clients.connect_psycopg(server, "jfk")
    with socket.socket(fileno=os.dup(connection.fileno())) as raw:
        raw.setblocking(True)
        raw.settimeout(clients.SECONDS)
        received = exchange_on(raw, body, message(b"S", b""))
    connection.close()
    # An error, or a close; never rows for what was no statement.
    assert b"D\0\0" not in received
