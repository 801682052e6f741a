"""`eider policy verify`: every principal's answers through every door and form, beside a copy filtered and masked beforehand."""

import json

import duckdb
import psycopg
import pytest

from harness import clients, config, server as program
from harness.scram import verifier

FORMS = ("pg simple", "pg extended text", "pg extended binary", "flight statement", "flight prepared")

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
[[grant]]
role = "clerk"
on = "wh.main.sums"
privileges = ["select"]
columns = ["id", "pay", "pay + 1", "more", "named"]
[[grant]]
role = "clerk"
on = "wh.main.reserved"
privileges = ["select"]
[[mask]]
on = "wh.main.sums.pay"
with = "null"
except = ["lead"]
# Only "eve" has the attribute.
[[grant]]
role = "clerk"
on = "wh.main.towns"
privileges = ["select"]
columns = ["id"]
rows = "attribute('region') is not null"
[[mask]]
on = "wh.main.towns.name"
expr = "case when attribute('level') > 2 then name else 'no' end"
[[mask]]
on = "wh.main.people.level"
expr = "case when level > 2 then 2 else level end"
"""

# Views of every kind: over others, over Parquet, in another schema, with rules of their own, with a definer's rights.
VIEWS = """
create table people as select i::integer as id, 'name' || i as name, ['EU', 'US', 'AS'][1 + i % 3] as region, i * 7 as pay,
    (['a', 'b'][1 + i % 2])::enum('a', 'b') as kind from range(1, 60) r(i);
create table allowed as select i::integer as id from range(1, 60) r(i) where i % 4 <> 0;
create table gone as select 1 as a;
create schema other;
create table other.local as select i as id from range(5) r(i);
create view names as select id, name, kind from people where id > 3;
create view stars as select p.*, 1 as one from people p;
create view listed (a, b, c, d, e) as from people;
create view twice as select a.*, b.* from names a join wh.main.names b using (id);
create view pay as select pay from people;
create view over_names as with n as (from stars) select n.id, upper(n.name) as name, current_user as who from n;
create view other.counted (who, n) as select current_user, count(*) from main.people;
create view other.locals as select * from local;
create view ruled as select id, name, region, kind from people;
create view over_ruled as select region, count(*) as n, min(name) as a from ruled group by region;
create view lent as select id, name, kind, current_user as who from people;
create view own as select id from people;
create view jfk as select carrier, count(*) as n, min(tailnum) as t from nyc.main.flights group by carrier;
create view broken as from gone;
"""

VIEW_RULES = f"""
mapping = ["wh.main.allowed"]
[[principal]]
name = "admin"
verifier = "{verifier("admin")}"
roles = ["all"]
[[principal]]
name = "eve"
verifier = "{verifier("eve")}"
roles = ["eu"]
attributes = {{ region = "EU" }}
[[principal]]
name = "kim"
verifier = "{verifier("kim")}"
roles = ["guest"]
[[role]]
name = "all"
admin = true
[[role]]
name = "eu"
[[role]]
name = "guest"
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select"]
[[grant]]
role = "eu"
on = "wh.main.people"
privileges = ["select"]
columns = ["id", "name", "region", "kind"]
rows = "region = attribute('region') or id < 9"
[[mask]]
on = "wh.main.people.name"
with = "keep_last 1"
except = ["all"]
[[grant]]
role = "eu"
on = "nyc.main.flights"
privileges = ["select"]
rows = "origin = 'JFK'"
[[grant]]
role = "eu"
on = "wh.other.*"
privileges = ["select"]
"""

# All views but those over what another view must not show.
for _view in ["names", "stars", "listed", "twice", "pay", "over_names", "ruled", "over_ruled", "lent", "jfk", "broken"]:
    VIEW_RULES += f"""
