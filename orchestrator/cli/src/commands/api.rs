//! `crossgate api`: the life cycle of the driver API.

mod check;
mod core;
mod diff;
mod usage;
mod users;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// Follow the driver API: what changes, who uses what, and whether its rules hold
///
/// A cycle is what lies between two releases of the API: version 1.(n-1) is cycle n. The common repo holds the file of each
/// in `cycles/N.json`, beside the source of the API.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Diff(diff::Args),
    Use(usage::Args),
    Check(check::Args),
}

pub(crate) fn run(command: Command, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    match command {
        Command::Diff(args) => diff::run(&args, context, printer),
        Command::Use(args) => usage::run(&args, context, printer),
        Command::Check(args) => check::run(&args, context, printer),
    }
}
