"""`eider policy verify`: every principal's answers through every door and form, beside a copy filtered and masked beforehand."""

import json

import duckdb
import psycopg
import pytest

from harness import clients, config, server as program
from harness.scram import verifier

CORPUS = """
-- Comments and several lines are fine.
select origin, count(*) as n, min(tailnum) as a
from nyc.main.flights group by origin order by all;
select f.carrier, a.name, count(*) as n from flights f join airlines a using (carrier) group by all;
select * from flights where day = 31 and month = 12 order by all limit 5;
select * from flights where month = 13;
"""

RULES = f"""
hash_key_file = "key"
mapping = ["wh.main.allowed"]
[[principal]]
name = "eve"
verifier = "{verifier("eve")}"
roles = ["lead"]
attributes = {{ region = "EU", level = 3 }}
[[principal]]
name = "bob"
verifier = "{verifier("bob")}"
roles = ["clerk"]
[[role]]
name = "lead"
roles = ["clerk"]
[[role]]
name = "clerk"
[[grant]]
role = "lead"
on = "wh.main.people"
privileges = ["select"]
rows = "region = attribute('region') or level < attribute('level')"
[[grant]]
role = "clerk"
on = "wh.main.people"
privileges = ["select"]
columns = ["id", "name", "region", "born", "kind"]
rows = "level in (1, 3, 5) or name = current_user"
[[grant]]
role = "clerk"
on = "wh.main.towns"
privileges = ["select"]
[[restrict]]
on = "wh.main.people"
rows = "id < 40"
except = ["lead"]
[[restrict]]
on = "wh.main.people"
rows = "id in (select id from wh.main.allowed where who = current_user) and exists (select 1 from wh.main.allowed a where a.id = people.id)"
[[deny]]
on = "wh.main.people"
columns = ["region"]
to = ["lead"]
[[tag]]
name = "pii"
on = ["wh.main.people.mail", "wh.main.people.\\"full name\\""]
[[mask]]
tag = "pii"
with = "keyed_hash"
[[mask]]
on = "wh.main.people.name"
with = "keep_first 2"
except = ["lead"]
[[mask]]
on = "wh.main.people.born"
with = "year"
[[mask]]
on = "wh.main.people.pay"
with = "bucket 10"
[[mask]]
on = "wh.main.people.level"
expr = "case when level > 2 then 2 else level end"
"""


def verify(*arguments) -> tuple[int, str]:
    done = program.run("policy", "verify", *map(str, arguments))
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.sql"
    path.write_text(CORPUS)
    return path


@pytest.fixture
def passwords(tmp_path):
    path = tmp_path / "passwords.toml"
    path.write_text("".join(f'{name} = "{name}"\n' for name in ("admin", "jfk", "nobody")))
    return path


def test_the_demonstration_shows_what_its_policy_says(tmp_path, corpus) -> None:
    code, said = verify("--config", config.write(tmp_path), "--corpus", corpus)
    assert code == 0, said
    # Five forms. Two principals see flights, and one of the statements finds none; the third sees nothing.
    assert ": 0 differ, 10 vacuous, 20 refused on both sides" in said, said


def test_the_statements_made_for_what_is_seen(tmp_path) -> None:
    """Every kind of rule, over tables of every type that a mask takes."""
    (tmp_path / "key").write_text("a secret that is long enough")
    with duckdb.connect(str(tmp_path / "wh.duckdb")) as connection:
        connection.execute("""create table people as select i::integer as id, 'name' || i as name, i % 7 as level,
            ['EU', 'US', 'AS'][1 + i % 3] as region, 'm' || i || '@x' as mail, 'Full ' || i as "full name",
            date '1960-01-01' + (i * 77)::integer as born, (i * 3.25)::decimal(10, 2) as pay,
            (['a', 'b'][1 + i % 2])::enum('a', 'b') as kind, {'n': i, 's': 's' || i} as st, [i, i + 1] as li
            from range(1, 60) r(i)""")
        connection.execute("""create table allowed as select who, i::integer as id from range(1, 60) r(i), (values ('eve'), ('bob')) w(who)
            where i % 4 <> 0 or who = 'bob'""")
        connection.execute("create table towns as select i as id, 'town' || i as name from range(5) r(i)")
    path = config.write(tmp_path, policy=RULES, read_only={"wh": tmp_path / "wh.duckdb"})
    code, said = verify("--config", path)
    assert code == 0, said
    assert ": 0 differ, " in said, said


