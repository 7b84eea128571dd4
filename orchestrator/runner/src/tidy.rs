//! Directories that builds wrote into: removed whatever was done to them, measured, handed over.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Removes a directory and all below it. That there is none is fine.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    // Processes that were killed may take their last breath in there.
    for _ in 0..10 {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => unlock(path)?,
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
    fs::remove_dir_all(path)
}

/// Removes a file. That there is none is fine.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes directories writable for their owner, as a build may have left them otherwise.
fn unlock(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

/// Gives a directory and all below it to a user and group.
///
/// Files with further hard links stay as they are: those belong to a store that other builds share.
pub(crate) fn hand_over(path: &Path, id: u32) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            hand_over(&entry?.path(), id)?;
        }
    } else if metadata.nlink() > 1 {
        return Ok(());
    }
    lchown(path, Some(id), Some(id))
}

/// Says whether a cache can be used again: it takes at most `limit` bytes of disk, and nothing in it is younger than `now`.
///
/// Sources that are placed now would be older than what comes from the future, made by a clock that was wrong or by a job
/// that wants to be believed later.
pub(crate) fn is_fit(path: &Path, limit: u64, now: SystemTime) -> io::Result<bool> {
    let Extent { bytes, newest } = extent(path)?;
    Ok(bytes <= limit && newest <= now)
}

/// How much disk a directory takes, and when something in it was written last.
pub(crate) struct Extent {
    pub(crate) bytes: u64,
    newest: SystemTime,
}

/// Measures all below a directory.
pub(crate) fn extent(path: &Path) -> io::Result<Extent> {
    let mut extent = Extent { bytes: 0, newest: SystemTime::UNIX_EPOCH };
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            extent.bytes += metadata.blocks() * 512;
            extent.newest = extent.newest.max(metadata.modified()?);
            if metadata.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(extent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_locked_is_removed_too() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "x").unwrap();
        for path in [&deep, &root.path().join("a/b")] {
            fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        }
        remove_tree(&root.path().join("a")).unwrap();
        assert!(!root.path().join("a").exists());
        remove_tree(&root.path().join("a")).unwrap();
    }

    #[test]
    fn a_cache_is_fit_by_what_the_disk_holds_and_by_age() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), vec![1; 100_000]).unwrap();
        fs::File::create(root.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
        let now = SystemTime::now() + Duration::from_secs(1);
        assert!(!is_fit(root.path(), 50_000, now).unwrap());
        assert!(is_fit(root.path(), 200_000, now).unwrap());
        assert!(!is_fit(root.path(), 200_000, now - Duration::from_mins(1)).unwrap());
    }

    #[test]
    fn hard_links_keep_their_owner() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can give files away");
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let (own, shared) = (root.path().join("src/own"), root.path().join("src/shared"));
        fs::create_dir(root.path().join("src")).unwrap();
        fs::write(&own, "").unwrap();
        fs::write(root.path().join("store"), "").unwrap();
        fs::hard_link(root.path().join("store"), &shared).unwrap();
        hand_over(&root.path().join("src"), 65534).unwrap();
        assert_eq!(fs::metadata(&own).unwrap().uid(), 65534);
        assert_eq!(fs::metadata(&shared).unwrap().uid(), 0);
    }
}
