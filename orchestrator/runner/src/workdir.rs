//! Where a build happens: a directory that it has for itself while it runs, with a cache that outlives it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use crossgate_core::ids::{CacheName, DriverName, RepoName};
use sha2::{Digest as _, Sha256};

use crate::tidy::{is_fit, remove_tree};

/// How many builds with one cache may run at once over one state directory.
const AT_ONCE: u32 = 256;

/// The parts of a workdir that are fresh for each build.
const FRESH: [&str; 4] = ["src", "home", "tmp", "step"];

/// A workdir that this build has for itself. Dropped, all but the cache is removed and the lease ends.
///
/// Sources are placed only after the lease is held: cargo takes a result for fresh if it is younger than its sources, so these
/// must be younger than whatever an earlier build left in the cache, or its result would be taken for this build's.
pub(crate) struct Workdir {
    pub(crate) paths: Paths,
    lock: File,
}

/// The parts of a workdir, under its place on disk or under the one that steps see.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) src: PathBuf,
    pub(crate) cache: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) tmp: PathBuf,
    pub(crate) step: PathBuf,
}

impl Paths {
    pub(crate) fn under(root: &Path) -> Self {
        let part = |name| root.join(name);
        Self {
            src: part("src"),
            cache: part("cache"),
            home: part("home"),
            tmp: part("tmp"),
            step: part("step"),
        }
    }

    pub(crate) fn checkout(&self, repo: &RepoName) -> PathBuf {
        self.src.join(repo.as_str())
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.cache.join("target")
    }

    pub(crate) fn cargo_home(&self) -> PathBuf {
        self.home.join(".cargo")
    }
}

impl Workdir {
    /// Leases a free workdir of a cache, if possible the one that the same driver had last; never waits.
    pub(crate) fn lease(
        state_dir: &Path,
        cache: &CacheName,
        sandboxed: bool,
        driver: Option<&DriverName>,
        cache_limit: u64,
    ) -> io::Result<Self> {
        let root = state_dir.join("work").join(folder(cache, sandboxed));
        fs::create_dir_all(&root)?;
        let (dir, lock) = free(&root, driver.map_or("-", DriverName::as_str))?;
        let paths = Paths::under(&dir);
        let workdir = Self { paths, lock };
        workdir.remove_fresh()?;
        let cache = &workdir.paths.cache;
        // One that cannot be read, by what a job did to it, is of no use either.
        if cache.exists() && !is_fit(cache, cache_limit, SystemTime::now()).unwrap_or(false) {
            remove_tree(cache)?;
        }
        for part in FRESH.iter().chain(&["cache"]) {
            fs::create_dir_all(dir.join(part))?;
        }
        fs::set_permissions(cache, Permissions::from_mode(0o755))?;
        Ok(workdir)
    }

    /// Returns the lock as an input: whatever holds it open holds the lease, also when the runner is dead.
    pub(crate) fn held_open(&self) -> io::Result<Stdio> {
        Ok(self.lock.try_clone()?.into())
    }

    fn remove_fresh(&self) -> io::Result<()> {
        let Paths { src, home, tmp, step, cache: _ } = &self.paths;
        [src, home, tmp, step].into_iter().try_for_each(|path| remove_tree(path))
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if let Err(error) = self.remove_fresh() {
            tracing::warn!(%error, path = %self.paths.src.display(), "a build's files could not be removed");
        }
    }
}

/// Names a cache's workdirs: readable, and different for different caches.
///
/// With and without a sandbox, steps see other paths and files have other owners.
fn folder(cache: &CacheName, sandboxed: bool) -> String {
    let digest = Sha256::digest(cache.as_str());
    let start = digest.iter().take(6).fold(0, |start: u64, &byte| start << 8 | u64::from(byte));
    let readable = cache.as_str().split('[').next().unwrap_or_default();
    format!("{readable}-{start:012x}-{}", if sandboxed { "sandboxed" } else { "open" })
}

