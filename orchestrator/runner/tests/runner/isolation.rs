//! What a job cannot do.

use std::fs;
use std::net::TcpListener;

use crossgate_core::build::Outcome;
use crossgate_runner::SandboxState;

use crate::harness::{World, alive, build, eventually};

#[test]
fn the_environment_is_cleared_and_a_job_cannot_take_the_runners_variables() {
    World::both(|world| {
        let mut request = build(&["env | sort"]);
        for (name, value) in
            [("LAB", "rack 1"), ("HOME", "/elsewhere"), ("CROSSGATE_BUILD", "forged"), ("quote", "'\"$x\n")]
        {
            request.variables.insert(name.to_owned(), value.to_owned());
        }
        let heard = world.runs(&request).passes();
        let names: Vec<_> = heard.lines().iter().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        // `PWD` and `_` are the shell's.
        let expected = "CARGO_HOME CARGO_INCREMENTAL CARGO_NET_OFFLINE CARGO_TARGET_DIR CARGO_TERM_COLOR CI CROSSGATE_BUILD CROSSGATE_CACHE \
                        CROSSGATE_REPO CROSSGATE_SRC HOME LAB LANG OLDPWD PATH PWD RUSTUP_AUTO_INSTALL RUSTUP_HOME TMPDIR _ quote";
        assert!(names.iter().all(|name| expected.split(' ').any(|known| known == *name)), "{names:?}");
        assert!(heard.lines().contains(&"LAB=rack 1"));
        assert!(heard.lines().contains(&&*format!("CROSSGATE_BUILD={}", request.id)));
        assert!(!heard.lines().contains(&"HOME=/elsewhere"));
        if world.sandboxed {
            assert!(
                heard.lines().contains(&"HOME=/build/home") && heard.lines().contains(&"TMPDIR=/build/tmp")
            );
        }
        request.variables.insert("LD_PRELOAD".to_owned(), "/tmp/evil.so".to_owned());
        let outcome = world.runs(&request).ended.outcome;
        assert_eq!(
            outcome,
            Outcome::Infra { reason: "a job may not set the variable `LD_PRELOAD`".to_owned() }
        );
    });
}

#[test]
fn a_job_sees_nothing_of_the_machine_that_it_does_not_need() {
    World::sandboxed(|world| {
        let SandboxState::Bubblewrap { version, .. } = world.runner.sandbox() else { panic!("no sandbox") };
        assert!(
            world
                .runner
                .sandbox()
                .to_string()
                .starts_with(&format!("sandbox: bubblewrap {version} (no limit on "))
        );
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
        let secret = tempfile::Builder::new().prefix("secret").tempdir().unwrap();
        let home = std::env::home_dir().unwrap();
        let mine =
            fs::read_dir(&home).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
        let mine: Vec<_> = mine.filter(|name| ![".cargo", ".rustup"].contains(&name.as_str())).collect();
        let script = format!(
            "ls -A {home} || true; ls {secret} && exit 1; ls {state} && exit 1; ls -A /tmp; \
             cat /etc/shadow && exit 1; for d in /usr /etc / /build /build/step {home}/.cargo {home}/.rustup; do touch $d/x && exit 1; done; \
             ls $CARGO_HOME; ls /proc | grep -c '^[0-9]' | sed 's/^/processes /'; echo uid $(id -u)",
            home = home.display(),
            secret = secret.path().display(),
            state = world.state.path().display(),
        );
        let heard = world.runs(&build(&[&script])).passes();
        for name in mine {
            assert!(!heard.lines().contains(&name.as_str()), "{name} of the user's home is seen");
        }
        let count = |line: &&str| line.strip_prefix("processes ").and_then(|count| count.parse::<u32>().ok());
        assert!(heard.lines().iter().find_map(count).unwrap() < 9, "{:?}", heard.lines());
        assert_ne!(heard.lines().last(), Some(&"uid 0"));
        let token = "[ \"$(grep -c '^Cap.*:[[:space:]]0*$' /proc/self/status)\" = 5 ]; grep -q 'NoNewPrivs:.*1' /proc/self/status";
        world.runs(&build(&[token])).passes();
    });
}

#[test]
fn a_job_reaches_the_machines_network_only_if_it_may() {
    World::sandboxed(|world| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached");
        let script = format!("bash -c '{connect}' || echo refused");
        assert_eq!(world.runs(&build(&[&script])).passes().lines().last(), Some(&"refused"));
        let mut open = build(&[&script]);
        open.network = true;
        assert_eq!(world.runs(&open).passes().lines(), ["reached"]);
    });
}

#[test]
fn nothing_runs_on_after_a_step_that_passed() {
    World::both(|world| {
        let word = if world.sandboxed { "98761" } else { "98762" };
        let script =
            format!("setsid sleep {word} & (sleep {word} >/dev/null 2>&1 </dev/null &) ; sleep 0.2; echo ok");
        let heard = world.runs(&build(&[&script])).passes();
        assert_eq!(heard.lines(), ["ok"]);
        eventually("the daemons are dead", || alive(word) == 0);
    });
}

#[test]
fn a_job_cannot_pretend_that_it_did_not_start() {
    World::both(|world| {
        let heard = world.runs(&build(&["rm -rf $CROSSGATE_SRC/../step 2>/dev/null || true; exit 3"]));
        assert!(matches!(heard.ended.outcome, Outcome::Fail(_)), "{:?}", heard.ended);
    });
}

#[test]
fn a_job_cannot_unlock_its_workdir_or_read_input() {
    World::both(|world| {
        world.runs(&build(&["[ \"$(readlink /proc/self/fd/0)\" = /dev/null ]; cat"])).passes();
    });
}
