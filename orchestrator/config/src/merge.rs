//! Puts the files together: what a repo's own file says wins over `crossgate.yaml` in what a team may decide,
//! and is refused where it would raise the repo's rights.

use std::collections::BTreeMap;

use crossgate_core::ids::{DriverName, JobName, RepoName};

use crate::code::Code;
use crate::content::Place;
use crate::field::{Field, List, Located, Map};
use crate::problems::Problems;
use crate::raw::{
    Ci, Common, CommonChanges, Driver, Job, Repo, RepoFile, Rights, RunnerKind, Team, WorkspaceFile,
};
use crate::scalar::Id;

/// The drivers, jobs and common repos that the files declare together.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) drivers: BTreeMap<DriverName, DeclaredDriver>,
    pub(crate) jobs: BTreeMap<JobName, DeclaredJob>,
    pub(crate) common: BTreeMap<RepoName, (Place, Common)>,
}

#[derive(Debug)]
pub(crate) struct DeclaredDriver {
    pub(crate) at: Place,
    pub(crate) driver: Driver,
}

#[derive(Debug)]
pub(crate) struct DeclaredJob {
    pub(crate) at: Place,
    pub(crate) job: Job,
    /// The repo in whose file it stands; only that repo and its drivers may use it.
    pub(crate) owner: Option<RepoName>,
}

impl Declared {
    /// Takes what `crossgate.yaml` and the catalogue declare out of them.
    pub(crate) fn take(
        workspace: &mut WorkspaceFile,
        catalogue: Vec<Field<Map<Id<JobName>, Job>>>,
        problems: &Problems,
    ) -> Self {
        let mut declared = Self::default();
        for (name, driver) in entries(std::mem::take(&mut workspace.drivers)) {
            let driver = DeclaredDriver { at: name.at, driver };
            declared.drivers.insert(name.value.0, driver);
        }
        for jobs in std::iter::once(std::mem::take(&mut workspace.jobs)).chain(catalogue) {
            declared.add_jobs(jobs, None, problems);
        }
        for (name, common) in entries(std::mem::take(&mut workspace.common)) {
            declared.common.insert(name.value.0, (name.at, common));
        }
        declared
    }

    /// Adds what a repo's own file declares.
    pub(crate) fn add_repo(&mut self, repo: &RepoName, file: RepoFile, rights: &Rights, problems: &Problems) {
        let jobs = entries(file.jobs).inspect(|(_, job)| check_job(job, rights, problems)).collect();
        self.insert_jobs(jobs, Some(repo), problems);
        for (name, driver) in entries(file.drivers) {
            self.add_own_driver(repo, name, driver, rights, problems);
        }
        if let Some(own) = file.common.given() {
            let common = self.common.entry(repo.clone()).or_insert_with(|| (own.at, Common::default()));
            let given = std::mem::take(&mut common.1.own_changes);
            common.1.own_changes = own.value.own_changes.or(given);
        }
    }

    fn add_jobs(
        &mut self,
        jobs: Field<Map<Id<JobName>, Job>>,
        owner: Option<&RepoName>,
        problems: &Problems,
    ) {
        self.insert_jobs(entries(jobs).collect(), owner, problems);
    }

    fn insert_jobs(
        &mut self,
        jobs: Vec<(Located<Id<JobName>>, Job)>,
        owner: Option<&RepoName>,
        problems: &Problems,
    ) {
        for (Located { value: Id(name), at }, job) in jobs {
            if let Some(first) = self.jobs.get(&name) {
                problems
                    .error(Code::NameTaken, at, format!("there is a job `{name}` already"))
                    .related(first.at, "first declared here")
                    .hint("job names are unique in a workspace: put the repo's name before it".to_owned());
            } else {
                self.jobs.insert(name, DeclaredJob { at, job, owner: owner.cloned() });
            }
        }
    }

    fn add_own_driver(
        &mut self,
        repo: &RepoName,
        Located { value: Id(name), at }: Located<Id<DriverName>>,
        mut driver: Driver,
        rights: &Rights,
        problems: &Problems,
    ) {
        if let Some(claimed) = driver.repo.as_ref().filter(|claimed| claimed.value.0 != *repo) {
            let message = format!("the driver is declared in repo `{repo}`, not in `{}`", claimed.value.0);
            problems
                .error(Code::ForeignDriver, claimed.at, message)
                .hint("leave `repo` out: it is the repo that holds the file".to_owned());
        }
        driver.repo = Field::Given(Located { value: Id(repo.clone()), at });
        let trusted = self.drivers.remove(&name);
        let holder = trusted.as_ref().and_then(|trusted| trusted.driver.repo.as_ref());
        if let (Some(first), Some(holder)) = (&trusted, holder.filter(|holder| holder.value.0 != *repo)) {
            let message = format!("driver `{name}` belongs to repo `{}`", holder.value.0);
            problems
                .error(Code::ForeignDriver, at, message)
                .related(first.at, "declared here")
                .hint("a repo's file may describe only drivers of that repo".to_owned());
            self.drivers.extend(trusted.map(|trusted| (name, trusted)));
            return;
        }
        let (granted, first) = trusted.map_or_else(Default::default, |first| (first.driver, Some(first.at)));
        check_ci(&driver, &granted, rights, problems);
        let driver = overlay(driver, granted);
        self.drivers.insert(name, DeclaredDriver { at: first.unwrap_or(at), driver });
    }
}

/// What stands for a declaration that is no map, which was recorded: its name counts, and no key is missed.
pub(crate) trait Broken {
    fn broken() -> Self;
}

impl Broken for Repo {
    fn broken() -> Self {
        Self { role: Field::Bad, ..Self::default() }
    }
}

impl Broken for Driver {
    fn broken() -> Self {
        Self { repo: Field::Bad, ..Self::default() }
    }
}

