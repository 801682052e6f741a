"""`eider policy`: checking, explaining and testing a policy without a server."""

import pytest

from harness import config, server

CASES = config.DEMO / "cases.toml"


def policy(tmp_path, *arguments: str, text: str | None = None):
    return server.run("policy", arguments[0], "--config", str(config.write(tmp_path, policy=text)), *arguments[1:])


def test_the_demonstrations_cases_are_as_expected(tmp_path) -> None:
    done = policy(tmp_path, "test", str(CASES))
    assert (done.returncode, done.stdout) == (0, f"{CASES}: 6 cases, all as expected\n"), done.stderr


def test_another_policy_fails_them_and_says_where(tmp_path) -> None:
    text = (config.DEMO / "policy.toml").read_text() + "\n[[deny]]\non = 'nyc.main.airports'\n"
    done = policy(tmp_path, "test", str(CASES), text=text)
    assert done.returncode == 1
    assert "1 of 6 cases are not as expected" in done.stderr
    assert f'\n  {CASES}:18: jfk: select * from airports' in done.stderr


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("as = 'admin'\nsql = 'select 1'\nrows = [['2']]", "missing [2], not expected [1]"),
        ("as = 'admin'\nsql = 'select null'\ncount = 2", "1 rows, not 2"),
        ("as = 'admin'\nsql = 'values (1), (2)'\nrows = [[2], [1]]\nordered = true", "in another order"),
        ("as = 'admin'\nsql = 'select 1'\nrefused = 'x'", "not refused: 1 rows"),
        ("as = 'jfk'\nsql = 'from planes'\nrefused = 'y'", "refused by another error"),
        ("as = 'jfk'\nsql = 'from planes'\ncount = 1", "refused: relation"),
        ("as = 'admin'\nsql = 'create table scratch.main.made as select 1 as a'\ncount = 0", "read-only transaction"),
        ("as = 'stranger'\nsql = 'select 1'\ncount = 1", 'principal "stranger" does not exist\n'),
        ("as = 'stranger'\nsql = 'from planes'\nrefused = 'does not exist'", 'principal "stranger" does not exist\n'),
        ("as = 'admin'\nsql = 'select 1'", "needs one of rows, count and refused"),
        ("as = 'admin'\nsql = 'select 1'\nrefuse = 'x'", "unknown field"),
    ],
)
def test_what_is_not_as_expected_is_told(tmp_path, case, said) -> None:
    cases = tmp_path / "cases.toml"
    cases.write_text(f"[[case]]\n{case}\n")
    done = policy(tmp_path, "test", str(cases))
    assert done.returncode == 1
    assert said in done.stderr
    assert "cases.toml:" in done.stderr


def test_a_policy_is_checked(tmp_path) -> None:
    good = policy(tmp_path, "check")
    assert (good.returncode, good.stdout) == (0, f"{tmp_path / 'policy.toml'}: good\n"), good.stderr
    other = tmp_path / "other.toml"
    other.write_text("[[grant]]\nrole = 'x'\non = 'a.b.c'\nprivileges = ['select']\n")
    bad = policy(tmp_path, "check", "--policy", str(other))
    assert bad.returncode == 1
    assert 'other.toml:1: there is no role "x"' in bad.stderr
    named = policy(tmp_path, "check", str(other))
    assert (named.returncode, named.stderr) == (1, bad.stderr)
    assert "cannot be used with" in policy(tmp_path, "check", "--policy", str(other), str(other)).stderr
    for verb in ("check", "verify"):
        emptied = policy(tmp_path, verb, text="[[role]]\nname = 'x'\n")
        assert emptied.returncode == 1
        assert "policy.toml: a policy without principals lets nobody in" in emptied.stderr


def test_rules_about_nothing_are_warned_of(tmp_path) -> None:
    text = (config.DEMO / "policy.toml").read_text()
    line = len(text.splitlines()) + 1
    text += "[[deny]]\non = 'nyc.main.flihgts'\n[[mask]]\non = 'nyc.main.gone.x'\nwith = 'null'\n"
    done = policy(tmp_path, "check", text=text)
    expected = [
        f"warning: {tmp_path}/policy.toml:{line}: no relation matches nyc.main.flihgts",
        f"warning: {tmp_path}/policy.toml:{line + 2}: no column matches nyc.main.gone.x",
        f"{tmp_path}/policy.toml: good",
    ]
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr


@pytest.mark.parametrize("verb", [("check",), ("test", str(CASES)), ("explain", "--as", "jfk", "select 1"), ("verify",)])
def test_a_password_in_place_of_a_verifier_is_refused_and_not_shown(tmp_path, verb) -> None:
    text = "[[principal]]\nname = 'jfk'\n\nverifier = 'hunter2'\n"
    done = policy(tmp_path, *verb, text=text)
    assert done.returncode == 1, done.stdout
    assert 'policy.toml:4: principal "jfk": a verifier has the form SCRAM-SHA-256$' in done.stderr
    assert "`eider password` makes a verifier" in done.stderr
    # Nor where the file is no TOML for want of quotes.
    broken = policy(tmp_path, *verb, text=text.replace("'hunter2'", "hunter2"))
    assert broken.returncode == 1
    assert "policy.toml:4: " in broken.stderr
    assert "hunter2" not in done.stdout + done.stderr + broken.stdout + broken.stderr


def test_a_statement_is_explained(tmp_path) -> None:
    done = policy(tmp_path, "explain", "--as", "jfk", "select tailnum from flights")
    assert done.returncode == 0, done.stderr
    assert "mask nyc.main.flights.tailnum: " in done.stdout
    assert "decision: runs" in done.stdout
    refused = policy(tmp_path, "explain", "--as", "jfk", "from planes")
    assert 'decision: refused: relation "planes" does not exist' in refused.stdout
    assert policy(tmp_path, "explain", "--as", "stranger", "select 1").returncode == 1


@pytest.mark.parametrize("verb", [("check",), ("verify", "--corpus", "corpus.sql")])
def test_a_configuration_of_this_folder_needs_no_other(tmp_path, verb) -> None:
    config.write(tmp_path, read_only={"nyc": config.NYC})
    (tmp_path / "corpus.sql").write_text("select * from airlines;")
    done = server.run("policy", *verb, "--config", "eider.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "verb", [("check",), ("test", str(CASES)), ("explain", "--as", "admin", "create table scratch.main.made as select 1 as a")]
)
def test_a_database_that_is_missing_stays_so(tmp_path, verb) -> None:
    done = policy(tmp_path, *verb)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eider.toml", "policy.toml"]
    # Where a server could not make it, it is told.
    path = tmp_path / "eider.toml"
    path.write_text(path.read_text().replace("scratch.duckdb", "no_such_folder/scratch.duckdb"))
    done = server.run("policy", verb[0], "--config", str(path), *verb[1:])
    assert done.returncode == 1
    assert "no_such_folder" in done.stderr


def test_the_schema_is_the_shipped_one() -> None:
    printed = server.run("policy", "schema")
    assert (printed.returncode, printed.stdout) == (0, (server.ROOT / "docs" / "policy.schema.json").read_text())
