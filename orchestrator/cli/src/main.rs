//! The program `crossgate`: reads what is asked for, does it, and says with its exit status how it went.

mod cli;
mod commands;
mod context;
mod demo;
mod error;
mod git;
mod printer;
mod render;
mod selection;
mod signals;
mod template;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CliError;
use crate::printer::Printer;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == crossgate_runner::SUPERVISE) {
        return crossgate_runner::supervise_main(args);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    log_to_stderr(cli.global.verbose);
    let mut printer = Printer::new(&cli.global);
    let status =
        Context::new(&cli.global).and_then(|context| commands::run(cli.command, &context, &mut printer));
    match status {
        Ok(exit) => exit.into(),
        Err(error) => error.report(&mut printer),
    }
}

/// Prints what clap has to say: help and version are not errors.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if the terminal is gone.
    drop(error.print());
    ExitCode::from(if error.use_stderr() { CliError::USAGE } else { 0 })
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CROSSGATE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
