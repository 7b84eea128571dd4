//! Every name that there is, and what a name leads to.

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::ids::{DriverName, JobName, RepoName, SemaphoreName};
use crossgate_core::workspace::{Origin, Setting};

use crate::code::Code;
use crate::field::{Field, List, Located};
use crate::matrix;
use crate::merge::{Declared, items};
use crate::problems::Problems;
use crate::raw;
use crate::scalar::Id;

/// Most jobs that one list may come to, each value of a matrix counted.
const MAX_LISTED_JOBS: usize = 1_000;

/// Most jobs of a workspace, each value of a matrix counted.
const MAX_JOBS: usize = 10_000;

/// Looks names up and records those that lead nowhere.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    problems: &'a Problems,
    repos: BTreeSet<RepoName>,
    drivers: BTreeSet<DriverName>,
    semaphores: BTreeSet<SemaphoreName>,
    jobs: BTreeMap<JobName, KnownJob>,
}

#[derive(Debug)]
struct KnownJob {
    variants: Vec<matrix::Variant>,
    owner: Option<RepoName>,
}

impl<'a> Names<'a> {
    /// Learns all names.
    pub(crate) fn new(file: &raw::WorkspaceFile, declared: &Declared, problems: &'a Problems) -> Self {
        let repos = file.repos.as_ref().map_or(&[][..], |repos| &repos.value.0);
        let semaphores = file.semaphores.as_ref().map_or(&[][..], |semaphores| &semaphores.value.0);
        Self {
            problems,
            repos: repos.iter().map(|(name, _)| name.value.0.clone()).collect(),
            drivers: declared.drivers.keys().cloned().collect(),
            semaphores: semaphores.iter().map(|(name, _)| name.value.0.clone()).collect(),
            jobs: known_jobs(declared, problems),
        }
    }

    pub(crate) fn repo(&self, name: &Located<RepoName>) {
        self.known(Code::UnknownRepo, "repo", &self.repos, name, RepoName::as_str);
    }

    pub(crate) fn driver(&self, name: &Located<DriverName>) {
        self.known(Code::UnknownDriver, "driver", &self.drivers, name, DriverName::as_str);
    }

    pub(crate) fn semaphore(&self, name: &Located<SemaphoreName>) {
        self.known(Code::UnknownSemaphore, "semaphore", &self.semaphores, name, SemaphoreName::as_str);
    }

    /// Returns the names and values that a declared job stands for.
    pub(crate) fn variants(&self, job: &JobName) -> &[matrix::Variant] {
        self.jobs.get(job).map_or(&[], |known| &known.variants)
    }

    /// Looks up a list of jobs, as `user` may run them.
    pub(crate) fn job_list(
        &self,
        list: Field<List<Id<JobName>>>,
        user: Option<&RepoName>,
    ) -> Setting<Vec<JobName>> {
        let at = list.as_ref().map_or(Origin::Default, |list| self.problems.origin(list.at));
        let place = list.as_ref().map(|list| list.at);
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for name in items(list) {
            let jobs = self.find_job(&Located { value: name.value.0, at: name.at }, user);
            found.extend(jobs.into_iter().filter(|job| seen.insert(job.clone())));
        }
        if let Some(place) = place.filter(|_| found.len() > MAX_LISTED_JOBS) {
            let message = format!("{} jobs in one list: expected at most {MAX_LISTED_JOBS}", found.len());
            self.problems.error(Code::TooMany, place, message);
            found.truncate(MAX_LISTED_JOBS);
        }
        Setting { value: found, at }
    }

    /// Looks up a job, which stands for all values of its matrix if it names none.
    pub(crate) fn find_job(&self, name: &Located<JobName>, user: Option<&RepoName>) -> Vec<JobName> {
        let (wanted, at) = (&name.value, name.at);
        let usable = |known: &KnownJob| known.owner.is_none() || known.owner.as_ref() == user;
        let Some(known) = self.jobs.get(wanted.base()) else {
            let names = self.jobs.iter().filter(|(_, job)| usable(job)).map(|(name, _)| name.as_str());
            let hint = self.problems.meant(wanted.as_str(), names);
            self.problems.error(Code::UnknownJob, at, format!("there is no job `{wanted}`")).hint(hint);
            return Vec::new();
        };
        if !usable(known) {
            let owner = known.owner.as_ref().map_or("", RepoName::as_str);
            self.problems
                .error(Code::UnknownJob, at, format!("job `{wanted}` belongs to repo `{owner}`"))
                .hint("move it to the catalogue, `jobs/`, to use it from everywhere".to_owned());
            return Vec::new();
        }
        let all = wanted.as_str() == wanted.base();
        let names = known.variants.iter().map(|(name, _)| name);
        let found: Vec<JobName> = names.clone().filter(|name| all || *name == wanted).cloned().collect();
        if found.is_empty() && !known.variants.is_empty() {
            let hint = self.problems.meant(wanted.as_str(), names.map(JobName::as_str));
            self.problems
                .error(
                    Code::UnknownJob,
                    at,
                    format!("job `{}` has no such values: `{wanted}`", wanted.base()),
                )
                .hint(hint);
        }
        found
    }

    fn known<T: Ord>(
        &self,
        code: Code,
        what: &str,
        names: &BTreeSet<T>,
        name: &Located<T>,
        text: fn(&T) -> &str,
    ) {
        if !names.contains(&name.value) {
            let wanted = text(&name.value);
            let hint = self.problems.meant(wanted, names.iter().map(text));
            self.problems.error(code, name.at, format!("there is no {what} `{wanted}`")).hint(hint);
        }
    }
}

/// Expands every job; beyond [`MAX_JOBS`] none is, so that a small file cannot stand for a large workspace.
fn known_jobs(declared: &Declared, problems: &Problems) -> BTreeMap<JobName, KnownJob> {
    let mut jobs = BTreeMap::new();
    let mut count = 0;
    for (name, job) in &declared.jobs {
        let full = count > MAX_JOBS;
        let variants = if full { Vec::new() } else { matrix::expand(name, job, problems) };
        count += variants.len();
        if count > MAX_JOBS && !full {
            problems
                .error(
                    Code::TooMany,
                    job.at,
                    format!("more than {MAX_JOBS} jobs, each value of a matrix counted"),
                )
                .hint("split the workspace".to_owned());
        }
        jobs.insert(name.clone(), KnownJob { variants, owner: job.owner.clone() });
    }
    jobs
}
