//! `crossgate workspace exec`: one command in many checkouts.

mod child;
mod output;

use std::ffi::OsString;
use std::sync::Arc;

use crossgate_core::build;
use serde::Serialize;

use self::child::run_in;
use self::output::{Kept, Lines, Sink};
use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Heard, Pace, Voice, each};
use super::report::{Failure, Report};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{BOLD, GREEN, Printer, RED, styled};

/// How much is kept of what one command says, at its start and at its end each, in bytes.
const KEPT: usize = 1 << 20;
/// The same when all of it is printed as one object.
const KEPT_FOR_JSON: usize = 32 << 10;

/// Run a command in each checkout
///
/// What it says is shown when it has ended, repo by repo; of very long output the start and the end. It reads nothing and
/// finds its repo's name in `CROSSGATE_REPO`. The exit status is 1 if it fails anywhere.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  crossgate workspace exec git log -1 --oneline
  crossgate workspace exec --role driver -j 2 -- cargo check
  crossgate workspace exec -- sh -c 'wc -l < README.md'

JSON, for each repo: exit: { status } or { signal }, duration_ms, output, left_out (bytes in its middle)")]
pub(crate) struct Args {
    /// Only in this repo; may be given several times
    #[arg(long, value_name = "REPO")]
    repo: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Show each line as it comes, with the repo's name before it
    #[arg(long)]
    interleave: bool,
    /// The command and its arguments; without a shell
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// How a command ended.
#[derive(Debug, Serialize)]
struct Ran {
    exit: build::Exit,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    left_out: u64,
}

/// What becomes of the output.
#[derive(Debug, Clone, Copy)]
enum Shown {
    /// It is printed line by line.
    Lines,
    /// It is printed when the command has ended.
    Whole,
    /// It is part of the result.
    Json,
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let checkouts = Checkouts::select(context, &args.repo, &args.which)?.here(printer)?;
    let pace = Pace { doing: "running", jobs: args.which.jobs() };
    let shown = match (printer.is_json(), args.interleave) {
        (true, _) => Shown::Json,
        (false, true) => Shown::Lines,
        (false, false) => Shown::Whole,
    };
    let command: Arc<[OsString]> = args.command.clone().into();
    let width = checkouts.selected.iter().map(|checkout| checkout.name.as_str().len()).max().unwrap_or(0);
    let results = each(
        &checkouts.selected,
        pace,
        printer,
        |checkout, voice| execute(command.clone(), checkout, voice, shown),
        |printer, checkout, heard| match (heard, shown) {
            (_, Shown::Json) => Ok(()),
            (Heard::Line(line), Shown::Lines) => {
                printer.line(format_args!("{:<width$} | {line}", checkout.name))
            }
            (Heard::Line(text), Shown::Whole) => printer.raw(text),
            (Heard::Ended(Ok(ran)), Shown::Lines) => {
                printer.note(format_args!("{:<width$} : {}", checkout.name, words(ran.exit)))
            }
            (Heard::Ended(_), _) => Ok(()),
        },
    )?;
    conclude(&Report::new(&checkouts, results), printer)
}

fn conclude(report: &Report<'_, Ran>, printer: &mut Printer) -> Result<Exit, CliError> {
    if printer.is_json() {
        report.print(printer, |_, _| String::new())?;
    }
    let failed: Vec<String> = report
        .results()
        .filter(|(_, ran)| ran.exit != build::Exit::Status(0))
        .map(|(checkout, ran)| format!("{} ({})", checkout.name, ran.exit))
        .collect();
    if !failed.is_empty() {
        let title = styled(RED.bold(), format_args!("failed in {}:", failed.len()));
        printer.tell(format_args!("{title} {}", failed.join(", ")))?;
    }
    let exit = report.conclude(printer)?;
    Ok(if failed.is_empty() { exit } else { Exit::No })
}

fn words(exit: build::Exit) -> String {
    match exit {
        build::Exit::Status(0) => styled(GREEN, "ok"),
        other => styled(RED, other),
    }
}

async fn execute(
    command: Arc<[OsString]>,
    checkout: Arc<Checkout>,
    voice: Voice,
    shown: Shown,
) -> Result<Ran, Failure> {
    let started = std::time::Instant::now();
    let mut sink = match shown {
        Shown::Lines => Sink::Lines(Lines::new(voice.clone())),
        Shown::Whole => Sink::Kept(Kept::new(KEPT)),
        Shown::Json => Sink::Kept(Kept::new(KEPT_FOR_JSON)),
    };
    let exit = run_in(&checkout, &command, &voice, &mut sink).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut ran = Ran { exit, duration_ms, output: None, left_out: 0 };
    match (sink, shown) {
        (Sink::Lines(lines), _) => lines.end().await,
        (Sink::Kept(kept), Shown::Json) => {
            ran.left_out = kept.left_out();
            ran.output = Some(kept.text());
        }
        // Handed on at once rather than kept to the end: hundreds of repos may say a lot.
        (Sink::Kept(kept), _) => voice.say(block(&checkout, exit, &kept.text())).await,
    }
    Ok(ran)
}

/// A line for the repo, and what the command said below it.
fn block(checkout: &Checkout, exit: build::Exit, text: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{}  {}\n{text}{end}", styled(BOLD, &checkout.name), words(exit))
}
