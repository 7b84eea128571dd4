//! The branches, the queues, and what items are merged onto.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::Change;
use crate::facts::{Base, Configuration, Facts, Item, Pipeline, TreeState};
use crate::ids::{BranchName, ChangeId, CommitId, RepoName, Timestamp};
use crate::queues::{QueueId, Queues};
use crate::workspace::Workspace;

impl Facts {
    pub(super) fn configure(&mut self, configuration: Configuration) {
        self.queues = Queues::of(&configuration.workspace, &configuration.graph);
        self.configuration = Some(configuration);
        // A queue that joined others, or was parted from them, goes on with the smallest window.
        for (old, size) in std::mem::take(&mut self.windows) {
            if let Some(repo) = self.queue_of_repo(&old.repo).map(|queue| queue.repo) {
                let queue = QueueId { repo, branch: old.branch };
                self.windows.entry(queue).and_modify(|known| *known = size.min(*known)).or_insert(size);
            }
        }
    }

    /// Returns the queue of the changes to a branch of a repo.
    pub(crate) fn queue_at(&self, repo: &RepoName, branch: &BranchName) -> Option<QueueId> {
        let configuration = self.configuration.as_ref()?;
        self.queues.queue(&configuration.workspace, repo, branch)
    }

    /// Returns the queue of the changes to the default branch of a repo.
    pub(crate) fn queue_of_repo(&self, repo: &RepoName) -> Option<QueueId> {
        let branch = &self.configuration.as_ref()?.workspace.repos.get(repo)?.branch;
        self.queue_at(repo, branch)
    }

    /// Returns whether the changes of a repo are in a queue, on whatever branch.
    pub(crate) fn shares(&self, repo: &RepoName, queue: &QueueId) -> bool {
        self.queue_of_repo(repo).is_some_and(|of| of.repo == queue.repo)
    }

    /// Returns why nothing lands in a queue, if one of its branches is not what was tested.
    pub(crate) fn frozen_in(&self, queue: &QueueId) -> Option<&str> {
        let here =
            |(repo, branch): &(RepoName, BranchName)| self.queue_at(repo, branch).as_ref() == Some(queue);
        self.frozen.iter().find(|(of, _)| here(of)).map(|(_, why)| why.as_str())
    }

    /// Returns the queue of an item.
    pub(crate) fn queue_of(&self, item: &Item) -> Option<QueueId> {
        self.queue_at(&item.change().repo, &item.change().branch)
    }

    pub(super) fn pushed(
        &mut self,
        line: (RepoName, BranchName),
        commit: CommitId,
        change: Option<ChangeId>,
        at: Timestamp,
    ) {
        let (repo, branch) = line.clone();
        let is_known = self.tips.insert(line, commit.clone()) == Some(commit);
        if let Some(id) = change
            && let Some(proposal) = self.proposals.get_mut(&id)
            && !proposal.landed
        {
            (proposal.landed, proposal.open) = (true, false);
            let configuration = proposal.configuration.take();
            self.landed.push((id, at));
            if let Some(configuration) = configuration {
                self.configure(configuration);
            }
        }
        let queue = self
            .configuration
            .as_ref()
            .and_then(|configuration| self.queues.queue(&configuration.workspace, &repo, &branch));
        // A forge says more than once where a branch is, and also of what landed through the gate.
        if let Some(queue) = queue.filter(|_| !is_known) {
            self.rebase(&queue, Some(&repo));
        }
    }

    /// Puts the items of a queue onto the tips as they are now: all, or those that change a repo and those behind them.
    pub(super) fn rebase(&mut self, queue: &QueueId, from: Option<&RepoName>) {
        let mut order: Vec<usize> = (0..self.items.len())
            .filter(|at| {
                let item = &self.items[*at];
                item.pipeline == Pipeline::Gate && self.queue_of(item).as_ref() == Some(queue)
            })
            .collect();
        order.sort_by_key(|at| self.items[*at].rank);
        let touches = |at: &usize| {
            let members = &self.items[*at].members;
            from.is_none_or(|repo| members.iter().any(|member| member.change.repo == *repo))
        };
        let first = order.iter().position(touches).unwrap_or(order.len());
        for at in &order[first..] {
            let member = &self.items[*at].members[0];
            let tips = self.tips_for(&member.workspace, &member.change.repo, &member.change.branch);
            self.items[*at].base = Base::of_tips(tips);
        }
    }

    /// Returns the tip of each repo that a change to a branch of a repo is tested with: the branch of the same name if there is
    /// one, else the default; a driver may map branches itself. A change to a default branch is tested with default branches.
    pub(crate) fn tips_for(
        &self,
        workspace: &Workspace,
        changed: &RepoName,
        branch: &BranchName,
    ) -> Arc<BTreeMap<RepoName, CommitId>> {
        let is_default = workspace.repos.get(changed).is_some_and(|repo| repo.branch == *branch);
        let tip = |repo: &RepoName, branch: &BranchName| self.tips.get(&(repo.clone(), branch.clone()));
        let of = |repo: &RepoName, default: &BranchName| {
            if repo == changed {
                return tip(repo, branch);
            }
            let mapped = workspace.drivers_of(repo).find_map(|(_, driver)| driver.branches.get(branch));
            let same = if is_default { None } else { tip(repo, branch) };
            mapped.and_then(|mapped| tip(repo, mapped)).or(same).or_else(|| tip(repo, default))
        };
        let tips = workspace
            .repos
            .iter()
            .filter_map(|(name, repo)| Some((name.clone(), of(name, &repo.branch)?.clone())));
        Arc::new(tips.collect())
    }

    /// Returns what a new item is merged onto: what the last one of its queue is, if that is still how the branches are.
    pub(super) fn base_for(&self, change: &Change, workspace: &Workspace) -> Base {
        let tips = self.tips_for(workspace, &change.repo, &change.branch);
        let same = |base: &&Base| match (&base.tips, self.trees.get(&base.key)) {
            (Some(other), _) => *other == tips,
            (None, Some(TreeState::Ready(states))) => {
                states.len() == tips.len()
                    && states.iter().zip(tips.iter()).all(|((_, state), (_, tip))| state.commit == *tip)
            }
            (None, _) => false,
        };
        let gated = self.items.iter().rev().filter(|item| item.pipeline == Pipeline::Gate);
        gated.map(|item| &item.base).find(same).cloned().unwrap_or_else(|| Base::of_tips(tips))
    }
}
