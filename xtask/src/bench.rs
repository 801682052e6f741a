use crate::cargo::cargo_with_duckdb;
use crate::failure::Failure;
use crate::place::Place;
use crate::{process, setup, tpch};

/// Runs the package `benches` on the server, both built for speed, over TPC-H at scale 1.
/// The server's path and the data's are in `EIDER_BIN` and `EIDER_TPCH`.
pub(crate) fn bench(place: &Place, arguments: &[&str]) -> Result<(), Failure> {
    setup::everything(place)?;
    let data = tpch::make(place, "1")?;
    let mut build = cargo_with_duckdb(place)?;
    build.args([
        "build",
        "--profile",
        "bench",
        "--package",
        "server",
        "--package",
        "benches",
    ]);
    let server = crate::cargo::built(&mut build, "eider")?;
    process::run(
        cargo_with_duckdb(place)?
            .args(["run", "--profile", "bench", "--package", "benches", "--"])
            .args(arguments)
            .env("EIDER_BIN", server)
            .env("EIDER_TPCH", data),
    )
}
