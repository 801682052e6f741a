"""Clients that others wrote, connected as a principal whose password is its name."""

import os
import subprocess

import adbc_driver_flightsql.dbapi as adbc
import psycopg
import pyarrow as pa
import pyarrow.flight

from .server import Address, Server

NULL = "\N{REPLACEMENT CHARACTER}null"
"""How psql is told to print NULL."""

SECONDS = 60
"""How long a client waits for anything."""


def connect_psycopg(server: Server, principal: str, **options) -> psycopg.Connection:
    return psycopg.connect(
        host=server.pg.host,
        port=server.pg.port,
        **({"user": principal, "password": principal, "dbname": "nyc", "autocommit": True, "connect_timeout": 10} | options),
    )


def psql(server: Server, principal: str, *arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess:
    """Runs psql to its end, without the person's own settings."""
    connection = {
        "PGHOST": server.pg.host,
        "PGPORT": str(server.pg.port),
        "PGUSER": principal,
        "PGPASSWORD": principal,
        "PGDATABASE": "nyc",
        "PGCONNECT_TIMEOUT": "10",
    }
    inherited = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--pset=null={NULL}", *arguments],
        env=inherited | connection | env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def connect_adbc(server: Server, principal: str, autocommit: bool = True, **options: str) -> adbc.Connection:
    credentials = {"username": principal, "password": principal}
    return adbc.connect(f"grpc://{server.flight}", db_kwargs=credentials | options, autocommit=autocommit)


class FlightSql:
    """The Flight SQL protocol over pyarrow's bare Flight client."""

    def __init__(self, address: Address, principal: str, password: str | None = None):
        self.client = pa.flight.FlightClient(f"grpc://{address}")
        token = self.client.authenticate_basic_token(principal, password if password is not None else principal)
        self.options = pa.flight.FlightCallOptions(headers=[token], timeout=SECONDS)

    def info(self, sql: str) -> pa.flight.FlightInfo:
        """Plans a query."""
        command = _any("CommandStatementQuery", _bytes_field(1, sql.encode()))
        return self.client.get_flight_info(pa.flight.FlightDescriptor.for_command(command), self.options)

    def query(self, sql: str) -> pa.Table:
        """Runs a query; the schema that was promised must be the one that comes."""
        info = self.info(sql)
        tables = [self.client.do_get(endpoint.ticket, self.options).read_all() for endpoint in info.endpoints]
        for table in tables:
            assert table.schema.equals(info.schema), f"promised {info.schema}, sent {table.schema}"
        return pa.concat_tables(tables)

    def close(self) -> None:
        self.client.close()


def _any(message: str, value: bytes) -> bytes:
    """A protobuf Any around a message of Flight SQL."""
    url = f"type.googleapis.com/arrow.flight.protocol.sql.{message}"
    return _bytes_field(1, url.encode()) + _bytes_field(2, value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
