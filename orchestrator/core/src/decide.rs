//! The one place where it is decided what to do next: facts in, actions and waits out.
//!
//! A decision is computed from the facts alone and from all of them: a fact that comes late, twice or in another order
//! changes when something happens, never what. Same facts, same decision.

mod enter;
mod gate;
mod leave;
mod rows;
mod schedule;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::build::Outcome;
use crate::change::Change;
use crate::facts::{
    Build, BuildState, Facts, Item, ItemId, Left, Merge, Pipeline, Report, ReportState, TreeKey, TreeState,
};
use crate::ids::{BuildId, ChangeId, CommitId, DriverName, JobName, RepoName, Timestamp};
use crate::ledger::Observation;
use crate::verdict::Verdict;

pub use state::{BuildRef, Conclusion, ItemState, Pending, Row, RowState, Wait};

use rows::Asked;
use schedule::Schedule;

/// What is to be done, and how everything stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// To be done now. None of it is in the facts yet; doing it puts it there.
    pub actions: Vec<Action>,
    /// The items, in the order of the facts.
    pub items: Vec<ItemState>,
    /// What is to enter the gate and cannot yet, with why.
    pub pending: Vec<Pending>,
    /// When to decide again though nothing has happened.
    pub wake: Option<Timestamp>,
}

impl Decision {
    /// Returns whether nothing is left to decide.
    pub fn is_final(&self) -> bool {
        self.items.iter().all(|item| item.conclusion.is_some())
    }
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Make trees.
    Prepare(Chain),
    /// Hand a build to a runner.
    Start(Box<Build>),
    /// End a build: nobody waits for it any more.
    Cancel(BuildId),
    /// Let changes into a pipeline as one item.
    Enter {
        /// Which pipeline.
        pipeline: Pipeline,
        /// The changes, in the order in which they are to land.
        changes: Vec<ChangeId>,
    },
    /// Say that a change cannot enter a pipeline.
    Refuse {
        /// Which change.
        change: ChangeId,
        /// Which pipeline.
        pipeline: Pipeline,
        /// What is reported.
        state: ReportState,
        /// Why.
        reason: String,
    },
    /// Take an item out of its pipeline.
    Leave(Box<Left>),
    /// Push the tested merge commit of an item's next change to its branch, and read the branch back.
    Land {
        /// Which item.
        item: ItemId,
        /// Which of its changes.
        change: Arc<Change>,
        /// The tree that holds the commit.
        tree: TreeKey,
        /// What the item's verdicts tell of its jobs.
        learned: Vec<(Option<DriverName>, JobName, Observation)>,
    },
    /// Say that an item has entered its pipeline.
    Announce(ItemId),
    /// Tell an item's changes that nothing lands in its queue, and why.
    TellFrozen(ItemId, String),
    /// Put a report where people see it.
    Report(Report),
}

/// Trees to be made, each after what it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Trees that are nothing but tips.
    pub tips: Vec<(TreeKey, Arc<BTreeMap<RepoName, CommitId>>)>,
    /// Trees that are another one with one change merged onto it: the tree, the other one, and the change.
    pub merges: Vec<(TreeKey, TreeKey, Merge)>,
}

impl Chain {
    /// Returns all trees that it makes.
    pub fn keys(&self) -> Vec<TreeKey> {
        self.tips.iter().map(|(key, _)| *key).chain(self.merges.iter().map(|(key, ..)| *key)).collect()
    }
}

/// How long after a landing that the forge refused the next try is, by how often it did.
pub(crate) fn landing_delay(refused: u32) -> Duration {
    const FIRST: Duration = Duration::from_secs(10);
    FIRST.saturating_mul(2u32.saturating_pow(refused.saturating_sub(1).min(6)))
}

/// Decides what to do next.
pub fn decide(facts: &Facts, now: Timestamp) -> Decision {
    let leaving = leave::leaving(facts);
    let gone: BTreeSet<ItemId> = leaving.keys().copied().collect();
    let mut actions: Vec<Action> =
        leaving.into_iter().map(|(item, reason)| leave::action(item, reason)).collect();
    let entering = enter::Entering::new(facts, &gone).all();
    actions.extend(entering.actions);
    actions.extend(reports(facts, &gone));
    let mut items: Vec<ItemState> = facts.items.iter().map(ItemState::of).collect();
    let mut schedule = Schedule::new(facts, now);
    for (queue, line) in gate::lines(facts, |item| !gone.contains(&item.id)) {
        let mut walked = gate::Line::new(facts, queue, &mut schedule);
        walked.walk(&line, &mut items);
        actions.extend(walked.actions);
    }
    actions.extend(check(facts, &gone, &mut schedule, &mut items));
    let (starts, wake) = schedule.finish(&mut items);
    actions.extend(starts);
    actions.extend(cancels(facts, &items));
    Decision { actions, items, pending: entering.pending, wake }
}

