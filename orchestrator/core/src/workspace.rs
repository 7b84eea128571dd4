//! The checked configuration of a workspace: every name resolves, every list is expanded, every setting
//! knows the line that set it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::glob::Globs;
use crate::ids::{BranchName, DriverName, JobName, RepoName, SemaphoreName, SharedCache};

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Origin {
    /// Nobody set it: the built-in default.
    #[default]
    Default,
    /// A line of a file.
    File {
        /// The file, relative to the workspace; a repo's own file starts with the repo's name.
        file: Arc<str>,
        /// From 1.
        line: u32,
        /// From 1, in characters.
        column: u32,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, .. } => write!(f, "{file}:{line}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value and the place that set it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Setting<T> {
    /// What is set.
    pub value: T,
    /// By what.
    pub at: Origin,
}

impl<T> Setting<T> {
    /// Makes a setting that nobody set.
    pub fn default_of(value: T) -> Self {
        Self { value, at: Origin::Default }
    }
}

/// A whole workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// Its name, for people.
    pub name: String,
    /// Where changes live.
    pub forge: Forge,
    /// Every repo.
    pub repos: BTreeMap<RepoName, Repo>,
    /// What is particular to common and library repos: their own jobs and the sanity drivers.
    pub common: BTreeMap<RepoName, CommonRepo>,
    /// Every driver.
    pub drivers: BTreeMap<DriverName, Driver>,
    /// Every job; one with a matrix stands here once for each of its values.
    pub jobs: BTreeMap<JobName, Arc<Job>>,
    /// How the pipelines behave.
    pub pipelines: Pipelines,
    /// How many builds may hold each semaphore at once.
    pub semaphores: BTreeMap<SemaphoreName, u32>,
    /// How verdicts are reached.
    pub policy: Policy,
}

/// Where changes live.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forge {
    /// Only in the checkouts.
    #[default]
    None,
    /// Bare repos in a directory, relative to the workspace.
    Local {
        /// The directory.
        path: String,
    },
    /// Repos of one owner on GitHub.
    Github {
        /// The organisation or user.
        owner: String,
        /// The API's base address; `None` is the public one.
        api: Option<String>,
    },
}

/// What a repo is in its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The core that drivers are written against.
    Common,
    /// Something between the core and drivers.
    Library,
    /// Holds one driver or a set of them.
    Driver,
}

/// How a change becomes part of its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// By a merge commit.
    #[default]
    Merge,
    /// As one commit.
    Squash,
    /// Commit by commit on top.
    Rebase,
}

/// One git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repo {
    /// What it is.
    pub role: Role,
    /// The branch that changes land on unless they say otherwise.
    pub branch: BranchName,
    /// How changes land.
    pub merge: MergeMethod,
    /// The repos it is built with.
    pub depends_on: Vec<Setting<RepoName>>,
    /// Where to clone it from; `None`: the forge knows.
    pub url: Option<String>,
    /// Its checkout, relative to the workspace; `None`: a directory of its name.
    pub path: Option<String>,
    /// Words to select it by.
    pub labels: Vec<String>,
    /// The line that declares it.
    pub at: Origin,
}

/// What is particular to a common or library repo.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CommonRepo {
    /// Jobs run for its own changes, in the repo itself.
    pub own_changes: Setting<Vec<JobName>>,
    /// Drivers that gate its changes whatever their mode says.
    pub sanity: Setting<Vec<DriverName>>,
}

/// What a driver stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriverKind {
    /// One hypervisor node.
    #[default]
    Hypervisor,
    /// A cluster manager that owns many nodes.
    Cluster,
}

/// The unit of policy and of CI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Driver {
    /// The repo that holds it.
    pub repo: RepoName,
    /// The paths of that repo which are its own.
    pub paths: Setting<Globs>,
    /// What it stands before.
    pub kind: DriverKind,
    /// The version of the driver API it is written against.
    pub api: Option<u32>,
    /// Who answers for it.
    pub team: Team,
    /// Jobs run for changes of its own.
    pub own_changes: Setting<Vec<JobName>>,
    /// Its stance on common changes.
    pub common_changes: CommonChanges,
    /// What executes its builds.
    pub ci: Ci,
    /// Branches of common repos that are tested with another branch of this driver.
    pub branches: BTreeMap<BranchName, BranchName>,
    /// The line that declares it.
    pub at: Origin,
}

/// Who answers for a driver.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Team {
    /// Accounts and groups on the forge.
    pub reviewers: Vec<String>,
    /// An address.
    pub contact: Option<String>,
    /// Documentation of its CI: a path in the repo or an address.
    pub docs: Option<String>,
}

/// A driver's stance on common changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Not tested.
    Off,
    /// Tested, recorded, not reported.
    Silent,
    /// Tested and reported; blocks nothing.
    #[default]
    Advisory,
    /// Tested, reported, and a standing red blocks.
    Gating,
}

impl Mode {
    /// Returns the word that stands in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Silent => "silent",
            Self::Advisory => "advisory",
            Self::Gating => "gating",
        }
    }
}

/// What silence past the deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// The change waits for a human.
    Block,
    /// The change passes without this driver.
    #[default]
    Waive,
}

/// How a driver takes part in common changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CommonChanges {
    /// As the file says it; [`CommonChanges::stance`] is what it acts as.
    pub mode: Setting<Mode>,
    /// Jobs run for common changes.
    pub jobs: Setting<Vec<JobName>>,
    /// Common changes that touch nothing but these paths do not concern the driver.
    pub ignore: Setting<Globs>,
    /// How long an answer may take; `None`: as long as the jobs' timeouts allow.
    pub deadline: Option<Duration>,
    /// What silence past the deadline means.
    pub absent: Absent,
    /// The last day of the opt-in.
    pub until: Option<Setting<jiff::civil::Date>>,
}

