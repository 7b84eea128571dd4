//! A bare repository of ours that borrows a source repo's objects, so that speculative commits never enter the source.

pub(crate) mod checkout;
mod lock;
pub(crate) mod merge;
pub(crate) mod read;
mod retire;
mod scratch;
mod snapshot;

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crossgate_core::ids::RepoName;
use git2::{ErrorCode, Repository, RepositoryInitOptions};
use rustix::fs::{FlockOperation, flock};

use crate::error::VcsError;
use crate::git;
use lock::Lock;
use merge::MergeProcess;
use scratch::Scratch;

/// Git and libgit2 follow a chain of borrowed objects no further.
const ALTERNATES_DEPTH: usize = 5;
/// Opened handles kept for the next call; one thread uses one at a time.
const IDLE_HANDLES: usize = 8;

/// A mirror of one repo. Can be shared by threads; calls block on disk and on the git program.
///
/// What it writes are loose objects in its own directory. The source is only read. Commits made here stay readable while
/// the mirror is open and the source keeps the commits they were made from; a week later they may have to be made again.
#[derive(Debug)]
pub struct Mirror {
    repo: RepoName,
    /// `<dir>/<repo>.git`.
    path: PathBuf,
    source_path: PathBuf,
    /// The source's own object directory; when it is gone, so are the borrowed objects.
    source_objects: PathBuf,
    source: Handles,
    own: Handles,
    merging: Mutex<Option<MergeProcess>>,
    /// Held while the mirror is in use, and so known to the kernel to be free when its holder dies.
    _lock: Lock,
}

impl Mirror {
    /// Opens the mirror `<dir>/<repo>.git` of a source repository, and makes it if it is not there.
    ///
    /// `source` is a checkout, a linked worktree or a bare repository. Any number of processes may have the same mirror
    /// open. Each holds a shared lock on `<dir>/<repo>.lock`, which the kernel drops when the process dies; who gets the
    /// exclusive lock is therefore alone and clears what a dead process left: lock files, temporary files, a half-made
    /// mirror, and all that was made in one that is older than a week.
    ///
    /// # Errors
    /// [`VcsError::Open`] or [`VcsError::Unsupported`] for a source that cannot be used, [`VcsError::Locked`] if a
    /// running process holds the exclusive lock for 30 s, [`VcsError::DiskFull`] and [`VcsError::Io`].
    pub fn open(dir: &Path, repo: &RepoName, source: &Path) -> Result<Self, VcsError> {
        git::require()?;
        let source_path = source.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                VcsError::SourceGone { repo: repo.clone(), path: source.to_owned() }
            }
            _ => VcsError::io("resolving", source)(error),
        })?;
        let opened = git::open(&source_path)?;
        if is_partial(&opened).map_err(VcsError::repository("reading the configuration"))? {
            let reason =
                "it is a partial clone, whose missing files only git can fetch; expected a full clone"
                    .to_owned();
            return Err(VcsError::Unsupported { path: source_path, reason });
        }
        let borrowed = Borrowed::from(&opened)?;
        fs::create_dir_all(dir).map_err(VcsError::io("creating", dir))?;
        let dir = dir.canonicalize().map_err(VcsError::io("resolving", dir))?;
        let path = dir.join(format!("{repo}.git"));
        let lock = Lock::share(
            &dir.join(format!("{repo}.lock")),
            || make(&path, &borrowed).map_err(|error| error.at(&path)),
            || borrowed.is_linked(&path) || (borrowed.link(&path).is_ok() && borrowed.is_linked(&path)),
        )?;
        let source = Handles::new(source_path.clone(), opened);
        let own = Handles::new(path.clone(), git::open(&path)?);
        let source_objects =
            borrowed.objects.into_iter().next().expect("the source's own objects come first");
        let merging = Mutex::new(None);
        Ok(Self { repo: repo.clone(), path, source_path, source_objects, source, own, merging, _lock: lock })
    }

    /// Returns the repo's name.
    pub fn repo(&self) -> &RepoName {
        &self.repo
    }

    /// Reads refs and the work tree of the source.
    fn in_source<T>(&self, f: impl FnOnce(&Repository) -> Result<T, VcsError>) -> Result<T, VcsError> {
        self.source_is_there()?;
        self.source.with(f)
    }

    /// Reads and writes objects.
    fn in_own<T>(&self, f: impl FnOnce(&Repository) -> Result<T, VcsError>) -> Result<T, VcsError> {
        self.source_is_there()?;
        self.own.with(f).map_err(|error| error.at(&self.path))
    }

    fn scratch(&self) -> Result<Scratch, VcsError> {
        Scratch::new(&self.path)
    }

    fn source_is_there(&self) -> Result<(), VcsError> {
        if self.source_objects.is_dir() {
            return Ok(());
        }
        Err(VcsError::SourceGone { repo: self.repo.clone(), path: self.source_path.clone() })
    }
}

/// Open handles of one repository. libgit2's are bound to one thread at a time and cost 0.1 ms to open.
struct Handles {
    path: PathBuf,
    idle: Mutex<Vec<Repository>>,
}

