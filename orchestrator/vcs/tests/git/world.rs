//! A directory full of git repositories, and tests that no configuration of the machine reaches.

use std::any::type_name_of_val;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crossgate_core::ids::{BranchName, CommitId, RepoName, RepoPath};
use crossgate_vcs::Mirror;
use tempfile::TempDir;

const MARK: &str = "CROSSGATE_TEST_IS_HERMETIC";

/// Runs a test's body in a process of its own without the user's git configuration. A process cannot change its own
/// environment safely, so the test starts itself once more.
pub(crate) fn hermetic(body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let name = type_name_of_val(&body);
    let name = name.split_once("::").unwrap().1.trim_end_matches("::{{closure}}");
    assert!(start(name, &[]).wait().unwrap().success(), "{name} failed; its output is above");
}

/// Starts a test of this file in a process of its own.
pub(crate) fn start(name: &str, variables: &[(&str, &OsStr)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--include-ignored", "-q"]).envs(variables.iter().copied());
    command.env(MARK, "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME");
    command.spawn().unwrap()
}

/// A temporary directory of repositories.
pub(crate) struct World {
    root: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    /// A repo without a commit.
    pub(crate) fn empty(&self, name: &str) -> Repo {
        let repo = Repo { path: self.path(name) };
        fs::create_dir_all(&repo.path).unwrap();
        repo.git(["init", "-q", "-b", "main"]);
        repo
    }

    /// A repo with one commit that holds the files.
    pub(crate) fn repo(&self, name: &str, files: &[(&str, &str)]) -> Repo {
        let repo = self.empty(name);
        repo.commit("Base", files);
        repo
    }

    pub(crate) fn mirror(&self, repo: &Repo) -> Mirror {
        Mirror::open(&self.path("mirrors"), &RepoName::parse("core").unwrap(), &repo.path).unwrap()
    }
}

/// A repository, driven by the git program.
pub(crate) struct Repo {
    pub(crate) path: PathBuf,
}

impl Repo {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.path);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.org");
            command.env(format!("GIT_{role}_DATE"), "2026-01-02T03:04:05+0100");
        }
        command.args(["-c", "protocol.file.allow=always"]);
        command
    }

    /// Runs git and returns what it prints, without the last line break.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.command().args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.write_bytes(path.as_bytes(), text.as_bytes());
    }

    pub(crate) fn write_bytes(&self, path: &[u8], bytes: &[u8]) {
        let path = self.path.join(OsStr::from_bytes(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes files, adds everything there is and commits.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &str)]) -> CommitId {
        for (path, text) in files {
            self.write(path, text);
        }
        self.git(["add", "--all"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Commits on a new branch that starts at `main`.
    pub(crate) fn branch(&self, name: &str, files: &[(&str, &str)]) -> CommitId {
        self.git(["switch", "-q", "-c", name, "main"]);
        self.commit(name, files)
    }

    pub(crate) fn head(&self) -> CommitId {
        CommitId::parse(&self.git(["rev-parse", "HEAD"])).unwrap()
    }
}

pub(crate) fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

pub(crate) fn paths(paths: &[&str]) -> Vec<RepoPath> {
    paths.iter().map(|path| RepoPath::from(*path)).collect()
}

/// 30 numbered lines, some of them replaced.
pub(crate) fn lines(replaced: &[(usize, &str)]) -> String {
    let text = |n: usize| {
        replaced.iter().find(|(at, _)| *at == n).map_or_else(|| n.to_string(), |(_, text)| (*text).to_owned())
    };
    (1..=30).map(|n| text(n) + "\n").collect()
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
