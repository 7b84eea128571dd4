//! What people decide about changes.

use std::sync::Arc;

use crate::change::Change;
use crate::facts::{Approval, Checking, Configuration, Facts, Item, Pipeline, Proposal};
use crate::ids::{ChangeId, RepoName, Timestamp};
use crate::scenario::Scope;

impl Facts {
    pub(super) fn propose(
        &mut self,
        change: Arc<Change>,
        errors: Vec<String>,
        configuration: Option<Configuration>,
    ) {
        let proposal =
            self.proposals.entry(change.id.clone()).or_insert_with(|| Proposal::new(change.clone()));
        let is_new = proposal.change.revision != change.revision || proposal.change.head != change.head;
        if is_new {
            proposal.approval = None;
            proposal.blamed.clear();
            if proposal.check != Checking::Unasked {
                proposal.check = Checking::Due;
            }
        }
        proposal.refused = None;
        (proposal.change, proposal.errors, proposal.configuration) = (change, errors, configuration);
    }

    pub(super) fn ask(&mut self, id: &ChangeId) {
        let Some(proposal) = self.unlanded(id) else { return };
        (proposal.open, proposal.draft) = (true, false);
        proposal.refused = None;
        proposal.check = Checking::Due;
    }

    pub(super) fn approve(&mut self, id: &ChangeId, by: String, at: Timestamp) {
        self.counter += 1;
        let number = self.counter;
        let Some(proposal) = self.unlanded(id) else { return };
        (proposal.open, proposal.draft) = (true, false);
        // An approval that stands is not another one for being said again, unless somebody has just passed over it.
        if proposal.standing_approval().is_none() || proposal.dequeued.is_some() {
            proposal.approval = Some(Approval { by, at, number, used: false });
        }
    }

    pub(super) fn unapprove(&mut self, id: &ChangeId) {
        if let Some(proposal) = self.unlanded(id) {
            proposal.approval = None;
        }
    }

    pub(super) fn close(&mut self, id: &ChangeId) {
        let Some(proposal) = self.unlanded(id) else { return };
        (proposal.open, proposal.draft) = (false, false);
        (proposal.approval, proposal.check) = (None, Checking::Unasked);
    }

    /// In the gate, it leaves when that is decided; before it, its approval is gone.
    pub(super) fn dequeue(&mut self, id: &ChangeId, by: String) {
        let in_gate = self.item_of(id, Pipeline::Gate).is_some();
        let Some(proposal) = self.unlanded(id) else { return };
        if in_gate {
            proposal.dequeued = Some(by);
        } else {
            proposal.approval = None;
        }
    }

    fn unlanded(&mut self, id: &ChangeId) -> Option<&mut Proposal> {
        self.proposals.get_mut(id).filter(|proposal| !proposal.landed)
    }

    pub(super) fn promote(&mut self, changes: &[ChangeId]) {
        let first = self.front - i64::try_from(changes.len()).unwrap_or(0);
        for (rank, change) in (first..).zip(changes) {
            let item =
                self.items.iter_mut().find(|item| item.pipeline == Pipeline::Gate && item.holds(change));
            if let Some(item) = item {
                item.rank = rank;
            }
        }
        self.front = first;
        // What has begun to land stays ahead of all.
        let begun = |item: &&mut Item| item.landing.landed > 0 || item.landing.since.is_some();
        for item in self.items.iter_mut().filter(begun) {
            self.front -= 1;
            item.rank = self.front;
        }
    }

    pub(super) fn resume(&mut self, scope: Option<&Scope>) {
        self.holds.remove(&scope.cloned());
        let thaws = |facts: &Self, repo: &RepoName| match scope {
            None => true,
            Some(Scope::Repo(named)) => facts.queue_of_repo(named) == facts.queue_of_repo(repo),
            Some(Scope::Change(_)) => false,
        };
        let thawed: Vec<_> = self.frozen.keys().filter(|(repo, _)| thaws(self, repo)).cloned().collect();
        for branch in thawed {
            self.frozen.remove(&branch);
            if let Some(queue) = self.queue_at(&branch.0, &branch.1) {
                self.rebase(&queue, None);
            }
        }
        // Another freeze is to be told again.
        self.items.iter_mut().for_each(|item| item.told_frozen = false);
    }
}
