//! The builds that have ended: what was asked, what came out, the log and the artifacts.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crossgate_core::build::{BuildRequest, Ended};
use crossgate_core::ids::BuildId;
use serde::{Deserialize, Serialize};

use crate::tidy::{remove_file, remove_tree};

/// A record larger than this is damaged.
const RECORD_LIMIT: u64 = 16 << 20;

/// A build that has ended, as asked and as it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// What was asked.
    pub request: BuildRequest,
    /// Whether it ran in a sandbox: what passes only without one is another result.
    pub sandboxed: bool,
    /// What came out.
    pub ended: Ended,
}

/// Why the archive cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// No build's id begins so.
    #[error("no build `{prefix}`")]
    Unknown {
        /// What was looked for.
        prefix: String,
    },
    /// The ids of several builds begin so.
    #[error("`{prefix}` is the beginning of several builds: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        prefix: String,
        /// Up to ten ids that begin so.
        candidates: Vec<String>,
    },
    /// Another process runs a build of the same id.
    #[error("build `{id}` runs already")]
    Running {
        /// The build.
        id: BuildId,
    },
    /// A record is not what was written.
    #[error("the record `{path}` is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The file system refused.
    #[error("cannot use `{path}`")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ArchiveError {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } => {
                Some("ids of builds are in the output of `crossgate check`; old builds are removed")
            }
            Self::Ambiguous { .. } => Some("give more digits of the id"),
            Self::Running { .. } => Some("wait for it, or end the process that runs it"),
            Self::Damaged { .. } => Some("remove the directory of that build"),
            Self::Io { .. } => None,
        }
    }
}

/// The builds under one state directory.
#[derive(Debug, Clone)]
pub struct Archive {
    dir: PathBuf,
    keep: usize,
}

impl Archive {
    /// Opens the archive of a state directory, makes it if there is none, and removes what dead processes left
    /// unfinished and what cannot be read.
    ///
    /// # Errors
    /// [`ArchiveError::Io`] if the directory cannot be made or read.
    pub fn open(state_dir: &Path) -> Result<Self, ArchiveError> {
        let dir = state_dir.join("builds");
        fs::create_dir_all(&dir).map_err(at(&dir))?;
        let archive = Self { dir, keep: 2000 };
        archive.sweep()?;
        Ok(archive)
    }

    /// Sets how many builds are kept; 2,000 if it is not called.
    #[must_use]
    pub fn keeping(self, builds: usize) -> Self {
        Self { keep: builds.max(1), ..self }
    }

    /// Records a build that has ended, all or nothing, and removes the oldest ones over the bound.
    ///
    /// # Errors
    /// [`ArchiveError::Io`] if it cannot be written; then nothing is recorded.
    pub fn record(&self, request: &BuildRequest, sandboxed: bool, ended: &Ended) -> Result<(), ArchiveError> {
        let _shared = self.hold_off_sweeps()?;
        let dir = self.folder(&request.id);
        let record = BuildRecord { request: request.clone(), sandboxed, ended: ended.clone() };
        fs::create_dir_all(&dir).map_err(at(&dir))?;
        write_whole(&dir, &record).map_err(at(&dir.join("build.json")))?;
        self.retire()
    }

    /// Finds the one build whose id begins with `prefix`.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`] or [`ArchiveError::Ambiguous`] if it is not one, else what reading it says.
    pub fn find(&self, prefix: &str) -> Result<BuildRecord, ArchiveError> {
        let mut found = self.recorded()?;
        found.retain(|id| !prefix.is_empty() && id.as_str().starts_with(prefix));
        match found.as_slice() {
            [] => Err(ArchiveError::Unknown { prefix: prefix.to_owned() }),
            [id] => self.read(id),
            many => Err(ambiguous(prefix, many)),
        }
    }

    /// Returns all builds, the newest first. One whose record is damaged is left out with a warning.
    pub fn records(&self) -> Vec<BuildRecord> {
        let ids = self.recorded().unwrap_or_else(|error| {
            tracing::warn!(error = %Chain(&error), "the archive of builds cannot be read");
            Vec::new()
        });
        let read = |id: &BuildId| {
            let record = self.read(id);
            record.inspect_err(|error| tracing::warn!(build.id = %id, error = %Chain(error), "left out")).ok()
        };
        let mut records: Vec<_> = ids.iter().filter_map(read).collect();
        records.sort_by(|a, b| (b.ended.ended, &b.request.id).cmp(&(a.ended.ended, &a.request.id)));
        records
    }

    /// Returns where a build's log is, also while it runs.
    pub fn log_path(&self, id: &BuildId) -> PathBuf {
        self.folder(id).join("log")
    }

    /// Returns where a build's artifacts are, each under the path by which the job names it.
    pub fn artifacts(&self, id: &BuildId) -> PathBuf {
        self.folder(id).join("artifacts")
    }

    /// Finds the one running build whose id begins with `prefix`, if there is one.
    ///
    /// # Errors
    /// [`ArchiveError::Ambiguous`] if there are several, [`ArchiveError::Io`] if the directory cannot be read.
    pub fn running(&self, prefix: &str) -> Result<Option<BuildId>, ArchiveError> {
        let mut found = self.ids()?;
        found.retain(|id| !prefix.is_empty() && id.as_str().starts_with(prefix) && self.is_running(id));
        match found.as_slice() {
            [] => Ok(None),
            [id] => Ok(Some(*id)),
            many => Err(ambiguous(prefix, many)),
        }
    }

