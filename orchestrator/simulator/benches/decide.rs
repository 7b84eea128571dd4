//! How long one decision takes with so many items of so many drivers in the window, every one of them building.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use crossgate_config::{Source, Sources, load};
use crossgate_core::build::Outcome;
use crossgate_core::change::Change;
use crossgate_core::decide::decide;
use crossgate_core::facts::{Build, Configuration, Fact, Facts};
use crossgate_core::ids::{BranchName, ChangeId, CommitId, RepoName, RepoPath, Timestamp};
use crossgate_core::scenario::Slots;
use crossgate_simulator::{Forge, Observer, Saying, Script, World};

const DRIVERS: usize = 40;

/// Every build passes after half an hour.
struct Passes;

impl Script for Passes {
    fn says(&mut self, _build: &Build, _forge: &Forge, _facts: &Facts, _now: Timestamp) -> Saying {
        Saying { outcome: Outcome::Pass, after: Duration::from_mins(30), early: None }
    }
}

/// Watches nothing.
struct Blind;

impl Observer for Blind {
    fn sees_trees(&self) -> bool {
        false
    }
}

fn workspace() -> String {
    let mut text = String::from("version: 1\nworkspace: bench\nrepos:\n  core: { role: common }\n");
    let mut drivers = String::from("drivers:\n");
    for number in 1..=DRIVERS {
        writeln!(text, "  d{number}: {{ role: driver, depends_on: [core] }}")
            .expect("a string takes all text");
        writeln!(
            drivers,
            "  d{number}: {{ repo: d{number}, own_changes: [lab], common_changes: {{ mode: gating, jobs: [lab] }} }}"
        )
        .expect("a string takes all text");
    }
    text += "common: { core: { sanity: [d1] } }\njobs:\n  lab: { steps: [{ run: \"true\" }] }\n";
    text + "pipelines: { gate: { window: { start: 0 } } }\n" + &drivers
}

/// A queue of common changes, each tested with all drivers.
fn queue(items: usize) -> World<Passes> {
    let source = Source { name: "crossgate.yaml".to_owned(), text: workspace().into_bytes() };
    let sources = Sources { workspace: source, catalogue: Vec::new(), repos: BTreeMap::new() };
    let loaded = load(&sources, jiff::civil::date(2026, 6, 1)).expect("the workspace is valid");
    let workspace = Arc::new(loaded.workspace);
    let start = Timestamp::from_millis(1_000_000);
    let mut world = World::new(Facts::new(Slots::default(), 1), start, Passes, false);
    world.record(Fact::Configured(Configuration::new(workspace.clone())));
    let main = BranchName::parse("main").expect("`main` is a branch");
    for repo in workspace.repos.keys() {
        let commit = world.forge.branch(repo, &main);
        world.record(Fact::Tip { repo: repo.clone(), branch: main.clone(), commit, change: None });
    }
    for number in 0..items {
        let id = ChangeId::parse(&format!("c{number}")).expect("a word is a change");
        let change = Change {
            id: id.clone(),
            repo: RepoName::parse("core").expect("a word is a repo"),
            branch: main.clone(),
            head: CommitId::parse(&format!("{number:040x}")).expect("40 hexadecimal digits"),
            revision: 1,
            title: String::new(),
            paths: vec![RepoPath::from("src/lib.rs")],
            depends_on: Vec::new(),
        };
        world.record(Fact::Proposed { change: Arc::new(change), errors: Vec::new(), configuration: None });
        world.record(Fact::Approved { change: id, by: "bench".to_owned() });
    }
    world.settle(&mut Blind).expect("the loop comes to rest");
    assert_eq!(world.facts.builds().len(), items * DRIVERS, "every job of every item builds");
    world
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide, 40 drivers");
    group.sample_size(20);
    for items in [50, 200, 500, 1_000, 2_000] {
        let world = queue(items);
        group.bench_with_input(BenchmarkId::from_parameter(items), &world, |bencher, world| {
            bencher.iter(|| black_box(decide(black_box(&world.facts), world.now)));
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
