"""Every way to ask, in one form: the tests of queries run through all of them."""

from dataclasses import dataclass
from typing import Callable

import adbc_driver_manager
import psycopg
import pyarrow as pa

from . import clients, compare
from .queries import Query
from .reference import Result
from .server import Server


class Refused(Exception):
    """The server refused a statement, with this SQLSTATE (PostgreSQL) or status (Flight)."""

    def __init__(self, state: str, message: str):
        super().__init__(f"{state}: {message}")
        self.state = state
        self.message = message


@dataclass(frozen=True)
class Door:
    """`check(server, connections, principal, query, expected)` runs a query and compares; it raises Refused."""

    name: str
    check: Callable[[Server, Callable, str, Query, Result], None]

    def __str__(self) -> str:
        return self.name


def _psql(server: Server, _connections, principal: str, query: Query, expected: Result | None) -> None:
    done = clients.psql(server, principal, "--csv", "--set=VERBOSITY=verbose", "--command", query.sql)
    if done.returncode != 0:
        # psql: ERROR:  42P01: relation …
        severity, _, rest = done.stderr.partition(":  ")
        assert severity.endswith("ERROR"), done.stderr
        raise Refused(rest[:5], rest[7:])
    if expected:
        compare.assert_psql(done.stdout, expected, query.ordered)


def _psycopg(binary: bool):
    def check(_server: Server, connections, principal: str, query: Query, expected: Result | None) -> None:
        connection = connections(clients.connect_psycopg, principal)
        try:
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(query.sql)
                if expected:
                    compare.assert_psycopg(cursor, expected, query.ordered)
        except psycopg.Error as error:
            if not error.sqlstate:
                raise
            raise Refused(error.sqlstate, error.diag.message_primary) from error

    return check


def _adbc(_server: Server, connections, principal: str, query: Query, expected: Result | None) -> None:
    connection = connections(clients.connect_adbc, principal)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query.sql)
            table = cursor.fetch_arrow_table()
    except adbc_driver_manager.Error as error:
        raise Refused(error.status_code.name, str(error)) from error
    if expected:
        compare.assert_arrow(table, expected, query.ordered)


def _flight(_server: Server, connections, principal: str, query: Query, expected: Result | None) -> None:
    connection = connections(_connect_flight, principal)
    try:
        table = connection.query(query.sql)
    except (pa.ArrowException, KeyError) as error:
        raise Refused(type(error).__name__, str(error)) from error
    if expected:
        compare.assert_arrow(table, expected, query.ordered)


def _connect_flight(server: Server, principal: str) -> clients.FlightSql:
    return clients.FlightSql(server.flight, principal)


DOORS = [
    Door("psql", _psql),
    Door("psycopg-text", _psycopg(binary=False)),
    Door("psycopg-binary", _psycopg(binary=True)),
    Door("adbc", _adbc),
    Door("flight", _flight),
]
"""PostgreSQL's wire in text and binary, simple and extended; Flight SQL with prepared statements and without."""
