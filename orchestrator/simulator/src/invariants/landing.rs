//! What must hold of everything that lands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossgate_core::build::{BuildRequest, RepoState};
use crossgate_core::change::Change;
use crossgate_core::decide::{Action, Conclusion, Decision, ItemState, Row, RowState};
use crossgate_core::facts::{Facts, Item, ItemId, Pipeline, TreeKey, TreeState};
use crossgate_core::ids::{BuildId, ChangeId, RepoName, Timestamp};
use crossgate_core::plan::Vote;
use crossgate_core::queues::Queues;
use crossgate_core::verdict::Verdict;

use super::Holds;

/// A change that is about to land, with its item and how that stands.
struct Landing<'a> {
    item: &'a Item,
    state: &'a ItemState,
    change: &'a Arc<Change>,
    tree: TreeKey,
}

fn landings<'a>(facts: &'a Facts, decision: &'a Decision) -> impl Iterator<Item = Landing<'a>> {
    let of = |id: &ItemId| facts.items().iter().zip(&decision.items).find(|(item, _)| item.id == *id);
    decision.actions.iter().filter_map(move |action| match action {
        Action::Land { item, change, tree, .. } => {
            let (item, state) = of(item)?;
            Some(Landing { item, state, change, tree: *tree })
        }
        _ => None,
    })
}

/// Returns what the branch of each change that is about to land is to hold then: what has landed there, and the change.
pub(super) fn expected(facts: &Facts, decision: &Decision) -> BTreeMap<ChangeId, BTreeSet<ChangeId>> {
    let of = |landing: Landing<'_>| {
        let change = landing.change;
        let there = facts.proposals().iter().filter(|(_, proposal)| {
            proposal.landed && proposal.change.repo == change.repo && proposal.change.branch == change.branch
        });
        (change.id.clone(), there.map(|(id, _)| id.clone()).chain([change.id.clone()]).collect())
    };
    landings(facts, decision).map(of).collect()
}

/// What lands is a tree on which every row of the item is decided, each verdict by builds of that very tree.
///
/// Of a dependency cycle the last change lands the whole tree, and those before it a part of it.
pub(super) fn invariant_landing_trees_were_tested(
    facts: &Facts,
    decision: &Decision,
    builds: &BTreeMap<BuildId, BuildRequest>,
) -> Holds {
    for landing in landings(facts, decision) {
        let id = &landing.change.id;
        if landing.state.conclusion != Some(Conclusion::MayLand) {
            return Err(format!("{id} lands, and its item is at {:?}", landing.state.conclusion));
        }
        let is_last = landing.item.landing.landed + 1 == landing.item.members.len();
        if is_last && landing.state.tree != Some(landing.tree) {
            return Err(format!("{id} lands {:?}, and {:?} was tested", landing.tree, landing.state.tree));
        }
        let tested = landing.state.tree.and_then(|key| facts.trees().get(&key));
        let Some(TreeState::Ready(states)) = tested else {
            return Err(format!("{id} lands, and its tree is not there"));
        };
        if landing.state.rows.len() != landing.item.planned.len() {
            return Err(format!(
                "{id} lands with {} rows of {}",
                landing.state.rows.len(),
                landing.item.planned.len()
            ));
        }
        for row in &landing.state.rows {
            proven(row, states, builds).map_err(|what| format!("{id} lands, and {} {what}", row.name()))?;
        }
    }
    Ok(())
}

/// Whether a row's verdict rests on builds of a tree.
fn proven(
    row: &Row,
    states: &BTreeMap<RepoName, RepoState>,
    builds: &BTreeMap<BuildId, BuildRequest>,
) -> Result<(), String> {
    let RowState::Decided(verdict) = &row.state else { return Err("waits".to_owned()) };
    let is_of_tree = |request: &BuildRequest| {
        request.job == row.job
            && request.driver == row.driver
            && request
                .tree
                .iter()
                .all(|(repo, state)| states.get(repo).is_some_and(|of| of.tree == state.tree))
    };
    let said = |words: &[&str], on_tree: bool| {
        row.builds.iter().any(|build| {
            build.outcome.is_some_and(|outcome| words.contains(&outcome))
                && builds.get(&build.id).is_some_and(|request| is_of_tree(request) == on_tree)
        })
    };
    let red = ["fail", "timeout"];
    let needed: &[(&[&str], bool)] = match verdict {
        Verdict::Passed => &[(&["pass"], true)],
        Verdict::Fixed => &[(&["pass"], true), (&red, false)],
        Verdict::Flaky { .. } => &[(&["pass"], true), (&red, true)],
        Verdict::Regressed { .. } => &[(&red, true)],
        Verdict::BrokenBefore { .. } | Verdict::BrokenDifferently { .. } => &[(&red, true), (&red, false)],
        Verdict::Infra { .. } => &[(&["infra", "lost"], true)],
        Verdict::NotApplicable { .. }
        | Verdict::Unknown { .. }
        | Verdict::Absent { .. }
        | Verdict::Waived { .. } => &[],
    };
    match needed.iter().find(|(words, on_tree)| !said(words, *on_tree)) {
        Some((words, on_tree)) => {
            let tree = if *on_tree { "the tree" } else { "the tree without it" };
            Err(format!("is {}, and no build of {tree} said {}", verdict.word(), words.join(" or ")))
        }
        None => Ok(()),
    }
}

