//! Files for a build.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crossgate_vcs::{VcsError, remove_checkout};

use crate::world::{World, hermetic, names};

#[test]
fn files_are_as_git_checks_them_out() {
    hermetic(|| {
        let world = World::new();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        let attributes =
            "*.bat text eol=crlf\n*.auto text=auto\n*.bin filter=lfs diff=lfs -text\nraw.bat -text\n";
        let repo = world.repo(
            "core",
            &[
                (".gitattributes", attributes),
                ("a.bat", "1\n2\n"),
                ("raw.bat", "1\n"),
                ("x.auto", "1\n"),
                ("d/e/f", "deep"),
                ("b.bin", pointer),
            ],
        );
        repo.git(["config", "filter.lfs.smudge", "false"]);
        repo.write("run", "#!/bin/sh\n");
        fs::set_permissions(repo.path.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        repo.write_bytes(b"caf\xe9/\xff", b"bytes");
        repo.git(["add", "."]);
        repo.git(["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "1".repeat(40))]);
        repo.git(["commit", "-qm", "two"]);
        let mirror = world.mirror(&repo);
        let out = world.path("out");
        mirror.checkout(&repo.head(), &out).unwrap();
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(
            names(&out),
            [".gitattributes", "a.bat", "b.bin", "caf\u{fffd}", "d", "raw.bat", "run", "sub", "x.auto"]
        );
        assert_eq!((&*read("a.bat"), &*read("raw.bat"), &*read("x.auto")), ("1\r\n2\r\n", "1\n", "1\n"));
        assert_eq!((&*read("b.bin"), &*read("d/e/f")), (pointer, "deep"));
        assert_eq!(fs::metadata(out.join("run")).unwrap().permissions().mode() & 0o111, 0o111);
        assert_eq!(fs::metadata(out.join("d/e/f")).unwrap().permissions().mode() & 0o111, 0);
        let odd = out.join(std::ffi::OsStr::from_bytes(b"caf\xe9/\xff"));
        assert_eq!(fs::read(odd).unwrap(), b"bytes");
        assert_eq!(names(&out.join("sub")), Vec::<String>::new());
        assert_eq!(names(&world.path("mirrors/core.git/scratch")), Vec::<String>::new());
    });
}

#[test]
fn links_stay_links_unless_they_lead_out() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("d/f", "f"), ("e/x", "x")]);
        let inside =
            [("d/up", "../e/x"), ("d/here", "f"), ("dir", "d"), ("dangling", "nowhere"), ("d/dot", "./f")];
        let outside = [
            ("abs", "/etc/passwd"),
            ("d/out", "../../x"),
            ("over", ".."),
            ("via", "dir/../../x"),
            ("twice", "d/../.."),
        ];
        for (link, target) in inside.iter().chain(&outside) {
            symlink(target, repo.path.join(link)).unwrap();
        }
        let head = repo.commit("links", &[]);
        let out = world.path("out");
        world.mirror(&repo).checkout(&head, &out).unwrap();
        for (link, target) in inside {
            assert_eq!(fs::read_link(out.join(link)).unwrap(), Path::new(target), "{link}");
        }
        for (link, target) in outside {
            assert!(!fs::symlink_metadata(out.join(link)).unwrap().is_symlink(), "{link}");
            assert_eq!(fs::read_to_string(out.join(link)).unwrap(), target);
        }
    });
}

