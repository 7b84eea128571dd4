//! From what the files declare to the checked workspace: every name is looked up, every default filled in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossgate_core::glob::Globs;
use crossgate_core::ids::{BranchName, JobName, RepoName, SemaphoreName};
use crossgate_core::workspace::{self as core, Origin, Setting, Workspace};

use crate::code::Code;
use crate::content::Place;
use crate::field::{Field, List, Located, Map};
use crate::matrix;
use crate::merge::{Declared, DeclaredDriver, DeclaredJob, entries, items};
use crate::names::Names;
use crate::problems::Problems;
use crate::raw;
use crate::scalar::{Id, NeedText, Pattern};

/// Most steps of one job.
const MAX_STEPS: usize = 100;

/// Most tries of a job.
const MAX_ATTEMPTS: u32 = 10;

/// Longest name of a workspace, in characters.
const MAX_WORKSPACE_NAME: usize = 100;

/// Most jobs that a job may need, each value of a matrix counted.
const MAX_NEEDS: usize = 100;

/// Makes checked values; what is wrong is recorded, and stands for its default.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    names: Names<'a>,
    problems: &'a Problems,
    /// Whether a job without steps is wrong.
    steps_needed: bool,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(file: &raw::WorkspaceFile, declared: &Declared, problems: &'a Problems) -> Self {
        Self { names: Names::new(file, declared, problems), problems, steps_needed: true }
    }

    /// Lets jobs be without steps.
    pub(crate) fn without_steps(self) -> Self {
        Self { steps_needed: false, ..self }
    }

    /// Makes the checked workspace, as far as it can be made.
    pub(crate) fn workspace(&self, file: raw::WorkspaceFile, declared: Declared) -> Workspace {
        let mut jobs = BTreeMap::new();
        for (name, job) in declared.jobs {
            jobs.extend(self.job(&name, job).into_iter().map(|job| (job.name.clone(), Arc::new(job))));
        }
        let common = declared.common.into_iter().map(|(name, (at, common))| {
            self.names.repo(&Located { value: name.clone(), at });
            let common = self.common(&name, common);
            (name, common)
        });
        Workspace {
            common: common.collect(),
            drivers: declared.drivers.into_iter().map(|(name, driver)| (name, self.driver(driver))).collect(),
            jobs,
            name: self.name(file.workspace),
            forge: self.forge(file.forge),
            repos: entries(file.repos)
                .map(|(name, repo)| (name.value.0.clone(), self.repo(name.at, repo)))
                .collect(),
            pipelines: self.pipelines(file.pipelines.value().unwrap_or_default()),
            semaphores: self.semaphores(file.semaphores),
            policy: self.policy(file.policy),
        }
    }

    pub(crate) fn name(&self, given: Field<String>) -> String {
        if let Field::Given(name) = &given
            && !(1..=MAX_WORKSPACE_NAME).contains(&name.value.chars().count())
        {
            self.invalid(name.at, format!("expected a name of 1 to {MAX_WORKSPACE_NAME} characters"));
        }
        given.value().unwrap_or_default()
    }

    pub(crate) fn forge(&self, given: Field<raw::Forge>) -> core::Forge {
        let Some(Located { value: raw::Forge { local, github }, at }) = given.given() else {
            return core::Forge::None;
        };
        match (local, github) {
            (Field::Given(local), Field::Absent) => {
                let path = self.required(local.value.path, local.at, "path").unwrap_or_default();
                core::Forge::Local { path }
            }
            (Field::Absent, Field::Given(github)) => core::Forge::Github {
                owner: self.required(github.value.owner, github.at, "owner").unwrap_or_default(),
                api: github.value.api.value(),
            },
            (Field::Bad, _) | (_, Field::Bad) => core::Forge::None,
            (Field::Absent, Field::Absent) | (Field::Given(_), Field::Given(_)) => {
                self.invalid(at, "expected one forge, either `local` or `github`".to_owned());
                core::Forge::None
            }
        }
    }

    /// Makes a repo; `at` is its name.
    pub(crate) fn repo(&self, at: Place, repo: raw::Repo) -> core::Repo {
        if let Some(url) = repo.url.as_ref().filter(|url| url.value.starts_with('-')) {
            self.invalid(url.at, "expected an address or a path, found an option of git".to_owned());
        }
        let depends_on = items(repo.depends_on).map(|name| Located { value: name.value.0, at: name.at });
        let depends_on = depends_on.inspect(|name| self.names.repo(name));
        core::Repo {
            role: self.required(repo.role, at, "role").map_or(core::Role::Library, Into::into),
            branch: repo.branch.value().map_or_else(main_branch, |branch| branch.0),
            merge: repo.merge.value().map_or_else(Default::default, Into::into),
            depends_on: depends_on.map(|name| self.set(name)).collect(),
            url: repo.url.value(),
            path: repo.path.value(),
            labels: texts(repo.labels),
            at: self.problems.origin(at),
        }
    }

    fn common(&self, repo: &RepoName, common: raw::Common) -> core::CommonRepo {
        let sanity = self.list_origin(&common.sanity);
        let known = items(common.sanity).map(|name| Located { value: name.value.0, at: name.at });
        let known = known.inspect(|name| self.names.driver(name));
        core::CommonRepo {
            own_changes: self.names.job_list(common.own_changes, Some(repo)),
            sanity: Setting { value: known.map(|name| name.value).collect(), at: sanity },
        }
    }

    fn driver(&self, DeclaredDriver { at, driver }: DeclaredDriver) -> core::Driver {
        let repo = driver.repo.as_ref().map(|repo| Located { value: repo.value.0.clone(), at: repo.at });
        if let Some(repo) = &repo {
            self.names.repo(repo);
        }
        self.required(driver.repo, at, "repo");
        let repo = repo.map(|repo| repo.value);
        let team = driver.team.value().unwrap_or_default();
        core::Driver {
            paths: self.globs(driver.paths, &["**"]),
            kind: driver.kind.value().map_or_else(Default::default, Into::into),
            api: self.at_least(driver.api, 1),
            team: core::Team {
                reviewers: texts(team.reviewers),
                contact: team.contact.value(),
                docs: team.docs.value(),
            },
            own_changes: self.names.job_list(driver.own_changes, repo.as_ref()),
            common_changes: self
                .common_changes(driver.common_changes.value().unwrap_or_default(), repo.as_ref()),
            ci: self.ci(driver.ci),
            branches: entries_of_branches(driver.branches),
            at: self.problems.origin(at),
            repo: repo.unwrap_or_else(|| RepoName::parse("unknown").expect("a word is a name")),
        }
    }

    fn common_changes(&self, given: raw::CommonChanges, repo: Option<&RepoName>) -> core::CommonChanges {
        core::CommonChanges {
            mode: self.setting(given.mode, raw::Mode::Advisory).map(Into::into),
            jobs: self.names.job_list(given.jobs, repo),
            ignore: self.globs(given.ignore, &[]),
            deadline: given.deadline.value().map(|span| span.0),
            absent: given.absent.value().map_or_else(Default::default, Into::into),
            until: given.until.given().map(|day| self.set(Located { value: day.value.0, at: day.at })),
        }
    }

    fn ci(&self, given: Field<raw::Ci>) -> core::Ci {
        let Some(Located { value: ci, at }) = given.given() else { return core::Ci::default() };
        let kind = ci.runner.as_ref().map(|runner| runner.value);
        let place = ci.runner.as_ref().map_or(at, |runner| runner.at);
        let need = |field: Field<String>, runner: raw::RunnerKind, key: &str| {
            if kind == Some(runner) { self.required(field, place, key) } else { field.value() }
        };
        core::Ci {
            workflow: need(ci.workflow, raw::RunnerKind::Actions, "workflow"),
            url: need(ci.url, raw::RunnerKind::Webhook, "url"),
            context: need(ci.context, raw::RunnerKind::Report, "context"),
            slots: self.at_least(ci.slots, 1),
            runner: self.setting(ci.runner, raw::RunnerKind::Local).map(Into::into),
        }
    }

    /// Makes a job once for each value of its matrix.
    fn job(&self, name: &JobName, DeclaredJob { at, job, owner }: DeclaredJob) -> Vec<core::Job> {
        let semaphore = job.semaphore.given().map(|held| Located { value: held.value.0, at: held.at });
        if let Some(held) = &semaphore {
            self.names.semaphore(held);
        }
        let attempts = self.at_least(job.attempts, 1).unwrap_or(3);
        if attempts > MAX_ATTEMPTS {
            self.invalid(at, format!("`{name}` has {attempts} attempts: expected at most {MAX_ATTEMPTS}"));
        }
        let template = core::Job {
            name: name.clone(),
            description: job.description.value(),
            files: self.globs(job.files, &[]),
            ignore: self.globs(job.ignore, &[]),
            needs: self.needs(job.needs, owner.as_ref()),
            voting: job.voting.value().unwrap_or(true),
            holds_followers: job.holds_followers.value().unwrap_or(false),
            timeout: job.timeout.value().map_or(Duration::from_mins(30), |span| span.0),
            attempts,
            matrix: BTreeMap::new(),
            semaphore: semaphore.map(|held| held.value),
            cache: job.cache.value().map(|cache| cache.0),
            network: job.network.value().unwrap_or(false),
            secrets: texts(job.secrets),
            artifacts: self.artifacts(job.artifacts),
            steps: self.steps(job.steps, at),
            at: self.problems.origin(at),
        };
        let variants = self.names.variants(name);
        let variant = |(name, matrix): &matrix::Variant| core::Job {
            name: name.clone(),
            matrix: matrix.clone(),
            ..template.clone()
        };
        variants.iter().map(variant).collect()
    }

    fn needs(&self, needs: Field<List<NeedText>>, owner: Option<&RepoName>) -> Vec<Setting<core::Need>> {
        let place = needs.as_ref().map(|needs| needs.at);
        let mut found = Vec::new();
        for need in items(needs) {
            let (soft, at) = (need.value.soft, self.problems.origin(need.at));
            let jobs = self.names.find_job(&Located { value: need.value.job, at: need.at }, owner);
            found.extend(
                jobs.into_iter().map(|job| Setting { value: core::Need { job, soft }, at: at.clone() }),
            );
        }
        if let Some(place) = place.filter(|_| found.len() > MAX_NEEDS) {
            self.too_many(place, found.len(), MAX_NEEDS, "jobs that must come first");
            found.truncate(MAX_NEEDS);
        }
        found
    }

    fn steps(&self, steps: Field<List<raw::Step>>, at: Place) -> Vec<Setting<String>> {
        let empty = match &steps {
            Field::Given(steps) => steps.value.is_empty().then_some(steps.at),
            Field::Absent => Some(at),
            Field::Bad => None,
        };
        if let Some(at) = empty.filter(|_| self.steps_needed) {
            self.problems
                .error(Code::MissingKey, at, "a job needs at least one step")
                .hint("add `steps: [{ run: COMMAND }]`".to_owned());
        }
        self.bound(&steps, MAX_STEPS, "steps in one job");
        items(steps)
            .filter_map(|step| {
                let run = step.value.run;
                if run.is_absent() {
                    self.missing(step.at, "run");
                }
                run.given().map(|run| self.set(run))
            })
            .collect()
    }

    fn artifacts(&self, artifacts: Field<List<String>>) -> Vec<String> {
        let inside = |path: &str| !path.starts_with('/') && path.split('/').all(|part| part != "..");
        items(artifacts)
            .inspect(|path| {
                if !inside(&path.value) {
                    self.invalid(path.at, format!("expected a path in the repo, found `{}`", path.value));
                }
            })
            .map(|path| path.value)
            .collect()
    }

    fn pipelines(&self, given: raw::Pipelines) -> core::Pipelines {
        let gate = given.gate.value().unwrap_or_default();
        let default = core::Window::default();
        let raw::Window { start, floor, ceiling, grow, shrink } = gate.window.value().unwrap_or_default();
        let ceiling_at = ceiling.as_ref().map(|ceiling| ceiling.at);
        let window = core::Window {
            start: start.value().unwrap_or(default.start),
            floor: self.at_least(floor, 1).unwrap_or(default.floor),
            ceiling: ceiling.value().unwrap_or(default.ceiling),
            grow: grow.value().unwrap_or(default.grow),
            shrink: self.at_least(shrink, 1).unwrap_or(default.shrink),
        };
        if let Some(at) = ceiling_at.filter(|_| window.ceiling != 0 && window.ceiling < window.floor) {
            self.invalid(at, format!("the ceiling is below the floor, {}", window.floor));
        }
        let every = given
            .periodic
            .given()
            .and_then(|periodic| self.required(periodic.value.every, periodic.at, "every"));
        core::Pipelines {
            gate: core::Gate {
                window,
                fail_fast: gate.fail_fast.value().unwrap_or(false),
                cycles: gate.cycles.value() == Some(raw::Cycles::Allow),
            },
            periodic_every: every.map(|span| span.0),
        }
    }

    fn semaphores(&self, given: Field<Map<Id<SemaphoreName>, u32>>) -> BTreeMap<SemaphoreName, u32> {
        let given = given.value().unwrap_or_default().0;
        given.into_iter().filter_map(|(name, most)| Some((name.value.0, self.at_least(most, 1)?))).collect()
    }

    fn policy(&self, given: Field<raw::Policy>) -> core::Policy {
        let given = given.value().unwrap_or_default();
        let default = core::Policy::default();
        let blocks = |field: Field<raw::Missing>, default: bool| {
            field.value().map_or(default, |missing| missing == raw::Missing::Block)
        };
        let gating_requires = given.gating_requires.given().and_then(|bar| {
            let runs = self.required(bar.value.runs, bar.at, "runs");
            let share = self.required(bar.value.false_failures, bar.at, "false_failures");
            let (runs, false_failures_ppm) = (runs?, share?.0);
            Some(core::GatingRequires {
                runs,
                false_failures_ppm,
                p95: bar.value.p95.value().map(|span| span.0),
            })
        });
        core::Policy {
            confirm: given.confirm.value().map_or(default.confirm, Into::into),
            gating_requires,
            reuse: given.reuse.value().map_or(default.reuse, |span| span.0),
            infra_blocks: blocks(given.infra, default.infra_blocks),
            unknown_blocks: blocks(given.unknown, default.unknown_blocks),
        }
    }

    fn globs(&self, list: Field<List<Pattern>>, default: &[&str]) -> Setting<Globs> {
        let Some(Located { at, .. }) = list.as_ref() else {
            return Setting::default_of(Globs::parse(default).expect("the defaults are patterns"));
        };
        let at = *at;
        let patterns: Vec<String> = items(list).map(|pattern| pattern.value.0).collect();
        let globs = Globs::parse(&patterns).unwrap_or_else(|error| {
            self.problems.error(Code::TooMany, at, error.to_string());
            Globs::default()
        });
        self.set(Located { value: globs, at })
    }

    fn setting<T>(&self, field: Field<T>, default: T) -> Setting<T> {
        field.given().map_or_else(|| Setting::default_of(default), |given| self.set(given))
    }

    fn set<T>(&self, given: Located<T>) -> Setting<T> {
        Setting { value: given.value, at: self.problems.origin(given.at) }
    }

    fn list_origin<T>(&self, list: &Field<List<T>>) -> Origin {
        list.as_ref().map_or(Origin::Default, |list| self.problems.origin(list.at))
    }

    fn required<T>(&self, field: Field<T>, at: Place, key: &str) -> Option<T> {
        if field.is_absent() {
            self.missing(at, key);
        }
        field.value()
    }

    pub(crate) fn missing(&self, at: Place, key: &str) {
        self.problems
            .error(Code::MissingKey, at, format!("the key `{key}` is missing"))
            .hint(format!("add `{key}: …`"));
    }

    fn at_least(&self, field: Field<u32>, least: u32) -> Option<u32> {
        let given = field.given()?;
        if given.value < least {
            self.invalid(given.at, format!("expected at least {least}, found {}", given.value));
        }
        Some(given.value)
    }

    fn invalid(&self, at: Place, message: String) {
        self.problems.error(Code::InvalidValue, at, message);
    }

    fn bound<T>(&self, list: &Field<List<T>>, most: usize, what: &str) {
        if let Some(list) = list.as_ref().filter(|list| list.value.len() > most) {
            self.too_many(list.at, list.value.len(), most, what);
        }
    }

    fn too_many(&self, at: Place, count: usize, most: usize, what: &str) {
        self.problems.error(Code::TooMany, at, format!("{count} {what}: expected at most {most}"));
    }
}

/// Applies a conversion to what is set.
trait MapSetting<T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> Setting<U>;
}

impl<T> MapSetting<T> for Setting<T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: convert(self.value), at: self.at }
    }
}

fn main_branch() -> BranchName {
    BranchName::parse("main").expect("`main` is a branch name")
}

fn texts(list: Field<List<String>>) -> Vec<String> {
    items(list).map(|text| text.value).collect()
}

fn entries_of_branches(map: Field<Map<Id<BranchName>, Id<BranchName>>>) -> BTreeMap<BranchName, BranchName> {
    let map = map.value().unwrap_or_default().0;
    map.into_iter().filter_map(|(from, to)| Some((from.value.0, to.value()?.0))).collect()
}
