//! Lets `cargo test` and `cargo run` of every crate above find the shared libduckdb.
//!
//! Cargo sets the loader's search path for what it runs, from the link paths that lie inside its
//! target folder, and then ignores `[env]` of `.cargo/config.toml` for that variable. So the
//! library gets a link path inside: a folder of this build script's own with a symlink in it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    // Without it the library is on the system's own paths, or libduckdb-sys says what is missing.
    let Some(libraries) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else {
        return;
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for name in ["libduckdb.so", "libduckdb.dylib"] {
        let library = libraries.join(name);
        if library.exists() {
            link(&library, &out.join(name)).expect("OUT_DIR is writable");
            println!("cargo::rustc-link-search=native={}", out.display());
        }
    }
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map(|_| ())
}
