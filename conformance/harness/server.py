"""Starting, watching and stopping the real program."""

import json
import os
import pathlib
import signal
import subprocess
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 30


def program() -> pathlib.Path:
    """The program under test: EIDER_BIN, else the one that `cargo build` leaves."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return pathlib.Path(os.environ.get("EIDER_BIN", target / "debug" / "eider"))


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """What the program runs with: nothing of the caller's environment can configure it."""
    libraries = str(ROOT / ".eider" / "duckdb" / "1.5.5")
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "TZ": "UTC",
        "LD_LIBRARY_PATH": libraries,
        "DYLD_FALLBACK_LIBRARY_PATH": libraries,
    } | (extra or {})


def run(
    *arguments: str, env: dict[str, str] | None = None, stdin: str = "", cwd: pathlib.Path | None = None
) -> subprocess.CompletedProcess:
    """Runs the program to its end."""
    return subprocess.run(
        [program().absolute(), *arguments],
        env=environment(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
    )


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass
class Server:
    """A running `eider serve`. A door that is off is None."""

    process: subprocess.Popen
    log: pathlib.Path
    pg: Address | None = None
    flight: Address | None = None
    metrics: Address | None = None
    stopped: bool = field(default=False)

    @classmethod
    def start(cls, config: pathlib.Path, folder: pathlib.Path, env: dict[str, str] | None = None) -> "Server":
        """Starts it and waits until every door accepts statements. `folder` takes the log and the addresses."""
        addresses = folder / "addresses.json"
        log = folder / "eider.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program(), "serve", "--config", config, "--addresses", addresses],
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        server = cls(process, log)
        try:
            server._await_addresses(addresses)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return server

    def _await_addresses(self, path: pathlib.Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            if self.process.poll() is not None:
                raise AssertionError(f"eider ended with {self.process.returncode} at start:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"eider was not ready after {START_SECONDS} s:\n{self.tail()}")
            time.sleep(0.02)
        for door, address in json.loads(path.read_text()).items():
            setattr(self, door, address and Address.parse(address))

    def stop(self) -> None:
        """Asks it to end, as a service manager does, and insists on a clean end in time."""
        if self.stopped:
            return
        self.stopped = True
        early = self.process.poll()
        assert early is None, f"eider had ended with {early}:\n{self.tail()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"eider had not ended {STOP_SECONDS} s after SIGTERM:\n{self.tail()}") from None
        assert code == 0, f"eider ended with {code}:\n{self.tail()}"

    def tail(self, lines: int = 60) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