impl Handles {
    fn new(path: PathBuf, first: Repository) -> Self {
        Self { path, idle: Mutex::new(vec![first]) }
    }

    fn with<T>(&self, f: impl FnOnce(&Repository) -> Result<T, VcsError>) -> Result<T, VcsError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let handle = taken.map_or_else(|| git::open(&self.path), Ok)?;
        let result = f(&handle);
        let mut idle = idle();
        if idle.len() < IDLE_HANDLES {
            idle.push(handle);
        }
        result
    }
}

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handles").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a mirror takes from its source.
struct Borrowed {
    /// Object directories, the source's own first, then those it borrows from. The chain is written out because git
    /// follows a relative link only at its start.
    objects: Vec<PathBuf>,
    /// The commits at which a shallow clone ends, as git keeps them.
    shallow: Option<Vec<u8>>,
}

impl Borrowed {
    fn from(source: &Repository) -> Result<Self, VcsError> {
        let own = source.commondir().join("objects");
        let own = own.canonicalize().map_err(VcsError::io("resolving", &own))?;
        let mut objects = vec![own.clone()];
        let mut newest = vec![own];
        for _ in 0..ALTERNATES_DEPTH {
            let next: Vec<_> = newest.iter().flat_map(|dir| alternates(dir)).collect();
            newest = next.into_iter().filter(|dir| !objects.contains(dir)).collect();
            objects.extend(newest.iter().cloned());
        }
        if let Some(path) = objects.iter().find(|path| path.as_os_str().as_bytes().contains(&b'\n')) {
            let reason = "its path contains a line break; expected none".to_owned();
            return Err(VcsError::Unsupported { path: path.clone(), reason });
        }
        Ok(Self { objects, shallow: fs::read(source.commondir().join("shallow")).ok() })
    }

    fn is_linked(&self, mirror: &Path) -> bool {
        let linked = alternates(&mirror.join("objects"));
        self.objects.iter().all(|path| linked.contains(path))
            && fs::read(mirror.join("shallow")).ok() == self.shallow
            && Repository::open_bare(mirror).is_ok()
    }

    /// Writes the links. Those to other sources of the same repo stay while they lead somewhere, as another process may
    /// use them: objects are named by content, so more of them never give another result.
    ///
    /// Whoever finds another at it leaves it to them, and looks again.
    fn link(&self, mirror: &Path) -> Result<(), VcsError> {
        let info = mirror.join("objects/info");
        let turn = File::open(&info).map_err(VcsError::io("opening", &info))?;
        if flock(&turn, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(());
        }
        let others =
            alternates(&mirror.join("objects")).into_iter().filter(|path| !self.objects.contains(path));
        let mut text = Vec::new();
        for path in self.objects.iter().cloned().chain(others) {
            text.extend_from_slice(path.as_os_str().as_bytes());
            text.push(b'\n');
        }
        replace(&mirror.join("objects/info/alternates"), &text)?;
        match &self.shallow {
            Some(shallow) => replace(&mirror.join("shallow"), shallow),
            None => remove_file(&mirror.join("shallow")),
        }
    }
}

/// Whether a repository lacks objects that a remote has promised to give on demand.
fn is_partial(source: &Repository) -> Result<bool, git2::Error> {
    let config = source.config()?;
    let mut promises = config.entries(Some("^(remote\\..*\\.promisor|extensions\\.partialclone)$"))?;
    Ok(promises.next().transpose()?.is_some())
}

/// Reads which object directories an object directory borrows from; those that exist.
fn alternates(objects: &Path) -> Vec<PathBuf> {
    let text = fs::read(objects.join("info/alternates")).unwrap_or_default();
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#');
    lines.filter_map(|line| objects.join(git::path_of(line)).canonicalize().ok()).collect()
}

/// Makes or mends a mirror. The caller is alone.
fn make(mirror: &Path, borrowed: &Borrowed) -> Result<(), VcsError> {
    scratch::sweep(mirror)?;
    retire::retire(mirror)?;
    if let Err(error) = Repository::open_bare(mirror) {
        if error.code() == ErrorCode::Owner {
            return Err(VcsError::Open { path: mirror.to_owned(), source: error });
        }
        if mirror.exists() {
            tracing::warn!(mirror.path = %mirror.display(), "a half-made mirror is made anew");
            crate::remove_checkout(mirror)?;
        }
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        Repository::init_opts(mirror, &options).map_err(VcsError::repository("making a mirror"))?;
    }
    let info = mirror.join("objects/info");
    fs::create_dir_all(&info).map_err(VcsError::io("creating", &info))?;
    if borrowed.is_linked(mirror) { Ok(()) } else { borrowed.link(mirror) }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), VcsError> {
    let new = path.with_extension("new");
    fs::write(&new, bytes).map_err(VcsError::io("writing", &new))?;
    fs::rename(&new, path).map_err(VcsError::io("writing", path))
}

fn remove_file(path: &Path) -> Result<(), VcsError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(VcsError::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}
