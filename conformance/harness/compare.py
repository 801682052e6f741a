"""Cell-by-cell comparison with what is right, over Arrow and over PostgreSQL's types."""

import csv
import datetime
import decimal
import io
import json
import math
import struct
import uuid

import psycopg
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType
from psycopg.adapt import Transformer
from psycopg.pq import Format

from .clients import NULL
from .reference import Result

# --- rows ---


def assert_rows(actual: list[tuple], expected: list[tuple], ordered: bool) -> None:
    assert len(actual) == len(expected), f"{len(actual)} rows, expected {len(expected)}"
    if not ordered:
        actual, expected = sorted(actual, key=_sort_key), sorted(expected, key=_sort_key)
    for number, (row, right) in enumerate(zip(actual, expected)):
        assert len(row) == len(right), f"row {number} has {len(row)} cells, expected {len(right)}"
        for column, (cell, right_cell) in enumerate(zip(row, right)):
            assert _same(cell, right_cell), f"row {number}, column {column}: {cell!r}, expected {right_cell!r}"


def _same(cell, right) -> bool:
    if isinstance(right, float) and isinstance(cell, (int, float)):
        # The order in which threads add up is not fixed.
        return math.isclose(cell, right, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(cell) and math.isnan(right))
    if isinstance(right, dict) and isinstance(cell, dict):
        return list(right) == list(cell) and all(_same(cell[key], right[key]) for key in right)
    if isinstance(right, (list, tuple)) and isinstance(cell, (list, tuple)):
        return len(cell) == len(right) and all(_same(*pair) for pair in zip(cell, right))
    return type(cell) is type(right) and cell == right


def _sort_key(row: tuple) -> str:
    return repr([float(f"{cell:.9g}") if isinstance(cell, float) else cell for cell in row])


# --- Arrow ---


def assert_arrow(actual: pa.Table, expected: Result, ordered: bool) -> None:
    """Names, types and cells of an Arrow result."""
    names_and_types = [(field.name, field.type) for field in actual.schema]
    assert names_and_types == [(field.name, _plain(field.type)) for field in expected.table.schema]
    assert_rows(_arrow_rows(actual), _arrow_rows(expected.table.cast(_plain_schema(expected.table.schema))), ordered)


def _plain(kind: pa.DataType) -> pa.DataType:
    """Eider sends enumerations as text: half of the Flight SQL clients cannot read dictionaries."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(_plain(field.type)) for field in schema])


def _arrow_rows(table: pa.Table) -> list[tuple]:
    return list(zip(*(_cells(column) for column in table.columns)))


def _cells(column: pa.ChunkedArray) -> list:
    # Python's datetime has no nanoseconds.
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.int64())
    return column.to_pylist()


# --- PostgreSQL ---

_SCALARS = {
    "boolean": 16,
    "tinyint": 21,
    "utinyint": 21,
    "smallint": 21,
    "usmallint": 23,
    "integer": 23,
    "uinteger": 20,
    "bigint": 20,
    "ubigint": 1700,
    "hugeint": 1700,
    "uhugeint": 1700,
    "decimal": 1700,
    "float": 700,
    "double": 701,
    "varchar": 25,
    "enum": 25,
    '"NULL"': 25,
    "blob": 17,
    "uuid": 2950,
    "json": 114,
    "struct": 114,
    "map": 114,
    "union": 114,
    "bit": 1562,
    "date": 1082,
    "time": 1083,
    "timestamp": 1114,
    "timestamp_s": 1114,
    "timestamp_ms": 1114,
    "timestamp_ns": 1114,
    "timestamp with time zone": 1184,
    "interval": 1186,
}
"""The type OID in which a DuckDB type reaches a PostgreSQL client."""

_ARRAYS = {16: 1000, 17: 1001, 20: 1016, 21: 1005, 23: 1007, 25: 1009, 114: 199, 700: 1021, 701: 1022, 1082: 1182}
_ARRAYS |= {1083: 1183, 1114: 1115, 1184: 1185, 1186: 1187, 1562: 1563, 1700: 1231, 2950: 2951}


def pg_oid(kind: DuckDBPyType) -> int:
    name = _name(kind)
    if name not in ("list", "array"):
        return _SCALARS[name]
    element = _element(kind)
    # A list of lists may be ragged, which no PostgreSQL array is; JSON inside of an array's quotes nobody reads.
    return 114 if _name(element) in ("list", "array", "struct", "map", "union") else _ARRAYS[pg_oid(element)]


def assert_psycopg(cursor: psycopg.Cursor, expected: Result, ordered: bool) -> None:
    """Names, types and cells of psycopg's result."""
    described = [(column.name, column.type_code) for column in cursor.description]
    assert described == [(name, pg_oid(kind)) for name, kind in zip(expected.names, expected.types)]
    assert_rows([_normal_row(row, expected.types) for row in cursor.fetchall()], _pg_rows(expected), ordered)


