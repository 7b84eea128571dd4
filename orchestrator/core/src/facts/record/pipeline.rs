//! What enters a pipeline and what leaves it.

use std::sync::Arc;

use super::Left;
use crate::dependencies;
use crate::facts::{
    Checking, Configuration, Facts, GateEnd, Item, ItemId, Member, Pipeline, Report, ReportState, TreeState,
};
use crate::ids::{ChangeId, DriverName, JobName, Timestamp};
use crate::ledger::Observation;
use crate::plan::plan;
use crate::queues::QueueId;

/// So many items are looked at for one of which the same jobs were selected.
const ALIKE_AMONG: usize = 8;

impl Facts {
    pub(super) fn join(&mut self, mut item: Item, at: Timestamp) {
        self.counter += 1;
        item.id = ItemId(self.counter);
        item.rank = i64::try_from(self.counter).unwrap_or(i64::MAX);
        item.entered = at;
        let same = |other: &&Item| other.planned == item.planned;
        if let Some(other) = self.items.iter().rev().take(ALIKE_AMONG).find(same) {
            item.planned = other.planned.clone();
        }
        self.items.push(item);
    }

    pub(super) fn enter(&mut self, pipeline: Pipeline, changes: &[ChangeId], at: Timestamp) {
        let Some(current) = self.configuration.clone() else { return };
        let (mut members, mut graphs) = (Vec::new(), Vec::new());
        for id in changes {
            let Some(proposal) = self.proposals.get_mut(id) else { return };
            proposal.refused = None;
            proposal.dequeued = None;
            // A child that is approved later pulls it in again.
            if let (Pipeline::Gate, Some(approval)) = (pipeline, &mut proposal.approval) {
                approval.used = false;
            }
            let Configuration { workspace, graph } =
                proposal.configuration.clone().unwrap_or_else(|| current.clone());
            let mut plan = plan(&workspace, &graph, &proposal.change, day(at));
            plan.demote(&workspace, &self.ledger);
            let approval = proposal.approval.as_ref().filter(|_| pipeline == Pipeline::Gate);
            let approval = approval.map_or(0, |approval| approval.number);
            let member = Member::new(proposal.change.clone(), Arc::new(plan), workspace);
            members.push(Member { approval, ..member });
            graphs.push(graph);
        }
        let Some(first) = members.first() else { return };
        let base = self.base_for(&first.change, &first.workspace);
        let item = match pipeline {
            Pipeline::Gate => {
                let graphs: Vec<_> = graphs.iter().map(Arc::as_ref).collect();
                Item::gated(members, &graphs, base)
            }
            Pipeline::Check => {
                let order = dependencies::ahead(&self.proposals, &first.change.id, true).unwrap_or_default();
                let managed = |id: &ChangeId| {
                    let change = self.proposals.get(id)?.change.clone();
                    current.workspace.repos.contains_key(&change.repo).then_some(change)
                };
                let ahead = order.iter().filter_map(managed).collect();
                Item::checked(members.remove(0), &graphs[0], ahead, base)
            }
        };
        self.join(item, at);
    }

    pub(super) fn refuse(
        &mut self,
        id: &ChangeId,
        pipeline: Pipeline,
        state: ReportState,
        reason: String,
        at: Timestamp,
    ) {
        let Some(proposal) = self.proposals.get_mut(id) else { return };
        proposal.refused = Some(reason.clone());
        if state != ReportState::Error && pipeline == Pipeline::Gate {
            proposal.gate = Some(GateEnd { state, reason: reason.clone(), at, number: self.counter });
            if let Some(approval) = &mut proposal.approval {
                approval.used = true;
            }
        }
        if pipeline == Pipeline::Check {
            proposal.check = Checking::Done;
        }
        self.report(id.clone(), pipeline, state, reason);
    }

    pub(super) fn report(&mut self, change: ChangeId, pipeline: Pipeline, state: ReportState, text: String) {
        self.counter += 1;
        self.due.push(Report { number: self.counter, change, pipeline, state, text });
    }

    pub(super) fn announce(&mut self, item: ItemId) {
        let is_new = |other: &&mut Item| other.id == item && !other.announced;
        let Some(item) = self.items.iter_mut().find(is_new) else { return };
        item.announced = true;
        let pipeline = item.pipeline;
        for change in item.ids() {
            self.report(change, pipeline, ReportState::Started, format!("entered the {}", pipeline.word()));
        }
    }

    pub(super) fn tell_frozen(&mut self, item: ItemId, why: &str) {
        let is_new = |other: &&mut Item| other.id == item && !other.told_frozen;
        let Some(item) = self.items.iter_mut().find(is_new) else { return };
        item.told_frozen = true;
        let pipeline = item.pipeline;
        for change in item.ids() {
            self.report(change, pipeline, ReportState::Error, why.to_owned());
        }
    }

