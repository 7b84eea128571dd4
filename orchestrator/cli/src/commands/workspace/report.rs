//! What became of each repo: a line each, what failed at the end, and the exit status.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use crossgate_server::error::Error;
use crossgate_vcs::{ErrorKind, VcsError};
use serde::Serialize;

use super::checkouts::{Checkout, Checkouts};
use crate::error::{CliError, Exit, chain};
use crate::printer::{CYAN, DIM, Printer, RED, styled};

/// Why something was not done in one checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    text: String,
    hint: Option<String>,
    #[serde(skip)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The checkout is not as it must be.
    No,
    /// Git, the network or the disk.
    Environment,
    /// A bug of ours.
    Internal,
    /// It was not waited for.
    Interrupted,
}

impl Failure {
    /// The checkout is not as it must be.
    pub(super) fn no(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: Some(hint.into()), kind: Kind::No }
    }

    /// A file, or a process.
    pub(super) fn io(what: impl Display, error: &std::io::Error) -> Self {
        Self { text: format!("{what}: {error}"), hint: None, kind: Kind::Environment }
    }

    pub(super) fn internal(error: &impl Display) -> Self {
        Self { text: error.to_string(), hint: None, kind: Kind::Internal }
    }

    pub(super) fn interrupted() -> Self {
        Self { text: "interrupted".to_owned(), hint: None, kind: Kind::Interrupted }
    }

    fn is_interrupted(&self) -> bool {
        self.kind == Kind::Interrupted
    }
}

impl From<VcsError> for Failure {
    fn from(error: VcsError) -> Self {
        let text = chain(&error);
        let hint = if matches!(error, VcsError::Dirty { .. }) {
            Some("commit the work, or put it away with `git stash`".to_owned())
        } else if matches!(error, VcsError::Occupied { .. }) {
            Some("move it away, or set the repo's `path:`".to_owned())
        } else {
            None
        };
        let kind = match error.kind() {
            ErrorKind::User => Kind::No,
            ErrorKind::Environment => Kind::Environment,
            ErrorKind::Internal => Kind::Internal,
        };
        Self { text, hint, kind }
    }
}

/// What became of each of some checkouts.
#[derive(Debug)]
pub(super) struct Report<'a, T> {
    root: &'a Path,
    rows: Vec<(&'a Arc<Checkout>, Result<T, Failure>)>,
}

#[derive(Serialize)]
struct Row<'a, T> {
    repo: &'a str,
    path: &'a Path,
    #[serde(flatten)]
    result: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
}

#[derive(Serialize)]
struct Output<'a, T> {
    repos: Vec<Row<'a, T>>,
    failed: usize,
    interrupted: bool,
}

impl<'a, T: Serialize> Report<'a, T> {
    /// Takes the results, in the order of the checkouts.
    pub(super) fn new(checkouts: &'a Checkouts, results: Vec<Result<T, Failure>>) -> Self {
        Self { root: &checkouts.root, rows: checkouts.selected.iter().zip(results).collect() }
    }

    /// Returns the results that are there.
    pub(super) fn results(&self) -> impl Iterator<Item = (&Checkout, &T)> {
        self.rows.iter().filter_map(|(checkout, result)| Some((&***checkout, result.as_ref().ok()?)))
    }

    fn failures(&self) -> impl Iterator<Item = (&Checkout, &Failure)> {
        let failures =
            self.rows.iter().filter_map(|(checkout, result)| Some((&***checkout, result.as_ref().err()?)));
        failures.filter(|(_, failure)| !failure.is_interrupted())
    }

    /// Returns each failure once, with the repos that have it: a network that is down should be told once.
    fn alike(&self) -> Vec<(&Failure, Vec<&str>)> {
        let mut alike: Vec<(&Failure, Vec<&str>)> = Vec::new();
        for (checkout, failure) in self.failures() {
            let name = checkout.name.as_str();
            match alike.iter_mut().find(|(known, _)| *known == failure) {
                Some((_, names)) => names.push(name),
                None => alike.push((failure, vec![name])),
            }
        }
        alike
    }

    fn unfinished(&self) -> usize {
        let interrupted = |result: &Result<T, Failure>| result.as_ref().is_err_and(Failure::is_interrupted);
        self.rows.iter().filter(|(_, result)| interrupted(result)).count()
    }

    /// Prints a line for each, in the words given, or all as JSON.
    pub(super) fn print(
        &self,
        printer: &mut Printer,
        words: impl Fn(&Checkout, &T) -> String,
    ) -> Result<(), CliError> {
        if printer.is_json() {
            return printer.json(&self.output());
        }
        let width = self.rows.iter().map(|(checkout, _)| checkout.name.as_str().len()).max().unwrap_or(0);
        for (checkout, result) in &self.rows {
            let words = match result {
                Ok(done) => words(checkout, done),
                Err(failure) if failure.is_interrupted() => styled(DIM, "not done"),
                Err(_) => styled(RED, "failed"),
            };
            printer.line(format_args!("{:<width$}  {words}", checkout.name))?;
        }
        Ok(())
    }

    fn output(&self) -> Output<'_, T> {
        let rows = self.rows.iter().map(|(checkout, result)| Row {
            repo: checkout.name.as_str(),
            path: checkout.dir.strip_prefix(self.root).unwrap_or(&checkout.dir),
            result: result.as_ref().ok(),
            error: result.as_ref().err(),
        });
        Output { repos: rows.collect(), failed: self.failures().count(), interrupted: self.unfinished() > 0 }
    }

    /// Tells what failed and why, and returns how the command ends.
    ///
    /// # Errors
    /// [`Error::Interrupted`], an internal error or one of the environment, if one of the checkouts had it.
    pub(super) fn conclude(&self, printer: &mut Printer) -> Result<Exit, CliError> {
        let (failed, all) = (self.failures().count(), self.rows.len());
        for (Failure { text, hint, .. }, names) in self.alike() {
            printer.tell(format_args!("{} {}: {text}", styled(RED.bold(), "failed:"), names.join(", ")))?;
            if let Some(hint) = hint {
                printer.tell(format_args!("  {} {hint}", styled(CYAN, "hint:")))?;
            }
        }
        let has = |kind| self.failures().any(|(_, failure)| failure.kind == kind);
        let text = format!("{failed} of {all} repos failed");
        match self.unfinished() {
            0 if has(Kind::Internal) => Err(CliError::internal(anyhow::anyhow!(text))),
            0 if has(Kind::Environment) => Err(CliError::Environment { text, hint: None }),
            0 if failed > 0 => {
                printer.tell(text)?;
                Ok(Exit::No)
            }
            0 => Ok(Exit::Fine),
            // Whoever left has read enough.
            _ if printer.reader_is_gone() => Ok(Exit::Fine),
            unfinished => {
                printer.tell(format_args!("{unfinished} of {all} repos were not waited for"))?;
                Err(Error::Interrupted.into())
            }
        }
    }
}
