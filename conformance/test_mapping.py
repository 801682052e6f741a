"""Rules that look things up in tables, through both doors and the worker's own reading."""

import psycopg
import pytest

from harness import clients, config, server
from test_reload import policy  # noqa: F401
from test_views import both

COUNT = "select count(*) from flights"

RULES = """
[[restrict]]
on = "nyc.main.flights"
rows = "carrier in (select d.carrier from scratch.main.desks d where d.who = current_user)"
to = ["jfk_desk"]

[[restrict]]
on = "nyc.main.flights"
rows = "dest in (select faa from nyc.main.airports where tz = -5)"
to = ["jfk_desk"]
"""

SAME = "select count(*) from flights where origin = 'JFK' and carrier = 'DL' and dest in (select faa from airports where tz = -5)"


def test_what_is_seen_follows_the_mapping_table(policy) -> None:  # noqa: F811
    running = policy.server
    with clients.connect_psycopg(running, "admin") as admin, clients.connect_psycopg(running, "jfk") as jfk:
        admin.execute("create table scratch.main.desks (who varchar, carrier varchar)")
        admin.execute("insert into scratch.main.desks values ('someone', 'AA')")
        mapping = 'mapping = ["scratch.main.desks", "nyc.main.airports"]\n'
        policy.becomes(mapping + policy.text + RULES)
        assert both(running, "jfk", COUNT) == [(0,)]
        admin.execute("insert into scratch.main.desks values ('jfk', 'DL'), ('jfk', null)")
        (expected,) = admin.execute(SAME).fetchall()
        assert 0 < expected[0] < 111_279
        assert both(running, "jfk", COUNT) == [expected]
        assert jfk.execute("select distinct carrier, origin from flights").fetchall() == [("DL", "JFK")]
        with pytest.raises(psycopg.errors.UndefinedTable):
            jfk.execute("select * from scratch.main.desks")
        # Without the table nobody would know who may see what.
        for text in ("drop table scratch.main.desks", "create or replace table scratch.main.desks (who varchar)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the policy looks things up in it"):
                admin.execute(text)
        policy.becomes(policy.text)
        admin.execute("drop table scratch.main.desks")
        assert both(running, "admin", COUNT) == [(336_776,)]


def test_the_check_of_a_policy_knows_them(tmp_path) -> None:
    text = (config.DEMO / "policy.toml").read_text()
    rule = "\n[[restrict]]\non = 'nyc.main.flights'\nrows = 'dest in (select faa from nyc.main.airports)'\n"
    for before, said in [("", "not listed"), ("mapping = ['nyc.main.gone']\n", "policy.toml:1: there is no table nyc.main.gone")]:
        path = config.write(tmp_path, policy=before + text + rule)
        bad = server.run("policy", "check", "--config", str(path))
        assert bad.returncode == 1
        assert said in bad.stderr
    path = config.write(tmp_path, policy="mapping = ['nyc.main.airports']\n" + text + rule)
    assert server.run("policy", "check", "--config", str(path)).returncode == 0
