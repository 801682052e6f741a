//! The shared library of DuckDB, taken from the npm package that carries it: compiling it takes the better part of an hour.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::failure::{Failure, While};
use crate::place::{self, Place};
use crate::process;
use crate::setup::packages;

/// The DuckDB that this checkout is built and tested with.
pub(crate) const VERSION: &str = "1.5.5";
/// The npm packages' own version.
const PACKAGE_VERSION: &str = "1.5.5-r.5";

/// The variable by which the system's loader finds shared libraries.
pub(crate) const SEARCH_PATH: &str = if cfg!(target_os = "macos") {
    "DYLD_FALLBACK_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// One platform's library: the package it is in, its file name, and its SHA-256 in hexadecimal.
struct Library {
    package: &'static str,
    file: &'static str,
    sha256: &'static str,
}

/// The folder in the checkout that holds the library; `.cargo/config.toml` names the same one.
pub(crate) fn folder(place: &Place) -> PathBuf {
    place.local("duckdb").join(VERSION)
}

/// Puts the library where the build looks for it: from the cache, else from the registry. Checked by its hash every time.
pub(crate) fn fetch(place: &Place) -> Result<(), Failure> {
    let library = library()?;
    let wanted = folder(place).join(library.file);
    if is_right(&wanted, &library)? {
        return Ok(());
    }
    let cached = place.cache.join("duckdb").join(VERSION).join(library.file);
    if !is_right(&cached, &library)? {
        download(&library, &cached)?;
    }
    let fresh = place::beside(&wanted)?;
    fs::hard_link(&cached, &fresh)
        .or_else(|_| fs::copy(&cached, &fresh).map(drop)) // another file system
        .and_then(|()| fs::rename(&fresh, &wanted))
        .while_doing(|| format!("placing {}", wanted.display()))
}

fn library() -> Result<Library, Failure> {
    let (package, file, sha256) = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => (
            "linux-x64",
            "libduckdb.so",
            "fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405",
        ),
        ("linux", "aarch64") => (
            "linux-arm64",
            "libduckdb.so",
            "d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e",
        ),
        // One file for both: the library is universal.
        ("macos", arch) => (
            if arch == "aarch64" {
                "darwin-arm64"
            } else {
                "darwin-x64"
            },
            "libduckdb.dylib",
            "b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8",
        ),
        (os, arch) => {
            return Err(Failure::new(format!(
                "there is no ready-made libduckdb {VERSION} for {os} on {arch}: put one into .eider/duckdb/{VERSION}, or build with --features bundled"
            )));
        }
    };
    Ok(Library {
        package,
        file,
        sha256,
    })
}

fn download(library: &Library, into: &Path) -> Result<(), Failure> {
    packages::need(packages::NPM)?;
    packages::need(packages::TAR)?;
    let package = format!(
        "@duckdb/node-bindings-{}@{PACKAGE_VERSION}",
        library.package
    );
    eprintln!("xtask: fetching libduckdb {VERSION} (npm package {package})");
    let scratch = place::beside(into)?;
    fs::create_dir_all(&scratch).while_doing(|| format!("creating {}", scratch.display()))?;
    let packed = Command::new("npm")
        .args(["pack", "--silent", &package])
        .current_dir(&scratch)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .while_doing(|| "starting npm".to_owned())?;
    let archive = String::from_utf8_lossy(&packed.stdout).trim().to_owned();
    if !packed.status.success() || archive.is_empty() {
        return Err(Failure::new(format!(
            "npm could not fetch {package}: it needs the npm registry, or {} in place already",
            into.display()
        )));
    }
    process::run(
        Command::new("tar")
            .args([
                "-xzf",
                &archive,
                "--strip-components=1",
                &format!("package/{}", library.file),
            ])
            .current_dir(&scratch),
    )?;
    let unpacked = scratch.join(library.file);
    let found = sha256(&unpacked)?;
    if found.as_deref() != Some(library.sha256) {
        return Err(Failure::new(format!(
            "{} of {package} has the SHA-256 {}, not {}: it is not the library this checkout was tested with",
            library.file,
            found.unwrap_or_default(),
            library.sha256
        )));
    }
    fs::rename(&unpacked, into).while_doing(|| format!("placing {}", into.display()))?;
    place::remove(&scratch)
}

fn is_right(file: &Path, library: &Library) -> Result<bool, Failure> {
    Ok(sha256(file)?.as_deref() == Some(library.sha256))
}

/// The file's SHA-256 in hexadecimal; `None` if there is no such file.
fn sha256(file: &Path) -> Result<Option<String>, Failure> {
    let Ok(mut opened) = File::open(file) else {
        return Ok(None);
    };
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = opened
            .read(&mut chunk)
            .while_doing(|| format!("reading {}", file.display()))?;
        if read == 0 {
            return Ok(Some(hexadecimal(&hasher.finalize())));
        }
        hasher.update(&chunk[..read]);
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
