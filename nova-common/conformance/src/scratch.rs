//! The directory of one case's own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, io};

/// A directory that is made when it is asked for, and removed with all it holds when the case ends.
pub(crate) struct Scratch {
    path: PathBuf,
    made: OnceLock<()>,
}

impl Scratch {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, made: OnceLock::new() }
    }

    pub(crate) fn dir(&self) -> io::Result<&Path> {
        if self.made.get().is_none() {
            fs::create_dir_all(&self.path)?;
            self.made.get_or_init(|| ());
        }
        Ok(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.made.get().is_some() {
            // What cannot be removed harms nobody: the name is never used again.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}
