//! How each selected job of an item stands: its verdict, or what it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::schedule::{Schedule, Want};
use super::{BuildRef, Conclusion, Row, RowState, Wait};
use crate::build::{Outcome, Purpose, RepoState};
use crate::facts::{Build, BuildState, Earlier, Facts, Item, Planned, TreeKey, TreeState};
use crate::ids::{BuildId, BuildKey, JobName, RepoName, Timestamp};
use crate::plan::Vote;
use crate::sprt;
use crate::verdict::{Evidence, Judgement, Leaning, Runs, Verdict, judge, leaning};
use crate::workspace::{Absent, Confirm, Driver};

/// How long after a build that said nothing of its tree the next one starts; twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest such wait.
const LAST_RETRY: Duration = Duration::from_mins(1);

/// Where an item is in its line, and what its rows may do.
pub(super) struct Asked<'a> {
    pub(super) facts: &'a Facts,
    pub(super) item: &'a Item,
    /// The trees with and without the item, as far as they are.
    pub(super) trees: (&'a TreeState, &'a TreeState),
    /// Their keys.
    pub(super) tree_keys: (TreeKey, TreeKey),
    /// The item's position among the items, and in its line.
    pub(super) place: usize,
    pub(super) turn: usize,
    /// Why nothing starts, if nothing does.
    pub(super) held: Option<Wait>,
}

/// How the rows of an item stand together.
pub(super) struct Judged {
    pub(super) rows: Vec<Row>,
    pub(super) conclusion: Option<Conclusion>,
    /// Whether it is more likely than not to fail.
    pub(super) failing: bool,
    /// The first job that holds the items behind it, and has not passed.
    pub(super) holding: Option<JobName>,
}

/// Judges every row of an item, and asks for the builds that are wanted.
pub(super) fn judged<'a>(asked: &Asked<'a>, schedule: &mut Schedule<'a>) -> Judged {
    let planned = &asked.item.planned;
    let mut rows: Vec<Option<(Row, bool)>> = vec![None; planned.len()];
    let mut wishes = Wishes { schedule, wants: Vec::new() };
    // Needs have no cycles (the configuration refuses them), so each pass settles at least one row until all are.
    let mut left = planned.len();
    while left > 0 {
        let before = left;
        for (index, of) in planned.iter().enumerate() {
            if rows[index].is_some() {
                continue;
            }
            let Some(needs) = needs(planned, &rows, of) else { continue };
            rows[index] = Some(asked.row(index, of, needs, &mut wishes));
            left -= 1;
        }
        assert!(left < before, "the needs of {} go in a circle", asked.item.change().id);
    }
    let (mut rows, failing): (Vec<Row>, Vec<bool>) = rows.into_iter().flatten().unzip();
    let blockers = blockers(asked.item, &rows);
    let fails_fast = asked.item.workspace().pipelines.gate.fail_fast
        && asked.item.pipeline == crate::facts::Pipeline::Gate;
    if fails_fast && !blockers.is_empty() {
        give_up(&mut rows, blockers[0]);
        wishes.wants.clear();
    }
    for want in wishes.wants {
        wishes.schedule.want(asked.place, asked.turn, want);
    }
    let waits = rows.iter().any(|row| matches!(row.state, RowState::Waits { .. }));
    let failing = !blockers.is_empty() || failing.contains(&true);
    let conclusion = match (waits, blockers.is_empty()) {
        (true, _) => None,
        (false, true) => Some(Conclusion::MayLand),
        (false, false) => Some(Conclusion::MustNotLand { blockers }),
    };
    let passed =
        |row: &Row| matches!(&row.state, RowState::Decided(verdict) if verdict.lets_dependents_run());
    let holds = planned.iter().zip(&rows).find(|(of, row)| of.job.holds_followers && !passed(row));
    Judged { holding: holds.map(|(of, _)| of.job.name.clone()), rows, conclusion, failing }
}

/// Returns the rows that block, as positions.
fn blockers(item: &Item, rows: &[Row]) -> Vec<usize> {
    let policy = &item.workspace().policy;
    let blocks =
        |row: &Row| matches!(&row.state, RowState::Decided(verdict) if verdict.blocks(row.vote, policy));
    rows.iter().enumerate().filter(|(_, row)| blocks(row)).map(|(index, _)| index).collect()
}

