"""What clients are told while their statements wait for a place, and how much of the queue and of the disk they may take."""

import base64
import json
import threading
import time
import urllib.request
from contextlib import closing, contextmanager

import adbc_driver_manager
import psycopg
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from harness import clients, config
from harness.server import run
from test_load import ENDLESS

ONE = """
[[limit]]
id = "one for the desk"
principal = "jfk"
statements = 1
queue_share = "1%"
"""

TOLD = 'statement waits for one of the 1 places that limit "one for the desk" allows'

#: 1 % of this is one statement.
QUEUE = "\n[limits]\nqueue_length = 100\n"

QUERY = "select flight from flights order by 1 limit 1"


@pytest.fixture
def limited(start_server):
    return start_server(policy=(config.DEMO / "policy.toml").read_text() + ONE, more=QUEUE)


@contextmanager
def occupied(server):
    """`jfk` has a statement that runs until the block is left; gives a function that ends it earlier."""
    with clients.connect_psycopg(server, "jfk") as connection:
        ended = []

        def run() -> None:
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute(ENDLESS)
            ended.append(True)

        runner = threading.Thread(target=run)
        runner.start()
        until(lambda: [s["state"] for s in statements(server)] == ["running"])
        try:
            yield connection.cancel
        finally:
            while runner.is_alive():
                connection.cancel()
                runner.join(0.1)
        assert ended


def statements(server) -> list[dict]:
    """The statements in work, as administrators see them."""
    request = urllib.request.Request(f"http://{server.metrics}/v1/statements")
    request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:admin").decode())
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["statements"]


def until(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_psycopg_has_a_notice_before_the_rows(limited) -> None:
    notices = []
    with occupied(limited) as release, clients.connect_psycopg(limited, "jfk") as jfk:

        def heard(diagnostic) -> None:
            notices.append((diagnostic.severity, diagnostic.sqlstate, diagnostic.message_primary))
            waiting = [s["wait"] for s in statements(limited) if s["state"] == "queued"]
            assert [(w["what"], w["place"]) for w in waiting] == [("limit", 1)]
            assert waiting[0]["waits_for"] in TOLD
            release()

        jfk.add_notice_handler(heard)
        assert len(jfk.execute(QUERY).fetchall()) == 1
        assert notices == [("NOTICE", "00000", TOLD)]
        # Nobody waits now.
        assert len(jfk.execute(QUERY).fetchall()) == 1
    assert len(notices) == 1


def test_psql_prints_it_unless_it_wants_no_notices(limited) -> None:
    for least, shown in (("notice", True), ("warning", False)):
        with occupied(limited) as release:
            releaser = threading.Thread(target=lambda: (until_waited(limited), release()))
            releaser.start()
            ran = clients.psql(limited, "jfk", "-c", QUERY, PGOPTIONS=f"-c client_min_messages={least}")
            releaser.join()
        assert ran.returncode == 0, ran.stderr
        assert (f"NOTICE:  {TOLD}" in ran.stderr) == shown, ran.stderr


def until_waited(server) -> None:
    """Waits until a statement has waited for longer than it takes to be told."""
    until(lambda: any((s["wait"] or {}).get("waited_ms", 0) > 400 for s in statements(server)))


class Headers(flight.ClientMiddlewareFactory):
    """Keeps what the headers of responses say."""

    def __init__(self, heard) -> None:
        super().__init__()
        self.heard = heard

    def start_call(self, info):
        factory = self

        class Middleware(flight.ClientMiddleware):
            def received_headers(self, headers) -> None:
                for value in headers.get("eider-waits-for", []):
                    factory.heard(value)

        return Middleware()


def test_pyarrow_finds_it_in_the_headers(limited) -> None:
    heard = []
    with occupied(limited) as release, closing(clients.FlightSql(limited.flight, "jfk")) as jfk:
        jfk.client = flight.FlightClient(f"grpc://{limited.flight}", middleware=[Headers(heard.append)])
        # Arrow's C++ looks at headers with the first message only; frontend-flight's tests see them before it.
        releaser = threading.Thread(target=lambda: (until_waited(limited), release()))
        releaser.start()
        assert jfk.query(QUERY).num_rows == 1
        releaser.join()
    assert heard == [TOLD.removeprefix("statement waits for ")]


def test_adbc_waits_and_has_its_rows(limited) -> None:
    with occupied(limited) as release, clients.connect_adbc(limited, "jfk") as jfk, jfk.cursor() as cursor:
        releaser = threading.Thread(target=lambda: (until_waited(limited), release()))
        releaser.start()
        cursor.execute(QUERY)
        assert cursor.fetch_arrow_table().num_rows == 1
        releaser.join()


def test_the_list_of_statements_says_what_they_wait_for(limited) -> None:
    with occupied(limited) as release, clients.connect_psycopg(limited, "jfk") as jfk:
        waiter = threading.Thread(target=lambda: jfk.execute(QUERY).fetchall())
        waiter.start()
        until(lambda: any(s["state"] == "queued" for s in statements(limited)))
        url = f"http://{limited.metrics}"
        listed = run("queries", "--url", url, "--user", "admin", env={"EIDER_PASSWORD": "admin"})
        assert TOLD.removeprefix("statement ") + ", place 1, for" in listed.stdout, listed
        release()
        waiter.join()


def test_a_principal_fills_its_share_of_the_queue_and_no_more(limited) -> None:
    refused = 'too many statements of this principal are waiting: limit "one for the desk" allows 1'
    with occupied(limited) as release:
        first = clients.connect_psycopg(limited, "jfk")
        waiter = threading.Thread(target=lambda: first.execute(QUERY).fetchall())
        waiter.start()
        until(lambda: any(s["state"] == "queued" for s in statements(limited)))
        with clients.connect_psycopg(limited, "jfk") as jfk:
            with pytest.raises(psycopg.errors.ConfigurationLimitExceeded, match=refused):
                jfk.execute(QUERY)
        with clients.connect_adbc(limited, "jfk") as jfk, jfk.cursor() as cursor:
            with pytest.raises(adbc_driver_manager.Error, match=refused):
                cursor.execute(QUERY)
                cursor.fetchall()
        # Others are not held up.
        with clients.connect_psycopg(limited, "admin") as admin:
            assert len(admin.execute(QUERY).fetchall()) == 1
        release()
        waiter.join()
        first.close()


SPILL = """
[[limit]]
id = "small disk"
principal = "jfk"
spill = "1MiB"
"""

#: Sorts some hundred megabytes.
SORT = """
select a.flight, a.tailnum, a.dep_time, b.range as n from flights a, range(20) b
order by md5(a.flight::varchar || a.tailnum || b.range::varchar)
"""


def test_a_statement_ends_when_its_instance_spills_too_much(start_server) -> None:
    server = start_server(
        policy=(config.DEMO / "policy.toml").read_text() + SPILL,
        more='\n[pool]\nmemory = "96MiB"\nthreads = 2\n',
    )
    spilled = 'temporary files have grown by more than 1MiB while the statement ran: limit "small disk"'
    with clients.connect_psycopg(server, "jfk") as jfk:
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded, match=spilled):
            jfk.execute(SORT)
        assert len(jfk.execute(QUERY).fetchall()) == 1
    with closing(clients.FlightSql(server.flight, "jfk")) as jfk:
        with pytest.raises(pa.ArrowInvalid, match=spilled):
            jfk.query(SORT)