impl CommonChanges {
    /// Returns the mode a driver acts in on a day: an expired opt-in to gating acts as advisory.
    pub fn stance(&self, today: jiff::civil::Date) -> Mode {
        let expired = self.until.as_ref().is_some_and(|until| until.value < today);
        if expired { self.mode.value.min(Mode::Advisory) } else { self.mode.value }
    }
}

/// What executes a driver's builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunnerKind {
    /// Child processes on this machine.
    #[default]
    Local,
    /// An outbound agent in a lab.
    Agent,
    /// A workflow on the forge.
    Actions,
    /// A signed request to another CI.
    Webhook,
    /// A CI that watches by itself and reports.
    Report,
}

/// How a driver's builds are executed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ci {
    /// By what.
    pub runner: Setting<RunnerKind>,
    /// Builds at once; `None`: as many as the runner has.
    pub slots: Option<u32>,
    /// For `actions`: the workflow file.
    pub workflow: Option<String>,
    /// For `webhook`: the address.
    pub url: Option<String>,
    /// For `report`: the context of its status or the name of its check.
    pub context: Option<String>,
}

/// A recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// With its matrix values.
    pub name: JobName,
    /// One sentence for people.
    pub description: Option<String>,
    /// Run only if one of these matches a changed path; empty: always.
    pub files: Setting<Globs>,
    /// Skip if every changed path matches one of these.
    pub ignore: Setting<Globs>,
    /// What must come first.
    pub needs: Vec<Setting<Need>>,
    /// Whether a red counts.
    pub voting: bool,
    /// Whether items behind wait in the gate until this job has passed.
    pub holds_followers: bool,
    /// How long all steps may take together.
    pub timeout: Duration,
    /// Tries in all, for infra and lost builds only; at least 1.
    pub attempts: u32,
    /// The values of this variant.
    pub matrix: BTreeMap<String, String>,
    /// What it must hold while it runs.
    pub semaphore: Option<SemaphoreName>,
    /// The cache that its builds use; `None`: one of its own.
    pub cache: Option<SharedCache>,
    /// Whether steps may use the network.
    pub network: bool,
    /// Names of secrets, given to builds of approved changes only.
    pub secrets: Vec<String>,
    /// Files to keep.
    pub artifacts: Vec<String>,
    /// Commands, as templates, in order.
    pub steps: Vec<Setting<String>>,
    /// The line that declares it.
    pub at: Origin,
}

/// A job that must come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Which.
    pub job: JobName,
    /// A soft need is only waited for; a hard one must pass.
    pub soft: bool,
}

/// How the pipelines behave.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Pipelines {
    /// Tests, then lands.
    pub gate: Gate,
    /// How often baselines and audits run; `None`: never.
    pub periodic_every: Option<Duration>,
}

/// How the gate behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Gate {
    /// How many items are tested at once.
    pub window: Window,
    /// Whether the first red ends an item.
    pub fail_fast: bool,
    /// Whether changes that depend on each other may land together.
    pub cycles: bool,
}

/// The bounds of the gate's window, in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// At the start; 0: no window.
    pub start: u32,
    /// Never below.
    pub floor: u32,
    /// Never above; 0: no bound.
    pub ceiling: u32,
    /// Added on each landing.
    pub grow: u32,
    /// Divided by on each failure.
    pub shrink: u32,
}

impl Window {
    /// Returns a size within the bounds.
    pub fn bounded(&self, size: u32) -> u32 {
        let most = if self.ceiling == 0 { u32::MAX } else { self.ceiling };
        size.max(self.floor).min(most)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self { start: 20, floor: 3, ceiling: 0, grow: 1, shrink: 2 }
    }
}

/// When a red is asked twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Never: every red is final at once.
    Off,
    /// While the evidence is undecided.
    #[default]
    Auto,
    /// Every time.
    Always,
}

/// The standing that a gating driver must have earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GatingRequires {
    /// Builds in its history.
    pub runs: u32,
    /// Largest share of false failures, in parts per million.
    pub false_failures_ppm: u32,
    /// Largest 95th percentile of its latency.
    pub p95: Option<Duration>,
}

/// How verdicts are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// When a red is asked twice.
    pub confirm: Confirm,
    /// The bar for gating; `None`: gating is gating.
    pub gating_requires: Option<GatingRequires>,
    /// How long a pass on an identical tree may be used again.
    pub reuse: Duration,
    /// Whether a rig that failed blocks a gating driver's vote.
    pub infra_blocks: bool,
    /// Whether a verdict without a baseline blocks a gating driver's vote.
    pub unknown_blocks: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            confirm: Confirm::Auto,
            gating_requires: None,
            reuse: Duration::from_hours(24),
            infra_blocks: true,
            unknown_blocks: true,
        }
    }
}

/// Returns the variable by which steps see a matrix value: `platform` as `MATRIX_PLATFORM`.
pub fn variable(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("MATRIX_{}", key.chars().map(plain).collect::<String>())
}

impl Workspace {
    /// Returns the drivers that a repo holds.
    pub fn drivers_of<'a>(
        &'a self,
        repo: &'a RepoName,
    ) -> impl Iterator<Item = (&'a DriverName, &'a Driver)> {
        self.drivers.iter().filter(move |(_, driver)| driver.repo == *repo)
    }
}
