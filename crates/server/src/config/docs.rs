//! `docs/configuration.md`, made from the declarations.

use std::fmt::Write as _;

use super::file::ConfigFile;

const HEAD: &str = "\
# Configuration

Made by `eider config docs`; a test keeps it in step with the program.

`eider serve --config FILE` reads one TOML file. A key that is not listed here is an error. Paths are
relative to the file. A variable of the environment beats the file.

- A *time* is a whole number with its unit: `d`, `h`, `min`, `s`, `ms`, `us`, as in `\"30s\"`.
- A *size* is a whole number with its unit: `B`, `kB`, `MB`, `GB`, `TB` (powers of 1000), `KiB`, `MiB`,
  `GiB`, `TiB` (powers of 1024), as in `\"4GiB\"`.
- A *share* is whole percent, as in `\"50%\"`.
- An *address* is `host:port`; `:port` means all interfaces; port 0 takes a free one.

`eider config check --config FILE` checks a file, `eider config dump --config FILE` prints what is in
force.

## Catalogs

`default_catalog` names the catalog of clients that name none; without it, that is the first one.

One `[[catalog]]` for each:

| key | type | default | meaning |
|---|---|---|---|
| `name` | text | | the name in SQL; not `memory`, `system` or `temp` |
| `path` | path | | a DuckDB file, made if `read_write`; or a folder of Parquet files, one table a file or sub-folder |
| `mode` | `read_only` or `read_write` | `\"read_only\"` | whether it takes writes; a folder never does |
";

/// The documentation as Markdown.
pub(crate) fn documentation() -> String {
    let mut page = HEAD.to_owned();
    for section in ConfigFile::sections() {
        let about = section.about.iter().map(|line| line.trim());
        let about = about.collect::<Vec<_>>().join(" ");
        let environment = section.keys.iter().any(|key| key.environment.is_some());
        let (head, rule) = match environment {
            true => (" environment |", "---|"),
            false => ("", ""),
        };
        // Writing to a String does not fail.
        let _ = write!(
            page,
            "\n## `[{}]`\n\n{about}\n\n| key | type | default |{head} meaning |\n|---|---|---|{rule}---|\n",
            section.name
        );
        for key in section.keys {
            let default = match key.default.as_str() {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let variable = match (environment, key.environment) {
                (false, _) => String::new(),
                (true, None) => " |".to_owned(),
                (true, Some(variable)) => format!(" `{variable}` |"),
            };
            let _ = writeln!(
                page,
                "| `{}` | {} | {default} |{variable} {} |",
                key.name, key.value_type, key.about
            );
        }
    }
    page
}
