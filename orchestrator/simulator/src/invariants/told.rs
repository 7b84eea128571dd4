//! What must hold of reports.

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::decide::{Action, Decision};
use crossgate_core::facts::{Facts, Item, ItemId, Left, Pipeline, Report, ReportState};
use crossgate_core::ids::ChangeId;

use super::Holds;

/// What was said of changes so far, and what may be.
#[derive(Debug, Default)]
pub(super) struct Told {
    items: BTreeSet<ItemId>,
    of: BTreeMap<(ChangeId, Pipeline), Line>,
    last: u64,
}

/// What was said of a change in a pipeline.
#[derive(Debug, Default)]
struct Line {
    /// How often it entered.
    entered: u32,
    /// How often that was said.
    started: u32,
    /// Whether it was said that it is inside, and not yet what came of it.
    open: bool,
    /// How often it left with nothing said.
    silent: u32,
    /// What it was decided to say though it did not enter, or while it is inside.
    beside: Vec<ReportState>,
}

impl Told {
    /// Notes what a decision allows to be said.
    pub(super) fn decided(&mut self, facts: &Facts, decision: &Decision) {
        for item in facts.items() {
            if self.items.insert(item.id) {
                self.each(item, |line| line.entered += 1);
            }
        }
        for action in &decision.actions {
            match action {
                Action::Leave(left) => self.leaves(facts, left),
                Action::Refuse { change, pipeline, state, .. } => {
                    self.of.entry((change.clone(), *pipeline)).or_default().beside.push(*state);
                }
                Action::TellFrozen(id, _) => {
                    if let Some(item) = facts.item(*id) {
                        self.each(item, |line| line.beside.push(ReportState::Error));
                    }
                }
                Action::Prepare(_)
                | Action::Start(_)
                | Action::Cancel(_)
                | Action::Enter { .. }
                | Action::Land { .. }
                | Action::Announce(_)
                | Action::Report(_) => {}
            }
        }
    }

    /// Notes whose leaving is not said: with a change that landed by hand the others of its cycle leave in silence.
    fn leaves(&mut self, facts: &Facts, left: &Left) {
        let Some(item) = facts.item(left.item).filter(|item| item.announced) else { return };
        for id in item.ids() {
            let unlanded = || facts.proposals().get(&id).is_some_and(|proposal| !proposal.landed);
            if left.state.is_none() || left.state == Some(ReportState::Landed) && unlanded() {
                self.of.entry((id, item.pipeline)).or_default().silent += 1;
            }
        }
    }

    fn each(&mut self, item: &Item, note: impl Fn(&mut Line)) {
        for member in &item.members {
            note(self.of.entry((member.change.id.clone(), item.pipeline)).or_default());
        }
    }

    /// Every report is sent once: that a change entered once for each time it did, and then once what came of it.
    pub(super) fn invariant_reports_are_sent_once(&mut self, report: &Report) -> Holds {
        let wrong = |why: &str| {
            Err(format!("{:?} of {} in the {} {why}", report.state, report.change, report.pipeline.word()))
        };
        if report.number <= self.last {
            return wrong("is sent again");
        }
        self.last = report.number;
        let line = self.of.entry((report.change.clone(), report.pipeline)).or_default();
        let beside = line.beside.iter().position(|state| *state == report.state);
        match report.state {
            ReportState::Started => {
                if line.started == line.entered {
                    return wrong("is said once more than it entered");
                }
                if line.open && line.silent == 0 {
                    return wrong("is said twice");
                }
                line.silent = line.silent.saturating_sub(u32::from(line.open));
                (line.started, line.open) = (line.started + 1, true);
            }
            _ if let Some(beside) = beside => drop(line.beside.remove(beside)),
            // It answers a comment: people may ask for what cannot be as often as they like.
            ReportState::Error => {}
            ReportState::Passed
            | ReportState::Failed
            | ReportState::Conflict
            | ReportState::Dependency
            | ReportState::Removed
            | ReportState::Landed => {
                if !line.open {
                    return wrong("is said though it was not said that it entered");
                }
                line.open = false;
            }
        }
        Ok(())
    }

    /// At rest it was said of everything in a pipeline that it is there.
    pub(super) fn invariant_what_is_inside_was_announced(&self, facts: &Facts) -> Holds {
        for item in facts.items() {
            for member in item.members.iter().skip(item.landing.landed) {
                let id = &member.change.id;
                let open = self.of.get(&(id.clone(), item.pipeline)).is_some_and(|line| line.open);
                if !open || !item.announced {
                    return Err(format!("nobody was told that {id} is in the {}", item.pipeline.word()));
                }
            }
        }
        Ok(())
    }
}
