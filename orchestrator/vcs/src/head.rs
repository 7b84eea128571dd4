//! Where a checkout stands.

use crossgate_core::ids::{BranchName, CommitId};
use git2::{ErrorCode, Repository};
use serde::Serialize;

use crate::error::VcsError;
use crate::git::commit_id;

/// What HEAD of a repository is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Head {
    /// On a branch that has commits.
    Branch {
        /// The branch.
        name: BranchName,
        /// Its head.
        commit: CommitId,
    },
    /// On no branch.
    Detached {
        /// The commit checked out.
        commit: CommitId,
    },
    /// On a branch that has no commit yet.
    Unborn {
        /// The branch to be.
        name: BranchName,
    },
}

impl Head {
    /// Returns the commit checked out, if there is one.
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::Branch { commit, .. } | Self::Detached { commit } => Some(commit),
            Self::Unborn { .. } => None,
        }
    }

    /// Returns the branch, if on one.
    pub fn branch(&self) -> Option<&BranchName> {
        match self {
            Self::Branch { name, .. } | Self::Unborn { name } => Some(name),
            Self::Detached { .. } => None,
        }
    }

    pub(crate) fn of(repo: &Repository) -> Result<Self, VcsError> {
        let read = VcsError::repository;
        let head = match repo.head() {
            Ok(head) => head,
            Err(error) if error.code() == ErrorCode::UnbornBranch => {
                let head = repo.find_reference("HEAD").map_err(read("reading HEAD"))?;
                let target = head.symbolic_target_bytes().unwrap_or_default();
                return Ok(Self::Unborn { name: branch_name(target)? });
            }
            Err(error) => return Err(read("reading HEAD")(error)),
        };
        let commit = commit_id(head.peel_to_commit().map_err(read("reading HEAD"))?.id());
        if !head.is_branch() {
            return Ok(Self::Detached { commit });
        }
        Ok(Self::Branch { name: branch_name(head.name_bytes())?, commit })
    }
}

fn branch_name(reference: &[u8]) -> Result<BranchName, VcsError> {
    let text = String::from_utf8_lossy(reference);
    Ok(BranchName::parse(text.strip_prefix("refs/heads/").unwrap_or(&text))?)
}
