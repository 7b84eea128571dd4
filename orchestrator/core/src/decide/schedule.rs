//! Which of the builds that are wanted start now: bounded by the runners' slots, semaphores and the drivers' own slots.
//!
//! The gate comes before `check`. Within the gate the front of each queue comes first; within `check` the repos take turns,
//! each with its oldest item; then whoever came first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Action, ItemState, RowState, Wait};
use crate::build::{BuildRequest, Purpose, RepoState};
use crate::facts::{Build, BuildState, Facts, Item, Pipeline, Planned};
use crate::ids::{BuildId, BuildKey, DriverName, RepoName, SemaphoreName, Timestamp};
use crate::keys;
use crate::workspace::{RunnerKind, variable};

/// A build that a row wants.
pub(super) struct Want<'a> {
    pub(super) item: &'a Item,
    pub(super) planned: &'a Planned,
    /// The row that wants it, as a position in the item.
    pub(super) row: usize,
    pub(super) states: &'a Arc<BTreeMap<RepoName, RepoState>>,
    pub(super) key: BuildKey,
    pub(super) purpose: Purpose,
    /// How many builds of the key speak for the row so far.
    pub(super) runs: usize,
    /// Which of the builds of the key that the row wants at once, from 0.
    pub(super) nth: usize,
}

/// Whose turn it is: lowest first.
type Turn = (Pipeline, usize, i64);

