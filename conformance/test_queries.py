"""Every query, through every door, for each principal: as embedded DuckDB answers over what that principal may see."""

import duckdb
import pytest

from harness.doors import DOORS, Refused
from harness.queries import all_queries

QUERIES = all_queries()

# What a statement may fail with that names something which, for who asks, does not exist.
UNKNOWN_RELATION = {
    "psql": {"42P01", "3F000"},
    "psycopg-text": {"42P01", "3F000"},
    "psycopg-binary": {"42P01", "3F000"},
    "adbc": {"NOT_FOUND"},
    "flight": {"KeyError", "ArrowKeyError", "FlightServerError"},
}


def test_there_are_enough_queries() -> None:
    assert len(QUERIES) >= 60
    assert len([query for query in QUERIES if query.name.startswith("tpch.")]) == 22


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("door", DOORS, ids=str)
@pytest.mark.parametrize("principal", ["admin", "jfk", "nobody"])
def test_query(server, connections, references, principal, door, query) -> None:
    try:
        expected = references[principal].run(query.sql)
    except duckdb.Error as error:
        # The copy of what nobody may see is an empty database, which has other words for some of what it lacks.
        assert isinstance(error, duckdb.CatalogException) or principal == "nobody"
        with pytest.raises(Refused) as refused:
            door.check(server, connections, principal, query, None)
        assert refused.value.state in UNKNOWN_RELATION[door.name], refused.value
    else:
        door.check(server, connections, principal, query, expected)
