//! A change of the common repo: tested with every driver that opted in, and held up only by what it breaks.

use crossgate_tests::World;

/// The three calls of the core, and one more.
const MORE: &[(&str, &str)] = &[("api.txt", "start\nstop\nreboot\nsuspend\n")];
/// The calls of the core without one that esx uses.
const FEWER: &[(&str, &str)] = &[("api.txt", "start\nstop\n")];

#[test]
fn a_compatible_change_is_tested_with_every_driver_that_opted_in_and_may_land() {
    let world = World::new();
    world.proposes("core", "add-suspend", "Add suspend", MORE);
    let told = world.checks_for_programs(["core@add-suspend"]).exits(0);
    assert_eq!(
        told.verdicts(),
        ["unit passed", "esx/conform passed", "kvm/conform passed", "xen/conform passed"]
    );
    assert_eq!(
        told.builds(),
        [
            "unit candidate pass",
            "esx/conform candidate pass",
            "kvm/conform candidate pass",
            "xen/conform candidate pass"
        ]
    );
    assert_eq!(told.json()["items"][0]["result"]["conclusion"], "may-land");
    let told = world.checks(["core@add-suspend"]).exits(0);
    told.says("may land core@add-suspend: 4 passed, 0 of 4 unknown").says("opted out of common changes");
}

