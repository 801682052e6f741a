"""Columns of fixed length behind rules: DuckDB has no CASE over ARRAY where some are NULL, and barriers are made of CASE."""

from contextlib import closing

from harness import clients, config

RULES = """
[[grant]]
role = "jfk_desk"
on = "scratch.main.points"
privileges = ["select"]
rows = "id <> 4"
columns = ["id", "spot", "pair", "in_struct"]

[[grant]]
role = "jfk_desk"
on = "scratch.main.points"
privileges = ["select"]
rows = "id > 1"
"""

TABLE = """create table scratch.main.points as
select i as id, (case when i % 2 = 0 then [i, i + 0.5, -i] end)::double[3] as spot,
    (case when i % 3 = 0 then null else [i, i] end)::integer[2] as pair,
    {'p': (case when i % 2 = 1 then [i, i] end)::integer[2], 'q': i} as in_struct,
    (case when i % 2 = 1 then ['a', 'b'] end)::varchar[2] as narrowed
from range(6) r(i)"""


def test_arrays_with_nulls_are_read_through_barriers(start_server) -> None:
    server = start_server(policy=(config.DEMO / "policy.toml").read_text() + RULES)
    with clients.connect_psycopg(server, "admin") as admin, clients.connect_psycopg(server, "jfk") as jfk:
        admin.execute(TABLE)
        sql = "select id, spot::varchar, pair::varchar, in_struct::varchar, {} from scratch.main.points order by id"
        expected = admin.execute(sql.format("case when id > 1 then narrowed::varchar end")).fetchall()
        assert len(expected) == 6
        assert jfk.execute(sql.format("narrowed::varchar")).fetchall() == expected
        types = "select typeof(spot), typeof(pair), typeof(in_struct), typeof(narrowed) from scratch.main.points limit 1"
        assert jfk.execute(types).fetchone() == admin.execute(types).fetchone()
        assert jfk.execute("select sum(spot[1]), max(in_struct.p[2]) from scratch.main.points where id in (2, 3)").fetchall() == \
            admin.execute("select sum(spot[1]), max(in_struct.p[2]) from scratch.main.points where id in (2, 3)").fetchall()
    with closing(clients.FlightSql(server.flight, "jfk")) as flight:
        table = flight.query("select id, spot, pair from scratch.main.points order by id")
        assert table.column("spot").to_pylist()[:3] == [[0.0, 0.5, 0.0], None, [2.0, 2.5, -2.0]]
