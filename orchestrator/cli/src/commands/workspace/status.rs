//! `crossgate workspace status`: what is going on in each checkout.

use crossgate_vcs::{Head, InProgress, Status};
use serde::Serialize;

use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Pace, each_blocking};
use super::report::{Failure, Report};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{DIM, GREEN, Printer, YELLOW, styled};

/// Show branch, commits and uncommitted work of each repo
///
/// Ahead and behind are counted against the branch that changes land on, as it was last fetched.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "JSON, for each repo: `state` is `missing`, or `here` with
  head: { kind: branch|detached|unborn, name, commit }, target, ahead, behind,
  staged, modified, untracked, conflicted, in_progress: merge|rebase|cherry-pick|revert|bisect|apply|null")]
pub(crate) struct Args {
    /// Only these repos
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// What is found where a checkout should be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
enum Found {
    Here(Status),
    Missing,
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let checkouts = Checkouts::select(context, &args.repos, &args.which)?;
    let pace = Pace { doing: "reading", jobs: args.which.jobs() };
    let results = each_blocking(&checkouts.selected, pace, printer, look)?;
    let report = Report::new(&checkouts, results);
    let width = report.results().map(|(_, found)| place(found).chars().count()).max().unwrap_or(0);
    report.print(printer, |checkout, found| {
        format!("{:<width$}  {}", place(found), words(checkout, found)).trim_end().to_owned()
    })?;
    if !printer.is_json() {
        printer.note(summary(&report))?;
    }
    report.conclude(printer)
}

fn look(checkout: &Checkout) -> Result<Found, Failure> {
    if !checkout.is_here() {
        return Ok(Found::Missing);
    }
    Ok(Found::Here(crossgate_vcs::status(&checkout.dir, &checkout.repo.branch)?))
}

/// Says where a checkout stands.
fn place(found: &Found) -> String {
    match found {
        Found::Missing => "missing".to_owned(),
        Found::Here(Status { head: Head::Branch { name, .. }, .. }) => name.to_string(),
        Found::Here(Status { head: Head::Detached { commit }, .. }) => format!("at {}", commit.short()),
        Found::Here(Status { head: Head::Unborn { name }, .. }) => format!("{name} (no commit)"),
    }
}

fn words(checkout: &Checkout, found: &Found) -> String {
    let Found::Here(status) = found else {
        return styled(DIM, "`crossgate workspace clone` fetches it");
    };
    let target = &checkout.repo.branch;
    let counted = [
        (status.ahead, format!("ahead of {target}")),
        (status.behind, format!("behind {target}")),
        (status.conflicted, "in conflict".to_owned()),
        (status.staged, "staged".to_owned()),
        (status.modified, "modified".to_owned()),
        (status.untracked, "untracked".to_owned()),
    ];
    let mut parts: Vec<String> = counted
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    parts.extend(status.in_progress.map(|what| format!("in the middle of {}", step(what))));
    if status.target.is_none() {
        parts.push(format!("has no branch {target}"));
    }
    if parts.is_empty() { styled(GREEN, "clean") } else { styled(YELLOW, parts.join(", ")) }
}

fn step(what: InProgress) -> &'static str {
    match what {
        InProgress::Merge => "a merge",
        InProgress::Rebase => "a rebase",
        InProgress::CherryPick => "a cherry-pick",
        InProgress::Revert => "a revert",
        InProgress::Bisect => "a bisection",
        InProgress::Apply => "applying patches",
    }
}

fn summary(report: &Report<'_, Found>) -> String {
    let count = |holds: fn(&Status) -> bool| {
        let here =
            report.results().filter(|(_, found)| matches!(found, Found::Here(status) if holds(status)));
        here.count()
    };
    let here = count(|_| true);
    let counted = [
        (
            count(|status| status.staged + status.modified + status.conflicted + status.untracked > 0),
            "with work",
        ),
        (count(|status| status.ahead > 0), "ahead"),
        (count(|status| status.behind > 0), "behind"),
        (report.results().count() - here, "missing"),
    ];
    let parts =
        counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}"));
    format!("{here} here{}", parts.collect::<String>())
}
