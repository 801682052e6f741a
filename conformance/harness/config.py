"""The configuration that the tests run with: the demonstration's, on free ports, with TPC-H beside it."""

import os
import pathlib

from .server import ROOT

DEMO = ROOT / "conformance" / "demo"
NYC = ROOT / "conformance" / "data" / "nycflights13"


def tpch() -> pathlib.Path:
    """The folder of the TPC-H tables; `cargo xtask test` makes it."""
    return pathlib.Path(os.environ.get("EIDER_TPCH", ROOT / ".eider" / "tpch" / "0.01"))


def write(folder: pathlib.Path, policy: str | None = None, more: str = "") -> pathlib.Path:
    """Writes a configuration into `folder` and returns its path. `policy` is the text of a policy file, else the
    demonstration's; `more` is put at the end of the configuration."""
    policy = policy if policy is not None else (DEMO / "policy.toml").read_text()
    (folder / "policy.toml").write_text(policy)
    path = folder / "eider.toml"
    path.write_text(
        f"""
default_catalog = "nyc"

[[catalog]]
name = "nyc"
path = "{NYC}"
mode = "read_only"

[[catalog]]
name = "tpch"
path = "{tpch().resolve()}"
mode = "read_only"

[[catalog]]
name = "scratch"
path = "{folder / "scratch.duckdb"}"
mode = "read_write"

[policy]
path = "policy.toml"

[pg]
listen = "127.0.0.1:0"

[flight]
listen = "127.0.0.1:0"

[metrics]
listen = "127.0.0.1:0"
{more}"""
    )
    return path
