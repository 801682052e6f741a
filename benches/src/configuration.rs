//! What the server under test is configured with.

use std::path::{Path, PathBuf};

use crate::Result;

/// The catalog of the data; the queries name it.
pub(crate) const CATALOG: &str = "tpch";

/// DuckDB's memory, here and in the server.
pub(crate) const MEMORY_BYTES: u64 = 4 << 30;

/// Who is granted everything.
pub(crate) const PRINCIPAL: &str = "bench";

/// Who sees some rows of the large tables, and some columns masked.
pub(crate) const GOVERNED: &str = "desk";

/// Writes the server's configuration and policy into a folder. Both principals have this password.
/// Returns the paths of the two files.
pub(crate) fn write(
    folder: &Path,
    database: &Path,
    threads: usize,
    password: &str,
) -> Result<(PathBuf, PathBuf)> {
    let (config_path, policy_path) = (folder.join("eider.toml"), folder.join("policy.toml"));
    std::fs::write(&config_path, config(folder, database, threads))?;
    std::fs::write(&policy_path, policy(&auth::verifier(password)?))?;
    Ok((config_path, policy_path))
}

fn config(folder: &Path, database: &Path, threads: usize) -> String {
    let (database, spill) = (database.display(), folder.join("spill"));
    format!(
        r#"default_catalog = "{CATALOG}"

[[catalog]]
name = "{CATALOG}"
path = "{database}"
mode = "read_only"

[policy]
path = "policy.toml"

[pool]
threads = {threads}
memory = "{MEMORY_BYTES}B"

[spill]
directory = "{}"

[log]
level = "warn"

[pg]
listen = "127.0.0.1:0"

[flight]
listen = "127.0.0.1:0"

[metrics]
enabled = false
"#,
        spill.display()
    )
}

fn policy(verifier: &str) -> String {
    format!(
        r#"[[principal]]
name = "{PRINCIPAL}"
verifier = "{verifier}"
roles = ["all"]

[[principal]]
name = "{GOVERNED}"
verifier = "{verifier}"
roles = ["desk"]

[[role]]
name = "all"

[[role]]
name = "desk"

[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select"]

[[grant]]
role = "desk"
on = "{CATALOG}.main.lineitem"
privileges = ["select"]
rows = "l_shipmode <> 'AIR'"

[[grant]]
role = "desk"
on = "{CATALOG}.main.orders"
privileges = ["select"]
rows = "o_orderpriority <> '1-URGENT'"
{}
[[mask]]
on = "{CATALOG}.main.customer.c_phone"
expr = "left(c_phone, 2) || '***'"
to = ["desk"]

[[mask]]
on = "{CATALOG}.main.supplier.s_acctbal"
expr = "0"
to = ["desk"]
"#,
        ["customer", "nation", "part", "partsupp", "region", "supplier"]
            .map(|table| format!(
                "\n[[grant]]\nrole = \"desk\"\non = \"{CATALOG}.main.{table}\"\nprivileges = [\"select\"]\n"
            ))
            .concat()
    )
}
