//! What would run for a change, what would not, and why: for every driver and every job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::change::Change;
use crate::glob::Globs;
use crate::graph::Graph;
use crate::ids::{ChangeId, DriverName, JobName, RepoName};
use crate::ledger::Ledger;
use crate::reason::Reason;
use crate::steps::{self, StepContext};
use crate::workspace::{Driver, Job, Mode, Need, Setting, Workspace};

/// The jobs of one change, each with the chain of reasons that selected or skipped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The change.
    pub change: ChangeId,
    /// The repo it changes.
    pub repo: RepoName,
    /// The repo's own jobs first, then drivers by name; a driver's jobs in the order it lists them.
    pub entries: Vec<Entry>,
}

/// One job for one driver, or a driver for which no job comes into question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The driver; `None`: the job is the changed repo's own.
    pub driver: Option<DriverName>,
    /// The repo in which the job runs.
    pub repo: RepoName,
    /// The job; `None`: the driver has none that comes into question.
    pub job: Option<Arc<Job>>,
    /// Whether it runs, and what its red means.
    pub decision: Decision,
    /// Why, from the changed path to the setting that decided.
    pub reasons: Vec<Reason>,
}

/// Whether a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It does.
    Runs {
        /// What its red means.
        vote: Vote,
    },
    /// It does not.
    Skipped,
}

/// What a red means for the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    /// It is recorded and not reported.
    Silent,
    /// It is reported and blocks nothing.
    Advisory,
    /// It blocks.
    Gating,
}

impl Vote {
    /// Returns the word that stands in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Advisory => "advisory",
            Self::Gating => "gating",
        }
    }
}

impl Plan {
    /// Returns the entries that run, each with its job and what its red means.
    pub fn selected(&self) -> impl Iterator<Item = (&Entry, &Arc<Job>, Vote)> {
        self.entries.iter().filter_map(|entry| match (entry.decision, &entry.job) {
            (Decision::Runs { vote }, Some(job)) => Some((entry, job, vote)),
            (Decision::Runs { .. } | Decision::Skipped, _) => None,
        })
    }
}

impl Plan {
    /// Lets gating drivers that have not earned it act as advisory, by what the ledger knows of them. Sanity drivers gate
    /// whatever they have earned, and so does a driver for changes of its own.
    pub fn demote(&mut self, workspace: &Workspace, ledger: &Ledger) {
        let Some(bar) = &workspace.policy.gating_requires else { return };
        let sanity = workspace.common.get(&self.repo).map_or(&[][..], |common| &common.sanity.value);
        for (name, driver) in &workspace.drivers {
            if driver.repo == self.repo || sanity.contains(name) {
                continue;
            }
            let Some(lack) = ledger.below_bar(name, driver.common_changes.jobs.value.iter(), bar) else {
                continue;
            };
            for entry in self.entries.iter_mut().filter(|entry| entry.driver.as_ref() == Some(name)) {
                if entry.vote() == Some(Vote::Gating) {
                    entry.decision = Decision::Runs { vote: Vote::Advisory };
                    entry.reasons.push(Reason::BelowBar { lack });
                }
            }
        }
    }

    /// Leaves out what is not wanted, but for what something wanted cannot do without.
    pub fn narrow(&mut self, wanted: impl Fn(&Entry) -> bool) {
        let mut keep: Vec<bool> = self.entries.iter().map(wanted).collect();
        loop {
            let kept = || self.entries.iter().zip(&keep).filter_map(|(entry, keep)| keep.then_some(entry));
            let is_needed = |entry: &Entry| kept().any(|other| other.hard_needs(entry));
            let missing = self.entries.iter().zip(&keep).position(|(entry, keep)| !keep && is_needed(entry));
            let Some(index) = missing else { break };
            keep[index] = true;
        }
        let mut keep = keep.into_iter();
        self.entries.retain(|_| keep.next().unwrap_or(false));
    }
}

impl Entry {
    /// Returns the job's name, if a job comes into question.
    pub fn job_name(&self) -> Option<&JobName> {
        self.job.as_ref().map(|job| &job.name)
    }

    /// Returns what its red means, if it runs.
    pub fn vote(&self) -> Option<Vote> {
        match self.decision {
            Decision::Runs { vote } => Some(vote),
            Decision::Skipped => None,
        }
    }