/// Judges what is in `check`, each item by itself.
fn check<'a>(
    facts: &'a Facts,
    gone: &BTreeSet<ItemId>,
    schedule: &mut Schedule<'a>,
    states: &mut [ItemState],
) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut turns: BTreeMap<&RepoName, usize> = BTreeMap::new();
    let mut chain = None;
    for (place, item) in facts.items.iter().enumerate() {
        if item.pipeline != Pipeline::Check || gone.contains(&item.id) {
            continue;
        }
        let turn = turns.entry(&item.change().repo).or_default();
        let (onto, own) = check_keys(facts, item, &mut chain);
        let state = &mut states[place];
        state.tree = Some(own);
        let [candidate, baseline] =
            [own, onto].map(|key| facts.trees.get(&key).unwrap_or(&TreeState::Preparing));
        state.conclusion = match candidate {
            TreeState::Conflict(conflict) => Some(Conclusion::Conflict(conflict.clone())),
            TreeState::Failed { reason } => Some(Conclusion::Failed { reason: reason.clone() }),
            TreeState::Preparing | TreeState::Ready(_) => {
                let (trees, tree_keys) = ((candidate, baseline), (own, onto));
                let asked = Asked { facts, item, trees, tree_keys, place, turn: *turn, held: None };
                let judged = rows::judged(&asked, schedule);
                (state.rows, state.failing) = (judged.rows, judged.failing);
                judged.conclusion.filter(|_| *candidate != TreeState::Preparing)
            }
        };
        *turn += 1;
        if facts.configuration.is_some() && state.conclusion.is_some() {
            actions.push(checked(facts, item, state));
        }
    }
    actions.extend(chain.map(Action::Prepare));
    actions
}

/// Returns the keys of the trees without and with an item of `check`.
fn check_keys(facts: &Facts, item: &Item, chain: &mut Option<Chain>) -> (TreeKey, TreeKey) {
    let (ahead, own) = item.merges();
    let mut key = item.base.key;
    gate::want(facts, &item.base, key, None, chain);
    let mut onto = key;
    for (index, merge) in ahead.iter().chain(&own).enumerate() {
        let next = key.with(merge);
        gate::want(facts, &item.base, next, Some((key, merge)), chain);
        key = next;
        if index + 1 == ahead.len() {
            onto = key;
        }
    }
    (onto, key)
}

/// An item of `check` that is decided leaves with its report.
fn checked(facts: &Facts, item: &Item, state: &ItemState) -> Action {
    let (report, reason) = match &state.conclusion {
        Some(Conclusion::MayLand) | None => (ReportState::Passed, "nothing stands against it".to_owned()),
        Some(Conclusion::MustNotLand { blockers }) => {
            (ReportState::Failed, state::reds(&state.rows, blockers))
        }
        Some(Conclusion::Conflict(conflict)) => (ReportState::Conflict, conflict.to_string()),
        Some(Conclusion::Failed { reason }) => {
            (ReportState::Failed, format!("its tree could not be made: {reason}"))
        }
    };
    let learned = learned(facts, item, &state.rows);
    Action::Leave(Box::new(Left {
        item: item.id,
        state: Some(report),
        reason,
        of: None,
        over: true,
        learned,
    }))
}

