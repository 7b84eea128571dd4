//! Clone and fetch, by the git program with the user's own credentials.

mod attempt;
mod local;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use crossgate_core::ids::BranchName;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use tokio::task;

use crate::error::{Retry, VcsError};
use crate::git;
use attempt::attempt;

/// What a fetch brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// How many refs of the checkout are new, moved or gone.
    pub updated: usize,
}

/// Clones a repository into a directory that is new or empty, a branch of it if one is named.
///
/// Tried again after a failure that may pass, four times in all within about ten seconds of waiting. What is not
/// complete is in `.<name>.cloning` beside `into` and is removed on failure, when the future is dropped, or, after a
/// crash, by the next clone to the same place. `progress` gets git's lines, credentials redacted.
///
/// # Errors
/// [`VcsError::Occupied`], [`VcsError::Locked`] while another process clones to the same place, [`VcsError::Git`],
/// [`VcsError::Timeout`] after 2 minutes without a word or 2 hours, [`VcsError::DiskFull`].
pub async fn clone(
    url: &str,
    into: &Path,
    branch: Option<&BranchName>,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), VcsError> {
    require().await?;
    if fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) || into.is_file() {
        return Err(VcsError::Occupied { path: into.to_owned() });
    }
    let half_made = HalfMade::new(into)?;
    let branch = branch.map(|branch| format!("--branch={branch}"));
    with_retries(progress, || async {
        half_made.clear()?;
        let mut command = git::with_user_config(&half_made.dir);
        command.args(QUIET).args(["clone", "--progress"]).args(&branch).args(["--", &absolute(url), "repo"]);
        attempt(command, "clone", progress).await.map_err(|error| error.at(into))
    })
    .await?;
    fs::rename(half_made.dir.join("repo"), into).map_err(VcsError::io("moving a clone to", into))
}

/// Fetches what is new from `origin`, or from the only remote.
///
/// If the remote is a path on this machine, its refs are compared first, and nothing is started when nothing is new.
///
/// # Errors
/// [`VcsError::NoRemote`], and those of [`clone`].
pub async fn fetch(checkout: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Fetched, VcsError> {
    require().await?;
    let (remote, before) = match blocking(checkout, local::plan).await? {
        local::Plan::NothingNew => return Ok(Fetched { updated: 0 }),
        local::Plan::Fetch { remote, refs } => (remote, refs),
    };
    with_retries(progress, || async {
        let mut command = git::with_user_config(checkout);
        command.args(QUIET).args(["fetch", "--progress", "--no-recurse-submodules", "--", &remote]);
        attempt(command, "fetch", progress).await.map_err(|error| error.at(checkout))
    })
    .await?;
    let after = blocking(checkout, |path| local::refs(&git::open(path)?)).await?;
    let moved = after.iter().filter(|(name, id)| before.get(*name) != Some(id)).count();
    let gone = before.keys().filter(|name| !after.contains_key(*name)).count();
    Ok(Fetched { updated: moved + gone })
}

/// No housekeeping that goes on in the background, no transport that runs a command named in a URL.
const QUIET: [&str; 6] =
    ["-c", "maintenance.auto=false", "-c", "gc.auto=0", "-c", "protocol.ext.allow=never"];

async fn require() -> Result<(), VcsError> {
    blocking(Path::new("/"), |_| git::require()).await
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    f: impl FnOnce(&Path) -> Result<T, VcsError> + Send + 'static,
) -> Result<T, VcsError> {
    let path = path.to_owned();
    task::spawn_blocking(move || f(&path)).await.expect("reading refs does not panic and is not aborted")
}

async fn with_retries<A: Future<Output = Result<(), VcsError>>>(
    progress: &(dyn Fn(&str) + Sync),
    attempt: impl FnMut() -> A,
) -> Result<(), VcsError> {
    let delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(8))
        .with_max_times(3)
        .with_jitter();
    attempt
        .retry(delays)
        .when(|error| error.retry() == Retry::Transient)
        .notify(|error, delay| progress(&format!("{error}; next try in {:.1} s", delay.as_secs_f32())))
        .await
}

/// A URL that is a path is meant from here, not from where git is started.
fn absolute(url: &str) -> String {
    let path = (is_path(url) && Path::new(url).exists()).then(|| std::path::absolute(url).ok()).flatten();
    path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| url.to_owned())
}

/// Git's own rule: neither a URL nor `host:path`.
fn is_path(url: &str) -> bool {
    !url.contains("://") && url.find(':').is_none_or(|colon| url[..colon].contains('/'))
}

/// Where a clone is made; removed when dropped. The lock on the directory tells it from one that a dead process left.
#[derive(Debug)]
struct HalfMade {
    dir: PathBuf,
    _lock: File,
}

impl HalfMade {
    fn new(into: &Path) -> Result<Self, VcsError> {
        let into = std::path::absolute(into).map_err(VcsError::io("resolving", into))?;
        let name = into.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let dir = into.with_file_name(format!(".{name}.cloning"));
        fs::create_dir_all(&dir).map_err(VcsError::io("creating", &dir))?;
        let lock = File::open(&dir).map_err(VcsError::io("opening", &dir))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(VcsError::Locked { path: dir, waited_s: 0 });
        }
        Ok(Self { dir, _lock: lock })
    }

    fn clear(&self) -> Result<(), VcsError> {
        crate::remove_checkout(&self.dir.join("repo"))
    }
}

impl Drop for HalfMade {
    fn drop(&mut self) {
        // The processes of a cancelled clone were killed, but the last of them may still be writing.
        for _ in 0..50 {
            match crate::remove_checkout(&self.dir) {
                Ok(()) => return,
                Err(error) => tracing::debug!(%error, "a half-made clone is still in use"),
            }
            thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!(path = %self.dir.display(), "a half-made clone stays");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_urls() {
        for path in ["/srv/x.git", "../x", "x", "./a:b"] {
            assert!(is_path(path), "{path}");
        }
        for url in ["https://h/x", "git@h:x", "file:///srv/x", "h:x/y"] {
            assert!(!is_path(url), "{url}");
        }
    }
}
