"""Where in the user's own text a statement fails as it runs, whatever text it was rewritten to."""

import psycopg
import pytest

from harness import clients

FAILING = [
    ("select origin, ", "cast(carrier as integer) from flights"),
    ("select count(*) from flights f where f.month = 1 and ", "tailnum::date > date '2013-01-01'"),
    ("with é as (select 'ü', carrier from flights) select ", "carrier::smallint from é"),
    ("select * from (select ", "try_cast(carrier as double)::int + dest::int as n from flights) q order by n"),
    ("select (select max(", "cast(name as bigint)) from airlines)"),
]
"""Statements, cut where they fail: both over a relation that jfk sees in part, and over one that it sees whole."""


def place(error: psycopg.Error) -> int | None:
    at = error.diag.statement_position
    return None if at is None else int(at) - 1


@pytest.mark.parametrize("principal", ["admin", "jfk"])
@pytest.mark.parametrize("before, failing", FAILING)
def test_an_error_says_where_in_the_users_text_it_is(server, principal: str, before: str, failing: str) -> None:
    text = before + failing
    casts = [at for at in range(len(text)) if text.startswith(("cast(", "::"), at) and not text.startswith("cast(carrier as double", at)]
    with clients.connect_psycopg(server, principal) as pg:
        for options in ({}, {"prepare": True, "binary": True}):
            with pytest.raises(psycopg.Error) as raised:
                pg.execute(text, **options).fetchall()
            found = place(raised.value)
            assert found is not None and found >= len(before), (raised.value, found)
            # DuckDB means the operand or the operator of `x::type`.
            assert any(abs(found - at) <= len("try_cast(carrier as double)") for at in casts)
        assert pg.execute("select 1").fetchone() == (1,)


def test_a_write_says_where_its_query_fails(server) -> None:
    with clients.connect_psycopg(server, "admin") as pg:
        pg.execute("create table scratch.main.places (a integer, b varchar)")
        pg.execute("insert into scratch.main.places values (1, 'x')")
        for before, failing in (
            ("insert into scratch.main.places select ", "carrier::integer, 'x' from flights"),
            ("create table scratch.main.other as select ", "cast(carrier as integer) as a from flights"),
            ("update scratch.main.places set a = ", "cast(b as integer)"),
            ("delete from scratch.main.places where a = 1 and ", "b::date is null"),
        ):
            with pytest.raises(psycopg.Error) as raised:
                pg.execute(before + failing)
            found = place(raised.value)
            assert found is not None and len(before) <= found <= len(before) + len("carrier::"), (before, found)
        pg.execute("drop table scratch.main.places")


def test_what_the_client_did_not_send_has_no_place(server) -> None:
    with clients.connect_psycopg(server, "jfk") as pg:
        pg.execute("prepare failing as select cast(carrier as integer) from flights")
        for text in ("execute failing", "summarize select cast(carrier as integer) as n from flights"):
            with pytest.raises(psycopg.Error) as raised:
                pg.execute(text).fetchall()
            assert place(raised.value) is None