    /// Returns the reason that decided, of all in the chain.
    pub fn decisive(&self) -> Option<&Reason> {
        let decides = |reason: &&Reason| {
            matches!(
                reason,
                Reason::Sanity { .. }
                    | Reason::OptInExpired { .. }
                    | Reason::BelowBar { .. }
                    | Reason::Mode { .. }
                    | Reason::PathTouched { .. }
            )
        };
        let selected = self.reasons.iter().rev().find(decides).filter(|_| self.runs());
        selected.or_else(|| self.reasons.last())
    }

    /// Returns the commands of its job: the steps, rendered for a change and the repos that a build of it sees.
    ///
    /// # Errors
    /// Says which step does not become a command, why, and where it stands.
    pub fn commands(
        &self,
        change: &ChangeId,
        job: &Job,
        sees: &BTreeSet<RepoName>,
    ) -> Result<Vec<String>, String> {
        let context = StepContext {
            driver: self.driver.as_ref().map(|name| (name, &self.repo)),
            change,
            job: &job.name,
            matrix: &job.matrix,
            repos: Some(sees),
        };
        let render = |step: &Setting<String>| {
            steps::render(&step.value, &context).map_err(|error| format!("{error} [{}]", step.at))
        };
        job.steps.iter().map(render).collect()
    }

    /// Returns whether its job cannot do without another one of the same driver.
    fn hard_needs(&self, other: &Self) -> bool {
        let (Some(job), Some(name)) = (&self.job, other.job_name()) else { return false };
        self.driver == other.driver && job.needs.iter().any(|need| !need.value.soft && fulfils(name, need))
    }

    /// Returns whether it runs.
    pub fn runs(&self) -> bool {
        matches!(self.decision, Decision::Runs { .. })
    }
}

/// Plans a change: a pure function of the workspace, the change and the day.
///
/// A change to a repo concerns the repo's own jobs, the drivers in it whose paths are touched, and every driver in a
/// repo behind it. A path that belongs to no driver of a driver repo concerns all drivers in it.
pub fn plan(workspace: &Workspace, graph: &Graph, change: &Change, today: jiff::civil::Date) -> Plan {
    let planner = Planner { workspace, change, today, behind: graph.behind(&change.repo) };
    let mut entries = planner.own_entries();
    for (name, driver) in &workspace.drivers {
        entries.extend(planner.driver_entries(name, driver));
    }
    Plan { change: change.id.clone(), repo: change.repo.clone(), entries }
}

struct Planner<'a> {
    workspace: &'a Workspace,
    change: &'a Change,
    today: jiff::civil::Date,
    behind: BTreeMap<RepoName, Vec<RepoName>>,
}

