"""The JSON Schema of policy files, by a validator that others wrote: it takes what the server takes, and refuses with it."""

import json
import pathlib
import re
import tomllib

import pytest
from jsonschema import Draft202012Validator

from harness import config, server
from harness.scram import verifier

SCHEMA = json.loads((server.ROOT / "docs" / "policy.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)

#: Tables that only a policy has. Other files of TOML are configurations and cases.
TABLES = ("[[grant]]", "[[mask]]", "[[restrict]]", "[[deny]]", "[[role]]", "[[tag]]", "[[limit]]")

PRINCIPAL = f"[[principal]]\nname = 'p'\nverifier = '{verifier('p')}'\nroles = ['r']\n[[role]]\nname = 'r'\n"
GRANT = PRINCIPAL + "[[grant]]\nrole = 'r'\non = '*.*.*'\nprivileges = ['select']\n"

#: Wrong in form: each is refused by whoever reads it.
WRONG = [
    "[[grants]]\nrole = 'r'\n",
    "version = 3\n",
    "opaque = 'a.b.c'\n",
    "mapping = [1]\n",
    "hash_key_file = 7\n",
    "principal = 'p'\n",
    "[[principal]]\nname = 'p'\n",
    "[[principal]]\nname = 'p'\nverifier = 'x'\npassword = 'y'\n",
    "[[principal]]\nname = 'p'\nverifier = 'x'\nattributes = { level = [1] }\n",
    "[[principal]]\nname = 'p'\nverifier = 'x'\nattributes = { level = 1.5 }\n",
    "[[role]]\nadmin = true\n",
    "[[role]]\nname = 'r'\nadmin = 'yes'\n",
    GRANT.replace("on = '*.*.*'\n", ""),
    GRANT.replace("['select']", "['read']"),
    GRANT.replace("['select']", "'select'"),
    GRANT.replace("['select']", "[]"),
    GRANT + "column = ['a']\n",
    GRANT + "columns = 'a'\n",
    GRANT + "rows = true\n",
    GRANT + "definer = ['p']\n",
    GRANT + "allow_key_oracle = 1\n",
    GRANT + "[[restrict]]\non = '*.*.*'\n",
    GRANT + "[[restrict]]\non = '*.*.*'\nrows = 'true'\nto = 'r'\n",
    GRANT + "[[deny]]\ncolumns = ['a']\n",
    GRANT + "[[mask]]\non = '*.*.*.a'\nwidth = 3\n",
    GRANT + "[[tag]]\nname = 'pii'\n",
    GRANT + "[[limit]]\nto = ['r']\nstatements = -1\n",
    GRANT + "[[limit]]\nto = ['r']\nstatements = 'many'\n",
]


def texts_of(path: pathlib.Path) -> list[str]:
    """The policies in a file: itself, blocks of a document, raw strings of a test in Rust."""
    text = path.read_text()
    if path.suffix == ".toml":
        return [text]
    if path.suffix == ".md":
        return re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return re.findall(r'r#"(.*?)"#', text, re.DOTALL)


def policies() -> list[tuple[str, dict]]:
    """Every whole policy that the repository has, and every part of one that the documents show."""
    root = server.ROOT
    paths = [*root.glob("docs/*.md"), *root.glob("conformance/demo/*.toml"), *root.glob("crates/*/tests/**/*.rs")]
    paths += [p for p in root.glob("crates/*/tests/**/*.toml")]
    found = []
    for path in sorted(paths):
        for text in texts_of(path):
            if any(table in text for table in TABLES) and "{" not in text.replace("attributes = {", ""):
                found.append((str(path.relative_to(root)), tomllib.loads(text)))
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_policies_of_the_repository_are_as_the_schema_says() -> None:
    found = policies()
    wrong = [f"{path}: {error.message}" for path, policy in found for error in VALIDATOR.iter_errors(policy)]
    assert not wrong, "\n".join(wrong)
    places = {path.split("/")[0] for path, _ in found}
    assert len(found) > 20 and places == {"docs", "conformance", "crates"}, [path for path, _ in found]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_in_form_is_refused_by_both(tmp_path, text) -> None:
    assert not VALIDATOR.is_valid(tomllib.loads(text))
    done = server.run("policy", "check", "--config", str(config.write(tmp_path, policy=text)))
    assert done.returncode == 1, done.stdout
    assert "policy.toml" in done.stderr


def test_what_those_are_made_from_is_good(tmp_path) -> None:
    for text in (PRINCIPAL, GRANT):
        assert VALIDATOR.is_valid(tomllib.loads(text))
        done = server.run("policy", "check", "--config", str(config.write(tmp_path, policy=text)))
        assert done.returncode == 0, done.stderr
