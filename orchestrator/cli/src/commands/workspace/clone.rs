//! `crossgate workspace clone`: fetches the repos that are not here, and shows them to cargo.

mod cargo;

use std::sync::Arc;

use serde::Serialize;

use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Pace, Voice, each};
use super::report::{Failure, Report};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{DIM, GREEN, Printer, styled};

/// Clone the repos that are not here
///
/// Afterwards a plain `cargo test` in a checkout uses the crates of the checkouts beside it: `.cargo/config.toml` of the
/// workspace says so. One that you wrote yourself stays as it is.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "JSON, for each repo: result: cloned|here")]
pub(crate) struct Args {
    /// Only these repos
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// What became of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
enum Cloned {
    /// It is new.
    Cloned,
    /// It was here before.
    Here,
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let checkouts = Checkouts::select(context, &args.repos, &args.which)?;
    let pace = Pace { doing: "cloning", jobs: args.which.jobs() };
    let results = each(&checkouts.selected, pace, printer, clone, |_, _, _| Ok(()))?;
    let report = Report::new(&checkouts, results);
    report.print(printer, |_, cloned| match cloned {
        Cloned::Cloned => styled(GREEN, "cloned"),
        Cloned::Here => styled(DIM, "is here"),
    })?;
    let exit = report.conclude(printer);
    let all = Checkouts::select(context, &[], &Which::default())?;
    match cargo::write(&all)? {
        cargo::Written::Changed(path) => {
            printer.note(format_args!("{} lets cargo use the crates of the checkouts beside each other", path.display()))?;
        }
        cargo::Written::Foreign(path) => printer.note(format_args!(
            "{} stays as it is, as crossgate did not write it: cargo uses published crates instead of the checkouts",
            path.display()
        ))?,
        cargo::Written::Same => {}
    }
    exit
}

async fn clone(checkout: Arc<Checkout>, voice: Voice) -> Result<Cloned, Failure> {
    if checkout.is_here() {
        return Ok(Cloned::Here);
    }
    let nowhere = || {
        let hint = format!("set `url:` of `{}` in crossgate.yaml, or a `forge:` for all", checkout.name);
        Failure::no("nothing says where to clone it from", hint)
    };
    let url = checkout.url.as_deref().ok_or_else(nowhere)?;
    let mention = |line: &str| voice.mention(line);
    let clone =
        async { Ok(crossgate_vcs::clone(url, &checkout.dir, Some(&checkout.repo.branch), &mention).await?) };
    voice.until_stopped(clone).await?;
    Ok(Cloned::Cloned)
}
