//! What came out of a scenario, in the shape that `--format json` prints.

use std::collections::BTreeMap;

use crossgate_core::build::Purpose;
use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

/// The words of verdicts.
const VERDICTS: [&str; 11] = [
    "passed",
    "regressed",
    "broken-before",
    "broken-differently",
    "fixed",
    "flaky",
    "infra",
    "absent",
    "not-applicable",
    "waived",
    "unknown",
];

/// Returns the JSON Schema of [`Outcome`], in draft 2020-12.
pub fn outcome_schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Outcome>()
        .to_value()
}

/// Everything that came out. Times are since the start, in the units of the configuration: `1h30m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Crossgate scenario outcome")]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// When nothing was left to do.
    pub ended: String,
    /// What landed, in order.
    pub landed: Vec<LandedLine>,
    /// Every change of the scenario.
    #[schemars(with = "BTreeMap<String, ChangeLine>")]
    pub changes: BTreeMap<ChangeId, ChangeLine>,
    /// Every build that started, in the order in which they did.
    pub builds: Vec<BuildLine>,
    /// Every verdict that was reached, the last for each change, driver and job.
    pub verdicts: Vec<VerdictLine>,
    /// Every report, in order.
    pub reports: Vec<ReportLine>,
    /// The changes that are on each repo's branch at the end, in the order in which they landed.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub tips: BTreeMap<RepoName, Vec<ChangeId>>,
    /// What each item and build waited for and why, in the order in which the waits began.
    pub waits: Vec<Waiting>,
    /// Branches on which nothing lands until somebody looks, with why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub frozen: BTreeMap<RepoName, String>,
}

/// A change that landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LandedLine {
    /// Which.
    #[schemars(with = "String")]
    pub change: ChangeId,
    /// When.
    pub at: String,
}

/// How a change stands at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangeLine {
    /// Whether it is open.
    pub state: StateWord,
    /// What the gate came to.
    pub gate: GateWord,
    /// Why.
    pub reason: String,
    /// How many reports it got.
    pub reports: usize,
}

/// Whether a change is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StateWord {
    /// Nobody proposed it yet.
    Unopened,
    /// It is open.
    Open,
    /// It was closed without landing.
    Closed,
    /// It is part of its branch.
    Landed,
}

/// What the gate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GateWord {
    /// It landed.
    Landed,
    /// A verdict stands against it.
    Failed,
    /// It does not merge.
    Conflict,
    /// What it depends on did not land.
    Dependency,
    /// What put it there is gone.
    Removed,
    /// It is in the gate, or waits to enter it.
    Waiting,
    /// It never came near the gate.
    None,
}

/// A build that started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BuildLine {
    /// The job.
    #[schemars(with = "String")]
    pub job: JobName,
    /// The driver, if the job belongs to one.
    #[schemars(with = "Option<String>")]
    pub driver: Option<DriverName>,
    /// The change that is judged.
    #[schemars(with = "String")]
    pub change: ChangeId,
    /// The change's revision.
    pub revision: u32,
    /// For which pipeline.
    pub pipeline: PipelineWord,
    /// Why it ran.
    #[schemars(with = "String", extend("enum" = ["candidate", "baseline", "confirm"]))]
    pub purpose: Purpose,
    /// The n-th build of this job for the change on this tree, whatever its purpose, from 1.
    pub attempt: u32,
    /// The unmerged changes in its tree, in merge order.
    #[schemars(with = "Vec<String>")]
    pub with: Vec<ChangeId>,
    /// When it started.
    pub started: String,
    /// When it ended; null: it still runs.
    pub ended: Option<String>,
    /// What it said; null: it still runs.
    #[schemars(extend("enum" = ["pass", "fail", "infra", "timeout", "lost", "cancelled", null]))]
    pub outcome: Option<&'static str>,
}

/// A pipeline's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineWord {
    /// Tests, and votes.
    Check,
    /// Tests, then lands.
    Gate,
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictLine {
    /// The change.
    #[schemars(with = "String")]
    pub change: ChangeId,
    /// The driver, if the job belongs to one.
    #[schemars(with = "Option<String>")]
    pub driver: Option<DriverName>,
    /// The job.
    #[schemars(with = "String")]
    pub job: JobName,
    /// The pipeline in which it was reached.
    pub pipeline: PipelineWord,
    /// The verdict's word.
    #[schemars(extend("enum" = VERDICTS))]
    pub verdict: &'static str,
    /// What a red of the job means; null: the job does not run.
    #[schemars(extend("enum" = ["gating", "advisory", "silent", null]))]
    pub vote: Option<&'static str>,
    /// What the verdict rests on, in words: why, or of `waived` what was passed over, by whom, until when and why; null: the word
    /// says all.
    pub detail: Option<String>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportLine {
    /// On which change.
    #[schemars(with = "String")]
    pub change: ChangeId,
    /// Of which pipeline.
    pub pipeline: PipelineWord,
    /// When.
    pub at: String,
    /// What it says.
    pub state: ReportWord,
    /// Why, for people.
    pub text: String,
}

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportWord {
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

/// What something waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiting {
    /// The change.
    #[schemars(with = "String")]
    pub change: ChangeId,
    /// The pipeline; null: it is in none yet.
    pub pipeline: Option<PipelineWord>,
    /// The driver, if a job of one waits.
    #[schemars(with = "Option<String>")]
    pub driver: Option<DriverName>,
    /// The job; null: the change as a whole waits.
    #[schemars(with = "Option<String>")]
    pub job: Option<JobName>,
    /// For what and why, as one sentence without a full stop.
    pub on: String,
    /// Since when.
    pub since: String,
    /// Until when; null: it still waits.
    pub until: Option<String>,
}
