//! What builds do when nothing goes wrong around them.

use std::fs;
use std::time::Duration;

use crossgate_core::build::{Exit, Failure, Outcome};
use crossgate_core::ids::{CacheName, RepoName};
use crossgate_runner::{Archive, ArchiveError, Event, SandboxChoice, Settings};
use tokio_util::sync::CancellationToken;

use crate::harness::{World, build};

#[test]
fn a_build_passes_and_is_recorded() {
    World::both(|world| {
        let request = build(&["cat README; echo; echo to-stderr >&2; echo to-stdout", "pwd"]);
        let heard = world.runs(&request).passes();
        assert_eq!(heard.events[..2], [Event::Started, Event::Step { n: 1, of: 2 }]);
        let place = heard.lines().pop().unwrap().to_owned();
        assert_eq!(heard.lines(), ["core", "to-stderr", "to-stdout", &place]);
        assert!(place.ends_with("src/core") && (!world.sandboxed || place == "/build/src/core"), "{place}");

        let archive = Archive::open(world.state.path()).unwrap();
        let record = archive.find(&request.id.as_str()[..11]).unwrap();
        assert_eq!((&record.request, &record.ended), (&request, &heard.ended));
        let log = fs::read_to_string(archive.log_path(&request.id)).unwrap();
        assert!(log.contains("\nto-stderr\nto-stdout\n[crossgate] step 2 of 2: pwd\n"), "{log}");
        assert!(log.ends_with("[crossgate] pass\n"), "{log}");
    });
}