/// A build that no row waits for ends. As long as an item's tree is being made, a build of one of its jobs may turn out to be
/// what it waits for.
fn cancels(facts: &Facts, items: &[ItemState]) -> Vec<Action> {
    let being_made = |state: &ItemState| state.tree.is_some_and(|key| !is_made(facts, key));
    let unclear: BTreeSet<(Option<&DriverName>, &JobName)> = facts
        .items
        .iter()
        .zip(items)
        .filter(|(_, state)| being_made(state))
        .flat_map(|(item, _)| item.planned.iter().map(|of| (of.driver.as_ref(), &of.job.name)))
        .collect();
    let mut awaited: Vec<BuildId> = Vec::new();
    for row in items.iter().flat_map(|item| &item.rows) {
        if let RowState::Waits { on } = &row.state {
            awaited.extend(row.builds.iter().filter(|build| build.outcome.is_none()).map(|build| build.id));
            awaited.extend(if let Wait::Build { id, .. } = on { Some(*id) } else { None });
        }
    }
    awaited.sort_unstable();
    // Both are in the order of their ids.
    let mut awaited = awaited.into_iter().peekable();
    let mut is_awaited = |id: &BuildId| {
        while awaited.next_if(|other| other < id).is_some() {}
        awaited.peek() == Some(id)
    };
    let unwanted = |(id, build): (&BuildId, &Build)| match build.state {
        BuildState::Running { cancelled: None, .. }
            if !is_awaited(id) && !unclear.contains(&(build.request.driver.as_ref(), &build.request.job)) =>
        {
            Some(Action::Cancel(*id))
        }
        BuildState::Running { .. } | BuildState::Ended(_) => None,
    };
    facts.builds.iter().map(|(id, build)| (id, build.as_ref())).filter_map(unwanted).collect()
}

fn is_made(facts: &Facts, key: TreeKey) -> bool {
    !matches!(facts.trees.get(&key), None | Some(TreeState::Preparing))
}

fn reports(facts: &Facts, gone: &BTreeSet<ItemId>) -> Vec<Action> {
    let mut actions: Vec<Action> = facts.due.iter().cloned().map(Action::Report).collect();
    if facts.configuration.is_none() {
        return actions;
    }
    for item in facts.items.iter().filter(|item| !gone.contains(&item.id)) {
        if !item.announced {
            actions.push(Action::Announce(item.id));
        }
        if item.pipeline == Pipeline::Gate
            && !item.told_frozen
            && let Some(why) = facts.queue_of(item).and_then(|queue| facts.frozen_in(&queue))
        {
            actions.push(Action::TellFrozen(item.id, why.to_owned()));
        }
    }
    actions
}

/// What the verdicts of an item tell of its jobs, for the trust ledger.
fn learned(facts: &Facts, item: &Item, rows: &[Row]) -> Vec<(Option<DriverName>, JobName, Observation)> {
    let mut learned = Vec::new();
    for row in rows {
        let RowState::Decided(verdict) = &row.state else { continue };
        let latency = latency(facts, item, row);
        let observation = match verdict {
            Verdict::Passed | Verdict::Fixed => Observation::Passed { latency },
            Verdict::Flaky { failed, of, .. } => Observation::Flaked { failed: *failed, of: *of, latency },
            Verdict::Regressed { failed, .. } => Observation::Blamed { runs: *failed, latency },
            Verdict::BrokenBefore { .. } | Verdict::BrokenDifferently { .. } => {
                let runs = u32::try_from(row.builds.len()).unwrap_or(u32::MAX);
                Observation::Failed { runs, latency }
            }
            Verdict::Waived { verdict, .. } if *verdict == "regressed" => Observation::FalseFailure,
            Verdict::Absent { after, .. } => Observation::Absent { after: *after },
            Verdict::Waived { .. }
            | Verdict::Infra { .. }
            | Verdict::NotApplicable { .. }
            | Verdict::Unknown { .. } => continue,
        };
        // What was not run again tells nothing new.
        let of_builds = !matches!(observation, Observation::Absent { .. } | Observation::FalseFailure);
        if of_builds && row.builds.iter().all(|build| build.reused) {
            continue;
        }
        learned.push((row.driver.clone(), row.job.clone(), observation));
    }
    learned
}

/// From the first start of a row's builds to its last end.
fn latency(facts: &Facts, item: &Item, row: &Row) -> Duration {
    let ended = row.builds.iter().filter_map(|build| match &facts.builds.get(&build.id)?.state {
        BuildState::Ended(ended) if ended.outcome != Outcome::Cancelled => Some((ended.started, ended.ended)),
        BuildState::Ended(_) | BuildState::Running { .. } => None,
    });
    let (first, last) =
        ended.fold((None, item.entered), |(first, last): (Option<Timestamp>, _), (start, end)| {
            (Some(first.map_or(start, |first| first.min(start))), last.max(end))
        });
    first.map_or(Duration::ZERO, |first| last.since(first))
}
