//! Files stay short enough to hold one idea.

use std::fs;
use std::path::{Path, PathBuf};

use super::table::{HARD_LINES, LONG_FILES, SOFT_LINES};
use crate::failure::{Failure, While};
use crate::place::Place;

/// The folders with Rust sources.
const SOURCES: &[&str] = &["benches", "crates", "xtask"];

/// The files that are too long, and the exceptions that are none any more.
pub(super) fn check(place: &Place) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    for folder in SOURCES
        .iter()
        .map(|folder| place.root.join(folder))
        .filter(|folder| folder.exists())
    {
        collect(&folder, &mut files)?;
    }
    let mut breaches = Vec::new();
    for file in &files {
        let text =
            fs::read_to_string(file).while_doing(|| format!("reading {}", file.display()))?;
        let name = file
            .strip_prefix(&place.root)
            .unwrap_or(file)
            .to_string_lossy();
        breaches.extend(breach(&name, text.lines().count(), LONG_FILES));
    }
    let missing = LONG_FILES
        .iter()
        .filter(|(name, _)| !place.root.join(name).exists());
    breaches.extend(
        missing.map(|(name, _)| format!("{name} is listed as a long file and does not exist")),
    );
    Ok(breaches)
}

fn breach(name: &str, lines: usize, exceptions: &[(&str, &str)]) -> Option<String> {
    let excepted = exceptions.iter().any(|(listed, _)| *listed == name);
    match (lines, excepted) {
        (lines, _) if lines > HARD_LINES => Some(format!(
            "{name} has {lines} lines; no file has more than {HARD_LINES}"
        )),
        (lines, false) if lines > SOFT_LINES => Some(format!(
            "{name} has {lines} lines, more than {SOFT_LINES}: split it by idea, or list it with the reason (xtask/src/tidy/table.rs)"
        )),
        (lines, true) if lines <= SOFT_LINES => Some(format!(
            "{name} is listed as a long file and has only {lines} lines"
        )),
        _ => None,
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).while_doing(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .while_doing(|| format!("reading {}", folder.display()))?
            .path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{HARD_LINES, SOFT_LINES, breach};

    #[test]
    fn long_files_need_a_reason_and_very_long_ones_have_none() {
        let exceptions = [("a.rs", "one grammar")];
        assert_eq!(breach("b.rs", SOFT_LINES, &exceptions), None);
        assert!(breach("b.rs", SOFT_LINES + 1, &exceptions).is_some());
        assert_eq!(breach("a.rs", SOFT_LINES + 1, &exceptions), None);
        assert!(breach("a.rs", HARD_LINES + 1, &exceptions).is_some());
        assert!(breach("a.rs", SOFT_LINES, &exceptions).is_some());
    }
}
