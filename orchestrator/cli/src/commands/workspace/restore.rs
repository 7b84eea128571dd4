//! `crossgate workspace restore`: brings the repos back to the commits of a snapshot.

use std::path::PathBuf;
use std::sync::Arc;

use crossgate_core::ids::{CommitId, RepoName};
use crossgate_vcs::VcsError;
use serde::Serialize;

use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Pace, Voice, each, each_blocking};
use super::report::{Failure, Report};
use super::snapshot::Snapshot;
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{DIM, GREEN, Printer, styled};

/// Check out the commits of a snapshot
///
/// A commit that is not here is fetched. If any of the repos has uncommitted work, none is touched. A repo that is moved is on
/// no branch afterwards; `git switch -` goes back.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "JSON, for each repo: result: moved|there, and commit")]
pub(crate) struct Args {
    /// What `crossgate workspace snapshot` wrote
    file: PathBuf,
    /// Only these repos
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// What became of a checkout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
enum Restored {
    /// It was elsewhere.
    Moved { commit: CommitId },
    /// It was there.
    There { commit: CommitId },
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let Snapshot { repos, .. } = Snapshot::read(&context.directory().join(&args.file))?;
    let mut checkouts = Checkouts::select(context, &args.repos, &args.which)?.here(printer)?;
    let (known, unknown): (Vec<_>, Vec<_>) =
        checkouts.selected.into_iter().partition(|checkout| repos.contains_key(&checkout.name));
    checkouts.selected = known;
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.iter().map(|checkout| checkout.name.as_str()).collect();
        printer.note(format_args!("not in the snapshot, left as they are: {}", names.join(", ")))?;
    }
    let jobs = args.which.jobs();
    let ready = each_blocking(&checkouts.selected, Pace { doing: "reading", jobs }, printer, is_ready)?;
    if ready.iter().any(Result::is_err) {
        let exit = Report::new(&checkouts, ready).conclude(printer)?;
        printer.tell("nothing was changed")?;
        return Ok(exit);
    }
    let commit = |name: &RepoName| repos[name].commit.clone();
    let restore = |checkout: Arc<Checkout>, voice| restore(commit(&checkout.name), checkout, voice);
    let results =
        each(&checkouts.selected, Pace { doing: "restoring", jobs }, printer, restore, |_, _, _| Ok(()))?;
    let report = Report::new(&checkouts, results);
    report.print(printer, |_, restored| match restored {
        Restored::Moved { commit } => styled(GREEN, format_args!("moved to {}", commit.short())),
        Restored::There { commit } => styled(DIM, format_args!("at {} already", commit.short())),
    })?;
    report.conclude(printer)
}

fn is_ready(checkout: &Checkout) -> Result<(), Failure> {
    let status = crossgate_vcs::status(&checkout.dir, &checkout.repo.branch)?;
    let files = status.staged + status.modified + status.conflicted;
    if files > 0 || status.in_progress.is_some() {
        return Err(VcsError::Dirty { path: checkout.dir.clone(), files }.into());
    }
    Ok(())
}

async fn restore(commit: CommitId, checkout: Arc<Checkout>, voice: Voice) -> Result<Restored, Failure> {
    match switch(&checkout, &commit).await? {
        Err(VcsError::UnknownRevision { .. }) => {}
        switched => return Ok(switched?),
    }
    let mention = |line: &str| voice.mention(line);
    let fetch = async { Ok(crossgate_vcs::fetch(&checkout.dir, &mention).await?) };
    voice.until_stopped(fetch).await?;
    Ok(switch(&checkout, &commit).await??)
}

async fn switch(checkout: &Arc<Checkout>, commit: &CommitId) -> Result<Result<Restored, VcsError>, Failure> {
    let (checkout, commit) = (checkout.clone(), commit.clone());
    let switch = move || {
        let status = crossgate_vcs::status(&checkout.dir, &checkout.repo.branch)?;
        if status.head.commit() == Some(&commit) {
            return Ok(Restored::There { commit });
        }
        crossgate_vcs::switch(&checkout.dir, commit.as_str())?;
        Ok(Restored::Moved { commit })
    };
    tokio::task::spawn_blocking(switch).await.map_err(|error| Failure::internal(&error))
}