[[grant]]
role = "eu"
on = "wh.main.{_view}"
privileges = ["select"]
"""

VIEW_RULES += """
[[restrict]]
on = "wh.main.ruled"
rows = "id in (select id from wh.main.allowed) and region <> 'AS'"
[[mask]]
on = "wh.main.ruled.id"
with = "bucket 10"
except = ["all"]
[[grant]]
role = "guest"
on = "wh.main.lent"
privileges = ["select"]
definer = "eve"
rows = "id in (2, 3, 5, 8, 12, 15, 21, 30) and who = current_user"
[[grant]]
role = "guest"
on = "wh.main.over_ruled"
privileges = ["select"]
definer = "eve"
[[grant]]
role = "guest"
on = "wh.main.names"
privileges = ["select"]
definer = "admin"
[[grant]]
role = "eu"
on = "wh.main.own"
privileges = ["select"]
definer = "eve"
[[deny]]
on = "wh.main.twice"
columns = ["kind"]
to = ["guest", "eu"]
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
    path.write_text("".join(f'{name} = "{name}"\n' for name in ("admin", "jfk", "nobody", "eve", "kim")))
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
        # What is computed of something masked is hidden, and of something hidden where no grant names it.
        connection.execute("""create table sums (id integer, pay integer, level integer, "pay + 1" integer generated always as (pay + 1),
            more integer generated always as ("PAY + 1" + 1), named integer generated always as (level * 2))""")
        connection.execute('create table reserved as select 1 as id, 2 as "__Eider_rid"')
        connection.execute("insert into sums (id, pay, level) select i, i * 3, i % 5 from range(9) r(i)")
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
    for form in FORMS:
        assert f"jfk, {form}: select origin" in said, said
    assert "missing [" in said and "LGA" in said, said
    # 15 of 20, as one statement has no rows.
    assert "15 differ, 5 vacuous" in said, said
    # Each difference in the same form: who asked what, and below it in what they differ.
    told = [line for line in said.splitlines()[1:] if "day = 31" in line or "rows differ" in line]
    assert {line.startswith("  jfk, ") for line in told if "day = 31" in line} == {True}, said
    assert {line.startswith("    ") for line in told if "rows differ" in line} == {True}, said


def test_what_is_not_the_same_each_time_is_unstable(tmp_path, corpus) -> None:
    corpus.write_text("select faa from airports where alt > 99;\nselect faa, random() as r from airports;\n")
    arguments = ("--config", config.write(tmp_path, read_only={"nyc": config.NYC}), "--corpus", corpus)
    code, said = verify(*arguments, "--principal", "jfk")
    assert code == 0, said
    unstable = [f"unstable: jfk, {form}: select faa, random() as r from airports" for form in FORMS]
    # Beside the stable statement, that planes are hidden.
    assert said.splitlines() == [*unstable, "10 answers compared: 0 differ, 0 vacuous, 0 refused on both sides, 5 unstable"]


def test_a_hidden_row_shows_where_something_else_is_unstable(server, tmp_path, corpus, passwords) -> None:
    """The server goes by one policy, the copy by another: random() does not hide it."""
    other = tmp_path / "other.toml"
    other.write_text((config.DEMO / "policy.toml").read_text().replace("origin = 'JFK'", "origin in ('JFK', 'LGA')"))
    doors = ("--pg", server.pg, "--flight", server.flight, "--passwords", passwords)
    for sql in (
        "select origin, dest, random() as r from flights where day = 31",
        "select count(*) as n, random() as r from flights",
        "select random() as r from flights where day = 31",
    ):
        corpus.write_text(f"{sql};\n")
        arguments = ("--config", config.write(tmp_path), "--policy", other, "--corpus", corpus, "--principal", "jfk")
        code, said = verify(*arguments, *doors)
        assert code == 1 and ": 5 differ, " in said and "unstable" not in said, said


def test_who_can_not_log_in_is_named(server, tmp_path, corpus) -> None:
    passwords = tmp_path / "wrong.toml"
    passwords.write_text('jfk = "not it"\n')
    arguments = ("--config", config.write(tmp_path), "--corpus", corpus, "--passwords", passwords, "--principal", "jfk")
    for door, address in (("--pg", server.pg), ("--flight", server.flight)):
        code, said = verify(*arguments, door, address)
        assert code == 1 and f'"jfk" can\'t log in at {address}: ' in said, said
        assert "password" in said and "not it" not in said, said
        code, said = verify(*arguments, door, "127.0.0.1:1")
        assert code == 1 and "can't reach the server at 127.0.0.1:1: " in said, said
    passwords.write_text("jfk = not it\n")
    code, said = verify(*arguments, "--pg", server.pg)
    assert code == 1 and "wrong.toml: " in said and "not it" not in said, said


def test_what_should_not_exist_must_not(server, tmp_path, corpus, passwords) -> None:
    less = tmp_path / "less.toml"
    rules = (config.DEMO / "policy.toml").read_text()
    less.write_text(rules.replace('on = "nyc.main.weather"', 'on = "nyc.main.planes"', 1))
    running = ("--pg", server.pg, "--flight", server.flight, "--passwords", passwords, "--principal", "jfk")
    code, said = verify("--config", config.write(tmp_path), "--corpus", corpus, "--policy", less, *running)
    assert code == 1
    assert 'select * from "nyc"."main"."weather" limit 1\n    answered, and is not to exist' in said, said


@pytest.fixture
def views(tmp_path):
    """A file of plain DuckDB with views, beside Parquet; and statements that read each of them."""
    folder, path, corpus = tmp_path / "nyc", tmp_path / "wh.duckdb", tmp_path / "views.sql"
    folder.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute("attach ':memory:' as nyc")
        flights = f"from '{config.NYC}/flights.parquet' where day = 9 and month = 4"
        connection.execute(f"copy ({flights}) to '{folder}/flights.parquet'")
        connection.execute(f"create view nyc.main.flights as from '{folder}/flights.parquet'")
        connection.execute(VIEWS)
        connection.execute("drop table gone")
        found = connection.execute("select schema_name || '.' || view_name from duckdb_views() where database_name = 'wh' and not internal")
        corpus.write_text("".join(f"select * from wh.{name};\n" for (name,) in found.fetchall()))
    return {"nyc": folder, "wh": path}, corpus


