//! Why a job runs or does not: the links of the chain from a changed path to the setting that decided.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::ids::{JobName, RepoName};
use crate::ledger::BelowBar;
use crate::workspace::{Mode, Origin, Setting};

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the text that each variant prints says what its fields are")]
pub enum Reason {
    /// The change touches a repo.
    Touched { repo: RepoName, path: Option<String>, more: usize },
    /// A changed path is the driver's own.
    PathTouched { path: String, glob: String, at: Origin },
    /// A changed path belongs to no driver of the repo, so it may concern all.
    SharedPath { path: String, repo: RepoName },
    /// The driver's repo is built with the changed one: each repo of the chain, with the line that makes it the next.
    Behind { changed: RepoName, chain: Vec<Setting<RepoName>> },
    /// The driver's repo is not built with the changed one.
    NotBehind { changed: RepoName, repo: RepoName },
    /// None of the changed paths is the driver's.
    PathsNotTouched { paths: Vec<String>, at: Origin },
    /// Always gates changes of this repo.
    Sanity { at: Origin },
    /// The driver's own stance.
    Mode { mode: Mode, at: Origin },
    /// The opt-in has ended.
    OptInExpired { until: jiff::civil::Date, at: Origin },
    /// It has not earned to gate.
    BelowBar { lack: BelowBar },
    /// Listed for changes of its own.
    OwnChanges { at: Origin },
    /// Listed for common changes.
    CommonChanges { at: Origin },
    /// Nothing is listed.
    NoJobs,
    /// A path that the job asks for is changed.
    FileMatches { path: String, glob: String, at: Origin },
    /// No path that the job asks for is changed.
    NoFileMatches { at: Origin },
    /// Every changed path is to be ignored.
    AllIgnored { at: Origin },
    /// Another job cannot do without it.
    NeededBy { job: JobName, at: Origin },
    /// It cannot do without a job that does not run.
    NeedSkipped { job: JobName, at: Origin },
}

impl Reason {
    /// Returns the kind's one word, stable for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Touched { .. } => "touched",
            Self::PathTouched { .. } => "path-touched",
            Self::SharedPath { .. } => "shared-path",
            Self::Behind { .. } => "behind",
            Self::NotBehind { .. } => "not-behind",
            Self::PathsNotTouched { .. } => "paths-not-touched",
            Self::Sanity { .. } => "sanity",
            Self::Mode { .. } => "mode",
            Self::OptInExpired { .. } => "opt-in-expired",
            Self::BelowBar { .. } => "below-bar",
            Self::OwnChanges { .. } => "own-changes",
            Self::CommonChanges { .. } => "common-changes",
            Self::NoJobs => "no-jobs",
            Self::FileMatches { .. } => "file-matches",
            Self::NoFileMatches { .. } => "no-file-matches",
            Self::AllIgnored { .. } => "all-ignored",
            Self::NeededBy { .. } => "needed-by",
            Self::NeedSkipped { .. } => "need-skipped",
        }
    }

    /// Returns the setting it rests on, if it rests on one.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::PathTouched { at, .. }
            | Self::PathsNotTouched { at, .. }
            | Self::Sanity { at }
            | Self::Mode { at, .. }
            | Self::OptInExpired { at, .. }
            | Self::OwnChanges { at }
            | Self::CommonChanges { at }
            | Self::FileMatches { at, .. }
            | Self::NoFileMatches { at }
            | Self::AllIgnored { at }
            | Self::NeededBy { at, .. }
            | Self::NeedSkipped { at, .. } => Some(at),
            Self::Behind { chain, .. } => chain.last().map(|next| &next.at),
            Self::Touched { .. }
            | Self::SharedPath { .. }
            | Self::NotBehind { .. }
            | Self::NoJobs
            | Self::BelowBar { .. } => None,
        }
    }

    /// Writes the text without the place of the setting.
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Touched { repo, path: None, .. } => write!(f, "{repo} changes, but none of its files"),
            Self::Touched { repo, path: Some(path), more: 0 } => write!(f, "{path} changes in {repo}"),
            Self::Touched { repo, path: Some(path), more } => {
                write!(f, "{path} and {more} more change in {repo}")
            }
            Self::PathTouched { path, glob, .. } => write!(f, "{path} is the driver's (`{glob}`)"),
            Self::SharedPath { path, repo } => {
                write!(f, "{path} belongs to no driver of {repo}, so it concerns all")
            }
            Self::Behind { changed, chain } => {
                write!(f, "built with it: {changed}")?;
                chain.iter().try_for_each(|next| write!(f, " → {}", next.value))
            }
            Self::NotBehind { changed, repo } => write!(f, "{repo} is not built with {changed}"),
            Self::PathsNotTouched { paths, .. } => {
                write!(f, "no changed path is the driver's (`{}`)", paths.join("`, `"))
            }
            Self::Sanity { .. } => f.write_str("sanity driver: gates every change of the repo"),
            Self::Mode { mode: Mode::Off, .. } => f.write_str("opted out of common changes (mode off)"),
            Self::Mode { mode, .. } => write!(f, "mode {}", mode.word()),
            Self::OptInExpired { until, .. } => {
                write!(f, "its opt-in ended on {until}, so it acts as advisory")
            }
            Self::BelowBar { lack } => write!(f, "acts as advisory until it has earned to gate: {lack}"),
            Self::OwnChanges { .. } => f.write_str("listed for own changes"),
            Self::CommonChanges { .. } => f.write_str("listed for common changes"),
            Self::NoJobs => f.write_str("no job is listed"),
            Self::FileMatches { path, glob, .. } => write!(f, "{path} is one of the job's files (`{glob}`)"),
            Self::NoFileMatches { .. } => f.write_str("no changed path is one of the job's files"),
            Self::AllIgnored { .. } => f.write_str("every changed path is to be ignored"),
            Self::NeededBy { job, .. } => write!(f, "needed by {job}"),
            Self::NeedSkipped { job, .. } => write!(f, "needs {job}, which does not run"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Behind { changed, chain } = self {
            // Each step of the way has a line of its own.
            write!(f, "built with it: {changed}")?;
            return chain.iter().try_for_each(|next| write!(f, " → {} [{}]", next.value, next.at));
        }
        self.text(f)?;
        match self.origin() {
            Some(at @ Origin::File { .. }) => write!(f, " [{at}]"),
            Some(Origin::Default) => f.write_str(" [default]"),
            None => Ok(()),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Text<'a>(&'a Reason);
        impl fmt::Display for Text<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.text(f)
            }
        }
        let mut link = serializer.serialize_struct("Reason", 3)?;
        link.serialize_field("kind", self.kind())?;
        link.serialize_field("text", &format_args!("{}", Text(self)).to_string())?;
        link.serialize_field("at", &self.origin())?;
        link.end()
    }
}
