"""Starting and stopping the program."""

import json
import signal
import urllib.request

import pytest

from harness import clients, config, server as program


def test_it_announces_its_doors_and_ends_cleanly(start_server) -> None:
    server = start_server()
    announced = json.loads((server.log.parent / "addresses.json").read_text())
    assert set(announced) == {"pg", "flight", "metrics"}
    assert len({address.port for address in (server.pg, server.flight, server.metrics)}) == 3
    server.stop()


@pytest.mark.parametrize("door", ["pg", "flight"])
def test_a_door_can_be_off(start_server, door) -> None:
    switch = {"pg": "FEATURE_PG_WIRE", "flight": "FEATURE_FLIGHT_SQL"}[door]
    server = start_server(env={switch: "false"})
    assert getattr(server, door) is None


def test_it_ends_cleanly_with_clients_connected(start_server) -> None:
    server = start_server()
    connection = clients.connect_psycopg(server, "jfk")
    connection.execute("select 1")
    server.stop()


def test_a_second_sigterm_ends_at_once(start_server) -> None:
    server = start_server()
    connection = clients.connect_psycopg(server, "admin")
    connection.autocommit = False
    connection.execute("select 1")
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(10)
    server.stopped = True
    connection.close()


def test_health_and_metrics(server) -> None:
    clients.psql(server, "admin", "--command", "select 1")
    assert _get(server, "/health")[0] == 200
    status, text = _get(server, "/metrics")
    assert status == 200
    assert "# TYPE" in text


def _get(server, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://{server.metrics}{path}", timeout=10) as response:
        return response.status, response.read().decode()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda text: text.replace(str(config.NYC), "/no/such/folder"), "/no/such/folder"),
        (lambda text: text + "\nfrobnicate = 1\n", "frobnicate"),
        (lambda text: text.replace('mode = "read_only"', 'mode = "read_sometimes"', 1), "read_sometimes"),
        (lambda text: text.replace('default_catalog = "nyc"', 'default_catalog = "oslo"'), "oslo"),
        (lambda text: text.replace("policy.toml", "no_policy.toml"), "no_policy.toml"),
        (lambda text: text.replace("127.0.0.1:0", "0.0.0.0:0", 1), "allow_plaintext"),
    ],
)
def test_a_broken_configuration_is_named_and_nothing_starts(tmp_path, spoil, named) -> None:
    path = config.write(tmp_path)
    path.write_text(spoil(path.read_text()))
    _assert_refused_at_start(path, named)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda text: text.replace("origin = 'JFK'", "orogin = 'JFK'"), "orogin"),
        (lambda text: text.replace("origin = 'JFK'", "distance"), "policy.toml"),
        (lambda text: text.replace('roles = ["jfk_desk"]', 'roles = ["jfk_disk"]'), "jfk_disk"),
        (lambda text: text.replace("flights.tailnum", "flights.tailnumb"), "tailnumb"),
        (lambda text: text.replace("left(tailnum, 2)", "right_of(tailnum, 2)"), "right_of"),
        (lambda text: text + "\n[[grants]]\n", "grants"),
        (lambda text: text.replace("rows =", "lines ="), "lines"),
        (lambda text: text.replace("SCRAM-SHA-256$4096", "plain$4096", 1), "policy.toml"),
    ],
)
def test_a_broken_policy_is_named_and_nothing_starts(tmp_path, spoil, named) -> None:
    policy = (config.DEMO / "policy.toml").read_text()
    spoilt = spoil(policy)
    assert spoilt != policy
    _assert_refused_at_start(config.write(tmp_path, spoilt), named)


def _assert_refused_at_start(path, named: str) -> None:
    ended = program.run("serve", "--config", str(path), "--addresses", str(path.parent / "addresses.json"))
    assert ended.returncode not in (0, 101), ended.stdout + ended.stderr
    assert named in ended.stdout + ended.stderr
    assert not (path.parent / "addresses.json").exists()
