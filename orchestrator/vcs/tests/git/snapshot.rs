//! Snapshots of uncommitted work.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use crossgate_vcs::VcsError;

use crate::world::{Repo, World, hermetic, names, paths};

/// All that a snapshot must leave alone.
fn state(repo: &Repo) -> (String, String, SystemTime, Vec<u8>, Vec<String>, usize) {
    let mut status = repo.command();
    let status =
        status.env("GIT_OPTIONAL_LOCKS", "0").args(["status", "--porcelain=v2"]).output().unwrap().stdout;
    let index = repo.path.join(".git/index");
    let objects = repo.git(["count-objects"]);
    let written = fs::metadata(&index).unwrap().modified().unwrap();
    let status = String::from_utf8_lossy(&status).into_owned();
    let refs = repo.git(["for-each-ref"]) + &objects;
    (status, refs, written, fs::read(&index).unwrap(), names(&repo.path.join(".git")), count(&repo.path))
}

fn count(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { 1 + count(&path) } else { 1 }).sum()
}

#[test]
fn a_snapshot_holds_all_work_and_leaves_the_source_alone() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo(
            "core",
            &[("edited", "1"), ("staged", "1"), ("gone", "1"), ("run", "1"), (".gitignore", "*.o\n")],
        );
        let head = repo.head();
        repo.write("staged", "2");
        repo.git(["add", "staged"]);
        repo.write("edited", "2");
        repo.write("sub/new", "n");
        repo.write("ignored.o", "o");
        fs::set_permissions(repo.path.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(repo.path.join("gone")).unwrap();
        let before = state(&repo);
        let mirror = world.mirror(&repo);
        let snapshot = mirror.snapshot().unwrap().unwrap();
        assert_eq!(state(&repo), before);
        let changed = mirror.changed_paths(&head, &snapshot).unwrap();
        assert_eq!(changed, paths(&["edited", "gone", "run", "staged", "sub/new"]));
        assert_eq!(mirror.read_file(&snapshot, &"edited".into(), 9).unwrap().unwrap(), b"2");
        assert_eq!(mirror.commits(Some(&head), &snapshot, 9).unwrap().len(), 1);
        assert_eq!(mirror.snapshot().unwrap(), Some(snapshot), "the same work is the same commit");
        assert_eq!(names(&world.path("mirrors/core.git/scratch")), Vec::<String>::new());
    });
}

#[test]
fn a_clean_source_has_no_snapshot() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "1"), (".gitignore", "*.o\n")]);
        repo.write("ignored.o", "o");
        let mirror = world.mirror(&repo);
        assert_eq!(mirror.snapshot().unwrap(), None);
        repo.git(["clone", "-q", "--bare", ".", "../bare"]);
        assert_eq!(world.mirror(&Repo { path: world.path("bare") }).snapshot().unwrap(), None);
    });
}

#[test]
fn an_edit_of_the_same_size_in_the_same_moment_is_seen() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "0")]);
        let mirror = world.mirror(&repo);
        for n in 1..20 {
            repo.write("f", &(n % 10).to_string());
            repo.git(["add", "f"]);
            repo.write("f", &((n + 1) % 10).to_string());
            let snapshot = mirror.snapshot().unwrap();
            let Some(snapshot) = snapshot else {
                assert_eq!(n % 10, 9);
                continue;
            };
            let text = mirror.read_file(&snapshot, &"f".into(), 9).unwrap().unwrap();
            assert_eq!(text, ((n + 1) % 10).to_string().as_bytes());
        }
    });
}

#[test]
fn unusual_indexes_are_left_alone_too() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "1"), ("g", "1")]);
        repo.git(["update-index", "--split-index"]);
        repo.git(["switch", "-q", "-c", "a"]);
        repo.commit("a", &[("f", "a")]);
        repo.git(["switch", "-q", "main"]);
        repo.commit("b", &[("f", "b")]);
        assert!(!repo.command().args(["merge", "-q", "a"]).output().unwrap().status.success());
        let before = state(&repo);
        let mirror = world.mirror(&repo);
        assert!(
            matches!(mirror.snapshot(), Err(VcsError::Unmerged { .. })),
            "nobody proposes both sides of a merge"
        );
        assert_eq!(state(&repo), before);
        repo.write("f", "both");
        repo.git(["add", "f"]);
        repo.write("g", "2");
        let before = state(&repo);
        let snapshot = mirror.snapshot().unwrap().unwrap();
        assert_eq!(state(&repo), before);
        assert_eq!(mirror.read_file(&snapshot, &"f".into(), 9).unwrap().as_deref(), Some(&b"both"[..]));
        assert_eq!(mirror.changed_paths(&repo.head(), &snapshot).unwrap(), paths(&["f", "g"]));
    });
}
