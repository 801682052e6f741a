"""EXPLAIN POLICY: administrators see why a principal sees what it sees."""

import psycopg
import pytest

from harness import clients


def explained(server, text: str) -> list[tuple[str, str, str]]:
    with clients.connect_psycopg(server, "admin") as admin:
        return admin.execute(text).fetchall()


def says(lines: list[tuple[str, str, str]], what: str) -> list[str]:
    return [says for kind, _, says in lines if kind == what]


def test_an_administrator_sees_the_rules_that_meet_in_a_statement(server) -> None:
    lines = explained(server, "explain policy for jfk select tailnum, count(*) from flights group by 1")
    assert says(lines, "principal")[0].startswith("jfk: ")
    (grant,) = (line for line in says(lines, "grant") if "rows" in line)
    assert "policy.toml:" in grant and "origin = 'JFK'" in grant
    assert [(on, "left(tailnum, 2)" in text) for kind, on, text in lines if kind == "mask"] == [("nyc.main.flights.tailnum", True)]
    assert says(lines, "relation")[0].startswith("behind a barrier; columns ")
    assert says(lines, "decision") == ["runs"]
    assert "LIMIT 9223372036854775807" in says(lines, "sql")[0]


def test_it_tells_how_a_view_is_stored(start_server) -> None:
    server = start_server()
    with clients.connect_psycopg(server, "admin") as admin:
        admin.execute("create view scratch.main.late as select tailnum from flights where dep_delay > 60")
    lines = explained(server, "explain policy select count(*) as n from scratch.main.late")
    (view,) = [(on, text) for kind, on, text in lines if kind == "view"]
    assert view[0] == "scratch.main.late"
    assert view[1].startswith("CREATE VIEW late AS SELECT tailnum FROM nyc.main.flights "), view[1]


def test_it_tells_why_a_statement_is_refused(server) -> None:
    assert says(explained(server, "explain policy for jfk from planes"), "decision") == ['refused: relation "planes" does not exist']
    assert "read_csv" in says(explained(server, "explain policy from read_csv('/etc/passwd')"), "decision")[0]
    assert says(explained(server, "explain policy from planes"), "decision") == ["runs"]


def test_it_tells_the_rules_on_what_a_refused_statement_asked_for(server) -> None:
    lines = explained(server, "explain policy for jfk select nothing from flights, planes, typo")
    assert ("relation", "nyc.main.planes", "not seen: there is no grant") in lines
    assert ("relation", "typo", "there is no relation of this name") in lines
    assert any("origin = 'JFK'" in says for kind, on, says in lines if (kind, on) == ("grant", "nyc.main.flights"))
    assert says(lines, "decision")[0].startswith("refused: ")


def test_it_knows_what_the_session_answers_and_a_pivot_without_values(server) -> None:
    for text in ("begin", "set statement_timeout = '1s'", "prepare p as select 1"):
        assert says(explained(server, f"explain policy {text}"), "decision") == ["answered by the session, which has no data"]
    lines = explained(server, "explain policy for jfk pivot flights on origin using count(*)")
    assert says(lines, "decision") == ["runs"], lines


@pytest.mark.parametrize("text", ["explain policy from flights", "explain policy for admin from planes", "explain policy for nobody select 1"])
def test_it_is_for_administrators(server, text) -> None:
    with clients.connect_psycopg(server, "jfk") as jfk:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            jfk.execute(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("explain policy", psycopg.errors.SyntaxError),
        ("explain policy for", psycopg.errors.SyntaxError),
        ("explain policy for stranger select 1", psycopg.errors.UndefinedObject),
    ],
)
def test_what_is_wrong_with_it_is_told(server, text, error) -> None:
    with clients.connect_psycopg(server, "admin") as admin:
        with pytest.raises(error):
            admin.execute(text)
        assert admin.execute("select 1 as a").fetchall() == [(1,)]
