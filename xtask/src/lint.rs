use std::process::Command;

use crate::cargo::{cargo, cargo_with_duckdb};
use crate::failure::Failure;
use crate::place::Place;
use crate::{process, setup, tidy};

/// All checks of the sources and of the dependencies. All of them run; the failures are told together at the end.
pub(crate) fn lint(place: &Place) -> Result<(), Failure> {
    setup::duckdb(place)?;
    let deny = {
        let _alone = setup::alone(place)?;
        setup::cargo_deny::make(place)?
    };
    let results = [
        process::run(cargo(place).args(["fmt", "--all", "--check"])),
        process::run(cargo_with_duckdb(place)?.args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])),
        tidy::tidy(place),
        process::run(
            Command::new(deny)
                .args([
                    "--workspace",
                    "check",
                    "--hide-inclusion-graph",
                    "bans",
                    "licenses",
                    "sources",
                ])
                .current_dir(&place.root),
        ),
    ];
    let failures: Vec<String> = results
        .into_iter()
        .filter_map(Result::err)
        .map(|failure| failure.to_string())
        .collect();
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failure::new(failures.join("\nxtask: ")))
}
