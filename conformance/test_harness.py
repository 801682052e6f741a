"""The comparison itself: it must see what is wrong."""

import pyarrow as pa
import pytest

from harness import compare, reference
from harness.queries import load


@pytest.fixture(scope="module")
def duckdb() -> reference.Reference:
    return reference.Reference({})


@pytest.mark.parametrize(
    ("rows", "right", "ordered"),
    [
        ([(1,)], [(2,)], False),
        ([(1,)], [(1,), (1,)], False),
        ([(1,), (2,)], [(2,), (1,)], True),
        ([(1,)], [("1",)], False),
        ([(None,)], [("",)], False),
        ([(1.0,)], [(1.000001,)], False),
        ([({"a": 1, "b": 2},)], [({"b": 2, "a": 1},)], False),
        ([([1, None],)], [([1, 0],)], False),
    ],
)
def test_differences_are_seen(rows, right, ordered) -> None:
    with pytest.raises(AssertionError):
        compare.assert_rows(rows, right, ordered)


def test_the_order_of_rows_and_of_additions_may_differ() -> None:
    compare.assert_rows([(0.1 + 0.2, "a"), (None, "b")], [(None, "b"), (0.3, "a")], ordered=False)


def test_wrong_names_and_types_are_seen(duckdb) -> None:
    right = duckdb.run("select 1::integer as a")
    compare.assert_arrow(pa.table({"a": pa.array([1], pa.int32())}), right, ordered=True)
    for wrong in (pa.table({"A": pa.array([1], pa.int32())}), pa.table({"a": pa.array([1], pa.int64())})):
        with pytest.raises(AssertionError):
            compare.assert_arrow(wrong, right, ordered=True)


def test_psql_output_is_read_by_type(duckdb) -> None:
    right = duckdb.run("select true as t, 1.50::decimal(5,2) as d, [1, null] as l, null::varchar as n, '' as e")
    compare.assert_psql(f't,d,l,n,e\nt,1.50,"{{1,NULL}}",{compare.NULL},\n', right, ordered=True)
    with pytest.raises(AssertionError):
        compare.assert_psql('t,d,l,n,e\nt,1.50,"{1,NULL}",,\n', right, ordered=True)


def test_query_files_are_read() -> None:
    ranks = load("windows")[0]
    assert (ranks.name, ranks.ordered) == ("windows.ranks", False)
    assert ranks.sql.startswith("select carrier") and ranks.sql.endswith("dest)")
