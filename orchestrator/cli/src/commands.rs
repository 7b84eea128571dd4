//! The commands, one file each.

pub(crate) mod api;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod driver;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod simulate;
pub(crate) mod why;
pub(crate) mod workspace;

use crate::cli::{Command, Format};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// Carries out a command.
pub(crate) fn run(command: Command, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let drawn = matches!(printer.format(), Format::Dot | Format::Mermaid);
    if drawn && !matches!(command, Command::Graph(_)) {
        return Err(CliError::usage("only `graph` is drawn", "use `--format text` or `--format json`"));
    }
    match command {
        Command::Demo(args) => demo::run(&args, context, printer),
        Command::Init(args) => init::run(&args, context, printer),
        Command::Check(args) => check::run(&args, context, printer),
        Command::Plan(args) => plan::run(&args, context, printer),
        Command::Why(args) => why::run(&args, context, printer),
        Command::Graph(args) => graph::run(&args, context, printer),
        Command::Log(args) => log::run(&args, context, printer),
        Command::Simulate(args) => simulate::run(&args, context, printer),
        Command::Config(command) => config::run(&command, context, printer),
        Command::Workspace(command) => workspace::run(command, context, printer),
        Command::Api(command) => api::run(command, context, printer),
        Command::Driver(command) => driver::run(command, context, printer),
        Command::Completions(args) => completions::run(&args, printer),
        Command::Man(args) => man::run(&args, printer),
    }
}
