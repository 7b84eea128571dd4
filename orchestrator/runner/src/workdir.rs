//! Where a build happens: a directory that it has for itself while it runs, with a cache that outlives it.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use crossgate_core::ids::RepoName;

use crate::tidy::{extent, is_fit, remove_tree};

/// The parts of a workdir that are fresh for each build.
const FRESH: [&str; 4] = ["src", "home", "tmp", "step"];

/// How many bytes the cache took when it was used last; written then, so its time is the time of that.
pub(crate) const SIZE: &str = "size";

/// A workdir that this build has for itself. Dropped, all but the cache is removed and the lease ends.
///
/// Sources are placed only after the lease is held: cargo takes a result for fresh if it is younger than its sources, so these
/// must be younger than whatever an earlier build left in the cache, or its result would be taken for this build's.
pub(crate) struct Workdir {
    dir: PathBuf,
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
    /// Takes the workdir in a directory, unless somebody has it; never waits.
    pub(crate) fn take(dir: &Path) -> io::Result<Option<Self>> {
        fs::create_dir_all(dir)?;
        let lock = lock_file(&dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { dir: dir.to_owned(), paths: Paths::under(dir), lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes the parts anew that a build finds empty, and the cache too if it cannot be used again.
    pub(crate) fn prepare(&self, cache_limit: u64) -> io::Result<()> {
        self.fresh().try_for_each(|part| remove_tree(&part))?;
        let cache = &self.paths.cache;
        // One that cannot be read, by what a job did to it, is of no use either.
        if !is_fit(cache, cache_limit, SystemTime::now()).unwrap_or(false) {
            self.empty_cache()?;
        }
        self.fresh().try_for_each(fs::create_dir_all)?;
        fs::set_permissions(cache, Permissions::from_mode(0o755))
    }

    /// Forgets what earlier builds left for later ones.
    pub(crate) fn empty_cache(&self) -> io::Result<()> {
        remove_tree(&self.paths.cache)?;
        fs::create_dir_all(&self.paths.cache)
    }

    /// Returns the lock as an input: whatever holds it open holds the lease, also when the runner is dead.
    pub(crate) fn held_open(&self) -> io::Result<Stdio> {
        Ok(self.lock.try_clone()?.into())
    }

    fn fresh(&self) -> impl Iterator<Item = PathBuf> {
        FRESH.iter().map(|part| self.dir.join(part))
    }

    /// Leaves the cache, with a word on how much it takes, and nothing else of a build.
    fn leave(&self) -> io::Result<()> {
        let size = self.dir.join(SIZE);
        if size.exists() && !self.fresh().any(|part| part.exists()) {
            return Ok(());
        }
        self.fresh().try_for_each(|part| remove_tree(&part))?;
        match extent(&self.paths.cache) {
            Ok(extent) => fs::write(size, extent.bytes.to_string()),
            Err(_unreadable) => self.empty_cache(),
        }
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, path = %self.dir.display(), "a build's files could not be removed");
        }
    }
}

/// Opens a file for locking only, so that who inherits it cannot write to it.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    if !path.exists() {
        File::options().append(true).create(true).open(path)?;
    }
    File::open(path)
}
