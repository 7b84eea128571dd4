//! The loop's decisions, played to their end with scripted outcomes.

#[path = "decide/together.rs"]
mod together;
#[path = "support/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossgate_core::build::{BuildRequest, Ended, Exit, Failure, Outcome, Purpose, RepoState};
use crossgate_core::change::Change;
use crossgate_core::decide::{Action, Conclusion, Decision, RowState, decide};
use crossgate_core::facts::{
    Base, Build, BuildState, Conflict, Earlier, Fact, Facts, Item, Member, Merge, TreeKey, TreeState,
};
use crossgate_core::ids::{ChangeId, CommitId, DriverName, JobName, Timestamp, TreeId};
use crossgate_core::scenario::{History, Slots};
use crossgate_core::signature::signature_of;
use proptest::prelude::*;
use world::{World, commit};

const LAB: &str = "\
version: 1
workspace: lab
repos:
  core: { role: common }
  a: { role: driver, depends_on: [core] }
  b: { role: driver, depends_on: [core] }
common: { core: { own_changes: [unit], sanity: [a] } }
drivers:
  a: { repo: a, own_changes: [build, test], common_changes: { mode: gating, jobs: [test] } }
  b: { repo: b, own_changes: [test], common_changes: { mode: advisory, jobs: [test] } }
jobs:
  unit:  { steps: [{ run: unit }] }
  build: { steps: [{ run: build }] }
  test:  { needs: [build], attempts: 2, steps: [{ run: test }] }
semaphores: { rack: 1 }
";

/// Plays the loop by hand: trees and builds end as scripted, one at a time, oldest first.
struct Play {
    world: World,
    facts: Facts,
    now: u64,
    log: Vec<String>,
    script: Box<dyn Fn(&BuildRequest) -> Outcome>,
    conflicts: BTreeSet<ChangeId>,
    /// What was merged for each tree, in the order in which they were made.
    merged: Vec<(TreeKey, Vec<Merge>)>,
}

impl Play {
    fn of(text: &str, script: impl Fn(&BuildRequest) -> Outcome + 'static) -> Self {
        let facts = Facts::new(Slots { total: 2, ..Slots::default() }, 1);
        let (now, log, conflicts) = (1_000_000, Vec::new(), BTreeSet::new());
        let merged = Vec::new();
        Self { world: World::of(text), facts, now, log, script: Box::new(script), conflicts, merged }
    }

    fn judges(mut self, id: &str, repo: &str, ahead: &[&Change]) -> Self {
        let change = world::change(id, repo, &["src/lib.rs"]);
        let workspace = &self.world.workspace;
        let plan = Arc::new(self.world.plan(&change));
        let ahead = ahead.iter().map(|&change| Arc::new(change.clone())).collect();
        let tips =
            Arc::new(workspace.repos.keys().map(|repo| (repo.clone(), commit(repo.as_str()))).collect());
        let member = Member::new(Arc::new(change), plan, workspace.clone());
        let item = Item::checked(member, &self.world.graph, ahead, Base::of_tips(tips));
        self.facts.record(Fact::Joined(Box::new(item)), Timestamp::from_millis(self.now));
        self
    }

    fn decide(&self) -> Decision {
        let now = Timestamp::from_millis(self.now);
        let decision = decide(&self.facts, now);
        assert_eq!(decision, decide(&self.facts, now), "same facts, same decision");
        decision
    }

    /// Plays until nothing is left to decide.
    fn play_out(&mut self) -> Decision {
        for _ in 0..500 {
            let decision = self.decide();
            self.check_invariants(&decision);
            if decision.is_final() {
                return decision;
            }
            let idle = decision.actions.is_empty();
            let wake = decision.wake;
            for action in decision.actions {
                self.begin(action);
            }
            let went_on = self.end_one() || !idle;
            assert!(went_on || wake.is_some(), "something is undecided and nothing is under way");
            if let Some(at) = wake.filter(|_| !went_on) {
                self.now = at.as_millis();
            }
        }
        panic!("no end after 500 rounds");
    }

