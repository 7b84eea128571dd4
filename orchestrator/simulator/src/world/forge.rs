//! Branches, commits and merges, without git: a commit is known by what is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossgate_core::build::RepoState;
use crossgate_core::change::Change;
use crossgate_core::facts::{Conflict, Merge, TreeKey, TreeState};
use crossgate_core::ids::{BranchName, ChangeId, CommitId, RepoName, TreeId};
use sha2::{Digest as _, Sha256};

use super::States;

/// What a commit is.
#[derive(Debug, Clone)]
struct Commit {
    /// The commit before it on its branch; `None`: the first one.
    parent: Option<CommitId>,
    /// The change that it merges; `None`: a commit of somebody's own.
    change: Option<ChangeId>,
}

/// The branches of all repos.
#[derive(Debug, Clone, Default)]
pub struct Forge {
    commits: BTreeMap<CommitId, Commit>,
    branches: BTreeMap<(RepoName, BranchName), CommitId>,
    /// All commits of the branches: what is behind one of them is one of them.
    merged: BTreeSet<CommitId>,
    landed: BTreeSet<ChangeId>,
    /// What is merged to make a tree of another one.
    merges: BTreeMap<TreeKey, (TreeKey, ChangeId)>,
}

impl Forge {
    /// Makes a branch with one commit, and returns it.
    pub fn branch(&mut self, repo: &RepoName, branch: &BranchName) -> CommitId {
        let commit = commit_of(&[repo.as_str(), branch.as_str()]);
        self.commits.insert(commit.clone(), Commit { parent: None, change: None });
        self.merged.insert(commit.clone());
        self.branches.insert((repo.clone(), branch.clone()), commit.clone());
        commit
    }

    /// Puts a commit that did not go through the gate onto a branch: a change, or one of somebody's own.
    pub fn commit(&mut self, repo: &RepoName, branch: &BranchName, change: Option<&ChangeId>) -> CommitId {
        let key = (repo.clone(), branch.clone());
        let parent = self.branches.get(&key).cloned().unwrap_or_else(|| self.branch(repo, branch));
        let what = change.map_or("pushed", ChangeId::as_str);
        let commit = commit_of(&[parent.as_str(), what]);
        self.commits.insert(commit.clone(), Commit { parent: Some(parent), change: change.cloned() });
        self.merged.insert(commit.clone());
        self.branches.insert(key, commit.clone());
        self.landed.extend(change.cloned());
        commit
    }

    /// Pushes a commit to a change's branch, if that is a fast-forward; returns whether it was.
    pub fn push(&mut self, change: &Change, commit: &CommitId) -> bool {
        let key = (change.repo.clone(), change.branch.clone());
        let Some(tip) = self.branches.get(&key) else { return false };
        if !self.line(commit).any(|(before, _)| before == tip) {
            return false;
        }
        let new: Vec<CommitId> =
            self.line(commit).map(|(id, _)| id.clone()).take_while(|id| !self.merged.contains(id)).collect();
        self.merged.extend(new);
        self.branches.insert(key, commit.clone());
        self.landed.insert(change.id.clone());
        true
    }

    /// Returns the changes on a branch, in the order in which they got there.
    pub fn changes_on(&self, repo: &RepoName, branch: &BranchName) -> Vec<ChangeId> {
        let tip = self.branches.get(&(repo.clone(), branch.clone()));
        let mut changes: Vec<ChangeId> = tip
            .into_iter()
            .flat_map(|tip| self.line(tip))
            .filter_map(|(_, commit)| commit.change.clone())
            .collect();
        changes.reverse();
        changes
    }

    /// Returns whether a change is on its branch.
    pub fn has_landed(&self, change: &ChangeId) -> bool {
        self.landed.contains(change)
    }

    /// Returns the changes in a tree, landed or not.
    pub fn inside(&self, tree: &BTreeMap<RepoName, RepoState>) -> BTreeSet<ChangeId> {
        tree.values()
            .flat_map(|state| self.line(&state.commit))
            .filter_map(|(_, commit)| commit.change.clone())
            .collect()
    }

