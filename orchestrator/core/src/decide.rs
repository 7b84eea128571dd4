//! The one place where it is decided what to do next: facts in, actions and waits out.
//!
//! A decision is computed from the facts alone and from all of them: a fact that comes late, twice or in another order
//! changes when something happens, never what. Same facts, same decision.

mod rows;
mod schedule;

use serde::Serialize;

use crate::build::{BuildRequest, Purpose};
use crate::facts::{Conflict, Facts, Item, TreeSpec, TreeState};
use crate::ids::{BuildId, ChangeId, DriverName, JobName, RepoName, SemaphoreName, Timestamp};
use crate::plan::Vote;
use crate::verdict::Verdict;

/// What is to be done, and how every item stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// To be done now. None of it is in the facts yet; doing it puts it there.
    pub actions: Vec<Action>,
    /// The items, in the order of the facts.
    pub items: Vec<ItemState>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Merge a tree.
    Prepare(TreeSpec),
    /// Hand a build to a runner.
    Start {
        /// The build.
        request: Box<BuildRequest>,
        /// What it holds while it runs.
        semaphore: Option<SemaphoreName>,
    },
}

/// How an item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemState {
    /// The change.
    pub change: ChangeId,
    /// The jobs that were selected for it.
    pub rows: Vec<Row>,
    /// What it comes to, once everything is decided.
    pub conclusion: Option<Conclusion>,
}

/// How one selected job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The driver, if the job belongs to one.
    pub driver: Option<DriverName>,
    /// The repo in which it runs.
    pub repo: RepoName,
    /// The job.
    pub job: JobName,
    /// What its red means.
    pub vote: Vote,
    /// How far it is.
    pub state: RowState,
    /// The builds that speak for it.
    pub builds: Vec<BuildRef>,
}

/// A build that speaks for a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildRef {
    /// The build.
    pub id: BuildId,
    /// With the change, or without it.
    pub purpose: Purpose,
    /// Its outcome's word; `None` while it runs.
    pub outcome: Option<&'static str>,
    /// Whether it is an earlier run's, on equal trees.
    pub reused: bool,
    /// How long it ran, in milliseconds; `None` while it runs and for earlier ones.
    pub duration_ms: Option<u64>,
}

/// How far a row is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RowState {
    /// Something must come first.
    Waits {
        /// What.
        on: Wait,
    },
    /// It is known.
    Decided(Verdict),
}

/// What a row waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "on")]
pub enum Wait {
    /// The tree is being merged.
    Tree,
    /// Another job of the same driver comes first.
    Need {
        /// Which.
        job: JobName,
    },
    /// All slots are taken.
    Slot {
        /// How many there are.
        of: u32,
    },
    /// A semaphore is held by others.
    Semaphore {
        /// Which.
        name: SemaphoreName,
    },
    /// What runs builds failed, and is tried again.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// A build is running, its own or one that is the same.
    Build {
        /// Which.
        id: BuildId,
        /// Why it runs.
        purpose: Purpose,
        /// Since when.
        since: Timestamp,
    },
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tree => f.write_str("the tree is being merged"),
            Self::Need { job } => write!(f, "{job} comes first"),
            Self::Slot { of: 1 } => f.write_str("the one slot is taken"),
            Self::Slot { of } => write!(f, "all {of} slots are taken"),
            Self::Semaphore { name } => write!(f, "semaphore {name} is held by others"),
            Self::Retry { .. } => f.write_str("what runs it failed, and is tried again soon"),
            Self::Build { id, purpose, .. } => write!(f, "{} build {id} is running", purpose.word()),
        }
    }
}

/// What an item comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "conclusion")]
pub enum Conclusion {
    /// Nothing stands against it.
    MayLand,
    /// A gating vote does.
    MustNotLand {
        /// The rows that block, as positions in [`ItemState::rows`].
        blockers: Vec<usize>,
    },
    /// It does not merge.
    Conflict(Conflict),
    /// Its tree could not be made.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Decides what to do next.
pub fn decide(facts: &Facts, now: Timestamp) -> Decision {
    let mut decision = Decision::default();
    let mut schedule = schedule::Schedule::new(facts, now);
    for item in &facts.items {
        let mut trees = Vec::new();
        for spec in [item.candidate_tree(), item.baseline_tree()] {
            let state = facts.trees.get(&spec);
            if state.is_none() && !decision.actions.contains(&Action::Prepare(spec.clone())) {
                decision.actions.push(Action::Prepare(spec));
            }
            trees.push(state.unwrap_or(&TreeState::Preparing));
        }
        let state = match trees[..] {
            [TreeState::Conflict(conflict), _] => concluded(item, Conclusion::Conflict(conflict.clone())),
            [TreeState::Failed { reason }, _] => {
                concluded(item, Conclusion::Failed { reason: reason.clone() })
            }
            [candidate, baseline] => rows::item_state(facts, item, (candidate, baseline), &mut schedule),
            _ => unreachable!("an item has two trees"),
        };
        decision.items.push(state);
    }
    let (actions, wake) = schedule.finish();
    decision.actions.extend(actions);
    Decision { wake, ..decision }
}

fn concluded(item: &Item, conclusion: Conclusion) -> ItemState {
    ItemState { change: item.change.id.clone(), rows: Vec::new(), conclusion: Some(conclusion) }
}