/// Ends what still waits: one red is enough.
fn give_up(rows: &mut [Row], blocker: usize) {
    let reason =
        format!("not needed any more: {} is red, and one red is enough (fail_fast)", rows[blocker].name());
    for row in rows.iter_mut().filter(|row| matches!(row.state, RowState::Waits { .. })) {
        row.state = RowState::Decided(Verdict::NotApplicable { reason: reason.clone() });
    }
}

/// How the needs of a job stand.
enum NeedsAre {
    Met,
    Awaited(Wait),
    Failed(String),
}

/// Returns how the needs of a job stand; `None` while a needed row has not been looked at.
fn needs(planned: &[Planned], rows: &[Option<(Row, bool)>], of: &Planned) -> Option<NeedsAre> {
    let mut awaited = None;
    for &(index, soft) in &of.needs {
        let name = &planned[index].job.name;
        match &rows[index].as_ref()?.0.state {
            RowState::Waits { .. } => awaited = Some(Wait::Need { job: name.clone() }),
            RowState::Decided(verdict) if !soft && !verdict.lets_dependents_run() => {
                return Some(NeedsAre::Failed(format!("needs {name}, which is {}", verdict.word())));
            }
            RowState::Decided(_) => {}
        }
    }
    Some(awaited.map_or(NeedsAre::Met, NeedsAre::Awaited))
}

/// What is known of one side of a row.
#[derive(Default)]
struct Side<'a> {
    runs: Runs<'a>,
    refs: Vec<BuildRef>,
    /// When the first of them started.
    since: Option<Timestamp>,
    /// Those that run.
    running: Vec<Wait>,
    /// Whether one of them has said that it is going to fail.
    failing: bool,
    /// When those ended that said nothing of their tree.
    tried: Vec<Timestamp>,
    /// When others were told to end, each with how long it had run.
    given_up: Vec<(Timestamp, Duration)>,
}

impl Side<'_> {
    /// Leaves out the builds that run, if none is wanted.
    fn only_wanted(&mut self, count: u32) {
        if count == 0 {
            self.refs.retain(|build| build.outcome.is_some());
        }
    }
}

/// A build that could run: its key, and the states of the repos.
type Keyed<'a> = (BuildKey, &'a Arc<BTreeMap<RepoName, RepoState>>);

/// The builds that the rows of an item want.
struct Wishes<'s, 'a> {
    schedule: &'s mut Schedule<'a>,
    wants: Vec<Want<'a>>,
}

impl<'a> Asked<'a> {
    /// Returns how a row stands, and whether it is more likely than not to block.
    fn row(
        &self,
        index: usize,
        of: &'a Planned,
        needs: NeedsAre,
        wishes: &mut Wishes<'_, 'a>,
    ) -> (Row, bool) {
        let (state, builds, red) = match needs {
            _ if self.is_removed(of) => (Self::removed(of), Vec::new(), false),
            NeedsAre::Met => self.state(index, of, wishes),
            NeedsAre::Awaited(on) => (RowState::Waits { on }, Vec::new(), false),
            NeedsAre::Failed(reason) => {
                (RowState::Decided(Verdict::NotApplicable { reason }), Vec::new(), false)
            }
        };
        let (driver, repo, job) = (of.driver.clone(), of.repo.clone(), of.job.name.clone());
        (
            Row { member: of.member, driver, repo, job, vote: of.vote, state, builds },
            red && of.vote == Vote::Gating,
        )
    }

    /// Whether its driver is no longer in the configuration.
    fn is_removed(&self, of: &Planned) -> bool {
        let (Some(driver), Some(current)) = (&of.driver, &self.facts.configuration) else { return false };
        // A change that brings its driver with it is judged with its own configuration.
        !Arc::ptr_eq(&current.workspace, &self.item.members[of.member].workspace)
            && !current.workspace.drivers.contains_key(driver)
            && self
                .facts
                .proposals
                .get(&self.item.members[of.member].change.id)
                .is_none_or(|of| of.configuration.is_none())
    }