#[test]
fn a_tree_that_would_write_elsewhere_is_refused() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "evil")]);
        let blob = repo.git(["rev-parse", "HEAD:f"]);
        let make = |entries: &[(&str, &str, &str)]| {
            let raw: Vec<u8> = entries
                .iter()
                .flat_map(|(mode, name, id)| {
                    let id = (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap());
                    [mode.as_bytes(), b" ", name.as_bytes(), b"\0"]
                        .concat()
                        .into_iter()
                        .chain(id)
                        .collect::<Vec<_>>()
                })
                .collect();
            fs::write(world.path("tree"), raw).unwrap();
            let tree = repo.git([
                "hash-object",
                "-w",
                "-t",
                "tree",
                "--literally",
                &world.path("tree").display().to_string(),
            ]);
            (
                tree.clone(),
                crossgate_core::ids::CommitId::parse(&repo.git(["commit-tree", "-m", "x", &tree])).unwrap(),
            )
        };
        let mirror = world.mirror(&repo);
        let out = world.path("out");
        let (inner, _) = make(&[("100644", "pwned", &blob)]);
        fs::write(world.path("target"), "../../escape").unwrap();
        fs::create_dir(world.path("victim")).unwrap();
        fs::write(world.path("link"), world.path("victim").display().to_string()).unwrap();
        let link = repo.git(["hash-object", "-w", &world.path("link").display().to_string()]);
        let evil = [
            make(&[("100644", "..", &blob)]).1,
            make(&[("40000", "..", &inner)]).1,
            make(&[("40000", ".git", &inner)]).1,
            make(&[("100644", "a/../../pwned", &blob)]).1,
            make(&[("120000", "a", &link), ("40000", "a", &inner)]).1,
        ];
        for commit in evil {
            // Whether git refuses the tree or makes do with a part of it, nothing may appear outside.
            if mirror.checkout(&commit, &out).is_ok() {
                assert!(names(&out).iter().all(|name| name == "a"), "{:?}", names(&out));
                remove_checkout(&out).unwrap();
            }
            assert!(!out.exists() && !world.path("pwned").exists() && !world.path(".git").exists());
            assert_eq!(names(&world.path("victim")), Vec::<String>::new());
        }
    });
}

#[test]
fn a_directory_in_use_is_not_touched() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let mirror = world.mirror(&repo);
        let out = world.path("out");
        fs::create_dir(&out).unwrap();
        mirror.checkout(&repo.head(), &out).unwrap();
        assert!(matches!(mirror.checkout(&repo.head(), &out), Err(VcsError::Occupied { .. })));
        assert_eq!(names(&out), ["f"]);
        let absent = crossgate_core::ids::CommitId::parse(&"1".repeat(40)).unwrap();
        assert!(matches!(mirror.checkout(&absent, &world.path("other")), Err(VcsError::Commit { .. })));
        assert!(!world.path("other").exists());
        assert!(matches!(mirror.checkout(&repo.head(), &world.path("no/parent")), Err(VcsError::Io { .. })));
    });
}

#[test]
fn speculative_commits_and_conflict_free_snapshots_can_be_checked_out() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        repo.write("new", "n");
        let mirror = world.mirror(&repo);
        let snapshot = mirror.snapshot().unwrap().unwrap();
        mirror.checkout(&snapshot, &world.path("out")).unwrap();
        assert_eq!(names(&world.path("out")), ["f", "new"]);
    });
}

#[test]
fn read_only_directories_are_removed() {
    let world = World::new();
    let dir = world.path("out");
    let deep = dir.join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f"), "f").unwrap();
    let outside = world.path("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, deep.join("link")).unwrap();
    for (path, mode) in
        [(deep.join("f"), 0o400), (deep.clone(), 0o500), (dir.join("a"), 0o000), (outside.clone(), 0o500)]
    {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    remove_checkout(&dir).unwrap();
    assert!(!dir.exists());
    assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o500, "a link is not followed");
    remove_checkout(&dir).unwrap();
}

#[test]
fn read_only_directories_are_removed_without_roots_rights() {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let name = "checkout::read_only_directories_are_removed";
    if !is_root {
        println!("skipped: this user has no special rights, so `{name}` has tested it");
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let world = World::new();
    let copy = world.path("tests");
    fs::copy(&exe, &copy).unwrap();
    for path in [world.path(""), copy.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir(world.path("tmp")).unwrap();
    fs::set_permissions(world.path("tmp"), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(["--exact", name, "-q"]);
    let status = command.env("TMPDIR", world.path("tmp")).current_dir("/").status().unwrap();
    assert!(status.success(), "failed as an unprivileged user");
}