/// No gating vote of a change that lands stands against it, and what is waived is waived still.
pub(super) fn invariant_no_red_is_passed_over(facts: &Facts, decision: &Decision, now: Timestamp) -> Holds {
    for landing in landings(facts, decision) {
        for row in landing.state.rows.iter().filter(|row| row.vote == Vote::Gating) {
            let policy = &landing.item.members[row.member].workspace.policy;
            let stands = match &row.state {
                RowState::Waits { .. } => true,
                RowState::Decided(Verdict::Regressed { .. }) => true,
                RowState::Decided(Verdict::Waived { until, .. }) => *until <= now,
                RowState::Decided(verdict) => verdict.blocks(row.vote, policy),
            };
            if stands {
                return Err(format!("{} lands in spite of {}", landing.change.id, row.name()));
            }
        }
    }
    Ok(())
}

/// A change lands at most once.
pub(super) fn invariant_changes_land_once(
    facts: &Facts,
    decision: &Decision,
    landed: &BTreeSet<ChangeId>,
) -> Holds {
    for landing in landings(facts, decision) {
        let id = &landing.change.id;
        let known = landed.contains(id) || facts.proposals().get(id).is_some_and(|proposal| proposal.landed);
        if known || facts.landed().iter().any(|(other, _)| other == id) {
            return Err(format!("{id} lands again"));
        }
    }
    Ok(())
}

/// A change lands after all it depends on; those of a cycle land together.
pub(super) fn invariant_dependencies_land_first(facts: &Facts, decision: &Decision) -> Holds {
    for landing in landings(facts, decision) {
        let now = facts.proposals().get(&landing.change.id).map(|proposal| &proposal.change.depends_on);
        for dependency in landing.change.depends_on.iter().chain(now.into_iter().flatten()) {
            let proposal = facts.proposals().get(dependency);
            if !landing.item.holds(dependency) && proposal.is_none_or(|proposal| !proposal.landed) {
                return Err(format!("{} lands before {dependency}, which it depends on", landing.change.id));
            }
        }
    }
    Ok(())
}

/// What lands is at the front of its queue: landing order is queue order.
pub(super) fn invariant_the_front_lands_first(facts: &Facts, decision: &Decision) -> Holds {
    let Some(configuration) = facts.configuration() else {
        return Err("it lands without a configuration".to_owned());
    };
    let queues = Queues::of(&configuration.workspace, &configuration.graph);
    let queue =
        |item: &Item| queues.queue(&configuration.workspace, &item.change().repo, &item.change().branch);
    let leaves = |item: &Item| {
        decision.actions.iter().any(|action| matches!(action, Action::Leave(left) if left.item == item.id))
    };
    for landing in landings(facts, decision) {
        let own = queue(landing.item);
        let before = facts.items().iter().find(|item| {
            item.pipeline == Pipeline::Gate
                && item.rank < landing.item.rank
                && !leaves(item)
                && queue(item) == own
        });
        if let Some(before) = before {
            return Err(format!("{} lands before {}, which is ahead", landing.change.id, before.change().id));
        }
    }
    Ok(())
}

/// The branch holds what landed there before and the change that lands, and nothing else.
pub(super) fn invariant_branches_hold_what_was_tested(
    change: &ChangeId,
    inside: &BTreeSet<ChangeId>,
    expected: Option<&BTreeSet<ChangeId>>,
) -> Holds {
    match expected {
        None => Err(format!("{change} landed, and nobody had decided so")),
        Some(expected) if expected == inside => Ok(()),
        Some(expected) => Err(format!("with {change} the branch holds {inside:?} in place of {expected:?}")),
    }
}
