//! What must always hold, as named functions, and the guard that checks them after every step.

mod landing;
mod recorded;
mod rest;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::build::{BuildRequest, Outcome};
use crossgate_core::decide::{Action, Decision, decide};
use crossgate_core::facts::{Build, BuildState, Facts, Pipeline, Report};
use crossgate_core::ids::{BuildId, ChangeId, Timestamp};

use crate::world::Observer;
use told::Told;

pub use recorded::{invariant_order_of_records_is_free, invariant_records_are_idempotent};

/// Whether an invariant holds; an error says what does not.
pub type Holds = Result<(), String>;

/// Watches a world and checks after every step what must always hold.
#[derive(Debug, Default)]
pub struct Guard {
    /// Every build that ever started.
    builds: BTreeMap<BuildId, BuildRequest>,
    /// What the branch of a change that is about to land is to hold then.
    landing: BTreeMap<ChangeId, BTreeSet<ChangeId>>,
    landed: BTreeSet<ChangeId>,
    told: Told,
    broken: Option<String>,
}

impl Guard {
    /// Returns what was found first that does not hold, and forgets it.
    pub fn broken(&mut self) -> Option<String> {
        self.broken.take()
    }

    /// Checks what must hold when nothing is going to happen any more.
    pub fn finished(&mut self, facts: &Facts, now: Timestamp) {
        let decision = decide(facts, now);
        self.check(
            "invariant_only_people_are_waited_for",
            rest::invariant_only_people_are_waited_for(facts, &decision),
        );
    }

    fn check(&mut self, name: &str, holds: Holds) {
        if let Err(what) = holds {
            self.broken.get_or_insert_with(|| format!("{name}: {what}"));
        }
    }
}

impl Observer for Guard {
    fn decided(&mut self, facts: &Facts, decision: &Decision, now: Timestamp) {
        self.told.decided(facts, decision);
        let (builds, landed) = (&self.builds, &self.landed);
        let mut checks = vec![(
            "invariant_decisions_are_repeatable",
            invariant_decisions_are_repeatable(facts, decision, now),
        )];
        if decision.actions.iter().any(|action| matches!(action, Action::Land { .. })) {
            checks.extend([
                (
                    "invariant_landing_trees_were_tested",
                    landing::invariant_landing_trees_were_tested(facts, decision, builds),
                ),
                (
                    "invariant_no_red_is_passed_over",
                    landing::invariant_no_red_is_passed_over(facts, decision, now),
                ),
                (
                    "invariant_changes_land_once",
                    landing::invariant_changes_land_once(facts, decision, landed),
                ),
                (
                    "invariant_dependencies_land_first",
                    landing::invariant_dependencies_land_first(facts, decision),
                ),
                (
                    "invariant_the_front_lands_first",
                    landing::invariant_the_front_lands_first(facts, decision),
                ),
            ]);
        }
        if decision.actions.is_empty() {
            checks.extend([
                (
                    "invariant_approved_changes_wait_for_something",
                    rest::invariant_approved_changes_wait_for_something(facts, decision),
                ),
                (
                    "invariant_items_wait_for_something",
                    rest::invariant_items_wait_for_something(facts, decision),
                ),
                (
                    "invariant_running_builds_are_awaited",
                    rest::invariant_running_builds_are_awaited(facts, decision),
                ),
                (
                    "invariant_rest_lasts_until_the_wake",
                    rest::invariant_rest_lasts_until_the_wake(facts, decision, now),
                ),
                ("invariant_a_change_is_in_one_pipeline", rest::invariant_a_change_is_in_one_pipeline(facts)),
                (
                    "invariant_what_is_inside_was_announced",
                    self.told.invariant_what_is_inside_was_announced(facts),
                ),
            ]);
        }
        for (name, holds) in checks {
            self.check(name, holds);
        }
        self.landing.extend(landing::expected(facts, decision));
    }

