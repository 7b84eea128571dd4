//! `crossgate workspace`: the repos together.

mod branch;
mod checkouts;
mod clone;
mod each;
mod exec;
mod report;
mod restore;
mod snapshot;
mod status;
mod sync;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// Clone, update, look at and work in all repos at once
///
/// One line a repo, in the order of their names; what failed is told at the end, and one repo that fails hides no other.
/// With `--format json`: `{ version, repos: [ { repo, path, … } ], failed, interrupted }`. Each repo has what the command
/// found or did, as its help says, or else `error: { text, hint }`.
///
/// The exit status is 0 if all went well, 1 if something is as it should not be (uncommitted work in the way, a command that
/// failed), 3 if git, the network or the disk failed, 130 if interrupted.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Clone(clone::Args),
    Sync(sync::Args),
    Status(status::Args),
    Exec(exec::Args),
    Branch(branch::Args),
    Snapshot(snapshot::Args),
    Restore(restore::Args),
}

pub(crate) fn run(command: Command, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    match command {
        Command::Clone(args) => clone::run(&args, context, printer),
        Command::Sync(args) => sync::run(&args, context, printer),
        Command::Status(args) => status::run(&args, context, printer),
        Command::Exec(args) => exec::run(&args, context, printer),
        Command::Branch(args) => branch::run(&args, context, printer),
        Command::Snapshot(args) => snapshot::run(&args, context, printer),
        Command::Restore(args) => restore::run(&args, context, printer),
    }
}
