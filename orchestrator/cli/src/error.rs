//! Why a command was not carried out, whose business that is, and the way out.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossgate_config::Diagnostics;
use crossgate_runner::{ArchiveError, RunnerError};
use crossgate_server::error::{Error, Kind};
use crossgate_vcs::VcsError;

use crate::printer::Printer;

/// Returns an error with its causes, in one line: what the system said is the last of them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    // A bound, should a cause ever lead to itself.
    let links = std::iter::successors(Some(error), |error| error.source()).take(8);
    links.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How a command ended that was carried out; of several, the last in this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Fine.
    Fine,
    /// There is no answer: what was needed for it failed on this machine.
    Unanswered,
    /// The answer is no.
    No,
    /// A part of what was asked for cannot be, which was told.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::from(0),
            Exit::Unanswered => Self::from(CliError::ENVIRONMENT),
            Exit::No => Self::from(1),
            Exit::Refused => Self::from(CliError::USAGE),
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// What was asked for cannot be.
    #[error("{text}")]
    Usage { text: String, hint: String },
    /// Something on this machine failed.
    #[error("{text}")]
    Environment { text: String, hint: Option<String> },
    /// A file or a directory.
    #[error("cannot use `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Whoever reads the output has gone.
    #[error("cannot print")]
    Output(#[source] io::Error),
    /// Below the command line.
    #[error(transparent)]
    Server(#[from] Error),
    /// A scenario file.
    #[error("not a scenario that can be played")]
    Scenario(#[source] Diagnostics),
    /// A bug of ours.
    #[error("{0}")]
    Internal(anyhow::Error),
}

impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Server(diagnostics.into())
    }
}

impl From<VcsError> for CliError {
    fn from(error: VcsError) -> Self {
        Self::Server(error.into())
    }
}

impl From<RunnerError> for CliError {
    fn from(error: RunnerError) -> Self {
        Self::Server(error.into())
    }
}

impl From<ArchiveError> for CliError {
    fn from(error: ArchiveError) -> Self {
        let hint = error.hint().map(ToString::to_string);
        let text = error.to_string();
        match error {
            ArchiveError::Unknown { .. } | ArchiveError::Ambiguous { .. } => {
                Self::Usage { text, hint: hint.unwrap_or_default() }
            }
            ArchiveError::Running { .. } | ArchiveError::Damaged { .. } | ArchiveError::Io { .. } => {
                Self::Environment { text, hint }
            }
        }
    }
}

impl CliError {
    /// The exit status of a command line that cannot be carried out.
    pub(crate) const USAGE: u8 = 2;
    /// The exit status when something on this machine failed.
    const ENVIRONMENT: u8 = 3;

    pub(crate) fn usage(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { text: text.into(), hint: hint.into() }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(error.into())
    }

    /// Returns the diagnostics of a configuration that does not check.
    pub(crate) fn diagnostics(&self) -> Option<&Diagnostics> {
        match self {
            Self::Server(Error::Config(diagnostics)) | Self::Scenario(diagnostics) => Some(diagnostics),
            Self::Server(_)
            | Self::Usage { .. }
            | Self::Environment { .. }
            | Self::Io { .. }
            | Self::Output(_)
            | Self::Internal(_) => None,
        }
    }

    /// Returns the way out, if there is one to name.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => Some(hint.clone()).filter(|hint| !hint.is_empty()),
            Self::Environment { hint, .. } => hint.clone(),
            Self::Server(error) => error.hint(),
            Self::Internal(_) => {
                Some("this is a bug: please report it with the command and its output".to_owned())
            }
            Self::Io { .. } | Self::Output(_) | Self::Scenario(_) => None,
        }
    }

    /// Returns the exit status.
    fn status(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Scenario(_) => Self::USAGE,
            Self::Environment { .. } | Self::Io { .. } | Self::Output(_) => Self::ENVIRONMENT,
            Self::Server(Error::Interrupted) => 130,
            Self::Server(error) => match error.kind() {
                Kind::Usage => Self::USAGE,
                Kind::Environment => Self::ENVIRONMENT,
                Kind::Internal => 4,
            },
            Self::Internal(_) => 4,
        }
    }

    /// Says it, and returns the exit status.
    pub(crate) fn report(&self, printer: &mut Printer) -> ExitCode {
        // Nobody is left to tell if stderr is gone.
        drop(printer.error(self));
        ExitCode::from(self.status())
    }
}
