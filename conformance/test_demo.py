"""The demonstration: three people with different rights see the right rows, through psql and through ADBC."""

import pytest

from harness import clients, config, server as program

FLIGHTS = {"admin": 336_776, "jfk": 111_279}


@pytest.mark.parametrize("principal", FLIGHTS)
def test_each_sees_their_flights(server, connections, principal) -> None:
    sql = "select count(*) as n from flights"
    printed = clients.psql(server, principal, "--csv", "--command", sql)
    assert printed.stdout == f"n\n{FLIGHTS[principal]}\n", printed.stderr
    with connections(clients.connect_adbc, principal).cursor() as cursor:
        cursor.execute(sql)
        assert cursor.fetchall() == [(FLIGHTS[principal],)]


def test_nobody_sees_nothing(server) -> None:
    for name in ("flights", "nyc.main.flights", "planes", "no_such_table"):
        refused = clients.psql(server, "nobody", "--command", f"select * from {name}")
        assert refused.returncode != 0
        assert "does not exist" in refused.stderr


def test_what_is_not_granted_looks_like_what_does_not_exist(server) -> None:
    def complaint(name: str) -> str:
        return clients.psql(server, "jfk", "--set=VERBOSITY=verbose", "--command", f"select * from {name}").stderr

    assert complaint("planes") == complaint("planet").replace("planet", "planes")
    assert "42P01" in complaint("planes")


def test_tail_numbers_are_masked_for_jfk_only(server, connections) -> None:
    distinct = "select distinct tailnum from flights where tailnum is not null and tailnum not like '__****'"
    assert connections(clients.connect_psycopg, "jfk").execute(distinct).fetchall() == []
    assert len(connections(clients.connect_psycopg, "admin").execute(distinct).fetchall()) == 4043


def test_the_demonstrations_own_files_are_right() -> None:
    checked = program.run("config", "check", "--config", str(config.DEMO / "eider.toml"))
    assert checked.returncode == 0, checked.stderr
