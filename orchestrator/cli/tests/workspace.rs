//! The workspace tool on real git repos, through the binary.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A workspace with bare repos as its forge.
struct World {
    dir: TempDir,
    names: Vec<String>,
}

impl World {
    /// Makes bare repos with one commit each, and no checkouts: the first is the common repo, the last is labelled `lab`.
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = Self { dir, names: names.iter().map(|name| (*name).to_owned()).collect() };
        let common = names[0];
        let mut text = "version: 1\nworkspace: test\nforge: { local: { path: forge } }\nrepos:\n".to_owned();
        for &name in names {
            let (role, dependency) = if name == common {
                ("common", String::new())
            } else {
                ("driver", format!("dependencies.{common} = \"1\"\n"))
            };
            let labels = if Some(&name) == names.last() { ", labels: [lab]" } else { "" };
            writeln!(text, "  {name}: {{ role: {role}{labels} }}").unwrap();
            let seed = world.root().join("seed").join(name);
            fs::create_dir_all(&seed).unwrap();
            world.git(&seed, &["init", "-q", "-b", "main"]);
            fs::write(seed.join("file"), name).unwrap();
            let manifest = format!("package.name = \"{name}\"\n{dependency}");
            fs::write(seed.join("Cargo.toml"), manifest).unwrap();
            world.commit(&seed, "begin");
            let bare = world.bare(name);
            world.git(
                world.root(),
                &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()],
            );
        }
        fs::write(world.root().join("crossgate.yaml"), text).unwrap();
        world
    }

    /// The same, with everything cloned.
    fn cloned(names: &[&str]) -> Self {
        let world = Self::new(names);
        world.ok(&["ws", "clone"]);
        world
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn bare(&self, name: &str) -> PathBuf {
        self.root().join("forge").join(format!("{name}.git"))
    }

    fn checkout(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn command(&self, program: &str, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().envs([
            ("PATH", std::env::var("PATH").unwrap().as_str()),
            ("HOME", self.root().to_str().unwrap()),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ]);
        command
    }

    fn git(&self, dir: &Path, args: &[&str]) -> String {
        let output = self.command("git", dir).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, dir: &Path, message: &str) {
        self.git(dir, &["add", "--all"]);
        self.git(dir, &["commit", "-q", "-m", message]);
    }

    /// Lands a commit on a repo's main branch, behind the back of its checkout.
    fn lands(&self, name: &str, file: &str) {
        let seed = self.root().join("seed").join(name);
        fs::write(seed.join(file), "new").unwrap();
        self.commit(&seed, file);
        self.git(&seed, &["push", "-q", self.bare(name).to_str().unwrap(), "main"]);
    }

    fn crossgate(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_crossgate"), self.root());
        command.args(args);
        command
    }

    fn run(&self, args: &[&str], status: i32) -> Output {
        let output = self.crossgate(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{args:?}\n{}\n{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        output
    }

    fn ok(&self, args: &[&str]) -> String {
        String::from_utf8(self.run(args, 0).stdout).unwrap()
    }

    /// Runs a command that ends with a status, and returns what it told.
    fn told(&self, args: &[&str], status: i32) -> String {
        String::from_utf8(self.run(args, status).stderr).unwrap()
    }

    fn json(&self, args: &[&str], status: i32) -> Value {
        let args: Vec<&str> = ["--format", "json"].iter().chain(args).copied().collect();
        let output = self.run(&args, status);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn clones_what_is_missing_and_shows_the_crates_to_cargo() {
    let world = World::new(&["core", "vmware", "xen"]);
    assert_eq!(world.ok(&["ws", "clone", "core"]), "core  cloned\n");
    assert!(!world.checkout("xen").exists());
    assert_eq!(world.ok(&["ws", "clone"]), "core    is here\nvmware  cloned\nxen     cloned\n");
    let config = world.root().join(".cargo/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("[patch.crates-io.core]\npath = \"core\"\n"), "{text}");
    fs::write(&config, "# mine\n").unwrap();
    assert!(world.told(&["ws", "clone"], 0).contains("stays as it is"));
    assert_eq!(fs::read_to_string(&config).unwrap(), "# mine\n");
}

#[test]
fn one_repo_that_fails_hides_no_other() {
    let world = World::new(&["core", "vmware", "xen"]);
    fs::remove_dir_all(world.bare("vmware")).unwrap();
    let output = world.run(&["ws", "clone"], 3);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "core    cloned\nvmware  failed\nxen     cloned\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("failed: vmware: ") && told.contains("1 of 3 repos failed"), "{told}");
    let rows = world.json(&["ws", "status"], 0);
    assert_eq!(rows["repos"][0]["state"], "here");
    assert_eq!(rows["repos"][1]["state"], "missing");
    assert_eq!((rows["version"].clone(), rows["failed"].clone()), (1.into(), 0.into()));
    fs::create_dir_all(world.checkout("vmware").join(".git")).unwrap();
    let rows = world.json(&["ws", "status"], 3);
    let text = rows["repos"][1]["error"]["text"].as_str().unwrap();
    assert!(text.contains("cannot be opened as a git repository"), "{text}");
    assert_eq!((rows["repos"][2]["state"].clone(), rows["failed"].clone()), ("here".into(), 1.into()));
}

#[test]
fn status_tells_branch_distance_and_work() {
    let world = World::cloned(&["core", "vmware", "xen"]);
    let vmware = world.checkout("vmware");
    world.git(&vmware, &["switch", "-q", "-c", "feature/x"]);
    fs::write(vmware.join("more"), "").unwrap();
    world.commit(&vmware, "more");
    fs::write(vmware.join("file"), "changed").unwrap();
    fs::write(vmware.join("new"), "").unwrap();
    fs::remove_dir_all(world.checkout("xen")).unwrap();
    assert_eq!(
        world.ok(&["ws", "status"]),
        "core    main       clean\n\
         vmware  feature/x  1 ahead of main, 1 modified, 1 untracked\n\
         xen     missing    `crossgate workspace clone` fetches it\n"
    );
    assert_eq!(world.ok(&["ws", "status", "--role", "common"]), "core  main  clean\n");
    assert_eq!(world.ok(&["ws", "status", "--label", "lab"]).lines().count(), 1);
    assert!(
        world.told(&["ws", "status", "--label", "none"], 2).contains("no repo of the workspace is selected")
    );
    assert!(world.told(&["ws", "status", "vmwar"], 2).contains("did you mean `vmware`?"));
}

#[test]
fn sync_moves_what_it_may_and_says_why_not() {
    let world = World::cloned(&["core", "hyperv", "ironic", "vmware", "xen"]);
    for name in &world.names {
        world.lands(name, "landed");
    }
    fs::write(world.checkout("hyperv").join("file"), "work").unwrap();
    world.git(&world.checkout("ironic"), &["switch", "-q", "-c", "feature"]);
    let vmware = world.checkout("vmware");
    fs::write(vmware.join("own"), "").unwrap();
    world.commit(&vmware, "own");
    fs::write(world.checkout("xen").join("landed"), "in the way").unwrap();
    let text = world.ok(&["ws", "sync"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("core    1 new on main, now at "), "{text}");
    assert_eq!(lines[1], "hyperv  stays as it is: uncommitted work");
    assert_eq!(lines[2], "ironic  stays as it is: on feature, not on main");
    assert_eq!(lines[3], "vmware  stays as it is: 1 here only, 1 there only");
    assert!(lines[4].starts_with("xen     stays as it is: ") && lines[4].contains("landed"), "{text}");
    assert_eq!(fs::read_to_string(world.checkout("hyperv").join("file")).unwrap(), "work");
    assert_eq!(fs::read_to_string(world.checkout("xen").join("landed")).unwrap(), "in the way");
    assert_eq!(world.ok(&["ws", "sync", "core"]), "core  up to date\n");
}

#[test]
fn exec_runs_in_each_and_fails_if_one_does() {
    let world = World::cloned(&["core", "vmware", "xen"]);
    let text = world.ok(&["ws", "exec", "-j1", "sh", "-c", "echo $CROSSGATE_REPO; cat file; echo >&2"]);
    assert_eq!(text, "core  ok\ncore\ncore\nvmware  ok\nvmware\nvmware\nxen  ok\nxen\nxen\n");
    let test = [
        "ws",
        "exec",
        "--interleave",
        "-j1",
        "--",
        "sh",
        "-c",
        "echo a; printf b; test $CROSSGATE_REPO != xen",
    ];
    let output = world.run(&test, 1);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "core   | a\ncore   | b\nvmware | a\nvmware | b\nxen    | a\nxen    | b\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("failed in 1: xen (exit status 1)"), "{told}");
    let rows = world.json(&["ws", "exec", "--repo", "xen", "sh", "-c", "echo x; kill -9 $$"], 1);
    assert_eq!(rows["repos"][0]["exit"]["signal"], 9);
    assert_eq!(rows["repos"][0]["output"], "x\n");
    let told = world.told(&["ws", "exec", "no-such-program"], 3);
    assert!(told.contains("failed: core, vmware, xen: `no-such-program` cannot be run"), "{told}");
}

#[test]
fn exec_bounds_what_is_said_and_does_not_wait_for_what_is_left_behind() {
    let world = World::cloned(&["core"]);
    let started = Instant::now();
    let rows = world.json(&["ws", "exec", "sh", "-c", "sleep 30 & seq 1 200000"], 0);
    assert!(started.elapsed() < Duration::from_secs(20));
    let output = rows["repos"][0]["output"].as_str().unwrap();
    assert!(output.len() < 200_000 && output.starts_with("1\n") && output.ends_with("200000\n"));
    assert!(rows["repos"][0]["left_out"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn exec_ends_when_nobody_reads_its_lines_any_more() {
    let world = World::cloned(&["core", "vmware"]);
    let script = "while :; do echo more; sleep 0.05; done";
    let mut command = world.crossgate(&["ws", "exec", "--interleave", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it goes on for nobody");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_interruption_ends_what_runs() {
    for signal in ["-INT", "-TERM"] {
        let world = World::cloned(&["core", "vmware", "xen"]);
        let script = "echo $$ > started; sleep 60";
        let mut command = world.crossgate(&["ws", "exec", "-j1", "sh", "-c", script]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let pid = world.wait_for(&world.checkout("core").join("started"), deadline);
        let kill = world.command("kill", world.root()).args([signal, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(Instant::now() < deadline, "it was not ended, it ended");
        assert!(!Path::new("/proc").join(pid).exists(), "the command still runs");
        assert!(!world.checkout("vmware").join("started").exists(), "another was started");
    }
}

impl World {
    /// Returns the line in a file, once there is one.
    fn wait_for(&self, path: &Path, deadline: Instant) -> String {
        loop {
            match fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => assert!(
                    Instant::now() < deadline,
                    "{} did not come in {}",
                    path.display(),
                    self.root().display()
                ),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_branch_is_made_or_switched_to() {
    let world = World::cloned(&["core", "vmware", "xen"]);
    world.git(&world.checkout("vmware"), &["branch", "work"]);
    world.git(&world.checkout("xen"), &["switch", "-q", "-c", "work"]);
    let text = world.ok(&["ws", "branch", "work"]);
    assert_eq!(text, "core    on work, new\nvmware  on work, which was there\nxen     on work already\n");
    assert_eq!(world.ok(&["ws", "branch", "other", "core"]), "core  on other, new\n");
    assert_eq!(world.git(&world.checkout("vmware"), &["branch", "--show-current"]), "work");
    world.run(&["ws", "branch", "-x"], 2);
    world.run(&["ws", "branch", "a..b"], 2);
}

#[test]
fn a_snapshot_brings_every_repo_back() {
    let world = World::cloned(&["core", "vmware", "xen"]);
    world.ok(&["ws", "snapshot", "then.json"]);
    assert!(world.told(&["ws", "snapshot", "then.json"], 2).contains("is there already"));
    let first = fs::metadata(world.root().join("then.json")).unwrap();
    world.ok(&["ws", "snapshot", "then.json", "--force"]);
    let second = fs::metadata(world.root().join("then.json")).unwrap();
    assert_ne!(first.ino(), second.ino(), "a new file was moved into its place");
    assert_eq!(second.mode() & 0o600, 0o600);
    let before = world.git(&world.checkout("core"), &["rev-parse", "HEAD"]);
    world.lands("core", "landed");
    world.lands("vmware", "landed");
    world.ok(&["ws", "sync"]);
    fs::write(world.checkout("vmware").join("file"), "work").unwrap();
    let told = world.told(&["ws", "restore", "then.json"], 1);
    assert!(told.contains("failed: vmware: ") && told.contains("nothing was changed"), "{told}");
    assert_ne!(world.git(&world.checkout("core"), &["rev-parse", "HEAD"]), before);
    assert!(world.told(&["ws", "snapshot"], 1).contains("failed: vmware: uncommitted work in 1 files"));
    world.git(&world.checkout("vmware"), &["checkout", "-q", "--", "file"]);
    let text = world.ok(&["ws", "restore", "then.json"]);
    let short = &before[..10];
    assert!(text.starts_with(&format!("core    moved to {short}\n")), "{text}");
    assert!(text.lines().nth(2).unwrap().ends_with(" already"), "{text}");
    assert_eq!(world.git(&world.checkout("core"), &["rev-parse", "HEAD"]), before);
    let printed: Value = serde_json::from_str(&world.ok(&["ws", "snapshot"])).unwrap();
    assert_eq!(printed["repos"]["core"]["commit"], before);
}

#[test]
fn a_restore_fetches_a_commit_that_is_not_here() {
    let world = World::cloned(&["core"]);
    world.lands("core", "landed");
    let commit = world.git(&world.bare("core"), &["rev-parse", "main"]);
    let text = world.ok(&["ws", "snapshot"]);
    let old = world.git(&world.checkout("core"), &["rev-parse", "HEAD"]);
    fs::write(world.root().join("new.json"), text.replace(&old, &commit)).unwrap();
    assert_eq!(world.ok(&["ws", "restore", "new.json"]), format!("core  moved to {}\n", &commit[..10]));
    fs::write(world.root().join("bad.json"), "{}").unwrap();
    assert!(world.told(&["ws", "restore", "bad.json"], 2).contains("is not a snapshot"));
}
