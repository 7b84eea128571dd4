//! What people decide about changes.

use std::sync::Arc;

use crate::change::Change;
use crate::facts::{Approval, Checking, Configuration, Facts, Pipeline, Proposal};
use crate::ids::{ChangeId, RepoName, Timestamp};
use crate::queues::QueueId;
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
        // An approval that stands is not another one for being said again.
        if proposal.standing_approval().is_none() {
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
    }

    pub(super) fn resume(&mut self, scope: Option<&Scope>) {
        self.holds.remove(&scope.cloned());
        let repos: Vec<RepoName> = match scope {
            None => self.frozen.values().map(|(repo, _)| repo.clone()).collect(),
            Some(Scope::Repo(repo)) => vec![repo.clone()],
            Some(Scope::Change(_)) => Vec::new(),
        };
        for repo in repos {
            let thawed: Vec<QueueId> =
                self.frozen.keys().filter(|queue| self.shares(&repo, queue)).cloned().collect();
            for queue in thawed {
                self.frozen.remove(&queue);
                self.rebase(&queue, None);
            }
        }
    }
}
