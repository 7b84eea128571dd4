//! The workspace tool's part in one checkout.

use std::fs;

use crossgate_vcs::{
    FastForward, Head, InProgress, Status, VcsError, create_branch, fast_forward, status, switch,
};

use crate::world::{Repo, World, branch, hermetic};

fn status_of(repo: &Repo) -> Status {
    status(&repo.path, &branch("main")).unwrap()
}

fn counts(status: &Status) -> [usize; 4] {
    [status.staged, status.modified, status.untracked, status.conflicted]
}

/// Changes of every sort in the first files of a repo.
fn mess(repo: &Repo) {
    for (path, text) in
        [("s", "2"), ("both", "2"), ("added", "1"), ("renamed", "longer text that is the same\n")]
    {
        repo.write(path, text);
    }
    fs::remove_file(repo.path.join("old")).unwrap();
    repo.git(["add", "s", "both", "added", "old", "renamed"]);
    repo.write("both", "3");
    repo.write("m", "2");
    fs::remove_file(repo.path.join("d")).unwrap();
    fs::remove_file(repo.path.join("t")).unwrap();
    std::os::unix::fs::symlink("m", repo.path.join("t")).unwrap();
    repo.write("u/1", "");
    repo.write("u/2", "");
    repo.write("v", "");
    repo.write("x.o", "");
    fs::create_dir(repo.path.join("empty")).unwrap();
    repo.write_bytes(b"n\xff", b"");
}

const BASE: [(&str, &str); 7] = [
    ("s", "1"),
    ("both", "1"),
    ("m", "1"),
    ("d", "1"),
    ("t", "1"),
    ("old", "longer text that is the same\n"),
    (".gitignore", "*.o\n"),
];

#[test]
fn status_is_the_same_in_process_and_by_git() {
    hermetic(|| {
        let world = World::new();
        let small = world.repo("small", &BASE);
        let large = world.empty("large");
        for n in 0..500 {
            large.write(&format!("many/{n}"), "");
        }
        large.commit("Base", &BASE);
        let attributes = world.repo("attributes", &[&BASE[..], &[("sub/.gitattributes", "")]].concat());
        for repo in [&small, &large, &attributes] {
            assert_eq!(counts(&status_of(repo)), [0; 4]);
            mess(repo);
            let before = fs::metadata(repo.path.join(".git/index")).unwrap().modified().unwrap();
            assert_eq!(counts(&status_of(repo)), [5, 4, 3, 0], "{}", repo.path.display());
            assert_eq!(fs::metadata(repo.path.join(".git/index")).unwrap().modified().unwrap(), before);
        }
    });
}

#[test]
fn an_index_that_is_split_is_read_too() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &BASE);
        mess(&repo);
        let whole = counts(&status_of(&repo));
        repo.git(["update-index", "--split-index"]);
        assert_eq!(counts(&status_of(&repo)), whole);
    });
}

#[test]
fn conflicts_and_what_is_going_on_are_told() {
    hermetic(|| {
        let world = World::new();
        let small = world.repo("small", &[("f", "1"), ("g", "1"), ("h", "1")]);
        let large = world.repo("large", &[("f", "1"), ("g", "1"), ("h", "1"), (".gitattributes", "")]);
        for repo in [&small, &large] {
            repo.git(["switch", "-q", "-c", "a"]);
            repo.git(["rm", "-q", "g"]);
            repo.commit("a", &[("f", "a"), ("new", "a"), ("h", "a")]);
            repo.branch("b", &[("f", "b"), ("g", "b"), ("new", "b")]);
            for (command, going_on) in [
                ("merge", InProgress::Merge),
                ("rebase", InProgress::Rebase),
                ("cherry-pick", InProgress::CherryPick),
            ] {
                repo.command().args([command, "a"]).output().unwrap();
                let status = status_of(repo);
                assert_eq!(status.in_progress, Some(going_on));
                assert_eq!((status.conflicted, status.modified), (3, 0), "{command}: {status:?}");
                assert_eq!(
                    fast_forward(&repo.path, &branch("b")).unwrap().clone(),
                    match status.head {
                        Head::Detached { .. } => FastForward::ElsewhereCheckedOut { head: status.head },
                        _ => FastForward::UpToDate { ahead: 0 },
                    }
                );
                assert!(
                    matches!(switch(&repo.path, "main"), Err(VcsError::Dirty { files, .. }) if files >= 3)
                );
                repo.git([command, "--abort"]);
            }
        }
    });
}

#[test]
fn distance_is_from_what_was_fetched() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "1")]);
        let base = repo.head();
        repo.commit("here", &[]);
        let local = status_of(&repo);
        assert_eq!((local.ahead, local.behind, local.target), (0, 0, Some(repo.head())));
        repo.git(["switch", "-q", "--detach", base.as_str()]);
        let there = repo.commit("there", &[]);
        repo.git(["update-ref", "refs/remotes/origin/main", there.as_str()]);
        repo.git(["switch", "-q", "main"]);
        let fetched = status_of(&repo);
        assert_eq!((fetched.ahead, fetched.behind, fetched.target), (1, 1, Some(there)));
        let other = status(&repo.path, &branch("other")).unwrap();
        assert_eq!((other.ahead, other.behind, other.target), (0, 0, None));
        let empty = status_of(&world.empty("empty"));
        assert_eq!(empty.head, Head::Unborn { name: branch("main") });
    });
}

