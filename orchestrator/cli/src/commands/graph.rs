//! `crossgate graph`: the repos and drivers, and what a change reaches.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crossgate_core::change::Change;
use crossgate_core::ids::{ChangeId, CommitId, RepoName, RepoPath};
use crossgate_core::plan::{Plan, plan};
use crossgate_core::workspace::{Driver, DriverKind, Role, Workspace};
use crossgate_server::site::{RepoFiles, Site};
use serde::Serialize;

use crate::cli::Format;
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{BOLD, DIM, Printer, styled};
use crate::render;
use crate::view::{PlanView, plan_view};

/// Print the repos and drivers and how they are built with each other, or what a change reaches
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crossgate graph
  crossgate graph --format mermaid
  crossgate graph --impact nova-common:api/src/node.rs")]
pub(crate) struct Args {
    /// Print what a change of this repo reaches; with paths: a change of these paths
    #[arg(long, value_name = "REPO[:PATH]")]
    impact: Vec<String>,
}

#[derive(Serialize)]
struct Output<'a> {
    repos: Vec<RepoView<'a>>,
    drivers: Vec<DriverView<'a>>,
}

#[derive(Serialize)]
struct RepoView<'a> {
    name: &'a str,
    role: Role,
    branch: &'a str,
    depends_on: Vec<&'a str>,
    here: bool,
}

#[derive(Serialize)]
struct DriverView<'a> {
    name: &'a str,
    repo: &'a str,
    kind: DriverKind,
    mode: &'static str,
    sanity: bool,
    paths: &'a [String],
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let site = context.site(RepoFiles::Tip, printer)?;
    if !args.impact.is_empty() {
        if matches!(printer.format(), Format::Dot | Format::Mermaid) {
            return Err(CliError::usage(
                "what a change reaches is not drawn",
                "use `--format text` or `--format json`",
            ));
        }
        return impact(&site, &args.impact, printer);
    }
    match printer.format() {
        Format::Text => printer.raw(tree(&site))?,
        Format::Json => printer.json(&output(&site))?,
        Format::Dot => printer.raw(dot(&site))?,
        Format::Mermaid => printer.raw(mermaid(&site))?,
    }
    Ok(Exit::Fine)
}

/// Prints the plan of a change that would touch paths: all that are named for one repo together.
fn impact(site: &Site, texts: &[String], printer: &mut Printer) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct Impact<'a> {
        plans: Vec<PlanView<'a>>,
    }
    let mut wanted: Vec<(RepoName, Vec<RepoPath>)> = Vec::new();
    for text in texts {
        let (repo, path) =
            text.split_once(':').map_or((text.as_str(), None), |(repo, path)| (repo, Some(path)));
        let repo = site.repo(repo)?.clone();
        let paths = path.map(RepoPath::from);
        match wanted.iter_mut().find(|(known, _)| *known == repo) {
            Some((_, known)) => known.extend(paths),
            None => wanted.push((repo, paths.into_iter().collect())),
        }
    }
    let plans: Vec<(Change, Plan)> =
        wanted.into_iter().map(|(repo, paths)| imagined(site, repo, paths)).collect();
    if printer.is_json() {
        printer.json(&Impact {
            plans: plans.iter().map(|(change, plan)| plan_view(change, &[], plan)).collect(),
        })?;
        return Ok(Exit::Fine);
    }
    for (change, plan) in &plans {
        printer.raw(render::plan::text(change, &[], plan, false))?;
    }
    Ok(Exit::Fine)
}

fn imagined(site: &Site, repo: RepoName, paths: Vec<RepoPath>) -> (Change, Plan) {
    let nowhere = CommitId::parse(&"0".repeat(40)).expect("40 digits are a commit id");
    let change = Change {
        id: ChangeId::parse(&format!("{repo}@any")).expect("a repo's name has no blanks"),
        branch: site.workspace().repos[&repo].branch.clone(),
        head: nowhere,
        revision: 1,
        title: "any change of these paths".to_owned(),
        paths,
        depends_on: Vec::new(),
        repo,
    };
    let plan = plan(site.workspace(), site.graph(), &change, site.today());
    (change, plan)
}

fn output(site: &Site) -> Output<'_> {
    let workspace = site.workspace();
    let repos = workspace.repos.iter().map(|(name, repo)| RepoView {
        name: name.as_str(),
        role: repo.role,
        branch: repo.branch.as_str(),
        depends_on: repo.depends_on.iter().map(|dependency| dependency.value.as_str()).collect(),
        here: site.mirrors().contains_key(name),
    });
    let drivers = workspace.drivers.iter().map(|(name, driver)| DriverView {
        name: name.as_str(),
        repo: driver.repo.as_str(),
        kind: driver.kind,
        mode: driver.common_changes.stance(site.today()).word(),
        sanity: is_sanity(workspace, name.as_str()),
        paths: driver.paths.value.patterns(),
    });
    Output { repos: repos.collect(), drivers: drivers.collect() }
}

