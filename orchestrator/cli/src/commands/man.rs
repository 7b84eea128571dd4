//! `crossgate man`: the manual pages.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::printer::Printer;

/// Print a manual page, or write all of them
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  crossgate man workspace sync | man -l -
  crossgate man --dir ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The command whose page to print; without: the program's
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write all pages into this directory, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> Result<Exit, CliError> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    if let Some(dir) = &args.dir {
        let written = fs::create_dir_all(dir).and_then(|()| write_all(&program, dir));
        written.map_err(|source| CliError::io(dir, source))?;
        return Ok(Exit::Fine);
    }
    let mut command = &program;
    for name in &args.command {
        let known = command.find_subcommand(name);
        let unknown =
            || CliError::usage(format!("there is no command `{name}`"), "`crossgate --help` lists them");
        command = known.ok_or_else(unknown)?;
    }
    let mut text = Vec::new();
    page(command).render(&mut text).map_err(CliError::internal)?;
    printer.raw(String::from_utf8(text).map_err(CliError::internal)?)?;
    Ok(Exit::Fine)
}

fn page(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("crossgate ", env!("CARGO_PKG_VERSION")))
}

/// Writes the pages of a command and of all below it.
fn write_all(command: &Command, dir: &Path) -> io::Result<()> {
    page(command).generate_to(dir)?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| write_all(below, dir))
}
