//! Speculative merges.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossgate_core::ids::{CommitId, TreeId};
use crossgate_vcs::{ConflictKind, Merged, Mirror, VcsError};
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{Repo, World, hermetic, lines, start};

fn clean(merged: Merged) -> (CommitId, TreeId) {
    match merged {
        Merged::Clean { commit, tree } => (commit, tree),
        other => panic!("not clean: {other:?}"),
    }
}

fn conflicts(merged: Merged) -> Vec<(String, ConflictKind)> {
    match merged {
        Merged::Conflict { files } => {
            files.into_iter().map(|file| (file.path.to_string(), file.kind)).collect()
        }
        other => panic!("no conflict: {other:?}"),
    }
}

fn expected(files: &[(&str, ConflictKind)]) -> Vec<(String, ConflictKind)> {
    files.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect()
}

#[test]
fn a_merge_is_what_git_would_commit() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", &lines(&[])), ("g", "g")]);
        let a = repo.branch("a", &[("f", &lines(&[(3, "three")]))]);
        let b = repo.branch("b", &[("f", &lines(&[(20, "twenty")])), ("new", "n")]);
        let refs = repo.git(["for-each-ref"]);
        let (commit, tree) = clean(world.mirror(&repo).merge(&a, &b, "Merge b\n").unwrap());

        let show = |what| mirror_git(&world, &["log", "-1", &format!("--format={what}"), commit.as_str()]);
        assert_eq!(show("%P"), format!("{a} {b}"));
        assert_eq!(
            show("%an <%ae> %cn <%ce> %aI"),
            "Crossgate <crossgate@localhost> Crossgate <crossgate@localhost> 2026-01-02T03:04:05+01:00"
        );
        assert_eq!(show("%B"), "Merge b");
        assert_eq!(show("%T"), tree.as_str());
        assert_eq!(mirror_git(&world, &["fsck", "--no-dangling"]), "");

        assert!(!repo.command().args(["cat-file", "-e", commit.as_str()]).status().unwrap().success());
        assert_eq!(repo.git(["for-each-ref"]), refs);
        repo.git(["switch", "-q", "a"]);
        repo.git(["merge", "-q", "b"]);
        assert_eq!(repo.git(["rev-parse", "HEAD^{tree}"]), tree.as_str());
    });
}

fn mirror_git(world: &World, args: &[&str]) -> String {
    Repo { path: world.path("mirrors/core.git") }.git(args)
}

#[test]
fn the_same_merge_gives_the_same_commit() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let (a, b) = (repo.branch("a", &[("a", "a")]), repo.branch("b", &[("b", "b")]));
        let first = clean(world.mirror(&repo).merge(&a, &b, "m").unwrap());
        fs::remove_dir_all(world.path("mirrors")).unwrap();
        let mirror = world.mirror(&repo);
        assert_eq!(clean(mirror.merge(&a, &b, "m").unwrap()), first);
        assert_ne!(clean(mirror.merge(&a, &b, "other").unwrap()).0, first.0);
    });
}

#[test]
fn what_is_contained_is_up_to_date_and_what_could_be_fast_forwarded_is_merged() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let base = repo.head();
        let next = repo.commit("next", &[("f", "2")]);
        let mirror = world.mirror(&repo);
        let tree = mirror.tree_of(&next).unwrap();
        for head in [&base, &next] {
            let merged = mirror.merge(&next, head, "m").unwrap();
            assert_eq!(merged, Merged::UpToDate { commit: next.clone(), tree: tree.clone() });
        }
        let (commit, merged) = clean(mirror.merge(&base, &next, "m").unwrap());
        assert_eq!(merged, tree);
        assert_eq!(mirror.commits(Some(&next), &commit, 10).unwrap().len(), 1);
        assert_eq!(mirror.merge_base(&commit, &next).unwrap(), Some(next));
    });
}

#[test]
fn merges_stack_on_speculative_commits() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let mut tip = repo.head();
        let heads: Vec<_> =
            (0..5).map(|n| repo.branch(&format!("b{n}"), &[(&format!("n{n}"), "x")])).collect();
        let mirror = world.mirror(&repo);
        for head in &heads {
            tip = clean(mirror.merge(&tip, head, "m").unwrap()).0;
        }
        let base = repo.git(["rev-parse", "main"]).parse().unwrap();
        assert_eq!(mirror.changed_paths(&base, &tip).unwrap().len(), 5);
        for head in &heads {
            assert!(matches!(mirror.merge(&tip, head, "m").unwrap(), Merged::UpToDate { .. }));
        }
    });
}

