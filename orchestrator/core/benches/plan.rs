//! How long it takes to plan one common change, by the number of repos behind it.

#[path = "../tests/support/world.rs"]
mod world;

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use world::World;

/// A common repo and `repos - 1` driver repos, a tenth of them behind a library.
fn workspace(repos: usize) -> String {
    let mut text = String::from("version: 1\nworkspace: bench\nrepos:\n  core: { role: common }\n");
    let mut drivers = String::from("drivers:\n");
    for number in 1..repos {
        let on = if number > 1 && number % 10 == 0 { "d1" } else { "core" };
        writeln!(text, "  d{number}: {{ role: driver, depends_on: [{on}] }}")
            .expect("a string takes all text");
        writeln!(
            drivers,
            "  d{number}: {{ repo: d{number}, own_changes: [unit, lab], common_changes: {{ mode: gating, jobs: [lab], ignore: [\"docs/**\"] }} }}"
        )
        .expect("a string takes all text");
    }
    text += "common: { core: { own_changes: [unit], sanity: [d1] } }\n";
    let jobs = "jobs:\n  unit: { steps: [{ run: \"true\" }] }\n  lab: { needs: [unit], ignore: [\"*.md\"], steps: [{ run: \"true\" }] }\n";
    text + &drivers + jobs
}

fn plan_of_a_common_change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan of one common change");
    for repos in [10, 100, 200, 1_000] {
        let world = World::of(&workspace(repos));
        let change = world::change("change", "core", &["src/lib.rs", "docs/intro.md", "README.md"]);
        assert_eq!(
            world.plan(&change).selected().count(),
            1 + 2 * (repos - 1),
            "every driver is behind the core"
        );
        group.bench_with_input(BenchmarkId::from_parameter(repos), &world, |bencher, world| {
            bencher.iter(|| black_box(world.plan(black_box(&change))));
        });
    }
    group.finish();
}

criterion_group!(benches, plan_of_a_common_change);
criterion_main!(benches);
