"""What is right: the same SQL in an embedded DuckDB over the same data."""

import functools
import pathlib
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from . import config


@dataclass(frozen=True)
class Result:
    """A result: names, DuckDB's types, and the rows as Arrow."""

    types: list[duckdb.sqltypes.DuckDBPyType]
    table: pa.Table

    @property
    def names(self) -> list[str]:
        return self.table.column_names


class Reference:
    """An embedded DuckDB that holds what one principal may see, filtered and masked beforehand."""

    def __init__(self, relations: dict[str, str]):
        """`relations`: three-part names, each with the SELECT that fills it."""
        self._connection = duckdb.connect()
        self._connection.execute("set timezone = 'UTC'")
        for catalog in sorted({name.split(".")[0] for name in relations}):
            self._connection.execute(f"attach ':memory:' as {catalog}")
        for name, select in relations.items():
            self._connection.execute(f"create table {name} as {select}")
        if any(name.startswith("nyc.") for name in relations):
            self._connection.execute("use nyc")

    @functools.cache
    def run(self, sql: str) -> Result:
        """Raises duckdb.Error where DuckDB refuses the query."""
        relation = self._connection.sql(sql)
        return Result(relation.types, relation.to_arrow_table())


def _folder(catalog: str, folder: pathlib.Path) -> dict[str, str]:
    return {f"{catalog}.main.{file.stem}": f"from read_parquet('{file}')" for file in sorted(folder.glob("*.parquet"))}


def for_admin() -> Reference:
    """Everything."""
    return Reference(_folder("nyc", config.NYC) | _folder("tpch", config.tpch()))


def for_jfk() -> Reference:
    """What demo/policy.toml says of jfk, written out by hand."""
    relations = _folder("nyc", config.NYC)
    del relations["nyc.main.planes"]
    flights = relations["nyc.main.flights"]
    relations["nyc.main.flights"] = (
        f"select * replace (left(tailnum, 2) || '****' as tailnum) {flights} where origin = 'JFK'"
    )
    return Reference(relations)


def for_nobody() -> Reference:
    return Reference({})
