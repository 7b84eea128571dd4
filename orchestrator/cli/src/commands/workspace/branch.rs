//! `crossgate workspace branch`: one branch in many repos, for one piece of work.

use crossgate_core::ids::BranchName;
use crossgate_vcs::VcsError;
use serde::Serialize;

use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Pace, each_blocking};
use super::report::{Failure, Report};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{DIM, GREEN, Printer, styled};

/// Make a branch where each checkout stands, and switch to it
///
/// Uncommitted work comes along. Where the branch is already, it is switched to, if the checkout is clean.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "JSON, for each repo: result: created|switched|on-it")]
pub(crate) struct Args {
    /// The branch
    #[arg(value_parser = BranchName::parse)]
    name: BranchName,
    /// Only in these repos
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// What became of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
enum Branched {
    Created,
    Switched,
    OnIt,
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let checkouts = Checkouts::select(context, &args.repos, &args.which)?.here(printer)?;
    let pace = Pace { doing: "switching", jobs: args.which.jobs() };
    let name = args.name.clone();
    let results = each_blocking(&checkouts.selected, pace, printer, move |checkout| branch(checkout, &name))?;
    let report = Report::new(&checkouts, results);
    let name = &args.name;
    report.print(printer, |_, branched| match branched {
        Branched::Created => styled(GREEN, format_args!("on {name}, new")),
        Branched::Switched => format!("on {name}, which was there"),
        Branched::OnIt => styled(DIM, format_args!("on {name} already")),
    })?;
    report.conclude(printer)
}

fn branch(checkout: &Checkout, name: &BranchName) -> Result<Branched, Failure> {
    match crossgate_vcs::create_branch(&checkout.dir, name, None) {
        Ok(()) => Ok(Branched::Created),
        Err(VcsError::Git { stderr, .. }) if stderr.contains("already exists") => {
            if crossgate_vcs::status(&checkout.dir, name)?.head.branch() == Some(name) {
                return Ok(Branched::OnIt);
            }
            crossgate_vcs::switch(&checkout.dir, name.as_str())?;
            Ok(Branched::Switched)
        }
        Err(error) => Err(error.into()),
    }
}
