//! The library of scenarios: each says what it shows, and comes out as it expects.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many there are at least, so that a wrong path is no green.
const AT_LEAST: usize = 80;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn scenarios() -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![root().join("tests/scenarios")], Vec::new());
    while let Some(dir) = open.pop() {
        for path in fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn all_come_out_as_they_expect() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossgate"));
    command.current_dir(root()).env_clear().args(["simulate", "--quiet", "tests/scenarios"]);
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

#[test]
fn each_says_what_it_shows_and_what_it_expects() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= AT_LEAST, "{}", scenarios.len());
    for path in scenarios {
        assert_eq!(path.extension(), Some("yaml".as_ref()), "{}", path.display());
        let text = fs::read_to_string(&path).unwrap();
        let shows = text.lines().next().and_then(|line| line.strip_prefix("# "));
        assert!(shows.is_some_and(|shows| !shows.trim().is_empty()), "{}", path.display());
        assert!(text.lines().any(|line| line == "expect:"), "{} expects nothing", path.display());
    }
}