    fn begin(&mut self, action: Action) {
        match action {
            Action::Prepare(chain) => {
                for (key, tips) in chain.tips {
                    self.merged.push((key, Vec::new()));
                    let state = |commit: &CommitId| RepoState { commit: commit.clone(), tree: tree(commit) };
                    let states = tips.iter().map(|(repo, commit)| (repo.clone(), state(commit)));
                    self.prepared(key, TreeState::Ready(Arc::new(states.collect())));
                }
                for (key, onto, merge) in chain.merges {
                    let state = self.merge(onto, &merge);
                    let before = self
                        .merged
                        .iter()
                        .find(|(key, _)| *key == onto)
                        .map_or_else(Vec::new, |(_, of)| of.clone());
                    self.merged.push((key, before.into_iter().chain([merge]).collect()));
                    self.prepared(key, state);
                }
            }
            Action::Start(build) => {
                let request = &build.request;
                let driver = request.driver.as_ref().map_or("-", |driver| driver.as_str());
                self.log.push(format!(
                    "{} {driver}/{} {}",
                    request.change,
                    request.job,
                    request.purpose.word()
                ));
                assert!(!self.facts.builds().contains_key(&request.id), "a build is started once");
                self.record(Fact::Started(build));
            }
            Action::Cancel(id) => {
                let at = Timestamp::from_millis(self.now);
                self.record(Fact::Cancelling(id));
                self.record(Fact::Ended(id, Ended { started: at, ended: at, outcome: Outcome::Cancelled }));
            }
            other => panic!("{other:?} is for a service"),
        }
    }

    fn record(&mut self, fact: Fact) {
        self.facts.record(fact, Timestamp::from_millis(self.now));
    }

    fn prepared(&mut self, key: TreeKey, state: TreeState) {
        assert!(!self.facts.trees().contains_key(&key), "a tree is asked for once");
        self.record(Fact::Prepared(key, state));
    }

    /// A commit is named after what is in it, as git does.
    fn merge(&self, onto: TreeKey, merge: &Merge) -> TreeState {
        let before = match &self.facts.trees()[&onto] {
            TreeState::Ready(states) => states,
            conflict => return conflict.clone(),
        };
        if self.conflicts.contains(&merge.change) {
            let (change, repo) = (merge.change.clone(), merge.repo.clone());
            let files = vec!["src/lib.rs".to_owned()];
            return TreeState::Conflict(Conflict { change, with: None, repo, files });
        }
        let commit = commit(&format!("{} {}", before[&merge.repo].commit, merge.change));
        let mut states = before.as_ref().clone();
        states.insert(merge.repo.clone(), RepoState { tree: tree(&commit), commit });
        TreeState::Ready(Arc::new(states))
    }

    fn end_one(&mut self) -> bool {
        let running = |build: &Build| match build.state {
            BuildState::Running { since, .. } => Some(since),
            BuildState::Ended(_) => None,
        };
        let oldest = self.facts.builds().iter().filter_map(|(id, build)| Some((running(build)?, *id))).min();
        let Some((started, id)) = oldest else { return false };
        self.now += 1_000;
        let outcome = (self.script)(&self.facts.builds()[&id].request);
        let ended = Ended { started, ended: Timestamp::from_millis(self.now), outcome };
        self.record(Fact::Ended(id, ended));
        true
    }

    fn check_invariants(&self, decision: &Decision) {
        let running =
            self.facts.builds().values().filter(|build| matches!(build.state, BuildState::Running { .. }));
        let starting = decision.actions.iter().filter_map(|action| match action {
            Action::Start(build) => Some(&build.request),
            _ => None,
        });
        let all: Vec<_> = running.map(|build| &build.request).chain(starting).collect();
        assert!(all.len() <= self.facts.slots.total as usize, "capacity is never exceeded");
        let repeated =
            |request: &&&BuildRequest| all.iter().filter(|other| other.key == request.key).count() > 2;
        assert_eq!(
            all.iter().find(repeated),
            None,
            "equal work runs again only to tell a flake from a failure"
        );
        for (item, state) in self.facts.items().iter().zip(&decision.items) {
            let merges =
                !matches!(state.conclusion, Some(Conclusion::Conflict(_) | Conclusion::Failed { .. }));
            assert_eq!(
                state.rows.len(),
                if merges { item.plan().selected().count() } else { 0 },
                "every selected job has a row"
            );
        }
    }

