//! What is known: the only thing that decisions are made from.
//!
//! Facts change by [`Facts::record`] alone, so that facts recorded anew from a log are the same facts.

mod index;
mod item;
mod proposal;
mod record;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::build::{BuildRequest, Ended, Outcome};
use crate::graph::Graph;
use crate::ids::{BranchName, BuildId, BuildKey, ChangeId, CommitId, RepoName, SemaphoreName, Timestamp};
use crate::ledger::Ledger;
use crate::queues::{QueueId, Queues};
use crate::scenario::{Scope, Slots};
use crate::workspace::{RunnerKind, Workspace};

pub(crate) use index::ByKey;
pub use item::{Item, ItemId, Landing, Member, Pipeline, Planned};
pub use proposal::{Approval, Checking, Ended as GateEnd, Proposal, Waiver};
pub use record::{Fact, LandingTried, Left, Receipt};
pub use tree::{Base, Conflict, Merge, TreeKey, TreeState};

/// A configuration and the graph that it describes.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The checked files.
    pub workspace: Arc<Workspace>,
    /// The dependencies of its repos.
    pub graph: Arc<Graph>,
}

impl Configuration {
    /// Makes a configuration of a workspace.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let graph = Arc::new(Graph::new(&workspace));
        Self { workspace, graph }
    }
}

/// Everything that is known of a run of the loop.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Builds at once.
    pub slots: Slots,
    /// Tells the ids of this run's builds from those of other runs.
    pub run: u64,
    /// The latest outcome, by what a build is a function of, of builds whose items are gone.
    pub earlier: BTreeMap<BuildKey, Earlier>,
    /// How far each job of each driver is to be trusted.
    pub ledger: Ledger,
    pub(crate) configuration: Option<Configuration>,
    pub(crate) queues: Queues,
    pub(crate) tips: BTreeMap<(RepoName, BranchName), CommitId>,
    pub(crate) proposals: BTreeMap<ChangeId, Proposal>,
    pub(crate) items: Vec<Item>,
    pub(crate) trees: BTreeMap<TreeKey, TreeState>,
    /// As they were recorded: a map of boxes wastes little where it has room to spare.
    pub(crate) builds: BTreeMap<BuildId, Box<Build>>,
    pub(crate) by_key: ByKey,
    pub(crate) windows: BTreeMap<QueueId, u32>,
    pub(crate) holds: BTreeMap<Option<Scope>, String>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) frozen: BTreeMap<(RepoName, BranchName), String>,
    pub(crate) due: Vec<Report>,
    pub(crate) landed: Vec<(ChangeId, Timestamp)>,
    /// Counts items and reports, so that each has a number of its own.
    pub(crate) counter: u64,
    /// The rank of the next item that is moved to the front.
    pub(crate) front: i64,
    /// How many builds were kept when those that nobody can ask for were last let go.
    pub(crate) kept: usize,
}

impl Facts {
    /// Makes the facts of a run in which nothing is known yet.
    pub fn new(slots: Slots, run: u64) -> Self {
        Self { slots, run, ..Self::default() }
    }

    /// Returns what is in a pipeline, in the order in which it entered.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the builds of what is in a pipeline.
    pub fn builds(&self) -> &BTreeMap<BuildId, Box<Build>> {
        &self.builds
    }

    /// Returns the builds of a key, in the order in which they started.
    pub(crate) fn builds_of(&self, key: &BuildKey) -> impl Iterator<Item = (BuildId, &Build)> {
        let of = |id: BuildId| Some((id, self.builds.get(&id)?.as_ref()));
        self.by_key.ids(key).filter_map(of).filter(|(_, build)| build.request.key == *key)
    }

    /// Returns every change that was heard of.
    pub fn proposals(&self) -> &BTreeMap<ChangeId, Proposal> {
        &self.proposals
    }

    /// Returns how far each tree is.
    pub fn trees(&self) -> &BTreeMap<TreeKey, TreeState> {
        &self.trees
    }

    /// Returns the configuration, if one was recorded.
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// Returns the tip of each branch.
    pub fn tips(&self) -> &BTreeMap<(RepoName, BranchName), CommitId> {
        &self.tips
    }

    /// Returns what landed, in order.
    pub fn landed(&self) -> &[(ChangeId, Timestamp)] {
        &self.landed
    }

    /// Returns the branches that hold something else than what was tested, each with why nothing lands in its queue until
    /// somebody has looked.
    pub fn frozen(&self) -> impl Iterator<Item = (&RepoName, &String)> {
        self.frozen.iter().map(|((repo, _), why)| (repo, why))
    }

    /// Returns the size of each queue's window, where it has changed since the start.
    pub fn windows(&self) -> &BTreeMap<QueueId, u32> {
        &self.windows
    }

    /// Returns an item.
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Returns the item of a pipeline that holds a change.
    pub fn item_of(&self, change: &ChangeId, pipeline: Pipeline) -> Option<&Item> {
        self.items.iter().find(|item| item.pipeline == pipeline && item.holds(change))
    }
}

/// A build of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What was asked for.
    pub request: BuildRequest,
    /// What it holds while it runs.
    pub semaphore: Option<SemaphoreName>,
    /// What executes it.
    pub runner: RunnerKind,
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
        /// Whether it has said that it is going to fail.
        failing: bool,
        /// When it was told to end, if it was.
        cancelled: Option<Timestamp>,
    },
    /// Its outcome is known.
    Ended(Ended),
}

/// A build whose item is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub id: BuildId,
    /// When it ended.
    pub ended: Timestamp,
    /// What it said.
    pub outcome: Outcome,
    /// Whether what it tested is what landed: a baseline may then rest on it.
    pub landed: bool,
}

/// Something to be said on a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tells it from every other report.
    pub number: u64,
    /// On which change.
    pub change: ChangeId,
    /// Of which pipeline.
    pub pipeline: Pipeline,
    /// What it says.
    pub state: ReportState,
    /// Why, for people: a sentence without a full stop.
    pub text: String,
}

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportState {
    /// It entered a pipeline.
    Started,
    /// Nothing stands against it.
    Passed,
    /// A verdict stands against it.
    Failed,
    /// It does not merge.
    Conflict,
    /// What it depends on did not land.
    Dependency,
    /// What it asks for cannot be.
    Error,
    /// What put it into the pipeline is gone.
    Removed,
    /// It is part of its branch.
    Landed,
}
