//! Trees: tips, and changes merged onto them one after another.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::build::RepoState;
use crate::change::Change;
use crate::ids::{ChangeId, CommitId, RepoName};

/// What a tree is made of, as a digest: the tips, and what is merged onto them in which order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeKey([u8; 16]);

impl TreeKey {
    /// Returns the key of a tree that is nothing but tips.
    pub fn of_tips(tips: &BTreeMap<RepoName, CommitId>) -> Self {
        let mut hasher = Sha256::new();
        for (repo, commit) in tips {
            hasher.update(repo.as_str());
            hasher.update(b"\0");
            hasher.update(commit.as_str());
            hasher.update(b"\n");
        }
        Self::cut(hasher)
    }

    /// Returns the key of this tree with one more change merged onto it.
    #[must_use]
    pub fn with(self, merge: &Merge) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(merge.repo.as_str());
        hasher.update(b"\0");
        hasher.update(merge.head.as_str());
        Self::cut(hasher)
    }

    fn cut(hasher: Sha256) -> Self {
        let digest = hasher.finalize();
        Self(digest[..16].try_into().expect("a SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for TreeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an item stands on: tips, or a tree that was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The tree.
    pub key: TreeKey,
    /// The tips that it is; `None`: it was made before.
    pub tips: Option<Arc<BTreeMap<RepoName, CommitId>>>,
}

impl Base {
    /// Takes tips.
    pub fn of_tips(tips: Arc<BTreeMap<RepoName, CommitId>>) -> Self {
        Self { key: TreeKey::of_tips(&tips), tips: Some(tips) }
    }
}

/// A change at a revision, to be merged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Merge {
    /// The change.
    pub change: ChangeId,
    /// Its repo.
    pub repo: RepoName,
    /// Its last commit.
    pub head: CommitId,
}

impl Merge {
    /// Returns what is to be merged of a change.
    pub fn of(change: &Change) -> Self {
        Self { change: change.id.clone(), repo: change.repo.clone(), head: change.head.clone() }
    }
}

/// How far a tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeState {
    /// It is being made.
    Preparing,
    /// Each repo at its state.
    Ready(Arc<BTreeMap<RepoName, RepoState>>),
    /// Two changes do not go together.
    Conflict(Conflict),
    /// The environment failed.
    Failed {
        /// How.
        reason: String,
    },
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.with {
            Some(with) => write!(f, "{} does not merge with {with}", self.change)?,
            None => write!(f, "{} does not merge with its branch of {}", self.change, self.repo)?,
        }
        if self.files.is_empty() { Ok(()) } else { write!(f, ": {}", self.files.join(", ")) }
    }
}

/// What does not merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The change that does not merge.
    pub change: ChangeId,
    /// The change of the same repo merged just before it; `None`: the branch itself.
    pub with: Option<ChangeId>,
    /// The repo.
    pub repo: RepoName,
    /// The files, each with what is wrong with it.
    pub files: Vec<String>,
}
