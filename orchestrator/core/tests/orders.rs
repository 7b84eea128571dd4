//! What two people decide between two turns of the loop: where it matters who came first, and where not.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "support/world.rs"]
#[expect(dead_code, reason = "nothing is planned by hand here")]
mod world;

use std::sync::Arc;

use crossgate_core::build::{Ended, Outcome, RepoState};
use crossgate_core::change::Change;
use crossgate_core::decide::{Action, decide};
use crossgate_core::facts::{Configuration, Fact, Facts, TreeState};
use crossgate_core::ids::{BranchName, ChangeId, Timestamp, TreeId};
use crossgate_core::scenario::Slots;
use world::{World, commit};

const WORKSPACE: &str = "\
version: 1
workspace: lab
repos:
  core: { role: common }
  a: { role: driver, depends_on: [core] }
common: { core: { sanity: [a] } }
drivers:
  a: { repo: a, own_changes: [test], common_changes: { mode: gating, jobs: [test] } }
jobs:
  test: { steps: [{ run: test }] }
";

/// Turns after which the loop must have come to rest.
const MAX_TURNS: usize = 50;

/// What somebody says of the change.
#[derive(Debug, Clone, Copy)]
enum Said {
    Pushes,
    Approves,
    Unapproves,
    Dequeues,
    Closes,
}

/// The loop with one change, whose builds do not end by themselves.
struct Play {
    facts: Facts,
    change: Change,
    log: Vec<String>,
}

impl Play {
    fn new() -> Self {
        let world = World::of(WORKSPACE);
        let (facts, log) = (Facts::new(Slots::default(), 1), Vec::new());
        let mut play = Self { facts, change: world::change("A", "core", &["src/lib.rs"]), log };
        play.record(Fact::Configured(Configuration::new(world.workspace.clone())));
        let branch = BranchName::parse("main").unwrap();
        for repo in world.workspace.repos.keys() {
            let (repo, branch, commit) = (repo.clone(), branch.clone(), commit(repo.as_str()));
            play.record(Fact::Tip { repo, branch, commit, change: None });
        }
        play.propose();
        play
    }

    fn record(&mut self, fact: Fact) {
        self.facts.record(fact, Timestamp::from_millis(1_000_000));
    }

    fn propose(&mut self) {
        let change = Arc::new(self.change.clone());
        self.record(Fact::Proposed { change: change.clone(), errors: Vec::new(), configuration: None });
        self.record(Fact::Asked(change.id.clone()));
    }

    fn says(&mut self, said: Said) {
        let (id, by) = (self.change.id.clone(), "somebody".to_owned());
        match said {
            Said::Pushes => {
                self.change.revision += 1;
                self.change.head = commit(&format!("revision {}", self.change.revision));
                self.propose();
            }
            Said::Approves => self.record(Fact::Approved { change: id, by }),
            Said::Unapproves => self.record(Fact::Unapproved(id)),
            Said::Dequeues => self.record(Fact::Dequeued { change: id, by }),
            Said::Closes => self.record(Fact::Closed(id)),
        }
    }

    /// Lets the loop turn until it rests.
    fn settle(&mut self) {
        for _ in 0..MAX_TURNS {
            let decision = decide(&self.facts, Timestamp::from_millis(1_000_000));
            if decision.actions.is_empty() {
                return;
            }
            for action in decision.actions {
                self.perform(action);
            }
        }
        panic!("the loop does not come to rest: {}", self.log.join(", "));
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Prepare(chain) => {
                for (key, tips) in chain.tips {
                    let tree = |commit: &str| TreeId::parse(commit).unwrap();
                    let states = tips.iter().map(|(repo, commit)| {
                        (repo.clone(), RepoState { commit: commit.clone(), tree: tree(commit.as_str()) })
                    });
                    self.record(Fact::Prepared(key, TreeState::Ready(Arc::new(states.collect()))));
                }
                for (key, onto, merge) in chain.merges {
                    let TreeState::Ready(before) = &self.facts.trees()[&onto] else { panic!("it merges") };
                    let commit = commit(&format!("{} {}", merge.change, self.change.revision));
                    let tree = TreeId::parse(commit.as_str()).unwrap();
                    let mut states = before.as_ref().clone();
                    states.insert(merge.repo.clone(), RepoState { commit, tree });
                    self.record(Fact::Prepared(key, TreeState::Ready(Arc::new(states))));
                }
            }
            Action::Start(build) => self.record(Fact::Started(build)),
            Action::Cancel(id) => {
                let at = Timestamp::from_millis(1_000_000);
                self.record(Fact::Cancelling(id));
                self.record(Fact::Ended(id, Ended { started: at, ended: at, outcome: Outcome::Cancelled }));
            }
            Action::Enter { pipeline, changes } => {
                self.log.push(format!("enters {} as revision {}", pipeline.word(), self.change.revision));
                self.record(Fact::Entered { pipeline, changes });
            }
            Action::Refuse { change, pipeline, state, reason } => {
                self.record(Fact::Refused { change, pipeline, state, reason });
            }
            Action::Leave(left) => {
                let said =
                    left.state.map_or("silently".to_owned(), |state| format!("{state:?}").to_lowercase());
                self.log.push(format!("leaves {said} ({})", left.reason));
                self.record(Fact::Left(left));
            }
            Action::Announce(item) => self.record(Fact::Announced(item)),
            Action::TellFrozen(item, why) => self.record(Fact::ToldFrozen(item, why)),
            Action::Report(report) => self.record(Fact::Reported(report.number)),
            Action::Land { .. } => panic!("no build has ended"),
        }
    }

    fn place(&self) -> String {
        let id = ChangeId::parse("A").unwrap();
        let item = self.facts.items().iter().find(|item| item.holds(&id));
        item.map_or("nowhere".to_owned(), |item| format!("in {}", item.pipeline.word()))
    }
}

/// Returns what comes of two facts that are recorded before one decision.
fn comes_of(is_queued: bool, said: [Said; 2]) -> String {
    let mut play = Play::new();
    if is_queued {
        play.says(Said::Approves);
    }
    play.settle();
    play.log.clear();
    for said in said {
        play.says(said);
    }
    play.settle();
    play.log.push(play.place());
    play.log.join(", ")
}

fn table(is_queued: bool) -> String {
    use Said::{Approves, Closes, Dequeues, Pushes, Unapproves};
    let pairs = [
        (Pushes, Approves),
        (Dequeues, Approves),
        (Unapproves, Approves),
        (Closes, Approves),
        (Pushes, Dequeues),
        (Unapproves, Dequeues),
        (Closes, Dequeues),
        (Pushes, Unapproves),
    ];
    let line = |said: [Said; 2]| {
        format!(
            "{:10} then {:10}: {}",
            format!("{:?}", said[0]),
            format!("{:?}", said[1]),
            comes_of(is_queued, said)
        )
    };
    let lines = pairs.map(|(one, other)| {
        let [forth, back] = [[one, other], [other, one]].map(line);
        format!("{forth}\n{back}")
    });
    lines.join("\n")
}

/// An approval is for the revision that is known when it is given, and it outweighs what was said against landing before it;
/// what is said after it outweighs it. Of two that both say no, the order decides at most the reason.
#[test]
fn the_last_word_counts_for_a_queued_change() {
    insta::assert_snapshot!(table(true));
}

#[test]
fn the_last_word_counts_for_a_change_in_check() {
    insta::assert_snapshot!(table(false));
}
