//! From a scenario as it is written to one that can be played: every name is looked up, every default filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossgate_core::ids::{ChangeId, JobName, RepoName, RepoPath};
use crossgate_core::scenario::{Durations, Scenario, ScenarioChange, Slots};
use crossgate_core::workspace::RunnerKind;
use jiff::civil::{Date, date};

use super::names::Names;
use super::raw;
use super::workspaces::Workspaces;
use super::{expect, rules, timeline};
use crate::code::Code;
use crate::content::Place;
use crate::field::{Field, List, Located, Map};
use crate::load::check_needed;
use crate::merge::{entries, items};
use crate::problems::Problems;
use crate::scalar::{Id, Moment};

/// The day on which a scenario starts that does not say.
const FIRST_DAY: Date = date(2026, 1, 1);

/// How long a build takes of which nothing is said.
const USUAL: Duration = Duration::from_mins(10);

/// Longest name of a scenario, in characters.
const MAX_NAME: usize = 200;

/// What every part of a scenario is resolved with.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) workspaces: &'a Workspaces<'a>,
    pub(super) problems: &'a Problems,
}

/// Makes the scenario of a file whose top is at a place; what is wrong is recorded. `None` only if something is.
pub(super) fn scenario(mut file: raw::ScenarioFile, top: Place, problems: &Problems) -> Option<Scenario> {
    let needed = [("scenario", file.scenario.is_absent()), ("workspace", file.workspace.is_absent())];
    check_needed(needed, top, problems);
    let starts = file.starts.as_ref().map_or(FIRST_DAY, |day| day.value.0);
    let mut workspaces = Workspaces::take(&mut file, starts, problems);
    let declared = file.changes.as_ref().map_or(&[][..], |changes| &changes.value.0);
    let changes: BTreeSet<ChangeId> = declared.iter().map(|(name, _)| name.value.0.clone()).collect();
    let names = Names::new(changes, workspaces.configured(), problems);
    let resolver = Resolver { names: &names, workspaces: &workspaces, problems };
    let changes = resolver.changes(file.changes);
    let durations = resolver.durations(file.durations);
    let outcomes = items(file.outcomes).filter_map(|rule| rules::outcome(resolver, rule)).collect();
    let landings = items(file.landings).filter_map(|rule| rules::landing(resolver, rule)).collect();
    let history = rules::history(resolver, file.history);
    let timeline = timeline::events(resolver, file.timeline, &changes);
    let expect = file.expect.value().map(|expected| expect::check(expected, &names));
    let workspace = workspaces.of(&file.workspace);
    Some(Scenario {
        name: resolver.name(file.scenario),
        workspace: workspace?,
        starts,
        changes,
        durations,
        slots: slots(file.slots.value().unwrap_or_default()),
        outcomes,
        landings,
        history,
        timeline,
        expect,
    })
}