impl Broken for Job {
    fn broken() -> Self {
        Self { steps: Field::Bad, ..Self::default() }
    }
}

impl Broken for Common {
    fn broken() -> Self {
        Self { sanity: Field::Bad, ..Self::default() }
    }
}

/// Returns the entries of a map.
pub(crate) fn entries<K, V: Broken>(map: Field<Map<K, V>>) -> impl Iterator<Item = (Located<K>, V)> {
    map.value()
        .unwrap_or_default()
        .0
        .into_iter()
        .map(|(key, value)| (key, value.value().unwrap_or_else(V::broken)))
}

/// Returns the entries of a list that could be read.
pub(crate) fn items<T>(list: Field<List<T>>) -> impl Iterator<Item = Located<T>> {
    list.value().unwrap_or_default().into_iter().filter_map(Field::given)
}

fn holds<T: PartialEq>(list: &Field<List<T>>, value: &T) -> bool {
    let items = list.as_ref().map_or(&[][..], |list| &list.value);
    items.iter().filter_map(Field::as_ref).any(|item| item.value == *value)
}

fn refuse(problems: &Problems, at: Place, what: &str, way_out: String) {
    problems.error(Code::RaisesRights, at, format!("a repo's own file may not {what}")).hint(way_out);
}

fn check_job(job: &Job, rights: &Rights, problems: &Problems) {
    if let Some(cache) = job.cache.as_ref() {
        // What one team's build leaves in a cache would be taken for another's result.
        let hint = "leave it out: the job has a cache of its own".to_owned();
        refuse(problems, cache.at, "share a cache", hint);
    }
    let network = job.network.as_ref().filter(|network| network.value);
    if let Some(network) = network.filter(|_| rights.network.as_ref().is_none_or(|right| !right.value)) {
        let hint = "grant it with `rights: { network: true }` at the repo in `crossgate.yaml`".to_owned();
        refuse(problems, network.at, "give a job the network", hint);
    }
    let secrets = job.secrets.as_ref().map_or(&[][..], |secrets| &secrets.value);
    for secret in secrets.iter().filter_map(Field::as_ref) {
        if !holds(&rights.secrets, &secret.value) {
            let name = &secret.value;
            let hint =
                format!("grant it with `rights: {{ secrets: [{name}] }}` at the repo in `crossgate.yaml`");
            refuse(problems, secret.at, &format!("ask for the secret `{name}`"), hint);
        }
    }
    if let Some(semaphore) = job.semaphore.as_ref().filter(|held| !holds(&rights.semaphores, &held.value)) {
        let name = &semaphore.value.0;
        let hint =
            format!("grant it with `rights: {{ semaphores: [{name}] }}` at the repo in `crossgate.yaml`");
        refuse(problems, semaphore.at, &format!("hold the semaphore `{name}`"), hint);
    }
}

fn check_ci(own: &Driver, granted: &Driver, rights: &Rights, problems: &Problems) {
    let Some(ci) = own.ci.as_ref().map(|ci| &ci.value) else { return };
    if let Some(runner) = ci.runner.as_ref() {
        let given = granted.ci.as_ref().and_then(|ci| ci.value.runner.as_ref());
        let right = runner.value == RunnerKind::Local
            || given.is_some_and(|given| given.value == runner.value)
            || holds(&rights.runners, &runner.value);
        if !right {
            let word = crossgate_core::workspace::RunnerKind::from(runner.value);
            let word = format!("{word:?}").to_lowercase();
            let hint =
                format!("grant it with `rights: {{ runners: [{word}] }}` at the repo in `crossgate.yaml`");
            refuse(problems, runner.at, &format!("choose the runner `{word}`"), hint);
        }
    }
    let places =
        [("slots", ci.slots.as_ref().map(|slots| slots.at)), ("url", ci.url.as_ref().map(|url| url.at))];
    for (key, at) in places {
        if let Some(at) = at {
            let hint = format!("set it at the driver in `crossgate.yaml`: `ci: {{ {key}: … }}`");
            refuse(problems, at, &format!("set `{key}`"), hint);
        }
    }
}

fn overlay(own: Driver, granted: Driver) -> Driver {
    Driver {
        repo: granted.repo.or(own.repo),
        paths: own.paths.or(granted.paths),
        kind: own.kind.or(granted.kind),
        api: own.api.or(granted.api),
        team: both(own.team, granted.team, |own: Team, granted| Team {
            reviewers: own.reviewers.or(granted.reviewers),
            contact: own.contact.or(granted.contact),
            docs: own.docs.or(granted.docs),
        }),
        own_changes: own.own_changes.or(granted.own_changes),
        common_changes: both(own.common_changes, granted.common_changes, |own: CommonChanges, granted| {
            CommonChanges {
                mode: own.mode.or(granted.mode),
                jobs: own.jobs.or(granted.jobs),
                ignore: own.ignore.or(granted.ignore),
                deadline: own.deadline.or(granted.deadline),
                absent: own.absent.or(granted.absent),
                until: own.until.or(granted.until),
            }
        }),
        ci: both(own.ci, granted.ci, |own: Ci, granted| Ci {
            runner: own.runner.or(granted.runner),
            slots: granted.slots,
            workflow: own.workflow.or(granted.workflow),
            url: granted.url,
            context: own.context.or(granted.context),
        }),
        branches: own.branches.or(granted.branches),
    }
}

fn both<T>(own: Field<T>, granted: Field<T>, join: impl FnOnce(T, T) -> T) -> Field<T> {
    match (own, granted) {
        (Field::Given(own), Field::Given(granted)) => {
            Field::Given(Located { value: join(own.value, granted.value), at: own.at })
        }
        (own, granted) => own.or(granted),
    }
}
