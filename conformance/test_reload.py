"""A changed policy takes effect whole and at once, or not at all."""

import pathlib
import signal
import time
from contextlib import closing

import psycopg
import pyarrow.flight
import pytest

from harness import clients, config
from harness.server import Server
from test_load import until
from test_serving import _get

COUNT = "select count(*) as n from flights"
JFK, ALL = 111_279, 336_776


class Policy:
    """The policy file of a server, and how many times it has been read."""

    def __init__(self, server, path: pathlib.Path):
        self.server, self.path = server, path
        self.text = path.read_text()

    def reloads(self, outcome: str) -> int:
        name = f'eider_policy_reloads_total{{outcome="{outcome}"}} '
        lines = _get(self.server, "/metrics")[1].splitlines()
        return sum(int(line.removeprefix(name)) for line in lines if line.startswith(name))

    def becomes(self, text: str, outcome: str = "ok", hang_up: bool = True) -> None:
        before = self.reloads(outcome)
        self.path.write_text(text)
        if hang_up:
            self.server.process.send_signal(signal.SIGHUP)
        until(lambda: self.reloads(outcome) > before)

    def stale(self) -> bool:
        return "eider_policy_stale 1" in _get(self.server, "/metrics")[1]


@pytest.fixture
def policy(start_server, tmp_path) -> Policy:
    return Policy(start_server(), tmp_path / "server0" / "policy.toml")


def counted(connection: psycopg.Connection) -> int:
    return connection.execute(COUNT, prepare=True).fetchone()[0]


def test_a_new_restriction_holds_for_sessions_and_prepared_statements(policy) -> None:
    with clients.connect_psycopg(policy.server, "admin") as admin, clients.connect_adbc(policy.server, "admin") as adbc:
        with adbc.cursor() as cursor:
            assert counted(admin) == ALL
            policy.becomes(policy.text + "\n[[restrict]]\non = 'nyc.main.flights'\nrows = \"origin = 'JFK'\"\n")
            assert counted(admin) == JFK
            cursor.execute(COUNT)
            assert cursor.fetchall() == [(JFK,)]
            # Without a word, as soon as the files are looked at.
            policy.becomes(policy.text + "\n[[deny]]\non = 'nyc.main.flights'\n", hang_up=False)
            with pytest.raises(psycopg.errors.UndefinedTable):
                counted(admin)
            policy.becomes(policy.text)
            assert counted(admin) == ALL


def test_a_broken_policy_leaves_the_last_good_one_in_force(policy) -> None:
    with clients.connect_psycopg(policy.server, "jfk") as jfk:
        assert counted(jfk) == JFK
        for broken in ("\n[[grant]]\nrole = 'nobody knows'\n", "\nnonsense", "\n[[deny]]\non = 'nyc.main.flights'\ncolumns = ['x']"):
            policy.becomes(policy.text + broken, "error")
            assert policy.stale()
            assert counted(jfk) == JFK
        for emptied in ("", "[[role]]\nname = 'all'\n"):
            policy.becomes(emptied, "error")
            assert policy.stale()
            assert counted(jfk) == JFK
        policy.becomes(policy.text)
        assert not policy.stale()


def test_a_password_in_place_of_a_verifier_is_told_with_its_line(policy) -> None:
    line = policy.text.count("\n") + 4
    policy.becomes(policy.text + "\n[[principal]]\nname = 'eve'\nverifier = 'hunter2'\n", "error")
    log = policy.server.log.read_text()
    assert f'policy.toml:{line}: principal \\"eve\\": a verifier has the form' in log
    assert "`eider password` makes a verifier" in log and "hunter2" not in log


def test_a_file_that_is_being_written_is_left_alone(tmp_path) -> None:
    path = config.write(tmp_path)
    path.write_text(path.read_text().replace("[policy]\n", '[policy]\nreload_interval = "2s"\n'))
    server = Server.start(path, tmp_path)
    try:
        policy = Policy(server, tmp_path / "policy.toml")
        end = time.monotonic() + 5
        length = 0
        # Every state of the file is a good policy.
        while time.monotonic() < end:
            length += 1
            policy.path.write_text(policy.text + "#" * length)
            time.sleep(0.05)
        assert policy.reloads("ok") == 0
        until(lambda: policy.reloads("ok") == 1)
    finally:
        server.stop()


def test_who_is_gone_is_sent_away(policy) -> None:
    blocks = policy.text.split("[[principal]]")
    without = "[[principal]]".join(block for block in blocks if 'name = "jfk"' not in block)
    assert without != policy.text
    with (
        clients.connect_psycopg(policy.server, "jfk") as jfk,
        clients.connect_psycopg(policy.server, "admin") as admin,
        closing(clients.FlightSql(policy.server.flight, "jfk")) as flight,
    ):
        assert (counted(jfk), counted(admin)) == (JFK, ALL)
        assert flight.query(COUNT).to_pylist() == [{"n": JFK}]
        policy.becomes(without)
        with pytest.raises(psycopg.errors.AdminShutdown):
            counted(jfk)
        assert jfk.closed
        with pytest.raises(pyarrow.flight.FlightUnauthenticatedError):
            flight.query(COUNT)
        with pytest.raises(psycopg.OperationalError):
            clients.connect_psycopg(policy.server, "jfk")
        assert counted(admin) == ALL


RULES = """
[[grant]]
role = "jfk_desk"
on = "scratch.work.*"
privileges = ["select", "create", "drop"]

[[restrict]]
on = "scratch.work.*"
rows = "owner = current_user"
to = ["jfk_desk"]
"""


def test_no_statement_keeps_a_policy_from_being_loaded(policy) -> None:
    with clients.connect_psycopg(policy.server, "admin") as admin, clients.connect_psycopg(policy.server, "jfk") as jfk:
        admin.execute("create schema scratch.work")
        policy.becomes(policy.text + RULES)
        jfk.execute("create table scratch.work.mine as select 'jfk' as owner, 1 as a")
        for text in ("create table scratch.work.junk (a integer)", "create view scratch.work.junk as select 1 as a"):
            for connection in (admin, jfk):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="a rule of the policy does not fit"):
                    connection.execute(text)
        jfk.execute("drop table scratch.work.mine")
        policy.becomes(policy.text + RULES + "\n")
        assert not policy.stale()
