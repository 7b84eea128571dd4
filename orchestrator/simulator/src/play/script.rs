//! What the builds and the forge of a scenario do: what its rules say.

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::build::{Exit, Failure, Outcome, Signature};
use crossgate_core::facts::{Build, Facts};
use crossgate_core::ids::{ChangeId, JobName, Timestamp};
use crossgate_core::scenario::{BuildPattern, LandingResult, OutcomeRule, Said, Scenario};

use crate::world::{Forge, Saying, Script};

/// The rules of a scenario.
#[derive(Debug)]
pub(super) struct Scripted<'a> {
    scenario: &'a Scenario,
    /// How often each change was tried to land.
    tries: BTreeMap<ChangeId, u32>,
}

impl<'a> Scripted<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        Self { scenario, tries: BTreeMap::new() }
    }
}

impl Script for Scripted<'_> {
    fn says(&mut self, build: &Build, forge: &Forge, facts: &Facts, _now: Timestamp) -> Saying {
        let job = &build.request.job;
        let durations = &self.scenario.durations;
        let base = JobName::parse(job.base()).ok();
        let named = durations.jobs.get(job).or_else(|| durations.jobs.get(&base?));
        let duration = named.copied().unwrap_or(durations.default);
        let revision =
            facts.proposals().get(&build.request.change).map_or(1, |proposal| proposal.change.revision);
        let rules = self.scenario.outcomes.iter().enumerate();
        let inside = forge.inside(&build.request.tree);
        match rules.into_iter().find(|(_, rule)| matches(&rule.of, build, &inside, revision)) {
            Some((number, rule)) => Saying {
                outcome: outcome(number, rule),
                after: rule.after.unwrap_or(duration),
                early: rule.early,
            },
            None => Saying { outcome: Outcome::Pass, after: duration, early: None },
        }
    }

    fn counts_attempts(&self) -> bool {
        true
    }

    fn lands(&mut self, change: &ChangeId) -> Option<LandingResult> {
        let tried = self.tries.entry(change.clone()).or_default();
        *tried += 1;
        // A rule covers so many tries; the next one of the same change takes over after them.
        let mut covered = 0u32;
        for rule in self.scenario.landings.iter().filter(|rule| rule.change == *change) {
            covered = if rule.times == 0 { u32::MAX } else { covered.saturating_add(rule.times) };
            if *tried <= covered {
                return Some(rule.result);
            }
        }
        None
    }

    fn conflicts(&self, change: &ChangeId, other: &ChangeId) -> bool {
        let names = |one: &ChangeId, other: &ChangeId| {
            self.scenario.changes.get(one).is_some_and(|change| change.conflicts.contains(other))
        };
        names(change, other) || names(other, change)
    }
}

fn matches(of: &BuildPattern, build: &Build, inside: &BTreeSet<ChangeId>, revision: u32) -> bool {
    let request = &build.request;
    of.job.as_ref().is_none_or(|job| *job == request.job || job.as_str() == request.job.base())
        && of.driver.as_ref().is_none_or(|driver| request.driver.as_ref() == Some(driver))
        && of.change.as_ref().is_none_or(|change| *change == request.change)
        && of.with.iter().all(|change| inside.contains(change))
        && !of.without.iter().any(|change| inside.contains(change))
        && of.purpose.is_none_or(|purpose| purpose == request.purpose)
        && of.attempt.is_none_or(|attempt| attempt == request.attempt)
        && of.revision.is_none_or(|of| of == revision)
}

/// What a rule says: failures of one rule look the same, unless it says what they look like.
fn outcome(number: usize, rule: &OutcomeRule) -> Outcome {
    let reason = |word: &str| rule.reason.clone().unwrap_or_else(|| word.to_owned());
    match rule.result {
        Said::Pass => Outcome::Pass,
        Said::Fail => {
            let text = rule.signature.clone().unwrap_or_else(|| format!("failure {}", number + 1));
            let signature = Signature { digest: text.clone(), lines: vec![text] };
            Outcome::Fail(Failure { step: 1, exit: Exit::Status(1), signature })
        }
        Said::Infra => Outcome::Infra { reason: reason("the rig failed") },
        Said::Timeout => Outcome::Timeout { limit_s: rule.after.map_or(0, |after| after.as_secs()) },
        Said::Lost => Outcome::Lost { reason: reason("it was not heard of again") },
        Said::Cancelled => Outcome::Cancelled,
    }
}
