//! What the gate makes of facts that come together: between two decisions more than one thing may happen.

use std::sync::Arc;

use crossgate_core::change::Change;
use crossgate_core::decide::{Action, Decision, decide};
use crossgate_core::facts::{Configuration, Fact, Facts, Item, Left, Pipeline, ReportState};
use crossgate_core::ids::{ChangeId, Timestamp};
use crossgate_core::scenario::Slots;

use crate::world::{self, World, commit};

const LAB: &str = "\
version: 1
workspace: lab
repos:
  core: { role: common }
  a: { role: driver, depends_on: [core] }
  tools: { role: library }
common: { core: { sanity: [a] }, tools: { own_changes: [test] } }
drivers:
  a: { repo: a, own_changes: [test], common_changes: { mode: gating, jobs: [test] } }
jobs: { test: { steps: [{ run: test }] } }
pipelines: { gate: { cycles: allow } }
";

/// A gate in which nothing is ever built: what enters and what leaves is all there is.
struct Gate {
    facts: Facts,
    now: u64,
    said: Vec<String>,
}

impl Gate {
    fn new() -> Self {
        let world = World::of(LAB);
        let mut gate = Self { facts: Facts::new(Slots::default(), 1), now: 0, said: Vec::new() };
        gate.record(Fact::Configured(Configuration::new(world.workspace.clone())));
        for (repo, of) in &world.workspace.repos {
            let (repo, branch) = (repo.clone(), of.branch.clone());
            gate.record(Fact::Tip { commit: commit(repo.as_str()), repo, branch, change: None });
        }
        gate
    }

    fn knows(mut self, id: &str, repo: &str, depends_on: &[&str]) -> Self {
        self.proposes(id, repo, depends_on);
        self
    }

    fn proposes(&mut self, id: &str, repo: &str, depends_on: &[&str]) {
        let depends_on = depends_on.iter().map(|id| name(id)).collect();
        let change = Change { depends_on, ..world::change(id, repo, &["src/lib.rs"]) };
        self.record(Fact::Proposed { change: Arc::new(change), errors: Vec::new(), configuration: None });
    }

    fn record(&mut self, fact: Fact) {
        self.facts.record(fact, Timestamp::from_millis(self.now));
    }

    fn approved(&mut self, id: &str) {
        self.record(Fact::Approved { change: name(id), by: "ada".to_owned() });
    }

    /// A change gets onto its branch without the gate.
    fn by_hand(&mut self, id: &str) {
        let change = self.facts.proposals()[&name(id)].change.clone();
        let (repo, branch) = (change.repo.clone(), change.branch.clone());
        self.record(Fact::Tip { repo, branch, commit: change.head.clone(), change: Some(name(id)) });
    }

    fn decided(&self) -> Decision {
        decide(&self.facts, Timestamp::from_millis(self.now))
    }

    /// Does what is decided, until nothing is, and lets a second pass.
    fn settles(mut self) -> Self {
        for _ in 0..20 {
            let mut actions = self.decided().actions;
            // No tree is ever made.
            actions.retain(|action| !matches!(action, Action::Prepare(_)));
            if actions.is_empty() {
                self.now += 1_000;
                return self;
            }
            for action in actions {
                self.begin(action);
            }
        }
        panic!("no end of {:?}", self.said);
    }

    fn begin(&mut self, action: Action) {
        match action {
            Action::Enter { pipeline, changes } => {
                let ids: Vec<_> = changes.iter().map(ChangeId::as_str).collect();
                self.said.push(format!("{} enters the {}", ids.join("+"), pipeline.word()));
                self.record(Fact::Entered { pipeline, changes });
            }
            Action::Leave(left) => {
                self.said.push(self.leaving(&left));
                self.record(Fact::Left(left));
            }
            Action::Refuse { change, pipeline, state, reason } => {
                self.said.push(format!("{change} is refused: {reason}"));
                self.record(Fact::Refused { change, pipeline, state, reason });
            }
            Action::Announce(item) => self.record(Fact::Announced(item)),
            Action::Report(report) => {
                self.record(Fact::Reported(report.number));
                self.said.push(format!("{}: {:?}, {}", report.change, report.state, report.text));
            }
            other => panic!("{other:?} needs a tree"),
        }
    }

