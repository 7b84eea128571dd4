//! What is in a pipeline, with all that was fixed when it entered.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tree::{Base, Merge};
use crate::change::Change;
use crate::graph::Graph;
use crate::ids::{ChangeId, DriverName, RepoName, Timestamp};
use crate::keys::{self, Known};
use crate::plan::{Entry, Plan, Vote};
use crate::workspace::{Job, Workspace};

/// A line of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pipeline {
    /// Tests, then lands.
    Gate,
    /// Tests, and votes.
    Check,
}

impl Pipeline {
    /// Returns the pipeline's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Check => "check",
        }
    }
}

/// An item: numbered in the order of entering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemId(pub(super) u64);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One change, or all changes of a dependency cycle, in a pipeline.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its number.
    pub id: ItemId,
    /// Where it is.
    pub pipeline: Pipeline,
    /// When it entered.
    pub entered: Timestamp,
    /// Its place in its queue; the lowest comes first.
    pub rank: i64,
    /// Its changes, in the order in which they land.
    pub members: Vec<Member>,
    /// What else it depends on, in the order in which it is to be merged; only in `check`: in the gate that is ahead in the queue.
    pub ahead: Vec<Arc<Change>>,
    /// What all of it is merged onto.
    pub base: Base,
    /// The jobs that were selected for it, shared with items of which the same were.
    pub planned: Arc<[Planned]>,
    /// How far its landing is.
    pub landing: Landing,
    /// Whether it was reported that it entered.
    pub announced: bool,
    /// Whether it was reported that its queue is frozen.
    pub told_frozen: bool,
    pub(crate) keys: Known,
}

/// One change of an item, with all that was fixed when it entered.
#[derive(Debug, Clone)]
pub struct Member {
    /// The change.
    pub change: Arc<Change>,
    /// Its jobs.
    pub plan: Arc<Plan>,
    /// The configuration it is judged with.
    pub workspace: Arc<Workspace>,
    /// The approval that put it into the gate, by number; 0 in `check`.
    pub approval: u64,
}

/// How far a landing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landing {
    /// How many of the changes have landed.
    pub landed: usize,
    /// How often the next one was refused.
    pub refused: u32,
    /// Since when one is on its way.
    pub since: Option<Timestamp>,
    /// When to try again.
    pub again: Option<Timestamp>,
    /// Why it was refused the last time.
    pub why: String,
}

/// A selected job of a member, and what it does, wherever it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Of which member, as a position.
    pub member: usize,
    /// The driver, if the job belongs to one.
    pub driver: Option<DriverName>,
    /// The repo in which it runs.
    pub repo: RepoName,
    /// The job.
    pub job: Arc<Job>,
    /// What its red means.
    pub vote: Vote,
    /// Jobs of the same driver that come first: each as a position, and whether it is only waited for.
    pub(crate) needs: Vec<(usize, bool)>,
    /// The repos that its build sees.
    pub(crate) sees: BTreeSet<RepoName>,
    /// Its commands, or why a step does not become one.
    pub(crate) commands: Result<Vec<String>, String>,
    /// All that makes its builds what they are, but for the trees.
    pub(crate) digest: [u8; 32],
}

impl Member {
    /// Makes a member.
    pub fn new(change: Arc<Change>, plan: Arc<Plan>, workspace: Arc<Workspace>) -> Self {
        Self { change, plan, workspace, approval: 0 }
    }
}

impl Item {
    /// Makes an item of `check`: the steps of its jobs become commands here, before anything runs.
    pub fn checked(member: Member, graph: &Graph, ahead: Vec<Arc<Change>>, base: Base) -> Self {
        let planned = planned(std::slice::from_ref(&member), &[graph]);
        Self::new(Pipeline::Check, vec![member], ahead, base, planned)
    }

    pub(super) fn gated(members: Vec<Member>, graphs: &[&Graph], base: Base) -> Self {
        let planned = planned(&members, graphs);
        Self::new(Pipeline::Gate, members, Vec::new(), base, planned)
    }

    fn new(
        pipeline: Pipeline,
        members: Vec<Member>,
        ahead: Vec<Arc<Change>>,
        base: Base,
        planned: Vec<Planned>,
    ) -> Self {
        Self {
            id: ItemId(0),
            pipeline,
            entered: Timestamp::from_millis(0),
            rank: 0,
            members,
            ahead,
            base,
            planned: planned.into(),
            landing: Landing::default(),
            announced: false,
            told_frozen: false,
            keys: Known::default(),
        }
    }

    /// Returns its change; the first one of a cycle.
    pub fn change(&self) -> &Arc<Change> {
        &self.members[0].change
    }

    /// Returns the plan of its change; of the first one of a cycle.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.members[0].plan
    }

    /// Returns the configuration that its change is judged with; that of the first one of a cycle.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.members[0].workspace
    }

    /// Returns whether a change is one of its own.
    pub fn holds(&self, change: &ChangeId) -> bool {
        self.members.iter().any(|member| member.change.id == *change)
    }

    /// Returns its changes.
    pub fn ids(&self) -> Vec<ChangeId> {
        self.members.iter().map(|member| member.change.id.clone()).collect()
    }

    /// Returns what is merged for what it depends on, then for itself.
    pub(crate) fn merges(&self) -> (Vec<Merge>, Vec<Merge>) {
        let ahead = self.ahead.iter().map(|change| Merge::of(change)).collect();
        (ahead, self.members.iter().map(|member| Merge::of(&member.change)).collect())
    }
}

fn planned(members: &[Member], graphs: &[&Graph]) -> Vec<Planned> {
    let mut planned = Vec::new();
    for (index, (member, graph)) in members.iter().zip(graphs).enumerate() {
        let first = planned.len();
        for (entry, job, vote) in member.plan.selected() {
            planned.push(one(index, member, graph, (entry, job, vote)));
        }
        let needs: Vec<_> = planned[first..].iter().map(|of| needs(of, &planned[first..], first)).collect();
        for (of, needs) in planned[first..].iter_mut().zip(needs) {
            of.needs = needs;
        }
    }
    planned
}

fn one(
    index: usize,
    member: &Member,
    graph: &Graph,
    (entry, job, vote): (&Entry, &Arc<Job>, Vote),
) -> Planned {
    let sees = graph.closure(&entry.repo);
    let commands = entry.commands(&member.change.id, job, &sees);
    let digest = keys::work_digest(entry, job, commands.as_deref().unwrap_or_default());
    Planned {
        member: index,
        driver: entry.driver.clone(),
        repo: entry.repo.clone(),
        job: job.clone(),
        vote,
        needs: Vec::new(),
        sees,
        commands,
        digest,
    }
}

fn needs(of: &Planned, all: &[Planned], first: usize) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    for need in &of.job.needs {
        for (at, other) in all.iter().enumerate() {
            if other.driver == of.driver && crate::plan::fulfils(&other.job.name, need) {
                found.push((first + at, need.value.soft));
            }
        }
    }
    found
}
