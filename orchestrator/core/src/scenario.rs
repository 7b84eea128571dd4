//! Scenarios: a workspace, changes, what builds will say, and what happens when, to be played in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{BranchName, ChangeId, DriverName, JobName, RepoName, RepoPath};
use crate::workspace::{RunnerKind, Workspace};

/// A whole scenario, checked: every name that must resolve does.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// One sentence that says what it shows.
    pub name: String,
    /// The configuration at the start.
    pub workspace: Arc<Workspace>,
    /// The day on which it starts, at midnight UTC.
    pub starts: jiff::civil::Date,
    /// Every change that the timeline may speak of.
    pub changes: BTreeMap<ChangeId, ScenarioChange>,
    /// How long builds take.
    pub durations: Durations,
    /// Builds at once.
    pub slots: Slots,
    /// What builds say; the first rule that matches counts, and what none matches passes.
    pub outcomes: Vec<OutcomeRule>,
    /// How landings go; the first rule that matches counts, and what none matches lands.
    pub landings: Vec<LandingRule>,
    /// What the trust ledger knows at the start, by driver (`None`: a repo's own job) and job.
    pub history: BTreeMap<(Option<DriverName>, JobName), History>,
    /// What happens, in order.
    pub timeline: Vec<Event>,
    /// What must come out, as a part of the outcome's JSON; `None`: nothing is expected.
    pub expect: Option<serde_json::Value>,
}

/// A change of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioChange {
    /// The repo it changes; one that is not in the workspace is not managed.
    pub repo: RepoName,
    /// The branch it is to land on; `None`: the repo's.
    pub branch: Option<BranchName>,
    /// What it touches.
    pub files: Vec<RepoPath>,
    /// What its text says it depends on: names of changes, or texts that name none.
    pub depends_on: Vec<String>,
    /// The change whose commits it stands on.
    pub parent: Option<ChangeId>,
    /// Changes that it cannot be merged with.
    pub conflicts: Vec<ChangeId>,
    /// The configuration as it is with the change; `None`: it does not touch it.
    pub workspace: Option<Arc<Workspace>>,
}

/// How long builds take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    /// Of a job that is not listed.
    pub default: Duration,
    /// By job, with or without its matrix values.
    pub jobs: BTreeMap<JobName, Duration>,
}

/// Builds at once; 0: no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// Over all runners.
    pub total: u32,
    /// Of a runner that is not listed.
    pub default: u32,
    /// By kind of runner.
    pub runners: BTreeMap<RunnerKind, u32>,
}

/// Which builds a rule is about; what is left out matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildPattern {
    /// The job, with or without its matrix values.
    pub job: Option<JobName>,
    /// The driver.
    pub driver: Option<DriverName>,
    /// The change that is judged.
    pub change: Option<ChangeId>,
    /// Changes that are all in the tree, landed or not.
    pub with: Vec<ChangeId>,
    /// Changes none of which is in the tree.
    pub without: Vec<ChangeId>,
    /// Why it runs.
    pub purpose: Option<crate::build::Purpose>,
    /// The n-th build of this job for the change on this tree, whatever its purpose, from 1.
    pub attempt: Option<u32>,
    /// The revision of the change that is judged, from 1.
    pub revision: Option<u32>,
}

/// What builds say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRule {
    /// Which builds.
    pub of: BuildPattern,
    /// What they say.
    pub result: Said,
    /// After how long; `None`: the job's duration.
    pub after: Option<Duration>,
    /// When a running build says that it is going to fail; `None`: it does not say so before its end.
    pub early: Option<Duration>,
    /// What the failure looks like; equal texts are equal signatures. `None`: the job's name and the changes of the rule.
    pub signature: Option<String>,
    /// Why, for `infra` and `lost`.
    pub reason: Option<String>,
}

/// An outcome's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Every step succeeded.
    Pass,
    /// A step failed by its own judgement.
    Fail,
    /// What runs the build failed.
    Infra,
    /// The build's time was used up.
    Timeout,
    /// The runner was not heard of again.
    Lost,
    /// It was ended from outside.
    Cancelled,
}

/// How landings go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingRule {
    /// Of which change.
    pub change: ChangeId,
    /// How.
    pub result: LandingResult,
    /// For how many tries; 0: for all.
    pub times: u32,
}

/// How a try to land goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LandingResult {
    /// The forge refuses and may not the next time.
    Refused,
    /// The forge refuses for good.
    Rejected,
    /// The forge says that it failed, and the change is on the branch.
    Unheard,
    /// The branch holds another tree than the one tested.
    Differs,
}

/// What the trust ledger knows of a job of a driver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    /// Builds that said something of their tree.
    pub runs: u32,
    /// Of these, failures that repetition did not bear out.
    pub flakes: u32,
    /// Verdicts that blamed a change and were passed over by a human or withdrawn.
    pub false_failures: u32,
    /// 95th percentile of the time to an answer.
    pub p95: Option<Duration>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, since the start.
    pub at: Duration,
    /// By whom; `None`: a reviewer.
    pub by: Option<String>,
    /// What.
    pub what: Happening,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A change is proposed, and is to be checked.
    Open(ChangeId),
    /// A change is approved, and is to land.
    Approve(ChangeId),
    /// An approval is withdrawn.
    Unapprove(ChangeId),
    /// A change gets a new revision; `files` replaces what it touches.
    Push {
        /// Which.
        change: ChangeId,
        /// What it touches now; `None`: the same.
        files: Option<Vec<RepoPath>>,
    },
    /// A change is closed.
    Close(ChangeId),
    /// A closed change is opened again.
    Reopen(ChangeId),
    /// What a change's text says it depends on is edited.
    Edit {
        /// Which.
        change: ChangeId,
        /// What it says now.
        depends_on: Vec<String>,
    },
    /// Somebody comments.
    Comment {
        /// On which change.
        change: ChangeId,
        /// What.
        text: String,
    },
    /// An operator moves a change to the front of its queue.
    Promote(ChangeId),
    /// An operator takes a change out of its queue.
    Dequeue(ChangeId),
    /// An operator holds what is to land; `None`: everything.
    Hold(Option<Scope>),
    /// An operator ends a hold.
    Resume(Option<Scope>),
    /// Somebody pushes to a branch without the gate.
    Tip {
        /// Of which repo.
        repo: RepoName,
        /// Which branch; `None`: the repo's.
        branch: Option<BranchName>,
        /// The change that got there so; `None`: a commit of its own.
        change: Option<ChangeId>,
    },
    /// The configuration is replaced.
    Configure(Arc<Workspace>),
    /// The process dies and comes back.
    Restart,
    /// Nothing; time passes.
    Wait,
}

/// What a hold is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One change.
    Change(ChangeId),
    /// The queue that a repo belongs to.
    Repo(RepoName),
}
