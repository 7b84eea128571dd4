//! What jobs can be and do: flakes, rigs that fail, needs, variants, timeouts, and parts of a plan.

use crossgate_tests::{Marker, World};

/// A workspace with a change of the core that breaks nothing.
fn world() -> World {
    let world = World::new();
    world.proposes("core", "more", "Add suspend", &[("api.txt", "start\nstop\nreboot\nsuspend\n")]);
    world
}

#[test]
fn a_job_whose_runs_disagree_is_flaky_and_blocks_nothing() {
    let world = world().without_a_sandbox();
    let seen = tempfile::tempdir().unwrap();
    // Outside of what a build is given: builds of one job that run at once have a cache each.
    let first_fails = format!("mkdir {}/once || exit 0; echo unlucky; exit 1", seen.path().display());
    world.gives_job("unit", &format!("steps: [{{ run: '{first_fails}' }}]"));
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0);
    assert_eq!(told.verdicts(), ["unit flaky"]);
    let builds = told.builds();
    let (with, without) = builds.split_at(3);
    assert_eq!(with, ["unit candidate fail", "unit confirm pass", "unit confirm pass"], "{told}");
    // It runs beside them, and nobody waits for it once they agree.
    assert!(matches!(without, [baseline] if baseline.starts_with("unit baseline")), "{told}");
    assert_eq!(told.json()["items"][0]["verdicts"][0]["state"]["failed"], 1);
}

#[test]
fn a_rig_that_fails_is_tried_again_and_then_told_as_such() {
    let world = world().without_a_sandbox();
    // The parent of a step is what holds it together.
    world.gives_job("unit", "attempts: 2, steps: [{ run: 'kill -9 $PPID' }]");
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(1);
    assert_eq!(told.verdicts(), ["unit infra"]);
    assert_eq!(told.builds(), ["unit candidate lost", "unit candidate lost"]);
    world.configures("policy: { infra: waive }\n");
    let told = world.checks(["core@more", "--job", "unit"]).exits(0);
    told.says("ended from outside").says("1 of 1 unknown");
}

#[test]
fn what_needs_a_red_job_does_not_run_and_what_prefers_it_does() {
    let world = world();
    let common = "core: { own_changes: [unit";
    world.replaces("crossgate.yaml", common, "core: { own_changes: [unit, hard, soft");
    world.gives_job("unit", "voting: false, steps: [{ run: 'echo no; false' }]");
    world.configures("  hard: { needs: [unit], steps: [{ run: 'true' }] }\n");
    world.configures("  soft: { needs: ['soft:unit'], steps: [{ run: 'true' }] }\n");
    let told = world.checks_for_programs(["core@more"]);
    let verdicts = told.verdicts();
    assert_eq!(verdicts[..3], ["unit broken-before", "hard not-applicable", "soft passed"], "{told}");
    world.gives_job("unit", "voting: false, steps: [{ run: '! grep suspend api.txt' }]");
    let told = world.checks_for_programs(["core@more"]).exits(0);
    assert_eq!(told.verdicts()[..3], ["unit regressed", "hard not-applicable", "soft passed"], "{told}");
    world.checks(["core@more"]).exits(0).says("needs unit, which is regressed");
}

#[test]
fn a_job_has_one_variant_for_each_value_and_each_sees_its_own() {
    let world = world();
    world.gives_job(
        "unit",
        "matrix: { size: [1, 2] }, steps: [{ run: 'test $MATRIX_SIZE = 1; test {{ matrix.size }} = 1' }]",
    );
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0);
    assert_eq!(told.verdicts(), ["unit[size=1] passed", "unit[size=2] broken-before"]);
    let told = world.checks_for_programs(["core@more", "--job", "unit[size=1]"]).exits(0);
    assert_eq!(told.verdicts(), ["unit[size=1] passed"]);
}

#[test]
fn a_job_over_its_time_is_red_and_nothing_of_it_goes_on() {
    let world = world();
    let marker = Marker::new();
    let sleep = marker.sleeps();
    world.gives_job(
        "unit",
        &format!("timeout: 1s, steps: [{{ run: 'if grep suspend api.txt; then {sleep} & {sleep}; fi' }}]"),
    );
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(1);
    assert_eq!(told.verdicts(), ["unit regressed"]);
    assert_eq!(told.builds(), ["unit candidate timeout", "unit confirm timeout", "unit baseline pass"]);
    assert_eq!(marker.count(), 0);
}

#[test]
fn one_build_at_a_time_is_one_whatever_runners_the_drivers_name() {
    let world = world().without_a_sandbox();
    world.replaces("crossgate.yaml", "esx: { repo: esx,", "esx: { ci: { runner: agent }, repo: esx,");
    world.replaces(
        "crossgate.yaml",
        "  xen:\n",
        "  xen:\n    ci: { runner: webhook, url: 'https://ci.example.org' }\n",
    );
    let shared = tempfile::tempdir().unwrap();
    let alone = format!("{}/alone", shared.path().display());
    // Long enough for the next one to get there, if it were started meanwhile.
    let step = format!("mkdir {alone} && sleep 0.3 && rmdir {alone}");
    for job in ["unit", "conform"] {
        world.gives_job(job, &format!("steps: [{{ run: '{step}' }}]"));
    }
    world.configures("policy: { confirm: off }\n");
    let told = world.checks_for_programs(["core@more", "-j", "1"]).exits(0);
    let passed = ["unit passed", "esx/conform passed", "kvm/conform passed", "xen/conform passed"];
    assert_eq!(told.verdicts(), passed, "{told}");
}

#[test]
fn a_part_of_the_plan_can_be_run_and_is_told_as_a_part() {
    let world = world();
    let told = world.checks_for_programs(["core@more", "--driver", "esx", "--driver", "xen"]).exits(0);
    assert_eq!(told.verdicts(), ["esx/conform passed", "xen/conform passed"]);
    assert_eq!(told.json()["items"][0]["partial"], true);
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0);
    assert_eq!(told.verdicts(), ["unit passed"]);
    world.checks(["core@more", "--job", "unit"]).exits(0).says("nothing against it in the part that was run");
}

#[test]
fn steps_are_templates_and_may_not_name_what_is_not_there() {
    let world = world();
    world.gives_job(
        "unit",
        "steps: [{ run: 'echo {{ change.id }} {{ job.name }}; test -s {{ repo(\"core\").path }}/api.txt' }]",
    );
    world.checks(["core@more", "--job", "unit"]).exits(0);
    world.gives_job("unit", "steps: [{ run: 'echo {{ chnage.id }}' }]");
    world.crossgate(["config", "check"]).exits(2).says("crossgate.yaml:").says("not defined");
}

#[test]
fn artifacts_of_a_build_are_kept() {
    let world = world();
    world.gives_job(
        "unit",
        "artifacts: [out/report.txt], steps: [{ run: 'mkdir out; echo fine > out/report.txt' }]",
    );
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0);
    let json = told.json();
    let id = json["items"][0]["verdicts"][0]["builds"][0]["id"].as_str().unwrap();
    assert_eq!(world.reads(&format!(".crossgate/builds/{id}/artifacts/out/report.txt")), "fine\n");
}