impl Planner<'_> {
    fn own_entries(&self) -> Vec<Entry> {
        let Some(common) = self.workspace.common.get(&self.change.repo) else { return Vec::new() };
        let why = vec![self.touched(), Reason::OwnChanges { at: common.own_changes.at.clone() }];
        self.listed(None, &self.change.repo, &common.own_changes, Mode::Gating, &why)
    }

    fn driver_entries(&self, name: &DriverName, driver: &Driver) -> Vec<Entry> {
        if driver.repo == self.change.repo {
            self.own_driver_entries(name, driver)
        } else if let Some(chain) = self.behind.get(&driver.repo) {
            self.common_entries(name, driver, chain)
        } else {
            let reason = Reason::NotBehind { changed: self.change.repo.clone(), repo: driver.repo.clone() };
            self.all_skipped(name, driver, &driver.common_changes.jobs, &[self.touched(), reason])
        }
    }

    /// The driver's own repo is changed: its own jobs run if the change touches it.
    fn own_driver_entries(&self, name: &DriverName, driver: &Driver) -> Vec<Entry> {
        let Some(touch) = self.touch(driver) else {
            let reason = Reason::PathsNotTouched {
                paths: driver.paths.value.patterns().to_vec(),
                at: driver.paths.at.clone(),
            };
            return self.all_skipped(name, driver, &driver.own_changes, &[self.touched(), reason]);
        };
        let why = vec![touch, Reason::OwnChanges { at: driver.own_changes.at.clone() }];
        self.listed(Some(name), &driver.repo, &driver.own_changes, Mode::Gating, &why)
    }

    /// A repo that the driver is built with is changed: its mode decides.
    fn common_entries(&self, name: &DriverName, driver: &Driver, chain: &[RepoName]) -> Vec<Entry> {
        let common = &driver.common_changes;
        let mut why = vec![self.touched(), self.behind(chain)];
        let (stance, sanity) = self.stance(name, driver, &mut why);
        let ignore = &common.ignore;
        if stance == Mode::Off {
            return self.all_skipped(name, driver, &common.jobs, &why);
        }
        // Who gates every change does not choose which.
        if !sanity && self.all_match(&ignore.value) {
            why.push(Reason::AllIgnored { at: ignore.at.clone() });
            return self.all_skipped(name, driver, &common.jobs, &why);
        }
        why.push(Reason::CommonChanges { at: common.jobs.at.clone() });
        self.listed(Some(name), &driver.repo, &common.jobs, stance, &why)
    }

    /// Every job of a list, skipped for the same reasons; a driver without any is told once.
    fn all_skipped(
        &self,
        name: &DriverName,
        driver: &Driver,
        jobs: &Setting<Vec<JobName>>,
        why: &[Reason],
    ) -> Vec<Entry> {
        let known = jobs.value.iter().filter_map(|job| self.workspace.jobs.get(job));
        let entries: Vec<_> =
            known.map(|job| skipped(Some(name), &driver.repo, Some(job), why.to_vec())).collect();
        if entries.is_empty() { vec![skipped(Some(name), &driver.repo, None, why.to_vec())] } else { entries }
    }

    /// The mode the driver acts in for this change, with the reasons for it, and whether it is a sanity driver.
    fn stance(&self, name: &DriverName, driver: &Driver, why: &mut Vec<Reason>) -> (Mode, bool) {
        let common = &driver.common_changes;
        let sanity = self.workspace.common.get(&self.change.repo).map(|common| &common.sanity);
        if let Some(sanity) = sanity.filter(|sanity| sanity.value.contains(name)) {
            why.push(Reason::Sanity { at: sanity.at.clone() });
            return (Mode::Gating, true);
        }
        why.push(Reason::Mode { mode: common.mode.value, at: common.mode.at.clone() });
        let stance = common.stance(self.today);
        if let Some(until) = common.until.as_ref().filter(|_| stance != common.mode.value) {
            why.push(Reason::OptInExpired { until: until.value, at: until.at.clone() });
        }
        (stance, false)
    }

    /// The entries of a list of jobs, filtered by paths and held together by needs.
    fn listed(
        &self,
        driver: Option<&DriverName>,
        repo: &RepoName,
        jobs: &Setting<Vec<JobName>>,
        mode: Mode,
        why: &[Reason],
    ) -> Vec<Entry> {
        if jobs.value.is_empty() {
            let mut reasons = why.to_vec();
            reasons.push(Reason::NoJobs);
            return vec![skipped(driver, repo, None, reasons)];
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut wanted: Vec<(JobName, Option<Reason>)> =
            jobs.value.iter().rev().map(|j| (j.clone(), None)).collect();
        while let Some((name, needed_by)) = wanted.pop() {
            let there = entries.iter().any(|entry| entry.job_name() == Some(&name));
            let Some(job) = self.workspace.jobs.get(&name).filter(|_| !there) else { continue };
            let mut entry = self.entry(driver, repo, job, mode, why);
            entry.reasons.extend(needed_by);
            wanted.extend(self.pulled_in(job, &entry));
            entries.push(entry);
        }
        skip_without_needs(&mut entries);
        entries
    }

    /// Jobs that a selected job cannot do without come along though nobody lists them.
    fn pulled_in(&self, job: &Job, entry: &Entry) -> Vec<(JobName, Option<Reason>)> {
        let hard = job.needs.iter().filter(|need| entry.runs() && !need.value.soft);
        let variants = |need: &JobName| {
            let of = |name: &&JobName| *name == need || name.base() == need.as_str();
            self.workspace.jobs.keys().filter(of).cloned().collect::<Vec<_>>()
        };
        hard.flat_map(|need| {
            let reason = Reason::NeededBy { job: job.name.clone(), at: need.at.clone() };
            variants(&need.value.job).into_iter().map(move |name| (name, Some(reason.clone())))
        })
        .collect()
    }

    fn entry(
        &self,
        driver: Option<&DriverName>,
        repo: &RepoName,
        job: &Arc<Job>,
        mode: Mode,
        why: &[Reason],
    ) -> Entry {
        let mut reasons = why.to_vec();
        if self.all_match(&job.ignore.value) {
            reasons.push(Reason::AllIgnored { at: job.ignore.at.clone() });
            return skipped(driver, repo, Some(job), reasons);
        }
        if !job.files.value.is_empty() {
            let Some(matched) = self.first_match(&job.files.value) else {
                reasons.push(Reason::NoFileMatches { at: job.files.at.clone() });
                return skipped(driver, repo, Some(job), reasons);
            };
            reasons.push(Reason::FileMatches { glob: matched.1, path: matched.0, at: job.files.at.clone() });
        }
        let decision = Decision::Runs { vote: vote(mode, job.voting) };
        Entry { driver: driver.cloned(), repo: repo.clone(), job: Some(job.clone()), decision, reasons }
    }

    fn behind(&self, chain: &[RepoName]) -> Reason {
        let link = |pair: &[RepoName]| {
            let depends_on = self.workspace.repos.get(&pair[1]).map_or(&[][..], |repo| &repo.depends_on);
            let edge = depends_on.iter().find(|edge| edge.value == pair[0]);
            Setting { value: pair[1].clone(), at: edge.map(|edge| edge.at.clone()).unwrap_or_default() }
        };
        Reason::Behind { changed: self.change.repo.clone(), chain: chain.windows(2).map(link).collect() }
    }

    fn touched(&self) -> Reason {
        Reason::Touched {
            repo: self.change.repo.clone(),
            path: self.change.paths.first().map(ToString::to_string),
            more: self.change.paths.len().saturating_sub(1),
        }
    }

    /// How the change touches a driver of its own repo, if it does.
    fn touch(&self, driver: &Driver) -> Option<Reason> {
        if let Some((path, glob)) = self.first_match(&driver.paths.value) {
            return Some(Reason::PathTouched { path, glob, at: driver.paths.at.clone() });
        }
        let owned = |path| {
            self.workspace.drivers_of(&self.change.repo).any(|(_, driver)| driver.paths.value.matches(path))
        };
        let shared = self.change.paths.iter().find(|path| !owned(path))?;
        Some(Reason::SharedPath { path: shared.to_string(), repo: driver.repo.clone() })
    }

    fn first_match(&self, globs: &Globs) -> Option<(String, String)> {
        self.change.paths.iter().find_map(|path| Some((path.to_string(), globs.matching(path)?.to_owned())))
    }

    /// Whether the change touches nothing but what the patterns match.
    fn all_match(&self, globs: &Globs) -> bool {
        let paths = &self.change.paths;
        !globs.is_empty() && !paths.is_empty() && paths.iter().all(|path| globs.matches(path))
    }
}

