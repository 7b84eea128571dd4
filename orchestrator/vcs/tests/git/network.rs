//! Clone, fetch and push, with remotes that are paths and with gits that fail.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossgate_core::ids::BranchName;
use crossgate_vcs::{Fetched, Retry, VcsError};

use crate::world::{Repo, World, branch, hermetic, names, start};

fn silent(_: &str) {}

fn run<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn clone(url: &str, into: &Path, branch: Option<&BranchName>) -> Result<(), VcsError> {
    run(crossgate_vcs::clone(url, into, branch, &silent))
}

fn fetch(checkout: &Repo) -> Result<Fetched, VcsError> {
    run(crossgate_vcs::fetch(&checkout.path, &silent))
}

/// A repo and a clone of it.
fn pair(world: &World) -> (Repo, Repo) {
    let repo = world.repo("core", &[("f", "f")]);
    clone(&repo.path.display().to_string(), &world.path("clone"), None).unwrap();
    (repo, Repo { path: world.path("clone") })
}

#[test]
fn a_clone_is_complete_and_alone() {
    hermetic(|| {
        let world = World::new();
        let (repo, clone_) = pair(&world);
        assert_eq!(clone_.head(), repo.head());
        assert_eq!(names(&world.path("")), ["clone", "core"]);
        let side = repo.branch("side", &[("s", "s")]);
        fs::create_dir(world.path("second")).unwrap();
        clone(&format!("file://{}", repo.path.display()), &world.path("second"), Some(&branch("side")))
            .unwrap();
        assert_eq!(Repo { path: world.path("second") }.head(), side);
        let again = clone(&repo.path.display().to_string(), &world.path("second"), None);
        assert!(matches!(again, Err(VcsError::Occupied { .. })));
    });
}

#[test]
fn a_clone_that_fails_leaves_nothing() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let missing = world.path("missing").display().to_string();
        for (url, branch_) in [
            (&*missing, None),
            (&*repo.path.display().to_string(), Some(branch("nope"))),
            ("--upload-pack=x", None),
            ("ext::sh -c x", None),
        ] {
            let error = clone(url, &world.path("clone"), branch_.as_ref()).unwrap_err();
            assert!(
                matches!(&error, VcsError::Git { retry: Retry::Permanent, stderr, .. } if !stderr.is_empty()),
                "{error:?}"
            );
            assert_eq!(names(&world.path("")), ["core"], "{url}");
        }
    });
}

#[test]
fn what_a_killed_clone_left_is_cleared_by_the_next() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        fs::create_dir_all(world.path(".clone.cloning/repo/.git")).unwrap();
        clone(&repo.path.display().to_string(), &world.path("clone"), None).unwrap();
        assert_eq!(names(&world.path("")), ["clone", "core"]);
    });
}

#[test]
fn a_fetch_counts_what_is_new() {
    hermetic(|| {
        let world = World::new();
        let (repo, checkout) = pair(&world);
        assert_eq!(fetch(&checkout).unwrap().updated, 0);
        let new = repo.commit("two", &[("f", "2")]);
        assert_eq!(fetch(&checkout).unwrap().updated, 1);
        assert_eq!(checkout.git(["rev-parse", "origin/main"]), new.as_str());
        repo.git(["branch", "side"]);
        repo.git(["tag", "v1"]);
        assert_eq!(fetch(&checkout).unwrap().updated, 2);
        repo.git(["tag", "-a", "v2", "-m", "v2"]);
        assert_eq!(fetch(&checkout).unwrap().updated, 1, "a tag alone, of a commit that is here");
        repo.git(["branch", "-D", "side"]);
        assert_eq!(fetch(&checkout).unwrap().updated, 0);
        checkout.git(["config", "fetch.prune", "true"]);
        assert_eq!(fetch(&checkout).unwrap().updated, 1);
        assert_eq!(fetch(&checkout).unwrap().updated, 0);
    });
}

#[test]
fn a_fetch_needs_a_remote_that_is_there() {
    hermetic(|| {
        let world = World::new();
        let (repo, checkout) = pair(&world);
        assert!(matches!(fetch(&repo), Err(VcsError::NoRemote { .. })));
        checkout.git(["remote", "rename", "origin", "upstream"]);
        repo.commit("two", &[]);
        assert_eq!(fetch(&checkout).unwrap().updated, 1);
        fs::remove_dir_all(&repo.path).unwrap();
        assert!(matches!(fetch(&checkout), Err(VcsError::Git { retry: Retry::Permanent, .. })));
    });
}

/// Runs a test of this file with a `git` in front of the real one, which does as a script says.
fn with_wrapper(world: &World, test: &str, script: &str) {
    let bin = world.path("bin");
    fs::create_dir(&bin).unwrap();
    let real = env::split_paths(&env::var_os("PATH").unwrap())
        .map(|dir| dir.join("git"))
        .find(|git| git.exists())
        .unwrap();
    let script = format!(
        "#!/bin/sh\nROOT='{}'\nreal() {{ exec '{}' \"$@\"; }}\n{script}\n",
        world.path("").display(),
        real.display()
    );
    fs::write(bin.join("git"), script).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = OsString::from(bin);
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    let root = world.path("").into_os_string();
    let status = start(test, &[("PATH", &path), ("CHILD_ROOT", &root)]).wait().unwrap();
    assert!(status.success(), "{test} failed; its output is above");
}

fn child_root() -> Option<PathBuf> {
    env::var_os("CHILD_ROOT").map(PathBuf::from)
}