#[test]
fn a_branch_is_moved_only_when_that_loses_nothing() {
    hermetic(|| {
        let world = World::new();
        let origin = world.repo("origin", &[("f", "1"), ("g", "1")]);
        origin.git(["clone", "-q", ".", "../core"]);
        let repo = Repo { path: world.path("core") };
        let main = branch("main");
        let forward = || {
            repo.git(["fetch", "-q"]);
            fast_forward(&repo.path, &main).unwrap()
        };
        assert_eq!(forward(), FastForward::UpToDate { ahead: 0 });
        let from = repo.head();
        let to = origin.commit("two", &[("f", "2")]);
        repo.write("g", "mine");
        assert_eq!(forward(), FastForward::Dirty);
        repo.git(["switch", "-q", "-c", "topic"]);
        assert!(matches!(forward(), FastForward::ElsewhereCheckedOut { .. }));
        repo.git(["switch", "-q", "main"]);
        repo.git(["restore", "g"]);
        repo.write("untracked", "u");
        assert_eq!(forward(), FastForward::Moved { from: Some(from), to: to.clone(), commits: 1 });
        assert_eq!(fs::read_to_string(repo.path.join("f")).unwrap(), "2");
        origin.commit("three", &[("untracked", "theirs")]);
        assert!(matches!(forward(), FastForward::Refused { reason } if reason.contains("untracked")));
        assert_eq!(
            (fs::read_to_string(repo.path.join("untracked")).unwrap().as_str(), repo.head()),
            ("u", to)
        );
        repo.commit("mine", &[]);
        assert_eq!(forward(), FastForward::Diverged { ahead: 1, behind: 1 });
        assert_eq!(fast_forward(&repo.path, &branch("nope")).unwrap(), FastForward::NoTarget);
    });
}

#[test]
fn an_unborn_branch_is_moved_too() {
    hermetic(|| {
        let world = World::new();
        let origin = world.empty("origin");
        origin.git(["clone", "-q", ".", "../core"]);
        let repo = Repo { path: world.path("core") };
        assert_eq!(fast_forward(&repo.path, &branch("main")).unwrap(), FastForward::NoTarget);
        let to = origin.commit("one", &[("f", "1")]);
        repo.git(["fetch", "-q"]);
        let moved = FastForward::Moved { from: None, to, commits: 1 };
        assert_eq!(fast_forward(&repo.path, &branch("main")).unwrap(), moved);
        assert!(repo.path.join("f").exists());
    });
}

#[test]
fn a_branch_is_made_with_the_work_in_hand() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "1")]);
        let base = repo.head();
        repo.commit("two", &[("f", "2")]);
        repo.write("f", "mine");
        create_branch(&repo.path, &branch("topic"), None).unwrap();
        assert_eq!(status_of(&repo).head.branch(), Some(&branch("topic")));
        assert_eq!(fs::read_to_string(repo.path.join("f")).unwrap(), "mine");
        assert!(matches!(create_branch(&repo.path, &branch("topic"), None), Err(VcsError::Git { .. })));
        let error = create_branch(&repo.path, &branch("old"), Some(&base)).unwrap_err();
        assert!(
            matches!(&error, VcsError::Git { stderr, .. } if stderr.contains("would be overwritten")),
            "{error:?}"
        );
        assert_eq!(fs::read_to_string(repo.path.join("f")).unwrap(), "mine");
        repo.git(["restore", "f"]);
        create_branch(&repo.path, &branch("old"), Some(&base)).unwrap();
        assert_eq!(repo.head(), base);
        create_branch(&world.empty("empty").path, &branch("first"), None).unwrap();
    });
}

#[test]
fn a_switch_keeps_uncommitted_work() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "1")]);
        let base = repo.head();
        let two = repo.commit("two", &[("f", "2")]);
        repo.git(["branch", "same"]);
        repo.write("f", "mine");
        assert!(matches!(switch(&repo.path, base.as_str()), Err(VcsError::Dirty { files: 1, .. })));
        repo.git(["restore", "f"]);
        switch(&repo.path, base.as_str()).unwrap();
        assert_eq!(status_of(&repo).head, Head::Detached { commit: base });
        switch(&repo.path, "same").unwrap();
        assert_eq!(status_of(&repo).head, Head::Branch { name: branch("same"), commit: two });
        for rev in ["--detach", "nope", "-"] {
            assert!(matches!(switch(&repo.path, rev), Err(VcsError::UnknownRevision { .. })), "{rev}");
        }
    });
}