fn vote(mode: Mode, voting: bool) -> Vote {
    match mode {
        Mode::Off | Mode::Silent => Vote::Silent,
        Mode::Advisory => Vote::Advisory,
        Mode::Gating if voting => Vote::Gating,
        Mode::Gating => Vote::Advisory,
    }
}

fn skipped(
    driver: Option<&DriverName>,
    repo: &RepoName,
    job: Option<&Arc<Job>>,
    reasons: Vec<Reason>,
) -> Entry {
    Entry {
        driver: driver.cloned(),
        repo: repo.clone(),
        job: job.cloned(),
        decision: Decision::Skipped,
        reasons,
    }
}

/// Skips what needs a job that is skipped, and in turn what needs that.
fn skip_without_needs(entries: &mut [Entry]) {
    loop {
        let skipped: Vec<JobName> = entries
            .iter()
            .filter(|entry| !entry.runs())
            .filter_map(|entry| entry.job_name().cloned())
            .collect();
        let missing = |job: &Job| {
            let need =
                job.needs.iter().find(|need| !need.value.soft && skipped.iter().any(|s| fulfils(s, need)));
            need.map(|need| Reason::NeedSkipped { job: need.value.job.clone(), at: need.at.clone() })
        };
        let next = entries.iter_mut().filter(|entry| entry.runs()).find_map(|entry| {
            let reason = entry.job.as_deref().and_then(missing)?;
            Some((entry, reason))
        });
        let Some((entry, reason)) = next else { return };
        entry.decision = Decision::Skipped;
        entry.reasons.push(reason);
    }
}

/// Returns whether a job is one that a need names: by its full name, or as a variant of it.
pub fn fulfils(job: &JobName, need: &Setting<Need>) -> bool {
    *job == need.value.job || job.base() == need.value.job.as_str()
}
