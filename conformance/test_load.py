"""Many clients at once: cancels are answered, and nothing is left behind."""

import os
import pathlib
import threading
import time

import psycopg
import pytest

from harness import clients

CLIENTS = 200
CANCEL_SECONDS = 1.0

ENDLESS = "select count(*) as n from flights a, flights b, flights c where a.distance + b.distance + c.distance = -1"


def threads(server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/task"))


def resident_megabytes(server) -> int:
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def descriptors(server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def until(condition, seconds: float = 30) -> None:
    """Waits for what the server does after the client's end has been closed."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def test_a_cancel_is_answered_within_a_second(server) -> None:
    with clients.connect_psycopg(server, "admin") as connection:
        assert cancelled_after(connection) < CANCEL_SECONDS
        assert connection.execute("select 17 as a").fetchall() == [(17,)]


def cancelled_after(connection: psycopg.Connection) -> float:
    """Runs what never ends, cancels it, and returns the seconds from the cancel to its answer.

    A cancel that comes before its statement does finds nothing to cancel, as in PostgreSQL: it is sent again until answered.
    """
    asked = []
    answered = threading.Event()

    def cancel() -> None:
        while not answered.wait(0.3 if not asked else 3 * CANCEL_SECONDS):
            asked.append(time.monotonic())
            connection.cancel_safe(timeout=60)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(ENDLESS)
    answer = time.monotonic()
    answered.set()
    canceller.join()
    return answer - asked[-1]


def test_a_client_that_goes_away_stops_its_query(server) -> None:
    before = descriptors(server)
    connection = clients.connect_psycopg(server, "admin")
    connection.pgconn.send_query(ENDLESS.encode())
    connection.close()
    until(lambda: descriptors(server) <= before)
    with clients.connect_psycopg(server, "admin") as other:
        assert other.execute("select count(*) as n from flights").fetchall() == [(336_776,)]


@pytest.mark.timeout(300)
def test_two_hundred_connections_half_of_them_cancelling(start_server) -> None:
    server = start_server()
    with clients.connect_psycopg(server, "jfk") as first:
        first.execute("select count(*) as n from flights")
    before = threads(server), descriptors(server)

    failures, slowest = [], []
    ready = threading.Barrier(CLIENTS)

    def one(number: int) -> None:
        try:
            with clients.connect_psycopg(server, "jfk", connect_timeout=60) as connection:
                ready.wait(120)
                if number % 2:
                    slowest.append(cancelled_after(connection))
                else:
                    rows = connection.execute("select count(*) as n from flights").fetchall()
                    assert rows == [(111_279,)], rows
        except BaseException as failure:  # noqa: BLE001 - told by the test's own thread
            failures.append(repr(failure))

    crowd = [threading.Thread(target=one, args=(number,)) for number in range(CLIENTS)]
    for client in crowd:
        client.start()
    for client in crowd:
        client.join(240)
    assert not failures, failures[:5]
    assert max(slowest) < CANCEL_SECONDS, sorted(slowest)[-5:]
    until(lambda: descriptors(server) <= before[1] + 2)
    until(lambda: threads(server) <= before[0] + 8)
    with clients.connect_psycopg(server, "jfk") as last:
        assert last.execute("select count(*) as n from flights").fetchall() == [(111_279,)]


def test_a_slow_reader_costs_little_memory(server) -> None:
    rows_per_fetch = 1000
    with clients.connect_psycopg(server, "admin", autocommit=False) as connection:
        before = resident_megabytes(server)
        cursor = connection.cursor()
        reader = cursor.stream("select a.*, b.carrier as c from flights a, airlines b")
        for _ in range(rows_per_fetch):
            next(reader)
        grown = resident_megabytes(server) - before
        reader.close()
    assert grown <= 100, f"{grown} MB"
