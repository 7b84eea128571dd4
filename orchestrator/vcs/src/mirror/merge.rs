//! Speculative merges without a work tree: of changes that are apart in this process, of others by git's own merge
//! machinery in one long-lived process.

mod apart;
mod reply;

use std::io::Write as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossgate_core::ids::{CommitId, RepoPath, TreeId};
use git2::{Oid, Repository};
use serde::Serialize;

use super::Mirror;
use super::read::found;
use super::snapshot::signature;
use crate::error::{Retry, VcsError};
use crate::git::pipes::{Pipes, Progress, Running};
use crate::git::{self, commit_id, tree_id};
use reply::Reply;

/// The slowest known merges, thousands of renames in a huge repo, take seconds.
const LIMIT: Duration = Duration::from_mins(2);
/// A merge takes well under a millisecond; after this it is doubted that the answer is still being worked on.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than the conflicts of 100,000 files.
const REPLY_LIMIT: usize = 64 << 20;
/// The second one is for a process that died between two merges.
const ATTEMPTS: usize = 2;

/// What became of a merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "merged")]
pub enum Merged {
    /// A new merge commit, of `onto` and `head` in this order.
    Clean {
        /// The commit, in the mirror only.
        commit: CommitId,
        /// Its tree.
        tree: TreeId,
    },
    /// `onto` already contains `head`.
    UpToDate {
        /// `onto`.
        commit: CommitId,
        /// Its tree.
        tree: TreeId,
    },
    /// The two do not go together.
    Conflict {
        /// The files, sorted by path.
        files: Vec<ConflictFile>,
    },
}

/// A file that two commits disagree about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ConflictFile {
    /// The path; after a rename, any of its names may be listed.
    pub path: RepoPath,
    /// How they disagree.
    pub kind: ConflictKind,
}

/// How two commits disagree about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// Both changed the same lines.
    Content,
    /// Both changed a file that has no lines.
    Binary,
    /// Both added it, differently.
    AddAdd,
    /// One changed and one deleted it.
    ModifyDelete,
    /// One renamed and one deleted it.
    RenameDelete,
    /// Both renamed it, differently, or two files to the same name.
    RenameRename,
    /// One has a file where the other has a directory.
    FileDirectory,
    /// One renamed a directory in which the other added files.
    DirectoryRename,
    /// It is a file in one and a link or a submodule in the other.
    Type,
    /// Both moved a submodule.
    Submodule,
}

impl Mirror {
    /// Merges `head` onto `onto` and commits the result in the mirror.
    ///
    /// The commit is a function of the arguments: fixed author, the time of `head`. It is a merge also where a
    /// fast-forward would do. Renames are followed. Merge attributes of the repo and merge drivers of the user have no
    /// say. Merges of one mirror that git must be asked for queue for one process, which is started at the first and
    /// again if it dies.
    ///
    /// # Errors
    /// [`VcsError::Unrelated`] if the two have no common ancestor; [`VcsError::Git`] with what git said,
    /// [`VcsError::Timeout`] after 120 s, [`VcsError::DiskFull`].
    pub fn merge(&self, onto: &CommitId, head: &CommitId, message: &str) -> Result<Merged, VcsError> {
        let quick = self.in_own(|repo| quick(repo, onto, head, message))?;
        if let Some(merged) = quick {
            return Ok(merged);
        }
        match self.ask(onto, head).map_err(|error| error.at(&self.path))? {
            Reply::Conflict { files } => Ok(Merged::Conflict { files }),
            Reply::Clean { tree } => {
                let commit = self.in_own(|repo| commit(repo, &tree, onto, head, message))?;
                Ok(Merged::Clean { commit, tree })
            }
        }
    }

