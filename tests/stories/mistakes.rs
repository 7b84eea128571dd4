//! What is asked wrongly: refused at once, with a way out and the exit status for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crossgate_tests::World;

#[test]
fn a_name_that_is_not_there_is_answered_with_the_nearest() {
    let world = World::new();
    let more = [("api.txt", "start\nstop\nreboot\nsuspend\n")];
    world.proposes("core", "more", "More", &more);
    for (args, says) in [
        (vec!["check", "coer"], "there is no repo `coer` in the workspace"),
        (vec!["plan", "coer@more"], "did you mean `core`?"),
        (vec!["check", "core@more", "--driver", "esxi"], "did you mean `esx`?"),
        (vec!["check", "core@more", "--job", "unti"], "did you mean `unit`?"),
        (vec!["check", "core@mroe"], "`mroe` is not a revision of `core`"),
        (vec!["why", "core@more", "esxi/conform"], "did you mean `esx`?"),
        (vec!["why", "core@more", "kvm/confrom"], "did you mean `conform`?"),
        (vec!["graph", "--impact", "cor"], "did you mean `core`?"),
        (vec!["log", "feedbeef"], "no build `feedbeef`"),
        (vec!["check", "core"], "`core` proposes nothing that has not landed"),
        (vec!["plan", "--files", "api.txt"], "`--files` needs exactly one REPO"),
        (vec!["plan", "core@more", "--files", "api.txt"], "`--files` needs exactly one REPO"),
        (vec!["check", "core@main..more"], "`crossgate plan` takes ranges"),
        (vec!["chekc"], "check"),
        (vec!["check", "-j", "0"], "1..=1024"),
        (vec!["-C", "nowhere", "graph"], "`nowhere` is not a directory"),
    ] {
        world.crossgate(args).exits(2).says(says);
    }
}

#[test]
fn outside_of_a_workspace_the_ways_in_are_named() {
    let world = World::empty();
    world
        .crossgate(["check"])
        .exits(2)
        .says("no `crossgate.yaml`")
        .says("crossgate init")
        .says("crossgate demo");
}

#[test]
fn without_a_sandbox_nothing_runs_unless_told_to() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let programs = world.path("programs");
    world.writes("programs/bwrap", "#!/bin/sh\necho namespaces are not allowed here >&2; exit 1\n");
    fs::set_permissions(programs.join("bwrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let run = |args: &[&str]| world.prepares(args).env("PATH", &path).output().unwrap();
    let refused = run(&["check", "core@more"]);
    let err = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{err}");
    assert!(err.contains("cannot be sandboxed") && err.contains("--no-sandbox"), "{err}");
    let told = run(&["check", "core@more", "--no-sandbox"]);
    let err = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(0), "{err}");
    assert!(err.contains("no sandbox: jobs run with your own rights"), "{err}");
}

#[test]
fn a_repo_that_has_vanished_is_named_with_the_command_that_mends_it() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world.checks(["core@more"]).exits(0);
    fs::remove_dir_all(world.path("esx")).unwrap();
    let told = world.checks(["core@more"]).exits(3);
    told.says("the repo `esx` is not here").says("[nova]/esx").says("crossgate workspace clone");
    world.crossgate(["graph"]).exits(0).says("(not here)");
    world.checks(["core@more", "--driver", "kvm"]).exits(0);
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    for args in [&["graph"][..], &["plan", "core@more"], &["config", "schema"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = world.prepares(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn the_answer_stands_when_nobody_watches() {
    let world = World::new();
    world.proposes("core", "drop-reboot", "Drop reboot", &[("api.txt", "start\nstop\n")]);
    let args = if crossgate_tests::sandbox_works() { None } else { Some("--no-sandbox") };
    let args: Vec<&str> = ["check", "core@drop-reboot"].into_iter().chain(args).collect();
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let status = world.prepares(&args).stdout(Stdio::null()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(1), "the talk is not heard");
    let status = world.prepares(&args).stdout(closed()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1), "the verdicts are not read to their end");
}
