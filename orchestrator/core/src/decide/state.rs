//! How items and their rows stand, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::build::Purpose;
use crate::facts::{Build, BuildState, Conflict, Earlier, Item, ItemId, Pipeline, TreeKey};
use crate::ids::{BuildId, ChangeId, DriverName, JobName, RepoName, SemaphoreName, Timestamp};
use crate::plan::Vote;
use crate::verdict::Verdict;

/// How an item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemState {
    /// Which.
    pub item: ItemId,
    /// Where.
    pub pipeline: Pipeline,
    /// The change; the first one of a cycle.
    pub change: ChangeId,
    /// The jobs that were selected for it.
    pub rows: Vec<Row>,
    /// What it comes to, once everything is decided.
    pub conclusion: Option<Conclusion>,
    /// What the item as a whole waits for, beside its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Whether it is more likely than not to fail: what is behind it is tested without it.
    pub failing: bool,
    /// The tree that it is tested on, if it is being tested.
    #[serde(skip)]
    pub tree: Option<TreeKey>,
}

impl ItemState {
    pub(super) fn of(item: &Item) -> Self {
        Self {
            item: item.id,
            pipeline: item.pipeline,
            change: item.change().id.clone(),
            rows: Vec::new(),
            conclusion: None,
            wait: None,
            failing: false,
            tree: None,
        }
    }
}

/// A change that is to enter the gate and cannot yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Which.
    pub change: ChangeId,
    /// Why.
    pub on: Wait,
}

/// How one selected job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Of which change of the item, as a position.
    #[serde(skip)]
    pub member: usize,
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

impl Row {
    /// Returns what names it for people: `driver/job`, or the job.
    pub fn name(&self) -> String {
        match &self.driver {
            Some(driver) => format!("{driver}/{}", self.job),
            None => self.job.to_string(),
        }
    }

    /// Returns its verdict, if it has one, with the reason of one that has nothing to do with the change.
    fn verdict(&self) -> String {
        match &self.state {
            RowState::Waits { .. } => String::new(),
            RowState::Decided(verdict @ (Verdict::Infra { reason } | Verdict::Unknown { reason })) => {
                format!(" {} ({reason})", verdict.word())
            }
            RowState::Decided(verdict) => format!(" {}", verdict.word()),
        }
    }

    /// Returns the first line of what a failure looks like that is the change's.
    fn look(&self) -> Option<&str> {
        match &self.state {
            RowState::Decided(Verdict::Regressed { signature, .. }) => {
                signature.lines.first().map(String::as_str)
            }
            RowState::Decided(_) | RowState::Waits { .. } => None,
        }
    }
}

/// Says which rows block: those that fail alike together, with what their failure looks like.
pub(super) fn reds(rows: &[Row], blockers: &[usize]) -> String {
    let mut clusters: Vec<Vec<&Row>> = Vec::new();
    for row in blockers.iter().map(|blocker| &rows[*blocker]) {
        let alike = |other: &&mut Vec<&Row>| row.look().is_some() && other[0].look() == row.look();
        match clusters.iter_mut().find(alike) {
            Some(cluster) => cluster.push(row),
            None => clusters.push(vec![row]),
        }
    }
    let told = clusters.iter().map(|cluster| match &cluster[..] {
        [row] => row.name() + &row.verdict(),
        rows => {
            let names: Vec<String> = rows.iter().map(|row| row.name()).collect();
            let look = rows[0].look().unwrap_or_default();
            format!("{}{} alike: {look}", names.join(" and "), rows[0].verdict())
        }
    });
    told.collect::<Vec<_>>().join(", ")
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

impl BuildRef {
    pub(super) fn of(id: BuildId, build: &Build) -> Self {
        let (outcome, duration_ms) = match &build.state {
            BuildState::Running { .. } => (None, None),
            BuildState::Ended(ended) => {
                let ms = ended.ended.since(ended.started).as_millis();
                (Some(ended.outcome.word()), Some(u64::try_from(ms).unwrap_or(u64::MAX)))
            }
        };
        Self { id, purpose: build.request.purpose, outcome, reused: false, duration_ms }
    }

    pub(super) fn of_earlier(earlier: &Earlier, side: Purpose) -> Self {
        let (id, outcome) = (earlier.id, Some(earlier.outcome.word()));
        Self { id, purpose: side, outcome, reused: true, duration_ms: None }
    }
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

/// What something waits for.
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
    /// What runs builds, or the forge, failed, and is tried again.
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
    /// A job of an item ahead holds those behind it.
    Followers {
        /// Of which change.
        change: ChangeId,
        /// Which job.
        job: JobName,
    },
    /// The window of the queue is full.
    Window {
        /// Its size, in items.
        size: u32,
    },
    /// What is ahead in the queue is not decided.
    Ahead {
        /// The first of it.
        change: ChangeId,
    },
    /// What it depends on comes first.
    Dependency {
        /// Which change.
        change: ChangeId,
        /// How that stands, as a relative clause.
        why: String,
    },
    /// It cannot enter as it is.
    Refused {
        /// Why.
        reason: String,
    },
    /// Somebody holds it.
    Held {
        /// Who.
        by: String,
    },
    /// What landed is not what was tested.
    Frozen {
        /// Where and how.
        why: String,
    },
    /// It is being pushed.
    Landing,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree => f.write_str("the tree is being merged"),
            Self::Need { job } => write!(f, "{job} comes first"),
            Self::Slot { of: 1 } => f.write_str("the one slot is taken"),
            Self::Slot { of } => write!(f, "all {of} slots are taken"),
            Self::Semaphore { name } => write!(f, "semaphore {name} is held by others"),
            Self::Retry { .. } => f.write_str("what it needs failed, and is tried again soon"),
            Self::Build { id, purpose, .. } => write!(f, "{} build {id} is running", purpose.word()),
            Self::Followers { change, job } => {
                write!(f, "{job} of {change}, which is ahead, has to pass first")
            }
            Self::Window { .. } => f.write_str("the window of its queue is full"),
            Self::Ahead { change } => write!(f, "{change}, which is ahead, is not decided"),
            Self::Dependency { change, why } => write!(f, "it depends on {change}, {why}"),
            Self::Refused { reason } => f.write_str(reason),
            Self::Held { by } => write!(f, "held by {by}"),
            Self::Frozen { why } => f.write_str(why),
            Self::Landing => f.write_str("it is being pushed"),
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
