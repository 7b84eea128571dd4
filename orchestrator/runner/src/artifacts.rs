//! The files of a build that are kept.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

use crate::log::BuildLog;
use crate::workdir::Paths;

/// Copies the files that a job names, up to `limit` bytes together. What cannot be kept is a line in the log.
pub(crate) fn keep(
    named: &[String],
    checkout: &Path,
    paths: &Paths,
    into: &Path,
    limit: u64,
    log: &mut BuildLog<'_>,
) -> io::Result<()> {
    let mut left = limit;
    for name in named {
        match find(name, checkout, paths) {
            Err(reason) => log.note(&format!("artifact `{name}` is not kept: {reason}"))?,
            Ok((_, length)) if length > left => {
                log.note(&format!(
                    "artifact `{name}` is not kept: {length} bytes, more than the {left} left of {limit}"
                ))?;
            }
            Ok((file, length)) => {
                let target = into.join(name);
                fs::create_dir_all(target.parent().unwrap_or(into))?;
                // No more than was measured, should something still write.
                io::copy(&mut file.take(length), &mut File::create(&target)?)?;
                left -= length;
            }
        }
    }
    Ok(())
}

/// Opens a named file: below cargo's target directory if it begins with `target/` and is there, else in the checkout.
fn find(name: &str, checkout: &Path, paths: &Paths) -> Result<(File, u64), String> {
    let path = Path::new(name);
    if name.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("it is not a relative path without `..`".to_owned());
    }
    let in_target = path.strip_prefix("target").ok().and_then(|rest| open_below(&paths.target(), rest).ok());
    let file = match in_target {
        Some(file) => Ok(file),
        None => open_below(checkout, path),
    };
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    Ok((file, metadata.len()))
}

/// Opens a file below a directory that a step could write to: it may have put links there that lead out, or pipes.
fn open_below(dir: &Path, path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let dir = open(dir, flags | OFlags::DIRECTORY, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(&dir, path, flags | OFlags::NONBLOCK, Mode::empty(), resolve)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_kept_and_nothing_leads_out() {
        let root = tempfile::tempdir().unwrap();
        let (paths, into) = (Paths::under(root.path()), root.path().join("kept"));
        let checkout = paths.src.join("repo");
        fs::create_dir_all(checkout.join("dir/target")).unwrap();
        fs::create_dir_all(paths.target().join("doc")).unwrap();
        fs::write(paths.target().join("doc/report"), "in target").unwrap();
        fs::write(checkout.join("dir/plain"), "plain").unwrap();
        fs::write(checkout.join("big"), vec![0; 100]).unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        symlink(root.path().join("secret"), checkout.join("link")).unwrap();
        symlink(root.path(), checkout.join("dir/out")).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, checkout.join("pipe"), fifo, Mode::RUSR, 0).unwrap();
        let notes = RefCell::new(Vec::new());
        let sink = |event| notes.borrow_mut().push(format!("{event:?}"));
        let mut log = BuildLog::new(tempfile::tempfile().unwrap(), 1 << 20, &sink);
        let named = [
            "target/doc/report",
            "dir/plain",
            "big",
            "link",
            "dir/out/secret",
            "../../secret",
            "/etc/passwd",
        ];
        let named: Vec<String> =
            named.into_iter().chain(["pipe", "dir", "none", ""]).map(Into::into).collect();
        keep(&named, &checkout, &paths, &into, 99, &mut log).unwrap();
        assert_eq!(fs::read_to_string(into.join("target/doc/report")).unwrap(), "in target");
        assert_eq!(fs::read_to_string(into.join("dir/plain")).unwrap(), "plain");
        assert_eq!(notes.borrow().len(), named.len() - 2, "{notes:?}");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 2);
    }
}