def test_a_running_server_is_verified_as_well(server, tmp_path, corpus, passwords) -> None:
    running = ("--pg", server.pg, "--flight", server.flight, "--passwords", passwords, "--principal", "jfk")
    path = config.write(tmp_path)
    code, said = verify("--config", path, "--corpus", corpus, *running)
    assert code == 0, said

    # Somebody else's policy: the answers of the server are not those of its copy.
    other = tmp_path / "other.toml"
    other.write_text((config.DEMO / "policy.toml").read_text().replace("origin = 'JFK'", "origin in ('JFK', 'LGA')"))
    code, said = verify("--config", path, "--corpus", corpus, "--policy", other, *running)
    assert code == 1
    for form in ("pg simple", "pg extended text", "pg extended binary", "flight statement", "flight prepared"):
        assert f"jfk, {form}: select origin" in said, said
    assert "missing [" in said and "LGA" in said, said
    # 15 of 20, as one statement has no rows.
    assert "15 differ, 5 vacuous" in said, said


def test_what_should_not_exist_must_not(server, tmp_path, corpus, passwords) -> None:
    less = tmp_path / "less.toml"
    rules = (config.DEMO / "policy.toml").read_text()
    less.write_text(rules.replace('on = "nyc.main.weather"', 'on = "nyc.main.planes"', 1))
    running = ("--pg", server.pg, "--flight", server.flight, "--passwords", passwords, "--principal", "jfk")
    code, said = verify("--config", config.write(tmp_path), "--corpus", corpus, "--policy", less, *running)
    assert code == 1
    assert 'select * from "nyc"."main"."weather" limit 1\n    answered, and is not to exist' in said, said


def test_what_was_asked_is_a_corpus(start_server, tmp_path) -> None:
    server = start_server(more='\n[audit]\npath = "audit.jsonl"\nsql = true\n')
    counts = "select origin, count(*) as n from flights group by origin"
    longest = "select max(air_time) as m from flights"
    later = "select count(*) as n from flights where month > $1"
    with clients.connect_psycopg(server, "jfk") as jfk:
        for sql in (counts, "set application_name = 'x'", counts, longest):
            jfk.execute(sql)
        jfk.execute(later.replace("$1", "%b"), (7,))
        for refused in ("select * from planes", "delete from flights"):
            with pytest.raises(psycopg.Error):
                jfk.execute(refused)
    server.stop()
    audit = server.log.parent / "audit.jsonl"
    path = config.write(tmp_path)
    code, said = verify("--config", path, "--corpus", audit, "--principal", "jfk")
    assert code == 0, said
    # In five forms, one has no value for its parameter.
    assert ": 0 differ, 0 vacuous, 5 refused on both sides" in said, said
    same = tmp_path / "same.sql"
    same.write_text(f"{counts};\n{longest};\n{later};\n")
    assert verify("--config", path, "--corpus", same, "--principal", "jfk") == (0, said)

    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    for record in lines:
        record.pop("sql", None)
    audit.write_text("".join(json.dumps(record) + "\n" for record in lines))
    code, said = verify("--config", path, "--corpus", audit)
    assert code != 0 and "no record has the text of its statement: [audit] sql = true puts it there" in said, said
    audit.write_text('{"event": "begin"}\n{\n')
    code, said = verify("--config", path, "--corpus", audit)
    assert code != 0 and "line 2 is no record of the audit" in said, said
