//! `crossgate completions`: what a shell needs to complete command lines.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// Print a shell's completions
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  crossgate completions bash > ~/.local/share/bash-completion/completions/crossgate
  crossgate completions zsh > ~/.zfunc/_crossgate
  crossgate completions fish > ~/.config/fish/completions/crossgate.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "crossgate", &mut script);
    printer.raw(String::from_utf8(script).map_err(CliError::internal)?)?;
    Ok(Exit::Fine)
}
