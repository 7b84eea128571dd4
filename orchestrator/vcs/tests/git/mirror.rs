//! Opening mirrors: of any kind of source, by several processes, after a crash.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crossgate_core::ids::RepoName;
use crossgate_vcs::{ErrorKind, Head, Merged, Mirror, VcsError, remove_checkout};

use crate::world::{Repo, World, branch, hermetic, names, start};

fn core() -> RepoName {
    RepoName::parse("core").unwrap()
}

#[test]
fn opening_again_changes_nothing() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let before = names(&repo.path.join(".git"));
        assert_eq!(world.mirror(&repo).resolve("HEAD").unwrap(), repo.head());
        let alternates = world.path("mirrors/core.git/objects/info/alternates");
        let written = fs::metadata(&alternates).unwrap().modified().unwrap();
        let again = world.mirror(&repo);
        assert_eq!(again.repo(), &core());
        assert_eq!(again.resolve("main").unwrap(), repo.head());
        assert_eq!(fs::metadata(&alternates).unwrap().modified().unwrap(), written);
        assert_eq!(names(&repo.path.join(".git")), before);
    });
}

#[test]
fn commits_made_after_opening_are_seen() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let mirror = world.mirror(&repo);
        let (a, b) = (repo.branch("a", &[("a", "a")]), repo.branch("b", &[("b", "b")]));
        assert!(matches!(mirror.merge(&a, &b, "m").unwrap(), Merged::Clean { .. }));
        let c = repo.branch("c", &[("c", "c")]);
        repo.git(["repack", "-adq"]);
        assert!(matches!(mirror.merge(&b, &c, "m").unwrap(), Merged::Clean { .. }));
        assert_eq!(mirror.resolve("c~1").unwrap(), mirror.resolve("main").unwrap());
    });
}

#[test]
fn every_kind_of_source_will_do() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let main = repo.head();
        let side = repo.branch("side", &[("s", "s")]);
        repo.git(["worktree", "add", "-q", "../linked", "main"]);
        repo.git(["clone", "-q", "--bare", ".", "../bare.git"]);
        repo.git(["clone", "-q", "--shared", ".", "../shared"]);
        // A chain of links, the second of them relative, which git itself follows only at the start.
        repo.git(["clone", "-q", "--shared", "../shared", "../chained"]);
        fs::write(world.path("shared/.git/objects/info/alternates"), "../../../core/.git/objects\n").unwrap();
        for (n, source) in ["core", "linked", "bare.git", "shared", "chained", "core/.git"].iter().enumerate()
        {
            let mirror =
                Mirror::open(&world.path(&format!("mirrors-{n}")), &core(), &world.path(source)).unwrap();
            assert!(matches!(mirror.merge(&main, &side, "m").unwrap(), Merged::Clean { .. }), "{source}");
            let linked = mirror.head().unwrap().branch() == Some(&branch("main"));
            assert_eq!(linked, *source == "linked", "{source}");
        }
    });
}

#[test]
fn a_source_without_commits_has_an_unborn_head() {
    hermetic(|| {
        let world = World::new();
        let repo = world.empty("core");
        let mirror = world.mirror(&repo);
        assert_eq!(mirror.head().unwrap(), Head::Unborn { name: branch("main") });
        assert_eq!(mirror.tip(&branch("main")).unwrap(), None);
        assert!(matches!(mirror.resolve("HEAD"), Err(VcsError::UnknownRevision { .. })));
        assert_eq!(mirror.snapshot().unwrap(), None);
        repo.write("f", "f");
        let snapshot = mirror.snapshot().unwrap().unwrap();
        assert!(mirror.read_file(&snapshot, &"f".into(), 1).unwrap().is_some());
    });
}

#[test]
fn a_shallow_source_ends_where_it_ends() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        repo.commit("two", &[("f", "2")]);
        repo.commit("three", &[("f", "3")]);
        repo.git(["clone", "-q", "--depth=2", &format!("file://{}", repo.path.display()), "../shallow"]);
        let shallow = Repo { path: world.path("shallow") };
        let (a, b) = (shallow.branch("a", &[("a", "a")]), shallow.branch("b", &[("b", "b")]));
        let mirror = world.mirror(&shallow);
        assert_eq!(mirror.commits(None, &a, 10).unwrap().len(), 3);
        assert!(matches!(mirror.merge(&a, &b, "m").unwrap(), Merged::Clean { .. }));
    });
}