/// What is in use, and what is wanted.
pub(super) struct Schedule<'a> {
    facts: &'a Facts,
    now: Timestamp,
    /// Builds that start now, by what they are a function of.
    starting: BTreeMap<BuildKey, Vec<Wait>>,
    semaphores: BTreeMap<&'a SemaphoreName, u32>,
    drivers: BTreeMap<&'a DriverName, u32>,
    runners: BTreeMap<RunnerKind, u32>,
    taken: u32,
    wants: Vec<(Turn, usize, Want<'a>)>,
    wake: Option<Timestamp>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(facts: &'a Facts, now: Timestamp) -> Self {
        Self {
            facts,
            now,
            starting: BTreeMap::new(),
            semaphores: BTreeMap::new(),
            drivers: BTreeMap::new(),
            runners: BTreeMap::new(),
            taken: 0,
            wants: Vec::new(),
            wake: None,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Takes a wish; `place` is its item's position among the items, `turn` its item's place in its line.
    pub(super) fn want(&mut self, place: usize, turn: usize, want: Want<'a>) {
        self.wants.push(((want.item.pipeline, turn, want.item.rank), place, want));
    }

    /// Asks to be called again at a moment.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }

    /// Starts what there is room for, and tells every other row that wants something what it waits for.
    pub(super) fn finish(mut self, items: &mut [ItemState]) -> (Vec<Action>, Option<Timestamp>) {
        let mut wants = std::mem::take(&mut self.wants);
        if !wants.is_empty() {
            self.count();
        }
        wants.sort_by_key(|(turn, place, want)| (*turn, *place, want.row));
        let mut actions = Vec::new();
        for (_, place, want) in wants {
            let wait = match self.starting.get(&want.key).and_then(|starting| starting.get(want.nth)) {
                Some(starting) => starting.clone(),
                None => self.full(&want).unwrap_or_else(|| {
                    let build = self.build(&want);
                    let (id, purpose, since) = (build.request.id, want.purpose, self.now);
                    let wait = Wait::Build { id, purpose, since };
                    self.starting.entry(want.key).or_default().push(wait.clone());
                    self.occupy(
                        want.planned.driver.as_ref(),
                        want.planned.job.semaphore.as_ref(),
                        build.runner,
                    );
                    actions.push(Action::Start(Box::new(build)));
                    wait
                }),
            };
            items[place].rows[want.row].state = RowState::Waits { on: wait };
        }
        (actions, self.wake)
    }

    fn build(&self, want: &Want<'_>) -> Build {
        let Want { item, planned, .. } = want;
        let job = &planned.job;
        let change = &item.members[planned.member].change.id;
        let known = self.facts.builds_of(&want.key).count();
        let starting = self.starting.get(&want.key).map_or(&[][..], Vec::as_slice);
        let starts = |id: &BuildId| {
            starting.iter().any(|wait| matches!(wait, Wait::Build { id: other, .. } if other == id))
        };
        // Of what is known some may have been let go of: an id that is in use is not given out again.
        let id = (known..=usize::MAX)
            .map(|nth| keys::build_id(&want.key, change, self.facts.run, item.id, nth))
            .find(|id| !self.facts.builds.contains_key(id) && !starts(id))
            .expect("there are fewer builds than numbers");
        let seen = want.states.iter().filter(|(repo, _)| planned.sees.contains(*repo));
        let request = BuildRequest {
            id,
            key: want.key,
            change: change.clone(),
            purpose: want.purpose,
            attempt: u32::try_from(want.runs + 1).unwrap_or(u32::MAX),
            driver: planned.driver.clone(),
            repo: planned.repo.clone(),
            job: job.name.clone(),
            cache: job.cache.as_ref().map_or_else(|| (&job.name).into(), Into::into),
            tree: seen.map(|(repo, state)| (repo.clone(), state.clone())).collect(),
            steps: planned.commands.clone().unwrap_or_default(),
            variables: job.matrix.iter().map(|(key, value)| (variable(key), value.clone())).collect(),
            timeout: job.timeout,
            network: job.network,
            artifacts: job.artifacts.clone(),
        };
        let state = BuildState::Running { since: self.now, failing: false, cancelled: None };
        Build { request, semaphore: job.semaphore.clone(), runner: runner(item, planned), state }
    }

    fn full(&self, want: &Want<'_>) -> Option<Wait> {
        let Want { item, planned, .. } = want;
        let workspace = &item.members[planned.member].workspace;
        let kind = runner(item, planned);
        let slots = &self.facts.slots;
        if slots.total != 0 && self.taken >= slots.total {
            return Some(Wait::Slot { of: slots.total });
        }
        let of = slots.runners.get(&kind).copied().unwrap_or(slots.default);
        if of != 0 && self.runners.get(&kind).is_some_and(|used| *used >= of) {
            return Some(Wait::Slot { of });
        }
        if let Some(name) = &planned.driver
            && let Some(of) = workspace.drivers.get(name).and_then(|driver| driver.ci.slots)
            && self.drivers.get(name).is_some_and(|used| *used >= of)
        {
            return Some(Wait::Slot { of });
        }
        let name = planned.job.semaphore.as_ref()?;
        let of = workspace.semaphores.get(name).copied().unwrap_or(1);
        let held = self.semaphores.get(name).copied().unwrap_or(0);
        (held >= of).then(|| Wait::Semaphore { name: name.clone() })
    }

    /// Counts what is in use: only who wants something asks for it.
    fn count(&mut self) {
        for build in self.facts.builds.values() {
            if matches!(build.state, BuildState::Running { .. }) {
                self.occupy(build.request.driver.as_ref(), build.semaphore.as_ref(), build.runner);
            }
        }
    }

    fn occupy(
        &mut self,
        driver: Option<&'a DriverName>,
        semaphore: Option<&'a SemaphoreName>,
        runner: RunnerKind,
    ) {
        self.taken += 1;
        *self.runners.entry(runner).or_default() += 1;
        if let Some(name) = semaphore {
            *self.semaphores.entry(name).or_default() += 1;
        }
        if let Some(driver) = driver {
            *self.drivers.entry(driver).or_default() += 1;
        }
    }
}

/// What executes the builds of a planned job: what its driver says; a repo's own jobs run locally.
fn runner(item: &Item, planned: &Planned) -> RunnerKind {
    let drivers = &item.members[planned.member].workspace.drivers;
    let driver = planned.driver.as_ref().and_then(|name| drivers.get(name));
    driver.map_or(RunnerKind::Local, |driver| driver.ci.runner.value)
}
