//! The files of a build that are kept.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path};

use crossgate_core::ids::RepoName;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, open, openat2, unlinkat};
use rustix::io::Errno;

use crate::log::BuildLog;
use crate::workdir::Paths;

/// Copies the files that a job names, up to `limit` bytes together. What cannot be kept is a line in the log.
pub(crate) fn keep(
    named: &[String],
    repo: &RepoName,
    paths: &Paths,
    into: &Path,
    limit: u64,
    log: &mut BuildLog<'_>,
) -> io::Result<()> {
    let mut left = limit;
    for name in named {
        match find(name, repo, paths) {
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

/// Removes the files that a job names below cargo's target directory, as an earlier build left them there: else one could be
/// kept as this build's. What [`keep`] would not open either stays.
///
/// # Errors
/// Those of the file system; the cache is then not to be used.
pub(crate) fn forget(named: &[String], paths: &Paths) -> io::Result<()> {
    for path in named.iter().map(Path::new).filter(|path| path.starts_with("target") && is_plain(path)) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
        let parent = open_below(&paths.cache, parent, OFlags::PATH | OFlags::DIRECTORY);
        match parent.and_then(|parent| unlinkat(parent, name, AtFlags::empty())) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ISDIR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Opens a named file: below cargo's target directory if it begins with `target/` and is there, else in the checkout.
fn find(name: &str, repo: &RepoName, paths: &Paths) -> Result<(File, u64), String> {
    let path = Path::new(name);
    if !is_plain(path) {
        return Err("it is not a relative path without `..`".to_owned());
    }
    let to_read = OFlags::RDONLY | OFlags::NONBLOCK;
    let in_target =
        if path.starts_with("target") { open_below(&paths.cache, path, to_read) } else { Err(Errno::NOENT) };
    let file = in_target.or_else(|_| open_below(&paths.src, &Path::new(repo.as_str()).join(path), to_read));
    let file = File::from(file.map_err(|error| match error {
        Errno::NOENT => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?);
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    Ok((file, metadata.len()))
}

fn is_plain(path: &Path) -> bool {
    !path.as_os_str().is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Opens what is below a directory that steps can write to but cannot replace: they may have put links there that lead out,
/// or pipes.
fn open_below(dir: &Path, path: &Path, how: OFlags) -> Result<OwnedFd, Errno> {
    let dir = open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(&dir, path, how | OFlags::CLOEXEC, Mode::empty(), resolve)
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
        symlink("repo", paths.src.join("link")).unwrap();
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
        keep(&named, &repo("repo"), &paths, &into, 99, &mut log).unwrap();
        assert_eq!(fs::read_to_string(into.join("target/doc/report")).unwrap(), "in target");
        assert_eq!(fs::read_to_string(into.join("dir/plain")).unwrap(), "plain");
        assert_eq!(notes.borrow().len(), named.len() - 2, "{notes:?}");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 2);
        // Nor does a step get out by putting a link where its checkout or the target directory was.
        fs::rename(paths.target(), paths.cache.join("moved")).unwrap();
        symlink("moved", paths.target()).unwrap();
        for (name, from) in [("target/doc/report", "repo"), ("dir/plain", "link")] {
            assert!(find(name, &repo(from), &paths).is_err(), "{name}");
        }
    }

    #[test]
    fn what_an_earlier_build_left_is_forgotten_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let (paths, outside) = (Paths::under(root.path()), root.path().join("outside"));
        fs::create_dir_all(paths.target().join("dir/inner")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        let files = ["report", "dir/report", "dir/other"].map(|name| paths.target().join(name));
        for file in files.iter().chain([&outside.join("report"), &paths.cache.join("report")]) {
            fs::write(file, "").unwrap();
        }
        symlink(&outside, paths.target().join("out")).unwrap();
        symlink(outside.join("report"), paths.target().join("link")).unwrap();
        let named = ["report", "dir/report", "out/report", "link", "dir/inner", "none/x", "../report", ""];
        let named = named.map(|name| format!("target/{name}"));
        forget(&named, &paths).unwrap();
        assert_eq!(files.map(|file| file.exists()), [false, false, true]);
        assert!(outside.join("report").exists() && paths.cache.join("report").exists());
        assert!(!paths.target().join("link").is_symlink() && paths.target().join("dir/inner").exists());
        fs::remove_dir_all(paths.target()).unwrap();
        symlink(&outside, paths.target()).unwrap();
        forget(&named, &paths).unwrap();
        assert!(outside.join("report").exists());
    }

    fn repo(name: &str) -> RepoName {
        RepoName::parse(name).unwrap()
    }
}