    pub(super) fn leave(&mut self, left: Left, at: Timestamp) {
        let Some(index) = self.items.iter().position(|item| item.id == left.item) else { return };
        if left.state.is_some() {
            // What came of it is said of what is known to be inside.
            self.announce(left.item);
        }
        let queue = self.queue_of(&self.items[index]);
        let item = self.items.remove(index);
        self.learn(&item, left.learned);
        if item.pipeline == Pipeline::Gate
            && let Some(queue) = queue
        {
            if left.state == Some(ReportState::Failed) {
                self.resize(&item, queue.clone(), false);
            }
            if item.landing.landed > 0 {
                self.rebase(&queue, None);
            }
        }
        for member in item.members.iter().skip(item.landing.landed) {
            let id = &member.change.id;
            let (state, reason) = match (&left.of, left.state) {
                (Some(of), Some(ReportState::Removed)) if of != id => {
                    (Some(ReportState::Dependency), format!("{id} depends on {of}, and {}", left.reason))
                }
                // What landed by hand takes nothing else of its cycle along: that enters again without it.
                (Some(of), Some(ReportState::Landed)) if of != id && self.is_unlanded(id) => {
                    (None, left.reason.clone())
                }
                (_, state) => (state, left.reason.clone()),
            };
            self.settle(member, item.pipeline, (state, &reason, left.over), at);
        }
        // What the environment could not do may go well the next time.
        self.trees.retain(|_, state| !matches!(state, TreeState::Failed { .. }));
        self.retire(at);
    }

    fn is_unlanded(&self, id: &ChangeId) -> bool {
        self.proposals.get(id).is_some_and(|proposal| !proposal.landed)
    }

    /// Takes note of what the verdicts of an item tell of its jobs. One that fails a revision and passes it later was wrong
    /// then: without this, a job that is believed at its first red would never be seen to flake.
    pub(super) fn learn(&mut self, item: &Item, learned: Vec<(Option<DriverName>, JobName, Observation)>) {
        for (driver, job, observation) in learned {
            self.ledger.observe(driver.as_ref(), &job, observation);
            // Which change of a cycle a job is of is not told.
            let [member] = item.members.as_slice() else { continue };
            let Some(proposal) = self.proposals.get_mut(&member.change.id) else { continue };
            match observation {
                Observation::Blamed { runs, .. } => proposal.blamed.push((driver, job, runs)),
                Observation::Passed { .. } | Observation::Flaked { .. } => {
                    let of_job =
                        |(of, known, _): &(Option<DriverName>, JobName, u32)| *of == driver && *known == job;
                    if let Some(before) = proposal.blamed.iter().position(of_job) {
                        let (_, _, runs) = proposal.blamed.remove(before);
                        self.ledger.observe(driver.as_ref(), &job, Observation::Withdrawn { runs });
                    }
                }
                Observation::Failed { .. }
                | Observation::FalseFailure
                | Observation::Withdrawn { .. }
                | Observation::Absent { .. }
                | Observation::Waived { .. } => {}
            }
        }
    }

    /// Writes down for a change what its pipeline came to.
    pub(super) fn settle(
        &mut self,
        member: &Member,
        pipeline: Pipeline,
        (state, reason, over): (Option<ReportState>, &str, bool),
        at: Timestamp,
    ) {
        let id = &member.change.id;
        let Some(proposal) = self.proposals.get_mut(id) else { return };
        match (pipeline, state) {
            (Pipeline::Gate, Some(state)) => {
                proposal.gate = Some(GateEnd { state, reason: reason.to_owned(), at, number: self.counter });
                proposal.dequeued = None;
                // One that was given since is for the next time.
                if let Some(approval) = proposal.approval.as_mut().filter(|of| of.number == member.approval) {
                    approval.used = true;
                }
            }
            (Pipeline::Check, _) if over => proposal.check = Checking::Done,
            (Pipeline::Gate | Pipeline::Check, _) => {}
        }
        if let Some(state) = state {
            self.report(id.clone(), pipeline, state, reason.to_owned());
        }
    }

    /// Changes the window of a queue after a landing or a failure.
    pub(super) fn resize(&mut self, item: &Item, queue: QueueId, landed: bool) {
        let workspace =
            self.configuration.as_ref().map_or(item.workspace(), |configuration| &configuration.workspace);
        let window = workspace.pipelines.gate.window;
        if window.start == 0 {
            return;
        }
        let size = self.windows.entry(queue).or_insert(window.start);
        *size = if landed { size.saturating_add(window.grow) } else { *size / window.shrink.max(1) };
        *size = window.bounded(*size);
    }
}

/// Returns the day of a moment, in UTC.
fn day(at: Timestamp) -> jiff::civil::Date {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    moment.to_zoned(jiff::tz::TimeZone::UTC).date()
}
