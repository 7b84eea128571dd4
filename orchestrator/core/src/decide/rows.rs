//! How each selected job of an item stands: its verdict, or what it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::schedule::Schedule;
use super::{BuildRef, Conclusion, ItemState, Row, RowState, Wait};
use crate::build::{BuildRequest, Outcome, Purpose, RepoState};
use crate::facts::{Build, BuildState, Earlier, Facts, Instructions, Item, TreeState};
use crate::ids::{BuildId, BuildKey, RepoName, Timestamp, TreeId};
use crate::keys;
use crate::plan::{Entry, Vote, fulfils};
use crate::verdict::{Evidence, Judgement, Runs, Verdict, judge};
use crate::workspace::{Job, variable};

/// How long after a build that said nothing of its tree the next one starts; twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest such wait.
const LAST_RETRY: Duration = Duration::from_mins(1);

/// The flake rate of a job of which nothing is known.
const NOTHING_KNOWN: f64 = 0.02;

/// The trees with and without the change, as far as they are.
type Trees<'a> = (&'a TreeState, &'a TreeState);

pub(super) fn item_state(
    facts: &Facts,
    item: &Item,
    trees: Trees<'_>,
    schedule: &mut Schedule<'_>,
) -> ItemState {
    let selected: Vec<_> = item.plan.selected().collect();
    let mut rows: Vec<Option<Row>> = vec![None; selected.len()];
    // Needs have no cycles (the configuration refuses them), so each pass settles at least one row until all are.
    while rows.iter().any(Option::is_none) {
        let settled = rows.iter().flatten().count();
        for (index, &(entry, job, vote)) in selected.iter().enumerate() {
            if rows[index].is_some() {
                continue;
            }
            let Some(gate) = needs(&selected, &rows, entry, job) else { continue };
            let asked = Asked { facts, item, entry, job, instructions: &item.instructions[index] };
            let (state, builds) = match gate {
                NeedsAre::Met => asked.state(trees, schedule),
                NeedsAre::Awaited(wait) => (RowState::Waits { on: wait }, Vec::new()),
                NeedsAre::Failed(reason) => {
                    (RowState::Decided(Verdict::NotApplicable { reason }), Vec::new())
                }
            };
            rows[index] = Some(row(entry, job, vote, state, builds));
        }
        assert!(rows.iter().flatten().count() > settled, "the needs of {} go in a circle", item.change.id);
    }
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let conclusion = conclude(item, &rows);
    ItemState { change: item.change.id.clone(), rows, conclusion }
}

fn row(entry: &Entry, job: &Job, vote: Vote, state: RowState, builds: Vec<BuildRef>) -> Row {
    let (driver, repo) = (entry.driver.clone(), entry.repo.clone());
    Row { driver, repo, job: job.name.clone(), vote, state, builds }
}

fn conclude(item: &Item, rows: &[Row]) -> Option<Conclusion> {
    let policy = &item.workspace.policy;
    let mut blockers = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match &row.state {
            RowState::Waits { .. } => return None,
            RowState::Decided(verdict) if verdict.blocks(row.vote, policy) => blockers.push(index),
            RowState::Decided(_) => {}
        }
    }
    Some(if blockers.is_empty() { Conclusion::MayLand } else { Conclusion::MustNotLand { blockers } })
}

/// How the needs of a job stand.
enum NeedsAre {
    Met,
    Awaited(Wait),
    Failed(String),
}

/// A selected job, with its entry in the plan and what its red means.
type Selected<'a> = (&'a Entry, &'a Arc<Job>, Vote);

/// Returns how the needs of a job stand; `None` while a needed row has not been looked at.
fn needs(selected: &[Selected<'_>], rows: &[Option<Row>], entry: &Entry, job: &Job) -> Option<NeedsAre> {
    let mut awaited = None;
    for need in &job.needs {
        let needed = selected
            .iter()
            .zip(rows)
            .filter(|((other, job, _), _)| other.driver == entry.driver && fulfils(&job.name, need));
        for ((_, needed, _), row) in needed {
            match &row.as_ref()?.state {
                RowState::Waits { .. } => awaited = Some(Wait::Need { job: needed.name.clone() }),
                RowState::Decided(verdict) if !need.value.soft && !verdict.lets_dependents_run() => {
                    return Some(NeedsAre::Failed(format!(
                        "needs {}, which is {}",
                        needed.name,
                        verdict.word()
                    )));
                }
                RowState::Decided(_) => {}
            }
        }
    }
    Some(awaited.map_or(NeedsAre::Met, NeedsAre::Awaited))
}

/// One selected job, and all that its state is computed from.
struct Asked<'a> {
    facts: &'a Facts,
    item: &'a Item,
    entry: &'a Entry,
    job: &'a Job,
    instructions: &'a Instructions,
}

