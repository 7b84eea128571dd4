//! What is measured while a workload is played: counts and times, nothing for each build.

use std::collections::BTreeSet;
use std::time::Duration;

use crossgate_core::build::Outcome;
use crossgate_core::decide::{Action, Decision, ItemState};
use crossgate_core::facts::{Build, Facts, Item, ItemId, Pipeline, Report, ReportState};
use crossgate_core::ids::{BuildId, ChangeId, Timestamp};

use super::load::Load;
use super::workload::number;
use crate::world::Observer;

/// What is measured.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// When each change was approved for the first time.
    pub(super) approved: Vec<Option<Timestamp>>,
    /// What landed, and after how long.
    pub(super) landed: Vec<(usize, Duration)>,
    /// What left the gate without landing since somebody looked.
    pub(super) left: Vec<(usize, ReportState)>,
    pub(super) started: u64,
    /// The changes before this one are not measured.
    pub(super) from: usize,
    /// Builds that spoke for what landed.
    pub(super) useful: u64,
    /// Times that an item's running builds were ended because what is ahead of it changed.
    pub(super) restarts: u64,
    /// When the first change that is measured was approved, and when the last of them landed.
    pub(super) began: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// The window, added up over time in seconds, and since when it is as it is.
    window: (f64, Option<Timestamp>),
    window_s: f64,
    start_window: u32,
}

impl Measure {
    pub(super) fn new(load: &Load) -> Self {
        let (changes, from) = (load.total() as usize, load.warm_up as usize);
        Self { approved: vec![None; changes], start_window: load.window, from, ..Self::default() }
    }

    /// Notes that a change is approved for the first time; with the first that is measured, counting begins.
    pub(super) fn approves(&mut self, index: usize, now: Timestamp) {
        self.approved[index] = Some(now);
        if index >= self.from && self.began.is_none() {
            self.began = Some(now);
            (self.started, self.useful, self.restarts) = (0, 0, 0);
            (self.window, self.window_s) = ((0.0, self.window.1), 0.0);
        }
    }

    /// Returns the window's mean size.
    pub(super) fn window(&self) -> f64 {
        if self.window_s > 0.0 { self.window.0 / self.window_s } else { f64::from(self.start_window) }
    }

    fn watch_window(&mut self, facts: &Facts, now: Timestamp) {
        let size = facts.windows().values().next().copied().unwrap_or(self.start_window);
        let since = self.window.1.replace(now).unwrap_or(now);
        let passed = now.since(since).as_secs_f64();
        self.window.0 += f64::from(size) * passed;
        self.window_s += passed;
    }

    /// Counts the builds that speak for an item that lands whole now.
    fn lands(&mut self, id: ItemId, facts: &Facts, states: &[ItemState]) {
        let Some(item) = facts.item(id).filter(|item| item.landing.landed + 1 == item.members.len()) else {
            return;
        };
        let Some(state) = states.iter().find(|state| state.item == id) else { return };
        let own: BTreeSet<&BuildId> = state
            .rows
            .iter()
            .flat_map(|row| &row.builds)
            .filter(|build| !build.reused && is_own(item, &build.id, facts))
            .map(|build| &build.id)
            .collect();
        self.useful += own.len() as u64;
    }
}

/// A build that several items share is counted for the one that asked for it.
fn is_own(item: &Item, build: &BuildId, facts: &Facts) -> bool {
    facts.builds().get(build).is_some_and(|build| item.holds(&build.request.change))
}

impl Observer for Measure {
    fn sees_trees(&self) -> bool {
        false
    }

    fn decided(&mut self, facts: &Facts, decision: &Decision, now: Timestamp) {
        self.watch_window(facts, now);
        let mut restarted: BTreeSet<&ChangeId> = BTreeSet::new();
        for action in &decision.actions {
            match action {
                Action::Land { item, .. } => self.lands(*item, facts, &decision.items),
                Action::Cancel(id) => {
                    restarted.extend(facts.builds().get(id).map(|build| &build.request.change));
                }
                _ => {}
            }
        }
        self.restarts += restarted.len() as u64;
    }

    fn started(&mut self, _build: &Build, _with: &[ChangeId], _facts: &Facts, _now: Timestamp) {
        self.started += 1;
    }

    fn ended(&mut self, _id: &BuildId, _outcome: &Outcome, _now: Timestamp) {}

    fn reported(&mut self, report: &Report, now: Timestamp) {
        let index = number(report.change.as_str());
        match report.state {
            _ if report.pipeline != Pipeline::Gate => {}
            ReportState::Landed => {
                let approved = self.approved.get(index).copied().flatten().unwrap_or(now);
                self.landed.push((index, now.since(approved)));
                self.last = Some(now);
            }
            ReportState::Failed | ReportState::Conflict | ReportState::Dependency | ReportState::Removed => {
                self.left.push((index, report.state));
            }
            ReportState::Started | ReportState::Passed | ReportState::Error => {}
        }
    }
}
