//! What is going on in a checkout.

use std::fs;
use std::path::Path;

use crossgate_core::ids::{BranchName, CommitId};
use git2::{IndexEntryExtendedFlag, Oid, Repository, RepositoryState, Status as Flags, StatusOptions};
use serde::Serialize;

use crate::error::VcsError;
use crate::git;
use crate::head::Head;
use crate::mirror::read::tip;

/// With an index of more bytes, about 400 files, git's own status is quicker, the start of the process included.
const IN_PROCESS: u64 = 32 << 10;

/// The state of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What is checked out.
    pub head: Head,
    /// What `ahead` and `behind` are counted against: the target branch of `origin`, else the local one.
    pub target: Option<CommitId>,
    /// Commits of HEAD that the target lacks; 0 if there is no target.
    pub ahead: usize,
    /// Commits of the target that HEAD lacks.
    pub behind: usize,
    /// Files that differ between HEAD and index.
    pub staged: usize,
    /// Files that differ between index and work tree.
    pub modified: usize,
    /// Files that are not known and not ignored; a directory of such files counts once.
    pub untracked: usize,
    /// Files with unresolved conflicts.
    pub conflicted: usize,
    /// What was begun and not ended.
    pub in_progress: Option<InProgress>,
}

/// Something that takes several steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InProgress {
    /// `git merge`.
    Merge,
    /// `git rebase`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git bisect`.
    Bisect,
    /// `git am`.
    Apply,
}

/// Reads the state of a checkout, without writing to it.
pub fn status(checkout: &Path, target: &BranchName) -> Result<Status, VcsError> {
    let repo = git::open(checkout)?;
    let head = Head::of(&repo)?;
    let target = tip(&repo, target)?;
    let (ahead, behind) = distance(&repo, head.commit(), target.as_ref())?;
    let Counts { staged, modified, untracked, conflicted } = count(&repo, checkout)?;
    let in_progress = in_progress(&repo);
    Ok(Status { head, target, ahead, behind, staged, modified, untracked, conflicted, in_progress })
}

/// Files by what is different about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    staged: usize,
    modified: usize,
    untracked: usize,
    conflicted: usize,
}

impl Counts {
    /// Files whose content a switch could lose.
    pub(crate) fn work(self) -> usize {
        self.staged + self.modified + self.conflicted
    }
}

pub(crate) fn count(repo: &Repository, checkout: &Path) -> Result<Counts, VcsError> {
    if repo.is_bare() {
        return Ok(Counts::default());
    }
    // The size comes first: reading a large index here costs as much as git needs for all of it.
    if fs::metadata(repo.path().join("index")).is_ok_and(|index| index.len() > IN_PROCESS) {
        return count_by_git(checkout);
    }
    // One that libgit2 cannot read, such as a split one, is for git.
    let is_plain = repo.index().is_ok_and(|index| index.iter().all(|entry| is_plain(&entry)));
    if is_plain { count_in_process(repo) } else { count_by_git(checkout) }
}

/// Whether libgit2 and git see the same in an entry: submodules, filters and half-added files they treat differently.
fn is_plain(entry: &git2::IndexEntry) -> bool {
    let special = IndexEntryExtendedFlag::INTENT_TO_ADD | IndexEntryExtendedFlag::SKIP_WORKTREE;
    entry.mode != 0o160_000
        && !IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).intersects(special)
        && !entry.path.ends_with(b".gitattributes")
}

fn count_in_process(repo: &Repository) -> Result<Counts, VcsError> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .exclude_submodules(true)
        .update_index(false);
    let statuses =
        repo.statuses(Some(&mut options)).map_err(VcsError::repository("reading the work tree"))?;
    let mut counts = Counts::default();
    let in_index = Flags::INDEX_NEW
        | Flags::INDEX_MODIFIED
        | Flags::INDEX_DELETED
        | Flags::INDEX_RENAMED
        | Flags::INDEX_TYPECHANGE;
    let in_files = Flags::WT_MODIFIED | Flags::WT_DELETED | Flags::WT_RENAMED | Flags::WT_TYPECHANGE;
    for status in statuses.iter().map(|entry| entry.status()) {
        if status.is_conflicted() {
            counts.conflicted += 1;
            continue;
        }
        counts.staged += usize::from(status.intersects(in_index));
        counts.modified += usize::from(status.intersects(in_files));
        counts.untracked += usize::from(status.is_wt_new());
    }
    Ok(counts)
}

fn count_by_git(checkout: &Path) -> Result<Counts, VcsError> {
    git::require()?;
    let mut command = git::with_user_config(checkout);
    command.env("GIT_OPTIONAL_LOCKS", "0");
    command.args(["status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=normal"]);
    let output = git::run(command, "status")?;
    let mut counts = Counts::default();
    for line in output.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        match *line {
            [b'1', b' ', staged, modified, ..] => {
                counts.staged += usize::from(staged != b'.');
                counts.modified += usize::from(modified != b'.');
            }
            [b'u', ..] => counts.conflicted += 1,
            [b'?', ..] => counts.untracked += 1,
            _ => {
                let answer = String::from_utf8_lossy(line).chars().take(200).collect();
                return Err(VcsError::Protocol { command: "status", answer });
            }
        }
    }
    Ok(counts)
}

fn distance(
    repo: &Repository,
    head: Option<&CommitId>,
    target: Option<&CommitId>,
) -> Result<(usize, usize), VcsError> {
    let failed = || VcsError::repository("comparing histories");
    let Some(target) = target else { return Ok((0, 0)) };
    let target = git::commit(repo, target)?.id();
    let Some(head) = head else {
        let mut walk = repo.revwalk().map_err(failed())?;
        walk.push(target).map_err(failed())?;
        return Ok((0, walk.count()));
    };
    let head: Oid = git::commit(repo, head)?.id();
    if head == target { Ok((0, 0)) } else { repo.graph_ahead_behind(head, target).map_err(failed()) }
}

pub(crate) fn in_progress(repo: &Repository) -> Option<InProgress> {
    match repo.state() {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some(InProgress::Merge),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some(InProgress::Revert),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some(InProgress::CherryPick),
        RepositoryState::Bisect => Some(InProgress::Bisect),
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => {
            Some(InProgress::Rebase)
        }
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some(InProgress::Apply),
    }
}
