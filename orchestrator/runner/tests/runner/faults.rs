//! What goes wrong around builds, and what is left of it.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossgate_core::build::Outcome;
use crossgate_runner::{Event, LocalRunner, SandboxChoice, Settings};
use tokio_util::sync::CancellationToken;

use crate::harness::{PATIENCE, World, alive, build, eventually, settings};

#[test]
fn a_timeout_ends_everything_that_was_started() {
    World::both(|world| {
        let word = if world.sandboxed { "98763" } else { "98764" };
        let mut request = build(&[
            "true",
            &format!(
                "trap '' TERM; sleep {word} & setsid sh -c 'trap \"\" TERM; sleep {word}; sleep {word}' >/dev/null 2>&1 & \
             setsid setsid sleep {word} </dev/null >/dev/null 2>&1 & echo up; sleep {word}; wait; sleep {word}"
            ),
        ]);
        request.timeout = Duration::from_secs(1);
        let before = Instant::now();
        let heard = world.runs(&request);
        assert_eq!(heard.ended.outcome, Outcome::Timeout { limit_s: 1 });
        assert!(
            before.elapsed() >= request.timeout && before.elapsed() < Duration::from_secs(6),
            "{:?}",
            before.elapsed()
        );
        assert_eq!(heard.lines(), ["up"]);
        eventually("all are dead", || alive(word) == 0);
        assert_eq!(world.runner.archive().find(request.id.as_str()).unwrap().ended, heard.ended);
    });
}

