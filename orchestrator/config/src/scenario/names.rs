//! Every name that a scenario may speak of, and what a name leads to.

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use crossgate_core::workspace::Workspace;

use crate::code::Code;
use crate::field::{Field, List, Located};
use crate::merge::items;
use crate::problems::Problems;
use crate::scalar::Id;

/// Looks names up and records those that lead nowhere.
#[derive(Debug)]
pub(super) struct Names<'a> {
    problems: &'a Problems,
    changes: BTreeSet<ChangeId>,
    /// Of all configurations together; `None`: one of them could not be read, so that any name may be right.
    configured: Option<Configured>,
}

/// The names of several configurations.
#[derive(Debug, Default)]
pub(super) struct Configured {
    repos: BTreeSet<RepoName>,
    drivers: BTreeSet<DriverName>,
    /// By name without matrix values, every variant.
    jobs: BTreeMap<JobName, BTreeSet<JobName>>,
}

impl Configured {
    /// Adds the names of a configuration; `declared` are its jobs as they are written.
    pub(super) fn learn(&mut self, workspace: &Workspace, declared: Vec<JobName>) {
        self.repos.extend(workspace.repos.keys().cloned());
        self.drivers.extend(workspace.drivers.keys().cloned());
        for job in declared {
            self.jobs.entry(job).or_default();
        }
        for job in workspace.jobs.keys() {
            if let Some(variants) = self.jobs.get_mut(job.base()) {
                variants.insert(job.clone());
            }
        }
    }
}

impl<'a> Names<'a> {
    pub(super) fn new(
        changes: BTreeSet<ChangeId>,
        configured: Option<Configured>,
        problems: &'a Problems,
    ) -> Self {
        Self { problems, changes, configured }
    }

    /// Looks a change up.
    pub(super) fn change(&self, field: Field<Id<ChangeId>>) -> Option<ChangeId> {
        self.known_change(field.given()?)
    }

    /// Looks up changes, and leaves out those that are not known.
    pub(super) fn changes(&self, list: Field<List<Id<ChangeId>>>) -> Vec<ChangeId> {
        items(list).filter_map(|change| self.known_change(change)).collect()
    }

    pub(super) fn known_change(&self, given: Located<Id<ChangeId>>) -> Option<ChangeId> {
        let change = given.value.0;
        if self.changes.contains(&change) {
            return Some(change);
        }
        let hint = self.problems.meant(change.as_str(), self.changes.iter().map(ChangeId::as_str));
        let hint = hint.unwrap_or_else(|| "declare it under `changes`".to_owned());
        self.problems
            .error(Code::UnknownChange, given.at, format!("there is no change `{change}`"))
            .hint(hint);
        None
    }

    /// Looks a driver up.
    pub(super) fn driver(&self, field: Field<Id<DriverName>>) -> Option<DriverName> {
        let Located { value: Id(driver), at } = field.given()?;
        if let Some(configured) = self.configured.as_ref().filter(|known| !known.drivers.contains(&driver)) {
            let hint =
                self.problems.meant(driver.as_str(), configured.drivers.iter().map(DriverName::as_str));
            self.problems
                .error(Code::UnknownDriver, at, format!("there is no driver `{driver}`"))
                .hint(hint.or_else(|| Some("declare it in the workspace, under `drivers`".to_owned())));
        }
        Some(driver)
    }

    /// Looks a repo of a configuration up.
    pub(super) fn repo(&self, given: Located<Id<RepoName>>) -> RepoName {
        let Located { value: Id(repo), at } = given;
        if let Some(configured) = self.configured.as_ref().filter(|known| !known.repos.contains(&repo)) {
            let hint = self.problems.meant(repo.as_str(), configured.repos.iter().map(RepoName::as_str));
            self.problems
                .error(Code::UnknownRepo, at, format!("there is no repo `{repo}` in the workspace"))
                .hint(hint.or_else(|| Some("declare it in the workspace, under `repos`".to_owned())));
        }
        repo
    }

    /// Looks up the repo of a change, which need not be managed: a slip is only warned of.
    pub(super) fn any_repo(&self, given: &Located<Id<RepoName>>) {
        let (repo, at) = (&given.value.0, given.at);
        let Some(configured) = self.configured.as_ref().filter(|known| !known.repos.contains(repo)) else {
            return;
        };
        let near =
            crossgate_core::suggest::nearest(repo.as_str(), configured.repos.iter().map(RepoName::as_str));
        if let Some(near) = near {
            let message = format!("repo `{repo}` is not in the workspace, so the gate does not manage it");
            self.problems
                .warning(Code::UnknownRepo, at, message)
                .hint(format!("did you mean `{near}`? If not, it may stand as it is"));
        }
    }

    /// Looks up a job as builds name it: with its matrix values if it has some.
    pub(super) fn variant(&self, field: &Field<Id<JobName>>) {
        let Some(given) = field.as_ref() else { return };
        let (job, at) = (&given.value.0, given.at);
        let Some((_, variants)) = self.job(field.clone()) else { return };
        if !variants.contains(job) && !variants.is_empty() {
            let hint = self.problems.meant(job.as_str(), variants.iter().map(JobName::as_str));
            let message =
                format!("job `{job}` has a matrix: expected one of its values, as builds name them");
            self.problems.error(Code::UnknownJob, at, message).hint(hint);
        }
    }

    /// Looks a job up, and returns it with all that it may stand for: the name of a job with a matrix stands for
    /// every variant.
    pub(super) fn job(&self, field: Field<Id<JobName>>) -> Option<(JobName, Vec<JobName>)> {
        let Located { value: Id(job), at } = field.given()?;
        let Some(configured) = &self.configured else { return Some((job.clone(), vec![job])) };
        let Some(variants) = configured.jobs.get(job.base()) else {
            let hint = self.problems.meant(job.as_str(), configured.jobs.keys().map(JobName::as_str));
            self.problems
                .error(Code::UnknownJob, at, format!("there is no job `{job}`"))
                .hint(hint.or_else(|| Some("declare it in the workspace, under `jobs`".to_owned())));
            return None;
        };
        if job.as_str() == job.base() {
            return Some((job, variants.iter().cloned().collect()));
        }
        if !variants.contains(&job) && !variants.is_empty() {
            let hint = self.problems.meant(job.as_str(), variants.iter().map(JobName::as_str));
            let message = format!("job `{}` has no such values: `{job}`", job.base());
            self.problems.error(Code::UnknownJob, at, message).hint(hint);
        }
        Some((job.clone(), vec![job]))
    }
}