    fn started(&mut self, build: &Build, _with: &[ChangeId], facts: &Facts, _now: Timestamp) {
        self.check("invariant_capacity_is_kept", invariant_capacity_is_kept(build, facts));
        self.check("invariant_builds_have_an_item", invariant_builds_have_an_item(build, facts));
        self.builds.insert(build.request.id, build.request.clone());
    }

    fn ended(&mut self, id: &BuildId, _outcome: &Outcome, _now: Timestamp) {
        let known = if self.builds.contains_key(id) {
            Ok(())
        } else {
            Err(format!("{id} ended and had not started"))
        };
        self.check("invariant_builds_end_after_they_started", known);
    }

    fn reported(&mut self, report: &Report, _now: Timestamp) {
        let holds = self.told.invariant_reports_are_sent_once(report);
        self.check("invariant_reports_are_sent_once", holds);
    }

    fn landed(&mut self, change: &ChangeId, inside: &BTreeSet<ChangeId>, _now: Timestamp) {
        let expected = self.landing.remove(change);
        self.check(
            "invariant_branches_hold_what_was_tested",
            landing::invariant_branches_hold_what_was_tested(change, inside, expected.as_ref()),
        );
        self.landed.insert(change.clone());
    }
}

/// Deciding twice on the same facts gives the same decision.
fn invariant_decisions_are_repeatable(facts: &Facts, decision: &Decision, now: Timestamp) -> Holds {
    if decide(facts, now) == *decision {
        Ok(())
    } else {
        Err("the same facts gave another decision".to_owned())
    }
}

/// A build starts only where there is room: slots of the runners, of its driver, and its semaphore.
fn invariant_capacity_is_kept(build: &Build, facts: &Facts) -> Holds {
    let runs = |of: &&Build| matches!(of.state, BuildState::Running { .. });
    let count = |is: &dyn Fn(&Build) -> bool| {
        u32::try_from(facts.builds().values().map(AsRef::as_ref).filter(runs).filter(|of| is(of)).count())
            .unwrap_or(u32::MAX)
    };
    let room = |what: String, used: u32, of: u32| {
        if of == 0 || used < of {
            Ok(())
        } else {
            Err(format!("{used} builds of {of} run in {what}, and one more starts"))
        }
    };
    let slots = &facts.slots;
    room("all".to_owned(), count(&|_| true), slots.total)?;
    let of = slots.runners.get(&build.runner).copied().unwrap_or(slots.default);
    room(format!("{:?}", build.runner), count(&|other| other.runner == build.runner), of)?;
    let request = &build.request;
    let members = facts.items().iter().flat_map(|item| &item.members);
    let workspaces: Vec<_> =
        members.filter(|member| member.change.id == request.change).map(|member| &member.workspace).collect();
    if let Some(name) = &request.driver {
        let of = |driver: &crossgate_core::workspace::Driver| driver.ci.slots.unwrap_or(0);
        let bounds = workspaces.iter().filter_map(|of| of.drivers.get(name)).map(of);
        // 0 is no bound, and so the highest.
        let bound = bounds.max_by_key(|bound| bound.wrapping_sub(1)).unwrap_or(0);
        room(format!("driver {name}"), count(&|other| other.request.driver.as_ref() == Some(name)), bound)?;
    }
    if let Some(name) = &build.semaphore {
        let bound =
            workspaces.iter().map(|of| of.semaphores.get(name).copied().unwrap_or(1)).max().unwrap_or(1);
        room(format!("semaphore {name}"), count(&|other| other.semaphore.as_ref() == Some(name)), bound)?;
    }
    Ok(())
}

/// A build starts only for a change that is in a pipeline.
fn invariant_builds_have_an_item(build: &Build, facts: &Facts) -> Holds {
    let change = &build.request.change;
    let holds =
        [Pipeline::Gate, Pipeline::Check].iter().any(|pipeline| facts.item_of(change, *pipeline).is_some());
    if holds { Ok(()) } else { Err(format!("a build of {change} starts, which is in no pipeline")) }
}
