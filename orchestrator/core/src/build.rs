//! Builds: what is asked of a runner, and the outcome that comes back.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{
    BuildId, BuildKey, CacheName, ChangeId, CommitId, DriverName, JobName, RepoName, Timestamp, TreeId,
};

/// Why a build runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The change as proposed, on the tree it would land on.
    Candidate,
    /// The same job on the same tree without the change.
    Baseline,
    /// A repetition that tells a flake from a failure.
    Confirm,
}

/// What a build says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// Every step succeeded.
    Pass,
    /// A step failed by its own judgement.
    Fail(Failure),
    /// What runs the build failed, not what was built.
    Infra {
        /// What failed, for people.
        reason: String,
    },
    /// The build's time was used up.
    Timeout {
        /// The bound, in seconds.
        limit_s: u64,
    },
    /// The runner was not heard of again.
    Lost {
        /// What is known, for people.
        reason: String,
    },
    /// It was ended because its result was no longer wanted.
    Cancelled,
}

/// How a build failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed, from 1.
    pub step: u32,
    /// How the step ended.
    pub exit: Exit,
    /// What the failure looks like; equal for failures that look the same.
    pub signature: Signature,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// With a status, from 0 to 255.
    Status(i32),
    /// By a signal, such as 9.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What a failure looks like, without what differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature {
    /// 16 hexadecimal digits over the lines.
    pub digest: String,
    /// The normalised lines, at most 20, the most telling first.
    pub lines: Vec<String>,
}

/// One repo of a tree: the commit a build sees and its git tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RepoState {
    /// The commit, landed or speculative.
    pub commit: CommitId,
    /// The git tree of that commit.
    pub tree: TreeId,
}

/// What a runner is to do: everything it needs, frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// The build's id.
    pub id: BuildId,
    /// What the build is a function of.
    pub key: BuildKey,
    /// The change that is judged.
    pub change: ChangeId,
    /// Why it runs.
    pub purpose: Purpose,
    /// The try, from 1.
    pub attempt: u32,
    /// The driver, if the job belongs to one.
    pub driver: Option<DriverName>,
    /// The repo in which the steps run.
    pub repo: RepoName,
    /// The job's name.
    pub job: JobName,
    /// What it keeps for the next build that uses the same cache.
    pub cache: CacheName,
    /// The repos that stand side by side for the build, each at its state.
    pub tree: BTreeMap<RepoName, RepoState>,
    /// The commands, rendered, in order; each is given to `sh -e`.
    pub steps: Vec<String>,
    /// Variables of the environment beside the runner's own.
    pub variables: BTreeMap<String, String>,
    /// How long all steps may take together.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// Whether the steps may use the network.
    pub network: bool,
    /// Files to keep, as paths in the repo in which the steps run.
    pub artifacts: Vec<String>,
}

/// A duration as milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// A build that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When the first step started.
    pub started: Timestamp,
    /// When the outcome was known.
    pub ended: Timestamp,
    /// What the build says.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Outcome {
    /// Returns the outcome's one word, as in the glossary.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Infra { .. } => "infra",
            Self::Timeout { .. } => "timeout",
            Self::Lost { .. } => "lost",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Purpose {
    /// Returns the purpose's one word, as in the glossary.
    pub fn word(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Baseline => "baseline",
            Self::Confirm => "confirm",
        }
    }
}
