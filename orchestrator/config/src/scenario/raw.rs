//! A scenario as it is written, before anything is looked up. The JSON Schema is made from these types.

use crossgate_core::build;
use crossgate_core::ids::{BranchName, ChangeId, DriverName, JobName, RepoName};
use crossgate_core::scenario as core;
use schemars::JsonSchema;
use serde::Deserialize;

use super::expect::Expect;
use crate::field::{Field, List, Map};
use crate::merge::Broken;
use crate::raw::{WorkspaceFile, words};
use crate::scalar::{Day, Id, Moment, Span};

/// A scenario: a workspace, changes, what builds will say, and what happens when, to be played in virtual time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a scenario, as a map")]
#[schemars(title = "Crossgate scenario", extend("required" = ["scenario", "workspace"]))]
pub(crate) struct ScenarioFile {
    /// One sentence that says what it shows.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) scenario: Field<String>,
    /// The day on which it starts, at midnight UTC; 2026-01-01 if left out.
    pub(crate) starts: Field<Day>,
    /// The configuration at the start: a whole `crossgate.yaml`, in which `forge` means nothing and jobs need no
    /// `steps`.
    pub(crate) workspace: Field<Box<WorkspaceFile>>,
    /// Every change that the timeline may speak of, by name.
    pub(crate) changes: Field<Map<Id<ChangeId>, Change>>,
    /// How long builds take, by job, with or without its matrix values; `default` for all others, 10m if left out.
    pub(crate) durations: Field<Map<Id<JobName>, Moment>>,
    /// Builds at once; 0: no limit.
    pub(crate) slots: Field<Slots>,
    /// What builds say; the first rule that matches counts, and what none matches passes.
    pub(crate) outcomes: Field<List<Rule>>,
    /// How landings go; the first rule that matches counts, and what none matches lands.
    pub(crate) landings: Field<List<Landing>>,
    /// What the trust ledger knows at the start.
    pub(crate) history: Field<List<History>>,
    /// What happens, in order.
    pub(crate) timeline: Field<List<Event>>,
    /// What must come out: each part that stands here must be in the outcome.
    pub(crate) expect: Field<Expect>,
}

/// A change.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a change, as a map with at least `repo`")]
#[schemars(extend("required" = ["repo"]))]
pub(crate) struct Change {
    /// The repo it changes; one that is not in the workspace is not managed.
    pub(crate) repo: Field<Id<RepoName>>,
    /// The branch it is to land on; left out: the repo's.
    pub(crate) branch: Field<Id<BranchName>>,
    /// What it touches, as paths of the repo.
    pub(crate) files: Field<List<String>>,
    /// What its text says it depends on: names of changes, or texts that name none.
    pub(crate) depends_on: Field<List<String>>,
    /// The change whose commits it stands on.
    pub(crate) parent: Field<Id<ChangeId>>,
    /// Changes that it cannot be merged with.
    pub(crate) conflicts: Field<List<Id<ChangeId>>>,
    /// The configuration as it is with the change, a whole `crossgate.yaml`; left out: it does not touch it.
    pub(crate) workspace: Field<Box<WorkspaceFile>>,
}

impl Broken for Change {
    fn broken() -> Self {
        Self { repo: Field::Bad, ..Self::default() }
    }
}

/// Builds at once, by kind of runner; 0: no limit.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "numbers of builds, as a map")]
pub(crate) struct Slots {
    /// Of a runner that is not listed; no limit if left out.
    pub(crate) default: Field<u32>,
    /// Of the runner `local`.
    pub(crate) local: Field<u32>,
    /// Of the runner `agent`.
    pub(crate) agent: Field<u32>,
    /// Of the runner `actions`.
    pub(crate) actions: Field<u32>,
    /// Of the runner `webhook`.
    pub(crate) webhook: Field<u32>,
    /// Of the runner `report`.
    pub(crate) report: Field<u32>,
}

/// What builds say; a key that is left out matches all.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a rule, as a map with at least `result`")]
#[schemars(extend("required" = ["result"]))]
pub(crate) struct Rule {
    /// The job, with or without its matrix values.
    pub(crate) job: Field<Id<JobName>>,
    /// The driver.
    pub(crate) driver: Field<Id<DriverName>>,
    /// The change that is judged; its baselines match too.
    pub(crate) change: Field<Id<ChangeId>>,
    /// Changes that are all in the tree, landed or not.
    pub(crate) with: Field<List<Id<ChangeId>>>,
    /// Changes none of which is in the tree.
    pub(crate) without: Field<List<Id<ChangeId>>>,
    /// Why the build runs.
    pub(crate) purpose: Field<Purpose>,
    /// The n-th build of this job for the change on this tree.
    #[schemars(range(min = 1))]
    pub(crate) attempt: Field<u32>,
    /// The revision of the change that is judged.
    #[schemars(range(min = 1))]
    pub(crate) revision: Field<u32>,
    /// What the build says.
    pub(crate) result: Field<Said>,
    /// After how long; left out: the job's duration.
    pub(crate) after: Field<Moment>,
    /// When the running build says that it is going to fail; left out: not before its end.
    pub(crate) early: Field<Moment>,
    /// What the failure looks like: equal texts are equal signatures.
    pub(crate) signature: Field<String>,
    /// Why, for `infra` and `lost`.
    pub(crate) reason: Field<String>,
}

