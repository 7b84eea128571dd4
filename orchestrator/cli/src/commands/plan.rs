//! `crossgate plan`: what would run and what not, and why.

use crossgate_core::change::Change;
use crossgate_core::ids::RepoPath;
use crossgate_core::plan::plan;
use crossgate_server::intake::{self, Selection, What};
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::Printer;
use crate::render;
use crate::selection::{NOTHING, selected};
use crate::view::{PlanView, plan_view};

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
    /// What to plan: `REPO`, `REPO@REV` or `REPO@A..B`, and onto which branch if not the repo's default
    #[arg(value_name = "REPO[@REV|@A..B][:BRANCH]")]
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

#[derive(Serialize)]
struct Output<'a> {
    plans: Vec<PlanView<'a>>,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::Tip, printer)?;
    let changes = changes(&site, args)?;
    let mut plans = Vec::new();
    for change in &changes {
        let (workspace, graph) = site.for_change(change)?;
        plans.push((intake::ahead(&site, change)?, plan(&workspace, &graph, change, site.today())));
    }
    if printer.is_json() {
        let plans = changes
            .iter()
            .zip(&plans)
            .map(|(change, (ahead, plan))| plan_view(change, ahead, plan))
            .collect();
        printer.json(&Output { plans })?;
        return Ok(Exit::Fine);
    }
    if changes.is_empty() {
        printer.note(NOTHING)?;
    }
    for (change, (ahead, plan)) in changes.iter().zip(&plans) {
        printer.raw(render::plan::text(change, ahead, plan, args.selected))?;
    }
    Ok(Exit::Fine)
}

fn changes(site: &Site, args: &Args) -> Result<Vec<Change>, CliError> {
    if args.files.is_empty() {
        return selected(site, &args.selections, args.dirty);
    }
    let misused = || {
        let text = "`--files` needs exactly one REPO";
        CliError::usage(text, "crossgate plan nova-common --files api/src/lib.rs")
    };
    let [text] = args.selections.as_slice() else { return Err(misused()) };
    let named = Selection::parse(site, text)?;
    if named.what != What::Head {
        return Err(misused());
    }
    let paths = args.files.iter().map(|path| RepoPath::from(path.as_str())).collect();
    let selection = Selection { what: What::Paths(paths), ..named };
    Ok(intake::change(site, &selection)?.into_iter().collect())
}
