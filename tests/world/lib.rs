//! A workspace on disk and the program at work in it, in the words of the domain.

mod processes;
mod program;
mod standard;
mod told;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

pub use processes::{Marker, below, eventually, lives};
pub use program::program;
pub use told::{Running, Told};

/// The workspace's directory: a name that has to be quoted wherever it is pasted.
const ROOT: &str = "our nova's ünit";

/// When every commit of a world was made, so that its ids are the same in each run.
const DATE: &str = "2026-01-02T03:04:05+00:00";

/// A workspace of real git repos in a directory of its own, with nothing of this machine's settings around it.
#[derive(Debug)]
pub struct World {
    dir: TempDir,
    sandboxed: bool,
}

impl World {
    /// Makes the usual workspace: `core`; `kvm` (gating, the sanity driver) and `esx` (gating), each in a repo of its name;
    /// `lab`, which holds the drivers `xen` (advisory) and `docker` (opted out).
    ///
    /// A driver's job passes if `core` has every call that the driver's `uses.txt` names.
    pub fn new() -> Self {
        let world = Self::empty();
        standard::furnish(&world);
        world
    }

    /// Makes a workspace without any file or repo.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the workspace can be made");
        let world = Self { dir, sandboxed: sandbox_works() };
        for part in [ROOT, "home"] {
            fs::create_dir(world.dir.path().join(part)).expect("a new directory has room");
        }
        world
    }

    /// Runs jobs with the rights of whoever runs the tests from here on.
    #[must_use]
    pub fn without_a_sandbox(self) -> Self {
        Self { sandboxed: false, ..self }
    }

    /// Returns the directory of the workspace.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join(ROOT)
    }

    /// Returns a path in the workspace.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// Writes a file of the workspace, and the directories above it.
    pub fn writes(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        let parent = path.parent().expect("a file of the workspace is in a directory");
        fs::create_dir_all(parent).expect("a directory can be made");
        fs::write(path, text).expect("a file can be written");
    }

    /// Reads a file of the workspace.
    pub fn reads(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Puts something else in the place of a part of a file that occurs in it once.
    pub fn replaces(&self, relative: &str, part: &str, with: &str) {
        let text = self.reads(relative);
        assert_eq!(text.matches(part).count(), 1, "`{part}` in {relative}:\n{text}");
        self.writes(relative, &text.replace(part, with));
    }

    /// Adds settings to the end of `crossgate.yaml`.
    pub fn configures(&self, more: &str) {
        self.writes("crossgate.yaml", &(self.reads("crossgate.yaml") + more));
    }

    /// Gives a job other settings, such as `timeout: 1s, steps: [{ run: "true" }]`.
    pub fn gives_job(&self, job: &str, settings: &str) {
        let text = self.reads("crossgate.yaml");
        let is_job = |line: &&str| line.starts_with(&format!("  {job}: {{"));
        let old = text.lines().find(is_job).unwrap_or_else(|| panic!("no job {job} in\n{text}"));
        self.writes("crossgate.yaml", &text.replace(old, &format!("  {job}: {{ {settings} }}")));
    }

    /// Makes a repo with one commit on `main`.
    pub fn has_repo(&self, name: &str, files: &[(&str, &str)]) {
        fs::create_dir_all(self.path(name)).expect("a directory can be made");
        self.git(name, ["init", "-q", "-b", "main"]);
        self.commits(name, "Begin", files);
    }

    /// Commits files to what is checked out in a repo.
    pub fn commits(&self, repo: &str, message: &str, files: &[(&str, &str)]) {
        for (path, text) in files {
            self.writes(&format!("{repo}/{path}"), text);
        }
        self.git(repo, ["add", "--all"]);
        self.git(repo, ["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Proposes a change: a branch off `main` with one commit. What is checked out stays `main`.
    pub fn proposes(&self, repo: &str, branch: &str, message: &str, files: &[(&str, &str)]) {
        self.git(repo, ["checkout", "-q", "-b", branch, "main"]);
        self.commits(repo, message, files);
        self.git(repo, ["checkout", "-q", "main"]);
    }

    /// Runs git in a repo and returns what it printed.
    pub fn git<A: AsRef<OsStr>>(&self, repo: &str, args: impl IntoIterator<Item = A>) -> String {
        let mut command = self.command("git", &self.path(repo));
        let output = command.args(args).output().expect("git is there");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {err}");
        String::from_utf8(output.stdout).expect("git was asked for text only").trim_end().to_owned()
    }

    /// Runs the program and returns what it told.
    pub fn crossgate<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Told {
        let args: Vec<_> = args.into_iter().collect();
        let output = self.prepares(&args).output().expect("the program is there");
        Told::new(&args, &self.root(), &output)
    }

    /// Runs `crossgate check`, in a sandbox if there is one.
    pub fn checks<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Told {
        self.crossgate(self.check_args(args))
    }

    /// Runs `crossgate check --format json`.
    pub fn checks_for_programs<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Told {
        self.crossgate(self.check_args(args).into_iter().chain(["--format", "json"]))
    }

    /// Starts `crossgate check` and does not wait for it.
    pub fn starts_check<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Running {
        self.starts(&self.check_args(args))
    }

    /// Starts the program and does not wait for it.
    pub fn starts(&self, args: &[&str]) -> Running {
        let child = self.prepares(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Running::new(child.expect("the program is there"), args, &self.root())
    }

    /// Lists what builds left in their workdirs beside what is kept for the next one.
    pub fn left_in_workdirs(&self) -> Vec<String> {
        let root = self.path(".crossgate/work");
        let mut left = Vec::new();
        for workdir in entries(&root).iter().flat_map(|job| entries(job)) {
            let kept = ["cache", "driver", "lock", "size"].map(|part| workdir.join(part));
            left.extend(entries(&workdir).into_iter().filter(|part| !kept.contains(part)));
        }
        left.iter().map(|path| path.strip_prefix(&root).unwrap_or(path).display().to_string()).collect()
    }

    fn check_args<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let open = (!self.sandboxed).then_some("--no-sandbox");
        ["check"].into_iter().chain(args).chain(open).collect()
    }

    /// Prepares the program to be run in the workspace.
    pub fn prepares(&self, args: &[&str]) -> Command {
        let mut command = self.command(program(), &self.root());
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Prepares a program to be run with nothing of this machine's settings around it.
    pub fn command(&self, program: impl AsRef<OsStr>, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().env("HOME", self.dir.path().join("home")).envs([
            ("PATH", std::env::var("PATH").expect("programs are found by a PATH").as_str()),
            ("LANG", "C.UTF-8"),
            ("NO_COLOR", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.org"),
            ("GIT_AUTHOR_DATE", DATE),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.org"),
            ("GIT_COMMITTER_DATE", DATE),
        ]);
        command
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Whether this machine lets anybody make a sandbox.
pub fn sandbox_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let tried = Command::new("bwrap").args(["--ro-bind", "/", "/", "--unshare-all", "true"]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}
