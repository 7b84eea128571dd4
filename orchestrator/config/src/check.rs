//! What must hold over the whole workspace, one named check each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crossgate_core::graph::{self, Graph};
use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use crossgate_core::steps::{self, StepContext, StepError};
use crossgate_core::workspace::{Mode, Origin, Role, Workspace};
use jiff::civil::Date;

use crate::code::Code;
use crate::problems::Problems;

/// Most drivers of a workspace, all files together.
const MAX_DRIVERS: usize = 10_000;

/// A workspace in which every name was looked up, and what a check may ask beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'a> {
    pub(crate) workspace: &'a Workspace,
    /// The repos whose role is known.
    pub(crate) roles: &'a BTreeSet<RepoName>,
    pub(crate) today: Date,
    pub(crate) problems: &'a Problems,
}

/// Once so many steps do not render, the rest is not tried: a step may use up much time before it fails.
const MAX_BROKEN_STEPS: usize = 100;

const CHECKS: &[fn(Checked<'_>)] = &[
    drivers_in_all,
    repo_cycle,
    job_cycle,
    roles,
    sanity,
    opt_ins,
    repos_without_driver,
    drivers_without_jobs,
    step_templates,
];

/// Runs every check.
pub(crate) fn all(checked: Checked<'_>) {
    for check in CHECKS {
        check(checked);
    }
}

fn drivers_in_all(Checked { workspace, problems, .. }: Checked<'_>) {
    let (count, last) = (workspace.drivers.len(), workspace.drivers.values().last());
    if let Some(last) = last.filter(|_| count > MAX_DRIVERS) {
        problems
            .error(
                Code::TooMany,
                problems.place(&last.at),
                format!("{count} drivers: expected at most {MAX_DRIVERS}"),
            )
            .hint("split the workspace".to_owned());
    }
}

fn chain<T: Display>(cycle: &[T]) -> String {
    let names: Vec<String> = cycle.iter().chain(cycle.first()).map(|name| format!("{name}")).collect();
    names.join(" -> ")
}

fn repo_cycle(Checked { workspace, problems, .. }: Checked<'_>) {
    let Some(cycle) = graph::cycle(&workspace.repos) else { return };
    let edge = |from: &RepoName, to: &RepoName| {
        let dependency = workspace.repos[from].depends_on.iter().find(|dependency| dependency.value == *to);
        problems.place(dependency.map_or(&Origin::Default, |dependency| &dependency.at))
    };
    let edges = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let mut places = edges.map(|(from, to)| (edge(from, to), format!("`{from}` depends on `{to}`")));
    let Some((first, _)) = places.next() else { return };
    let found = problems
        .error(Code::RepoCycle, first, format!("repos depend on each other: {}", chain(&cycle)))
        .hint("remove one of these dependencies".to_owned());
    places.fold(found, |found, (at, message)| found.related(at, message));
}

fn job_cycle(Checked { workspace, problems, .. }: Checked<'_>) {
    let mut open: BTreeMap<&JobName, BTreeSet<&JobName>> = BTreeMap::new();
    for (name, job) in &workspace.jobs {
        open.insert(name, job.needs.iter().map(|need| &need.value.job).collect());
    }
    let Some(cycle) = knot(&mut open) else { return };
    let need = |(from, to): (&JobName, &JobName)| {
        let need = workspace.jobs[from].needs.iter().find(|need| need.value.job == *to);
        let at = problems.place(need.map_or(&Origin::Default, |need| &need.at));
        (at, format!("`{from}` needs `{to}`"))
    };
    let edges = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let mut places = edges.map(|(from, to)| need((from, to)));
    let Some((first, _)) = places.next() else { return };
    let found = problems
        .error(Code::JobCycle, first, format!("jobs need each other: {}", chain(&cycle)))
        .hint("remove one of these needs".to_owned());
    places.fold(found, |found, (at, message)| found.related(at, message));
}

/// Returns a cycle, after taking away, again and again, what needs nothing that is left.
fn knot<'a>(open: &mut BTreeMap<&'a JobName, BTreeSet<&'a JobName>>) -> Option<Vec<&'a JobName>> {
    let mut needed_by: BTreeMap<&JobName, Vec<&JobName>> = BTreeMap::new();
    for (job, needs) in open.iter() {
        for need in needs {
            needed_by.entry(need).or_default().push(job);
        }
    }
    let mut free: Vec<&JobName> =
        open.iter().filter(|(_, needs)| needs.is_empty()).map(|(job, _)| *job).collect();
    while let Some(job) = free.pop() {
        open.remove(job);
        for dependent in needed_by.remove(job).unwrap_or_default() {
            let needs = open.get_mut(dependent);
            if needs.is_some_and(|needs| needs.remove(job) && needs.is_empty()) {
                free.push(dependent);
            }
        }
    }
    let mut path = vec![*open.keys().next()?];
    loop {
        let next = *open[path.last()?].iter().find(|need| open.contains_key(*need))?;
        if let Some(at) = path.iter().position(|seen| *seen == next) {
            return Some(path.split_off(at));
        }
        path.push(next);
    }
}

fn roles(Checked { workspace, roles, problems, .. }: Checked<'_>) {
    let role =
        |repo: &RepoName| workspace.repos.get(repo).filter(|_| roles.contains(repo)).map(|repo| repo.role);
    for (name, driver) in &workspace.drivers {
        if let Some(other) = role(&driver.repo).filter(|role| *role != Role::Driver) {
            let message =
                format!("driver `{name}` is in repo `{}`, whose role is `{}`", driver.repo, word(other));
            problems
                .error(Code::WrongRole, problems.place(&driver.at), message)
                .related(problems.place(&workspace.repos[&driver.repo].at), "the repo")
                .hint("give the repo `role: driver`, or put the driver into another repo".to_owned());
        }
    }
    for (name, common) in &workspace.common {
        if role(name) == Some(Role::Driver) {
            let at = if common.own_changes.at == Origin::Default {
                &common.sanity.at
            } else {
                &common.own_changes.at
            };
            problems
                .error(
                    Code::WrongRole,
                    problems.place(at),
                    format!("repo `{name}` is under `common`, but its role is `driver`"),
                )
                .hint("jobs for a driver's own changes stand under `drivers`, `own_changes`".to_owned());
        }
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Common => "common",
        Role::Library => "library",
        Role::Driver => "driver",
    }
}

fn sanity(Checked { workspace, roles, problems, .. }: Checked<'_>) {
    let graph = Graph::new(workspace);
    for (name, repo) in workspace.repos.iter().filter(|(name, _)| roles.contains(*name)) {
        let behind = graph.behind(name);
        let sanity = workspace.common.get(name).map(|common| &common.sanity);
        let drivers = sanity.map_or(&[][..], |sanity| &sanity.value);
        if repo.role == Role::Common && drivers.is_empty() {
            no_sanity(workspace, name, &behind.into_keys().collect(), problems);
            continue;
        }
        let at = sanity.map_or(&Origin::Default, |sanity| &sanity.at);
        for driver in drivers {
            let Some(known) = workspace.drivers.get(driver) else { continue };
            if workspace.repos.contains_key(&known.repo) && !behind.contains_key(&known.repo) {
                let message = format!("sanity driver `{driver}` does not depend on `{name}`");
                problems
                    .error(Code::SanityNotBehind, problems.place(at), message)
                    .related(problems.place(&known.at), "the driver")
                    .hint(format!(
                        "add `{name}` to `depends_on` of repo `{}`, or choose another driver",
                        known.repo
                    ));
            }
            let votes = |job: &JobName| workspace.jobs.get(job).is_none_or(|job| job.voting);
            if !known.common_changes.jobs.value.iter().any(votes) {
                let message = format!("sanity driver `{driver}` has no voting jobs for common changes");
                problems
                    .error(Code::SanityWithoutJobs, problems.place(at), message)
                    .related(problems.place(&known.at), "the driver")
                    .hint("list them under `common_changes`, `jobs`".to_owned());
            }
        }
    }
}

fn no_sanity(workspace: &Workspace, name: &RepoName, behind: &BTreeSet<RepoName>, problems: &Problems) {
    let mut near = workspace.drivers.iter().filter(|(_, driver)| behind.contains(&driver.repo));
    let best = near.clone().find(|(_, driver)| driver.common_changes.mode.value == Mode::Gating);
    let driver = best.or_else(|| near.next()).map_or("DRIVER", |(name, _)| name.as_str());
    problems
        .error(
            Code::NoSanityDriver,
            problems.place(&workspace.repos[name].at),
            format!("nothing always gates changes of `{name}`: expected at least one sanity driver"),
        )
        .hint(format!("add `common: {{ {name}: {{ sanity: [{driver}] }} }}`"));
}

fn opt_ins(Checked { workspace, today, problems, .. }: Checked<'_>) {
    for (name, driver) in &workspace.drivers {
        let common = &driver.common_changes;
        let Some(until) = &common.until else { continue };
        if common.stance(today) != common.mode.value {
            let message =
                format!("the opt-in of `{name}` ended on {}: its gating acts as advisory", until.value);
            problems
                .warning(Code::ExpiredOptIn, problems.place(&until.at), message)
                .hint("set a later day to renew it".to_owned());
        }
    }
}

fn repos_without_driver(Checked { workspace, roles, problems, .. }: Checked<'_>) {
    let held: BTreeSet<&RepoName> = workspace.drivers.values().map(|driver| &driver.repo).collect();
    for (name, repo) in workspace.repos.iter().filter(|(name, _)| roles.contains(*name)) {
        if repo.role == Role::Driver && !held.contains(name) {
            problems
                .warning(
                    Code::RepoWithoutDriver,
                    problems.place(&repo.at),
                    format!("no driver is declared in `{name}`"),
                )
                .hint("declare it under `drivers`, here or in the repo's `.crossgate.yaml`".to_owned());
        }
    }
}

fn drivers_without_jobs(Checked { workspace, problems, .. }: Checked<'_>) {
    for (name, driver) in &workspace.drivers {
        let common = &driver.common_changes;
        let stands = common.mode.at != Origin::Default && common.mode.value != Mode::Off;
        if stands && common.jobs.value.is_empty() && common.jobs.at == Origin::Default {
            let message = format!(
                "`{name}` is {} on common changes, but no job runs for them",
                common.mode.value.word()
            );
            problems
                .warning(Code::DriverWithoutJobs, problems.place(&common.mode.at), message)
                .hint("list them under `common_changes`, `jobs`, or set `mode: off`".to_owned());
        }
    }
}

fn step_templates(Checked { workspace, problems, .. }: Checked<'_>) {
    let alone = used(workspace, workspace.common.values().flat_map(|common| &common.own_changes.value));
    let drivers = workspace.drivers.values();
    let listed =
        drivers.flat_map(|driver| driver.own_changes.value.iter().chain(&driver.common_changes.jobs.value));
    let by_drivers = used(workspace, listed);
    let repos: BTreeSet<RepoName> = workspace.repos.keys().cloned().collect();
    let driver = DriverName::parse("driver").expect("a word is a name");
    let change = ChangeId::parse("change").expect("a word is a change");
    let repo = RepoName::parse("repo").expect("a word is a name");
    let mut seen = BTreeSet::new();
    let mut broken = 0;
    for (name, job) in workspace.jobs.iter().filter(|(_, job)| seen.insert(&job.at)) {
        let with = by_drivers.contains(name) || !alone.contains(name);
        let settings = [with.then_some(Some((&driver, &repo))), alone.contains(name).then_some(None)];
        for step in &job.steps {
            let render = |driver| {
                let (matrix, repos) = (&job.matrix, Some(&repos));
                steps::render(&step.value, &StepContext { driver, change: &change, job: name, matrix, repos })
            };
            if broken == MAX_BROKEN_STEPS {
                return;
            }
            if let Some(error) = settings.iter().flatten().find_map(|driver| render(*driver).err()) {
                broken += 1;
                let at = line(&error).map_or_else(
                    || problems.place(&step.at),
                    |line| problems.place_of_line(&step.at, &step.value, line),
                );
                problems.error(Code::StepTemplate, at, error.to_string()).hint(error.hint());
            }
        }
    }
}

fn line(error: &StepError) -> Option<usize> {
    match error {
        StepError::Template { line, .. } | StepError::Unseen { line, .. } | StepError::Undefined { line } => {
            *line
        }
        StepError::TooLong { .. } => None,
    }
}

/// Returns jobs and all that they need.
fn used<'a>(workspace: &'a Workspace, listed: impl Iterator<Item = &'a JobName>) -> BTreeSet<&'a JobName> {
    let mut open: Vec<&JobName> = listed.collect();
    let mut used = BTreeSet::new();
    while let Some(name) = open.pop() {
        if used.insert(name) {
            let needs = workspace.jobs.get(name).map_or(&[][..], |job| &job.needs);
            open.extend(needs.iter().map(|need| &need.value.job));
        }
    }
    used
}
