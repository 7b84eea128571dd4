//! Drivers that have a deadline: what answers in time counts, and silence is a verdict that holds nobody up.

use std::time::Duration;

use crossgate_tests::{Marker, World, eventually};

/// A workspace in which esx has so many seconds to answer on a change of the core, which breaks it.
fn world(deadline: &str, absent: &str) -> World {
    let world = World::new();
    let esx = "esx: { repo: esx, kind: cluster, own_changes: [conform], common_changes: { mode: gating, jobs: [conform]";
    world.replaces("crossgate.yaml", esx, &format!("{esx}, deadline: {deadline}, absent: {absent}"));
    world.proposes("core", "drop-reboot", "Drop reboot", &[("api.txt", "start\nstop\n")]);
    world
}

/// Lets the job of the drivers sleep under a mark with esx.
fn esx_is_silent(world: &World) -> Marker {
    let marker = Marker::new();
    let sleeps = format!("if test {{{{ driver.name }}}} = esx; then {}; fi", marker.sleeps());
    world.gives_job("conform", &format!("steps: [{{ run: '{sleeps}' }}]"));
    marker
}

#[test]
fn a_red_before_the_deadline_blocks_as_any_other() {
    for absent in ["waive", "block"] {
        let told = world("1h", absent).checks_for_programs(["core@drop-reboot"]).exits(1);
        assert_eq!(told.verdicts()[1], "esx/conform regressed", "{told}");
        assert_eq!(told.json()["items"][0]["result"]["blockers"], serde_json::json!([1]));
    }
}

#[test]
fn silence_past_the_deadline_holds_nobody_up_where_it_is_waived() {
    let world = world("1s", "waive");
    let marker = esx_is_silent(&world);
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert_eq!(told.verdicts()[1], "esx/conform absent", "{told}");
    assert_eq!(told.json()["items"][0]["verdicts"][1]["state"]["after_ms"], 1_000);
    assert_eq!(marker.count(), 0, "its build is over");
    assert_eq!(world.left_in_workdirs(), Vec::<String>::new());
}

#[test]
fn silence_past_the_deadline_blocks_where_it_is_to_block() {
    let world = world("1s", "block");
    let marker = esx_is_silent(&world);
    let told = world.checks(["core@drop-reboot"]).exits(1);
    told.says("must not land core@drop-reboot").says("no answer after 1.0 s, which blocks");
    assert_eq!(marker.count(), 0, "its build is over");
}

#[test]
fn who_was_silent_is_ended_while_others_go_on_and_is_not_asked_again() {
    let world = world("1s", "waive");
    let marker = Marker::new();
    let asked = tempfile::tempdir().unwrap();
    let esx = format!("echo >> {}/times; {}", asked.path().display(), marker.sleeps());
    let sleeps = format!("if test {{{{ driver.name }}}} = esx; then {esx}; fi");
    world.gives_job("conform", &format!("steps: [{{ run: '{sleeps}' }}]"));
    // Long enough for esx to be asked again, if it were.
    world.gives_job("unit", "steps: [{ run: sleep 4 }]");
    let world = world.without_a_sandbox();
    let check = world.starts_check(["core@drop-reboot", "-j", "4", "--format", "json"]);
    let limit = Duration::from_secs(30);
    eventually("esx sleeps", limit, || marker.count() == 1);
    eventually("esx is ended", limit, || marker.count() == 0);
    let told = check.ends().exits(0);
    assert_eq!(told.verdicts()[..2], ["unit passed", "esx/conform absent"], "{told}");
    let times = std::fs::read_to_string(asked.path().join("times")).unwrap();
    assert_eq!(times.lines().count(), 1, "esx is asked once");
}

#[test]
fn the_deadline_of_a_driver_is_for_changes_of_others() {
    let world = world("1s", "block");
    world.gives_job("conform", "steps: [{ run: sleep 2 }]");
    world.proposes("esx", "more", "More", &[("esx/more.txt", "more\n")]);
    let told = world.checks_for_programs(["esx@more"]).exits(0);
    assert_eq!(told.verdicts(), ["esx/conform passed"]);
}
