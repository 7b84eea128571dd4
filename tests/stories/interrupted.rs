//! A check that is ended before its time, and what the next one finds.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crossgate_tests::{Marker, World, below, eventually, lives};
use rustix::process::Signal;

use crate::both_ways;

/// How long the end of a check may take.
const ENDING: Duration = Duration::from_secs(10);
/// How long a check may take to come to the build that sleeps.
const GETTING_THERE: Duration = Duration::from_secs(30);

/// Proposes a change whose build with kvm sleeps when it is first run, under a mark.
fn proposes_a_slow_change(world: &World) -> Marker {
    let marker = Marker::new();
    let kvm_sleeps = format!(
        "test {{{{ driver.name }}}} != kvm -o -e \"$CROSSGATE_CACHE/seen\" || {{ touch \"$CROSSGATE_CACHE/seen\"; {}; }}",
        marker.sleeps()
    );
    world.gives_job("conform", &format!("steps: [{{ run: '{kvm_sleeps}' }}]"));
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    marker
}

/// Lists the builds of a workspace, those that run among them.
fn builds(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.path(".crossgate/builds")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Counts those that have ended and are recorded.
fn recorded(world: &World) -> usize {
    builds(world).iter().filter(|build| build.join("build.json").exists()).count()
}

#[test]
fn a_check_that_is_killed_leaves_no_process_and_the_next_one_goes_on_from_there() {
    both_ways(|world| {
        let marker = proposes_a_slow_change(&world);
        let check = world.starts_check(["core@more", "-j", "2"]);
        eventually("all but kvm have passed", GETTING_THERE, || marker.count() == 1 && recorded(&world) == 3);
        let children = below(check.pid());
        assert!(!children.is_empty());
        check.is_sent(Signal::KILL);
        drop(check);
        let gone = || marker.count() == 0 && !children.iter().any(|&child| lives(child));
        eventually("nothing of it runs", ENDING, gone);
        let told = world.checks_for_programs(["core@more"]).exits(0);
        assert_eq!(told.builds(), ["kvm/conform candidate pass"], "the others are reused");
        assert_eq!(told.verdicts().len(), 4);
        assert_eq!(builds(&world).len(), recorded(&world), "what was not finished is gone");
        assert_eq!(world.left_in_workdirs(), Vec::<String>::new());
    });
}

#[test]
fn a_check_that_is_interrupted_ends_every_build_and_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        both_ways(|world| {
            let marker = proposes_a_slow_change(&world);
            let check = world.starts_check(["core@more"]);
            eventually("a build runs", GETTING_THERE, || marker.count() == 1);
            let children = below(check.pid());
            check.is_sent(signal);
            check.ends().exits(130).says("interrupted");
            assert_eq!(marker.count(), 0);
            assert!(!children.iter().any(|&child| lives(child)));
            assert_eq!(world.left_in_workdirs(), Vec::<String>::new());
            world.checks(["core@more"]).exits(0).says("may land");
        });
    }
}

#[test]
fn two_checks_at_once_in_one_workspace_both_tell_the_truth() {
    let world = World::new();
    world.proposes("core", "drop-reboot", "Drop reboot", &[("api.txt", "start\nstop\n")]);
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let running = ["core@drop-reboot", "core@more", "core@drop-reboot", "core@more"]
        .map(|change| world.starts_check([change]));
    for (check, status) in running.into_iter().zip([1, 0, 1, 0]) {
        let told = check.ends().exits(status);
        told.says(if status == 1 { "3 passed, 1 regressed, 0 of 4" } else { "4 passed, 0 of 4" });
    }
    assert_eq!(world.left_in_workdirs(), Vec::<String>::new());
}

#[test]
fn locks_of_the_dead_hold_nobody_up() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world.checks(["core@more"]).exits(0);
    for lock in ["core/.git/index.lock", "core/.git/HEAD.lock", "core/.git/packed-refs.lock"] {
        world.writes(lock, "");
    }
    for lock in ["HEAD.lock", "config.lock", "packed-refs.lock", "refs/heads/main.lock"] {
        world.writes(&format!(".crossgate/mirrors/core.git/{lock}"), "1\n");
    }
    world.writes("core/more.txt", "more and more\n");
    world.checks(["core@more", "--no-reuse"]).exits(0).says("may land");
    world.checks(["core", "--dirty"]).exits(0).says("core@main+dirty");
}

#[test]
fn a_running_build_can_be_followed() {
    let world = World::new();
    let marker = proposes_a_slow_change(&world);
    let speaks = format!("steps: [{{ run: 'echo first; {}' }}]", marker.sleeps());
    world.gives_job("unit", &speaks);
    let check = world.starts_check(["core@more", "--job", "unit"]);
    eventually("the build runs", GETTING_THERE, || marker.count() == 1);
    let [build] = &builds(&world)[..] else { panic!("one build runs") };
    let (id, log) = (build.file_name().unwrap().to_str().unwrap(), build.join("log"));
    let is_there = || fs::read_to_string(&log).is_ok_and(|text| text.contains("\nfirst\n"));
    eventually("its log is there", GETTING_THERE, is_there);
    world.crossgate(["log", id]).exits(0).says("\nfirst\n").says("it still runs");
    world.crossgate(["log", id, "-f", "--format", "json"]).exits(2);
    let follower = world.starts(&["log", "-f", id]);
    let open_files = format!("/proc/{}/fd", follower.pid().as_raw_nonzero());
    let reads = || {
        let files = fs::read_dir(&open_files).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file == log)
    };
    eventually("the log is read", GETTING_THERE, reads);
    check.is_sent(Signal::INT);
    check.ends().exits(130);
    follower.ends().exits(0).says("\nfirst\n");
}

#[test]
fn whoever_follows_a_build_and_reads_no_more_is_not_kept() {
    let world = World::new();
    let marker = Marker::new();
    let speaks =
        format!("steps: [{{ run: '{} & while :; do echo more; sleep 0.05; done' }}]", marker.sleeps());
    world.gives_job("unit", &speaks);
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let check = world.starts_check(["core@more", "--job", "unit"]);
    eventually("the build runs", GETTING_THERE, || marker.count() == 1);
    let [build] = &builds(&world)[..] else { panic!("one build runs") };
    let id = build.file_name().unwrap().to_str().unwrap();
    let mut follower = world.prepares(&["log", "-f", id]).stdout(Stdio::piped()).spawn().unwrap();
    drop(follower.stdout.take());
    eventually("it ends", ENDING, || follower.try_wait().unwrap().is_some_and(|status| status.success()));
    assert_eq!(marker.count(), 1, "the build goes on");
    check.is_sent(Signal::INT);
    check.ends().exits(130);
}
