//! The end of a mirror's objects: all of them can be made again, and nothing else ever removes them.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::error::VcsError;

/// A mirror older than this is put aside when it is opened and nobody else has it open.
const LIFETIME: Duration = Duration::from_hours(7 * 24);
/// How many files one opening removes of what was put aside.
const REMOVED_AT_ONCE: usize = 20_000;

/// Puts a mirror that is too old aside, and removes some of what was put aside. The caller is alone.
///
/// As a whole, not object by object: a merge that is made again writes only what is not there, so a tree that stayed would
/// hide that a file of it went.
pub(crate) fn retire(mirror: &Path) -> Result<(), VcsError> {
    let aside = mirror.with_extension("old");
    // Written once, when the mirror is made.
    let made = fs::metadata(mirror.join("HEAD")).and_then(|head| head.modified());
    let is_old = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > LIFETIME));
    if is_old && !aside.exists() {
        fs::rename(mirror, &aside).map_err(VcsError::io("moving", mirror))?;
    }
    match remove_some(&aside, &mut REMOVED_AT_ONCE.clone()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(VcsError::io("removing", &aside)(error)),
        _ => Ok(()),
    }
}

/// Removes as many files as `left` says, and each directory that is empty then.
fn remove_some(dir: &Path, left: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_some(&entry.path(), left)?;
        } else if *left > 0 {
            fs::remove_file(entry.path())?;
            *left -= 1;
        }
        if *left == 0 {
            return Ok(());
        }
    }
    fs::remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_is_bounded_and_goes_on_where_it_stopped() {
        let root = tempfile::tempdir().unwrap();
        let aside = root.path().join("core.old");
        for bucket in ["ab", "cd"] {
            fs::create_dir_all(aside.join(bucket)).unwrap();
            (0..3).for_each(|n| fs::write(aside.join(bucket).join(n.to_string()), "").unwrap());
        }
        let files = || ["ab", "cd"].map(|bucket| fs::read_dir(aside.join(bucket)).map_or(0, Iterator::count));
        remove_some(&aside, &mut 4).unwrap();
        assert_eq!(files().iter().sum::<usize>(), 2);
        retire(&root.path().join("core.git")).unwrap();
        assert!(!aside.exists());
    }
}
