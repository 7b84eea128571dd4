//! The git program and libgit2: how both are started, bounded and understood.

pub(crate) mod pipes;
pub(crate) mod stderr;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crossgate_core::ids::{CommitId, TreeId};
use git2::{Commit, ErrorCode, Oid, Repository, RepositoryOpenFlags};

use crate::error::{Retry, VcsError};
use pipes::{Pipes, Progress, Running};

/// A local command reads at most the files of one repo; what takes longer hangs on a dead disk.
const LOCAL_LIMIT: Duration = Duration::from_mins(10);
/// More than the paths of a million files.
const OUTPUT_LIMIT: usize = 256 << 20;
const MINIMUM: (u32, u32) = (2, 39);

/// Variables by which a caller's own repository (we may run in one of its hooks) would replace the one meant.
const FOREIGN: [&str; 21] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_QUARANTINE_PATH",
    "GIT_DEFAULT_HASH",
    "GIT_ATTR_SOURCE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_CONFIG",
    "LANGUAGE",
];

/// Starts a command line with the user's own configuration, in a directory.
pub(crate) fn with_user_config(dir: &Path) -> Command {
    let mut command = Command::new("git");
    for name in FOREIGN {
        command.env_remove(name);
    }
    command.current_dir(dir).stdin(Stdio::null()).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// Starts a command line that gives the same result for every user of every machine: only the repository's own
/// configuration counts, so no filter, hook or merge driver of the user runs.
pub(crate) fn with_own_config(git_dir: &Path) -> Command {
    let mut command = with_user_config(git_dir);
    for name in ["GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1");
    command
        .args(["-c", "core.attributesFile=/dev/null", "-c", "core.hooksPath=/dev/null", "--git-dir"])
        .arg(git_dir);
    command
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn run(mut command: Command, name: &'static str) -> Result<Vec<u8>, VcsError> {
    let deadline = Instant::now() + LOCAL_LIMIT;
    let late = || VcsError::Timeout { command: name, limit_s: LOCAL_LIMIT.as_secs() };
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut running = Running::new(child.map_err(|source| VcsError::GitMissing { source })?);
    let mut pipes = Pipes::of(&mut running);
    let mut output = Vec::new();
    loop {
        match pipes.read(&mut output, deadline).map_err(VcsError::io("reading from", Path::new("git")))? {
            Progress::Read if output.len() > OUTPUT_LIMIT => {
                let answer = format!("more than {OUTPUT_LIMIT} bytes");
                return Err(VcsError::Protocol { command: name, answer });
            }
            Progress::Read => {}
            Progress::Ended => break,
            Progress::Late => return Err(late()),
        }
    }
    let status =
        running.wait(deadline).map_err(VcsError::io("waiting for", Path::new("git")))?.ok_or_else(late)?;
    if status.success() {
        return Ok(output);
    }
    Err(VcsError::Git { command: name, stderr: pipes.stderr(), retry: Retry::Permanent })
}

/// Checks once that the git program is there and new enough.
pub(crate) fn require() -> Result<(), VcsError> {
    static CHECKED: OnceLock<()> = OnceLock::new();
    if CHECKED.get().is_some() {
        return Ok(());
    }
    let mut command = with_user_config(Path::new("/"));
    command.arg("version");
    let text = String::from_utf8_lossy(&run(command, "version")?).trim().to_owned();
    let found = text.strip_prefix("git version ").unwrap_or(&text);
    if version(found).is_none_or(|version| version < MINIMUM) {
        return Err(VcsError::GitTooOld { found: found.to_owned() });
    }
    CHECKED.get_or_init(|| ());
    Ok(())
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Opens the repository at a path, and none above it.
pub(crate) fn open(path: &Path) -> Result<Repository, VcsError> {
    let ceiling: [&OsStr; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, ceiling).map_err(|source| {
        let reason = match source.message() {
            text if text.contains("unsupported extension") => format!("{text}; expected git's default formats"),
            text if text.contains("object format") || text.contains("object id type") || text.contains("oid type") => {
                "its objects are named by SHA-256; expected SHA-1".to_owned()
            }
            _ if source.code() == ErrorCode::Owner => {
                "it belongs to another user; expected it to be yours, or to be listed in git's `safe.directory`".to_owned()
            }
            _ => return VcsError::Open { path: path.to_owned(), source },
        };
        VcsError::Unsupported { path: path.to_owned(), reason }
    })
}

/// Looks up a commit.
pub(crate) fn commit<'r>(repo: &'r Repository, id: &CommitId) -> Result<Commit<'r>, VcsError> {
    Oid::from_str(id.as_str())
        .and_then(|oid| repo.find_commit(oid))
        .map_err(|source| VcsError::Commit { commit: id.clone(), source })
}

pub(crate) fn commit_id(oid: Oid) -> CommitId {
    CommitId::parse(&oid.to_string()).expect("libgit2 prints object ids as 40 lowercase digits")
}

pub(crate) fn tree_id(oid: Oid) -> TreeId {
    TreeId::parse(&oid.to_string()).expect("libgit2 prints object ids as 40 lowercase digits")
}

/// The path that git's bytes stand for.
pub(crate) fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_any_tail() {
        assert_eq!(version("2.39.5"), Some((2, 39)));
        assert_eq!(version("2.47.3.windows.1"), Some((2, 47)));
        assert_eq!(version("3.0-rc1"), None);
        assert_eq!(version("3.0.0-rc1"), Some((3, 0)));
        assert_eq!(version("nonsense"), None);
    }
}