#[test]
fn a_breaking_change_is_blamed_for_what_it_breaks_and_for_nothing_else() {
    let world = World::new();
    world.commits("lab", "Use what is not there yet", &[("xen/uses.txt", "migrate\n")]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks(["core@drop-reboot"]).exits(1);
    let told = told
        .says("must not land core@drop-reboot: 2 passed, 1 regressed, 1 broken-before, 0 of 4 unknown")
        .says("esx/conform regressed 2 of 2: error: esx uses reboot, which the core does not have")
        .says("fails the same without the change: error: xen uses migrate")
        .says("not-applicable");
    let (_, after) = told.out().rsplit_once("(crossgate log ").expect("the way to the log is told");
    let build = after.split(')').next().unwrap();
    world.crossgate(["log", build]).exits(0).says("error: esx uses reboot").says("fail: step 1 ended with");
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(1);
    assert_eq!(
        told.verdicts(),
        ["unit passed", "esx/conform regressed", "kvm/conform passed", "xen/conform broken-before"]
    );
    let json = told.json();
    let blockers = &json["items"][0]["result"]["blockers"];
    assert_eq!(blockers, &serde_json::json!([1]), "the regression of esx, and only that");
}

#[test]
fn what_breaks_only_an_advisory_driver_is_told_and_may_land() {
    let world = World::new();
    world.commits("lab", "Use reboot", &[("xen/uses.txt", "reboot\n")]);
    world.commits("esx", "Use less", &[("esx/uses.txt", "start\n")]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert_eq!(told.verdicts()[3], "xen/conform regressed");
}

#[test]
fn a_driver_that_was_broken_before_holds_nothing_up() {
    let world = World::new();
    world.commits("esx", "Use what is not there yet", &[("esx/uses.txt", "migrate\n")]);
    world.proposes("core", "add-suspend", "Add suspend", MORE);
    let told = world.checks(["core@add-suspend"]).exits(0);
    told.says("may land core@add-suspend: 3 passed, 1 broken-before, 0 of 4 unknown");
}

#[test]
fn a_driver_that_now_fails_in_another_way_is_told_apart() {
    let world = World::new();
    world.commits("esx", "Use what is not there yet", &[("esx/uses.txt", "reboot\nmigrate\n")]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert_eq!(told.verdicts()[1], "esx/conform broken-differently");
    let json = told.json();
    let state = &json["items"][0]["verdicts"][1]["state"];
    let lines = |side: &str| state[side]["lines"][0].as_str().unwrap_or("?").to_owned();
    assert_eq!(lines("signature"), "error: esx uses reboot, which the core does not have");
    assert_eq!(lines("before"), "error: esx uses migrate, which the core does not have");
}

#[test]
fn a_change_that_mends_a_driver_known_to_be_broken_is_praised() {
    let world = World::new();
    world.commits("esx", "Use what is not there yet", &[("esx/uses.txt", "suspend\n")]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    world.proposes("core", "add-suspend", "Add suspend", MORE);
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert_eq!(told.verdicts()[1], "esx/conform broken-before");
    let told = world.checks_for_programs(["core@add-suspend"]).exits(0);
    assert_eq!(told.verdicts()[1], "esx/conform fixed");
}

#[test]
fn a_change_of_documentation_alone_builds_nothing() {
    let world = World::new();
    world.proposes("core", "explain", "Explain", &[("docs/intro.md", "The core, explained\n")]);
    let told = world.checks_for_programs(["core@explain"]).exits(0);
    assert!(told.verdicts().is_empty() && told.builds().is_empty(), "{told}");
    world.checks(["core@explain"]).exits(0).says("every changed path is to be ignored");
}

#[test]
fn what_passed_on_equal_trees_is_not_built_again() {
    let world = World::new();
    world.proposes("core", "add-suspend", "Add suspend", MORE);
    assert_eq!(world.checks_for_programs(["core@add-suspend"]).exits(0).builds().len(), 4);
    let again = world.checks_for_programs(["core@add-suspend"]).exits(0);
    assert_eq!((again.verdicts().len(), again.builds().len()), (4, 0));
    world.checks(["core@add-suspend"]).exits(0).says("reused");
    assert_eq!(world.checks_for_programs(["core@add-suspend", "--no-reuse"]).exits(0).builds().len(), 4);
    world.commits("kvm", "Say more", &[("kvm/readme.txt", "kvm\n")]);
    let after = world.checks_for_programs(["core@add-suspend"]).exits(0);
    assert_eq!(after.builds(), ["kvm/conform candidate pass"], "only its tree is another");
}

#[test]
fn what_two_changes_have_in_common_is_built_once() {
    let world = World::new();
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    world.proposes("core", "rename", "Rename reboot", &[("api.txt", "start\nstop\nrestart\n")]);
    let told = world.checks(["core@drop-reboot", "core@rename"]).exits(1);
    let baselines = told.err().lines().filter(|line| line.contains("esx/conform baseline")).count();
    assert_eq!(baselines, 1, "{told}");
    told.says("must not land core@drop-reboot").says("must not land core@rename");
}

#[test]
fn with_confirmation_off_the_first_red_is_final() {
    let world = World::new();
    world.configures("policy: { confirm: off }\n");
    world.commits("lab", "Use what is not there yet", &[("xen/uses.txt", "migrate\n")]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(1);
    assert_eq!(
        told.verdicts(),
        ["unit passed", "esx/conform regressed", "kvm/conform passed", "xen/conform regressed"]
    );
    assert_eq!(told.builds().len(), 4, "neither a baseline nor a confirmation: {told}");
}

#[test]
fn a_bar_for_gating_lowers_nobody_where_no_history_is_kept() {
    let world = World::new();
    world.configures("policy: { gating_requires: { runs: 20, false_failures: 5%, p95: 90m } }\n");
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(1);
    assert_eq!(told.verdicts()[1], "esx/conform regressed");
    assert_eq!(told.json()["items"][0]["verdicts"][1]["vote"], "gating");
}

#[test]
fn an_opt_in_that_has_ended_acts_as_advisory_and_says_so() {
    let world = World::new();
    let esx = "common_changes: { mode: gating, jobs: [conform]";
    let text = world.reads("crossgate.yaml");
    let (head, tail) = text.split_at(text.find("  esx: { repo").unwrap());
    world.writes(
        "crossgate.yaml",
        &(head.to_owned() + &tail.replacen(esx, &format!("{esx}, until: 2020-01-31"), 1)),
    );
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks(["core@drop-reboot"]).exits(0).says("the opt-in of `esx` ended on 2020-01-31");
    told.says("advisory  regressed");
    for form in ["text", "json", "dot", "mermaid"] {
        world
            .crossgate(["graph", "--format", form, "-q"])
            .exits(0)
            .says("advisory")
            .is_silent_about("esx\\ngating")
            .is_silent_about("esx: gating");
    }
}

#[test]
fn a_change_reaches_the_drivers_behind_a_library_and_no_others() {
    let world = World::empty();
    world.writes(
        "crossgate.yaml",
        r#"version: 1
workspace: steps
repos:
  core: { role: common }
  glue: { role: library, depends_on: [core] }
  kvm: { role: driver, depends_on: [core] }
  zed: { role: driver, depends_on: [glue] }
common:
  core: { own_changes: [unit], sanity: [kvm] }
  glue: { own_changes: [unit] }
drivers:
  kvm: { repo: kvm, own_changes: [unit], common_changes: { mode: gating, jobs: [unit] } }
  zed: { repo: zed, own_changes: [together], common_changes: { mode: gating, jobs: [together] } }
jobs:
  unit: { steps: [{ run: test -s part.txt }] }
  together: { steps: [{ run: 'cat ../core/part.txt ../glue/part.txt part.txt | tr "\n" " " | grep -qx "core glue zed "' }] }
"#,
    );
    for repo in ["core", "glue", "kvm", "zed"] {
        world.has_repo(repo, &[("part.txt", &format!("{repo}\n"))]);
    }
    world.proposes("core", "rename", "Rename", &[("part.txt", "heart\n")]);
    world
        .crossgate(["plan", "core@rename"])
        .exits(0)
        .says("built with it: core → glue [crossgate.yaml:5] → zed [crossgate.yaml:7]");
    let told = world.checks_for_programs(["core@rename"]).exits(1);
    assert_eq!(told.verdicts(), ["unit passed", "kvm/unit passed", "zed/together regressed"]);
    world.proposes("glue", "more", "More", &[("more.txt", "more\n")]);
    let told = world.checks_for_programs(["glue@more"]).exits(0);
    assert_eq!(told.verdicts(), ["unit passed", "zed/together passed"]);
    world.crossgate(["plan", "glue@more"]).exits(0).says("kvm is not built with glue");
}

#[test]
fn a_change_that_is_older_than_a_teams_opt_in_is_judged_by_the_opt_in() {
    let world = World::new();
    world.replaces(
        "crossgate.yaml",
        "common_changes: { mode: advisory, jobs: [conform] }",
        "common_changes: { mode: advisory, jobs: [] }",
    );
    world.proposes("lab", "more", "More", &[("xen/more.txt", "more\n")]);
    let own = "version: 1\ndrivers:\n  xen: { own_changes: [conform, extra] }\njobs:\n  extra: { steps: [{ run: 'true' }] }\n";
    world.commits("lab", "Run more for our own changes", &[(".crossgate.yaml", own)]);
    world.crossgate(["plan", "lab@more"]).exits(0).says("xen/extra");
}

#[test]
fn a_change_onto_a_stable_branch_is_tested_with_the_stable_branches() {
    let world = World::new();
    for repo in ["core", "kvm"] {
        world.git(repo, ["branch", "stable/1", "main"]);
    }
    world.commits("kvm", "Use what is not there", &[("kvm/uses.txt", "start\nfly\n")]);
    world.git("core", ["switch", "--quiet", "stable/1"]);
    world.proposes("core", "backport", "Backport", &[("more.txt", "more\n")]);
    let told = world.checks_for_programs(["core@backport:stable/1"]).exits(0);
    assert!(told.verdicts().contains(&"kvm/conform passed".to_owned()), "{told}");
    world.checks(["core@backport"]).exits(0).says("kvm").says("broken-before");
}
