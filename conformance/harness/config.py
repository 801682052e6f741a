"""The configuration that the tests run with: the demonstration's, on free ports, with TPC-H beside it."""

import os
import pathlib

from .server import ROOT

DEMO = ROOT / "conformance" / "demo"
NYC = ROOT / "conformance" / "data" / "nycflights13"


def tpch() -> pathlib.Path:
    """The folder of the TPC-H tables; `cargo xtask test` makes it."""
    return pathlib.Path(os.environ.get("EIDER_TPCH", ROOT / ".eider" / "tpch" / "0.01"))


def write(
    folder: pathlib.Path,
    policy: str | None = None,
    more: str = "",
    read_only: dict[str, pathlib.Path] | None = None,
    read_write: dict[str, pathlib.Path] | None = None,
) -> pathlib.Path:
    """Writes a configuration into `folder` and returns its path.

    `policy` is the text of a policy file, else the demonstration's. `read_write` has data that may be written beside the
    scratch catalog, `read_only` the rest, else the demonstration's and TPC-H; the first is the default catalog. `more` is
    put at the end.
    """
    (folder / "policy.toml").write_text(policy if policy is not None else (DEMO / "policy.toml").read_text())
    if not read_only and not read_write:
        read_only = {"nyc": NYC, "tpch": tpch().resolve()}
    catalogs = [(name, path, "read_write") for name, path in (read_write or {}).items()]
    catalogs += [(name, path, "read_only") for name, path in (read_only or {}).items()]
    catalogs.append(("scratch", folder / "scratch.duckdb", "read_write"))
    text = f'default_catalog = "{catalogs[0][0]}"\n'
    for name, path, mode in catalogs:
        text += f'\n[[catalog]]\nname = "{name}"\npath = "{path}"\nmode = "{mode}"\n'
    text += '\n[policy]\npath = "policy.toml"\n'
    for door in ("pg", "flight", "metrics"):
        text += f'\n[{door}]\nlisten = "127.0.0.1:0"\n'
    path = folder / "eider.toml"
    path.write_text(text + more)
    return path
