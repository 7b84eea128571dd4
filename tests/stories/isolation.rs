//! What builds see and leave, with a sandbox and without.

use std::fs;
use std::time::Duration;

use crossgate_tests::{Marker, World, eventually, sandbox_works};

use crate::both_ways;

#[test]
fn the_story_is_the_same_with_a_sandbox_and_without() {
    both_ways(|world| {
        world.proposes("core", "drop-reboot", "Drop reboot", &[("api.txt", "start\nstop\n")]);
        let told = world.checks_for_programs(["core@drop-reboot"]).exits(1);
        assert_eq!(
            told.verdicts(),
            ["unit passed", "esx/conform regressed", "kvm/conform passed", "xen/conform passed"]
        );
    });
}

#[test]
fn nothing_that_a_job_leaves_behind_goes_on() {
    both_ways(|world| {
        let marker = Marker::new();
        let sleep = marker.sleeps();
        // A child, one in a session of its own, and one whose parent has gone; the job ends once all of them sleep.
        let leaves = format!("{sleep} & setsid {sleep} & (setsid sh -c \"{sleep}; :\" &)");
        let sleepers =
            format!("cat /proc/[0-9]*/cmdline | tr \"\\0\" \" \" | grep -o \"[s]{}\" | wc -l", &sleep[1..]);
        let step = format!("{leaves}; until test $({sleepers}) -ge 4; do sleep 0.01; done");
        world.gives_job("unit", &format!("timeout: 20s, steps: [{{ run: '{step}' }}]"));
        world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
        world.checks(["core@more", "--job", "unit"]).exits(0).says("nothing against it");
        eventually("what the job started is gone", Duration::from_secs(5), || marker.count() == 0);
    });
}

#[test]
fn a_job_sees_what_it_is_built_with_and_the_checkouts_never_change() {
    both_ways(|world| {
        world.gives_job(
            "unit",
            "steps: [{ run: 'ls -d ../*; ! test -e ../kvm; rm -rf api.txt; echo x > ../core/new.txt; env' }]",
        );
        world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
        let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0);
        let json = told.json();
        let id = json["items"][0]["verdicts"][0]["builds"][0]["id"].as_str().unwrap();
        let log = world.crossgate(["log", id]).exits(0).says("../core").says("CROSSGATE_REPO=core");
        log.is_silent_about("GIT_AUTHOR_NAME").is_silent_about("NO_COLOR");
        assert_eq!(world.git("core", ["status", "--porcelain"]), "");
        assert!(!world.path("core/new.txt").exists());
    });
}

#[test]
fn a_finished_check_leaves_only_what_is_of_use() {
    both_ways(|world| {
        world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
        world.checks(["core@more"]).exits(0);
        assert_eq!(world.left_in_workdirs(), Vec::<String>::new());
        let parts = fs::read_dir(world.path(".crossgate")).unwrap();
        let mut parts: Vec<_> = parts.map(|part| part.unwrap().file_name().into_string().unwrap()).collect();
        parts.sort();
        assert_eq!(parts, ["builds", "mirrors", "work"]);
    });
}

#[test]
fn what_passed_without_a_sandbox_is_not_taken_for_a_pass_in_one() {
    if !sandbox_works() {
        println!("skipped: there is no sandbox here");
        return;
    }
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world
        .crossgate(["check", "core@more", "--job", "unit", "--no-sandbox"])
        .exits(0)
        .is_silent_about("reused");
    world.crossgate(["check", "core@more", "--job", "unit"]).exits(0).is_silent_about("reused");
    world.crossgate(["check", "core@more", "--job", "unit"]).exits(0).says("reused");
}
