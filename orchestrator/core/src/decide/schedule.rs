//! Which of the builds that are wanted start now: bounded by slots, semaphores and the drivers' own slots.

use std::collections::BTreeMap;

use super::{Action, Wait};
use crate::build::{BuildRequest, Purpose};
use crate::facts::{BuildState, Facts};
use crate::ids::{BuildId, BuildKey, DriverName, SemaphoreName, Timestamp};
use crate::workspace::{Driver, Job};

/// What is in use, and what starts.
pub(super) struct Schedule<'a> {
    facts: &'a Facts,
    now: Timestamp,
    /// Builds that run or are about to, by what they are a function of.
    running: BTreeMap<BuildKey, (BuildId, Purpose, Timestamp)>,
    semaphores: BTreeMap<SemaphoreName, u32>,
    drivers: BTreeMap<DriverName, u32>,
    taken: u32,
    actions: Vec<Action>,
    wake: Option<Timestamp>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(facts: &'a Facts, now: Timestamp) -> Self {
        let mut schedule = Self {
            facts,
            now,
            running: BTreeMap::new(),
            semaphores: BTreeMap::new(),
            drivers: BTreeMap::new(),
            taken: 0,
            actions: Vec::new(),
            wake: None,
        };
        for build in facts.builds.values() {
            if let BuildState::Running { since } = build.state {
                schedule.occupy(&build.request, build.semaphore.as_ref(), since);
            }
        }
        schedule
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Takes a build that is wanted: it waits for itself, for one like it, or for a place.
    pub(super) fn want(
        &mut self,
        request: BuildRequest,
        job: &Job,
        driver: Option<&Driver>,
        semaphores: &BTreeMap<SemaphoreName, u32>,
    ) -> Wait {
        if let Some((id, purpose, since)) = self.running.get(&request.key) {
            return Wait::Build { id: id.clone(), purpose: *purpose, since: *since };
        }
        if let Some(wait) = self.full(&request, job, driver, semaphores) {
            return wait;
        }
        let wait = Wait::Build { id: request.id.clone(), purpose: request.purpose, since: self.now };
        self.occupy(&request, job.semaphore.as_ref(), self.now);
        self.actions.push(Action::Start { request: Box::new(request), semaphore: job.semaphore.clone() });
        wait
    }

    /// Asks to be called again at a moment.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }

    /// Returns what starts, and when to look again though nothing has happened.
    pub(super) fn finish(self) -> (Vec<Action>, Option<Timestamp>) {
        (self.actions, self.wake)
    }

    fn full(
        &self,
        request: &BuildRequest,
        job: &Job,
        driver: Option<&Driver>,
        semaphores: &BTreeMap<SemaphoreName, u32>,
    ) -> Option<Wait> {
        if self.taken >= self.facts.slots {
            return Some(Wait::Slot { of: self.facts.slots });
        }
        if let (Some(name), Some(of)) = (&request.driver, driver.and_then(|driver| driver.ci.slots))
            && self.drivers.get(name).is_some_and(|used| *used >= of)
        {
            return Some(Wait::Slot { of });
        }
        let name = job.semaphore.as_ref()?;
        let of = semaphores.get(name).copied().unwrap_or(1);
        let held = self.semaphores.get(name).copied().unwrap_or(0);
        (held >= of).then(|| Wait::Semaphore { name: name.clone() })
    }

    fn occupy(&mut self, request: &BuildRequest, semaphore: Option<&SemaphoreName>, since: Timestamp) {
        self.taken += 1;
        self.running.insert(request.key.clone(), (request.id.clone(), request.purpose, since));
        if let Some(name) = semaphore {
            *self.semaphores.entry(name.clone()).or_default() += 1;
        }
        if let Some(driver) = &request.driver {
            *self.drivers.entry(driver.clone()).or_default() += 1;
        }
    }
}
