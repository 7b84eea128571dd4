//! What builds say in a synthetic workload.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossgate_core::build::{BuildRequest, Exit, Failure, Outcome, Signature};
use crossgate_core::facts::{Build, Facts};
use crossgate_core::ids::{ChangeId, CommitId, Timestamp};
use crossgate_core::scenario::LandingResult;

use super::chance::Chance;
use super::load::Load;
use super::workload::{Workload, number};
use crate::world::{Forge, Saying, Script};

/// How wide durations spread: two builds of three take between two thirds of the median and half as much again.
const SPREAD: f64 = 0.4;

/// How long what a bad change broke stays broken after it has landed.
const MENDED_AFTER: Duration = Duration::from_hours(1);

/// Rigs that build a workload.
#[derive(Debug)]
pub(super) struct Rigs<'a> {
    load: &'a Load,
    workload: &'a Workload,
    /// Whether every build says the truth: nothing but what is in its tree makes it fail.
    truthful: bool,
    /// How many builds of each change, driver and job there were.
    counts: BTreeMap<(u32, u16, u16), u32>,
    /// Bad changes that have landed, and since when builds feel it.
    bad_landed: Vec<(usize, Option<Timestamp>)>,
    /// Commits from outside that break their driver.
    pub(super) breaks: BTreeSet<CommitId>,
}

impl<'a> Rigs<'a> {
    pub(super) fn new(load: &'a Load, workload: &'a Workload, truthful: bool) -> Self {
        let (counts, bad_landed) = (BTreeMap::new(), Vec::new());
        Self { load, workload, truthful, counts, bad_landed, breaks: BTreeSet::new() }
    }

    /// Returns what is wrong with a build's tree, if something is.
    fn wrong(&mut self, request: &BuildRequest, forge: &Forge, now: Timestamp) -> Option<String> {
        let place = place(request);
        let bad = |index: usize| self.workload.changes[index].bad == Some(place);
        if let Some(change) = forge.unmerged(&request.tree).find(|change| bad(number(change.as_str()))) {
            return Some(format!("{change} is bad"));
        }
        for (_, since) in &mut self.bad_landed {
            since.get_or_insert(now);
        }
        self.bad_landed.retain(|(_, since)| since.is_some_and(|since| now.since(since) < MENDED_AFTER));
        if let Some((index, _)) = self.bad_landed.iter().find(|(index, _)| bad(*index)) {
            return Some(format!("{index} was bad"));
        }
        self.is_broken(request, forge).then(|| "the driver is broken".to_owned())
    }

    fn is_broken(&self, request: &BuildRequest, forge: &Forge) -> bool {
        let own = request.tree.get(&request.repo).filter(|_| !self.breaks.is_empty());
        own.and_then(|state| forge.last_push(&state.commit)).is_some_and(|push| self.breaks.contains(push))
    }
}

impl Script for Rigs<'_> {
    fn says(&mut self, build: &Build, forge: &Forge, _facts: &Facts, now: Timestamp) -> Saying {
        let request = &build.request;
        let (change, (driver, job)) = (number(request.change.as_str()), place(request));
        let key = (
            u32::try_from(change).unwrap_or(u32::MAX),
            u16::try_from(driver).unwrap_or(u16::MAX),
            u16::try_from(job).unwrap_or(u16::MAX),
        );
        let count = self.counts.entry(key).or_default();
        *count += 1;
        // The n-th build of a job for a change meets the same luck whatever the policy: policies are compared in pairs.
        let parts = [3, change as u64, driver as u64, job as u64, u64::from(*count)];
        let mut chance = Chance::of(self.load.seed, &parts);
        let (spread, part) = (chance.normal(), chance.share());
        let (fails, flakes) = (chance.happens(self.load.infra), chance.happens(self.load.flake));
        let after = self.load.duration.mul_f64((SPREAD * spread).exp());
        let saying = |outcome, after: Duration| Saying { outcome, after, early: None };
        if fails && !self.truthful {
            let outcome = Outcome::Infra { reason: "the rig failed".to_owned() };
            return saying(outcome, after.mul_f64(part));
        }
        match self.wrong(request, forge, now) {
            Some(wrong) => saying(fail(wrong), after),
            None if flakes && !self.truthful => saying(fail("a flake".to_owned()), after),
            None => saying(Outcome::Pass, after),
        }
    }

    fn lands(&mut self, change: &ChangeId) -> Option<LandingResult> {
        let index = number(change.as_str());
        if self.workload.changes[index].bad.is_some() {
            self.bad_landed.push((index, None));
        }
        None
    }

    fn may_conflict(&self, change: &ChangeId) -> bool {
        self.workload.changes[number(change.as_str())].conflict.is_some()
    }

    fn conflicts(&self, change: &ChangeId, other: &ChangeId) -> bool {
        self.workload.changes[number(change.as_str())].conflict == Some(number(other.as_str()))
    }
}

fn place(request: &BuildRequest) -> (usize, usize) {
    let driver = request.driver.as_ref().expect("every job is a driver's");
    (number(driver.as_str()), number(request.job.as_str()))
}

fn fail(text: String) -> Outcome {
    let signature = Signature { digest: text.clone(), lines: vec![text] };
    Outcome::Fail(Failure { step: 1, exit: Exit::Status(1), signature })
}