    /// Returns whether a live process, this one included, runs a build now.
    pub fn is_running(&self, id: &BuildId) -> bool {
        File::open(self.folder(id).join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
    }

    /// Makes the place of a build that is about to run.
    pub(crate) fn begin(&self, id: &BuildId) -> Result<Unfinished, ArchiveError> {
        let _shared = self.hold_off_sweeps()?;
        let dir = self.folder(id);
        let lock_path = dir.join("lock");
        fs::create_dir_all(&dir).map_err(at(&dir))?;
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ArchiveError::Running { id: *id }),
            Err(TryLockError::Error(error)) => return Err(at(&lock_path)(error)),
        }
        let cleared = remove_file(&dir.join("build.json")).and_then(|()| remove_tree(&dir.join("artifacts")));
        cleared.map_err(at(&dir))?;
        Ok(Unfinished { dir, _lock: lock, finished: false })
    }

    fn folder(&self, id: &BuildId) -> PathBuf {
        self.dir.join(id.as_str())
    }

    fn read(&self, id: &BuildId) -> Result<BuildRecord, ArchiveError> {
        let path = self.folder(id).join("build.json");
        let file = File::open(&path).map_err(at(&path))?;
        let mut text = Vec::new();
        file.take(RECORD_LIMIT).read_to_end(&mut text).map_err(at(&path))?;
        serde_json::from_slice(&text).map_err(|source| ArchiveError::Damaged { path, source })
    }

    fn ids(&self) -> Result<Vec<BuildId>, ArchiveError> {
        let entries = fs::read_dir(&self.dir).map_err(at(&self.dir))?;
        let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
        let names = entries.map_while(Result::ok).filter_map(name);
        Ok(names.filter_map(|name| BuildId::parse(&name).ok()).collect())
    }

    fn recorded(&self) -> Result<Vec<BuildId>, ArchiveError> {
        let mut ids = self.ids()?;
        ids.retain(|id| self.folder(id).join("build.json").exists());
        ids.sort();
        Ok(ids)
    }

    fn retire(&self) -> Result<(), ArchiveError> {
        let ids = self.recorded()?;
        if ids.len() <= self.keep {
            return Ok(());
        }
        let written =
            |id: &BuildId| fs::metadata(self.folder(id).join("build.json")).and_then(|m| m.modified()).ok();
        let mut aged: Vec<_> = ids.iter().map(|id| (written(id), id)).collect();
        aged.sort();
        for (_, id) in &aged[..ids.len() - self.keep] {
            let dir = self.folder(id);
            remove_tree(&dir).map_err(at(&dir))?;
        }
        Ok(())
    }

    /// Removes the builds that have no record that can be read and whose process is dead.
    fn sweep(&self) -> Result<(), ArchiveError> {
        let gate = self.gate()?;
        match gate.try_lock() {
            Ok(()) => {}
            // Somebody is about to make or record a build; the next one to open the archive sweeps.
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(at(&self.dir)(error)),
        }
        let mut unreadable = 0;
        for id in self.ids()?.iter().filter(|id| !self.is_running(id)) {
            match self.read(id) {
                Err(ArchiveError::Damaged { .. }) => unreadable += 1,
                Err(ArchiveError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                _ => continue,
            }
            let dir = self.folder(id);
            remove_tree(&dir).map_err(at(&dir))?;
        }
        if unreadable > 0 {
            tracing::warn!(
                builds = unreadable,
                "builds whose records are damaged or of an older version are removed"
            );
        }
        Ok(())
    }

    /// Between making a build's directory and locking it, it looks like one that a dead process left.
    fn hold_off_sweeps(&self) -> Result<File, ArchiveError> {
        let gate = self.gate()?;
        gate.lock_shared().map_err(at(&self.dir))?;
        Ok(gate)
    }

    fn gate(&self) -> Result<File, ArchiveError> {
        let path = self.dir.join(".lock");
        File::options().append(true).create(true).open(&path).map_err(at(&path))
    }
}

/// The place of a build that runs. Dropped without [`finished`](Self::finished), it is removed.
pub(crate) struct Unfinished {
    dir: PathBuf,
    _lock: File,
    finished: bool,
}

impl Unfinished {
    /// Makes the empty log.
    pub(crate) fn log(&self) -> io::Result<File> {
        File::create(self.dir.join("log"))
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.dir.join("artifacts")
    }

    /// Says that the build is recorded.
    pub(crate) fn finished(mut self) {
        self.finished = true;
        // Left behind, it would only lie around.
        drop(fs::remove_file(self.dir.join("lock")));
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = remove_tree(&self.dir)
        {
            tracing::warn!(%error, path = %self.dir.display(), "an unfinished build could not be removed");
        }
    }
}

/// Shows an error with its causes.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        // A bound, should a cause ever name itself.
        for _ in 0..16 {
            let Some(error) = cause else { break };
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn ambiguous(prefix: &str, many: &[BuildId]) -> ArchiveError {
    let candidates = many.iter().take(10).map(ToString::to_string).collect();
    ArchiveError::Ambiguous { prefix: prefix.to_owned(), candidates }
}

fn write_whole(dir: &Path, record: &BuildRecord) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer_pretty(&mut file, record)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(dir.join("build.json")).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    |source| ArchiveError::Io { path, source }
}
