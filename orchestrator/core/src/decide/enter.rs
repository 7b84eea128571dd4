//! What enters a pipeline now, what cannot, and what waits before it.

use std::collections::BTreeSet;

use super::{Action, Pending, Wait};
use crate::dependencies::{self, Knot};
use crate::facts::{Approval, Checking, Configuration, Facts, ItemId, Pipeline, Proposal, ReportState};
use crate::ids::ChangeId;
use crate::scenario::Scope;

/// What is to be done for changes that are not in a pipeline, and what the others wait for.
pub(super) struct Entering<'a> {
    facts: &'a Facts,
    /// Items that leave now: their changes are in no pipeline any more, and enter again only next time.
    leaving: &'a BTreeSet<ItemId>,
    cycles_allowed: bool,
    /// Changes that are in the gate or enter it now.
    inside: BTreeSet<ChangeId>,
    pub(super) actions: Vec<Action>,
    pub(super) pending: Vec<Pending>,
}

impl<'a> Entering<'a> {
    pub(super) fn new(facts: &'a Facts, leaving: &'a BTreeSet<ItemId>) -> Self {
        let cycles_allowed = facts
            .configuration
            .as_ref()
            .is_some_and(|configuration| configuration.workspace.pipelines.gate.cycles);
        let gated = facts.items.iter().filter(|item| item.pipeline == Pipeline::Gate);
        let inside = gated.flat_map(|item| &item.members).map(|member| member.change.id.clone()).collect();
        Self { facts, leaving, cycles_allowed, inside, actions: Vec::new(), pending: Vec::new() }
    }

    /// Looks at every approval in the order in which they were given, then at every change to be checked.
    pub(super) fn all(mut self) -> Self {
        if self.facts.configuration.is_none() {
            return self;
        }
        let approved = |(id, proposal): (&'a ChangeId, &'a Proposal)| {
            let approval = proposal.standing_approval().filter(|_| proposal.open)?;
            Some((approval.number, id))
        };
        let mut approved: Vec<_> = self.facts.proposals.iter().filter_map(approved).collect();
        approved.sort();
        for (_, id) in approved {
            if !self.inside.contains(id) {
                self.gate(id);
            }
        }
        for (id, proposal) in &self.facts.proposals {
            if proposal.check == Checking::Due && proposal.open {
                self.check(id, proposal);
            }
        }
        self
    }

    /// Whether an item that holds the change is on its way out: until that is recorded, nothing enters.
    fn is_leaving(&self, id: &ChangeId, pipeline: Pipeline) -> bool {
        self.facts.item_of(id, pipeline).is_some_and(|item| self.leaving.contains(&item.id))
    }

    fn wait(&mut self, change: &ChangeId, on: Wait) {
        if !self.pending.iter().any(|pending| pending.change == *change) {
            self.pending.push(Pending { change: change.clone(), on });
        }
    }

    fn refuse(&mut self, id: &ChangeId, pipeline: Pipeline, state: ReportState, reason: String) {
        // Once is enough: it is said again when it is something else.
        if self.facts.proposals.get(id).is_some_and(|proposal| proposal.refused.as_ref() != Some(&reason)) {
            let (change, pipeline) = (id.clone(), pipeline);
            self.actions.push(Action::Refuse { change, pipeline, state, reason: reason.clone() });
        }
        self.wait(id, Wait::Refused { reason });
    }

