//! What can go wrong with git, whose fault it is and whether a repetition can help.

use std::io;
use std::path::{Path, PathBuf};

use crossgate_core::ids::{CommitId, RepoName, RepoPath};
use rustix::fs::statvfs;

/// Whether a repetition of what failed can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The cause may go away by itself: a network, a lock, a server in trouble.
    Transient,
    /// The same call fails again until somebody changes something.
    Permanent,
}

/// Who can do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller asked for what is not there or not allowed.
    User,
    /// The machine, the network or a repository is not as needed.
    Environment,
    /// An assumption of this crate does not hold.
    Internal,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum VcsError {
    /// The git program cannot be started.
    #[error("`git` cannot be run: expected git 2.39 or later on the PATH")]
    GitMissing {
        /// Why it did not start.
        #[source]
        source: io::Error,
    },
    /// The git program lacks what is needed.
    #[error("git {found} is too old: expected 2.39 or later")]
    GitTooOld {
        /// What `git version` says.
        found: String,
    },
    /// The git program said no.
    #[error("`git {command}` failed: {}", last_line(.stderr))]
    Git {
        /// The git command, such as `fetch`.
        command: &'static str,
        /// The end of what it said, credentials redacted.
        stderr: String,
        /// Whether to try again.
        retry: Retry,
    },
    /// The git program did not end in time and was killed.
    #[error("`git {command}` did not end or progress for {limit_s} s")]
    Timeout {
        /// The git command.
        command: &'static str,
        /// The bound in seconds.
        limit_s: u64,
    },
    /// A repository cannot be opened.
    #[error("`{}` cannot be opened as a git repository", path.display())]
    Open {
        /// Where it should be.
        path: PathBuf,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// The repository a mirror shares objects with is no longer there.
    #[error("the source of `{repo}` is gone: expected a git repository at `{}`", path.display())]
    SourceGone {
        /// The repo.
        repo: RepoName,
        /// Where it was.
        path: PathBuf,
    },
    /// A repository uses a format or feature that is not supported.
    #[error("`{}` cannot be used: {reason}", path.display())]
    Unsupported {
        /// The repository.
        path: PathBuf,
        /// Which feature, and what is expected.
        reason: String,
    },
    /// Somebody else, who is alive, holds a lock.
    #[error("`{}` is locked by a running process: waited {waited_s} s", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for.
        waited_s: u64,
    },
    /// A revision names no commit.
    #[error("`{rev}` is not a revision of `{repo}`: expected a branch, a tag or a commit")]
    UnknownRevision {
        /// The repo or its path.
        repo: String,
        /// The revision as given.
        rev: String,
    },
    /// An object that must be there is missing or broken.
    #[error("commit `{commit}` cannot be read")]
    Commit {
        /// The commit asked for.
        commit: CommitId,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// Git holds a name that cannot be used here.
    #[error(transparent)]
    Name(#[from] crossgate_core::ids::IdError),
    /// Reading or writing a repository failed.
    #[error("{what} failed")]
    Repository {
        /// What was being done.
        what: &'static str,
        /// What libgit2 says.
        #[source]
        source: git2::Error,
    },
    /// Two commits share no history.
    #[error("`{onto}` and `{head}` have no common ancestor: expected a branch of the same repo")]
    Unrelated {
        /// The commit to merge onto.
        onto: CommitId,
        /// The commit to merge.
        head: CommitId,
    },
    /// A file is larger than the caller accepts.
    #[error("`{path}` has {size} bytes: expected at most {limit}")]
    FileTooLarge {
        /// The file.
        path: RepoPath,
        /// Its size in bytes.
        size: u64,
        /// The bound in bytes.
        limit: u64,
    },
    /// A range holds more commits than the caller accepts.
    #[error("`{head}` has more than {limit} commits to look at")]
    TooManyCommits {
        /// The newest commit.
        head: CommitId,
        /// The bound.
        limit: usize,
    },
    /// A path is a directory, a link or a submodule.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The path.
        path: RepoPath,
    },
    /// A file or directory of ours cannot be read or written.
    #[error("{what} `{}` failed", path.display())]
    Io {
        /// What was being done, such as `creating`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// No space is left.
    #[error("no space left on the disk that holds `{}`", path.display())]
    DiskFull {
        /// Where it was written to.
        path: PathBuf,
    },
    /// Something is where something new was to be made.
    #[error("`{}` already exists: expected a new or empty directory", path.display())]
    Occupied {
        /// The path.
        path: PathBuf,
    },
    /// A checkout has no remote to talk to.
    #[error("`{}` has no remote: expected one named `origin`, or exactly one", path.display())]
    NoRemote {
        /// The checkout.
        path: PathBuf,
    },
    /// Uncommitted work would be lost or mixed up.
    #[error("`{}` has uncommitted work in {files} files: expected a clean checkout", path.display())]
    Dirty {
        /// The checkout.
        path: PathBuf,
        /// How many files are changed, untracked ones not counted.
        files: usize,
    },
    /// Files hold both sides of a merge that nobody has decided.
    #[error("`{}` has a merge that is not resolved", path.display())]
    Unmerged {
        /// The checkout.
        path: PathBuf,
    },
    /// The git program answered in a way that is not understood.
    #[error("`git {command}` gave an answer that is not understood: {answer}")]
    Protocol {
        /// The git command.
        command: &'static str,
        /// The start of the answer.
        answer: String,
    },
}

impl VcsError {
    /// Tells whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Git { retry, .. } => *retry,
            Self::Timeout { .. } | Self::Locked { .. } => Retry::Transient,
            Self::GitMissing { .. }
            | Self::GitTooOld { .. }
            | Self::Open { .. }
            | Self::SourceGone { .. }
            | Self::Unsupported { .. }
            | Self::UnknownRevision { .. }
            | Self::Commit { .. }
            | Self::Name(_)
            | Self::Repository { .. }
            | Self::Unrelated { .. }
            | Self::FileTooLarge { .. }
            | Self::TooManyCommits { .. }
            | Self::NotAFile { .. }
            | Self::Io { .. }
            | Self::DiskFull { .. }
            | Self::Occupied { .. }
            | Self::NoRemote { .. }
            | Self::Dirty { .. }
            | Self::Unmerged { .. }
            | Self::Protocol { .. } => Retry::Permanent,
        }
    }

    /// Tells who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownRevision { .. }
            | Self::Name(_)
            | Self::Unrelated { .. }
            | Self::FileTooLarge { .. }
            | Self::TooManyCommits { .. }
            | Self::NotAFile { .. }
            | Self::Occupied { .. }
            | Self::NoRemote { .. }
            | Self::Dirty { .. }
            | Self::Unmerged { .. } => ErrorKind::User,
            Self::GitMissing { .. }
            | Self::GitTooOld { .. }
            | Self::Git { .. }
            | Self::Timeout { .. }
            | Self::Open { .. }
            | Self::SourceGone { .. }
            | Self::Unsupported { .. }
            | Self::Locked { .. }
            | Self::Commit { .. }
            | Self::Repository { .. }
            | Self::Io { .. }
            | Self::DiskFull { .. } => ErrorKind::Environment,
            Self::Protocol { .. } => ErrorKind::Internal,
        }
    }

    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path: path.to_owned() }
            }
            _ => Self::Io { what, path: path.to_owned(), source },
        }
    }

    pub(crate) fn repository(what: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Repository { what, source }
    }

    /// Turns an error into the plainer one that caused it, if the disk that was written to is full. Git does not always
    /// say so itself.
    pub(crate) fn at(self, writes_to: &Path) -> Self {
        let text = match &self {
            Self::Git { stderr, .. } => stderr.as_str(),
            Self::Repository { source, .. } => source.message(),
            _ => return self,
        };
        let says_so = text.contains("No space left on device") || text.contains("Disk quota exceeded");
        let is_full = || statvfs(writes_to).is_ok_and(|disk| disk.f_blocks > 0 && disk.f_bavail < 8);
        if says_so || is_full() { Self::DiskFull { path: writes_to.to_owned() } } else { self }
    }
}

/// The line that says most: the last one that git marks as fatal or as an error, else the last.
fn last_line(stderr: &str) -> &str {
    let marked = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let mut lines = stderr.lines().filter(|line| !line.trim().is_empty());
    lines.clone().rfind(marked).or_else(|| lines.next_back()).unwrap_or("it said nothing")
}
