//! `crossgate driver`: drivers and their repos.

mod new;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// Start and keep driver repos
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(new::Args),
}

pub(crate) fn run(command: Command, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    match command {
        Command::New(args) => new::run(&args, context, printer),
    }
}