    /// Lets an approved change into the gate, after all that has to come before it.
    fn gate(&mut self, id: &ChangeId) {
        let Some(proposal) = self.facts.proposals.get(id) else { return };
        let order = match dependencies::ahead(&self.facts.proposals, id, self.cycles_allowed) {
            Ok(order) => order,
            Err(knot) => return self.refuse(id, Pipeline::Gate, ReportState::Error, knot.to_string()),
        };
        if let Some(error) = proposal.errors.first() {
            return self.refuse(id, Pipeline::Gate, ReportState::Error, error.clone());
        }
        if let Some(reason) = self.never(id, proposal) {
            return self.refuse(id, Pipeline::Gate, ReportState::Error, reason);
        }
        let mut enters = Vec::new();
        for dependency in &order {
            match self.before(id, dependency) {
                Before::Inside => {}
                Before::Enters => enters.push(dependency.clone()),
                Before::EntersAlone => {
                    self.enter_alone(dependency, &enters);
                    return self.wait(id, in_another_queue(dependency));
                }
                Before::Waits(wait) => return self.wait(id, wait),
                Before::Never(reason) => {
                    return self.refuse(id, Pipeline::Gate, ReportState::Dependency, reason);
                }
            }
        }
        enters.push(id.clone());
        if let Some(wait) = enters.iter().find_map(|id| self.held(id)) {
            return self.wait(id, wait);
        }
        for (at, id) in enters.iter().enumerate() {
            self.enter(id, &enters[at + 1..]);
        }
    }

    /// Why a change can never land as it is.
    fn never(&self, id: &ChangeId, proposal: &Proposal) -> Option<String> {
        let repo = &proposal.change.repo;
        let drops = |of: &Configuration| !of.workspace.repos.contains_key(repo);
        if !self.is_managed(proposal) {
            return Some(format!("{repo} is not a repo of the workspace"));
        }
        if proposal.configuration.as_ref().is_some_and(drops) {
            return Some(format!(
                "with it, {repo} would not be a repo of the workspace: nothing could test it"
            ));
        }
        let members =
            if self.cycles_allowed { dependencies::cycle_of(&self.facts.proposals, id) } else { Vec::new() };
        let apart = members.iter().find(|other| !self.share_a_queue(id, other))?;
        Some(format!(
            "{id} and {apart} depend on each other and share no gating job, so that nothing can test and land them as one: \
             take one of the `Depends-On:` lines out"
        ))
    }

    /// Lets a change of another queue in that a later one asks for again, or first what it depends on itself.
    fn enter_alone(&mut self, id: &ChangeId, asked: &[ChangeId]) {
        let needs = dependencies::ahead(&self.facts.proposals, id, self.cycles_allowed).unwrap_or_default();
        let is_ahead = |need: &ChangeId| self.inside.contains(need) && self.share_a_queue(id, need);
        let enters: Vec<ChangeId> = if needs.iter().all(is_ahead) {
            vec![id.clone()]
        } else {
            asked.iter().filter(|other| needs.contains(other)).cloned().collect()
        };
        for (at, id) in enters.iter().enumerate() {
            if self.held(id).is_none() {
                self.enter(id, &enters[at + 1..]);
            }
        }
    }

    /// Lets a change in, with its cycle if it is in one: only as the last of it, since all of the cycle comes after whatever one
    /// of its changes depends on.
    fn enter(&mut self, id: &ChangeId, later: &[ChangeId]) {
        if self.inside.contains(id) {
            return;
        }
        let changes = if self.cycles_allowed {
            dependencies::cycle_of(&self.facts.proposals, id)
        } else {
            vec![id.clone()]
        };
        if changes.iter().any(|change| later.contains(change)) {
            return;
        }
        self.inside.extend(changes.iter().cloned());
        self.actions.push(Action::Enter { pipeline: Pipeline::Gate, changes });
    }