/// How landings of a change go.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a rule, as a map with `change` and `result`")]
#[schemars(extend("required" = ["change", "result"]))]
pub(crate) struct Landing {
    /// The change.
    pub(crate) change: Field<Id<ChangeId>>,
    /// How.
    pub(crate) result: Field<LandingResult>,
    /// For how many tries; left out: once for `refused`, every time for the others.
    pub(crate) times: Field<u32>,
}

/// What the trust ledger knows of a job.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a record, as a map with at least `job` and `runs`")]
#[schemars(extend("required" = ["job", "runs"]))]
pub(crate) struct History {
    /// The driver; left out: the job is a repo's own.
    pub(crate) driver: Field<Id<DriverName>>,
    /// The job, with or without its matrix values.
    pub(crate) job: Field<Id<JobName>>,
    /// Builds that said something of their tree.
    pub(crate) runs: Field<u32>,
    /// Of these, failures that repetition did not bear out; 0 if left out.
    pub(crate) flakes: Field<u32>,
    /// Verdicts that blamed a change and were passed over or withdrawn; 0 if left out.
    pub(crate) false_failures: Field<u32>,
    /// 95th percentile of the time to an answer.
    pub(crate) p95: Field<Span>,
}

/// Something that happens, or a bare time, at which nothing does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "crossgate-kind", rename_all = "kebab-case", expecting = "an event, as a map")]
#[schemars(rename = "Event", untagged)]
pub(crate) enum Event {
    /// A bare time.
    Text(Moment),
    /// An event.
    Map(Box<Occurrence>),
}

/// Something that happens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an event, as a map with at least `do`")]
pub(crate) struct Occurrence {
    /// When, since the start; left out: at the time of the event before.
    pub(crate) at: Field<Moment>,
    /// What; left out: nothing, if only the time is given.
    pub(crate) r#do: Field<Do>,
    /// Who does it; `a reviewer` if left out.
    pub(crate) by: Field<String>,
    /// The change.
    pub(crate) change: Field<Id<ChangeId>>,
    /// For `edit`: what the change's text says now that it depends on.
    pub(crate) depends_on: Field<List<String>>,
    /// For `comment`: the comment.
    pub(crate) text: Field<String>,
    /// For `push`: what the change touches now; left out: the same as before.
    pub(crate) files: Field<List<String>>,
    /// For `tip`, `hold` and `resume`: the repo.
    pub(crate) repo: Field<Id<RepoName>>,
    /// For `tip`: the branch; left out: the repo's.
    pub(crate) branch: Field<Id<BranchName>>,
    /// For `configure`: the configuration from now on, a whole `crossgate.yaml`.
    pub(crate) workspace: Field<Box<WorkspaceFile>>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Do {
    /// A change is proposed, and is to be checked.
    Open,
    /// A change is approved, and is to land.
    Approve,
    /// An approval is withdrawn.
    Unapprove,
    /// A change gets a new revision.
    Push,
    /// A change is closed.
    Close,
    /// A closed change is opened again.
    Reopen,
    /// What a change's text says it depends on is edited.
    Edit,
    /// Somebody comments on a change; `/check`, `/approve`, `/unapprove`, `/waive`, `/dequeue`, `/promote`, `/hold` and
    /// `/resume` at the start of a line are commands.
    Comment,
    /// An operator moves a change to the front of its queue.
    Promote,
    /// An operator takes a change out of its queue.
    Dequeue,
    /// An operator holds a change, a repo's queue, or everything.
    Hold,
    /// An operator ends a hold.
    Resume,
    /// Somebody pushes to a branch without the gate; with `change`, that change got there so.
    Tip,
    /// The configuration is replaced.
    Configure,
    /// The process dies and comes back.
    Restart,
    /// Nothing; time passes.
    Wait,
}

words! {
    /// What a build says.
    Said => core::Said {
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
    /// Why a build runs.
    Purpose => build::Purpose {
        /// The change as proposed, on the tree it would land on.
        Candidate,
        /// The same job on the same tree without the change.
        Baseline,
        /// A repetition that tells a flake from a failure.
        Confirm,
    }
    /// How a try to land goes.
    LandingResult => core::LandingResult {
        /// The forge refuses and may not the next time.
        Refused,
        /// The forge refuses for good.
        Rejected,
        /// The forge says that it failed, and the change is on the branch.
        Unheard,
        /// The branch holds another tree than the one tested.
        Differs,
    }
}
