"""The attacks of `crates/policy/tests/attacks.sql` through every door and form.

Three servers: two whose data differ only in what the principal may not see must answer alike, and where they answer with
rows, these must be the rows of a third, which has nothing but what may be seen.
"""

import pathlib

import adbc_driver_manager
import duckdb
import psycopg
import pytest

from harness import clients, config
from harness.scram import verifier
from harness.server import ROOT, Server

ATTACKS = [
    line
    for line in (ROOT / "crates" / "policy" / "tests" / "attacks.sql").read_text().splitlines()
    if line and not line.startswith("--")
]

TABLE = """create table wh.main.t (id integer, region varchar, s varchar, amt bigint, d date,
    st struct(b varchar), masked varchar, l integer[], e enum('a', 'b', 'hiddenx', 'hiddeny'), denied varchar)"""

PRINCIPAL = f"""
[[principal]]
name = "eve"
verifier = "{verifier("eve")}"
roles = ["eu"]
[[role]]
name = "eu"
"""

POLICY = f"""{PRINCIPAL}
[[grant]]
role = "eu"
on = "wh.main.t"
privileges = ["select"]
columns = ["id", "region", "s", "amt", "d", "st", "masked", "l", "e"]
rows = "region = 'EU'"
[[grant]]
role = "eu"
on = "wh.main.u"
privileges = ["select"]
[[mask]]
on = "wh.main.t.masked"
expr = "left(masked, 1) || '**'"
"""

EVERYTHING = f"""{PRINCIPAL}
[[grant]]
role = "eu"
on = "wh.*.*"
privileges = ["select"]
"""


def visible(raw: str) -> str:
    return f"""insert into wh.main.t select i, 'EU', i::varchar, i * 10, date '2020-01-01' + i::integer, {{'b': i::varchar}},
        'm{raw}' || i, [i], 'a', 'denied{raw}' from range(1, 200) r(i)"""


def hidden(tag: str, amount: int) -> str:
    return f"""insert into wh.main.t select 1000 + i, 'US', 'hidden{tag}' || i, {amount} + i,
        date '1970-01-01' + ({amount} % 99)::integer, {{'b': 'hidden{tag}'}}, 'hidden{tag}', [{amount}, null], 'hidden{tag}',
        'denied' from range(50) r(i)"""


SEEN = """create or replace table wh.main.t as
    select id, region, s, amt, d, st, left(masked, 1) || '**' as masked, l, e::varchar as e from wh.main.t"""

DATA = {
    "x": (POLICY, [visible("x"), hidden("x", 5_000_000)]),
    "y": (POLICY, [visible("y"), hidden("y", -77)]),
    "copy": (EVERYTHING, [visible("x"), SEEN]),
}


def write(path: pathlib.Path, statements: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as wh")
        connection.execute(TABLE)
        connection.execute("create table wh.main.u as select i as id, 'n' || i as name from range(1, 20) r(i)")
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    servers = []
    for name, (policy, statements) in DATA.items():
        place = tmp_path_factory.mktemp(f"attacked_{name}")
        write(place / "wh.duckdb", statements)
        servers.append(Server.start(config.write(place, policy=policy, read_only={"wh": place / "wh.duckdb"}), place))
    yield servers
    for server in servers:
        server.stop()


def postgres(run):
    """A form of the PostgreSQL door: names, types and rows, or all fields of the error."""

    def connect(server: Server) -> psycopg.Connection:
        return clients.connect_psycopg(server, "eve", dbname="wh")

    def ask(connection: psycopg.Connection, sql: str):
        try:
            with run(connection, sql) as cursor:
                columns = cursor.description and [(c.name, c.type_code) for c in cursor.description]
                return columns, sorted(map(repr, cursor.fetchall())) if columns else cursor.statusmessage
        except psycopg.Error as error:
            assert error.sqlstate, error
            fields = ("severity", "sqlstate", "message_primary", "message_detail", "message_hint", "statement_position")
            return Failed([getattr(error.diag, field) for field in fields])

    return connect, ask


def flight(prepare: bool):
    """A form of the Flight SQL door: the schema and rows, or the error."""

    def connect(server: Server):
        return clients.connect_adbc(server, "eve")

    def ask(connection, sql: str):
        try:
            with connection.cursor() as cursor:
                if prepare:
                    cursor.adbc_prepare(sql)
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
        except adbc_driver_manager.Error as error:
            return Failed([error.status_code, str(error)])
        return table.schema.to_string(), sorted(map(repr, table.to_pylist()))

    return connect, ask


class Failed(list):
    """What a client learns of a statement that did not succeed."""


FORMS = {
    "simple": postgres(lambda connection, sql: connection.execute(sql)),
    "extended text": postgres(lambda connection, sql: connection.execute(sql, prepare=True)),
    "extended binary": postgres(lambda connection, sql: connection.execute(sql, binary=True)),
    "statement": flight(prepare=False),
    "prepared": flight(prepare=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_attacks_learn_nothing(servers, form) -> None:
    connect, ask = FORMS[form]
    connections = [connect(server) for server in servers]
    answered, wrong = 0, []
    try:
        for sql in ATTACKS:
            x, y, copy = (ask(connection, sql) for connection in connections)
            if x != y:
                wrong.append(f"{sql}\n  {str(x)[:500]}\n  {str(y)[:500]}")
            if isinstance(x, Failed):
                told = [word for word in ("hiddenx", "hiddeny", "deniedx", "5000000") if word in str(x) and word not in sql]
                if told:
                    wrong.append(f"{sql}\n  {x}")
            elif not isinstance(copy, Failed):
                answered += 1
                if x != copy:
                    wrong.append(f"{sql}\n  {str(x)[:500]}\n  copy: {str(copy)[:500]}")
    finally:
        for connection in connections:
            connection.close()
    assert not wrong, f"{len(wrong)} of {len(ATTACKS)}:\n" + "\n".join(wrong[:20])
    assert answered > 80, answered
