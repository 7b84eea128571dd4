//! `crossgate plan`: what would run and what not, and why.

use crossgate_core::change::Change;
use crossgate_core::ids::RepoPath;
use crossgate_core::plan::{Plan, plan};
use crossgate_server::intake::{self, Selection, What};
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;
use crate::render;

/// Print what would run for a change and what would not, each with its chain of reasons
///
/// Without a selection: for every repo whose checkout proposes something that has not landed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crossgate plan
  crossgate plan nova-common@add-field
  crossgate plan nova-common@HEAD~3..HEAD
  crossgate plan nova-common --files api/src/node.rs --files docs/intro.md")]
pub(crate) struct Args {
    /// What to plan: `REPO`, `REPO@REV` or `REPO@A..B`
    #[arg(value_name = "REPO[@REV|@A..B]")]
    selections: Vec<String>,
    /// Plan as if these paths changed (needs exactly one REPO)
    #[arg(long, value_name = "PATH")]
    files: Vec<String>,
    /// Take uncommitted work in
    #[arg(long)]
    dirty: bool,
    /// Print only what runs
    #[arg(long)]
    selected: bool,
}

/// The plan of one change, for programs.
#[derive(Serialize)]
pub(crate) struct PlanView<'a> {
    change: &'a Change,
    jobs: Vec<EntryView<'a>>,
}

/// One job of a plan, for programs.
#[derive(Serialize)]
struct EntryView<'a> {
    driver: Option<&'a str>,
    repo: &'a str,
    job: Option<&'a str>,
    runs: bool,
    vote: Option<crossgate_core::plan::Vote>,
    reasons: &'a [crossgate_core::reason::Reason],
}

#[derive(Serialize)]
struct Output<'a> {
    plans: Vec<PlanView<'a>>,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::Tip, printer)?;
    let changes = changes(&site, args)?;
    let mut plans = Vec::new();
    for change in &changes {
        let (workspace, graph) = site.at(&change.repo, &change.head)?;
        plans.push(plan(&workspace, &graph, change, site.today()));
    }
    if printer.is_json() {
        let plans = changes.iter().zip(&plans).map(|(change, plan)| view(change, plan)).collect();
        printer.json(&Output { plans })?;
        return Ok(Exit::Fine);
    }
    if changes.is_empty() {
        printer.note(NOTHING)?;
    }
    for (change, plan) in changes.iter().zip(&plans) {
        printer.raw(render::plan::text(change, plan, args.selected))?;
    }
    Ok(Exit::Fine)
}

/// Said when no checkout proposes anything.
pub(crate) const NOTHING: &str = "nothing to do: every checkout stands where its branch has landed (name a change: REPO@BRANCH, or use --dirty)";

fn changes(site: &Site, args: &Args) -> Result<Vec<Change>, CliError> {
    if args.files.is_empty() {
        return selected(site, &args.selections, args.dirty);
    }
    let [repo] = args.selections.as_slice() else {
        return Err(CliError::usage(
            "`--files` needs exactly one REPO",
            "crossgate plan nova-common --files api/src/lib.rs",
        ));
    };
    let paths = args.files.iter().map(|path| RepoPath::from(path.as_str())).collect();
    let selection = Selection { repo: site.repo(repo)?.clone(), what: What::Paths(paths) };
    Ok(intake::change(site, &selection)?.into_iter().collect())
}

/// Returns the changes that were named; without a name, those that the checkouts propose.
pub(crate) fn selected(site: &Site, texts: &[String], dirty: bool) -> Result<Vec<Change>, CliError> {
    let what = if dirty { What::Dirty } else { What::Head };
    let mut changes = Vec::new();
    if texts.is_empty() {
        for repo in site.mirrors().keys() {
            changes.extend(intake::change(site, &Selection { repo: repo.clone(), what: what.clone() })?);
        }
        return Ok(changes);
    }
    for text in texts {
        let mut selection = Selection::parse(site, text)?;
        if selection.what == What::Head {
            selection.what = what.clone();
        }
        let change = intake::change(site, &selection)?.ok_or_else(|| {
            CliError::usage(
                format!("`{text}` proposes nothing that has not landed"),
                "name a branch with commits of its own: REPO@BRANCH, or use --dirty for uncommitted work",
            )
        })?;
        changes.push(change);
    }
    Ok(changes)
}

/// Returns a plan in the shape that programs read.
pub(crate) fn view<'a>(change: &'a Change, plan: &'a Plan) -> PlanView<'a> {
    let jobs = plan.entries.iter().map(|entry| EntryView {
        driver: entry.driver.as_ref().map(crossgate_core::ids::DriverName::as_str),
        repo: entry.repo.as_str(),
        job: entry.job_name().map(crossgate_core::ids::JobName::as_str),
        runs: entry.runs(),
        vote: entry.vote(),
        reasons: &entry.reasons,
    });
    PlanView { change, jobs: jobs.collect() }
}