/// What a build on one tree would do.
struct Work {
    key: BuildKey,
    tree: BTreeMap<RepoName, RepoState>,
    steps: Vec<String>,
}

impl Asked<'_> {
    fn state(&self, trees: Trees<'_>, schedule: &mut Schedule<'_>) -> (RowState, Vec<BuildRef>) {
        if self.job.steps.is_empty() {
            return (unknown("it has no steps: only the driver's own rig can run it".to_owned()), Vec::new());
        }
        let (candidate, baseline) = match (self.work(trees.0), self.work(trees.1)) {
            (Err(state), _) => return (state, Vec::new()),
            (Ok(candidate), baseline) => (candidate, baseline),
        };
        let (with, mut builds) = self.runs(&candidate.key, Purpose::Candidate, schedule);
        let candidates = builds.len();
        let without = match &baseline {
            Ok(baseline) => {
                let (runs, more) = self.runs(&baseline.key, Purpose::Baseline, schedule);
                builds.extend(more);
                runs
            }
            Err(_) => Runs::default(),
        };
        let attempts = self.job.attempts;
        let evidence = Evidence { candidate: with, baseline: without, attempts, flake_rate: NOTHING_KNOWN };
        let judgement = judge(self.item.workspace.policy.confirm, &evidence);
        if judgement == Judgement::Decided(Verdict::Passed) {
            // What the tree without the change did had no part in it.
            builds.truncate(candidates);
        }
        let state = match judgement {
            Judgement::Decided(verdict) => RowState::Decided(verdict),
            Judgement::NeedsCandidate => {
                let again = !evidence.candidate.conclusive.is_empty();
                let purpose = if again { Purpose::Confirm } else { Purpose::Candidate };
                self.wait_for(candidate, purpose, &evidence.candidate, schedule)
            }
            Judgement::NeedsBaseline => match baseline {
                Ok(baseline) => self.wait_for(baseline, Purpose::Baseline, &evidence.baseline, schedule),
                Err(state) => state,
            },
        };
        (state, builds)
    }

    fn wait_for(
        &self,
        work: Work,
        purpose: Purpose,
        runs: &Runs<'_>,
        schedule: &mut Schedule<'_>,
    ) -> RowState {
        if let Some(at) = self.retry_at(&work.key, runs).filter(|at| *at > schedule.now()) {
            schedule.wake(at);
            return RowState::Waits { on: Wait::Retry { at } };
        }
        let change = &self.item.change.id;
        let repetition = runs.inconclusive.len() + runs.conclusive.len();
        let request = BuildRequest {
            id: keys::build_id(&work.key, change, self.facts.run, repetition),
            key: work.key,
            change: change.clone(),
            purpose,
            attempt: u32::try_from(runs.inconclusive.len() + 1).unwrap_or(u32::MAX),
            driver: self.entry.driver.clone(),
            repo: self.entry.repo.clone(),
            job: self.job.name.clone(),
            cache: self.job.cache.as_ref().map_or_else(|| (&self.job.name).into(), Into::into),
            tree: work.tree,
            steps: work.steps,
            variables: self.job.matrix.iter().map(|(key, value)| (variable(key), value.clone())).collect(),
            timeout: self.job.timeout,
            network: self.job.network,
            artifacts: self.job.artifacts.clone(),
        };
        let driver = self.entry.driver.as_ref().and_then(|name| self.item.workspace.drivers.get(name));
        RowState::Waits { on: schedule.want(request, self.job, driver, &self.item.workspace.semaphores) }
    }

    /// When a build is tried again that said nothing of its tree: what failed around it needs time to pass.
    fn retry_at(&self, key: &BuildKey, runs: &Runs<'_>) -> Option<Timestamp> {
        let tries = u32::try_from(runs.inconclusive.len()).unwrap_or(u32::MAX);
        let of_key = |build: &&Build| build.request.key == *key;
        let last =
            self.facts.builds.values().filter(of_key).filter_map(|build| ended_at(&build.state)).max()?;
        let delay = FIRST_RETRY.saturating_mul(2u32.saturating_pow(tries.checked_sub(1)?));
        Some(last.after(delay.min(LAST_RETRY)))
    }

    /// What is known for a key: this run's builds, whoever asked for them; else an earlier run's, if it is fresh.
    fn runs(&self, key: &BuildKey, side: Purpose, schedule: &Schedule<'_>) -> (Runs<'_>, Vec<BuildRef>) {
        let mut found: Vec<_> =
            self.facts.builds.iter().filter(|(_, build)| build.request.key == *key).collect();
        found.sort_by_key(|(id, build)| (ended_at(&build.state), (*id).clone()));
        let (mut runs, mut refs) = (Runs::default(), Vec::new());
        for (id, build) in found {
            refs.push(build_ref(id, &build.request, &build.state));
            if let BuildState::Ended(ended) = &build.state {
                add(&mut runs, &ended.outcome);
            }
        }
        if refs.is_empty()
            && let Some(earlier) =
                self.facts.earlier.get(key).filter(|earlier| self.reusable(earlier, side, schedule))
        {
            add(&mut runs, &earlier.outcome);
            refs.push(BuildRef {
                id: earlier.id.clone(),
                purpose: side,
                outcome: Some(earlier.outcome.word()),
                reused: true,
                duration_ms: None,
            });
        }
        (runs, refs)
    }

    /// A fresh pass of the candidate serves again, and so does a fresh red of the baseline. A red candidate deserves another
    /// look; and nobody is blamed on the word of a baseline that passed some time ago, since what is not in the key (a
    /// toolchain, a rig) may have changed since.
    fn reusable(&self, earlier: &Earlier, side: Purpose, schedule: &Schedule<'_>) -> bool {
        let fresh = schedule.now().since(earlier.ended) <= self.item.workspace.policy.reuse;
        let telling = match earlier.outcome {
            Outcome::Pass => side == Purpose::Candidate,
            Outcome::Fail(_) => side == Purpose::Baseline,
            Outcome::Timeout { .. } | Outcome::Infra { .. } | Outcome::Lost { .. } | Outcome::Cancelled => {
                false
            }
        };
        fresh && telling
    }

    /// What a build on a tree would do, or how the row stands because there is none.
    fn work(&self, tree: &TreeState) -> Result<Work, RowState> {
        let states = match tree {
            TreeState::Ready(states) => states,
            TreeState::Preparing => return Err(RowState::Waits { on: Wait::Tree }),
            TreeState::Conflict(_) => {
                return Err(unknown("the tree without the change does not merge".to_owned()));
            }
            TreeState::Failed { reason } => {
                return Err(unknown(format!("the tree could not be made: {reason}")));
            }
        };
        let steps = self.instructions.commands.clone().map_err(unknown)?;
        let seen = states.iter().filter(|(repo, _)| self.instructions.sees.contains(*repo));
        let tree: BTreeMap<RepoName, RepoState> =
            seen.map(|(repo, state)| (repo.clone(), state.clone())).collect();
        let trees: BTreeMap<&RepoName, &TreeId> =
            tree.iter().map(|(repo, state)| (repo, &state.tree)).collect();
        let key = keys::build_key(self.entry, self.job, &steps, &trees);
        Ok(Work { key, tree, steps })
    }
}

fn unknown(reason: String) -> RowState {
    RowState::Decided(Verdict::Unknown { reason })
}

fn add<'a>(runs: &mut Runs<'a>, outcome: &'a Outcome) {
    match outcome {
        Outcome::Pass | Outcome::Fail(_) | Outcome::Timeout { .. } => runs.conclusive.push(outcome),
        Outcome::Infra { .. } | Outcome::Lost { .. } => runs.inconclusive.push(outcome),
        Outcome::Cancelled => {}
    }
}

fn ended_at(state: &BuildState) -> Option<Timestamp> {
    match state {
        BuildState::Running { .. } => None,
        BuildState::Ended(ended) => Some(ended.ended),
    }
}

fn build_ref(id: &BuildId, request: &BuildRequest, state: &BuildState) -> BuildRef {
    let ended = match state {
        BuildState::Running { .. } => None,
        BuildState::Ended(ended) => Some(ended),
    };
    BuildRef {
        id: id.clone(),
        purpose: request.purpose,
        outcome: ended.map(|ended| ended.outcome.word()),
        reused: false,
        duration_ms: ended
            .map(|ended| u64::try_from(ended.ended.since(ended.started).as_millis()).unwrap_or(u64::MAX)),
    }
}
