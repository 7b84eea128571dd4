//! What can go wrong between a workspace on disk and a verdict.

use std::path::PathBuf;

use crossgate_config::Diagnostics;
use crossgate_core::change::DependencyError;
use crossgate_core::ids::{ChangeId, IdError, RepoName};
use crossgate_runner::RunnerError;
use crossgate_vcs::{ErrorKind, VcsError};

/// Whose business an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for, or the configuration, is wrong.
    Usage,
    /// Git, the disk, the network or the sandbox failed.
    Environment,
    /// A bug of ours.
    Internal,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration does not check.
    #[error("the configuration is not valid")]
    Config(#[from] Diagnostics),
    /// A name that is not in the workspace.
    #[error("there is no {what} `{name}` in the workspace")]
    Unknown {
        /// Of which kind the name is.
        what: &'static str,
        /// The name.
        name: String,
        /// One that is there and looks alike.
        nearest: Option<String>,
    },
    /// A repo of the workspace that is not on this machine.
    #[error("the repo `{repo}` is not here: expected a checkout at `{}`", expected.display())]
    Missing {
        /// Which.
        repo: RepoName,
        /// Where it was looked for.
        expected: PathBuf,
    },
    /// A repo without the branch that changes land on.
    #[error("`{repo}` has no branch `{branch}`")]
    NoTip {
        /// Which.
        repo: RepoName,
        /// The branch.
        branch: String,
    },
    /// A change's text names dependencies that are none.
    #[error("{change}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Dependencies {
        /// The change.
        change: ChangeId,
        /// What is wrong with them.
        errors: Vec<DependencyError>,
    },
    /// A dependency that only a forge could look up.
    #[error("{change} depends on {reference}, and this workspace has no forge to look it up")]
    NoForge {
        /// The change.
        change: ChangeId,
        /// The dependency.
        reference: String,
    },
    /// Changes that depend on each other.
    #[error("changes depend on each other: {}", .0.iter().map(ChangeId::as_str).collect::<Vec<_>>().join(" → "))]
    Cycle(Vec<ChangeId>),
    /// Too many dependencies behind each other.
    #[error("{change} has more than {limit} dependencies")]
    TooManyDependencies {
        /// The change.
        change: ChangeId,
        /// The bound.
        limit: usize,
    },
    /// A revision and a target that share no history.
    #[error("`{rev}` shares no history with `{branch}` of {repo}")]
    Unrelated {
        /// The repo.
        repo: RepoName,
        /// The revision.
        rev: String,
        /// The branch.
        branch: String,
    },
    /// The catalogue cannot be read.
    #[error("the catalogue `{}` cannot be read", path.display())]
    Catalogue {
        /// Its directory.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// A dependency that is not there.
    #[error("{change} depends on {dependency}, which is not there")]
    NoDependency {
        /// The change.
        change: ChangeId,
        /// What it names.
        dependency: ChangeId,
        /// A branch of that repo that looks alike.
        nearest: Option<String>,
    },
    /// A revision that cannot name a change.
    #[error(transparent)]
    Name(#[from] IdError),
    /// Git failed.
    #[error(transparent)]
    Vcs(#[from] VcsError),
    /// The runner failed.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// It was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Returns whose business it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Config(_)
            | Self::Unknown { .. }
            | Self::NoTip { .. }
            | Self::Dependencies { .. }
            | Self::NoForge { .. }
            | Self::Cycle(_)
            | Self::TooManyDependencies { .. }
            | Self::NoDependency { .. }
            | Self::Name(_)
            | Self::Unrelated { .. } => Kind::Usage,
            Self::Vcs(error) => match error.kind() {
                ErrorKind::User => Kind::Usage,
                ErrorKind::Environment => Kind::Environment,
                ErrorKind::Internal => Kind::Internal,
            },
            Self::Missing { .. } | Self::Catalogue { .. } | Self::Runner(_) | Self::Interrupted => {
                Kind::Environment
            }
            Self::Internal(_) => Kind::Internal,
        }
    }

    /// Returns the way out, if there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(name), .. } => Some(format!("did you mean `{name}`?")),
            Self::Unknown { .. } => Some("`crossgate graph` lists the repos and drivers".to_owned()),
            Self::Missing { .. } => Some("`crossgate workspace clone` fetches what is missing".to_owned()),
            Self::NoTip { repo, .. } => Some(format!(
                "set `branch:` of `{repo}` in crossgate.yaml to the branch that changes land on"
            )),
            Self::Dependencies { errors, .. } => errors.first().map(DependencyError::hint),
            Self::NoDependency { nearest: Some(name), .. } => Some(format!("did you mean `{name}`?")),
            Self::NoDependency { nearest: None, .. } => {
                Some("name a branch: `Depends-On: REPO@BRANCH`".to_owned())
            }
            Self::NoForge { .. } => Some("in a workspace, write `Depends-On: REPO@BRANCH`".to_owned()),
            Self::Cycle(_) => Some("take one of the `Depends-On:` lines out".to_owned()),
            Self::TooManyDependencies { .. } => Some("land some of them first".to_owned()),
            Self::Runner(error) => error.hint().map(str::to_owned),
            Self::Config(_)
            | Self::Unrelated { .. }
            | Self::Name(_)
            | Self::Catalogue { .. }
            | Self::Vcs(_)
            | Self::Interrupted
            | Self::Internal(_) => None,
        }
    }
}
