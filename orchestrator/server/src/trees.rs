//! Makes the trees that builds see: tips, and changes merged onto them in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_core::build::RepoState;
use crossgate_core::decide::Chain;
use crossgate_core::facts::{Conflict, Merge, TreeKey, TreeState};
use crossgate_core::ids::{ChangeId, CommitId, RepoName};
use crossgate_vcs::{ConflictKind, Merged, Mirror, VcsError};

use crate::error::Error;

/// Mirrors of the repos, by name.
type Mirrors = BTreeMap<RepoName, Arc<Mirror>>;

/// Each repo of a tree at its state.
type States = BTreeMap<RepoName, RepoState>;

/// Makes trees, each after what it stands on; `known` are those that they stand on and that are made already. What git cannot
/// do is a state of the tree, so that every item that wants it learns why.
pub(crate) fn prepare(
    mirrors: &Mirrors,
    chain: &Chain,
    mut known: BTreeMap<TreeKey, TreeState>,
    mut made: impl FnMut(TreeKey, TreeState),
) {
    let failed = |error: Error| TreeState::Failed { reason: error.to_string() };
    // The change of each repo that was merged last, for the trees made here.
    let mut last: BTreeMap<TreeKey, BTreeMap<RepoName, ChangeId>> = BTreeMap::new();
    for (key, tips) in &chain.tips {
        let state = at_tips(mirrors, tips).unwrap_or_else(failed);
        known.insert(*key, state.clone());
        made(*key, state);
    }
    for (key, onto, merge) in &chain.merges {
        let mut inside = last.get(onto).cloned().unwrap_or_default();
        let state = match known.get(onto) {
            Some(TreeState::Ready(states)) => {
                merged(mirrors, states, merge, inside.get(&merge.repo)).unwrap_or_else(failed)
            }
            // What stands on a conflict conflicts.
            Some(TreeState::Conflict(conflict)) => TreeState::Conflict(conflict.clone()),
            Some(TreeState::Failed { reason }) => TreeState::Failed { reason: reason.clone() },
            Some(TreeState::Preparing) | None => {
                failed(Error::Internal("a tree below is not made".to_owned()))
            }
        };
        inside.insert(merge.repo.clone(), merge.change.clone());
        last.insert(*key, inside);
        known.insert(*key, state.clone());
        made(*key, state);
    }
}

fn mirror<'a>(mirrors: &'a Mirrors, repo: &RepoName) -> Result<&'a Arc<Mirror>, Error> {
    mirrors.get(repo).ok_or_else(|| Error::Internal(format!("no mirror of `{repo}` is open")))
}

fn at_tips(mirrors: &Mirrors, tips: &BTreeMap<RepoName, CommitId>) -> Result<TreeState, Error> {
    let mut states = States::new();
    for (repo, commit) in tips {
        let tree = mirror(mirrors, repo)?.tree_of(commit)?;
        states.insert(repo.clone(), RepoState { commit: commit.clone(), tree });
    }
    Ok(TreeState::Ready(Arc::new(states)))
}

fn merged(
    mirrors: &Mirrors,
    onto: &Arc<States>,
    merge: &Merge,
    with: Option<&ChangeId>,
) -> Result<TreeState, Error> {
    let Some(state) = onto.get(&merge.repo) else { return Ok(TreeState::Ready(onto.clone())) };
    let message = format!("Merge {}", merge.change);
    match mirror(mirrors, &merge.repo)?.merge(&state.commit, &merge.head, &message)? {
        Merged::Clean { commit, tree } | Merged::UpToDate { commit, tree } => {
            let mut states = onto.as_ref().clone();
            states.insert(merge.repo.clone(), RepoState { commit, tree });
            Ok(TreeState::Ready(Arc::new(states)))
        }
        Merged::Conflict { files } => Ok(TreeState::Conflict(Conflict {
            change: merge.change.clone(),
            with: with.cloned(),
            repo: merge.repo.clone(),
            files: files.iter().map(|file| format!("{} ({})", file.path, words(file.kind))).collect(),
        })),
    }
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
