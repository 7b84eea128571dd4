//! How each selected job of an item stands: its verdict, or what it waits for.

use std::collections::BTreeMap;

use super::schedule::Schedule;
use super::{BuildRef, Conclusion, ItemState, Row, RowState, Wait};
use crate::build::{BuildRequest, Outcome, Purpose, RepoState};
use crate::facts::{BuildState, Facts, Item, Task, TreeState};
use crate::ids::{BuildId, BuildKey, RepoName, TreeId};
use crate::keys;
use crate::plan::{Entry, Vote, fulfils};
use crate::verdict::{Evidence, Judgement, Runs, Verdict, judge};
use crate::workspace::Job;

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
    // Needs have no cycles (the configuration refuses them), so each pass settles at least one row.
    for _ in 0..selected.len() {
        for (index, &(entry, job, vote)) in selected.iter().enumerate() {
            if rows[index].is_some() {
                continue;
            }
            let Some(gate) = needs(&selected, &rows, entry, job) else { continue };
            let asked = Asked { facts, item, entry, job, task: &item.tasks[index] };
            let (state, builds) = match gate {
                NeedsAre::Met => asked.state(trees, schedule),
                NeedsAre::Awaited(wait) => (RowState::Waits { on: wait }, Vec::new()),
                NeedsAre::Failed(reason) => {
                    (RowState::Decided(Verdict::NotApplicable { reason }), Vec::new())
                }
            };
            rows[index] = Some(row(entry, job, vote, state, builds));
        }
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

/// Returns how the needs of a job stand; `None` while a needed row has not been looked at.
fn needs(
    selected: &[(&Entry, &std::sync::Arc<Job>, Vote)],
    rows: &[Option<Row>],
    entry: &Entry,
    job: &Job,
) -> Option<NeedsAre> {
    let mut awaited = None;
    for need in &job.needs {
        let of_driver = |other: &&(usize, &(&Entry, &std::sync::Arc<Job>, Vote))| {
            other.1.0.driver == entry.driver && fulfils(&other.1.1.name, need)
        };
        let all: Vec<_> = selected.iter().enumerate().collect();
        for (index, (_, needed, _)) in all.iter().filter(of_driver) {
            match &rows[*index].as_ref()?.state {
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
    task: &'a Task,
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
            let reason = "has no steps: it runs on the driver's own rig only".to_owned();
            return (RowState::Decided(Verdict::NotApplicable { reason }), Vec::new());
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
        let evidence = Evidence { candidate: with, baseline: without, attempts: self.job.attempts };
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
            cache: self.job.cache.clone().unwrap_or_else(|| (&self.job.name).into()),
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

    /// A fresh pass serves again. A fresh red serves as a baseline only: as a candidate it deserves another look.
    fn reusable(&self, earlier: &crate::facts::Earlier, side: Purpose, schedule: &Schedule<'_>) -> bool {
        let fresh = schedule.now().since(earlier.ended) <= self.item.workspace.policy.reuse;
        let telling = match earlier.outcome {
            Outcome::Pass => true,
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
        let steps = self.task.commands.clone().map_err(unknown)?;
        let seen = states.iter().filter(|(repo, _)| self.task.sees.contains(*repo));
        let tree: BTreeMap<RepoName, RepoState> =
            seen.map(|(repo, state)| (repo.clone(), state.clone())).collect();
        let trees: BTreeMap<&RepoName, &TreeId> =
            tree.iter().map(|(repo, state)| (repo, &state.tree)).collect();
        let key = keys::build_key(self.entry, self.job, &steps, &trees);
        Ok(Work { key, tree, steps })
    }
}

/// A matrix value is seen by the steps as a variable: `platform` as `MATRIX_PLATFORM`.
fn variable(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("MATRIX_{}", key.chars().map(plain).collect::<String>())
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

fn ended_at(state: &BuildState) -> Option<crate::ids::Timestamp> {
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
