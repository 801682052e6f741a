use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, While};

/// Where things are: the checkout, its ignored folder `.eider`, and the cache that all checkouts on this machine share.
#[derive(Debug)]
pub(crate) struct Place {
    /// The root of the checkout.
    pub(crate) root: PathBuf,
    /// What is fetched or made once per machine.
    pub(crate) cache: PathBuf,
}

impl Place {
    pub(crate) fn find() -> Result<Self, Failure> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        // The folder compiled in is wrong where a target folder is shared by two checkouts, so the one cargo names now comes first.
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or(manifest.to_owned(), PathBuf::from);
        let root = manifest
            .parent()
            .ok_or_else(|| Failure::new("xtask must lie in a folder of the checkout"))?
            .to_owned();
        let cache = match (std::env::var_os("EIDER_CACHE"), std::env::var_os("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => Path::new(&home).join(".cache/eider"),
            (None, None) => {
                return Err(Failure::new(
                    "neither EIDER_CACHE nor HOME is set: set EIDER_CACHE to a folder",
                ));
            }
        };
        fs::create_dir_all(&cache).while_doing(|| format!("creating {}", cache.display()))?;
        Ok(Self { root, cache })
    }

    /// A path inside `.eider`, the checkout's folder that git ignores.
    pub(crate) fn local(&self, path: &str) -> PathBuf {
        self.root.join(".eider").join(path)
    }
}

/// Makes `link` a symbolic link to `target`, replacing an older link in one step.
pub(crate) fn link(target: &Path, link: &Path) -> Result<(), Failure> {
    if fs::read_link(link).is_ok_and(|now| now == target) {
        return Ok(());
    }
    let fresh = beside(link)?;
    std::os::unix::fs::symlink(target, &fresh)
        .and_then(|()| fs::rename(&fresh, link))
        .while_doing(|| format!("linking {} to {}", link.display(), target.display()))
}

/// A name next to `path` for a file or folder that takes its place by rename when it is complete.
/// The parent exists afterwards; what an earlier, broken run left under the name is gone.
pub(crate) fn beside(path: &Path) -> Result<PathBuf, Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let fresh = path.with_file_name(name);
    let parent = fresh.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).while_doing(|| format!("creating {}", parent.display()))?;
    remove(&fresh)?;
    Ok(fresh)
}

/// Removes a file, a link or a whole folder; nothing there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.while_doing(|| format!("removing {}", path.display()))
}