    fn leaving(&self, left: &Left) -> String {
        let ids = self.facts.item(left.item).map(Item::ids).unwrap_or_default();
        let ids: Vec<_> = ids.iter().map(ChangeId::as_str).collect();
        let how = left.state.map_or_else(|| "in silence".to_owned(), |state| format!("{state:?}"));
        format!("{} leaves, {how}: {}", ids.join("+"), left.reason)
    }

    /// A change left the gate while nobody decided.
    fn left(&mut self, id: &str, state: Option<ReportState>) {
        let item = self.facts.item_of(&name(id), Pipeline::Gate).expect("it is in the gate").id;
        let (reason, learned) = ("so it is".to_owned(), Vec::new());
        let left = Left { item, state, reason, of: None, over: true, learned };
        self.record(Fact::Left(Box::new(left)));
    }

    /// Takes what was said since it was last asked.
    fn said(&mut self) -> String {
        std::mem::take(&mut self.said).join("\n")
    }
}

fn name(id: &str) -> ChangeId {
    ChangeId::parse(id).expect("tests name changes well")
}

#[test]
fn a_child_does_not_enter_behind_a_parent_that_is_leaving() {
    let mut gate = Gate::new().knows("A", "core", &[]).knows("X", "a", &["A"]);
    gate.approved("A");
    let mut gate = gate.settles();
    gate.said();
    gate.approved("X");
    gate.record(Fact::Dequeued { change: name("A"), by: "ada".to_owned() });
    let pending = gate.decided().pending;
    assert_eq!(
        pending.iter().map(|of| of.on.to_string()).collect::<Vec<_>>(),
        ["it depends on A, which is leaving the gate"]
    );
    insta::assert_snapshot!(gate.settles().said(), @"
    A leaves, Removed: A was taken out of the queue by ada
    X is refused: X depends on A, which did not land: A was taken out of the queue by ada
    A: Removed, A was taken out of the queue by ada
    X: Dependency, X depends on A, which did not land: A was taken out of the queue by ada
    ");
}

#[test]
fn a_child_does_not_enter_with_a_parent_of_another_queue() {
    let mut gate = Gate::new().knows("T", "tools", &[]).knows("A", "core", &["T"]);
    gate.approved("A");
    gate.approved("T");
    let mut gate = gate.settles();
    insta::assert_snapshot!(gate.said(), @"
    T enters the gate
    T: Started, entered the gate
    ");
}

#[test]
fn a_child_leaves_with_the_reason_for_which_its_parent_has_left() {
    let mut gate = Gate::new().knows("A", "core", &[]).knows("X", "a", &["A"]);
    gate.approved("A");
    gate.approved("X");
    let mut gate = gate.settles();
    gate.said();
    gate.left("A", Some(ReportState::Failed));
    insta::assert_snapshot!(gate.settles().said(), @"
    X leaves, Dependency: X depends on A, which did not land: so it is
    A: Failed, so it is
    X: Dependency, X depends on A, which did not land: so it is
    ");
}

#[test]
fn what_a_parent_came_to_before_its_child_entered_is_not_held_against_the_child() {
    let mut gate = Gate::new().knows("A", "core", &[]).knows("X", "a", &["A"]);
    gate.approved("A");
    let mut gate = gate.settles();
    gate.left("A", Some(ReportState::Failed));
    gate.now += 1_000;
    gate.approved("X");
    let mut gate = gate.settles();
    gate.said();
    gate.left("A", None);
    insta::assert_snapshot!(gate.settles().said(), @"
    X leaves, in silence: what it depends on is not in the gate
    A enters the gate
    X enters the gate
    A: Started, entered the gate
    X: Started, entered the gate
    ");
}

#[test]
fn a_cycle_of_which_all_land_by_hand_has_landed() {
    let mut gate = Gate::new().knows("A", "core", &["X"]).knows("X", "a", &["A"]);
    gate.approved("A");
    gate.approved("X");
    let mut gate = gate.settles();
    gate.said();
    gate.by_hand("A");
    gate.by_hand("X");
    insta::assert_snapshot!(gate.settles().said(), @"
    A+X leaves, Landed: it became part of its branch without the gate
    A: Landed, it became part of its branch without the gate
    X: Landed, it became part of its branch without the gate
    ");
}