    fn verdicts(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for item in self.play_out().items {
            for row in &item.rows {
                let driver = row.driver.as_ref().map_or("-", |driver| driver.as_str());
                let RowState::Decided(verdict) = &row.state else { panic!("undecided at the end") };
                let runs = row.builds.len();
                lines.push(format!("{} {driver}/{} {} after {runs}", item.change, row.job, verdict.word()));
            }
            let word = match item.conclusion {
                Some(Conclusion::MayLand) => "may land".to_owned(),
                Some(Conclusion::MustNotLand { blockers }) => format!("must not land: {blockers:?}"),
                Some(Conclusion::Conflict(conflict)) => {
                    format!("conflict: {} of {}", conflict.files.join(" "), conflict.change)
                }
                Some(Conclusion::Failed { reason }) => reason,
                None => "undecided".to_owned(),
            };
            lines.push(format!("{} {word}", item.change));
        }
        lines
    }
}

fn tree(commit: &CommitId) -> TreeId {
    TreeId::parse(commit.as_str()).expect("a commit id is a tree id")
}

fn fails(why: &str) -> Outcome {
    Outcome::Fail(Failure {
        step: 1,
        exit: Exit::Status(1),
        signature: signature_of(&format!("error: {why}")),
    })
}

fn is(request: &BuildRequest, driver: &str, job: &str) -> bool {
    request.driver.as_ref().is_some_and(|name| name.as_str() == driver) && request.job.as_str() == job
}

#[test]
fn with_all_passing_each_job_runs_once() {
    let mut play = Play::of(LAB, |_| Outcome::Pass).judges("A", "core", &[]);
    insta::assert_snapshot!(play.verdicts().join("\n"));
    insta::assert_snapshot!(play.log.join("\n"));
}

#[test]
fn a_regression_costs_a_baseline_and_one_confirmation_and_blocks_only_where_it_gates() {
    let script = |request: &BuildRequest| {
        let broken = request.job.as_str() == "test" && request.purpose != Purpose::Baseline;
        if broken { fails("no such method") } else { Outcome::Pass }
    };
    let mut play = Play::of(LAB, script).judges("A", "core", &[]);
    insta::assert_snapshot!(play.verdicts().join("\n"));
    insta::assert_snapshot!(play.log.join("\n"));
}

#[test]
fn a_driver_that_was_broken_before_reddens_nothing() {
    let script = |request: &BuildRequest| match is(request, "a", "test") {
        true if request.purpose == Purpose::Baseline => fails("old"),
        true => fails(if request.change.as_str() == "A" { "old" } else { "new" }),
        false => Outcome::Pass,
    };
    let mut play = Play::of(LAB, script).judges("A", "core", &[]).judges("B", "core", &[]);
    insta::assert_snapshot!(play.verdicts().join("\n"));
}

#[test]
fn what_needs_a_red_job_does_not_run() {
    let script = |request: &BuildRequest| {
        if is(request, "a", "build") && request.purpose != Purpose::Baseline {
            fails("x")
        } else {
            Outcome::Pass
        }
    };
    let mut play = Play::of(LAB, script).judges("A", "a", &[]);
    insta::assert_snapshot!(play.verdicts().join("\n"));
}

#[test]
fn infra_is_tried_again_and_then_said() {
    let script = |request: &BuildRequest| match (is(request, "a", "test"), request.attempt) {
        (true, _) => Outcome::Infra { reason: "no power".to_owned() },
        (false, 1) if is(request, "b", "test") => Outcome::Lost { reason: "gone".to_owned() },
        (false, _) => Outcome::Pass,
    };
    let mut play = Play::of(LAB, script).judges("A", "core", &[]);
    insta::assert_snapshot!(play.verdicts().join("\n"));
}

#[test]
fn a_change_that_does_not_merge_is_told_apart() {
    let mut play = Play::of(LAB, |_| Outcome::Pass).judges("A", "core", &[]).judges("B", "core", &[]);
    play.conflicts.insert(ChangeId::parse("A").unwrap());
    insta::assert_snapshot!(play.verdicts().join("\n"));
}

#[test]
fn a_dependency_is_in_both_trees_and_equal_work_is_shared() {
    let driver = world::change("D", "a", &["src/lib.rs"]);
    let mut play = Play::of(LAB, |_| Outcome::Pass).judges("D", "a", &[]).judges("A", "core", &[&driver]);
    insta::assert_snapshot!(play.verdicts().join("\n"));
    let names =
        |merges: &[Merge]| merges.iter().map(|merge| merge.change.as_str()).collect::<Vec<_>>().join("+");
    let trees: Vec<_> = play.merged.iter().map(|(_, merges)| names(merges)).collect();
    assert_eq!(trees, ["", "D", "D+A"]);
}

