//! The workdirs under one state directory: which one a build gets, and how much they keep together.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crossgate_core::ids::{CacheName, DriverName};
use sha2::{Digest as _, Sha256};

use crate::settings::Settings;
use crate::tidy::remove_file;
use crate::workdir::{SIZE, Workdir, lock_file};

/// How many builds with one cache may run at once over one state directory.
const AT_ONCE: u32 = 256;
/// How many workdirs are looked at; with more, some are not swept.
const LOOKED_AT: usize = 20_000;

/// Which driver used a workdir last.
const DRIVER: &str = "driver";

/// The workdirs under one state directory.
#[derive(Debug)]
pub(crate) struct Workdirs {
    root: PathBuf,
    cache_limit: u64,
    limit: u64,
}

impl Workdirs {
    /// Takes the workdirs of a state directory and clears those whose builds died.
    pub(crate) fn open(settings: &Settings) -> Self {
        let Settings { state_dir, cache_limit, work_limit, .. } = settings;
        let workdirs = Self { root: state_dir.join("work"), cache_limit: *cache_limit, limit: *work_limit };
        for dir in workdirs.dirs() {
            match Workdir::take(&dir) {
                // Its end clears it.
                Ok(workdir) => drop(workdir),
                Err(error) => tracing::warn!(%error, path = %dir.display(), "a workdir cannot be swept"),
            }
        }
        workdirs.bound();
        workdirs
    }

    /// Leases a free workdir of a cache, if possible the one that the same driver had last; never waits.
    pub(crate) fn lease(
        &self,
        cache: &CacheName,
        sandboxed: bool,
        driver: Option<&DriverName>,
    ) -> io::Result<Workdir> {
        let root = self.root.join(folder(cache, sandboxed));
        let workdir = free(&root, driver.map_or("-", DriverName::as_str))?;
        workdir.prepare(self.cache_limit)?;
        Ok(workdir)
    }

    /// Empties the workdirs that were not used for longest and are not in use, until all together are within the limit.
    pub(crate) fn bound(&self) {
        if let Err(error) = self.try_bound() {
            tracing::warn!(%error, path = %self.root.display(), "caches could not be removed");
        }
    }

    fn try_bound(&self) -> io::Result<()> {
        fs::create_dir_all(&self.root)?;
        let turn = lock_file(&self.root.join(".lock"))?;
        if turn.try_lock().is_err() {
            // Two at it would each remove as much as is too much.
            return Ok(());
        }
        let sized = |dir: PathBuf| size(&dir).map(|(used, bytes)| (used, bytes, dir));
        let mut all: Vec<_> = self.dirs().filter_map(sized).filter(|(_, bytes, _)| *bytes > 0).collect();
        all.sort();
        let mut total = all.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
        for (_, bytes, dir) in all {
            if total <= self.limit {
                break;
            }
            // The directory stays: somebody may be about to take its lock.
            let Some(workdir) = Workdir::take(&dir)? else { continue };
            workdir.empty_cache()?;
            [DRIVER, SIZE].iter().try_for_each(|name| remove_file(&dir.join(name)))?;
            total -= bytes;
            tracing::info!(path = %dir.display(), bytes, "a cache is removed to make room");
        }
        Ok(())
    }

    fn dirs(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let below = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        let dirs = below(&self.root).flat_map(move |cache| below(&cache));
        dirs.filter(|dir| dir.join("lock").is_file()).take(LOOKED_AT)
    }
}

/// Names a cache's workdirs: readable, and different for different caches.
///
/// With and without a sandbox, steps see other paths and files have other owners.
fn folder(cache: &CacheName, sandboxed: bool) -> String {
    let digest = Sha256::digest(cache.as_str());
    let start = digest.iter().take(6).fold(0, |start: u64, &byte| start << 8 | u64::from(byte));
    let readable = cache.as_str().split('[').next().unwrap_or_default().replace('/', "-");
    format!("{readable}-{start:012x}-{}", if sandboxed { "sandboxed" } else { "open" })
}