#[test]
fn what_may_pass_is_tried_again() {
    hermetic(|| {
        let world = World::new();
        world.repo("core", &[("f", "f")]);
        with_wrapper(
            &world,
            "network::child_clones",
            r#"
            case "$*" in *clone*) ;; *) real "$@" ;; esac
            echo x >> "$ROOT/tries"
            echo "$GIT_SSH_COMMAND $GIT_TERMINAL_PROMPT ${SSH_ASKPASS-unset}" > "$ROOT/env"
            [ "$(wc -l < "$ROOT/tries")" -gt 2 ] && real "$@"
            mkdir -p repo/half
            echo "fatal: unable to access 'https://bob:hunter2@h/': Could not resolve host: h" >&2
            exit 128"#,
        );
        assert_eq!(fs::read_to_string(world.path("tries")).unwrap().lines().count(), 3);
        assert_eq!(fs::read_to_string(world.path("env")).unwrap(), "ssh -o BatchMode=yes 0 unset\n");
    });
}

#[test]
#[ignore = "the body of a process that `what_may_pass_is_tried_again` starts: it runs there, in every test run"]
fn child_clones() {
    let Some(root) = child_root() else { return };
    let said = Mutex::new(Vec::new());
    let url = root.join("core").display().to_string();
    run(crossgate_vcs::clone(&url, &root.join("clone"), None, &|line| {
        said.lock().unwrap().push(line.to_owned());
    }))
    .unwrap();
    let said = said.into_inner().unwrap().join("\n");
    assert_eq!(said.matches("next try in").count(), 2, "{said}");
    assert!(said.contains("***@h") && !said.contains("hunter2"), "{said}");
    assert!(root.join("clone/f").exists() && !root.join("clone/half").exists());
}

#[test]
fn tries_are_bounded() {
    hermetic(|| {
        let world = World::new();
        world.repo("core", &[("f", "f")]);
        with_wrapper(
            &world,
            "network::child_gives_up",
            r#"
            case "$*" in *clone*) ;; *) real "$@" ;; esac
            echo x >> "$ROOT/tries"
            echo "fatal: early EOF" >&2
            exit 128"#,
        );
        assert_eq!(fs::read_to_string(world.path("tries")).unwrap().lines().count(), 4);
        assert_eq!(names(&world.path("")), ["bin", "core", "tries"]);
    });
}

#[test]
#[ignore = "the body of a process that `tries_are_bounded` starts: it runs there, in every test run"]
fn child_gives_up() {
    let Some(root) = child_root() else { return };
    let error = clone("https://host.invalid/x", &root.join("clone"), None).unwrap_err();
    assert_eq!(error.retry(), Retry::Transient);
    assert_eq!(error.to_string(), "`git clone` failed: fatal: early EOF");
}

#[test]
fn a_dropped_clone_takes_its_processes_and_files_with_it() {
    hermetic(|| {
        let world = World::new();
        world.repo("core", &[("f", "f")]);
        with_wrapper(
            &world,
            "network::child_drops",
            r#"
            case "$*" in *clone*) ;; *) real "$@" ;; esac
            mkdir -p repo/half
            sh -c 'echo $$ > "$0/pid"; while :; do sleep 1; done' "$ROOT" &
            wait"#,
        );
    });
}

#[test]
#[ignore = "the body of a process that `a_dropped_clone_takes_its_processes_and_files_with_it` starts: it runs there, in every test run"]
fn child_drops() {
    let Some(root) = child_root() else { return };
    run(async {
        let into = root.join("clone");
        let cloning = crossgate_vcs::clone("https://host.invalid/x", &into, None, &silent);
        let started = async {
            while !fs::read_to_string(root.join("pid")).is_ok_and(|text| text.ends_with('\n')) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            result = cloning => panic!("the clone ended: {result:?}"),
            result = tokio::time::timeout(Duration::from_secs(20), started) => result.unwrap(),
        }
    });
    assert_eq!(names(&root), ["bin", "core", "pid"]);
    let pid = fs::read_to_string(root.join("pid")).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    let deadline = Instant::now() + Duration::from_secs(10);
    // A killed process that nobody has waited for yet is a zombie, and harmless.
    while fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "the grandchild {pid} still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_is_started_for_a_path_with_nothing_new() {
    hermetic(|| {
        let world = World::new();
        let (repo, _) = pair(&world);
        repo.git(["branch", "side"]);
        fetch(&Repo { path: world.path("clone") }).unwrap();
        with_wrapper(
            &world,
            "network::child_fetches_nothing",
            r#"
            case "$*" in *fetch*) echo "was started" >&2; exit 1 ;; *) real "$@" ;; esac"#,
        );
    });
}

#[test]
#[ignore = "the body of a process that `nothing_is_started_for_a_path_with_nothing_new` starts: it runs there, in every test run"]
fn child_fetches_nothing() {
    let Some(root) = child_root() else { return };
    let checkout = Repo { path: root.join("clone") };
    assert_eq!(fetch(&checkout).unwrap().updated, 0);
    Repo { path: root.join("core") }.commit("new", &[]);
    assert!(matches!(fetch(&checkout), Err(VcsError::Git { .. })), "with something new git is started");
}

#[test]
fn an_old_git_is_refused() {
    hermetic(|| {
        let world = World::new();
        world.repo("core", &[("f", "f")]);
        with_wrapper(
            &world,
            "network::child_is_refused",
            r#"
            [ "$1" = version ] && { echo "git version 2.30.2"; exit 0; }
            real "$@""#,
        );
    });
}

#[test]
#[ignore = "the body of a process that `an_old_git_is_refused` starts: it runs there, in every test run"]
fn child_is_refused() {
    let Some(root) = child_root() else { return };
    let error = clone("x", &root.join("clone"), None).unwrap_err();
    assert_eq!(error.to_string(), "git 2.30.2 is too old: expected 2.39 or later");
}