#[test]
fn formats_that_cannot_be_read_are_named() {
    hermetic(|| {
        let world = World::new();
        world.repo("plain", &[("f", "f")]).git(["init", "-q", "--object-format=sha256", "../hashed"]);
        let reason = |source: &str| match Mirror::open(&world.path("mirrors"), &core(), &world.path(source)) {
            Err(VcsError::Unsupported { reason, .. }) => reason,
            other => panic!("{source}: {other:?}"),
        };
        assert_eq!(reason("hashed"), "its objects are named by SHA-256; expected SHA-1");
        let url = format!("file://{}", world.path("plain").display());
        let plain = Repo { path: world.path("plain") };
        plain.git(["config", "uploadpack.allowFilter", "true"]);
        plain.git(["clone", "-q", "--filter=blob:none", &url, "../partial"]);
        assert!(reason("partial").starts_with("it is a partial clone"), "{}", reason("partial"));
        fs::create_dir(world.path("nothing")).unwrap();
        let opened = Mirror::open(&world.path("mirrors"), &core(), &world.path("nothing"));
        assert!(matches!(opened, Err(VcsError::Open { .. })), "{opened:?}");
    });
}

#[test]
fn a_source_that_vanishes_is_an_error_of_the_environment() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let (a, b) = (repo.branch("a", &[("a", "a")]), repo.branch("b", &[("b", "b")]));
        let mirror = world.mirror(&repo);
        fs::remove_dir_all(&repo.path).unwrap();
        let errors = [
            mirror.head().unwrap_err(),
            mirror.resolve("main").unwrap_err(),
            mirror.merge(&a, &b, "m").unwrap_err(),
            mirror.snapshot().unwrap_err(),
            mirror.checkout(&a, &world.path("out")).unwrap_err(),
            Mirror::open(&world.path("mirrors"), &core(), &repo.path).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, VcsError::SourceGone { .. }), "{error:?}");
            assert_eq!(error.kind(), ErrorKind::Environment);
        }
        assert!(!world.path("out").exists());
    });
}

#[test]
fn what_a_dead_process_left_is_cleared() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        drop(world.mirror(&repo));
        let mirror = world.path("mirrors/core.git");
        let left = [
            "HEAD.lock",
            "config.lock",
            "objects/info/alternates.new",
            "objects/tmp_object_git2_a",
            "objects/ab/tmp_obj_b",
        ];
        let leave = || {
            fs::create_dir_all(mirror.join("objects/ab")).unwrap();
            fs::create_dir_all(mirror.join("scratch/1-0")).unwrap();
            for name in left {
                fs::write(mirror.join(name), "").unwrap();
            }
            left.map(|name| mirror.join(name)).to_vec()
        };
        let files = leave();
        let open = world.mirror(&repo);
        assert!(files.iter().all(|file| !file.exists()) && !mirror.join("scratch/1-0").exists());
        // As long as somebody has it open, such files may be theirs.
        let files = leave();
        let second = world.mirror(&repo);
        assert!(files.iter().all(|file| file.exists()));
        drop((open, second));
        drop(world.mirror(&repo));
        assert!(files.iter().all(|file| !file.exists()));
    });
}

#[test]
fn what_was_made_a_week_ago_is_made_again() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let (a, b) = (repo.branch("a", &[("a", "a")]), repo.branch("b", &[("b", "b")]));
        let merge = |mirror: &Mirror| match mirror.merge(&a, &b, "m").unwrap() {
            Merged::Clean { commit, .. } => commit,
            other => panic!("{other:?}"),
        };
        let in_use = world.mirror(&repo);
        let merged = merge(&in_use);
        let ages = |age| {
            let head = File::options().append(true).open(world.path("mirrors/core.git/HEAD")).unwrap();
            head.set_modified(SystemTime::now() - age).unwrap();
        };
        ages(Duration::from_hours(7 * 24 + 1));
        assert!(world.mirror(&repo).tree_of(&merged).is_ok(), "somebody has it open");
        ages(Duration::from_hours(7 * 24 - 1));
        drop(in_use);
        assert!(world.mirror(&repo).tree_of(&merged).is_ok(), "it is not old");
        ages(Duration::from_hours(7 * 24 + 1));
        let mirror = world.mirror(&repo);
        assert!(mirror.tree_of(&merged).is_err());
        assert_eq!(merge(&mirror), merged);
        assert_eq!(names(&world.path("mirrors")), ["core.git", "core.lock"]);
        repo.git(["fsck", "--strict"]);
        drop(mirror);
        assert!(world.mirror(&repo).tree_of(&merged).is_ok(), "its age is that of the new one");
    });
}

