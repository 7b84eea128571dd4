//! `crossgate workspace sync`: fetches, and moves what can be moved without touching anybody's work.

use std::sync::Arc;

use crossgate_vcs::{FastForward, Fetched, Head, VcsError};
use serde::Serialize;

use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Pace, Voice, each};
use super::report::{Failure, Report};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{DIM, GREEN, Printer, YELLOW, styled};

/// Fetch, and fast-forward what is clean and on the branch that changes land on
///
/// What is not moved says why; that is no failure. Uncommitted work and branches of your own are never touched.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "JSON, for each repo: fetched: { updated } or null without a remote, and `result`:
  moved (from, to, commits), up-to-date (ahead), no-target, elsewhere-checked-out (head), dirty,
  diverged (ahead, behind), refused (reason)")]
pub(crate) struct Args {
    /// Only these repos
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// What became of a checkout.
#[derive(Debug, Serialize)]
struct Synced {
    /// `None` if there is no remote to fetch from.
    fetched: Option<Fetched>,
    #[serde(flatten)]
    moved: FastForward,
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let checkouts = Checkouts::select(context, &args.repos, &args.which)?.here(printer)?;
    let pace = Pace { doing: "fetching", jobs: args.which.jobs() };
    let results = each(&checkouts.selected, pace, printer, sync, |_, _, _| Ok(()))?;
    let report = Report::new(&checkouts, results);
    report.print(printer, words)?;
    if !printer.is_json() {
        printer.note(summary(&report))?;
    }
    report.conclude(printer)
}

async fn sync(checkout: Arc<Checkout>, voice: Voice) -> Result<Synced, Failure> {
    let mention = |line: &str| voice.mention(line);
    let fetch = async {
        match crossgate_vcs::fetch(&checkout.dir, &mention).await {
            Ok(fetched) => Ok(Some(fetched)),
            Err(VcsError::NoRemote { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    let fetched = voice.until_stopped(fetch).await?;
    let forward = move || crossgate_vcs::fast_forward(&checkout.dir, &checkout.repo.branch);
    let moved = tokio::task::spawn_blocking(forward).await.map_err(|error| Failure::internal(&error))??;
    Ok(Synced { fetched, moved })
}

fn words(checkout: &Checkout, synced: &Synced) -> String {
    let branch = &checkout.repo.branch;
    let stays = |why: String| styled(YELLOW, format_args!("stays as it is: {why}"));
    let words = match &synced.moved {
        FastForward::Moved { to, commits, .. } => {
            styled(GREEN, format_args!("{commits} new on {branch}, now at {}", to.short()))
        }
        FastForward::UpToDate { ahead: 0 } => "up to date".to_owned(),
        FastForward::UpToDate { ahead } => format!("up to date, {ahead} ahead"),
        FastForward::NoTarget => stays(format!("there is no branch {branch}")),
        FastForward::ElsewhereCheckedOut { head: Head::Detached { commit } } => {
            stays(format!("at {}, not on {branch}", commit.short()))
        }
        FastForward::ElsewhereCheckedOut { head: Head::Branch { name, .. } | Head::Unborn { name } } => {
            stays(format!("on {name}, not on {branch}"))
        }
        FastForward::Dirty => stays("uncommitted work".to_owned()),
        FastForward::Diverged { ahead, behind } => stays(format!("{ahead} here only, {behind} there only")),
        FastForward::Refused { reason } => stays(reason.lines().collect::<Vec<_>>().join("; ")),
    };
    match synced.fetched {
        None => format!("{words} {}", styled(DIM, "(no remote)")),
        Some(_) => words,
    }
}

fn summary(report: &Report<'_, Synced>) -> String {
    let count =
        |holds: fn(&FastForward) -> bool| report.results().filter(|(_, synced)| holds(&synced.moved)).count();
    let moved = count(|moved| matches!(moved, FastForward::Moved { .. }));
    let current = count(|moved| matches!(moved, FastForward::UpToDate { .. }));
    let stay = report.results().count() - moved - current;
    format!("{moved} moved, {current} up to date, {stay} stay as they are")
}
