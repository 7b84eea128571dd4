//! What a change depends on, directly and through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::facts::{Facts, Item, Member, Pipeline, Proposal};
use crate::ids::ChangeId;

/// Most changes that may have to land before one.
pub const MAX_AHEAD: usize = 100;

/// Why what a change depends on cannot be put in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knot {
    /// Changes depend on each other: each on the next, the last on the first.
    Cycle(Vec<ChangeId>),
    /// More than [`MAX_AHEAD`].
    TooMany,
}

impl fmt::Display for Knot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(cycle) => {
                let names: Vec<_> = cycle.iter().map(ChangeId::as_str).collect();
                write!(
                    f,
                    "changes depend on each other: {} → {}: take one of the `Depends-On:` lines out, or set \
                     `pipelines.gate.cycles: allow`",
                    names.join(" → "),
                    names[0]
                )
            }
            Self::TooMany => {
                write!(
                    f,
                    "too many changes would have to land first, expected at most {MAX_AHEAD}: land some of them, then try again"
                )
            }
        }
    }
}

/// Returns all that has to land before a change, each after what it depends on itself. What has landed is left out. If
/// cycles are allowed, what is in one with the change comes before it too.
///
/// # Errors
/// [`Knot`].
pub fn ahead(
    proposals: &BTreeMap<ChangeId, Proposal>,
    change: &ChangeId,
    cycles_allowed: bool,
) -> Result<Vec<ChangeId>, Knot> {
    let mut walk =
        Walk { proposals, cycles_allowed, order: Vec::new(), done: BTreeSet::new(), path: Vec::new() };
    walk.visit(change)?;
    walk.order.retain(|other| other != change);
    if walk.order.len() > MAX_AHEAD {
        return Err(Knot::TooMany);
    }
    Ok(walk.order)
}

/// Returns the changes that depend on each other and on which a change depends in turn, itself included; in the order in which
/// they are to land. Just the change if it is in no cycle.
pub fn cycle_of(proposals: &BTreeMap<ChangeId, Proposal>, change: &ChangeId) -> Vec<ChangeId> {
    let Ok(order) = ahead(proposals, change, true) else { return vec![change.clone()] };
    let back = |other: &ChangeId| ahead(proposals, other, true).is_ok_and(|order| order.contains(change));
    let mut members: Vec<ChangeId> = order.into_iter().filter(back).collect();
    members.push(change.clone());
    // The same order whichever of them is asked.
    members.sort();
    members
}

/// Walks depth first, so that each change comes after all it depends on.
struct Walk<'a> {
    proposals: &'a BTreeMap<ChangeId, Proposal>,
    cycles_allowed: bool,
    order: Vec<ChangeId>,
    done: BTreeSet<ChangeId>,
    path: Vec<ChangeId>,
}

impl Walk<'_> {
    fn visit(&mut self, id: &ChangeId) -> Result<(), Knot> {
        let Some(proposal) = self.proposals.get(id).filter(|proposal| !proposal.landed) else {
            return Ok(());
        };
        if self.done.contains(id) {
            return Ok(());
        }
        if let Some(at) = self.path.iter().position(|seen| seen == id) {
            return if self.cycles_allowed { Ok(()) } else { Err(Knot::Cycle(self.path[at..].to_vec())) };
        }
        if self.path.len() > MAX_AHEAD {
            return Err(Knot::TooMany);
        }
        self.path.push(id.clone());
        for dependency in &proposal.change.depends_on {
            self.visit(dependency)?;
        }
        self.path.pop();
        self.done.insert(id.clone());
        self.order.push(id.clone());
        Ok(())
    }
}

/// Returns what moves to the front of its queue with a change: itself, what depends on it, and what they all depend on, in the
/// order in which they stand.
pub fn promoted(facts: &Facts, change: &ChangeId) -> Vec<ChangeId> {
    let mut gated: Vec<_> = facts.items.iter().filter(|item| item.pipeline == Pipeline::Gate).collect();
    gated.sort_by_key(|item| item.rank);
    let moves = |member: &Member| member.change.id == *change || follows_on(facts, &member.change.id, change);
    let moved: BTreeSet<ChangeId> =
        gated.iter().filter(|item| item.members.iter().any(moves)).flat_map(|item| item.ids()).collect();
    // What has to land before them must not be left behind.
    let before: BTreeSet<ChangeId> =
        moved.iter().flat_map(|id| ahead(&facts.proposals, id, true).unwrap_or_default()).collect();
    let is_moved = |id: &ChangeId| moved.contains(id) || before.contains(id);
    gated
        .into_iter()
        .filter(|item| item.members.iter().any(|of| is_moved(&of.change.id)))
        .flat_map(Item::ids)
        .collect()
}

/// Whether a change depends on another one, however many steps away.
fn follows_on(facts: &Facts, one: &ChangeId, other: &ChangeId) -> bool {
    ahead(&facts.proposals, one, true).is_ok_and(|order| order.contains(other))
}
