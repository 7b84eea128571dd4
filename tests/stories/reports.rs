//! What is printed, for people and for programs, to the letter. `INSTA_UPDATE=always` writes the texts anew.

use std::collections::BTreeSet;

use crossgate_tests::World;
use insta::assert_snapshot;

/// A workspace with a change that breaks a driver.
fn world() -> World {
    let world = World::new();
    world.proposes("core", "drop-reboot", "Drop reboot", &[("api.txt", "start\nstop\n")]);
    world
}

#[test]
fn a_plan_gives_every_job_its_chain_of_reasons() {
    let world = world();
    assert_snapshot!("plan", world.crossgate(["plan", "core@drop-reboot"]).exits(0).out());
    assert_snapshot!(
        "plan-json",
        world.crossgate(["plan", "core@drop-reboot", "--format", "json"]).exits(0).out()
    );
    let selected = world.crossgate(["plan", "core@drop-reboot", "--selected"]).exits(0);
    selected.is_silent_about("docker");
    let imagined = world.crossgate(["plan", "core", "--files", "docs/a.md", "--files", "docs/b.md"]).exits(0);
    imagined.says("docs/a.md and 1 more change in core").is_silent_about("uncommitted work");
}

#[test]
fn the_graph_has_four_forms() {
    let world = world();
    for form in ["text", "json", "dot", "mermaid"] {
        assert_snapshot!(
            format!("graph-{form}"),
            world.crossgate(["graph", "--format", form]).exits(0).out()
        );
    }
    let impact = world.crossgate(["graph", "--impact", "lab:docker/uses.txt"]).exits(0);
    assert_snapshot!("graph-impact", impact.out());
}

#[test]
fn only_a_graph_has_a_drawing() {
    let world = world();
    world.crossgate(["plan", "core@drop-reboot", "--format", "dot"]).exits(2);
}

#[test]
fn why_tells_the_reasons_and_what_the_builds_said() {
    let world = world();
    assert_snapshot!("why-before", world.crossgate(["why", "core@drop-reboot", "docker"]).exits(0).out());
    world.checks(["core@drop-reboot", "--driver", "esx"]).exits(1);
    let told = world.crossgate(["why", "core@drop-reboot", "esx/conform"]).exits(0);
    let told =
        told.says("esx/conform runs for core@drop-reboot").says("because mode gating [crossgate.yaml:12]");
    let told = told.says("error: esx uses reboot, which the core does not have");
    assert_eq!(told.out().lines().filter(|line| line.starts_with("  build ")).count(), 3, "{told}");
    let told = world.crossgate(["why", "core@drop-reboot", "esx", "--format", "json"]).exits(0);
    let json = told.json();
    let builds = json["answers"][0]["builds"].as_array().unwrap();
    let words =
        |build: &serde_json::Value| format!("{} {}", build["purpose"], build["outcome"]).replace('"', "");
    let words: Vec<_> = builds.iter().map(words).collect();
    let (newer, oldest) = words.split_at(2);
    assert_eq!(oldest, ["candidate fail"], "the newest first");
    let together = BTreeSet::from(["baseline pass", "confirm fail"].map(str::to_owned));
    assert_eq!(BTreeSet::from_iter(newer.to_owned()), together, "of two at once either may be over first");
}

#[test]
fn the_log_of_a_build_is_found_by_how_its_id_begins() {
    let world = world();
    let told = world.checks_for_programs(["core@drop-reboot", "--driver", "esx"]).exits(1);
    let json = told.json();
    let id = json["items"][0]["verdicts"][0]["builds"][0]["id"].as_str().unwrap();
    let log = world.crossgate(["log", &id[..8]]).exits(0);
    assert_snapshot!("log", log.out());
    let told = world.crossgate(["log", id, "--format", "json"]).exits(0).json();
    assert_eq!((&told["version"], told["log"].as_str()), (&1.into(), Some(log.out())));
    assert_eq!(told["request"]["driver"], "esx");
    assert_eq!(told["ended"]["outcome"], "fail");
}

#[test]
fn what_is_kept_of_a_build_is_told_with_its_log() {
    let world = World::new();
    world.gives_job("unit", "artifacts: [report.txt, none.txt], steps: [{ run: echo fine > report.txt }]");
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let json = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0).json();
    let id = json["items"][0]["verdicts"][0]["builds"][0]["id"].as_str().unwrap();
    let kept = format!(".crossgate/builds/{id}/artifacts/report.txt");
    assert_eq!(world.reads(&kept), "fine\n");
    let log = world.crossgate(["log", id]).exits(0);
    assert!(log.err().contains(&format!("kept [nova]/{kept}\n")) && !log.err().contains("none.txt"), "{log}");
    let json = world.crossgate(["log", id, "--format", "json"]).exits(0).json();
    assert_eq!(json["artifacts"], serde_json::json!([format!("[nova]/{kept}")]));
}

