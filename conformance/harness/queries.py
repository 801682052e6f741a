"""The queries of queries/*.sql: data, so that a new one is a few lines of SQL."""

import pathlib
from dataclasses import dataclass

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "queries"


@dataclass(frozen=True)
class Query:
    name: str
    sql: str
    ordered: bool
    """Whether the query fixes the order of its rows; else they are compared as a bag."""

    def __str__(self) -> str:
        return self.name


def load(file: str) -> list[Query]:
    """The queries of one file. Each begins with `-- name: …`, or with `-- ordered: …` where it fixes the order of rows."""
    queries, name, ordered, lines = [], None, False, []

    def finish() -> None:
        if name:
            queries.append(Query(name, "\n".join(lines).strip().removesuffix(";"), ordered))

    for line in (FOLDER / f"{file}.sql").read_text().splitlines():
        kind, _, title = line.removeprefix("-- ").partition(": ")
        if line.startswith("-- ") and kind in ("name", "ordered"):
            finish()
            name, ordered, lines = f"{file}.{title}", kind == "ordered", []
        else:
            lines.append(line)
    finish()
    return queries


def all_queries() -> list[Query]:
    return [query for file in sorted(FOLDER.glob("*.sql")) for query in load(file.stem)]
