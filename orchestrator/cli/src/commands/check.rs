//! `crossgate check`: runs the plan here, and says what must not land.

use std::collections::BTreeMap;

use crossgate_core::change::Change;
use crossgate_core::decide::{Conclusion, Decision, ItemState};
use crossgate_core::facts::{Fact, Facts, Item};
use crossgate_core::ids::{DriverName, JobName};
use crossgate_core::plan::Entry;
use crossgate_core::scenario::Slots;
use crossgate_core::suggest::nearest;
use crossgate_runner::{LocalRunner, SandboxChoice, SandboxState, Settings};
use crossgate_server::engine::{self, Engine};
use crossgate_server::error::Error;
use crossgate_server::intake::{self, Selection, What};
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{Printer, YELLOW, styled};
use crate::render::matrix;
use crate::render::progress::Progress;
use crate::selection::{NOTHING, selected};
use crate::signals;
use crate::view::{PlanView, plan_view};

/// Run a change's plan on this machine and print the verdict of every driver
///
/// Without a selection: for every repo whose checkout proposes something that has not landed. Builds see the change merged
/// onto the branches it would land on; no work tree is touched. The exit status is 1 if a change must not land, and 3 if that
/// could not be found out.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Examples:
  crossgate check
  crossgate check nova-common@add-field
  crossgate check nova-common@add-field --driver vmware
  crossgate check --dirty -j 2")]
pub(crate) struct Args {
    /// What to check: `REPO` or `REPO@REV`, and onto which branch if not the repo's default
    #[arg(value_name = "REPO[@REV][:BRANCH]")]
    pub(crate) selections: Vec<String>,
    /// Only this driver's jobs; may be given several times
    #[arg(long, value_name = "DRIVER")]
    pub(crate) driver: Vec<String>,
    /// Only this job, all its matrix variants; may be given several times
    #[arg(long, value_name = "JOB")]
    pub(crate) job: Vec<String>,
    /// Take uncommitted work in
    #[arg(long)]
    pub(crate) dirty: bool,
    /// Builds at once; default: one a core
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) jobs: Option<u32>,
    /// Run steps with your own rights, outside any sandbox
    #[arg(long)]
    pub(crate) no_sandbox: bool,
    /// Build anew what has passed before on equal trees
    #[arg(long)]
    pub(crate) no_reuse: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    items: Vec<ItemView<'a>>,
}

#[derive(Serialize)]
struct ItemView<'a> {
    #[serde(flatten)]
    plan: PlanView<'a>,
    partial: bool,
    verdicts: &'a [crossgate_core::decide::Row],
    result: &'a Option<Conclusion>,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::Tip, printer)?;
    no_ranges(&site, &args.selections)?;
    known_names(&site, args)?;
    let changes = selected(&site, &args.selections, args.dirty)?;
    if changes.is_empty() {
        printer.note(NOTHING)?;
    }
    let runner = runner(&site, args.no_sandbox, printer)?;
    let (items, decision) = check(&site, changes, args, &runner, printer)?;
    print(&items, &decision, args, printer)?;
    Ok(exit(&decision.items))
}

/// Returns how a command ends that concluded changes.
pub(crate) fn exit(items: &[ItemState]) -> Exit {
    let exits = items.iter().map(|item| match &item.conclusion {
        Some(Conclusion::MayLand) => Exit::Fine,
        Some(Conclusion::Failed { .. }) | None => Exit::Unanswered,
        Some(Conclusion::MustNotLand { .. } | Conclusion::Conflict(_)) => Exit::No,
    });
    exits.max().unwrap_or(Exit::Fine)
}

/// Runs the loop over changes, in this terminal, until every one is concluded.
pub(crate) fn check(
    site: &Site,
    changes: Vec<Change>,
    args: &Args,
    runner: &LocalRunner,
    printer: &mut Printer,
) -> Result<(Vec<Item>, Decision), CliError> {
    let items = changes.into_iter().map(|change| intake::item(site, change, |entry| wanted(args, entry)));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let engine = Engine::new(site.mirrors().clone(), runner.clone());
    let slots = args.jobs.unwrap_or_else(cores);
    let sandboxed = runner.sandbox() != SandboxState::Off;
    let earlier =
        if args.no_reuse { BTreeMap::default() } else { engine::earlier(runner.archive(), sandboxed) };
    let run = engine::now().as_millis();
    let mut facts = Facts::new(Slots { total: slots, ..Slots::default() }, run);
    facts.earlier = earlier;
    for item in items {
        facts.record(Fact::Joined(Box::new(item)), engine::now());
    }
    let mut progress = Progress::new(printer);
    let result = block_on(&engine, facts, &mut progress);
    progress.finish();
    let (facts, decision) = result?;
    Ok((facts.items().to_vec(), decision))
}