def assert_psql(output: str, expected: Result, ordered: bool) -> None:
    """Names and cells of what `psql --csv` printed; its texts are read as psycopg reads them."""
    header, *lines = list(csv.reader(io.StringIO(output, newline="")))
    assert header == expected.names
    transformer = Transformer()
    loaders = [transformer.get_loader(pg_oid(kind), Format.TEXT) for kind in expected.types]

    def load(line: list[str]) -> tuple:
        cells = (None if cell == NULL else loader.load(cell.encode()) for loader, cell in zip(loaders, line))
        return _normal_row(tuple(cells), expected.types)

    assert_rows([load(line) for line in lines], _pg_rows(expected), ordered)


def _normal_row(row: tuple, kinds: list[DuckDBPyType]) -> tuple:
    """A client's row as it is compared."""
    return tuple(_normal(cell, _name(kind)) for cell, kind in zip(row, kinds))


def _normal(cell, name: str):
    if isinstance(cell, float) and name == "float":
        # Single-precision numbers are the doubles they stand for.
        return struct.unpack("f", struct.pack("f", cell))[0]
    if isinstance(cell, bytes) and name == "bit":
        # psycopg has no binary form of varbit: a count of bits, and the bits from the left.
        return "".join(f"{byte:08b}" for byte in cell[4:])[: int.from_bytes(cell[:4])]
    return cell


def _pg_rows(result: Result) -> list[tuple]:
    columns = [[_pg_value(cell, kind) for cell in column.to_pylist()] for column, kind in zip(_micro(result), result.types)]
    return list(zip(*columns))


def _micro(result: Result) -> list[pa.ChunkedArray]:
    """The columns, with nanoseconds cut off: PostgreSQL has none."""
    return [
        column.cast(pa.timestamp("us"), safe=False) if column.type == pa.timestamp("ns") else column
        for column in result.table.columns
    ]


def _pg_value(cell, kind: DuckDBPyType):
    """What psycopg makes of a cell."""
    name = _name(kind)
    if cell is None:
        return None
    if pg_oid(kind) == 1700:
        return decimal.Decimal(cell)
    if name == "uuid":
        return uuid.UUID(cell)
    if name == "json":
        return json.loads(cell)
    if name == "bit":
        return "".join(f"{byte:08b}" for byte in cell[1:])[cell[0] :]
    if name == "interval":
        years, months = divmod(cell.months, 12)
        return datetime.timedelta(days=years * 365 + months * 30 + cell.days, microseconds=cell.nanoseconds // 1000)
    if pg_oid(kind) == 114:
        return _json_value(cell, kind)
    if name in ("list", "array"):
        return [_pg_value(item, _element(kind)) for item in cell]
    return cell


def _json_value(cell, kind: DuckDBPyType):
    """What reading a nested cell's JSON gives."""
    name = _name(kind)
    if cell is None:
        return None
    if name == "struct":
        return {field: _json_value(cell[field], inner) for field, inner in kind.children}
    if name == "map":
        value = dict(kind.children)["value"]
        return {str(key): _json_value(item, value) for key, item in cell}
    if name in ("list", "array"):
        return [_json_value(item, _element(kind)) for item in cell]
    if isinstance(cell, decimal.Decimal):
        return float(cell)
    if isinstance(cell, (datetime.date, datetime.time)):
        return str(cell)
    return cell


def _name(kind: DuckDBPyType) -> str:
    return "json" if str(kind) == "JSON" else kind.id


def _element(kind: DuckDBPyType) -> DuckDBPyType:
    return dict(kind.children)["child"]
