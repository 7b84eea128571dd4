//! Plans and changes in the shape that programs read.

use std::sync::Arc;

use crossgate_core::change::Change;
use crossgate_core::ids::{DriverName, JobName};
use crossgate_core::plan::{Plan, Vote};
use crossgate_core::reason::Reason;
use serde::Serialize;

/// The plan of one change, for programs.
#[derive(Serialize)]
pub(crate) struct PlanView<'a> {
    change: &'a Change,
    with: Vec<&'a str>,
    jobs: Vec<EntryView<'a>>,
}

/// One job of a plan, for programs.
#[derive(Serialize)]
struct EntryView<'a> {
    driver: Option<&'a str>,
    repo: &'a str,
    job: Option<&'a str>,
    runs: bool,
    vote: Option<Vote>,
    reasons: &'a [Reason],
}

/// Returns a plan in the shape that programs read.
///
/// `ahead` is what the change depends on, in merge order.
pub(crate) fn plan_view<'a>(change: &'a Change, ahead: &'a [Arc<Change>], plan: &'a Plan) -> PlanView<'a> {
    let jobs = plan.entries.iter().map(|entry| EntryView {
        driver: entry.driver.as_ref().map(DriverName::as_str),
        repo: entry.repo.as_str(),
        job: entry.job_name().map(JobName::as_str),
        runs: entry.runs(),
        vote: entry.vote(),
        reasons: &entry.reasons,
    });
    let with = ahead.iter().map(|change| change.id.as_str()).collect();
    PlanView { change, with, jobs: jobs.collect() }
}