#[test]
fn a_fresh_pass_serves_again_and_a_stale_one_or_a_red_does_not() {
    let mut first = Play::of(LAB, |_| Outcome::Pass).judges("A", "core", &[]);
    first.play_out();
    let known: BTreeMap<_, _> = first
        .facts
        .builds()
        .values()
        .filter_map(|build| match &build.state {
            BuildState::Ended(ended) => {
                let earlier = Earlier {
                    id: build.request.id,
                    ended: ended.ended,
                    outcome: ended.outcome.clone(),
                    landed: false,
                };
                Some((build.request.key, earlier))
            }
            BuildState::Running { .. } => None,
        })
        .collect();
    let again = |known: BTreeMap<_, _>, later_h: u64| {
        let mut play = Play::of(LAB, |_| Outcome::Pass);
        play.now += later_h * 3_600_000;
        play.facts.earlier = known;
        let mut play = play.judges("A", "core", &[]);
        play.play_out();
        play.log.len()
    };
    assert_eq!(again(known.clone(), 1), 0);
    assert_eq!(again(known.clone(), 25), first.log.len());
    let red = known.into_iter().map(|(key, earlier)| (key, Earlier { outcome: fails("x"), ..earlier }));
    assert_eq!(again(red.collect(), 1), first.log.len());
}

#[test]
fn runs_that_start_at_once_are_counted_one_by_one() {
    let script = |request: &BuildRequest| {
        let flakes = is(request, "a", "test") && request.purpose == Purpose::Candidate;
        if flakes { fails("timing") } else { Outcome::Pass }
    };
    let mut play = Play::of(LAB, script);
    let (driver, job) = (DriverName::parse("a").unwrap(), JobName::parse("test").unwrap());
    play.facts.slots.total = 10;
    play.facts.ledger.seed(Some(&driver), &job, History { runs: 150, flakes: 39, ..History::default() });
    let mut play = play.judges("A", "core", &[]);
    play.play_out();
    let of_job = play.facts.builds().values().map(|build| &build.request).filter(|of| is(of, "a", "test"));
    let mut told: Vec<_> = of_job.map(|of| format!("{} {}", of.purpose.word(), of.attempt)).collect();
    told.sort();
    assert_eq!(told, ["baseline 1", "candidate 1", "confirm 2", "confirm 3"]);
}

#[test]
fn a_semaphore_bounds_what_runs_at_once() {
    let text = LAB.replace("test:  {", "test:  { semaphore: rack,");
    let mut play = Play::of(&text, |_| Outcome::Pass).judges("A", "core", &[]);
    play.facts.slots.total = 10;
    let mut most = 0;
    for _ in 0..100 {
        let decision = play.decide();
        if decision.is_final() {
            break;
        }
        decision.actions.into_iter().for_each(|action| play.begin(action));
        let held =
            play.facts.builds().values().filter(|build| {
                build.semaphore.is_some() && matches!(build.state, BuildState::Running { .. })
            });
        most = most.max(held.count());
        play.end_one();
    }
    assert_eq!(most, 1);
    assert!(play.decide().is_final());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the builds say, everything is decided in the end, and only a gating regression, a failed rig or a missing
    /// baseline of a gating driver blocks.
    #[test]
    fn every_history_ends(outcomes in proptest::collection::vec(0..5u8, 1..40), slots in 1..4u32) {
        let script = move |request: &BuildRequest| {
            let seed = request.id.as_str().bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
            match outcomes[seed % outcomes.len()] {
                0 | 1 => Outcome::Pass,
                2 => fails("one"),
                3 => fails("two"),
                _ => Outcome::Infra { reason: "power".to_owned() },
            }
        };
        let mut play = Play::of(LAB, script).judges("A", "core", &[]).judges("B", "a", &[]).judges("C", "core", &[]);
        play.facts.slots.total = slots;
        let decision = play.play_out();
        for item in &decision.items {
            let blockers = match item.conclusion.as_ref().unwrap() {
                Conclusion::MustNotLand { blockers } => blockers.clone(),
                _ => Vec::new(),
            };
            for (index, row) in item.rows.iter().enumerate() {
                let RowState::Decided(verdict) = &row.state else { panic!("undecided") };
                let blocks = matches!(verdict.word(), "regressed" | "infra" | "unknown") && row.vote.word() == "gating";
                prop_assert_eq!(blockers.contains(&index), blocks);
            }
        }
    }
}
