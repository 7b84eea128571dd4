//! What is known: the only thing that decisions are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::build::{BuildRequest, Ended, Outcome, RepoState};
use crate::change::Change;
use crate::graph::Graph;
use crate::ids::{BuildId, BuildKey, ChangeId, CommitId, RepoName, SemaphoreName, Timestamp};
use crate::plan::{Entry, Plan, Vote};
use crate::workspace::{Job, Workspace};

/// Everything that is known of a run of the loop.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Changes to be judged, first come first served.
    pub items: Vec<Item>,
    /// Trees that were asked for.
    pub trees: BTreeMap<TreeSpec, TreeState>,
    /// Builds that were asked for, in this run.
    pub builds: BTreeMap<BuildId, Build>,
    /// The latest outcome of earlier runs for what a build is a function of.
    pub earlier: BTreeMap<BuildKey, Earlier>,
    /// Builds at once.
    pub slots: u32,
    /// Tells the ids of this run's builds from those of other runs.
    pub run: u64,
}

/// A change to be judged, with all that was fixed when it entered.
#[derive(Debug, Clone)]
pub struct Item {
    /// The change.
    pub change: Arc<Change>,
    /// What it depends on, in the order in which it is to be merged.
    pub ahead: Vec<Arc<Change>>,
    /// Its jobs.
    pub plan: Arc<Plan>,
    /// The configuration it is judged with.
    pub workspace: Arc<Workspace>,
    /// The tip of each repo that a build of it sees.
    pub tips: Arc<BTreeMap<RepoName, CommitId>>,
    /// What each selected job does, in the order of [`Plan::selected`].
    pub(crate) instructions: Vec<Instructions>,
}

/// What a selected job does, wherever it runs.
#[derive(Debug, Clone)]
pub(crate) struct Instructions {
    /// The repos that its build sees.
    pub(crate) sees: BTreeSet<RepoName>,
    /// Its commands, or why a step does not become one.
    pub(crate) commands: Result<Vec<String>, String>,
}

impl Item {
    /// Makes an item: the steps of its jobs become commands here, before anything runs.
    pub fn new(
        change: Arc<Change>,
        ahead: Vec<Arc<Change>>,
        plan: Arc<Plan>,
        (workspace, graph): (Arc<Workspace>, &Graph),
        tips: Arc<BTreeMap<RepoName, CommitId>>,
    ) -> Self {
        let instructions = |(entry, job, _): (&Entry, &Arc<Job>, Vote)| {
            let sees = graph.closure(&entry.repo);
            Instructions { commands: entry.commands(&change.id, job, &sees), sees }
        };
        let instructions = plan.selected().map(instructions).collect();
        Self { change, ahead, plan, workspace, tips, instructions }
    }

    /// Returns the tree with the change.
    pub fn candidate_tree(&self) -> TreeSpec {
        let mut spec = self.baseline_tree();
        spec.merges.push(Merge::of(&self.change));
        spec
    }

    /// Returns the tree without the change, and with all it depends on.
    pub fn baseline_tree(&self) -> TreeSpec {
        TreeSpec {
            tips: self.tips.clone(),
            merges: self.ahead.iter().map(|change| Merge::of(change)).collect(),
        }
    }
}

/// A tree to be prepared: the tips, and changes merged onto them in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeSpec {
    /// The tip of each repo.
    pub tips: Arc<BTreeMap<RepoName, CommitId>>,
    /// What is merged, in order.
    pub merges: Vec<Merge>,
}

/// A change at a revision, to be merged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Merge {
    /// The change.
    pub change: ChangeId,
    /// Its repo.
    pub repo: RepoName,
    /// Its last commit.
    pub head: CommitId,
}

impl Merge {
    fn of(change: &Change) -> Self {
        Self { change: change.id.clone(), repo: change.repo.clone(), head: change.head.clone() }
    }
}

/// How far a tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeState {
    /// It is being made.
    Preparing,
    /// Each repo at its state.
    Ready(Arc<BTreeMap<RepoName, RepoState>>),
    /// Two changes do not go together.
    Conflict(Conflict),
    /// The environment failed.
    Failed {
        /// How.
        reason: String,
    },
}

/// What does not merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The change that does not merge.
    pub change: ChangeId,
    /// The change of the same repo merged just before it; `None`: the branch itself.
    pub with: Option<ChangeId>,
    /// The repo.
    pub repo: RepoName,
    /// The files, each with what is wrong with it.
    pub files: Vec<String>,
}

/// A build of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What was asked for.
    pub request: BuildRequest,
    /// What it holds while it runs.
    pub semaphore: Option<SemaphoreName>,
    /// How far it is.
    pub state: BuildState,
}

/// How far a build is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildState {
    /// A runner has it.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// Its outcome is known.
    Ended(Ended),
}

/// A build of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub id: BuildId,
    /// When it ended.
    pub ended: Timestamp,
    /// What it said.
    pub outcome: Outcome,
}