#[test]
fn conflicts_are_listed_by_file_and_kind() {
    use ConflictKind::{AddAdd, Binary, Content, FileDirectory, ModifyDelete};
    hermetic(|| {
        let world = World::new();
        let text = lines(&[]);
        let repo =
            world.repo("core", &[("content", &text), ("deleted", &text), ("kept", &text), ("binary", "\0a")]);
        repo.git(["switch", "-q", "-c", "a"]);
        repo.git(["rm", "-q", "deleted"]);
        let a = repo.commit(
            "a",
            &[("content", &lines(&[(5, "a")])), ("added", "a"), ("binary", "\0b"), ("path", "file")],
        );
        let theirs = lines(&[(5, "b")]);
        let files = [
            ("content", &*theirs),
            ("deleted", &theirs),
            ("added", "b"),
            ("binary", "\0c"),
            ("path/x", "in it"),
        ];
        let b = repo.branch("b", &files);
        let mirror = world.mirror(&repo);
        let listed = conflicts(mirror.merge(&a, &b, "m").unwrap());
        let without_path: Vec<_> =
            listed.iter().filter(|(path, _)| !path.starts_with("path")).cloned().collect();
        let known = [("added", AddAdd), ("binary", Binary), ("content", Content), ("deleted", ModifyDelete)];
        assert_eq!(without_path, expected(&known));
        // Git moves the file aside, and names it after the commit it comes from.
        assert!(
            listed.iter().any(|(path, kind)| path.starts_with("path") && *kind == FileDirectory),
            "{listed:?}"
        );
        assert!(matches!(mirror.merge(&b, &a, "m").unwrap(), Merged::Conflict { .. }));
    });
}

#[test]
fn renames_are_followed() {
    use ConflictKind::{RenameDelete, RenameRename};
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("old", &lines(&[])), ("other", "o")]);
        let edit = repo.branch("edit", &[("old", &lines(&[(7, "seven")]))]);
        let moved = |to: &str| {
            repo.git(["switch", "-q", "-c", to, "main"]);
            repo.git(["mv", "old", to]);
            repo.commit(to, &[])
        };
        let (new, newer) = (moved("new"), moved("newer"));
        repo.git(["switch", "-q", "-c", "delete", "main"]);
        repo.git(["rm", "-q", "old"]);
        let delete = repo.commit("delete", &[]);

        let mirror = world.mirror(&repo);
        let (commit, _) = clean(mirror.merge(&edit, &new, "m").unwrap());
        let text = mirror.read_file(&commit, &"new".into(), 1000).unwrap().unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), lines(&[(7, "seven")]));

        assert_eq!(
            conflicts(mirror.merge(&new, &delete, "m").unwrap()),
            expected(&[("new", RenameDelete), ("old", RenameDelete)])
        );
        let both = [("new", RenameRename), ("newer", RenameRename), ("old", RenameRename)];
        assert_eq!(conflicts(mirror.merge(&new, &newer, "m").unwrap()), expected(&both));
    });
}

#[test]
fn odd_entries_merge_as_they_are() {
    hermetic(|| {
        let world = World::new();
        let pointer = |n: u8| {
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {n}\n", "a".repeat(64))
        };
        let repo = world.repo(
            "core",
            &[(".gitattributes", "*.bin filter=lfs -text\n"), ("run", "#!/bin/sh\n"), ("x", "x")],
        );
        repo.git(["switch", "-q", "-c", "a"]);
        repo.write_bytes(b"caf\xe9", b"latin");
        repo.git(["update-index", "--chmod=+x", "run"]);
        repo.git(["add", "--", "."]);
        repo.git(["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "1".repeat(40))]);
        repo.git(["update-index", "--chmod=+x", "run"]);
        repo.git(["commit", "-qm", "a"]);
        let a = repo.head();
        repo.git(["reset", "-q", "--hard"]);
        let b = repo.branch("b", &[("big.bin", &pointer(5)), ("x", "y")]);
        let mirror = world.mirror(&repo);
        let (commit, _) = clean(mirror.merge(&a, &b, "m").unwrap());
        let listing =
            mirror_git(&world, &["ls-tree", "-r", "--format=%(objectmode) %(path)", commit.as_str()]);
        assert_eq!(
            listing,
            "100644 .gitattributes\n100644 big.bin\n100644 \"caf\\351\"\n100755 run\n160000 sub\n100644 x"
        );
        assert_eq!(
            mirror.read_file(&commit, &"big.bin".into(), 1000).unwrap().unwrap(),
            pointer(5).as_bytes()
        );
    });
}

#[test]
fn unrelated_histories_are_an_error_and_do_not_stop_the_next_merge() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let (a, b) = (repo.branch("a", &[("a", "a")]), repo.branch("b", &[("b", "b")]));
        repo.git(["switch", "-q", "--orphan", "other"]);
        let other = repo.commit("other", &[("z", "z")]);
        let mirror = world.mirror(&repo);
        assert!(matches!(mirror.merge(&a, &other, "m"), Err(VcsError::Unrelated { .. })));
        let absent = CommitId::parse(&"7".repeat(40)).unwrap();
        assert!(matches!(mirror.merge(&a, &absent, "m"), Err(VcsError::Commit { .. })));
        clean(mirror.merge(&a, &b, "m").unwrap());
    });
}

