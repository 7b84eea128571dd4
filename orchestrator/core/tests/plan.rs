//! Plans as tables: which jobs run for a change, which do not, and why.

#[path = "support/world.rs"]
mod world;

use std::fmt::Write as _;

use crossgate_core::ids::JobName;
use crossgate_core::plan::Plan;
use proptest::prelude::*;
use world::World;

const NOVA: &str = "\
version: 1
workspace: nova
repos:
  core:    { role: common }
  toolkit: { role: library, depends_on: [core] }
  libvirt: { role: driver, depends_on: [core] }
  cluster: { role: driver, depends_on: [toolkit] }
  lab:     { role: driver, depends_on: [core] }
  island:  { role: driver }
common:
  core:    { own_changes: [unit, lint], sanity: [libvirt] }
  toolkit: { own_changes: [unit], sanity: [vmware] }
drivers:
  libvirt:
    repo: libvirt
    own_changes: [build, conformance]
    common_changes: { mode: advisory, jobs: [conformance], ignore: [\"docs/**\"] }
  vmware:
    repo: cluster
    own_changes: [conformance]
    common_changes: { mode: gating, jobs: [conformance], until: 2026-05-31 }
  xen:
    repo: lab
    paths: [\"xen/**\"]
    own_changes: [conformance]
    common_changes: { mode: silent, jobs: [conformance] }
  docker:
    repo: lab
    paths: [\"docker/**\"]
    own_changes: [conformance]
    common_changes: { mode: \"off\", jobs: [conformance] }
  alone:
    repo: island
    own_changes: [build]
    common_changes: { mode: gating, jobs: [build] }
jobs:
  unit:  { steps: [{ run: \"true\" }] }
  lint:  { files: [\"**/*.rs\"], voting: false, steps: [{ run: \"true\" }] }
  build: { ignore: [\"**/*.md\", \"*.md\"], steps: [{ run: \"true\" }] }
  conformance: { needs: [build], steps: [{ run: \"true\" }] }
";

fn table(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for entry in &plan.entries {
        let name = entry.driver.as_ref().map_or("-", |driver| driver.as_str());
        let job = entry.job_name().map_or("-", |job| job.as_str());
        let word = entry.vote().map_or("skipped", |vote| vote.word());
        let chain: Vec<_> = entry.reasons.iter().map(ToString::to_string).collect();
        lines.push(format!("{name:8} {job:12} {word:9} {}", chain.join("; ")));
    }
    lines.join("\n")
}

fn planned(repo: &str, paths: &[&str]) -> String {
    table(&World::of(NOVA).plan(&world::change("change", repo, paths)))
}

#[test]
fn a_common_change_reaches_every_driver_behind_it() {
    insta::assert_snapshot!(planned("core", &["src/lib.rs", "README.md"]));
}

#[test]
fn documentation_of_the_core_concerns_only_those_who_do_not_ignore_it() {
    insta::assert_snapshot!(planned("core", &["docs/a.md"]));
}

#[test]
fn a_library_change_reaches_the_drivers_behind_it_only() {
    insta::assert_snapshot!(planned("toolkit", &["src/lib.rs"]));
}

#[test]
fn a_driver_change_runs_its_own_jobs_only() {
    insta::assert_snapshot!(planned("libvirt", &["src/lib.rs"]));
}

#[test]
fn in_a_set_only_the_touched_driver_runs() {
    insta::assert_snapshot!(planned("lab", &["xen/src/lib.rs"]));
}

#[test]
fn a_path_of_no_driver_concerns_all_drivers_of_the_set() {
    insta::assert_snapshot!(planned("lab", &["Cargo.lock"]));
}

#[test]
fn what_needs_a_job_that_is_skipped_is_skipped() {
    insta::assert_snapshot!(planned("libvirt", &["README.md"]));
}

#[test]
fn a_part_of_a_plan_keeps_what_it_cannot_do_without() {
    let mut plan = World::of(NOVA).plan(&world::change("change", "libvirt", &["src/lib.rs"]));
    plan.narrow(|entry| entry.job_name().is_some_and(|job| job.as_str() == "conformance") && entry.runs());
    let jobs: Vec<_> =
        plan.entries.iter().filter_map(|entry| entry.job_name()).map(JobName::as_str).collect();
    assert_eq!(jobs, ["build", "conformance"]);
}

#[test]
fn a_sanity_driver_does_not_choose_which_changes_it_gates() {
    let text = NOVA.replace("ignore: [\"docs/**\"]", "ignore: [\"**\"]");
    let world = World::of(&text);
    let plan = world.plan(&world::change("change", "core", &["src/lib.rs"]));
    assert!(
        plan.selected()
            .any(|(entry, ..)| entry.driver.as_ref().is_some_and(|driver| driver.as_str() == "libvirt"))
    );
}

/// A random workspace: repos that depend on earlier ones, the last ones drivers, each with a mode.
fn any_workspace() -> impl Strategy<Value = (String, usize)> {
    let repo = (proptest::collection::vec(any::<prop::sample::Index>(), 0..3), 0..4usize);
    (proptest::collection::vec(repo, 1..12), any::<prop::sample::Index>()).prop_map(|(repos, changed)| {
        let mut text = String::from("version: 1\nworkspace: w\nrepos:\n  r0: { role: common }\n");
        let mut drivers = String::from("drivers:\n");
        for (number, (dependencies, mode)) in repos.iter().enumerate() {
            let number = number + 1;
            let mut on: Vec<_> =
                dependencies.iter().map(|index| format!("r{}", index.index(number))).collect();
            on.push("r0".to_owned());
            on.sort();
            on.dedup();
            writeln!(text, "  r{number}: {{ role: driver, depends_on: [{}] }}", on.join(", "))
                .expect("a string takes all text");
            let mode = ["\"off\"", "silent", "advisory", "gating"][*mode];
            let common = format!("common_changes: {{ mode: {mode}, jobs: [j] }}");
            writeln!(drivers, "  d{number}: {{ repo: r{number}, own_changes: [j], {common} }}")
                .expect("a string takes all text");
        }
        let changed = changed.index(repos.len() + 1);
        text += "common: { r0: { own_changes: [j], sanity: [d1] } }\n";
        (text + &drivers + "jobs: { j: { steps: [{ run: \"true\" }] } }\n", changed)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_driver_behind_a_changed_repo_is_selected_or_has_a_reason((text, changed) in any_workspace()) {
        let world = World::of(&text);
        let change = world::change("c", &format!("r{changed}"), &["a", "b"]);
        let plan = world.plan(&change);
        let behind = world.graph.behind(&change.repo);
        for (name, driver) in &world.workspace.drivers {
            let entries: Vec<_> = plan.entries.iter().filter(|entry| entry.driver.as_ref() == Some(name)).collect();
            prop_assert!(!entries.is_empty() && entries.iter().all(|entry| !entry.reasons.is_empty()));
            let reached = behind.contains_key(&driver.repo) || driver.repo == change.repo;
            prop_assert!(reached || entries.iter().all(|entry| !entry.runs()));
        }
    }

    #[test]
    fn a_plan_is_a_function_of_its_inputs((text, changed) in any_workspace()) {
        let world = World::of(&text);
        let change = world::change("c", &format!("r{changed}"), &["a", "b"]);
        prop_assert_eq!(world.plan(&change), World::of(&text).plan(&change));
        let reversed = world::change("c", &format!("r{changed}"), &["b", "a"]);
        let decisions = |plan: Plan| plan.entries.iter().map(|entry| entry.decision).collect::<Vec<_>>();
        prop_assert_eq!(decisions(world.plan(&change)), decisions(world.plan(&reversed)));
    }
}