    fn removed(of: &Planned) -> RowState {
        let name = of.driver.as_ref().map_or("it", |name| name.as_str());
        let reason = format!("{name} is no longer a driver of the workspace");
        RowState::Decided(Verdict::NotApplicable { reason })
    }

    fn state(
        &self,
        index: usize,
        of: &'a Planned,
        wishes: &mut Wishes<'_, 'a>,
    ) -> (RowState, Vec<BuildRef>, bool) {
        let states = match self.trees.0 {
            TreeState::Ready(states) => states,
            TreeState::Preparing | TreeState::Conflict(_) | TreeState::Failed { .. } => {
                return (RowState::Waits { on: Wait::Tree }, Vec::new(), false);
            }
        };
        if let Err(reason) = &of.commands {
            return (RowState::Decided(Verdict::Unknown { reason: reason.clone() }), Vec::new(), false);
        }
        let key = self.item.keys.keys(0, self.tree_keys.0, &self.item.planned, states)[index];
        let with = self.side(&key, Purpose::Candidate);
        if let Some(verdict) = self.absent(of, &with, wishes.schedule) {
            return (RowState::Decided(self.waived(of, verdict, wishes.schedule)), with.refs, false);
        }
        if with.runs.conclusive.is_empty() && with.runs.inconclusive.is_empty() {
            let red = with.failing && self.early_is_real(of);
            return (
                self.ask((index, of), (key, states), Purpose::Candidate, (1, &with), wishes),
                with.refs,
                red,
            );
        }
        let (without, baseline) = self.baseline(index);
        let evidence = Evidence {
            candidate: with.runs.clone(),
            baseline: without.runs.clone(),
            attempts: of.job.attempts,
            flake_rate: self.facts.ledger.flake_rate(of.driver.as_ref(), &of.job.name),
            prior_bad: self.facts.ledger.prior_bad(of.driver.as_ref(), &of.job.name),
            jobs: self.may_blame(of),
        };
        let confirm = self.item.workspace().policy.confirm;
        let red = matches!(leaning(confirm, &evidence), Leaning::Red { real: true });
        let (mut with, mut without) = (with, without);
        let state = match judge(confirm, &evidence) {
            Judgement::Decided(verdict) => RowState::Decided(self.waived(of, verdict, wishes.schedule)),
            Judgement::Needs { candidate, baseline: more } => {
                let again = !evidence.candidate.conclusive.is_empty();
                let purpose = if again { Purpose::Confirm } else { Purpose::Candidate };
                with.only_wanted(candidate);
                without.only_wanted(more);
                let other = match baseline {
                    Ok(build) => self.ask((index, of), build, Purpose::Baseline, (more, &without), wishes),
                    Err(state) => state,
                };
                match other {
                    decided @ RowState::Decided(_) => decided,
                    waits @ RowState::Waits { .. } if candidate == 0 => waits,
                    RowState::Waits { .. } => {
                        self.ask((index, of), (key, states), purpose, (candidate, &with), wishes)
                    }
                }
            }
        };
        let mut builds = with.refs;
        if state != RowState::Decided(Verdict::Passed) {
            // What the tree without the change did has no part in a pass.
            builds.extend(without.refs);
        }
        let waits = matches!(state, RowState::Waits { .. });
        (state, builds, waits && red)
    }

    /// How many jobs may blame the change that a job is run for.
    fn may_blame(&self, of: &Planned) -> u32 {
        let others = self.item.planned.iter().filter(|other| other.member == of.member);
        u32::try_from(others.filter(|other| other.vote == Vote::Gating).count()).unwrap_or(u32::MAX)
    }