/// Runs the loop; Ctrl-C ends every build first.
fn block_on(
    engine: &Engine,
    facts: Facts,
    progress: &mut Progress<'_>,
) -> Result<(Facts, Decision), CliError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::internal)?;
    let cancel = CancellationToken::new();
    let result = runtime.block_on(async {
        let signal = cancel.clone();
        tokio::spawn(async move {
            signals::interrupted().await;
            signal.cancel();
        });
        engine.run(facts, progress, &cancel).await
    });
    Ok(result?)
}

/// Makes the runner, and says how steps are kept apart from the rest of the machine.
pub(crate) fn runner(site: &Site, no_sandbox: bool, printer: &mut Printer) -> Result<LocalRunner, CliError> {
    let mut settings = Settings::new(site.state_dir());
    settings.sandbox = if no_sandbox { SandboxChoice::Off } else { SandboxChoice::Required };
    let runner = LocalRunner::new(settings)?;
    let sandbox = runner.sandbox();
    if sandbox == SandboxState::Off {
        printer.tell(styled(YELLOW, sandbox))?;
    } else if printer.is_verbose() {
        printer.note(sandbox)?;
    }
    Ok(runner)
}

/// Refuses parts of a change, which nobody proposes to land.
fn no_ranges(site: &Site, selections: &[String]) -> Result<(), CliError> {
    for text in selections {
        if matches!(Selection::parse(site, text)?.what, What::Range(..)) {
            let text = format!("`{text}` is a range of commits, expected a branch or one commit");
            return Err(CliError::usage(text, "`crossgate plan` takes ranges"));
        }
    }
    Ok(())
}

/// Refuses names of drivers and jobs that are not there, since they would leave nothing to run.
fn known_names(site: &Site, args: &Args) -> Result<(), CliError> {
    let (drivers, jobs) = (&site.workspace().drivers, &site.workspace().jobs);
    for name in &args.driver {
        if !drivers.contains_key(name.as_str()) {
            return Err(unknown("driver", name, drivers.keys().map(DriverName::as_str)));
        }
    }
    for name in &args.job {
        if !jobs.keys().any(|job| job.as_str() == name || job.base() == name) {
            return Err(unknown("job", name, jobs.keys().map(JobName::as_str)));
        }
    }
    Ok(())
}

/// Whether an entry of a plan was asked for.
fn wanted(args: &Args, entry: &Entry) -> bool {
    let driver = entry.driver.as_ref().map(DriverName::as_str);
    let by_driver = args.driver.is_empty() || args.driver.iter().any(|name| driver == Some(name));
    let job = entry.job_name();
    let named = |name: &String| job.is_some_and(|job| job.as_str() == name || job.base() == name);
    by_driver && (args.job.is_empty() || args.job.iter().any(named))
}

fn unknown<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> CliError {
    let nearest = nearest(name, known).map(str::to_owned);
    CliError::Server(Error::Unknown { what, name: name.to_owned(), nearest })
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

fn print(items: &[Item], decision: &Decision, args: &Args, printer: &mut Printer) -> Result<(), CliError> {
    let partial = !args.driver.is_empty() || !args.job.is_empty();
    if printer.is_json() {
        let items = items.iter().zip(&decision.items).map(|(item, state)| ItemView {
            plan: plan_view(item.change(), &item.ahead, item.plan()),
            partial,
            verdicts: &state.rows,
            result: &state.conclusion,
        });
        return printer.json(&Output { items: items.collect() });
    }
    for (item, state) in items.iter().zip(&decision.items) {
        printer.raw(matrix::text(item, state, printer.is_verbose()))?;
        printer.raw(matrix::conclusion(item.change(), state, partial))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossgate_core::facts::{ItemId, Pipeline};
    use crossgate_core::ids::ChangeId;

    #[test]
    fn what_could_not_be_found_out_is_no_refusal_and_a_refusal_counts_more() {
        let lands = Conclusion::MayLand;
        let must_not = Conclusion::MustNotLand { blockers: vec![0] };
        let failed = Conclusion::Failed { reason: "no disk".to_owned() };
        let exit_of = |conclusions: &[&Conclusion]| {
            let item = |&conclusion: &&Conclusion| ItemState {
                item: ItemId::default(),
                pipeline: Pipeline::Check,
                change: ChangeId::parse("core@more").unwrap(),
                rows: Vec::new(),
                conclusion: Some(conclusion.clone()),
                wait: None,
                failing: false,
                tree: None,
            };
            exit(&conclusions.iter().map(item).collect::<Vec<_>>())
        };
        assert_eq!(exit_of(&[]), Exit::Fine);
        assert_eq!(exit_of(&[&lands, &lands]), Exit::Fine);
        assert_eq!(exit_of(&[&failed, &lands]), Exit::Unanswered);
        assert_eq!(exit_of(&[&failed, &must_not, &lands]), Exit::No);
    }
}
