//! What the jobs of nova-common catch, shown by their own commands on a copy of its real sources.

#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the commands of a job.
fn steps(job: &str) -> Vec<String> {
    let text = fs::read_to_string(top().join("jobs/common.yaml")).unwrap();
    let catalogue: Value = serde_yaml::from_str(&text).unwrap();
    let steps = catalogue["jobs"][job]["steps"].as_array().unwrap().iter();
    steps.map(|step| step["run"].as_str().unwrap().to_owned()).collect()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Copies nova-common into a workspace of its own.
fn common() -> TempDir {
    let world = tempfile::tempdir().unwrap();
    let manifest = fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let mut manifest: toml::Table = manifest.parse().unwrap();
    manifest["workspace"]["members"] = vec!["nova-common/*"].into();
    fs::write(world.path().join("Cargo.toml"), toml::to_string(&manifest).unwrap()).unwrap();
    fs::copy(top().join("Cargo.lock"), world.path().join("Cargo.lock")).unwrap();
    let mut open = vec![PathBuf::from("nova-common")];
    while let Some(dir) = open.pop() {
        fs::create_dir_all(world.path().join(&dir)).unwrap();
        for entry in fs::read_dir(top().join(&dir)).unwrap().map(Result::unwrap) {
            let path = dir.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                fs::copy(entry.path(), world.path().join(&path)).unwrap();
            }
        }
    }
    world
}

#[test]
fn a_method_that_is_removed_stops_the_frozen_driver_from_building() {
    let world = common();
    let driver = world.path().join("nova-common/api/src/driver.rs");
    let text = fs::read_to_string(&driver).unwrap();
    let method = "    fn shutdown(&self) -> impl Future<Output = Result<(), ShutdownError>> + Send;\n";
    let (before, after) = text.split_once(method).unwrap();
    // Its documentation goes with it.
    let kept = before.lines().count() - before.lines().rev().take_while(|line| line.contains("///")).count();
    let before = before.lines().take(kept).collect::<Vec<_>>().join("\n");
    assert_eq!(before.matches("ShutdownError, ").count(), 1, "it is imported once, for this method");
    fs::write(&driver, before.replace("ShutdownError, ", "") + "\n" + after).unwrap();
    let mut shell = Command::new("sh");
    shell.current_dir(world.path()).args(["-ec", &steps("api-frozen")[0]]);
    let output =
        shell.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("jobs")).output().unwrap();
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("method `shutdown` is not a member of trait `Driver`"), "{said}");
    assert!(said.contains("could not compile `nova-driver-frozen`"), "{said}");
}

/// Runs the step of `cargo semver-checks` with a cargo that answers so.
fn semver_step(dir: &Path, cargo: &str) -> Output {
    let steps = steps("api-compat");
    let step = steps.iter().find(|step| step.contains("semver-checks")).unwrap();
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("cargo"), format!("#!/bin/sh\n{cargo}\n")).unwrap();
    fs::set_permissions(bin.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    Command::new("sh").current_dir(dir).args(["-ec", step]).env("PATH", path).output().unwrap()
}

#[test]
fn the_shapes_are_compared_if_the_tool_is_there_and_else_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let without = semver_step(dir.path(), "exit 101");
    assert!(without.status.success() && said(&without).contains("is not installed"), "{}", said(&without));
    let no_baseline = semver_step(dir.path(), "exit 0");
    assert!(said(&no_baseline).contains("nothing to compare with"), "{}", said(&no_baseline));
    fs::create_dir_all(dir.path().join("target/baseline")).unwrap();
    let red = semver_step(dir.path(), "echo \"$@\"; [ \"$2\" = --version ]");
    assert!(!red.status.success(), "its verdict counts: {}", said(&red));
    assert!(
        said(&red).contains("semver-checks --package nova-api --baseline-root target/baseline"),
        "{}",
        said(&red)
    );
}
