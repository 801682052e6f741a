"""Macros that somebody made in a database file: none is called, and none may be named like a built-in."""

import duckdb
import psycopg
import pytest

from harness import clients, config, server

MACROS = [
    "create macro twice(x) as x * 2",
    "create macro hidden() as (select max(tailnum) from planes)",
    "create macro lots(n) as table select * from range(n)",
    "create macro every_plane() as table from planes",
    "create schema s; create macro s.thrice(x) as x * 3",
]

CALLS = [
    "select twice(2)",
    "select m.twice(2)",
    "select main.twice(2)",
    "select m.main.twice(2)",
    "select m.s.thrice(2)",
    "select hidden()",
    "select m.main.hidden()",
    "from lots(3)",
    "from m.main.lots(3)",
    "from every_plane()",
    "select (select max(n) from m.lots(3) t(n))",
    "select max(x) from (select twice(seats) as x from planes)",
    "pivot planes on twice(seats) in (4) using count(*)",
    "pivot planes on seats in (4) using twice(seats)",
    "unpivot planes on twice(seats)",
    "summarize select twice(seats) from planes",
    "explain select twice(seats) from planes",
    "explain from every_plane()",
    "prepare p as select twice($1)",
    "describe select twice(seats) from planes",
    "select seats.twice() from planes",
    "create macro other(x) as x",
    "create or replace macro twice(x) as x",
    "drop macro twice",
]


def _file(path, *macros: str):
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table planes as select 'N1' as tailnum, 4 as seats")
        for macro in macros:
            connection.execute(macro)
    return path


def test_no_macro_is_called(start_server, tmp_path) -> None:
    folder = _file(tmp_path / "m.duckdb", *MACROS)
    policy = (config.DEMO / "policy.toml").read_text()
    running = start_server(policy=policy, read_only={"m": folder, "nyc": config.NYC})
    for who in ("admin", "jfk"):
        with clients.connect_psycopg(running, who, dbname="m") as connection:
            for call in CALLS:
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(call)
                assert refused.value.sqlstate in {"42883", "0A000", "42P01", "42601"}, (call, refused.value)
            if who == "admin":
                assert connection.execute("select seats from planes").fetchall() == [(4,)]
                with pytest.raises(psycopg.errors.UndefinedFunction):
                    connection.execute("select twice(seats) from planes")


@pytest.mark.parametrize("macro", ["lower(x) as x", '"+"(a, b) as a - b', "sum(x) as 1", "range(x) as table select 1", "list_value(x) as x"])
def test_a_file_with_a_macro_like_a_built_in_is_not_opened(tmp_path, macro) -> None:
    path = _file(tmp_path / "m.duckdb", f"create macro {macro}")
    file = config.write(tmp_path, read_only={"m": path, "nyc": config.NYC})
    done = server.run("serve", "--config", str(file))
    assert done.returncode != 0
    assert "macro" in done.stderr + done.stdout, done.stderr