impl Resolver<'_> {
    fn name(self, given: Field<String>) -> String {
        if let Some(name) =
            given.as_ref().filter(|name| !(1..=MAX_NAME).contains(&name.value.trim().chars().count()))
        {
            self.invalid(
                name.at,
                format!("expected one sentence of 1 to {MAX_NAME} characters"),
                "say what the scenario shows",
            );
        }
        given.value().unwrap_or_default()
    }

    fn changes(self, given: Field<Map<Id<ChangeId>, raw::Change>>) -> BTreeMap<ChangeId, ScenarioChange> {
        let mut changes = BTreeMap::new();
        let mut parents = BTreeMap::new();
        for (Located { value: Id(name), at }, change) in entries(given) {
            let place = change.parent.as_ref().map(|parent| parent.at);
            let made = self.change(&name, at, change);
            parents.extend(made.parent.is_some().then_some(place).flatten().map(|at| (name.clone(), at)));
            changes.insert(name, made);
        }
        self.check_parents(&changes, &parents);
        changes
    }

    /// Makes a change; `at` is its name.
    fn change(self, name: &ChangeId, at: Place, change: raw::Change) -> ScenarioChange {
        if change.repo.is_absent() {
            self.missing(at, "repo", &format!("change `{name}` has no repo: the key `repo` is missing"));
        }
        if let Some(repo) = change.repo.as_ref() {
            self.names.any_repo(repo);
        }
        let conflicts = items(change.conflicts).filter(|other| {
            if other.value.0 == *name {
                let hint = "name the changes that it cannot be merged with";
                self.invalid(other.at, format!("change `{name}` conflicts with itself"), hint);
            }
            other.value.0 != *name
        });
        ScenarioChange {
            repo: change.repo.value().map_or_else(stand_in, |repo| repo.0),
            branch: change.branch.value().map(|branch| branch.0),
            files: paths(change.files),
            depends_on: items(change.depends_on).map(|text| text.value).collect(),
            conflicts: conflicts.filter_map(|other| self.names.known_change(other)).collect(),
            parent: self.names.change(change.parent),
            workspace: self.workspaces.of(&change.workspace),
        }
    }

    /// Checks that commits stand on commits of their own repo, and not on themselves.
    fn check_parents(
        self,
        changes: &BTreeMap<ChangeId, ScenarioChange>,
        parents: &BTreeMap<ChangeId, Place>,
    ) {
        let parent_of = |name: &ChangeId| changes.get(name).and_then(|change| change.parent.as_ref());
        let mut sound: BTreeSet<&ChangeId> = BTreeSet::new();
        for (name, at) in parents {
            let Some(parent) = parent_of(name) else { continue };
            if changes.get(parent).is_some_and(|parent| parent.repo != changes[name].repo) {
                let message = format!("`{parent}`, the parent of `{name}`, is a change of another repo");
                self.invalid(*at, message, "use `depends_on` across repos");
            }
            let mut path = BTreeSet::from([name]);
            let mut next = Some(parent);
            while let Some(ancestor) = next.filter(|ancestor| !sound.contains(ancestor)) {
                if !path.insert(ancestor) {
                    let message = format!("`{name}` stands on itself: its parents lead back to `{ancestor}`");
                    self.invalid(*at, message, "remove one of these parents");
                    break;
                }
                next = parent_of(ancestor);
            }
            sound.extend(path);
        }
    }

    fn durations(self, given: Field<Map<Id<JobName>, Moment>>) -> Durations {
        let mut durations = Durations { default: USUAL, jobs: BTreeMap::new() };
        for (name, span) in given.value().unwrap_or_default().0 {
            let Some(span) = span.value() else { continue };
            if name.value.0.as_str() == "default" {
                durations.default = span.0;
            } else if let Some((job, _)) = self.names.job(Field::Given(name)) {
                durations.jobs.insert(job, span.0);
            }
        }
        durations
    }

    /// Returns the value of a key that something at a place needs.
    pub(super) fn required<T>(self, field: Field<T>, at: Place, key: &str) -> Option<T> {
        if field.is_absent() {
            self.missing(at, key, &format!("the key `{key}` is missing"));
        }
        field.value()
    }

    fn missing(self, at: Place, key: &str, message: &str) {
        self.problems.error(Code::MissingKey, at, message).hint(format!("add `{key}: …`"));
    }

    pub(super) fn invalid(self, at: Place, message: String, hint: &str) {
        self.problems.error(Code::InvalidValue, at, message).hint(hint.to_owned());
    }
}

/// Returns the paths that a list names.
pub(super) fn paths(list: Field<List<String>>) -> Vec<RepoPath> {
    items(list).map(|path| RepoPath::from(path.value.as_str())).collect()
}

fn slots(given: raw::Slots) -> Slots {
    let kinds = [
        (RunnerKind::Local, given.local),
        (RunnerKind::Agent, given.agent),
        (RunnerKind::Actions, given.actions),
        (RunnerKind::Webhook, given.webhook),
        (RunnerKind::Report, given.report),
    ];
    Slots {
        total: 0,
        default: given.default.value().unwrap_or(0),
        runners: kinds.into_iter().filter_map(|(kind, count)| Some((kind, count.value()?))).collect(),
    }
}

/// Stands for a repo that could not be read, which was recorded.
fn stand_in() -> RepoName {
    RepoName::parse("unknown").expect("a word is a name")
}
