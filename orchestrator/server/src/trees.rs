//! Makes the trees that builds see: tips, and changes merged onto them in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_core::build::RepoState;
use crossgate_core::facts::{Conflict, TreeSpec, TreeState};
use crossgate_core::ids::{ChangeId, RepoName};
use crossgate_vcs::{ConflictKind, Merged, Mirror, VcsError};

use crate::error::Error;

/// Makes a tree. What git cannot do is a state of the tree, so that every item that wants it learns why.
pub(crate) fn prepare(mirrors: &BTreeMap<RepoName, Arc<Mirror>>, spec: &TreeSpec) -> TreeState {
    match merged(mirrors, spec) {
        Ok(state) => state,
        Err(error) => TreeState::Failed { reason: error.to_string() },
    }
}

fn merged(mirrors: &BTreeMap<RepoName, Arc<Mirror>>, spec: &TreeSpec) -> Result<TreeState, Error> {
    let mirror = |repo: &RepoName| {
        mirrors.get(repo).ok_or_else(|| Error::Internal(format!("no mirror of `{repo}` is open")))
    };
    let mut states = BTreeMap::new();
    for (repo, commit) in spec.tips.iter() {
        let tree = mirror(repo)?.tree_of(commit)?;
        states.insert(repo.clone(), RepoState { commit: commit.clone(), tree });
    }
    let mut last: BTreeMap<&RepoName, &ChangeId> = BTreeMap::new();
    for merge in &spec.merges {
        let Some(state) = states.get_mut(&merge.repo) else { continue };
        let message = format!("Merge {}", merge.change);
        match mirror(&merge.repo)?.merge(&state.commit, &merge.head, &message)? {
            Merged::Clean { commit, tree } | Merged::UpToDate { commit, tree } => {
                *state = RepoState { commit, tree };
            }
            Merged::Conflict { files } => {
                return Ok(TreeState::Conflict(Conflict {
                    change: merge.change.clone(),
                    with: last.get(&merge.repo).map(|&change| change.clone()),
                    repo: merge.repo.clone(),
                    files: files.iter().map(|file| format!("{} ({})", file.path, words(file.kind))).collect(),
                }));
            }
        }
        last.insert(&merge.repo, &merge.change);
    }
    Ok(TreeState::Ready(Arc::new(states)))
}

fn words(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::Content => "both change the same lines",
        ConflictKind::Binary => "both change a binary file",
        ConflictKind::AddAdd => "both add it",
        ConflictKind::ModifyDelete => "one changes and one deletes it",
        ConflictKind::RenameDelete => "one renames and one deletes it",
        ConflictKind::RenameRename => "both rename it",
        ConflictKind::FileDirectory => "a file here, a directory there",
        ConflictKind::DirectoryRename => "one renames the directory it is added to",
        ConflictKind::Type => "a file here, a link or submodule there",
        ConflictKind::Submodule => "both move the submodule",
    }
}

/// Puts the repos of a build side by side into a directory.
pub(crate) fn place(
    mirrors: &BTreeMap<RepoName, Arc<Mirror>>,
    tree: &BTreeMap<RepoName, RepoState>,
    into: &std::path::Path,
) -> Result<(), VcsError> {
    for (repo, state) in tree {
        if let Some(mirror) = mirrors.get(repo) {
            mirror.checkout(&state.commit, &into.join(repo.as_str()))?;
        }
    }
    Ok(())
}