/// Kills the merge process of a mirror; false if there is none.
fn kill_merging(mirror_dir: &Path) -> bool {
    let needle = mirror_dir.to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let is_ours = |path: &Path| {
        let line = String::from_utf8_lossy(&fs::read(path.join("cmdline")).unwrap_or_default()).into_owned();
        line.contains(&needle) && line.contains("merge-tree")
    };
    let pids: Vec<_> = processes.filter(|path| is_ours(path)).collect();
    pids.iter()
        .any(|path| Command::new("kill").arg("-9").arg(path.file_name().unwrap()).status().unwrap().success())
}

/// A repo, a commit and heads that change other lines of the same file, so that git is asked for each merge.
fn same_file(world: &World, heads: usize) -> (Repo, CommitId, Vec<CommitId>) {
    let repo = world.repo("core", &[("f", &lines(&[]))]);
    let onto = repo.branch("onto", &[("f", &lines(&[(3, "onto")]))]);
    let head = |n: usize| repo.branch(&format!("b{n}"), &[("f", &lines(&[(10 + n, "head")]))]);
    let heads = (0..heads).map(head).collect();
    (repo, onto, heads)
}

#[test]
fn a_killed_merge_process_is_started_again() {
    hermetic(|| {
        let world = World::new();
        let (repo, onto, heads) = same_file(&world, 10);
        let mirror = world.mirror(&repo);
        let dir = world.path("mirrors/core.git");
        clean(mirror.merge(&onto, &heads[0], "m").unwrap());
        assert!(kill_merging(&dir), "no merge process runs");
        clean(mirror.merge(&onto, &heads[1], "m").unwrap());

        // Killed only after some merges more, so that never both tries of one merge are hit.
        let (done, mut killed) = (AtomicUsize::new(0), 0);
        thread::scope(|scope| {
            let merging = scope.spawn(|| {
                for (round, head) in heads.iter().cycle().take(600).enumerate() {
                    clean(mirror.merge(&onto, head, &format!("m{round}")).unwrap());
                    done.store(round, Ordering::Relaxed);
                }
            });
            let mut next = 20;
            while !merging.is_finished() {
                if done.load(Ordering::Relaxed) >= next && kill_merging(&dir) {
                    killed += 1;
                    next = done.load(Ordering::Relaxed) + 20;
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        assert!(killed > 0, "nothing was killed while merging");
    });
}

#[test]
fn a_git_that_holds_its_answers_back_still_answers() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", &lines(&[]))]);
        repo.branch("a", &[("a", "a"), ("f", &lines(&[(3, "a")]))]);
        repo.branch("b", &[("f", &lines(&[(20, "b")]))]);
        let paths = env::var_os("PATH").unwrap();
        let git = env::split_paths(&paths).map(|dir| dir.join("git")).find(|git| git.exists()).unwrap();
        for (name, stdbuf) in [("without", None), ("useless", Some("#!/bin/sh\nshift\nexec \"$@\"\n"))] {
            let bin = world.path(name);
            fs::create_dir(&bin).unwrap();
            symlink(&git, bin.join("git")).unwrap();
            if let Some(script) = stdbuf {
                fs::write(bin.join("stdbuf"), script).unwrap();
                fs::set_permissions(bin.join("stdbuf"), fs::Permissions::from_mode(0o755)).unwrap();
            }
            let root = world.path("");
            let variables = [("PATH", bin.as_os_str()), ("CHILD_ROOT", root.as_os_str())];
            let status = start("mirror::child_merges", &variables).wait().unwrap();
            assert!(status.success(), "{name}");
        }
    });
}

#[test]
fn a_mirror_can_be_shared_by_threads() {
    hermetic(|| {
        let world = World::new();
        let (repo, onto, heads) = same_file(&world, 12);
        let mirror = world.mirror(&repo);
        let merge = |mirror: &Mirror, head| clean(mirror.merge(&onto, head, "m").unwrap());
        let alone: Vec<_> = heads.iter().map(|head| merge(&mirror, head)).collect();
        let (mirror, merge) = (&mirror, &merge);
        let together: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = heads.iter().map(|head| scope.spawn(move || merge(mirror, head))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(together, alone);
    });
}

#[test]
fn merging_disjoint_files_commutes() {
    hermetic(|| {
        let world = World::new();
        let base: Vec<_> = (0..8).map(|n| (format!("d{}/f{n}", n % 3), format!("{n}\n"))).collect();
        let repo =
            world.repo("core", &base.iter().map(|(path, text)| (&**path, &**text)).collect::<Vec<_>>());
        let root = repo.head();
        let mirror = world.mirror(&repo);
        let files = |odd| btree_map((0..12_usize).prop_map(move |n| 2 * n + odd), "[a-z]{1,4}\n", 1..4);
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() });
        // Numbers below 8 edit a file of the base, others add one; even ones belong to one side, odd ones to the other.
        let result = runner.run(&(files(0), files(1)), |(left, right)| {
            let commit = |files: &std::collections::BTreeMap<usize, String>| {
                repo.git(["checkout", "-q", "--detach", root.as_str()]);
                let files: Vec<_> =
                    files.iter().map(|(n, text)| (format!("d{}/f{n}", n % 3), text)).collect();
                repo.commit(
                    "side",
                    &files.iter().map(|(path, text)| (&**path, text.as_str())).collect::<Vec<_>>(),
                )
            };
            let (left, right) = (commit(&left), commit(&right));
            let onto_left = clean(mirror.merge(&left, &right, "m").unwrap()).1;
            prop_assert_eq!(onto_left, clean(mirror.merge(&right, &left, "m").unwrap()).1);
            Ok(())
        });
        result.unwrap();
    });
}