fn free(root: &Path, driver: &str) -> io::Result<Workdir> {
    let user = |number: u32| fs::read_to_string(root.join(number.to_string()).join(DRIVER)).ok();
    let mut numbers: Vec<_> = (0..AT_ONCE).map(|number| (number, user(number))).collect();
    numbers.sort_by_key(|(number, user)| (user.as_deref() != Some(driver), user.is_none(), *number));
    for (number, user) in numbers {
        let dir = root.join(number.to_string());
        let Some(workdir) = Workdir::take(&dir)? else { continue };
        if user.as_deref() != Some(driver) {
            fs::write(dir.join(DRIVER), driver)?;
        }
        return Ok(workdir);
    }
    Err(io::Error::other(format!("{AT_ONCE} builds with this cache run already")))
}

/// Returns when a workdir was used last and how many bytes it took then; `None` if that was never said.
fn size(dir: &Path) -> Option<(SystemTime, u64)> {
    let path = dir.join(SIZE);
    let bytes = fs::read_to_string(&path).ok()?.parse().ok()?;
    Some((fs::metadata(path).ok()?.modified().ok()?, bytes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lease(state: &Path, job: &str, driver: &str) -> Workdir {
        let (job, driver) =
            (CacheName::parse(&format!("job/{job}")).unwrap(), DriverName::parse(driver).unwrap());
        workdirs(state, 1 << 30, 1 << 30).lease(&job, true, Some(&driver)).unwrap()
    }

    fn workdirs(state: &Path, cache_limit: u64, limit: u64) -> Workdirs {
        Workdirs { root: state.join("work"), cache_limit, limit }
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
            let job = CacheName::parse("job/unit").unwrap();
            let workdir = workdirs(state.path(), limit, 1 << 30).lease(&job, true, None).unwrap();
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
        let (left, kept) = (workdir.paths.src.join("left"), workdir.paths.cache.join("kept"));
        fs::write(&left, "x").unwrap();
        fs::write(&kept, vec![1; 100_000]).unwrap();
        let dir = left.ancestors().nth(2).unwrap().to_owned();
        std::mem::forget(workdir);
        let settings = Settings::new(state.path());
        assert!(lease(state.path(), "unit", "xen").paths.src != dir.join("src"));
        Workdirs::open(&settings);
        assert!(left.exists(), "the lease is held as long as anybody has the lock open");
        // As nobody has this one open, it stands for the lock of a process that is dead.
        fs::remove_file(dir.join("lock")).unwrap();
        lock_file(&dir.join("lock")).unwrap();
        Workdirs::open(&settings);
        assert!(!left.exists() && !dir.join("home").exists() && kept.exists());
        assert!(size(&dir).unwrap().1 >= 100_000);
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let state = tempfile::tempdir().unwrap();
        let dirs = ["a", "b", "c", "d"].map(|job| {
            let workdir = lease(state.path(), job, "xen");
            fs::write(workdir.paths.cache.join("file"), vec![1; 100_000]).unwrap();
            workdir.paths.cache.parent().unwrap().to_owned()
        });
        for (n, dir) in (1..).zip(&dirs) {
            let used = SystemTime::now() - Duration::from_hours(10 - n);
            fs::File::options().append(true).open(dir.join(SIZE)).unwrap().set_modified(used).unwrap();
        }
        let kept = || dirs.each_ref().map(|dir| dir.join("cache/file").exists());
        workdirs(state.path(), 1 << 30, 500_000).bound();
        assert_eq!(kept(), [true; 4]);
        let in_use = lease(state.path(), "a", "xen");
        workdirs(state.path(), 1 << 30, 250_000).bound();
        assert_eq!(kept(), [true, false, false, true], "one that is in use stays and counts");
        drop(in_use);
        workdirs(state.path(), 1 << 30, 150_000).bound();
        assert_eq!(kept(), [true, false, false, false], "what was used just now stays");
        assert!(lease(state.path(), "d", "xen").paths.cache.is_dir());
    }
}