#[test]
fn a_step_that_fails_ends_the_build() {
    World::both(|world| {
        let fails = |script: &str| match world.runs(&build(&["true", script, "echo never"])) {
            heard if heard.lines().contains(&"never") => panic!("went on"),
            heard => match heard.ended.outcome {
                Outcome::Fail(Failure { step, exit, signature }) => (step, exit, signature),
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(fails("exit 7").1, Exit::Status(7));
        assert_eq!(fails("false; echo never").1, Exit::Status(1));
        let killed = if world.sandboxed { Exit::Status(137) } else { Exit::Signal(9) };
        assert_eq!(fails("kill -KILL $$").1, killed);
        assert_eq!(fails("sh -c 'kill -SEGV $$'").1, Exit::Status(139), "the shell went on and said so");
        assert_eq!(fails("exit 137").1, Exit::Status(137));
        let in_the_way = "cd $TMPDIR/../step; rm -f signal && mkfifo signal; kill -KILL $$";
        assert_eq!(fails(in_the_way).1, killed);
        assert_eq!(fails("exit 255").1, Exit::Status(255));
        let said = world.runs(&build(&["exit 130"]));
        let words = "[crossgate] fail: step 1 ended with exit status 130, by which shells mean signal 2";
        assert_eq!(said.events.last(), Some(&Event::Line(words.to_owned())));
        let (step, _, signature) = fails("echo 'error[E0308]: mismatched types'; exit 1");
        assert_eq!(step, 2);
        assert_eq!(signature, crossgate_core::signature::signature_of("error[E0308]: mismatched types\n"));
    });
}

#[test]
fn steps_share_files_and_builds_share_the_cache() {
    World::both(|world| {
        world
            .runs(&build(&["echo a >$TMPDIR/a; echo b >$CROSSGATE_CACHE/b", "cat $TMPDIR/a; touch $HOME/x"]))
            .passes();
        let heard =
            world.runs(&build(&["ls -A $TMPDIR $HOME/x || true; cat $CROSSGATE_CACHE/b; ls"])).passes();
        assert_eq!(heard.lines().last(), Some(&"README"));
        assert!(heard.lines().contains(&"b") && !heard.lines().contains(&"a"), "{:?}", heard.lines());
        let mut other = build(&["ls $CROSSGATE_CACHE"]);
        other.cache = CacheName::parse("job/unit[platform=a]").unwrap();
        assert_eq!(world.runs(&other).passes().lines(), [""; 0]);
    });
}

#[test]
fn a_cache_that_a_build_spoilt_is_none_for_the_next() {
    World::both(|world| {
        let finds = "ls -A $CROSSGATE_CACHE; echo later >$CROSSGATE_CACHE/next";
        for spoils in [
            "mkdir $CROSSGATE_CACHE/d; chmod 0 $CROSSGATE_CACHE/d",
            "touch -d 2100-01-01 $CROSSGATE_CACHE/next",
        ] {
            world.runs(&build(&[spoils, "chmod 555 $CROSSGATE_CACHE"])).passes();
            let heard = world.runs(&build(&[finds])).passes();
            let root = rustix::process::geteuid().is_root();
            assert!(heard.lines().is_empty() || (root && heard.lines() == ["d"]), "{:?}", heard.lines());
        }
    });
}

#[test]
fn all_caches_together_are_bounded() {
    let small = |settings: Settings| Settings { work_limit: 250_000, ..settings };
    let world = World::of(SandboxChoice::Off, small).unwrap();
    let finds = |job: &str| {
        let mut request = build(&["ls $CROSSGATE_CACHE; head -c 100000 /dev/zero >$CROSSGATE_CACHE/file"]);
        request.cache = CacheName::parse(&format!("job/{job}")).unwrap();
        !world.runs(&request).passes().lines().is_empty()
    };
    assert_eq!(
        ["a", "b", "a", "b", "c", "b", "a"].map(finds),
        [false, false, true, true, false, true, false]
    );
}

#[test]
fn builds_of_one_job_at_once_have_a_workdir_each() {
    World::both(|world| {
        let steps =
            ["echo $$ >README; sleep 0.5; cat README; echo $$; pwd -P; ls -di .; ls -di $CROSSGATE_CACHE"];
        let heard = std::thread::scope(|scope| {
            let one = || world.runs(&build(&steps)).passes();
            [scope.spawn(one), scope.spawn(one), scope.spawn(one)].map(|build| build.join().unwrap())
        });
        let mut inodes: Vec<_> = heard.iter().map(|heard| heard.lines()[4].to_owned()).collect();
        for heard in &heard {
            assert_eq!(heard.lines()[0], heard.lines()[1]);
        }
        inodes.sort();
        inodes.dedup();
        assert_eq!(inodes.len(), 3);
    });
}

#[test]
fn artifacts_are_kept_also_of_a_failure() {
    World::both(|world| {
        let mut request = build(&[
            "mkdir -p $CARGO_TARGET_DIR out; echo r >$CARGO_TARGET_DIR/report; echo o >out/o; exit 1",
        ]);
        request.artifacts = ["target/report", "out/o", "out/none"].map(str::to_owned).into();
        let heard = world.runs(&request);
        assert!(matches!(heard.ended.outcome, Outcome::Fail(_)), "{:?}", heard.ended);
        let kept = world.runner.archive().artifacts(&request.id);
        assert_eq!(fs::read_to_string(kept.join("target/report")).unwrap(), "r\n");
        assert_eq!(fs::read_to_string(kept.join("out/o")).unwrap(), "o\n");
        let said =
            Event::Line("[crossgate] artifact `out/none` is not kept: there is no such file".to_owned());
        assert!(heard.events.contains(&said));
    });
}

#[test]
fn an_artifact_of_an_earlier_build_is_not_taken_for_this_ones() {
    World::both(|world| {
        let keeps = |step: &str| {
            let mut request = build(&[step]);
            request.artifacts = vec!["target/report".to_owned()];
            world.runs(&request).passes();
            fs::read_to_string(world.runner.archive().artifacts(&request.id).join("target/report")).ok()
        };
        let writes =
            "mkdir -p $CARGO_TARGET_DIR; echo r >$CARGO_TARGET_DIR/report; touch $CARGO_TARGET_DIR/kept";
        assert_eq!(keeps(writes).as_deref(), Some("r\n"));
        assert_eq!(keeps("test -e $CARGO_TARGET_DIR/kept; chmod 555 $CARGO_TARGET_DIR"), None);
        // Where the old one cannot be removed, the cache is not used.
        assert_eq!(
            keeps(&format!("chmod 755 $CARGO_TARGET_DIR || true; {writes}; chmod 555 $CARGO_TARGET_DIR"))
                .as_deref(),
            Some("r\n")
        );
        assert_eq!(keeps("true"), None);
    });
}

#[test]
fn checkouts_that_are_missing_are_no_failure_of_the_change() {
    World::both(|world| {
        let mut request = build(&["true"]);
        request.repo = RepoName::parse("elsewhere").unwrap();
        let outcome = world.runs(&request).ended.outcome;
        assert_eq!(
            outcome,
            Outcome::Infra { reason: "the checkouts: there is none of `elsewhere`".to_owned() }
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let place = |_: &std::path::Path| Err("git is on strike".into());
        let ended = runtime.block_on(world.runner.run(&request, place, CancellationToken::new(), |_| {}));
        assert_eq!(ended.outcome, Outcome::Infra { reason: "the checkouts: git is on strike".to_owned() });
        let place = |_: &std::path::Path| panic!("on purpose");
        let ended = runtime.block_on(world.runner.run(&request, place, CancellationToken::new(), |_| {}));
        assert_eq!(ended.outcome, Outcome::Infra { reason: "the build's thread panicked".to_owned() });
    });
}

#[test]
fn the_archive_finds_retires_and_passes_over_what_is_damaged() {
    let keep_three = |settings: Settings| Settings { keep_builds: 3, ..settings };
    let world = World::of(SandboxChoice::Off, keep_three).unwrap();
    let requests: Vec<_> = (0..4).map(|_| build(&["true"])).collect();
    for request in &requests {
        world.runs(request).passes();
        std::thread::sleep(Duration::from_millis(5));
    }
    let archive = world.runner.archive();
    let ids = || archive.records().into_iter().map(|record| record.request.id).collect::<Vec<_>>();
    assert_eq!(ids(), [&requests[3], &requests[2], &requests[1]].map(|request| request.id));
    assert!(matches!(archive.find(requests[0].id.as_str()), Err(ArchiveError::Unknown { .. })));
    assert!(
        matches!(archive.find("0"), Err(ArchiveError::Ambiguous { candidates, .. }) if candidates.len() == 3)
    );
    assert!(matches!(archive.find(""), Err(ArchiveError::Unknown { .. })));
    fs::write(archive.log_path(&requests[2].id).with_file_name("build.json"), "{").unwrap();
    assert_eq!(ids(), [&requests[3], &requests[1]].map(|request| request.id));
    assert!(matches!(archive.find(requests[2].id.as_str()), Err(ArchiveError::Damaged { .. })));
    // What cannot be read once is not read again: a record of an older version, for instance.
    let record = archive.log_path(&requests[1].id).with_file_name("build.json");
    let older = fs::read_to_string(&record).unwrap().replace("\"timeout_ms\"", "\"timeout\"");
    fs::write(&record, older).unwrap();
    let archive = Archive::open(world.state.path()).unwrap();
    assert_eq!(archive.records().len(), 1);
    for gone in [&requests[1], &requests[2]] {
        assert!(matches!(archive.find(gone.id.as_str()), Err(ArchiveError::Unknown { .. })));
        assert!(!archive.log_path(&gone.id).exists());
    }
}
