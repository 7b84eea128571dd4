//! `crossgate api check`: whether the rules of the API's life cycle hold.

use nova_lifecycle::rules::{self, Breach};
use serde::Serialize;

use super::core::Where;
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{GREEN, Printer, RED, styled};

/// Check the rules of the API's life cycle on the source as it is
///
/// The committed file of the cycle says what the source says; files of released cycles never change; nothing leaves or
/// changes before a full cycle of deprecation; what was to leave has left; what is deprecated is used by the frozen
/// driver. The exit status is 1 if a rule is broken.
#[derive(Debug, clap::Args)]
#[command(after_help = "JSON: holds, cycle, api (a version),
  breaches: [{ rule: committed|released|unchanged|full-cycle|overdue|frozen, item, at: { file, line }, text }]

Examples:
  crossgate api check
  crossgate api check --common nova-common --format json")]
pub(crate) struct Args {
    #[command(flatten)]
    at: Where,
}

#[derive(Serialize)]
struct Checked<'a> {
    holds: bool,
    cycle: u32,
    api: &'a str,
    breaches: &'a [Breach],
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let tree = args.at.find(context)?.tree()?;
    let breaches = rules::check(&tree);
    let holds = breaches.is_empty();
    let exit = if holds { Exit::Fine } else { Exit::No };
    if printer.is_json() {
        printer.json(&Checked { holds, cycle: tree.cycle, api: &tree.version, breaches: &breaches })?;
        return Ok(exit);
    }
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    if holds {
        let counts = [(tree.head.items.len(), "item"), (tree.head.facets.len(), "facet")];
        let counts = counts.map(|(number, what)| count(number, what)).join(", ");
        let verdict = styled(GREEN, "the rules hold");
        printer.line(format_args!("{verdict}: cycle {} ({}), {counts}", tree.cycle, tree.version))?;
        return Ok(exit);
    }
    for breach in &breaches {
        printer.line(breach)?;
    }
    printer.line(styled(RED, count(breaches.len(), "breach").replace("breachs", "breaches")))?;
    Ok(exit)
}
