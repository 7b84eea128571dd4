//! The workspace tool's part in one checkout: what a person would do by hand, and never at the price of their work.

pub(crate) mod status;

use std::path::Path;

use crossgate_core::ids::{BranchName, CommitId};
use git2::BranchType;
use serde::Serialize;

use crate::error::VcsError;
use crate::git::{self, commit_id};
use crate::head::Head;
use crate::mirror::read::{found, resolve};
use status::{Status, status};

/// What became of a fast-forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum FastForward {
    /// The branch and the files were moved.
    Moved {
        /// Where the branch was; `None` if it had no commit.
        from: Option<CommitId>,
        /// Where it is.
        to: CommitId,
        /// How many commits that is.
        commits: usize,
    },
    /// There is nothing newer.
    UpToDate {
        /// How many commits are here only.
        ahead: usize,
    },
    /// Neither `origin` nor the checkout has the branch.
    NoTarget,
    /// HEAD is not on the branch.
    ElsewhereCheckedOut {
        /// Where it is.
        head: Head,
    },
    /// There is uncommitted work, or a merge or the like is going on.
    Dirty,
    /// Both sides have commits of their own.
    Diverged {
        /// How many are here only.
        ahead: usize,
        /// How many are there only.
        behind: usize,
    },
    /// Git refuses, for instance because a new file is in the way of an untracked one.
    Refused {
        /// What git says.
        reason: String,
    },
}

/// Moves the branch `target` to what was last fetched of it, if it is checked out, clean and only behind.
///
/// Untracked files do not count as work in the way unless they are. Hooks and filters of the checkout run.
pub fn fast_forward(checkout: &Path, target: &BranchName) -> Result<FastForward, VcsError> {
    let Status { head, ahead, behind, target: tip, staged, modified, conflicted, in_progress, .. } =
        status(checkout, target)?;
    let Some(to) = tip else { return Ok(FastForward::NoTarget) };
    if head.branch() != Some(target) {
        return Ok(FastForward::ElsewhereCheckedOut { head });
    }
    if behind == 0 {
        return Ok(FastForward::UpToDate { ahead });
    }
    if ahead > 0 {
        return Ok(FastForward::Diverged { ahead, behind });
    }
    if staged + modified + conflicted > 0 || in_progress.is_some() {
        return Ok(FastForward::Dirty);
    }
    match run(checkout, "merge", &["--quiet", "--ff-only", "--no-autostash", to.as_str()]) {
        Ok(()) => Ok(FastForward::Moved { from: head.commit().cloned(), to, commits: behind }),
        Err(VcsError::Git { stderr, .. }) => Ok(FastForward::Refused { reason: stderr }),
        Err(error) => Err(error),
    }
}

/// Makes a branch at a commit, or where HEAD is, and switches to it. Uncommitted work comes along.
///
/// # Errors
/// [`VcsError::Git`] if the branch exists, or if the switch would overwrite uncommitted work.
pub fn create_branch(checkout: &Path, name: &BranchName, from: Option<&CommitId>) -> Result<(), VcsError> {
    let mut args = vec!["--quiet", "--no-track", "--no-recurse-submodules", "-c", name.as_str()];
    args.extend(from.map(CommitId::as_str));
    run(checkout, "switch", &args)
}

/// Switches to a local branch, or to any other revision without a branch.
///
/// # Errors
/// [`VcsError::Dirty`] if there is uncommitted work, [`VcsError::UnknownRevision`], [`VcsError::Git`] if an untracked
/// file is in the way.
pub fn switch(checkout: &Path, rev: &str) -> Result<(), VcsError> {
    let repo = git::open(checkout)?;
    let files = status::count(&repo, checkout)?.work();
    if files > 0 || status::in_progress(&repo).is_some() {
        return Err(VcsError::Dirty { path: checkout.to_owned(), files });
    }
    let branch = BranchName::parse(rev)
        .ok()
        .and_then(|name| found(repo.find_branch(name.as_str(), BranchType::Local)).ok()?);
    if branch.is_some() {
        return run(checkout, "switch", &["--quiet", "--no-recurse-submodules", rev]);
    }
    let commit = resolve(&repo, rev).map_err(|_not_found| {
        let repo = checkout.display().to_string();
        VcsError::UnknownRevision { repo, rev: rev.to_owned() }
    })?;
    let commit = commit_id(commit.id());
    run(checkout, "switch", &["--quiet", "--no-recurse-submodules", "--detach", commit.as_str()])
}

fn run(checkout: &Path, name: &'static str, args: &[&str]) -> Result<(), VcsError> {
    git::require()?;
    let mut command = git::with_user_config(checkout);
    command
        .args(["-c", "maintenance.auto=false", "-c", "gc.auto=0", "-c", "advice.detachedHead=false", name])
        .args(args);
    git::run(command, name).map(drop).map_err(|error| error.at(checkout))
}