/// What one side does to a file of the base, by its number.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Edit,
    Delete,
    Move,
    MoveDirectory,
    Add,
}

fn any_deeds() -> impl Strategy<Value = Vec<(usize, Deed)>> {
    let deed = prop_oneof![
        4 => Just(Deed::Edit), 2 => Just(Deed::Delete), 2 => Just(Deed::Move), 1 => Just(Deed::MoveDirectory), 2 => Just(Deed::Add)
    ];
    proptest::collection::vec((0..9_usize, deed), 1..4)
}

fn path_of(n: usize) -> String {
    format!("d{}/e{}/f{n}", n % 3, n % 2)
}

/// Does the deeds in a checkout; one that is no longer possible is left out.
fn act(repo: &Repo, deeds: &[(usize, Deed)], side: &str) {
    let top = repo.path.as_path();
    for &(n, deed) in deeds {
        let (file, dir) = (top.join(path_of(n)), top.join(format!("d{}", n % 3)));
        let moved = |to: String| {
            fs::create_dir_all(top.join(&to).parent().unwrap()).unwrap();
            top.join(to)
        };
        match deed {
            Deed::Edit if file.exists() => fs::write(&file, lines(&[(n, side)])).unwrap(),
            Deed::Delete if file.exists() => fs::remove_file(&file).unwrap(),
            Deed::Move if file.exists() => fs::rename(&file, moved(format!("m/g{n}"))).unwrap(),
            Deed::MoveDirectory if dir.exists() && !top.join("moved").exists() => {
                fs::rename(&dir, top.join("moved")).unwrap();
            }
            Deed::Add if !dir.is_file() => fs::write(moved(format!("d{}/new{n}", n % 3)), "new").unwrap(),
            Deed::Edit | Deed::Delete | Deed::Move | Deed::MoveDirectory | Deed::Add => {}
        }
    }
}

#[test]
fn whoever_merges_the_tree_is_the_one_that_git_makes() {
    hermetic(|| {
        let world = World::new();
        let text = |n: usize| lines(&[(1, &format!("file {n}"))]);
        let base: Vec<_> = (0..9).map(|n| (path_of(n), text(n))).collect();
        let repo =
            world.repo("core", &base.iter().map(|(path, text)| (&**path, &**text)).collect::<Vec<_>>());
        let root = repo.head();
        let mirror = world.mirror(&repo);
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 80, failure_persistence: None, ..Default::default() });
        let result = runner.run(&(any_deeds(), any_deeds()), |(left, right)| {
            let commit = |deeds: &[(usize, Deed)], side| {
                repo.git(["checkout", "-q", "--detach", root.as_str()]);
                repo.git(["clean", "-fdq"]);
                act(&repo, deeds, side);
                repo.git(["add", "--all"]);
                repo.git(["commit", "-q", "--allow-empty", "-m", side]);
                repo.head()
            };
            let (left, right) = (commit(&left, "left"), commit(&right, "right"));
            let mut git = repo.command();
            let output =
                git.args(["merge-tree", "--write-tree", left.as_str(), right.as_str()]).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            let theirs = output.status.success().then(|| printed.trim().to_owned());
            let ours = match mirror.merge(&left, &right, "m").unwrap() {
                Merged::Clean { tree, .. } | Merged::UpToDate { tree, .. } => Some(tree.to_string()),
                Merged::Conflict { .. } => None,
            };
            prop_assert_eq!(ours, theirs);
            Ok(())
        });
        result.unwrap();
    });
}