#[test]
fn what_keeps_changing_its_pid_is_caught() {
    World::both(|world| {
        let word = if world.sandboxed { "98771" } else { "98772" };
        let hop =
            format!(r#"printf '#!/bin/sh\n"$0" {word} &\n' >hop; chmod +x hop; ./hop {word}; sleep 0.2"#);
        world.runs(&build(&[&hop])).passes();
        eventually("it is dead", || alive(word) == 0);
        let mut request = build(&[&format!("{hop}; sleep 30")]);
        request.timeout = Duration::from_millis(500);
        assert_eq!(world.runs(&request).ended.outcome, Outcome::Timeout { limit_s: 0 });
        eventually("it is dead", || alive(word) == 0);
    });
}

#[test]
fn a_step_may_tidy_up_when_it_is_asked_to_end() {
    World::both(|world| {
        let mut request = build(&[
            "echo half >report; trap 'echo tidied; exit 0' TERM; echo up; while :; do sleep 0.05; done",
        ]);
        request.timeout = Duration::from_millis(500);
        request.artifacts = vec!["report".to_owned()];
        let heard = world.runs(&request);
        assert_eq!(heard.ended.outcome, Outcome::Timeout { limit_s: 0 });
        assert_eq!(heard.lines().last(), Some(&"tidied"));
        assert!(world.runner.archive().artifacts(&request.id).join("report").exists());
    });
}

#[test]
fn a_cancelled_build_leaves_nothing_behind() {
    World::both(|world| {
        let word = if world.sandboxed { "98765" } else { "98766" };
        let request = build(&[&format!("setsid sleep {word} & echo up; sleep {word}")]);
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let hears = move |event: &Event| {
            if matches!(event, Event::Line(line) if line == "up") {
                token.cancel();
            }
        };
        let heard = world.runs_until(&request, &[("core/README", "")], cancel, hears);
        assert_eq!(heard.ended.outcome, Outcome::Cancelled);
        eventually("all are dead", || alive(word) == 0);
        assert!(world.runner.archive().find(request.id.as_str()).is_err());
        assert!(!world.runner.archive().log_path(&request.id).exists());
        let left = Command::new("find").arg(world.state.path()).args(["-name", "README"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    });
}

#[test]
fn a_build_that_nobody_wants_is_not_started() {
    World::both(|world| {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let heard = world.runs_until(&build(&["true"]), &[("core/README", "")], cancel, |_| {});
        assert_eq!((heard.ended.outcome, heard.events), (Outcome::Cancelled, Vec::new()));
    });
}

#[test]
fn a_sandbox_that_fails_is_no_failure_of_the_change() {
    for choice in [SandboxChoice::Off, SandboxChoice::Required] {
        let broken = |settings: Settings| Settings { supervisor: Some("/bin/false".into()), ..settings };
        let Some(world) = World::of(choice, broken) else { return };
        let mut request = build(&["true"]);
        if world.sandboxed {
            // More than the kernel takes for one variable.
            request.variables.insert("LONG".to_owned(), "x".repeat(200_000));
        }
        let Outcome::Infra { reason } = world.runs(&request).ended.outcome else { panic!("it ran") };
        assert!(reason.starts_with("the step: "), "{reason}");
    }
}

#[test]
fn a_dropped_future_cancels_its_build() {
    World::both(|world| {
        let word = if world.sandboxed { "98767" } else { "98768" };
        let request = build(&[&format!("sleep {word}")]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = crate::harness::placing(&[("core/README", "")]);
        let run = world.runner.run(&request, place, CancellationToken::new(), |_| {});
        runtime.block_on(async { tokio::time::timeout(Duration::from_millis(500), run).await }).unwrap_err();
        eventually("all are dead", || alive(word) == 0);
        eventually("nothing is recorded", || !world.runner.archive().log_path(&request.id).exists());
    });
}

#[test]
fn a_flood_of_output_fills_neither_disk_nor_memory() {
    World::both(|world| {
        let request = build(&[
            "echo first; head -c 1G /dev/zero | tr '\\0' x; head -c 20M /dev/zero | tr '\\0' '\\n'; echo last; false",
        ]);
        let before = Instant::now();
        let heard = world.runs(&request);
        println!("1 GB of output took {:?}", before.elapsed());
        assert!(matches!(heard.ended.outcome, Outcome::Fail(_)), "{:?}", heard.ended);
        let log = std::fs::read(world.runner.archive().log_path(&request.id)).unwrap();
        assert!(log.len() > (4 << 20) - 4096 && log.len() < (4 << 20) + 4096, "{}", log.len());
        let text = String::from_utf8_lossy(&log);
        assert!(
            text.contains("\nfirst\nxxx")
                && text.contains("bytes are left out here\n")
                && text.contains("\nlast\n")
        );
        let said: usize = heard.lines().iter().map(|line| line.len()).sum();
        assert!(said <= (4 << 20) + (64 << 10), "{said}");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 300 << 10, "{peak} kB");
    });
}

#[test]
fn a_runner_that_is_killed_leaves_no_process_and_the_next_works() {
    World::both(|world| {
        let word = if world.sandboxed { "98769" } else { "98770" };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::a_process_to_be_killed", "--ignored", "--nocapture"])
            .env("RUNNER_TEST_STATE", world.state.path())
            .env("RUNNER_TEST_WORD", word)
            .env("RUNNER_TEST_SANDBOXED", world.sandboxed.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The shells of the step and what they started; bubblewrap and setpriv do not have the word as an argument.
        eventually("the step is up", || alive(word) == 3);
        let unfinished = world.runner.archive().log_path(&"00000000dead".parse().unwrap());
        assert!(unfinished.exists());
        crossgate_runner::Archive::open(world.state.path()).unwrap();
        assert!(unfinished.exists(), "a build that runs is not swept");
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        eventually("all are dead", || alive(word) == 0);
        crossgate_runner::Archive::open(world.state.path()).unwrap();
        assert!(!unfinished.exists(), "what a dead process left is swept");
        // Its workdir is free when the last of it is dead: until then a build has another one, without that cache.
        let finds = || world.runs(&build(&["ls; cat $CROSSGATE_CACHE/was || true"])).passes();
        eventually("the dead one's workdir is free", || finds().lines() == ["README", "here"]);
    });
}

#[test]
#[ignore = "the body of a process that `a_runner_that_is_killed_leaves_no_process_and_the_next_works` starts: it runs there, in every test run"]
fn a_process_to_be_killed() {
    let Some(state) = std::env::var_os("RUNNER_TEST_STATE").map(PathBuf::from) else { return };
    let word = std::env::var("RUNNER_TEST_WORD").unwrap();
    let sandboxed = std::env::var("RUNNER_TEST_SANDBOXED").unwrap() == "true";
    let choice = if sandboxed { SandboxChoice::Required } else { SandboxChoice::Off };
    let runner = LocalRunner::new(settings(&state, choice)).unwrap();
    let sleeper = format!("sleep {word}");
    let mut request = build(&[&format!(
        "echo here >$CROSSGATE_CACHE/was; touch left; setsid {sleeper} & setsid setsid {sleeper} >/dev/null 2>&1 & {sleeper}"
    )]);
    request.id = "00000000dead".parse().unwrap();
    request.timeout = PATIENCE;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = crate::harness::placing(&[("core/README", "")]);
    runtime.block_on(runner.run(&request, place, CancellationToken::new(), |_| {}));
}

#[test]
fn what_ran_the_step_killed_from_outside_is_no_failure_of_the_change() {
    World::both(|world| {
        let hears = |event: &Event| {
            let Event::Line(line) = event else { return };
            let Some(own) = line.strip_prefix("token ") else { return };
            let marked = |name: &str| {
                std::fs::read(format!("/proc/{name}/environ")).is_ok_and(|e| {
                    let e = String::from_utf8_lossy(&e).into_owned();
                    e.contains(&format!("CROSSGATE_BUILD={own}\0"))
                })
            };
            let me = std::process::id().to_string();
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let name = entry.file_name().into_string().unwrap();
                let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).unwrap_or_default();
                let parent = stat
                    .rsplit(')')
                    .next()
                    .and_then(|rest| rest.split_whitespace().nth(1).map(str::to_owned));
                if parent.as_deref() == Some(&me) && marked(&name) {
                    Command::new("kill").args(["-KILL", &name]).status().unwrap();
                }
            }
        };
        let request = build(&["echo token $CROSSGATE_BUILD; exec sleep 5"]);
        let heard = world.runs_until(&request, &[("core/README", "")], CancellationToken::new(), hears);
        let Outcome::Lost { reason } = &heard.ended.outcome else { panic!("{:?}", heard.ended) };
        assert!(reason.contains("ended from outside"), "{reason}");
        assert_eq!(world.runner.archive().find(request.id.as_str()).unwrap().ended, heard.ended);
    });
}

/// A disk of 2 MiB, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let disk = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(disk.path()).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(disk))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(self.0.path()).status().unwrap().success());
    }
}