#[test]
fn silent_drivers_take_one_line_unless_more_is_asked_for() {
    let world = world();
    world.replaces(
        "crossgate.yaml",
        "kind: cluster, own_changes: [conform], common_changes: { mode: gating",
        "kind: cluster, own_changes: [conform], common_changes: { mode: silent",
    );
    let folded = world.checks(["core@drop-reboot"]).exits(0);
    let folded = folded.says("\n  silent  1 driver, for its team only (-v shows it)\n");
    assert!(!folded.out().contains("  esx "), "{folded}");
    let whole = world.checks(["core@drop-reboot", "-v"]).exits(0).is_silent_about("silent  1 driver");
    assert!(whole.out().contains("  esx ") && whole.out().contains("  silent "), "{whole}");
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert!(told.verdicts().contains(&"esx/conform regressed".to_owned()), "{told}");
}

#[test]
fn jobs_of_a_driver_that_do_not_run_for_one_reason_are_told_together() {
    let world = world();
    world.replaces(
        "crossgate.yaml",
        "{ mode: off, jobs: [conform] }",
        "{ mode: off, jobs: [conform, unit] }",
    );
    world
        .crossgate(["plan", "core@drop-reboot"])
        .exits(0)
        .says("    docker/conform, docker/unit\n      api.txt changes");
    let told = world.checks(["core@drop-reboot"]).exits(1);
    assert_eq!(told.out().lines().filter(|line| line.starts_with("  docker  2 jobs")).count(), 1, "{told}");
    let json = world.crossgate(["plan", "core@drop-reboot", "--format", "json"]).exits(0).json();
    let jobs = json["plans"][0]["jobs"].as_array().unwrap();
    assert_eq!(jobs.iter().filter(|job| job["driver"] == "docker").count(), 2);
}

#[test]
fn the_configuration_says_where_each_value_comes_from() {
    let world = world();
    world.commits(
        "esx",
        "Decide",
        &[(".crossgate.yaml", "version: 1\ndrivers: { esx: { common_changes: { mode: silent } } }\n")],
    );
    assert_snapshot!("config-show", world.crossgate(["config", "show", "drivers.esx"]).exits(0).out());
    let json = world.crossgate(["config", "show", "drivers.esx.common_changes", "--format", "json"]).exits(0);
    assert_snapshot!("config-show-json", json.out());
    assert_snapshot!("config-check", world.crossgate(["config", "check"]).exits(0).out());
}

#[test]
fn every_mistake_of_a_configuration_is_told_in_one_pass() {
    let world = world();
    world.replaces("crossgate.yaml", "sanity: [kvm]", "sanity: [kvn]");
    world.replaces("crossgate.yaml", "kind: cluster", "kidn: cluster");
    world.writes("lab/.crossgate.yaml", "version: 1\ndrivers: { kvm: { common_changes: { mode: off } } }\n");
    world.configures("policy: { reuse: 24 parsecs }\n");
    let told = world.crossgate(["config", "check"]).exits(2);
    assert_eq!(told.out(), "");
    assert_snapshot!("config-mistakes", told.err());
    let told = world.crossgate(["config", "check", "--format", "json"]).exits(2);
    assert_snapshot!("config-mistakes-json", told.out());
    world.checks(["core@drop-reboot"]).exits(2);
}

#[test]
fn a_schema_of_each_file_is_there_for_editors() {
    let world = World::empty();
    for file in ["workspace", "repo", "catalogue"] {
        let schema = world.crossgate(["config", "schema", file]).exits(0).json();
        assert!(schema["properties"]["version"].is_object(), "{file}: {schema:#}");
    }
}

#[test]
fn the_talk_can_be_less_and_more() {
    let world = world();
    let quiet = world.checks(["core@drop-reboot", "-q"]).exits(1);
    assert!(quiet.out().contains("must not land") && !quiet.err().contains("candidate"), "{quiet}");
    let told = world.checks(["core@drop-reboot", "-v", "--no-reuse"]).exits(1);
    assert!(told.err().contains("esx | error: esx uses reboot"), "{told}");
    let open = world.crossgate(["check", "core@drop-reboot", "--no-sandbox", "-q"]).exits(1);
    assert!(open.err().contains("no sandbox"), "{open}");
}
