//! `crossgate api diff`: what the author of a driver does to follow the API.

use std::path::Path;

use nova_lifecycle::Cycle;
use nova_lifecycle::diff::{Asks, Change, diff};
use serde::Serialize;

use super::core::{Where, file};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{BOLD, DIM, Printer, styled};

/// Methods that are named of one change; the others are counted.
const MOST_METHODS: usize = 4;
/// Columns that a list of names fills.
const WIDTH: usize = 100;

/// Print what a driver's author must do between two cycles of the API
///
/// What breaks a driver comes first, then what is deprecated, then what is new. Each is told with the methods of drivers that
/// it concerns.
#[derive(Debug, clap::Args)]
#[command(after_help = "JSON: from: { cycle, api }, to: { cycle, api },
  changes: [{ asks: now|soon|nothing, item, facet, leaves_in, methods: [], text }]

Examples:
  crossgate api diff 1 2
  crossgate api diff 2 head
  crossgate api diff cycles/1.json ../other/cycles/2.json")]
pub(crate) struct Args {
    /// A cycle's number, a cycle's file, or `head`: the source as it is
    #[arg(value_name = "OLD")]
    old: String,
    /// The same, for the cycle to follow
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    at: Where,
}

#[derive(Serialize)]
struct Side<'a> {
    cycle: u32,
    api: &'a str,
}

impl<'a> Side<'a> {
    fn of(cycle: &'a Cycle) -> Self {
        Self { cycle: cycle.cycle, api: &cycle.version }
    }
}

#[derive(Serialize)]
struct Compared<'a> {
    from: Side<'a>,
    to: Side<'a>,
    changes: &'a [Change],
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let (old, new) = (args.cycle(&args.old, context)?, args.cycle(&args.new, context)?);
    let changes = diff(&old, &new);
    if printer.is_json() {
        printer.json(&Compared { from: Side::of(&old), to: Side::of(&new), changes: &changes })?;
        return Ok(Exit::Fine);
    }
    let title = |cycle: &Cycle| format!("cycle {} ({})", cycle.cycle, cycle.version);
    let whole = format!("{} → {}", title(&old), title(&new));
    if changes.is_empty() {
        printer.line(format_args!("{whole}: nothing changes"))?;
        return Ok(Exit::Fine);
    }
    printer.line(whole)?;
    for (asks, heading) in [
        (Asks::Now, "To do: drivers that use it do not work otherwise"),
        (Asks::Soon, "Deprecated: it works until it leaves"),
        (Asks::Nothing, "Nothing to do"),
    ] {
        section(&changes, asks, heading, printer)?;
    }
    Ok(Exit::Fine)
}

impl Args {
    /// Reads what an argument names.
    fn cycle(&self, named: &str, context: &Context) -> Result<Cycle, CliError> {
        if named == "head" {
            return Ok(self.at.find(context)?.tree()?.head_cycle());
        }
        if let Ok(number) = named.parse::<u32>() {
            return self.at.find(context)?.cycle(number);
        }
        let path = context.directory().join(Path::new(named));
        if !path.is_file() {
            let text = format!("`{named}` is neither a cycle's number nor a file");
            return Err(CliError::usage(
                text,
                "such as `crossgate api diff 1 2`, or `head` for the source as it is",
            ));
        }
        file(&path, None)
    }
}

fn section(changes: &[Change], asks: Asks, heading: &str, printer: &mut Printer) -> Result<(), CliError> {
    let mut changes = changes.iter().filter(|change| change.asks == asks).peekable();
    if changes.peek().is_none() {
        return Ok(());
    }
    printer.line("")?;
    printer.line(styled(BOLD, heading))?;
    // What is only there now is listed, one after another.
    let (plain, told): (Vec<&Change>, Vec<_>) =
        changes.partition(|change| change.text == format!("new: `{}`: nothing to do", change.item));
    let plain: Vec<&str> = plain.iter().map(|change| change.item.as_str()).collect();
    for line in wrapped(&plain) {
        printer.line(format_args!("  {line}"))?;
    }
    for change in told {
        printer.line(format_args!("  {}", change.text))?;
        // What a method does is told by its own name already.
        let concerned: Vec<_> =
            change.methods.iter().filter(|method| !change.text.contains(method.as_str())).collect();
        if asks != Asks::Nothing && !concerned.is_empty() {
            let named = concerned.iter().take(MOST_METHODS).map(|method| format!("`{method}`"));
            let more = concerned.len().saturating_sub(MOST_METHODS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = named.collect::<Vec<_>>().join(", ");
            printer.line(styled(DIM, format!("    concerns {named}{more}")))?;
        }
    }
    Ok(())
}

/// Writes names on lines that are not too long.
fn wrapped(names: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut().filter(|line| line.len() + name.len() < WIDTH) {
            Some(line) => *line = format!("{line}, `{name}`"),
            None => lines.push(format!("new: `{name}`")),
        }
    }
    lines
}
