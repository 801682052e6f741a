"""The writes of `crates/policy/tests/dml` through every door and form, each in a transaction that is rolled back.

Three servers: two whose data differ only in what the principal may not see must answer alike, and what a statement leaves
must look alike to the principal; where they succeed, answer and rows must be those of a third, which has nothing but what
may be seen.
"""

import pathlib

import adbc_driver_manager
import duckdb
import psycopg
import pytest

from harness import clients, config
from harness.scram import verifier
from harness.server import ROOT, Server

FOLDER = ROOT / "crates" / "policy" / "tests" / "dml"


def statements(name: str, tag: str = "", amount: int = 0) -> list[str]:
    """The statements of a file: one a line, but comments."""
    text = (FOLDER / name).read_text().replace("$tag", tag).replace("$amount", str(amount))
    return [line for line in text.splitlines() if line and not line.startswith("--")]


PRINCIPAL = f"""
[[principal]]
name = "eve"
verifier = "{verifier("eve")}"
roles = ["eu"]
"""

POLICY = PRINCIPAL + (FOLDER / "policy.toml").read_text()

EVERYTHING = f"""{PRINCIPAL}
[[role]]
name = "eu"
[[grant]]
role = "eu"
on = "rw.*.*"
privileges = ["select", "insert", "update", "delete"]
"""

DATA = {
    "x": (POLICY, [*statements("hidden.sql", "x", 5_000_000), *statements("visible.sql", "x")]),
    "y": (POLICY, [*statements("visible.sql", "y"), *statements("hidden.sql", "y", -77)]),
    "copy": (EVERYTHING, [*statements("visible.sql", "x"), *statements("copy.sql")]),
}

SEEN = " union all ".join(f"select '{table}' as what, q::varchar as seen from {table} q" for table in [*"tmkocwupih", "parent", "gen"])
"""All that the principal sees, as one statement."""


def write(path: pathlib.Path, wanted: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as rw")
        connection.execute("use rw")
        for statement in [*statements("tables.sql"), *wanted]:
            connection.execute(statement)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    servers = []
    for name, (policy, wanted) in DATA.items():
        place = tmp_path_factory.mktemp(f"written_{name}")
        write(place / "rw.duckdb", wanted)
        servers.append(Server.start(config.write(place, policy=policy, read_write={"rw": place / "rw.duckdb"}), place))
    yield servers
    for server in servers:
        server.stop()


class Failed(list):
    """What a client learns of a statement that did not succeed."""


class Postgres:
    """A form of the PostgreSQL door: the tag, names, types and rows, or all fields of the error."""

    def __init__(self, server: Server, **options):
        self.connection = clients.connect_psycopg(server, "eve", dbname="rw", autocommit=False)
        self.options = options

    def ask(self, sql: str):
        try:
            with self.connection.execute(sql, **self.options) as cursor:
                columns = cursor.description and [(c.name, c.type_code) for c in cursor.description]
                return cursor.statusmessage, columns, sorted(map(repr, cursor.fetchall())) if columns else []
        except psycopg.Error as error:
            assert error.sqlstate, error
            fields = ("severity", "sqlstate", "message_primary", "message_detail", "message_hint", "statement_position")
            return Failed([getattr(error.diag, field) for field in fields])


class Flight:
    """A form of the Flight SQL door: the count, or schema and rows, or the error."""

    def __init__(self, server: Server, prepare: bool):
        self.connection = clients.connect_adbc(server, "eve", autocommit=False)
        self.prepare = prepare

    def ask(self, sql: str):
        gives_rows = sql.startswith("select") or " returning " in sql
        try:
            with self.connection.cursor() as cursor:
                if self.prepare:
                    cursor.adbc_prepare(sql)
                if gives_rows:
                    cursor.execute(sql)
                    table = cursor.fetch_arrow_table()
                    return table.schema.to_string(), sorted(map(repr, table.to_pylist()))
                if not self.prepare:
                    cursor.adbc_statement.set_sql_query(sql)
                return cursor.adbc_statement.execute_update()
        except adbc_driver_manager.Error as error:
            return Failed([error.status_code, str(error)])


FORMS = {
    "simple": lambda server: Postgres(server),
    "extended text": lambda server: Postgres(server, prepare=True),
    "extended binary": lambda server: Postgres(server, binary=True),
    "statement": lambda server: Flight(server, prepare=False),
    "prepared": lambda server: Flight(server, prepare=True),
}

MOST_OF = {"dml.sql": 100, "merge.sql": 70}
"""At least so many run."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MOST_OF)
def test_writes_learn_nothing(servers, name, form) -> None:
    doors = [FORMS[form](server) for server in servers]
    turn = list(FORMS).index(form)
    ran, wrong = 0, []
    try:
        for number, sql in enumerate(statements(name)):
            x, y, copy = (door.ask(sql) for door in doors)
            if x != y:
                wrong.append(f"{sql}\n  {str(x)[:500]}\n  {str(y)[:500]}")
            if isinstance(x, Failed):
                told = [word for word in ("hiddenx", "hiddeny", "deniedx", "5000000") if word in str(x) and word not in sql]
                if told:
                    wrong.append(f"{sql}\n  {x}")
            else:
                ran += 1
                if x != copy:
                    wrong.append(f"{sql}\n  {str(x)[:500]}\n  copy: {str(copy)[:500]}")
                # What each statement leaves is looked at through one form, and each form has its share.
                if number % len(FORMS) == turn:
                    left = [door.ask(SEEN) for door in doors]
                    assert not isinstance(left[2], Failed), left[2]
                    wrong += [f"{sql}\n  leaves other rows" for other in left[1:] if other != left[0]]
            for door in doors:
                door.connection.rollback()
    finally:
        for door in doors:
            door.connection.close()
    assert not wrong, f"{len(wrong)} of {name}:\n" + "\n".join(wrong[:20])
    assert ran > MOST_OF[name], ran
