//! Temporary files of a mirror, and their clearing after a crash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::remove_file;
use crate::error::VcsError;

/// A directory of one call, removed at its end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(mirror: &Path) -> Result<Self, VcsError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = mirror.join("scratch").join(name);
        fs::create_dir_all(&path).map_err(VcsError::io("creating", &path))?;
        Ok(Self(path))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a scratch directory stays until the mirror is opened next");
        }
    }
}

/// Clears what dead processes left. The caller is alone in the mirror.
pub(crate) fn sweep(mirror: &Path) -> Result<(), VcsError> {
    crate::remove_checkout(&mirror.join("scratch"))?;
    let objects = mirror.join("objects");
    let buckets = entries(&objects).filter(|path| path.file_name().is_some_and(|name| name.len() == 2));
    let places = [mirror.to_owned(), objects.clone(), objects.join("info")].into_iter().chain(buckets);
    for file in places.flat_map(|dir| entries(&dir)).filter(|path| is_left_over(path)) {
        tracing::warn!(path = %file.display(), "a dead process left this; removed");
        remove_file(&file)?;
    }
    Ok(())
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Lock files, and objects that were being written by git (`tmp_obj_…`) or libgit2 (`tmp_object_…`).
fn is_left_over(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let locked = path.extension().is_some_and(|extension| extension == "lock" || extension == "new");
    path.is_file() && (locked || name.starts_with("tmp_obj"))
}
