//! What is known of builds, and for how long.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::build::{Ended, Outcome};
use crate::facts::{Build, BuildState, Earlier, Facts, TreeKey, TreeState};
use crate::ids::{BuildId, ChangeId, Timestamp};

/// How long what landed through the gate speaks for itself as a baseline.
const PROVEN_FOR: Duration = Duration::from_hours(7 * 24);

/// So many builds are not worth looking through.
const RETIRE_AT: usize = 256;

/// So many trees are kept for each item; beyond that they are made anew when they are wanted.
const TREES_PER_ITEM: usize = 8;

/// So many outcomes of builds whose items are gone are kept before those that are too old are looked for.
const SWEEP_AT: usize = 16_384;

impl Facts {
    pub(super) fn start(&mut self, build: Box<Build>) {
        let id = build.request.id;
        if self.builds.contains_key(&id) {
            return;
        }
        self.by_key.insert(&build.request.key, id);
        self.builds.insert(id, build);
    }

    /// Changes whether a running build is failing, and when it was cancelled.
    pub(super) fn on_running(
        &mut self,
        id: &BuildId,
        change: impl FnOnce(&mut bool, &mut Option<Timestamp>),
    ) {
        let state = self.builds.get_mut(id).map(|build| &mut build.state);
        if let Some(BuildState::Running { failing, cancelled, .. }) = state {
            change(failing, cancelled);
        }
    }

    /// What ended once does not end again. One that was told to end ran from when it was handed out until then: that is what
    /// was waited for. One that nobody told to end is lost: it is asked for again, and not for ever.
    pub(super) fn end(&mut self, id: &BuildId, mut ended: Ended) {
        let Some(build) = self.builds.get_mut(id) else { return };
        let BuildState::Running { since, cancelled, .. } = build.state else { return };
        if ended.outcome == Outcome::Cancelled {
            if let Some(at) = cancelled {
                (ended.started, ended.ended) = (since, at);
            } else {
                let reason = "its rig cancelled it, and nobody asked for that".to_owned();
                ended.outcome = Outcome::Lost { reason };
            }
        }
        build.state = BuildState::Ended(ended);
    }

    /// Lets go of what no item can ask for any more, once there is as much of it again as was kept the last time.
    pub(super) fn retire(&mut self, at: Timestamp) {
        if self.builds.len() < 2 * self.kept + RETIRE_AT && !self.items.is_empty() {
            return;
        }
        let oldest = self.items.iter().map(|item| item.entered).min().unwrap_or(at);
        let owners: BTreeSet<&ChangeId> =
            self.items.iter().flat_map(|item| &item.members).map(|member| &member.change.id).collect();
        let gone = |build: &Build| match &build.state {
            BuildState::Ended(ended) => {
                (ended.ended < oldest || self.items.is_empty()) && !owners.contains(&build.request.change)
            }
            BuildState::Running { .. } => false,
        };
        let retired: Vec<BuildId> =
            self.builds.iter().filter(|(_, build)| gone(build)).map(|(id, _)| *id).collect();
        for id in retired {
            let Some(build) = self.builds.remove(&id) else { continue };
            self.by_key.remove(&build.request.key, id);
            let BuildState::Ended(ended) = build.state else { continue };
            let says = matches!(ended.outcome, Outcome::Pass | Outcome::Fail(_));
            let known = self.earlier.get(&build.request.key);
            // A red counts more than a pass of the same tree, and then the later one.
            let weight = |outcome: &Outcome, at: Timestamp| (matches!(outcome, Outcome::Fail(_)), at);
            let more = |known: &Earlier| {
                !known.landed && weight(&known.outcome, known.ended) < weight(&ended.outcome, ended.ended)
            };
            if says && known.is_none_or(more) {
                let earlier = Earlier { id, ended: ended.ended, outcome: ended.outcome, landed: false };
                self.earlier.insert(build.request.key, earlier);
            }
        }
        self.kept = self.builds.len();
        self.sweep(at);
    }

    pub(super) fn sweep(&mut self, at: Timestamp) {
        let bases: BTreeSet<TreeKey> = self.items.iter().map(|item| item.base.key).collect();
        if self.trees.len() > TREES_PER_ITEM * (self.items.len() + TREES_PER_ITEM) {
            self.trees.retain(|key, state| bases.contains(key) || *state == TreeState::Preparing);
        }
        if self.earlier.len() > SWEEP_AT && self.counter.is_multiple_of(256) {
            let reuse = self.configuration.as_ref().map_or(PROVEN_FOR, |of| of.workspace.policy.reuse);
            self.earlier.retain(|_, earlier| {
                at.since(earlier.ended) <= if earlier.landed { PROVEN_FOR } else { reuse }
            });
        }
    }
}
