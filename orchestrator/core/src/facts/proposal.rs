//! Changes as their forge has them, and what people decided about them.

use std::sync::Arc;
use std::time::Duration;

use super::{Configuration, ReportState};
use crate::change::Change;
use crate::ids::{ChangeId, DriverName, JobName, Timestamp};

/// A change that was heard of.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Its latest revision.
    pub change: Arc<Change>,
    /// Whether it is open: what has landed is not.
    pub open: bool,
    /// Whether it was not open yet.
    pub draft: bool,
    /// What it asks for that cannot be, each with a way out.
    pub errors: Vec<String>,
    /// The configuration as it is with the change; `None`: it does not touch it.
    pub configuration: Option<Configuration>,
    /// Whether it is to be checked.
    pub check: Checking,
    /// Whether it is to land.
    pub approval: Option<Approval>,
    /// Whether it is part of its branch.
    pub landed: bool,
    /// What the gate came to the last time.
    pub gate: Option<Ended>,
    /// The jobs that the gate failed this revision for, each with its runs: if it passes them after all, it was not to blame.
    pub blamed: Vec<(Option<DriverName>, JobName, u32)>,
    /// Why it was last refused before it entered a pipeline.
    pub refused: Option<String>,
    /// By whom it was last taken out of the gate, while it is in there.
    pub dequeued: Option<String>,
}

/// Whether a change is to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checking {
    /// Nobody asked.
    Unasked,
    /// It is to be checked, or is being.
    Due,
    /// It was checked.
    Done,
}

/// Somebody's word that a change is to land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Tells which of two that were given at one moment came first.
    pub number: u64,
    /// Whether the gate has come to an end with it.
    pub used: bool,
}

/// What the gate came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What was reported.
    pub state: ReportState,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Tells whether an approval given at the same moment came before it: then its number is not greater.
    pub number: u64,
}

/// Somebody's decision to pass over what a driver says of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Which change.
    pub change: ChangeId,
    /// Which driver.
    pub driver: DriverName,
    /// Which of its jobs; `None`: all.
    pub job: Option<JobName>,
    /// Whose decision.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

impl Waiver {
    /// How long a waiver holds that does not say.
    pub const TERM: Duration = Duration::from_hours(7 * 24);
}

impl Proposal {
    pub(super) fn new(change: Arc<Change>) -> Self {
        Self {
            change,
            open: false,
            draft: true,
            errors: Vec::new(),
            configuration: None,
            check: Checking::Unasked,
            approval: None,
            landed: false,
            gate: None,
            blamed: Vec::new(),
            refused: None,
            dequeued: None,
        }
    }

    /// Returns the approval that the gate has not used up.
    pub fn standing_approval(&self) -> Option<&Approval> {
        self.approval.as_ref().filter(|approval| !approval.used)
    }
}
