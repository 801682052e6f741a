import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import config, reference  # noqa: E402
from harness.server import Server, program  # noqa: E402

MISSING = "{} is missing: run the suite with `cargo xtask test`, which makes it"


def pytest_configure() -> None:
    for needed in (program(), config.tpch()):
        if not needed.exists():
            raise pytest.UsageError(MISSING.format(needed))
    if not shutil.which("psql"):
        raise pytest.UsageError(MISSING.format("psql"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory):
    """The program as the demonstration configures it, on free ports. It must end cleanly."""
    folder = tmp_path_factory.mktemp("eider")
    server = Server.start(config.write(folder), folder)
    yield server
    server.stop()


@pytest.fixture
def start_server(tmp_path: pathlib.Path):
    """Starts a program of the test's own: `start_server(env=…, …)`, the rest as `config.write` takes it."""
    servers = []

    def start(env: dict[str, str] | None = None, **configuration) -> Server:
        folder = tmp_path / f"server{len(servers)}"
        folder.mkdir()
        servers.append(Server.start(config.write(folder, **configuration), folder, env))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def references() -> dict[str, reference.Reference]:
    """What is right, by principal."""
    return {"admin": reference.for_admin(), "jfk": reference.for_jfk(), "nobody": reference.for_nobody()}


@pytest.fixture(scope="session")
def connections(server: Server):
    """Connections that the tests of queries share: `connections(clients.connect_adbc, "jfk")`."""
    opened = {}

    def connection(connect, principal: str):
        key = (connect, principal)
        if key not in opened or getattr(opened[key], "closed", False):
            opened[key] = connect(server, principal)
        return opened[key]

    yield connection
    for connection in opened.values():
        connection.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.failed:
        for running in getattr(item, "funcargs", {}).values():
            if isinstance(running, Server):
                report.sections.append(("end of eider's log", running.tail()))
    return report
