//! `crossgate config`: checks, explains and describes the configuration.

use clap::ValueEnum;
use crossgate_config::{Diagnostic, Row, SchemaKind};
use crossgate_server::error::Error;
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;

use crate::context::{Context, today};
use crate::error::{CliError, Exit};
use crate::printer::{DIM, GREEN, Printer, styled};

/// Check, print or describe the configuration
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check crossgate.yaml, jobs/*.yaml and each checkout's .crossgate.yaml, saved or committed
    ///
    /// Everything that is wrong is told in one pass, each with its file, line and a way to mend it. The exit status is 2 if
    /// there is an error; warnings alone are fine.
    Check,
    /// Print the JSON Schema of a file, for editors
    Schema {
        /// Which file
        #[arg(value_enum, default_value_t = Which::Workspace)]
        file: Which,
    },
    /// Print the merged configuration: every value, and the line that set it
    Show {
        /// Only values whose path begins so, such as `drivers.vmware`
        #[arg(value_name = "PREFIX")]
        prefix: Option<String>,
    },
}

/// A file of the configuration.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    /// crossgate.yaml
    Workspace,
    /// .crossgate.yaml in a repo
    Repo,
    /// jobs/*.yaml
    Catalogue,
}

#[derive(Serialize)]
struct Checked<'a> {
    valid: bool,
    diagnostics: &'a [Diagnostic],
}

#[derive(Serialize)]
struct Shown {
    values: Vec<Row>,
}

pub(crate) fn run(command: &Command, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    match command {
        Command::Check => check(context, printer),
        Command::Schema { file } => schema(*file, printer),
        Command::Show { prefix } => show(prefix.as_deref(), context, printer),
    }
}

fn check(context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let opened = Site::open(context.root()?, RepoFiles::WorkTree, today());
    if printer.is_json() {
        let (valid, diagnostics) = match &opened {
            Ok(site) => (true, site.warnings().to_vec()),
            Err(Error::Config(diagnostics)) => (false, diagnostics.0.clone()),
            Err(_) => return opened.map(|_| Exit::Fine).map_err(CliError::from),
        };
        printer.json(&Checked { valid, diagnostics: &diagnostics })?;
        if valid {
            return Ok(Exit::Fine);
        }
    }
    let site = opened?;
    printer.warnings(site.warnings())?;
    let workspace = site.workspace();
    let counts = [
        (workspace.repos.len(), "repo"),
        (workspace.drivers.len(), "driver"),
        (workspace.jobs.len(), "job"),
        (site.warnings().len(), "warning"),
    ];
    let counts = counts.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    printer.line(format_args!("{}: {}", styled(GREEN, "valid"), counts.join(", ")))?;
    for (repo, expected) in site.missing() {
        let text = format!("{repo} is not here ({}): its own file was not checked", expected.display());
        printer.note(styled(DIM, text))?;
    }
    Ok(Exit::Fine)
}

fn schema(file: Which, printer: &mut Printer) -> Result<Exit, CliError> {
    let kind = match file {
        Which::Workspace => SchemaKind::Workspace,
        Which::Repo => SchemaKind::Repo,
        Which::Catalogue => SchemaKind::Catalogue,
    };
    // A schema is itself the data, so it has no version of ours around it.
    let text = serde_json::to_string_pretty(&crossgate_config::schema(kind)).map_err(CliError::internal)?;
    printer.line(text)?;
    Ok(Exit::Fine)
}

fn show(prefix: Option<&str>, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::WorkTree, printer)?;
    let mut values = crossgate_config::show(site.loaded());
    values.retain(|row| prefix.is_none_or(|prefix| row.path.starts_with(prefix)));
    if printer.is_json() {
        printer.json(&Shown { values })?;
        return Ok(Exit::Fine);
    }
    for row in &values {
        printer.line(format_args!(
            "{} = {} {}",
            row.path,
            row.value,
            styled(DIM, format!("[{}]", row.origin))
        ))?;
    }
    Ok(Exit::Fine)
}