#[test]
fn a_half_made_mirror_is_made_anew() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let mirror = world.path("mirrors/core.git");
        let halves: [fn(&Path); 3] = [
            |mirror| fs::write(mirror.join("HEAD"), "").unwrap(),
            |mirror| fs::create_dir_all(mirror.join("refs/heads")).unwrap(),
            |mirror| drop(File::create(mirror.join("config.lock")).unwrap()),
        ];
        for half in halves {
            fs::create_dir_all(&mirror).unwrap();
            half(&mirror);
            assert_eq!(world.mirror(&repo).resolve("HEAD").unwrap(), repo.head());
            fs::remove_dir_all(&mirror).unwrap();
        }
        drop(world.mirror(&repo));
        fs::remove_file(mirror.join("objects/info/alternates")).unwrap();
        assert!(world.mirror(&repo).tree_of(&repo.head()).is_ok());
    });
}

#[test]
fn a_mirror_follows_a_source_that_moved() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        drop(world.mirror(&repo));
        let moved = Repo { path: world.path("moved") };
        fs::rename(&repo.path, &moved.path).unwrap();
        let mirror = world.mirror(&moved);
        assert!(mirror.tree_of(&moved.head()).is_ok());
    });
}

#[test]
fn processes_open_one_mirror_at_once() {
    hermetic(|| {
        for round in 0..4 {
            let world = World::new();
            let repo = world.repo("core", &[("f", "f")]);
            repo.branch("a", &[("a", "a")]);
            repo.branch("b", &[("b", "b")]);
            let variables = [("CHILD_ROOT", world.path("").into_os_string())];
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
            let children: Vec<_> = (0..4).map(|_| start("mirror::child_merges", &variables)).collect();
            for mut child in children {
                assert!(child.wait().unwrap().success(), "round {round}");
            }
            Repo { path: world.path("mirrors/core.git") }.git(["fsck", "--strict"]);
        }
    });
}

#[test]
#[ignore = "the body of a process that `processes_open_one_mirror_at_once` starts: it runs there, in every test run"]
fn child_merges() {
    let Some(root) = std::env::var_os("CHILD_ROOT").map(PathBuf::from) else { return };
    for round in 0..5 {
        let mirror = Mirror::open(&root.join("mirrors"), &core(), &root.join("core")).unwrap();
        let (a, b) = (mirror.resolve("a").unwrap(), mirror.resolve("b").unwrap());
        let merged = mirror.merge(&a, &b, &format!("m{round}")).unwrap();
        assert!(matches!(merged, Merged::Clean { .. }), "{merged:?}");
        let out = root.join(format!("out-{}", std::process::id()));
        mirror.checkout(&a, &out).unwrap();
        assert_eq!(names(&out), ["a", "f"]);
        remove_checkout(&out).unwrap();
        assert_eq!(mirror.snapshot().unwrap(), None);
    }
}

#[test]
fn the_repository_of_a_caller_is_not_taken_for_the_one_meant() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        repo.branch("a", &[("a", "a")]);
        repo.branch("b", &[("b", "b")]);
        let (root, other) = (world.path(""), world.path("other"));
        let names = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"];
        let variables: Vec<_> = names.iter().map(|name| (*name, other.as_os_str())).collect();
        let variables = [&variables[..], &[("CHILD_ROOT", root.as_os_str())]].concat();
        assert!(start("mirror::child_merges", &variables).wait().unwrap().success());
        assert!(!other.exists());
    });
}

#[test]
fn a_full_disk_is_named() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let noise: Vec<_> = (0..300_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
        repo.write("noise", &noise.join("\n"));
        let small = world.path("small");
        fs::create_dir(&small).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(&small).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            println!("skipped: a small tmpfs cannot be mounted here (needs root and CAP_SYS_ADMIN)");
            return;
        }
        let unmount = Unmount(small.clone());
        let mirror = Mirror::open(&small, &core(), &repo.path).unwrap();
        let snapshot = mirror.snapshot();
        assert!(matches!(snapshot, Err(VcsError::DiskFull { .. })), "{snapshot:?}");
        let big = repo.commit("noise", &[]);
        let checkout = mirror.checkout(&big, &small.join("out"));
        assert!(matches!(checkout, Err(VcsError::DiskFull { .. })), "{checkout:?}");
        assert!(!small.join("out").exists());
        drop((mirror, unmount));
    });
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}