    /// Returns the changes in a tree that have not landed.
    pub fn unmerged<'a>(
        &'a self,
        tree: &'a BTreeMap<RepoName, RepoState>,
    ) -> impl Iterator<Item = &'a ChangeId> {
        tree.values()
            .flat_map(|state| self.line(&state.commit).take_while(|(id, _)| !self.merged.contains(*id)))
            .filter_map(|(_, commit)| commit.change.as_ref())
            .filter(|change| !self.has_landed(change))
    }

    /// Returns the latest commit up to this one that is not a change: somebody's own, or the first one of its branch.
    pub fn last_push(&self, commit: &CommitId) -> Option<&CommitId> {
        self.line(commit).find_map(|(id, commit)| commit.change.is_none().then_some(id))
    }

    /// Returns the changes in a commit, landed or not.
    pub fn inside_commit(&self, commit: &CommitId) -> BTreeSet<ChangeId> {
        self.line(commit).filter_map(|(_, commit)| commit.change.clone()).collect()
    }

    pub(super) fn at_tips(tips: &BTreeMap<RepoName, CommitId>) -> States {
        let state = |commit: &CommitId| RepoState { commit: commit.clone(), tree: tree_of(commit) };
        Arc::new(tips.iter().map(|(repo, commit)| (repo.clone(), state(commit))).collect())
    }

    pub(super) fn merge(
        &mut self,
        states: &States,
        merge: &Merge,
        clash: Option<impl Fn(&ChangeId) -> bool>,
    ) -> TreeState {
        let Some(onto) = states.get(&merge.repo) else { return TreeState::Ready(states.clone()) };
        let before = || self.line(&onto.commit).filter_map(|(_, commit)| commit.change.clone());
        if let Some(with) = clash.and_then(|clash| before().find(clash)) {
            let with = (!self.has_landed(&with)).then_some(with);
            let (change, repo) = (merge.change.clone(), merge.repo.clone());
            return TreeState::Conflict(Conflict { change, with, repo, files: Vec::new() });
        }
        let commit = commit_of(&[onto.commit.as_str(), merge.change.as_str(), merge.head.as_str()]);
        let made = Commit { parent: Some(onto.commit.clone()), change: Some(merge.change.clone()) };
        self.commits.insert(commit.clone(), made);
        let mut states = states.as_ref().clone();
        states.insert(merge.repo.clone(), RepoState { tree: tree_of(&commit), commit });
        TreeState::Ready(Arc::new(states))
    }

    /// Remembers what is merged to make a tree.
    pub(super) fn remember(&mut self, key: TreeKey, onto: TreeKey, change: &ChangeId) {
        self.merges.insert(key, (onto, change.clone()));
    }

    /// Returns the changes merged to make a tree, in order.
    pub(super) fn order(&self, key: TreeKey) -> Vec<ChangeId> {
        let mut order = Vec::new();
        let mut at = key;
        while let Some((onto, change)) = self.merges.get(&at) {
            order.push(change.clone());
            at = *onto;
        }
        order.reverse();
        order
    }

    /// Walks from a commit back to the first one of its branch.
    fn line<'a>(&'a self, from: &CommitId) -> impl Iterator<Item = (&'a CommitId, &'a Commit)> + use<'a> {
        let mut next = self.commits.get_key_value(from);
        std::iter::from_fn(move || {
            let (id, commit) = next?;
            next = commit.parent.as_ref().and_then(|parent| self.commits.get_key_value(parent));
            Some((id, commit))
        })
    }
}

/// Returns a commit that is the same for the same parts.
pub(crate) fn commit_of(parts: &[&str]) -> CommitId {
    CommitId::parse(&digest(&parts.join("\0"))).expect("40 hexadecimal digits")
}

fn tree_of(commit: &CommitId) -> TreeId {
    TreeId::parse(commit.as_str()).expect("what names a commit can name its tree")
}

/// Returns a tree that is not this one.
pub(super) fn other_tree(tree: &TreeId) -> TreeId {
    TreeId::parse(&digest(&format!("not {tree}"))).expect("40 hexadecimal digits")
}

fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text).iter().take(20).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all text");
        text
    })
}