#[test]
fn a_full_disk_is_no_failure_of_the_change() {
    for choice in [SandboxChoice::Off, SandboxChoice::Required] {
        let Some(disk) = SmallDisk::mount() else {
            return println!("skipped: only root can mount a small disk");
        };
        let on_disk = |settings: Settings| Settings { state_dir: disk.0.path().to_owned(), ..settings };
        let Some(world) = World::of(choice, on_disk) else { return };
        let full = |steps: &[&str]| match world.runs(&build(steps)).ended.outcome {
            Outcome::Infra { reason } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(full(&["head -c 10M /dev/zero >big"]), "the disk: it is full");
        let output = full(&["head -c 10M /dev/zero | tr '\\0' x; sleep 5"]);
        assert_eq!(output, "the output: No space left on device (os error 28)");
        std::fs::remove_dir_all(disk.0.path().join("builds")).unwrap();
        std::fs::create_dir(disk.0.path().join("builds")).unwrap();
        world.runs(&build(&["true"])).passes();
    }
}

#[test]
fn a_missing_sandbox_is_told_apart_from_one_that_does_not_work() {
    let state = tempfile::tempdir().unwrap();
    let without = |bubblewrap: &str| {
        let settings = settings(state.path(), SandboxChoice::Required);
        LocalRunner::new(Settings { bubblewrap: Some(bubblewrap.into()), ..settings }).unwrap_err()
    };
    let missing = without("/nowhere/bwrap");
    insta::assert_snapshot!(missing, @"jobs cannot be sandboxed: `bwrap` is not installed");
    assert!(missing.hint().unwrap().starts_with("install bubblewrap"));
    let refuses = state.path().join("bwrap");
    let script = "#!/bin/sh\n[ $1 = --version ] && exec echo bubblewrap 9\necho no permission >&2\nexit 1";
    std::fs::write(&refuses, script).unwrap();
    std::fs::set_permissions(&refuses, std::fs::Permissions::from_mode(0o755)).unwrap();
    let broken = without(refuses.to_str().unwrap());
    insta::assert_snapshot!(broken, @"jobs cannot be sandboxed: bubblewrap is installed but does not work here: no permission");
    assert!(broken.hint().unwrap().contains("user namespaces"));
}
