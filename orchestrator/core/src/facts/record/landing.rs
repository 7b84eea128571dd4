//! What lands.

use std::sync::Arc;

use super::{LandingTried, Receipt};
use crate::build::Outcome;
use crate::change::Change;
use crate::decide::landing_delay;
use crate::facts::{
    Base, BuildState, Earlier, Facts, GateEnd, Item, Pipeline, ReportState, TreeKey, TreeState,
};
use crate::ids::Timestamp;
use crate::keys;
use crate::queues::QueueId;

impl Facts {
    pub(super) fn tried(&mut self, tried: LandingTried, at: Timestamp) {
        let Some(index) = self.items.iter().position(|item| item.id == tried.item) else { return };
        let landing = &mut self.items[index].landing;
        landing.since = None;
        let receipt = match tried.result {
            Ok(receipt) => receipt,
            Err((why, again)) => {
                landing.why = why;
                landing.refused = if again { landing.refused + 1 } else { u32::MAX };
                landing.again = Some(at.after(landing_delay(landing.refused)));
                return;
            }
        };
        let member = landing.landed;
        (landing.landed, landing.refused, landing.again) = (member + 1, 0, None);
        let Some(change) = self.items[index].members.get(member).map(|member| member.change.clone()) else {
            return;
        };
        self.land(&change, &receipt, at);
        if self.items[index].landing.landed == self.items[index].members.len() {
            let item = self.items[index].clone();
            self.learn(&item, tried.learned);
            self.landed_whole(index, at);
        }
    }

    pub(super) fn land(&mut self, change: &Arc<Change>, receipt: &Receipt, at: Timestamp) {
        self.tips.insert((change.repo.clone(), change.branch.clone()), receipt.commit.clone());
        let known = self.proposals.get(&change.id).is_some_and(|proposal| proposal.landed);
        if !known {
            self.landed.push((change.id.clone(), at));
        }
        if let Some(proposal) = self.proposals.get_mut(&change.id) {
            (proposal.landed, proposal.open) = (true, false);
            let reason = "what was tested is part of its branch".to_owned();
            proposal.gate = Some(GateEnd { state: ReportState::Landed, reason, at, number: self.counter });
            let configuration = proposal.configuration.take();
            if let Some(configuration) = configuration {
                self.configure(configuration);
            }
        }
        let text = format!("landed on {} of {}", change.branch, change.repo);
        self.report(change.id.clone(), Pipeline::Gate, ReportState::Landed, text);
        if receipt.landed != receipt.tested {
            let why = format!(
                "the queue is frozen: {} of {} holds tree {} after {} landed, and {} was tested; nothing lands until somebody has \
                 looked and resumed it",
                change.branch, change.repo, receipt.landed, change.id, receipt.tested
            );
            self.frozen.insert((change.repo.clone(), change.branch.clone()), why);
        }
    }

    /// All changes of an item have landed: it is gone, and what stood behind it stands on it.
    pub(super) fn landed_whole(&mut self, index: usize, at: Timestamp) {
        let queue = self.queue_of(&self.items[index]);
        let item = self.items.remove(index);
        // What landed at the same time may have taken its repo out of the workspace.
        if let Some(queue) = queue {
            self.move_up(&item, &queue);
        }
        self.retire(at);
    }

    fn move_up(&mut self, item: &Item, queue: &QueueId) {
        self.resize(item, queue.clone(), true);
        let (_, own) = item.merges();
        let on = |key: TreeKey| own.iter().fold(key, TreeKey::with);
        self.prove(item, on(item.base.key));
        let behind: Vec<usize> = (0..self.items.len())
            .filter(|at| {
                let other = &self.items[*at];
                other.pipeline == Pipeline::Gate && self.queue_of(other).as_ref() == Some(queue)
            })
            .collect();
        for at in behind {
            let other = &self.items[at];
            let key = on(other.base.key);
            let base = if matches!(self.trees.get(&key), Some(TreeState::Ready(_))) {
                Base { key, tips: None }
            } else {
                let member = &other.members[0];
                Base::of_tips(self.tips_for(&member.workspace, &member.change.repo, &member.change.branch))
            };
            self.items[at].base = base;
        }
    }

    /// What passed on the tree that is now landed speaks for the branch.
    pub(super) fn prove(&mut self, item: &Item, tree: TreeKey) {
        let Some(TreeState::Ready(states)) = self.trees.get(&tree) else { return };
        for planned in &*item.planned {
            let key = keys::build_key(planned, states);
            let passed = self.builds_of(&key).filter_map(|(id, build)| match &build.state {
                BuildState::Ended(ended) if ended.outcome == Outcome::Pass => Some((id, ended.ended)),
                BuildState::Ended(_) | BuildState::Running { .. } => None,
            });
            if let Some((id, ended)) = passed.last() {
                self.earlier.insert(key, Earlier { id, ended, outcome: Outcome::Pass, landed: true });
            }
        }
    }
}
