//! `crossgate simulate`: plays scenarios in virtual time and tells what comes out.

mod files;
mod patience;
mod synthetic;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use crossgate_config::{Diagnostic, SchemaKind, load_scenario};
use crossgate_simulator::{Mismatch, Outcome, mismatches, outcome_schema, play};
use serde::Serialize;

use self::files::ScenarioFile;
use self::patience::Patience;
use crate::context::Context;
use crate::error::{CliError, Exit, chain};
use crate::printer::{GREEN, Printer, RED, styled};
use crate::render;

const EXAMPLES: &str = "Examples:
  crossgate simulate rehearsal.yaml
  crossgate simulate rehearsal.yaml --timeline rehearsal.svg
  crossgate simulate tests/scenarios
  crossgate simulate - --format json < rehearsal.yaml
  crossgate simulate --schema scenario > schemas/scenario.json
  crossgate simulate --synthetic drivers=40,changes=2000,rate=500/h,flake=2%,bad=5%,rigs=120,seed=1
  crossgate simulate --synthetic changes=500 --compare confirm=off,auto --compare speculation=linear,batch --runs 10";

/// Play scenarios or synthetic workloads: what the gate does with changes, builds and people that a file or a few numbers describe
///
/// The gate is the real one; builds, forges and time are played, so a day takes milliseconds. One scenario is told in full, of
/// several each in a line. The exit status is 1 if something comes out otherwise than the scenario expects (the difference is
/// told), 2 if a file is malformed.
///
/// A synthetic workload is thousands of changes of which the truth is known: bad ones, flakes, rigs that fail. What the gate
/// makes of them is measured beside an oracle that knows every outcome. The same seed gives the same figures.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = synthetic::long_help(EXAMPLES))]
pub(crate) struct Args {
    /// Scenarios; of a directory all `*.yaml` in it and below, of `-` what comes in
    #[arg(value_name = "FILE|DIR", required_unless_present_any = ["schema", "synthetic", "compare", "runs"])]
    files: Vec<PathBuf>,
    /// Draw when which build ran on what, as SVG (needs exactly one scenario)
    #[arg(long, value_name = "FILE.svg")]
    timeline: Option<PathBuf>,
    /// Print the JSON Schema of scenario files, or of what `--format json` prints, and play nothing
    #[arg(long, value_enum, value_name = "WHICH")]
    schema: Option<Which>,
    #[command(flatten)]
    synthetic: synthetic::SyntheticArgs,
}

/// What a schema is of.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// A scenario file
    Scenario,
    /// What comes out of one
    Outcome,
}

/// A scenario that was played.
#[derive(Serialize)]
struct Played {
    file: String,
    #[serde(flatten)]
    outcome: Outcome,
    mismatches: Vec<Told>,
    /// Whether the scenario says what is to come out.
    #[serde(skip)]
    expects: bool,
}

/// A mismatch, for programs.
#[derive(Serialize)]
struct Told {
    path: String,
    expected: String,
    found: String,
}

/// A file that could not be played, for programs.
#[derive(Serialize)]
struct Unplayed<'a> {
    file: &'a str,
    error: String,
    diagnostics: &'a [Diagnostic],
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    if let Some(which) = args.schema {
        return if args.files.is_empty() && args.timeline.is_none() {
            schema(which, printer)
        } else {
            Err(CliError::usage("`--schema` plays nothing", "crossgate simulate --schema scenario"))
        };
    }
    if let Some(settings) = &args.synthetic.synthetic {
        return synthetic::run(settings, &args.synthetic, printer);
    }
    args.synthetic.refuse_without_workload()?;
    let files = files::gather(&args.files, context.directory())?;
    if let Some(path) = &args.timeline {
        files::refuse_as_target(path, &files, context.directory())?;
    }
    match (files.as_slice(), &args.timeline) {
        ([file], timeline) => one(file, timeline.as_deref(), context, printer),
        (_, Some(_)) => {
            let text = format!("`--timeline` needs exactly one scenario, and there are {}", files.len());
            Err(CliError::usage(text, "crossgate simulate rehearsal.yaml --timeline rehearsal.svg"))
        }
        (files, None) => several(files, printer),
    }
}

fn schema(which: Which, printer: &mut Printer) -> Result<Exit, CliError> {
    let schema = match which {
        Which::Scenario => crossgate_config::schema(SchemaKind::Scenario),
        Which::Outcome => outcome_schema(),
    };
    // A schema is itself the data, so it has no version of ours around it.
    printer.line(serde_json::to_string_pretty(&schema).map_err(CliError::internal)?)?;
    Ok(Exit::Fine)
}

