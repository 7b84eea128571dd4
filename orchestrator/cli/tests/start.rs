//! What a workspace and a driver repo start from, and what the program says of itself, through the binary.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn command(program: &str, dir: &Path, identity: bool) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().envs([
        ("PATH", std::env::var("PATH").unwrap().as_str()),
        ("HOME", dir.to_str().unwrap()),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ]);
    if identity {
        command.envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@example.org")]);
        command.envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@example.org")]);
    }
    command
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = command("git", dir, true).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn run(dir: &Path, args: &[&str], status: i32) -> (String, String) {
    let output = command(env!("CARGO_BIN_EXE_crossgate"), dir, true).args(args).output().unwrap();
    texts(&output, status)
}

fn texts(output: &Output, status: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{out}\n{err}");
    (out, err)
}

/// Makes a checkout with these files.
fn repo(dir: &Path, name: &str, branch: &str, files: &[(&str, &str)]) {
    let dir = dir.join(name);
    fs::create_dir_all(&dir).unwrap();
    git(&dir, &["init", "-q", "-b", branch]);
    for (path, text) in files {
        fs::write(dir.join(path), text).unwrap();
    }
    git(&dir, &["add", "--all"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "begin"]);
}

fn world() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn init_writes_a_file_that_checks_from_what_is_there() {
    let world = world();
    let dir = world.path();
    repo(dir, "api", "trunk", &[("Cargo.toml", "package.name = 'api'")]);
    repo(dir, "glue", "main", &[("Cargo.toml", "package.name = 'glue'\ndependencies.api = '1'")]);
    repo(dir, "driver-xen", "main", &[("Cargo.toml", "package.name = 'xen'\ndependencies.glue = '1'")]);
    fs::write(dir.join(".gitignore"), "/target").unwrap();
    let (out, err) = run(dir, &["init"], 0);
    let lines: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "  api         common, branch trunk  (others name its packages)",
            "  driver-xen  driver, branch main, depends on glue  (no other names its packages)",
            "  glue        library, branch main, depends on api  (others name its packages)",
        ]
    );
    assert!(err.contains("crossgate config check"), "{err}");
    assert_eq!(fs::read_to_string(dir.join(".gitignore")).unwrap(), "/target\n/.crossgate/\n");
    let (_, err) = run(dir, &["config", "check"], 0);
    assert!(!err.contains("error") && !err.contains("warning"), "{err}");
    let (_, err) = run(dir, &["init"], 2);
    assert!(err.contains("is there already") && err.contains("--force"), "{err}");
    run(dir, &["init", "--force"], 0);
    assert_eq!(fs::read_to_string(dir.join(".gitignore")).unwrap(), "/target\n/.crossgate/\n");
}

#[test]
fn init_takes_addresses_and_directories_elsewhere() {
    let world = world();
    let (dir, elsewhere) = (world.path().join("w"), world.path().join("elsewhere"));
    fs::create_dir_all(&dir).unwrap();
    repo(&elsewhere, "driver-xen", "main", &[]);
    let address = "https://me:secret@example.org/nova-core.git";
    run(&dir, &["init", address, "../elsewhere/driver-xen"], 0);
    let text = fs::read_to_string(dir.join("crossgate.yaml")).unwrap();
    assert!(text.contains("url: \"https://example.org/nova-core.git\""), "{text}");
    assert!(text.contains("path: \"../elsewhere/driver-xen\""), "{text}");
    assert!(text.contains("sanity: [xen]"), "{text}");
    run(&dir, &["config", "check"], 0);
    assert_eq!(run(&dir, &["ws", "status", "driver-xen"], 0).0, "driver-xen  main  clean\n");
}

#[test]
fn init_says_what_it_cannot_start_from() {
    let world = world();
    let dir = world.path();
    assert!(run(dir, &["init"], 2).1.contains("there is no git checkout in"));
    fs::create_dir(dir.join("plain")).unwrap();
    assert!(run(dir, &["init", "plain"], 2).1.contains("`plain` is not a git checkout"));
    assert!(run(dir, &["init", "nowhere"], 2).1.contains("is neither a directory nor an address"));
    assert!(run(dir, &["init", "h:x/a", "g:y/a.git"], 2).1.contains("two repos have the name `a`"));
    assert!(!dir.join("crossgate.yaml").exists());
}

#[test]
fn a_new_driver_takes_part_in_a_workspace() {
    let world = world();
    let dir = world.path();
    repo(dir, "nova-common", "main", &[("Cargo.toml", "package.name = 'nova-api'")]);
    let (out, err) = run(dir, &["driver", "new", "vmware", "--kind", "cluster"], 0);
    assert!(out.ends_with("/nova-driver-vmware\n"), "{out}");
    assert!(err.contains("nova-driver-vmware: { role: driver, depends_on: [nova-common] }"), "{err}");
    let repo = dir.join("nova-driver-vmware");
    assert_eq!(git(&repo, &["status", "--porcelain"]), "");
    assert_eq!(git(&repo, &["log", "--format=%s"]), "Start nova-driver-vmware from the driver template");
    assert!(run(dir, &["driver", "new", "vmware", "--kind", "cluster"], 2).1.contains("is there already"));
    run(dir, &["driver", "new", "lab", "--kind", "hypervisor", "--set", "--no-git", "--ci", "none"], 0);
    let lab = dir.join("nova-driver-lab");
    assert!(
        lab.join("lab/src/lib.rs").exists() && !lab.join(".git").exists() && !lab.join(".github").exists()
    );
    run(dir, &["init"], 0);
    let text = fs::read_to_string(dir.join("crossgate.yaml")).unwrap();
    assert!(text.contains("sanity: [vmware]") && text.contains("  driver-conformance:"), "{text}");
    let (_, err) = run(dir, &["config", "check"], 0);
    assert!(!err.contains("error"), "{err}");
    let half_made = fs::read_dir(dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".new-"));
    assert_eq!(half_made.count(), 0);
}

#[test]
fn a_new_driver_without_an_identity_is_left_uncommitted() {
    let world = world();
    let args = ["driver", "new", "x", "--kind", "cluster", "--format", "json"];
    let output = command(env!("CARGO_BIN_EXE_crossgate"), world.path(), false).args(args).output().unwrap();
    let (out, err) = texts(&output, 0);
    assert!(out.contains("\"committed\": false"), "{out}");
    assert!(err.contains("not committed: git has no identity"), "{err}");
    assert!(world.path().join("nova-driver-x/Cargo.toml").exists());
    for bad in [["driver", "new", "a.b", "--kind", "cluster"], ["driver", "new", "a", "--kind", "robot"]] {
        run(world.path(), &bad, 2);
    }
}

#[test]
fn the_program_explains_itself() {
    let world = world();
    let dir = world.path();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(run(dir, &["completions", shell], 0).0.contains("workspace"), "{shell}");
    }
    let (page, _) = run(dir, &["man", "workspace", "sync"], 0);
    assert!(page.contains(".TH crossgate-workspace-sync 1"), "{page}");
    run(dir, &["man", "--dir", "man1"], 0);
    let has = |page: &str| dir.join("man1").join(page).exists();
    assert!(has("crossgate.1") && has("crossgate-workspace-exec.1") && has("crossgate-driver-new.1"));
    assert!(run(dir, &["man", "nonsense"], 2).1.contains("there is no command `nonsense`"));
}
