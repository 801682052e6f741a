"""The audit: who asked what, by which rules, and how it ended."""

import hashlib
import json

import psycopg
import pytest

from harness import clients, config
from test_load import until
from test_serving import _assert_refused_at_start

AUDIT = '\n[audit]\npath = "audit.jsonl"\n'


def records(server) -> list[dict]:
    lines = (server.log.parent / "audit.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def of(server, sql: str) -> list[dict]:
    """The records of the statement with that text, once it has ended."""
    digest = hashlib.sha256(sql.encode()).hexdigest()

    def found() -> list[dict]:
        begun = [r for r in records(server) if r.get("sql_sha256") == digest]
        ids = {r["statement"] for r in begun}
        return [r for r in records(server) if r.get("statement") in ids]

    until(lambda: any(r["event"] in ("end", "refuse") for r in found()))
    return found()


def test_a_statement_has_a_record_at_its_beginning_and_its_end(start_server) -> None:
    server = start_server(more=AUDIT)
    sql = "select tailnum from flights limit 3"
    with clients.connect_psycopg(server, "jfk") as jfk:
        jfk.execute(sql)
    begin, end = of(server, sql)
    assert (begin["event"], end["event"]) == ("begin", "end")
    assert (begin["principal"], begin["door"], begin["decision"]) == ("jfk", "pg", "allow")
    assert begin["kind"] == "select" and "target" not in begin
    assert begin["relations"] == ["nyc.main.flights"] and begin["governed"]
    assert any(rule["rule"] == "mask" and rule["on"] == "nyc.main.flights.tailnum" for rule in begin["rules"])
    assert any("origin = 'JFK'" in rule["says"] for rule in begin["rules"])
    assert begin["columns"] == {"nyc.main.flights": ["tailnum"]}
    # Rules without an id are called by their places.
    assert [len(begin[kind]) for kind in ("filters", "masks")] == [1, 1]
    assert all(rule.startswith("policy.toml:") for rule in begin["filters"] + begin["masks"])
    assert len(begin["policy_sha256"]) == 64 and len(begin["attributes_sha256"]) == 64 and begin["roles"]
    assert begin["client"].startswith("127.0.0.1:")
    assert (end["outcome"], end["kind"], end["rows"]) == ("ok", "select", 3)
    assert end["seconds"] > 0 and end["bytes"] > 0
    assert "sql" not in begin


def test_refusals_and_failures_and_both_doors_are_recorded(start_server) -> None:
    server = start_server(more=AUDIT + "sql = true\n")
    with clients.connect_psycopg(server, "jfk") as jfk:
        for sql in ("select * from planes", "select 1/0 as x, cast('x' as integer)"):
            with pytest.raises(psycopg.Error):
                jfk.execute(sql)
        jfk.execute("set application_name = 'x'")
    (refused,) = of(server, "select * from planes")
    assert (refused["event"], refused["decision"], refused["reason"]) == ("refuse", "deny", "UndefinedTable")
    assert refused["sql"] == "select * from planes"
    assert (refused["kind"], refused["relations"], refused["roles"]) == ("select", ["nyc.main.planes"], ["jfk_desk"])
    assert [len(refused[hash]) for hash in ("policy_sha256", "attributes_sha256")] == [64, 64]
    assert refused["policy_version"] >= 1
    assert of(server, "select 1/0 as x, cast('x' as integer)")[-1]["reason"] == "InvalidText"
    assert [(r["event"], r["kind"]) for r in of(server, "set application_name = 'x'")] == [
        ("begin", "session"),
        ("end", "session"),
    ]
    with clients.connect_adbc(server, "admin") as adbc, adbc.cursor() as cursor:
        cursor.execute("select 17 as a")
        assert cursor.fetchall() == [(17,)]
    assert of(server, "select 17 as a")[0]["door"] == "flight"


def test_writes_and_refused_writes_name_their_target(start_server) -> None:
    server = start_server(more=AUDIT)
    written = {
        "create table scratch.main.made (a integer, b text)": ("create_table", {"scratch.main.made": ["a", "b"]}),
        "insert into scratch.main.made (b) select 'secret'": ("insert", {"scratch.main.made": ["b"]}),
        "update scratch.main.made set a = 1 where b = 'secret'": ("update", {"scratch.main.made": ["a", "b"]}),
        "truncate scratch.main.made": ("truncate", {"scratch.main.made": []}),
        "drop table scratch.main.made": ("drop_table", {"scratch.main.made": []}),
    }
    with clients.connect_psycopg(server, "admin") as admin:
        for sql in written:
            admin.execute(sql)
    for sql, (kind, columns) in written.items():
        begin, end = of(server, sql)
        assert (begin["kind"], end["kind"], begin["target"]) == (kind, kind, "scratch.main.made"), sql
        assert (begin["relations"], begin["columns"]) == (["scratch.main.made"], columns), sql
        assert begin["rules"], sql
    sql = "delete from flights where tailnum = 'secret'"
    with clients.connect_psycopg(server, "jfk") as jfk, pytest.raises(psycopg.Error):
        jfk.execute(sql)
    (refused,) = of(server, sql)
    assert (refused["event"], refused["kind"], refused["reason"]) == ("refuse", "delete", "PermissionDenied")
    assert (refused["target"], refused["relations"]) == ("flights", ["nyc.main.flights"])
    assert any(rule["rule"] == "mask" and rule["id"] for rule in refused["rules"])
    # What is not written into the records are texts and values.
    assert "secret" not in (server.log.parent / "audit.jsonl").read_text()


def test_what_is_refused_before_it_is_read_is_recorded(start_server) -> None:
    server = start_server(more=AUDIT)
    refused = {"savepoint a": "NotSupported", "select 'no end": "Syntax", "select 2": "FailedTransaction"}
    with clients.connect_psycopg(server, "jfk") as jfk:
        jfk.execute("begin")
        for sql in refused:
            with pytest.raises(psycopg.Error):
                jfk.execute(sql)
    for sql, reason in refused.items():
        (record,) = of(server, sql)
        assert (record["event"], record["kind"], record["decision"]) == ("refuse", "unknown", "deny"), sql
        assert record["reason"] == reason and record["roles"] and len(record["policy_sha256"]) == 64, sql


def test_failed_logins_are_recorded(start_server) -> None:
    server = start_server(more=AUDIT)
    for who in ("jfk", "stranger"):
        with pytest.raises(psycopg.OperationalError):
            clients.connect_psycopg(server, who, password="wrong")
    until(lambda: len(records(server)) >= 2)
    failed = [(r["event"], r["principal"], r["door"], r["decision"]) for r in records(server)]
    assert failed == [("login_failed", "jfk", "pg", "deny"), ("login_failed", "stranger", "pg", "deny")]
    assert "wrong" not in (server.log.parent / "audit.jsonl").read_text()


@pytest.mark.parametrize("required", [True, False])
def test_a_statement_that_can_not_be_recorded_is_stopped_where_that_is_required(start_server, required) -> None:
    full = f'\n[audit]\npath = "/dev/full"\nrequired = {str(required).lower()}\n'
    server = start_server(more=full)
    with clients.connect_psycopg(server, "admin") as admin:
        if not required:
            admin.execute("create table scratch.main.made as select 1 as a")
            return
        for sql in ("select 1", "create table scratch.main.made as select 1 as a", "set application_name = 'x'"):
            with pytest.raises(psycopg.OperationalError, match="audit record"):
                admin.execute(sql)


def test_a_bad_place_is_named_at_start(tmp_path) -> None:
    path = config.write(tmp_path, more='\n[audit]\npath = "no/such/folder/audit.jsonl"\n')
    _assert_refused_at_start(path, "no/such/folder/audit.jsonl")