    fn ask(&self, onto: &CommitId, head: &CommitId) -> Result<Reply, VcsError> {
        let mut slot = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempt = 1;
        loop {
            // Taken out, so that a process that failed in any way is never asked again.
            let mut process = slot.take().map_or_else(|| MergeProcess::start(&self.path), Ok)?;
            match process.ask(onto, head) {
                Ok(reply) => {
                    *slot = process.questions.is_some().then_some(process);
                    return Ok(reply);
                }
                Err(VcsError::Git { retry: Retry::Transient, .. }) if attempt < ATTEMPTS => {
                    tracing::warn!(repo = %self.repo, "git merge-tree died and is started again");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Merges what needs no asking; `None` if git is to be asked.
fn quick(
    repo: &Repository,
    onto: &CommitId,
    head: &CommitId,
    message: &str,
) -> Result<Option<Merged>, VcsError> {
    let (ours, theirs) = (git::commit(repo, onto)?, git::commit(repo, head)?);
    let bases = found(repo.merge_bases(ours.id(), theirs.id()));
    let Some(bases) = bases.map_err(VcsError::repository("finding a merge base"))? else {
        return Err(VcsError::Unrelated { onto: onto.clone(), head: head.clone() });
    };
    let [base] = &bases[..] else { return Ok(None) };
    if *base == theirs.id() {
        return Ok(Some(Merged::UpToDate { commit: onto.clone(), tree: tree_id(ours.tree_id()) }));
    }
    let merged = apart::merge(repo, *base, ours.id(), theirs.id());
    let Some(tree) = merged.map_err(VcsError::repository("merging trees"))?.map(tree_id) else {
        return Ok(None);
    };
    let commit = commit(repo, &tree, onto, head, message)?;
    Ok(Some(Merged::Clean { commit, tree }))
}

fn commit(
    repo: &Repository,
    tree: &TreeId,
    onto: &CommitId,
    head: &CommitId,
    message: &str,
) -> Result<CommitId, VcsError> {
    let (onto, head) = (git::commit(repo, onto)?, git::commit(repo, head)?);
    let signature = signature(&head.time())?;
    let written = Oid::from_str(tree.as_str())
        .and_then(|tree| repo.find_tree(tree))
        .and_then(|tree| repo.commit(None, &signature, &signature, message, &tree, &[&onto, &head]));
    Ok(commit_id(written.map_err(VcsError::repository("writing a merge commit"))?))
}

/// A `git merge-tree` that answers one merge after the other.
///
/// Git leaves its answers in stdio's buffer until it ends. `stdbuf` takes the buffer away; where there is none, or git
/// does not heed it, the question is the last one: the end of its input makes git answer and go.
#[derive(Debug)]
pub(super) struct MergeProcess {
    running: Running,
    /// `None` once the last question was asked.
    questions: Option<ChildStdin>,
    answers: Pipes,
}

/// Set when it was seen that answers come only at the end.
static BUFFERS: AtomicBool = AtomicBool::new(false);

impl MergeProcess {
    fn start(mirror: &Path) -> Result<Self, VcsError> {
        let mut command = git::with_own_config(mirror);
        // Else every id is looked for among the refs first, which takes longer than reading the commit.
        command.args(["-c", "core.warnAmbiguousRefs=false", "merge-tree", "--write-tree", "--stdin"]);
        let spawn = |command: &mut Command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        };
        let child = match spawn(&mut unbuffered(&command)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                BUFFERS.store(true, Ordering::Relaxed);
                spawn(&mut command)
            }
            child => child,
        };
        let mut running = Running::new(child.map_err(|source| VcsError::GitMissing { source })?);
        let answers = Pipes::of(&mut running);
        let questions = running.child().stdin.take();
        Ok(Self { running, questions, answers })
    }

    fn ask(&mut self, onto: &CommitId, head: &CommitId) -> Result<Reply, VcsError> {
        let failed = || VcsError::io("talking to", Path::new("git merge-tree"));
        let asked = Instant::now();
        let deadline = asked + LIMIT;
        let question = format!("{onto} {head}\n");
        let written = self.questions.as_mut().map(|questions| questions.write_all(question.as_bytes()));
        if !matches!(written, Some(Ok(()))) {
            return Err(self.died(deadline));
        }
        if BUFFERS.load(Ordering::Relaxed) {
            self.questions = None;
        }
        let mut answer = Vec::new();
        loop {
            let until = if self.questions.is_some() { asked + PATIENCE } else { deadline };
            match self.answers.read(&mut answer, until).map_err(failed())? {
                Progress::Late if self.questions.take().is_some() => continue,
                Progress::Late => {
                    return Err(VcsError::Timeout { command: "merge-tree", limit_s: LIMIT.as_secs() });
                }
                Progress::Ended => return Err(self.died(deadline)),
                Progress::Read => {}
            }
            if let Some(reply) = reply::parse(&answer)? {
                // The answer was ready and waited for the end of the questions: not slow, but held back.
                let held_back = self.questions.is_none() && asked.elapsed() < PATIENCE + PATIENCE / 5;
                BUFFERS.fetch_or(held_back, Ordering::Relaxed);
                return Ok(reply);
            }
            if answer.len() > REPLY_LIMIT {
                let answer = format!("more than {REPLY_LIMIT} bytes");
                return Err(VcsError::Protocol { command: "merge-tree", answer });
            }
        }
    }

    /// The error of a process that ended without an answer. One that was killed, or said nothing, was not at fault.
    fn died(&mut self, deadline: Instant) -> VcsError {
        let mut rest = Vec::new();
        while matches!(self.answers.read(&mut rest, deadline), Ok(Progress::Read)) && rest.len() < REPLY_LIMIT
        {
        }
        let stderr = self.answers.stderr();
        let refused = matches!(self.running.wait(deadline), Ok(Some(status)) if status.code().is_some_and(|code| code != 0));
        let retry = if refused && !stderr.is_empty() { Retry::Permanent } else { Retry::Transient };
        VcsError::Git { command: "merge-tree", stderr, retry }
    }
}

/// The same command line, with an output that is not buffered.
fn unbuffered(command: &Command) -> Command {
    let mut wrapped = Command::new("stdbuf");
    wrapped.arg("-o0").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        wrapped.current_dir(dir);
    }
    wrapped
}