fn free(root: &Path, driver: &str) -> io::Result<(PathBuf, File)> {
    let user = |number: u32| fs::read_to_string(root.join(number.to_string()).join("driver")).ok();
    let mut numbers: Vec<_> = (0..AT_ONCE).map(|number| (number, user(number))).collect();
    numbers.sort_by_key(|(number, user)| (user.as_deref() != Some(driver), user.is_none(), *number));
    for (number, user) in numbers {
        let dir = root.join(number.to_string());
        fs::create_dir_all(&dir)?;
        let lock = lock_file(&dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                if user.as_deref() != Some(driver) {
                    fs::write(dir.join("driver"), driver)?;
                }
                return Ok((dir, lock));
            }
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{AT_ONCE} builds with this cache run already")))
}

/// Opens a file for locking only, so that who inherits it cannot write to it.
fn lock_file(path: &Path) -> io::Result<File> {
    if !path.exists() {
        File::options().append(true).create(true).open(path)?;
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(state: &Path, job: &str, driver: &str) -> Workdir {
        let (job, driver) = (CacheName::parse(job).unwrap(), DriverName::parse(driver).unwrap());
        Workdir::lease(state, &job, true, Some(&driver), 1 << 30).unwrap()
    }

    #[test]
    fn nobody_shares_and_a_driver_comes_back_to_its_own() {
        let state = tempfile::tempdir().unwrap();
        let first = lease(state.path(), "unit", "xen");
        let second = lease(state.path(), "unit", "vmware");
        let (of_xen, of_vmware) = (first.paths.cache.clone(), second.paths.cache.clone());
        assert_ne!(of_xen, of_vmware);
        drop((first, second));
        assert_eq!(lease(state.path(), "unit", "vmware").paths.cache, of_vmware);
        assert_eq!(lease(state.path(), "unit", "xen").paths.cache, of_xen);
        assert_eq!(
            lease(state.path(), "unit", "new").paths.cache,
            of_xen,
            "a free cache is better than none"
        );
    }

    #[test]
    fn jobs_and_matrix_values_have_their_own() {
        let state = tempfile::tempdir().unwrap();
        let jobs = ["lab", "lab[platform=a]", "lab[platform=a/b]", "lab[platform=../../../x]"];
        let dirs: std::collections::BTreeSet<_> =
            jobs.map(|job| lease(state.path(), job, "d").paths.cache.clone()).into();
        assert_eq!(dirs.len(), jobs.len());
        assert!(
            dirs.iter().all(|dir| dir.starts_with(state.path()) && !dir.to_string_lossy().contains(".."))
        );
    }

    #[test]
    fn a_cache_is_kept_until_it_is_too_big() {
        let state = tempfile::tempdir().unwrap();
        let big = |limit| {
            let job = CacheName::parse("unit").unwrap();
            let workdir = Workdir::lease(state.path(), &job, true, None, limit).unwrap();
            let found = workdir.paths.cache.join("file").exists();
            fs::write(workdir.paths.cache.join("file"), vec![1; 100_000]).unwrap();
            fs::write(workdir.paths.src.join("file"), "x").unwrap();
            found
        };
        assert_eq!([big(1 << 20), big(1 << 20), big(1 << 10), big(1 << 20)], [false, true, false, true]);
    }

    #[test]
    fn what_a_dead_build_left_is_gone() {
        let state = tempfile::tempdir().unwrap();
        let workdir = lease(state.path(), "unit", "xen");
        let left = workdir.paths.src.join("left");
        fs::write(&left, "x").unwrap();
        let lock = workdir.lock.try_clone().unwrap();
        std::mem::forget(workdir);
        assert!(!lease(state.path(), "unit", "xen").paths.src.join("left").exists());
        assert!(left.exists(), "the lease is held as long as anybody has the lock open");
        lock.unlock().unwrap();
        assert!(!lease(state.path(), "unit", "xen").paths.src.join("left").exists());
        assert!(!left.exists());
    }
}