    /// Asks for so many builds, unless they run already or may not start yet; returns what is waited for.
    fn ask(
        &self,
        (row, planned): (usize, &'a Planned),
        (key, states): Keyed<'a>,
        purpose: Purpose,
        (count, side): (u32, &Side<'_>),
        wishes: &mut Wishes<'_, 'a>,
    ) -> RowState {
        let waits = |on| RowState::Waits { on };
        if let Some(at) = self.retry_at(&key, &side.runs).filter(|at| *at > wishes.schedule.now()) {
            wishes.schedule.wake(at);
            return waits(Wait::Retry { at });
        }
        let running = side.running.len();
        if let Some(held) = self.held.as_ref().filter(|_| running == 0) {
            return waits(held.clone());
        }
        for nth in 0..(count as usize).saturating_sub(running) {
            let runs = side.refs.len() + nth;
            wishes.wants.push(Want { item: self.item, planned, row, states, key, purpose, runs, nth });
        }
        waits(side.running.first().cloned().unwrap_or(Wait::Tree))
    }

    /// What is known without the change, and the build that would tell more, or why there is none.
    fn baseline(&self, index: usize) -> (Side<'a>, Result<Keyed<'a>, RowState>) {
        let none = Side::default;
        let unknown = |reason: String| RowState::Decided(Verdict::Unknown { reason });
        match self.trees.1 {
            TreeState::Ready(states) => {
                let key = self.item.keys.keys(1, self.tree_keys.1, &self.item.planned, states)[index];
                (self.side(&key, Purpose::Baseline), Ok((key, states)))
            }
            TreeState::Preparing => (none(), Err(RowState::Waits { on: Wait::Tree })),
            TreeState::Conflict(_) => {
                (none(), Err(unknown("fails, and the tree without the change does not merge".to_owned())))
            }
            TreeState::Failed { reason } => (
                none(),
                Err(unknown(format!("fails, and the tree without the change could not be made: {reason}"))),
            ),
        }
    }

    /// Whether a build that says early that it is going to fail is to be believed.
    fn early_is_real(&self, of: &Planned) -> bool {
        let rate = self.facts.ledger.flake_rate(of.driver.as_ref(), &of.job.name);
        let prior = self.facts.ledger.prior_bad(of.driver.as_ref(), &of.job.name);
        self.item.workspace().policy.confirm == Confirm::Off || sprt::likely_real(prior, rate)
    }

    /// Silence past the deadline of the driver is a verdict.
    fn absent(&self, of: &Planned, with: &Side<'_>, schedule: &mut Schedule<'_>) -> Option<Verdict> {
        let member = &self.item.members[of.member];
        let driver = member.workspace.drivers.get(of.driver.as_ref()?)?;
        let common = |driver: &&Driver| driver.repo != member.change.repo;
        let driver = Some(driver).filter(common)?;
        let after = driver.common_changes.deadline?;
        if !with.runs.conclusive.is_empty() {
            return None;
        }
        let absent = Verdict::Absent { after, blocks: driver.common_changes.absent == Absent::Block };
        // A rig that has answered as often as it is asked is not silent, whatever comes later.
        let used_up = with.tried.get(of.job.attempts.max(1) as usize - 1);
        let is_silent = |at: Timestamp| used_up.is_none_or(|used_up| at < *used_up);
        // Its builds were ended when the deadline passed: that they are gone is no reason to ask again.
        if with.given_up.iter().any(|(at, ran)| *ran >= after && is_silent(*at)) {
            return Some(absent);
        }
        let deadline = with.since.map(|since| since.after(after)).filter(|at| is_silent(*at))?;
        if schedule.now() >= deadline {
            return Some(absent);
        }
        schedule.wake(deadline);
        None
    }

    /// Passes over a verdict that blocks, if somebody decided so.
    fn waived(&self, of: &Planned, verdict: Verdict, schedule: &mut Schedule<'_>) -> Verdict {
        let now = schedule.now();
        let member = &self.item.members[of.member];
        if !verdict.blocks(of.vote, &member.workspace.policy) {
            return verdict;
        }
        let covers = |waiver: &&crate::facts::Waiver| {
            waiver.until > now
                && waiver.change == member.change.id
                && Some(&waiver.driver) == of.driver.as_ref()
                && waiver
                    .job
                    .as_ref()
                    .is_none_or(|job| *job == of.job.name || job.as_str() == of.job.name.base())
        };
        let Some(waiver) = self.facts.waivers.iter().find(covers) else { return verdict };
        schedule.wake(waiver.until);
        let (by, reason) = (waiver.by.clone(), waiver.reason.clone());
        Verdict::Waived { by, reason, until: waiver.until, verdict: verdict.word() }
    }

    /// When a build is tried again that said nothing of its tree: what failed around it needs time to pass.
    fn retry_at(&self, key: &BuildKey, runs: &Runs<'_>) -> Option<Timestamp> {
        let tries = u32::try_from(runs.inconclusive.len()).unwrap_or(u32::MAX);
        let delay = FIRST_RETRY.saturating_mul(2u32.saturating_pow(tries.checked_sub(1)?));
        let last = self.facts.builds_of(key).filter_map(|(_, build)| ended_at(&build.state)).max()?;
        Some(last.after(delay.min(LAST_RETRY)))
    }

    /// What is known for a key: the builds of what is in a pipeline, whoever asked for them; else an earlier outcome.
    fn side(&self, key: &BuildKey, side: Purpose) -> Side<'a> {
        let mut found = Side::default();
        let known: Vec<(BuildId, &Build)> = self.facts.builds_of(key).collect();
        let past = self.facts.earlier.get(key);
        let doubtful = side == Purpose::Candidate && self.was_red(&known, past);
        for (id, build) in known {
            match &build.state {
                BuildState::Running { since, cancelled: Some(at), .. } => {
                    found.given_up.push((*at, at.since(*since)));
                }
                BuildState::Running { since, failing, cancelled: None } => {
                    found.since.get_or_insert(*since);
                    found.failing |= failing;
                    let purpose = build.request.purpose;
                    found.running.push(Wait::Build { id, purpose, since: *since });
                    found.refs.push(BuildRef::of(id, build));
                }
                BuildState::Ended(ended) if ended.outcome == Outcome::Cancelled => {
                    if self.is_own(ended.ended) {
                        found.given_up.push((ended.ended, ended.ended.since(ended.started)));
                    }
                }
                BuildState::Ended(ended) => {
                    let earlier = || !doubtful && self.reusable(&ended.outcome, ended.ended, false, side);
                    if self.is_own(ended.ended) || earlier() {
                        found.since.get_or_insert(ended.started);
                        add(&mut found.runs, &ended.outcome);
                        found.tried.resize(found.runs.inconclusive.len(), ended.ended);
                        found.refs.push(BuildRef::of(id, build));
                    }
                }
            }
        }
        found.tried.sort_unstable();
        if let Some(earlier) = past
            && found.refs.iter().all(|known| known.id != earlier.id)
            && !doubtful
            && self.reusable(&earlier.outcome, earlier.ended, earlier.landed, side)
        {
            add(&mut found.runs, &earlier.outcome);
            found.refs.push(BuildRef::of_earlier(earlier, side));
        }
        found
    }

    /// Whether a build speaks for the item whatever it said, since it ended no sooner than the item entered.
    fn is_own(&self, ended: Timestamp) -> bool {
        ended >= self.item.entered
    }

    /// Whether a build of the key was red before the item entered: a pass beside it decides nothing by itself.
    fn was_red(&self, known: &[(BuildId, &Build)], past: Option<&Earlier>) -> bool {
        let is_red = |outcome: &Outcome, ended: Timestamp| {
            matches!(outcome, Outcome::Fail(_) | Outcome::Timeout { .. }) && !self.is_own(ended)
        };
        let red = |(_, build): &(BuildId, &Build)| match &build.state {
            BuildState::Ended(ended) => is_red(&ended.outcome, ended.ended),
            BuildState::Running { .. } => false,
        };
        known.iter().any(red) || past.is_some_and(|earlier| is_red(&earlier.outcome, earlier.ended))
    }

    /// A fresh pass of the candidate serves again, and so does a fresh red of the baseline. A red candidate deserves another
    /// look; and nobody is blamed on the word of a baseline that passed some time ago, since what is not in the key (a
    /// toolchain, a rig) may have changed since, unless it is what landed through the gate. What was fresh when the item entered
    /// speaks for it as long as it is there: a verdict does not lapse.
    fn reusable(&self, outcome: &Outcome, ended: Timestamp, landed: bool, side: Purpose) -> bool {
        let telling = match outcome {
            Outcome::Pass => side == Purpose::Candidate || landed,
            Outcome::Fail(_) => side == Purpose::Baseline,
            Outcome::Timeout { .. } | Outcome::Infra { .. } | Outcome::Lost { .. } | Outcome::Cancelled => {
                false
            }
        };
        telling && (landed || self.item.entered.since(ended) <= self.item.workspace().policy.reuse)
    }
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
