//! What must hold whenever the loop has come to rest.

use std::collections::BTreeSet;
use std::time::Duration;

use crossgate_core::decide::{Decision, ItemState, Row, RowState, Wait, decide};
use crossgate_core::facts::{BuildState, Facts, Pipeline};
use crossgate_core::ids::Timestamp;

use super::Holds;

/// A change that somebody approved is in the gate, or it is said why it is not.
pub(super) fn invariant_approved_changes_wait_for_something(facts: &Facts, decision: &Decision) -> Holds {
    for (id, proposal) in facts.proposals() {
        if !proposal.open || proposal.landed || proposal.standing_approval().is_none() {
            continue;
        }
        let waits = decision
            .pending
            .iter()
            .any(|pending| pending.change == *id && !pending.on.to_string().is_empty());
        if facts.item_of(id, Pipeline::Gate).is_none() && !waits {
            return Err(format!("{id} is approved, is not in the gate and waits for nothing"));
        }
    }
    Ok(())
}

/// What is in a pipeline waits for something that there is.
pub(super) fn invariant_items_wait_for_something(facts: &Facts, decision: &Decision) -> Holds {
    for state in &decision.items {
        let rows = state.rows.iter().filter_map(|row| match &row.state {
            RowState::Waits { on } => Some((row.name(), on)),
            RowState::Decided(_) => None,
        });
        let waits: Vec<(String, &Wait)> =
            rows.chain(state.wait.iter().map(|wait| ("the item".to_owned(), wait))).collect();
        if waits.is_empty() {
            return Err(format!(
                "{} is in the {} and waits for nothing",
                state.change,
                state.pipeline.word()
            ));
        }
        for (name, wait) in waits {
            if !is_there(facts, decision, wait) {
                return Err(format!("{name} of {} waits in vain: {wait}", state.change));
            }
        }
    }
    Ok(())
}

/// Whether what is waited for is there. Trees and landings take no time here.
fn is_there(facts: &Facts, decision: &Decision, wait: &Wait) -> bool {
    let runs = |state: &BuildState| matches!(state, BuildState::Running { cancelled: None, .. });
    match wait {
        Wait::Tree | Wait::Landing => false,
        Wait::Build { id, .. } => facts.builds().get(id).is_some_and(|build| runs(&build.state)),
        Wait::Slot { .. } => facts.builds().values().any(|build| runs(&build.state)),
        Wait::Semaphore { name } => {
            facts.builds().values().any(|build| runs(&build.state) && build.semaphore.as_ref() == Some(name))
        }
        Wait::Retry { at } => decision.wake.is_some_and(|wake| wake <= *at),
        Wait::Ahead { change } | Wait::Followers { change, .. } => {
            facts.item_of(change, Pipeline::Gate).is_some()
        }
        Wait::Need { .. }
        | Wait::Window { .. }
        | Wait::Dependency { .. }
        | Wait::Refused { .. }
        | Wait::Held { .. }
        | Wait::Frozen { .. } => true,
    }
}

/// No build runs that nobody waits for: one of an item that is gone ends in the same step.
pub(super) fn invariant_running_builds_are_awaited(facts: &Facts, decision: &Decision) -> Holds {
    // A row that waits may wait for several runs that do not wait for each other.
    let waits = |row: &&Row| matches!(row.state, RowState::Waits { .. });
    let rows = decision.items.iter().flat_map(|item| &item.rows).filter(waits);
    let awaited: BTreeSet<_> = rows.flat_map(|row| &row.builds).map(|build| build.id).collect();
    let runs = |state: &BuildState| matches!(state, BuildState::Running { .. });
    match facts.builds().iter().find(|(id, build)| runs(&build.state) && !awaited.contains(id)) {
        Some((id, build)) => {
            let request = &build.request;
            Err(format!("nobody waits for build {id} of {} for {}, and it runs", request.job, request.change))
        }
        None => Ok(()),
    }
}

/// At rest nothing is left to do until something happens or the loop is to turn again.
pub(super) fn invariant_rest_lasts_until_the_wake(
    facts: &Facts,
    decision: &Decision,
    now: Timestamp,
) -> Holds {
    let Some(wake) = decision.wake else { return Ok(()) };
    let before = Timestamp::from_millis(wake.as_millis().saturating_sub(1));
    if before <= now {
        return Ok(());
    }
    match decide(facts, before).actions.first() {
        Some(action) => Err(format!(
            "{:?} before it is to turn again, the loop does {action:?}",
            Duration::from_millis(1)
        )),
        None => Ok(()),
    }
}

/// A change is in one pipeline, and in one item of it.
pub(super) fn invariant_a_change_is_in_one_pipeline(facts: &Facts) -> Holds {
    let mut seen = BTreeSet::new();
    let left = facts.items().iter().flat_map(|item| item.members.iter().skip(item.landing.landed));
    for member in left {
        if !seen.insert(&member.change.id) {
            return Err(format!("{} is in two items", member.change.id));
        }
    }
    Ok(())
}

/// When nothing is going to happen any more, all that is left waits for people: behind a hold or a frozen queue.
pub(super) fn invariant_only_people_are_waited_for(facts: &Facts, decision: &Decision) -> Holds {
    if let Some(wake) = decision.wake {
        return Err(format!("the loop is to turn again at {}", wake.as_millis()));
    }
    let is_stopped = |state: &ItemState| matches!(state.wait, Some(Wait::Held { .. } | Wait::Frozen { .. }));
    let stopped: Vec<i64> = facts
        .items()
        .iter()
        .zip(&decision.items)
        .filter(|(_, state)| is_stopped(state))
        .map(|(item, _)| item.rank)
        .collect();
    for (item, state) in facts.items().iter().zip(&decision.items) {
        let id = &state.change;
        if item.pipeline == Pipeline::Check {
            return Err(format!("{id} is in check for ever"));
        }
        if !stopped.iter().any(|rank| *rank <= item.rank) {
            return Err(format!("{id} waits for ever: {:?}", state.wait));
        }
        for row in &state.rows {
            if let RowState::Waits { on } = &row.state
                && !matches!(on, Wait::Followers { .. } | Wait::Need { .. })
            {
                return Err(format!("{} of {id} waits for ever: {on}", row.name()));
            }
        }
    }
    Ok(())
}
