"""What a principal may take up, by its policy."""

from contextlib import closing

import psycopg
import pyarrow as pa
import pytest

from harness import clients, config
from test_load import ENDLESS, cancelled_after

LIMITS = """
[[limit]]
principal = "jfk"
result_rows = 100
statement_timeout = "300ms"
"""


@pytest.fixture
def limited(start_server):
    return start_server(policy=(config.DEMO / "policy.toml").read_text() + LIMITS)


def test_a_result_ends_where_it_grows_larger(limited) -> None:
    with clients.connect_psycopg(limited, "jfk") as jfk:
        assert len(jfk.execute("select flight from flights limit 100").fetchall()) == 100
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded, match="more than 100 rows"):
            jfk.execute("select flight from flights limit 101")
        assert jfk.execute("select 1 as a").fetchall() == [(1,)]
    with closing(clients.FlightSql(limited.flight, "jfk")) as flight:
        assert flight.query("select flight from flights limit 100").num_rows == 100
        with pytest.raises(pa.ArrowInvalid, match="more than 100 rows"):
            flight.query("select flight from flights limit 101")
    with clients.connect_psycopg(limited, "admin") as admin:
        assert len(admin.execute("select flight from flights limit 101").fetchall()) == 101


def test_a_statement_ends_when_its_time_is_over(limited) -> None:
    with clients.connect_psycopg(limited, "jfk") as jfk:
        with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
            jfk.execute(ENDLESS)
        # A session can set a shorter time for itself, not a longer one.
        jfk.execute("set statement_timeout = '1h'")
        with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
            jfk.execute(ENDLESS)
    with clients.connect_psycopg(limited, "admin") as admin:
        assert cancelled_after(admin) < 1


def grown(first: str, again: str, levels: int = 40) -> str:
    for _ in range(levels):
        first = again.replace("#", first)
    return first


COSTLY = {
    "stars": grown("select 1 as x", "select *, * from (#) q"),
    "names": "select month as c0, " + ", ".join(f"c{k} + c{k} as c{k + 1}" for k in range(40)) + " from flights",
    "structs": grown("select 1 as x", "select {'a': x, 'b': x} as x from (#) q"),
    "limit": f"select 1 as a limit levenshtein('{'a' * 100_000}', '{'b' * 100_000}')",
    "argument": f"execute p (('{'a' * 100}' like '{'%a' * 20}%b')::varchar)",
    "distance": f"execute p (levenshtein('{'a' * 100_000}', '{'b' * 100_000}')::varchar)",
}


@pytest.mark.parametrize("sql", COSTLY.values(), ids=COSTLY.keys())
def test_a_statement_does_not_hold_up_the_planning_of_others(start_server, sql) -> None:
    server = start_server(more="\n[pool]\nplanner_threads = 1\n")
    with clients.connect_psycopg(server, "jfk") as jfk, clients.connect_psycopg(server, "admin") as admin:
        jfk.execute("prepare p (varchar) as select carrier from airlines where carrier = $1")
        with pytest.raises(psycopg.Error) as refused:
            jfk.execute(sql)
        assert refused.value.sqlstate in ("54000", "0A000")
        admin.execute("set statement_timeout = '5s'")
        assert admin.execute("select 1 as not_planned_before").fetchall() == [(1,)]
