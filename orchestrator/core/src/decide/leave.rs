//! What has to leave its pipeline because what put it there is gone.

use std::collections::BTreeMap;

use super::Action;
use crate::dependencies;
use crate::facts::{Checking, Facts, Item, ItemId, Left, Member, Pipeline, Proposal, ReportState};
use crate::ids::ChangeId;

/// Why an item leaves.
pub(super) struct Reason {
    /// What is reported; `None`: nothing.
    state: Option<ReportState>,
    text: String,
    /// The change of the item that it is about.
    of: Option<ChangeId>,
    /// Whether it does not enter again by itself.
    over: bool,
}

impl Reason {
    fn reported(state: ReportState, text: String) -> Self {
        Self { state: Some(state), text, of: None, over: true }
    }

    fn silent(text: &str, over: bool) -> Self {
        Self { state: None, text: text.to_owned(), of: None, over }
    }
}

/// Returns the items that leave, each with why. What depends on one that leaves the gate leaves with it.
pub(super) fn leaving(facts: &Facts) -> BTreeMap<ItemId, Reason> {
    let mut gone = BTreeMap::new();
    if facts.configuration.is_none() {
        return gone;
    }
    loop {
        let before = gone.len();
        for item in &facts.items {
            if !gone.contains_key(&item.id)
                && let Some(reason) = reason(facts, item, &gone)
            {
                gone.insert(item.id, reason);
            }
        }
        if gone.len() == before {
            return gone;
        }
    }
}

/// Returns what is to be done for an item to leave.
pub(super) fn action(item: ItemId, reason: Reason) -> Action {
    let Reason { state, text, of, over } = reason;
    Action::Leave(Box::new(Left { item, state, reason: text, of, over, learned: Vec::new() }))
}

fn reason(facts: &Facts, item: &Item, gone: &BTreeMap<ItemId, Reason>) -> Option<Reason> {
    // What has begun to land goes on.
    if item.landing.since.is_some() {
        return None;
    }
    let left = item.members.iter().skip(item.landing.landed);
    left.filter_map(|member| Some((member, facts.proposals.get(&member.change.id)?))).find_map(
        |(member, proposal)| match item.pipeline {
            Pipeline::Gate => gate(facts, item, member, proposal, gone),
            Pipeline::Check => check(facts, item, proposal),
        },
    )
}

fn gate(
    facts: &Facts,
    item: &Item,
    member: &Member,
    proposal: &Proposal,
    gone: &BTreeMap<ItemId, Reason>,
) -> Option<Reason> {
    let id = &member.change.id;
    let about = |state, text| Some(Reason { of: Some(id.clone()), ..Reason::reported(state, text) });
    let removed = |text: String| about(ReportState::Removed, text);
    if proposal.landed {
        return about(ReportState::Landed, "it became part of its branch without the gate".to_owned());
    }
    if !proposal.open {
        return removed(format!("{id} was closed"));
    }
    if proposal.change.head != member.change.head {
        return removed(format!("{id} has a new revision"));
    }
    if let Some(by) = &proposal.dequeued {
        return removed(format!("{id} was taken out of the queue by {by}"));
    }
    if proposal.standing_approval().is_none_or(|approval| approval.number != member.approval) {
        return removed(format!("the approval of {id} was withdrawn"));
    }
    if facts.configuration.as_ref().is_some_and(|of| !of.workspace.repos.contains_key(&member.change.repo)) {
        return removed(format!("{} is no longer a repo of the workspace", member.change.repo));
    }
    if proposal.change.depends_on != member.change.depends_on || !proposal.errors.is_empty() {
        return Some(Reason::silent("what it depends on was edited", false));
    }
    member.change.depends_on.iter().find_map(|dependency| missing(facts, item, id, dependency, gone))
}

/// Why a dependency of a queued change keeps it from staying.
fn missing(
    facts: &Facts,
    item: &Item,
    id: &ChangeId,
    dependency: &ChangeId,
    gone: &BTreeMap<ItemId, Reason>,
) -> Option<Reason> {
    let proposal = facts.proposals.get(dependency)?;
    if proposal.landed || item.holds(dependency) {
        return None;
    }
    match facts.item_of(dependency, Pipeline::Gate) {
        Some(other) => match gone.get(&other.id) {
            // It enters again, by itself if another one of its cycle got onto its branch by hand.
            Some(reason) if matches!(reason.state, None | Some(ReportState::Landed)) => {
                Some(Reason::silent(&reason.text, false))
            }
            Some(reason) => {
                let text = format!("{id} depends on {dependency}, and {}", reason.text);
                Some(Reason::reported(ReportState::Dependency, text))
            }
            None if facts.queue_of(other) != facts.queue_of(item) => {
                Some(Reason::silent("what it depends on is in another queue", false))
            }
            None => None,
        },
        // It left between two decisions.
        None => match &proposal.gate {
            Some(ended) if ended.at >= item.entered => {
                let text = format!("{id} depends on {dependency}, which did not land: {}", ended.reason);
                Some(Reason::reported(ReportState::Dependency, text))
            }
            Some(_) | None => Some(Reason::silent("what it depends on is not in the gate", false)),
        },
    }
}

fn check(facts: &Facts, item: &Item, proposal: &Proposal) -> Option<Reason> {
    let id = &proposal.change.id;
    if !proposal.open || proposal.check == Checking::Unasked {
        return Some(Reason::silent("it is no longer open", true));
    }
    if facts.item_of(id, Pipeline::Gate).is_some() {
        return Some(Reason::silent("it is in the gate", true));
    }
    if proposal.change.head != item.change().head || proposal.change.depends_on != item.change().depends_on {
        return Some(Reason::silent("it has a new revision", false));
    }
    if !proposal.errors.is_empty() {
        return Some(Reason::silent("what it depends on was edited", false));
    }
    let current = |id: &ChangeId| facts.proposals.get(id);
    for dependency in &item.ahead {
        match current(&dependency.id) {
            Some(now) if now.landed => {}
            Some(now) if !now.open && !now.draft => {
                let text = format!("{id} depends on {}, which was closed", dependency.id);
                return Some(Reason::reported(ReportState::Dependency, text));
            }
            Some(now) if now.change.head != dependency.head => {
                return Some(Reason::silent("what it depends on has a new revision", false));
            }
            Some(_) | None => {}
        }
    }
    // A dependency that says now that it depends on more.
    let order = dependencies::ahead(&facts.proposals, id, true).unwrap_or_default();
    let more =
        order.iter().any(|other| item.ahead.iter().all(|known| known.id != *other) && managed(facts, other));
    more.then(|| Reason::silent("what it depends on depends on more now", false))
}

fn managed(facts: &Facts, id: &ChangeId) -> bool {
    let repo = facts.proposals.get(id).map(|proposal| &proposal.change.repo);
    repo.is_some_and(|repo| {
        facts
            .configuration
            .as_ref()
            .is_some_and(|configuration| configuration.workspace.repos.contains_key(repo))
    })
}