def test_views_are_compared(tmp_path, views) -> None:
    read_only, corpus = views
    path = config.write(tmp_path, policy=VIEW_RULES, read_only=read_only)
    code, said = verify("--config", path, "--corpus", corpus)
    assert code == 0, said
    # Of 14 views admin sees 13, eve 11 and kim 3. What is hidden, of 4 tables too, is asked for once more.
    refused = (14 - 13) + (14 - 11) + (14 - 3)
    asked = 3 * 14 + refused + (4 - 4) + (4 - 3) + (4 - 0)
    assert said == f"{5 * asked} answers compared: 0 differ, 0 vacuous, {5 * refused} refused on both sides\n"


# What the copy's policy says otherwise than the server's, and what is told of the views where it shows.
WRONG = {
    "rules": (
        {
            "and region <> 'AS'": "",
            'with = "bucket 10"': 'with = "bucket 5"',
            "rows = \"region = attribute('region') or id < 9\"": "rows = \"region = attribute('region') or id < 5\"",
            "rows = \"origin = 'JFK'\"": "rows = \"origin <> 'LGA'\"",
            'on = "wh.main.own"': 'on = "wh.main.unknown"',
            'columns = ["kind"]\nto': 'columns = ["name"]\nto',
        },
        {"ruled": "rows differ", "over_names": "rows differ", "jfk": "rows differ", "own": "answered, and", "twice": "columns ["},
    ),
    "columns": ({'"name", "region", "kind"]': '"name", "kind"]'}, {"stars": "columns [", "ruled": "answered, and"}),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_policy_shows_in_views(start_server, tmp_path, views, passwords, kind) -> None:
    """The server goes by one policy, the copy by another: it shows in every form."""
    read_only, corpus = views
    changes, shown = WRONG[kind]
    other = VIEW_RULES
    for rule, wrong in changes.items():
        assert other.count(rule) == 1
        other = other.replace(rule, wrong)
    corpus.write_text("".join(f"select * from wh.main.{view};\n" for view in shown))
    running = start_server(policy=VIEW_RULES, read_only=read_only)
    path = config.write(tmp_path, policy=other, read_only=read_only)
    doors = ("--pg", running.pg, "--flight", running.flight, "--passwords", passwords)
    code, said = verify("--config", path, "--corpus", corpus, "--principal", "eve", *doors)
    assert code == 1, said
    for form in FORMS:
        for view, told in shown.items():
            _, _, rest = said.partition(f"eve, {form}: select * from wh.main.{view}\n")
            assert told in rest.partition("\n")[0], said


def test_a_wrong_policy_shows_in_a_view_with_lent_rights(start_server, tmp_path, views, passwords) -> None:
    read_only, corpus = views
    running = start_server(policy=VIEW_RULES, read_only=read_only)
    lent = VIEW_RULES.replace('definer = "admin"', 'definer = "eve"').replace("15, 21, 30", "15, 21")
    path = config.write(tmp_path, policy=lent, read_only=read_only)
    doors = ("--pg", running.pg, "--flight", running.flight, "--passwords", passwords)
    code, said = verify("--config", path, "--corpus", corpus, "--principal", "kim", *doors)
    assert code == 1, said
    for form in FORMS:
        assert f"kim, {form}: select * from wh.main.names\n" in said, said
        assert f"kim, {form}: select * from wh.main.lent\n" in said, said


HELD_RULES = """
[[grant]]
role = "jfk_desk"
on = "scratch.*.*"
privileges = ["select"]
rows = "n <> 3"
[[deny]]
on = "scratch.main.late"
to = ["jfk_desk"]
[[mask]]
on = "scratch.main.kinds.s"
with = "keep_first 1"
except = ["admin"]
[[grant]]
role = "desk"
on = "scratch.main.lent"
privileges = ["select"]
definer = "jfk"
[[role]]
name = "desk"
"""

# What only the running server can read: its own file. Not every type goes to clients.
HELD = """
create table kinds as select i::integer as n, 'a text ' || i as s, i::hugeint * 10000000000000000000 as h,
    (i * 1.25)::decimal(12, 2) as d, i::double / 3 as f, date '2020-01-01' + i::integer as day, timestamptz '2020-01-01 00:00:00Z' + to_seconds(i) as moment,
    interval 3 days as iv, [i, null] as li, {'x': i, 'y': ['z']} as st, map {'k': i} as m, (['a', 'b'][1 + i % 2])::enum('a', 'b') as e,
    '5d4e64a9-3ff0-4d4c-9d6a-1d3a8f4b6d0a'::uuid as u, 'ab'::blob as b, case when i % 7 <> 0 then 'null' end as maybe
    from range(5000) r(i);
create table empty (n integer, s varchar);
create table wide as select 1 as n, 5::uhugeint as w;
create schema more;
create table more.towns as select i as n, 'town ' || i as name from range(10) r(i);
"""

HELD_VIEWS = [
    "create view scratch.main.late as select *, flight as n from flights where dep_delay > 300",
    "create view scratch.main.stars as select * from scratch.main.kinds",
    "create view scratch.main.above as select count(*) as n, max(s) as s, current_user as who from scratch.main.stars",
    "create view scratch.main.lent as select n, s, e from scratch.main.kinds where n < 9",
    "create view scratch.main.over_wide as select n from scratch.main.wide",
]

HELD_CORPUS = """
select * from scratch.main.kinds order by n limit 20;
select count(*) as n, bit_xor(hash(n, s, h, d, f, day, moment, li, m, u, b, maybe)) as h from scratch.main.kinds;
select * from scratch.main.empty;
select * from scratch.more.towns;
select n, s from scratch.main.stars where n > 4990;
select flight, origin, tailnum from scratch.main.late;
select * from scratch.main.above;
select * from scratch.main.lent;
"""


@pytest.fixture
def held(tmp_path):
    """A server with tables and views in its read_write catalog: its policy, and the arguments that verify it."""
    policy = (config.DEMO / "policy.toml").read_text().replace("roles = []", 'roles = ["desk"]') + HELD_RULES
    path = config.write(tmp_path, policy=policy)
    with duckdb.connect(str(tmp_path / "scratch.duckdb")) as connection:
        connection.execute(HELD)
    passwords, corpus = tmp_path / "passwords.toml", tmp_path / "held.sql"
    passwords.write_text("".join(f'{name} = "{name}"\n' for name in ("admin", "jfk", "nobody")))
    corpus.write_text(HELD_CORPUS)
    running = program.Server.start(path, tmp_path)
    try:
        with clients.connect_psycopg(running, "admin") as admin:
            for view in HELD_VIEWS:
                admin.execute(view)
        doors = ("--pg", running.pg, "--flight", running.flight, "--passwords", passwords)
        yield policy, path, ("--corpus", corpus, *doors)
    finally:
        running.stop()


def test_what_a_running_server_holds_is_verified(held) -> None:
    policy, path, arguments = held
    code, said = verify("--config", path, *arguments, "--raw-as", "admin")
    assert code == 0, said
    # What can't be had is named, and what is over it.
    lines = said.splitlines()
    assert lines[0].startswith('not compared: "scratch"."main"."wide": ') and "UHUGEINT" in lines[0], said
    over = '"scratch"."main"."over_wide": it may read what can\'t be read'
    assert lines[1:3] == [f"not compared: admin: {over}", f"not compared: jfk: {over}"], said
    # Of 8 statements admin is answered all, jfk all but one and nobody one; there is an empty table.
    assert len(lines) == 4 and ": 0 differ, 10 vacuous, 40 refused on both sides; 3 relations not compared" in lines[3], said

    # And the answers of the server are not those of its copy under another policy.
    other = path.with_name("other.toml")
    other.write_text(policy.replace("rows = \"n <> 3\"", "rows = \"n <> 4\"").replace('with = "keep_first 1"', 'with = "keep_first 2"'))
    arguments = ("--config", path, "--policy", other, *arguments, "--raw-as", "admin")
    code, said = verify(*arguments, "--principal", "jfk", "--principal", "nobody")
    assert code == 1
    for form in FORMS:
        for table in ("kinds order by n limit 20", "above", "lent"):
            assert f"jfk, {form}: select * from scratch.main.{table}\n" in said, said
        assert f"nobody, {form}: select * from scratch.main.lent\n" in said, said
        assert f"jfk, {form}: select * from scratch.more.towns\n" in said, said


def test_what_a_running_server_holds_is_asked_of_who_sees_all(held) -> None:
    _, path, arguments = held
    code, said = verify("--config", path, *arguments, "--raw-as", "jfk")
    assert (code, said) == (1, 'eider: "jfk" may not see all of "nyc", so what it is shown is not the raw data\n')


def test_what_a_running_server_holds_may_be_passed_over(held) -> None:
    _, path, (option, corpus, *doors) = held
    corpus.write_text("select * from airlines;")
    # In five forms; and that planes and all of TPC-H are hidden.
    code, said = verify("--config", path, option, corpus, *doors, "--principal", "jfk")
    assert (code, said) == (0, "50 answers compared: 0 differ, 0 vacuous, 0 refused on both sides; not read: scratch\n")


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