fn one(
    file: &ScenarioFile,
    timeline: Option<&Path>,
    context: &Context,
    printer: &mut Printer,
) -> Result<Exit, CliError> {
    let patience = Patience::new(1, printer);
    let played = attempt(file, printer, &patience);
    patience.finish();
    let played = match played {
        Ok(played) => played,
        Err(error) => {
            if printer.is_json() {
                printer.json(&unplayed(file, &error))?;
            }
            return Err(error);
        }
    };
    if let Some(path) = timeline {
        let path = context.directory().join(path);
        fs::write(&path, render::timeline::svg(&played.outcome))
            .map_err(|source| CliError::io(&path, source))?;
        printer.note(format_args!("drawn in {}", path.display()))?;
    }
    if printer.is_json() {
        printer.json(&played)?;
        return Ok(played.exit());
    }
    printer.clipped(&render::outcome::text(&played.outcome, printer.is_verbose(), printer.columns()))?;
    if played.expects && played.mismatches.is_empty() {
        printer.line(format_args!("\n{}", styled(GREEN, "as expected")))?;
    } else if played.expects {
        printer.line(format_args!("\n{}", styled(RED.bold(), "not as expected")))?;
        printer.raw(played.differences())?;
    }
    Ok(played.exit())
}

fn several(files: &[ScenarioFile], printer: &mut Printer) -> Result<Exit, CliError> {
    let (mut exit, mut as_expected, mut differ) = (Exit::Fine, 0, 0);
    let patience = Patience::new(files.len(), printer);
    for file in files {
        let played = attempt(file, printer, &patience);
        patience.pause(|| match &played {
            Ok(played) => tell(played, printer),
            Err(error) => tell_unplayed(file, error, printer),
        })?;
        patience.step();
        match &played {
            Ok(played) if played.mismatches.is_empty() => as_expected += 1,
            Ok(_) => differ += 1,
            Err(_) => {}
        }
        exit = exit.max(played.map_or(Exit::Refused, |played| played.exit()));
        if printer.reader_is_gone() {
            break;
        }
    }
    patience.finish();
    if !printer.is_json() {
        let unplayed = files.len() - as_expected - differ;
        let total = files.len();
        let counts = [(as_expected, "as expected"), (differ, "not as expected"), (unplayed, "not played")];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        printer.line(format_args!("{total} scenarios: {}", counts.join(", ")))?;
    }
    Ok(exit)
}

/// Plays a file.
fn attempt(file: &ScenarioFile, printer: &mut Printer, patience: &Patience) -> Result<Played, CliError> {
    patience.about(&file.name);
    let source = file.read()?;
    let loaded = load_scenario(&source).map_err(CliError::Scenario)?;
    if !loaded.warnings.is_empty() {
        patience.pause(|| printer.warnings(&loaded.warnings))?;
    }
    let outcome = play(&loaded.scenario).map_err(|stuck| {
        let text = format!("cannot play `{}` to its end: {}", file.name, chain(&stuck));
        CliError::usage(
            text,
            "make it smaller; if it is small, this is a bug: please report it with the file",
        )
    })?;
    let expect = loaded.scenario.expect.as_ref();
    let mismatches = expect.map_or_else(Vec::new, |expect| mismatches(expect, &outcome));
    Ok(Played {
        file: file.name.clone(),
        outcome,
        mismatches: mismatches.into_iter().map(Told::from).collect(),
        expects: expect.is_some(),
    })
}

fn tell(played: &Played, printer: &mut Printer) -> Result<(), CliError> {
    if printer.is_json() {
        return printer.json_line(played);
    }
    let fine = played.mismatches.is_empty();
    if fine && printer.is_quiet() {
        return Ok(());
    }
    printer.clipped(&render::outcome::line(&played.outcome, fine))?;
    if fine {
        return Ok(());
    }
    printer.raw(format_args!("  {}\n{}", played.file, played.differences()))
}

fn tell_unplayed(file: &ScenarioFile, error: &CliError, printer: &mut Printer) -> Result<(), CliError> {
    if printer.is_json() {
        printer.json_line(&unplayed(file, error))?;
    } else {
        printer.line(format_args!("{} {}  not played", styled(RED.bold(), "✗"), file.name))?;
    }
    printer.error(error)
}

fn unplayed<'a>(file: &'a ScenarioFile, error: &'a CliError) -> Unplayed<'a> {
    let diagnostics = error.diagnostics().map_or(&[][..], |diagnostics| &diagnostics.0);
    Unplayed { file: &file.name, error: chain(error), diagnostics }
}

impl Played {
    fn exit(&self) -> Exit {
        if self.mismatches.is_empty() { Exit::Fine } else { Exit::No }
    }

    /// Returns what came out otherwise than expected, for people.
    fn differences(&self) -> String {
        let told = self.mismatches.iter().map(|Told { path, expected, found }| {
            let (wanted, got) = (styled(GREEN, "expected"), styled(RED, "found"));
            format!("  {path}\n    {wanted} {expected}\n    {got}    {found}\n")
        });
        told.collect()
    }
}

impl From<Mismatch> for Told {
    fn from(Mismatch { path, expected, found }: Mismatch) -> Self {
        Self { path, expected, found }
    }
}