fn is_sanity(workspace: &Workspace, driver: &str) -> bool {
    workspace.common.values().any(|common| common.sanity.value.iter().any(|name| name.as_str() == driver))
}

/// The graph as a tree, from the repos that are built with nothing down. A repo that hangs at several places is opened at
/// the first.
fn tree(site: &Site) -> String {
    let mut text = String::new();
    let mut opened = BTreeSet::new();
    let roots = site.workspace().repos.iter().filter(|(_, repo)| repo.depends_on.is_empty());
    for (name, _) in roots {
        branch(site, name, "", "", &mut opened, &mut text);
    }
    text
}

fn branch(
    site: &Site,
    name: &RepoName,
    lead: &str,
    below: &str,
    opened: &mut BTreeSet<RepoName>,
    text: &mut String,
) {
    let workspace = site.workspace();
    let role = match workspace.repos[name].role {
        Role::Common => "common",
        Role::Library => "library",
        Role::Driver => "driver",
    };
    let first = opened.insert(name.clone());
    let note = match (first, site.missing().contains_key(name)) {
        (false, _) => " (above)",
        (true, true) => " (not here)",
        (true, false) => "",
    };
    let line = format!("{lead}{} {}", styled(BOLD, name), styled(DIM, format!("{role}{note}")));
    writeln!(text, "{line}").expect("a string takes all text");
    if !first {
        return;
    }
    let drivers: Vec<_> = workspace.drivers_of(name).collect();
    let dependents = site.graph().dependents(name);
    let count = drivers.len() + dependents.len();
    for (index, (driver, settings)) in drivers.iter().enumerate() {
        let lead = if index + 1 == count { "└─ " } else { "├─ " };
        let about = about(site, driver.as_str(), settings);
        writeln!(text, "{below}{lead}{driver} {}", styled(DIM, about)).expect("a string takes all text");
    }
    for (index, dependent) in dependents.iter().enumerate() {
        let last = drivers.len() + index + 1 == count;
        let (lead, more) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        branch(site, dependent, &format!("{below}{lead}"), &format!("{below}{more}"), opened, text);
    }
}

fn about(site: &Site, name: &str, driver: &Driver) -> String {
    let kind = match driver.kind {
        DriverKind::Hypervisor => "hypervisor",
        DriverKind::Cluster => "cluster",
    };
    let sanity = if is_sanity(site.workspace(), name) { ", sanity" } else { "" };
    format!("{kind}, {}{sanity}", driver.common_changes.stance(site.today()).word())
}

fn dot(site: &Site) -> String {
    let workspace = site.workspace();
    let mut text = String::from("digraph workspace {\n  rankdir=LR;\n");
    for (name, repo) in &workspace.repos {
        writeln!(text, "  \"{name}\" [shape=box];").expect("a string takes all text");
        for dependency in &repo.depends_on {
            writeln!(text, "  \"{}\" -> \"{name}\";", dependency.value).expect("a string takes all text");
        }
    }
    for (name, driver) in &workspace.drivers {
        let mode = driver.common_changes.stance(site.today()).word();
        writeln!(
            text,
            "  \"driver {name}\" [label=\"{name}\\n{mode}\"];\n  \"{}\" -> \"driver {name}\" [style=dashed];",
            driver.repo
        )
        .expect("a string takes all text");
    }
    text + "}\n"
}

fn mermaid(site: &Site) -> String {
    let workspace = site.workspace();
    let mut text = String::from("graph LR\n");
    let number = |repo: &RepoName| workspace.repos.keys().position(|name| name == repo).unwrap_or_default();
    for (name, repo) in &workspace.repos {
        writeln!(text, "  r{}[\"{name}\"]", number(name)).expect("a string takes all text");
        for dependency in &repo.depends_on {
            writeln!(text, "  r{} --> r{}", number(&dependency.value), number(name))
                .expect("a string takes all text");
        }
    }
    for (index, (name, driver)) in workspace.drivers.iter().enumerate() {
        let mode = driver.common_changes.stance(site.today()).word();
        writeln!(text, "  r{} -.-> d{index}([\"{name}: {mode}\"])", number(&driver.repo))
            .expect("a string takes all text");
    }
    text
}
