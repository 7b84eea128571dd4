//! Reading commits, trees and files.

use crossgate_core::ids::RepoPath;
use crossgate_vcs::{Head, VcsError};

use crate::world::{World, branch, hermetic, paths};

#[test]
fn revisions_are_found_and_never_taken_for_options() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let first = repo.head();
        repo.git(["tag", "-a", "v1", "-m", "v1"]);
        let second = repo.commit("two", &[("f", "2")]);
        let mirror = world.mirror(&repo);
        for (rev, commit) in
            [("v1", &first), ("HEAD", &second), ("main~1", &first), (&second.as_str()[..9], &second)]
        {
            assert_eq!(&mirror.resolve(rev).unwrap(), commit, "{rev}");
        }
        assert_eq!(mirror.resolve(first.as_str()).unwrap(), first);
        for rev in ["", "--help", "-v1", "nope", "HEAD:f", "HEAD^{tree}", "a\0b", "main..v1", &"0".repeat(40)]
        {
            assert!(matches!(mirror.resolve(rev), Err(VcsError::UnknownRevision { .. })), "{rev:?}");
        }
    });
}

#[test]
fn head_and_tip_are_told() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let first = repo.head();
        let mirror = world.mirror(&repo);
        assert_eq!(mirror.head().unwrap(), Head::Branch { name: branch("main"), commit: first.clone() });
        assert_eq!(mirror.tip(&branch("main")).unwrap(), Some(first.clone()));
        assert_eq!(mirror.tip(&branch("other")).unwrap(), None);
        repo.git(["update-ref", "refs/remotes/origin/main", first.as_str()]);
        let second = repo.commit("two", &[]);
        assert_eq!(mirror.tip(&branch("main")).unwrap(), Some(first), "what was fetched comes first");
        repo.git(["checkout", "-q", "--detach"]);
        assert_eq!(mirror.head().unwrap(), Head::Detached { commit: second });
    });
}

#[test]
fn a_branch_is_the_local_one_else_that_of_origin() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let first = repo.head();
        for name in ["main", "a/fix"] {
            repo.git(["update-ref", &format!("refs/remotes/origin/{name}"), first.as_str()]);
        }
        repo.git(["update-ref", "refs/remotes/fork/other", first.as_str()]);
        repo.git(["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
        let second = repo.commit("two", &[]);
        repo.git(["branch", "z"]);
        let mirror = world.mirror(&repo);
        assert_eq!(mirror.branch(&branch("main")).unwrap(), Some(second));
        assert_eq!(mirror.branch(&branch("a/fix")).unwrap(), Some(first));
        assert_eq!(mirror.branch(&branch("other")).unwrap(), None);
        assert_eq!(mirror.branches().unwrap(), ["a/fix", "main", "z"].map(branch));
    });
}

#[test]
fn changed_paths_have_both_names_of_a_rename_and_keep_bytes() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo(
            "core",
            &[("a", "long enough to be seen as renamed\n"), ("d/x", "x"), ("same", "s"), ("mode", "m")],
        );
        let from = repo.head();
        repo.git(["mv", "a", "z"]);
        repo.git(["rm", "-q", "d/x"]);
        repo.write_bytes(b"n\xff", b"");
        repo.git(["add", "."]);
        repo.git(["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "1".repeat(40))]);
        repo.git(["update-index", "--chmod=+x", "mode"]);
        repo.git(["commit", "-qm", "two"]);
        let to = repo.head();
        let mirror = world.mirror(&repo);
        let mut expected = paths(&["a", "d/x", "mode", "sub", "z"]);
        expected.insert(3, RepoPath::from_bytes(b"n\xff"));
        assert_eq!(mirror.changed_paths(&from, &to).unwrap(), expected);
        assert_eq!(mirror.changed_paths(&to, &from).unwrap(), expected);
        assert_eq!(mirror.changed_paths(&to, &to).unwrap(), []);
    });
}

#[test]
fn commits_are_listed_newest_first_and_bounded() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("f", "f")]);
        let base = repo.head();
        repo.commit("Second\n\nDepends-On: core#1", &[]);
        let head = repo.commit("Third", &[]);
        let mirror = world.mirror(&repo);
        let texts = mirror.commits(Some(&base), &head, 2).unwrap();
        assert_eq!(texts.iter().map(|text| &*text.subject).collect::<Vec<_>>(), ["Third", "Second"]);
        assert_eq!(texts[1].message, "Second\n\nDepends-On: core#1\n");
        assert_eq!(texts[0].author, "A <a@example.org>");
        assert_eq!(texts[0].id, head);
        assert!(matches!(
            mirror.commits(Some(&base), &head, 1),
            Err(VcsError::TooManyCommits { limit: 1, .. })
        ));
        assert_eq!(mirror.commits(None, &head, 3).unwrap().len(), 3);
        assert_eq!(mirror.commits(Some(&head), &base, 0).unwrap(), []);
    });
}

#[test]
fn files_are_read_up_to_a_bound() {
    hermetic(|| {
        let world = World::new();
        let repo = world.repo("core", &[("d/f", "12345")]);
        std::os::unix::fs::symlink("d/f", repo.path.join("link")).unwrap();
        let head = repo.commit("link", &[]);
        let mirror = world.mirror(&repo);
        let read = |path: &str, limit| mirror.read_file(&head, &path.into(), limit);
        assert_eq!(read("d/f", 5).unwrap().as_deref(), Some(&b"12345"[..]));
        assert!(matches!(read("d/f", 4), Err(VcsError::FileTooLarge { size: 5, limit: 4, .. })));
        for absent in ["x", "d/x", "d/f/x", "../f"] {
            assert_eq!(read(absent, 5).unwrap(), None, "{absent}");
        }
        for other in ["d", "link"] {
            assert!(matches!(read(other, 5), Err(VcsError::NotAFile { .. })), "{other}");
        }
        assert_eq!(mirror.tree_of(&head).unwrap().as_str(), repo.git(["rev-parse", "HEAD^{tree}"]));
    });
}
