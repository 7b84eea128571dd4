//! The files of a commit in a new directory, for a build, and their removal.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use crossgate_core::ids::CommitId;
use git2::Repository;

use super::Mirror;
use crate::error::VcsError;
use crate::git;

impl Mirror {
    /// Writes the files of a commit into a directory that is new or empty; its parent exists.
    ///
    /// Modes, links, and line ends by `.gitattributes` are as git checks them out on a machine without configuration: no
    /// filter runs (large files stay pointers), submodules are empty directories. There is no `.git`, so nothing that
    /// leads back to our objects. A link that would lead out of the directory is written as a file that holds its target.
    /// On failure the directory is removed.
    ///
    /// # Errors
    /// [`VcsError::Occupied`], [`VcsError::Git`] for a tree that no git checks out, [`VcsError::DiskFull`].
    pub fn checkout(&self, commit: &CommitId, into: &Path) -> Result<(), VcsError> {
        make_dir(into)?;
        let written = self.write_files(commit, into).map_err(|error| error.at(into));
        if written.is_err() {
            remove_checkout(into)?;
        }
        written
    }

    fn write_files(&self, commit: &CommitId, into: &Path) -> Result<(), VcsError> {
        let into = into.canonicalize().map_err(VcsError::io("resolving", into))?;
        let scratch = self.scratch()?;
        self.in_own(|repo| {
            let commit = git::commit(repo, commit)?;
            let mut command = git::with_own_config(repo.path());
            command
                .args(["-c", "core.bare=false", "read-tree", "--reset", "-u"])
                .arg(commit.id().to_string());
            command.env("GIT_INDEX_FILE", scratch.join("index")).env("GIT_WORK_TREE", &into);
            git::run(command, "read-tree")?;
            confine_links(repo, &scratch.join("index"), &into)
        })
    }
}

/// Replaces links that lead out of a checkout by files that hold their targets.
fn confine_links(repo: &Repository, index: &Path, root: &Path) -> Result<(), VcsError> {
    let failed = || VcsError::repository("reading links");
    let index = git2::Index::open(index).map_err(failed())?;
    for entry in index.iter().filter(|entry| entry.mode & 0o170_000 == 0o120_000) {
        let target = repo.find_blob(entry.id).map_err(failed())?;
        let link = git::path_of(&entry.path);
        if !stays_inside(link, git::path_of(target.content())) {
            let path = root.join(link);
            fs::remove_file(&path).map_err(VcsError::io("removing", &path))?;
            fs::write(&path, target.content()).map_err(VcsError::io("writing", &path))?;
        }
    }
    Ok(())
}

/// Whether a link at `link` leads to a place below the root. `..` counts only in front: further on it would be taken from
/// wherever a link before it leads to.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count() - 1;
    let mut climbing = true;
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(_) => climbing = false,
            Component::ParentDir if climbing && depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    !target.as_os_str().as_bytes().contains(&0)
}

fn make_dir(path: &Path) -> Result<(), VcsError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            if is_empty { Ok(()) } else { Err(VcsError::Occupied { path: path.to_owned() }) }
        }
        made => made.map_err(VcsError::io("creating", path)),
    }
}

/// Removes a directory and all in it, also what a build made read-only. One that is not there is fine.
///
/// # Errors
/// [`VcsError::Io`], for instance if something still writes into it.
pub fn remove_checkout(path: &Path) -> Result<(), VcsError> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path).and_then(|()| fs::remove_dir_all(path))
        }
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(VcsError::io("removing", path)),
    }
}

/// Makes every directory writable; what is in one can then be removed whatever its own mode.
fn open_up(path: &Path) -> io::Result<()> {
    let mut open = vec![path.to_owned()];
    while let Some(dir) = open.pop() {
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}