    /// How a change that has to land before another stands.
    fn before(&self, id: &ChangeId, dependency: &ChangeId) -> Before {
        let Some(proposal) = self.facts.proposals.get(dependency) else {
            return Before::Waits(Wait::Dependency {
                change: dependency.clone(),
                why: "which is not known".to_owned(),
            });
        };
        let waits =
            |why: &str| Before::Waits(Wait::Dependency { change: dependency.clone(), why: why.to_owned() });
        if proposal.draft {
            return waits("which is not open yet");
        }
        if !proposal.open {
            return Before::Never(format!("{id} depends on {dependency}, which was closed"));
        }
        if !self.is_managed(proposal) {
            return waits("which is in a repo that is not managed here, and has not landed there");
        }
        if self.inside.contains(dependency) {
            if self.is_leaving(dependency, Pipeline::Gate) {
                return waits("which is leaving the gate");
            }
            // What no queue shares lands one after the other.
            return if self.share_a_queue(id, dependency) {
                Before::Inside
            } else {
                waits("which is in another queue")
            };
        }
        let approval = self.facts.proposals.get(id).and_then(Proposal::standing_approval);
        match &proposal.approval {
            None => waits("which is not approved"),
            Some(_) if !proposal.errors.is_empty() => waits("which cannot enter the gate"),
            Some(Approval { used: false, .. }) if self.share_a_queue(id, dependency) => Before::Enters,
            Some(Approval { used: false, .. }) => waits("which is in another queue"),
            // Its approval is older than the one that now asks for it: it gets another try.
            Some(Approval { used: true, .. })
                if proposal
                    .gate
                    .as_ref()
                    .zip(approval)
                    .is_some_and(|(ended, approval)| ended.number < approval.number) =>
            {
                if self.share_a_queue(id, dependency) { Before::Enters } else { Before::EntersAlone }
            }
            Some(Approval { used: true, .. }) => match &proposal.gate {
                Some(ended) => Before::Never(format!(
                    "{id} depends on {dependency}, which did not land: {}",
                    ended.reason
                )),
                None => waits("which is not approved"),
            },
        }
    }

    fn share_a_queue(&self, one: &ChangeId, other: &ChangeId) -> bool {
        let Some(configuration) = &self.facts.configuration else { return false };
        let queue = |id| {
            let change = &self.facts.proposals.get(id)?.change;
            self.facts.queues.queue(&configuration.workspace, &change.repo, &change.branch)
        };
        queue(one) == queue(other)
    }

    fn is_managed(&self, proposal: &Proposal) -> bool {
        let configuration = self.facts.configuration.as_ref();
        configuration.is_some_and(|of| of.workspace.repos.contains_key(&proposal.change.repo))
    }

    fn held(&self, id: &ChangeId) -> Option<Wait> {
        let by = self.facts.holds.get(&Some(Scope::Change(id.clone())))?;
        Some(Wait::Held { by: by.clone() })
    }

    fn check(&mut self, id: &ChangeId, proposal: &Proposal) {
        let present = self.facts.item_of(id, Pipeline::Check).is_some();
        if present || self.inside.contains(id) {
            return;
        }
        if let Some(error) = proposal.errors.first() {
            return self.refuse(id, Pipeline::Check, ReportState::Error, error.clone());
        }
        if !self.is_managed(proposal) {
            return;
        }
        match dependencies::ahead(&self.facts.proposals, id, self.cycles_allowed) {
            Ok(order) => {
                let closed = |other: &&ChangeId| {
                    self.facts.proposals.get(*other).is_some_and(|of| !of.open && !of.draft)
                };
                if let Some(closed) = order.iter().find(closed) {
                    let reason = format!("{id} depends on {closed}, which was closed");
                    return self.refuse(id, Pipeline::Check, ReportState::Dependency, reason);
                }
                self.actions.push(Action::Enter { pipeline: Pipeline::Check, changes: vec![id.clone()] });
            }
            Err(knot @ (Knot::Cycle(_) | Knot::TooMany)) => {
                self.refuse(id, Pipeline::Check, ReportState::Error, knot.to_string());
            }
        }
    }
}

fn in_another_queue(dependency: &ChangeId) -> Wait {
    Wait::Dependency { change: dependency.clone(), why: "which is in another queue".to_owned() }
}

/// How a change that has to land before another stands.
enum Before {
    /// It is in the queue already.
    Inside,
    /// It enters with it.
    Enters,
    /// It enters, and has to land before the other may: they share no queue.
    EntersAlone,
    /// It may come.
    Waits(Wait),
    /// It will not.
    Never(String),
}
