"""docs/policy.md, followed step by step on a copy of the demonstration: its blocks load, and its answers are the real ones."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness import clients, server as program
from harness.server import Server
from test_load import until
from test_serving import _get

DOCUMENT = program.ROOT / "docs" / "policy.md"

#: What stands for the ports of the demonstration, which others may use meanwhile.
PG, FLIGHT = "5433", "32010"

#: Commands that make what later ones use: a folder, variables, a function.
LASTING = re.compile(r"(cd|export) |\w+\(\) \{")

#: Where in a statement an error is. The document leaves it out.
PLACE = re.compile(r"LINE \d+: |\s*\^$")


@dataclass(frozen=True)
class Block:
    """A fenced block of the document."""

    line: int
    kind: str
    text: str


def blocks(document: str) -> list[Block]:
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", document, re.DOTALL | re.MULTILINE)
    return [Block(document[: match.start()].count("\n") + 2, match[1], match[2]) for match in found]


def commands(block: Block) -> Iterator[tuple[int, str, str]]:
    """The commands of a console block: line, text, and what is printed."""
    lines = block.text.splitlines()
    at = 0
    while at < len(lines):
        line = block.line + at
        assert lines[at].startswith("$ "), f"policy.md:{line}: no command: {lines[at]}"
        command = [lines[at].removeprefix("$ ")]
        at += 1
        if "<<'END'" in command[0]:
            while command[-1] != "END":
                command.append(lines[at])
                at += 1
        printed = []
        while at < len(lines) and not lines[at].startswith("$ "):
            printed.append(lines[at])
            at += 1
        yield line, "\n".join(command) + "\n", "".join(f"{text}\n" for text in printed)


def is_printed(shown: str, printed: str) -> bool:
    """Whether the document shows what was printed. `…` is anything in a line, or any lines."""
    pattern = ""
    for line in shown.splitlines():
        pattern += r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
    told = [line for line in printed.splitlines() if not PLACE.match(line)]
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in told)) is not None


class Reader:
    """Somebody who does what the document says, with a folder as home."""

    def __init__(self, home: pathlib.Path):
        self.home = home
        self.folder = home / "eider-try"
        self.policy = self.folder / "policy.toml"
        self.lasting = ""
        self.server: Server | None = None
        self.served = 0
        self.done = {"toml": 0, "sql": 0, "console": 0}
        programs = home / "programs"
        programs.mkdir()
        (programs / "eider").symlink_to(program.program())
        self.programs = programs

    def follow(self, document: str) -> None:
        for block in blocks(document):
            match block.kind:
                case "toml":
                    self.add(block)
                case "sql":
                    done = clients.psql(self.server, "admin", stdin=block.text)
                    assert done.returncode == 0, f"policy.md:{block.line}: {done.stderr}"
                case "console":
                    for line, command, shown in commands(block):
                        self.perform(line, command, shown)
                case "text":
                    continue
                case _:
                    raise AssertionError(f"policy.md:{block.line}: what is a block of {block.kind!r}?")
            self.done[block.kind] += 1

    def add(self, block: Block) -> None:
        """Puts the block where the document says, has the whole checked beside copies of the data, and in force."""
        text = self.policy.read_text()
        keys, entry, _ = block.text.partition("[[")
        at_top = re.search(r"^\w", keys, re.MULTILINE)
        assert not (at_top and entry), f"policy.md:{block.line}: keys of the top and entries in one block"
        changed = self.policy.with_name("changed")
        changed.write_text(f"{block.text}\n{text}" if at_top else f"{text}\n{block.text}")
        changed.rename(self.policy)
        checked = self.checked()
        assert checked.returncode == 0, f"policy.md:{block.line}: {checked.stderr}\n{block.text}"
        assert f"{self.policy}: good\n" in checked.stdout, f"policy.md:{block.line}: {checked.stdout}"
        assert "warning" not in checked.stdout + checked.stderr, f"policy.md:{block.line}: {checked.stdout}{checked.stderr}"
        self.reload(block.line)

    def checked(self) -> subprocess.CompletedProcess:
        with clients.connect_psycopg(self.server, "admin") as admin:
            admin.execute("checkpoint scratch")
        copies = self.home / "copies"
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir()
        for path in self.folder.glob("scratch.duckdb*"):
            shutil.copy(path, copies)
        config = self.home / "copies.toml"
        text = (self.folder / "eider.toml").read_text()
        config.write_text(text.replace('"scratch.duckdb"', f'"{copies}/scratch.duckdb"'))
        return program.run("policy", "check", "--config", str(config), "--policy", str(self.policy))

    def reload(self, line: int) -> None:
        def reloads() -> dict[str, int]:
            lines = _get(self.server, "/metrics")[1].splitlines()
            found = (re.fullmatch(r'eider_policy_reloads_total\{outcome="(\w+)"\} (\d+)', text) for text in lines)
            return {match[1]: int(match[2]) for match in found if match}

        before = reloads()
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: reloads() != before)
        assert reloads().get("error") is None, f"policy.md:{line}: {self.server.tail(3)}"

    def perform(self, line: int, command: str, shown: str) -> None:
        if command.startswith("eider serve "):
            self.serve()
            return
        if LASTING.match(command):
            self.lasting += command
            return
        text = f"{self.lasting}PATH={self.programs}:$PATH\n{command}"
        if self.server:
            text = text.replace(PG, str(self.server.pg.port)).replace(FLIGHT, str(self.server.flight.port))
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=program.ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=clients.SECONDS,
        )
        assert is_printed(shown, done.stdout), f"policy.md:{line}: $ {command}{done.stdout}and the document shows\n{shown}"
        if command.startswith("mv ") and "policy.toml" in command:
            self.reload(line)

    def serve(self) -> None:
        """Starts the server, on free ports; where it runs, once more."""
        self.stop()
        path = self.folder / "eider.toml"
        path.write_text(re.sub(r'listen = "127\.0\.0\.1:\d+"', 'listen = "127.0.0.1:0"', path.read_text()))
        self.served += 1
        records = self.home / f"served{self.served}"
        records.mkdir()
        self.server = Server.start(path, records)

    def stop(self) -> None:
        if self.server:
            self.server.stop()


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path)
    yield reader
    reader.stop()


@pytest.mark.timeout(600)
def test_what_the_document_says_is_so(reader) -> None:
    document = DOCUMENT.read_text()
    reader.follow(document)
    assert reader.done["toml"] == document.count("```toml\n") >= 15, reader.done
    assert reader.done["sql"] == document.count("```sql\n") >= 4, reader.done
    assert reader.done["console"] == document.count("```console\n") >= 15, reader.done


def test_all_kinds_of_rules_are_shown() -> None:
    shown = "".join(block.text for block in blocks(DOCUMENT.read_text()) if block.kind == "toml")
    for kind in ("principal", "role", "grant", "restrict", "deny", "tag", "mask", "limit"):
        assert f"[[{kind}]]" in shown, kind
    for key in ("hash_key_file", "mapping", "opaque", "tag", "with", "expr", "definer", "columns", "rows", "attributes", "id"):
        assert re.search(rf"^{key} = ", shown, re.MULTILINE), key


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("rows = \"origin = attribute('airport')\"", "rows = \"origin = attribute('airprt')\"", "airprt"),
        ('roles = ["desk_lead"]\n', 'roles = ["desk_leader"]\n', "desk_leader"),
        ("LGA|104662\n", "LGA|104663\n", "104662"),
        ("$ ask lga \"select distance from flights\"\nERROR:  ", "$ ask lga \"select distance from flights\"\nERROR:  no ", "distance"),
    ],
)
def test_what_is_wrong_in_it_is_found(reader, right, wrong, said) -> None:
    document = DOCUMENT.read_text()
    assert right in document
    with pytest.raises(AssertionError, match=rf"policy\.md:\d+: (?s:.*){said}"):
        reader.follow(document.replace(right, wrong, 1))
