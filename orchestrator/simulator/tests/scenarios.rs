//! The library of scenarios: each comes out as it expects, played without the program around it: so a change of what decides is
//! tested in seconds.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fs;
use std::path::{Path, PathBuf};

use crossgate_config::{Source, load_scenario};
use crossgate_simulator::{mismatches, play};

/// How many there are at least, so that a wrong path is no green.
const AT_LEAST: usize = 80;

fn files() -> Vec<PathBuf> {
    let (mut open, mut found) =
        (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")], Vec::new());
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

/// Says what comes out otherwise than a file expects.
fn differences(path: &Path) -> Vec<String> {
    let source = Source { name: path.display().to_string(), text: fs::read(path).unwrap() };
    let scenario =
        load_scenario(&source).unwrap_or_else(|found| panic!("{}", found.render(false, 110))).scenario;
    let expect = scenario.expect.as_ref().unwrap();
    match play(&scenario) {
        Ok(outcome) => {
            mismatches(expect, &outcome).iter().map(|of| format!("{}: {of:?}", path.display())).collect()
        }
        Err(stuck) => vec![format!("{}: {stuck}", path.display())],
    }
}

#[test]
fn all_come_out_as_they_expect() {
    let files = files();
    assert!(files.len() >= AT_LEAST, "{}", files.len());
    let found: Vec<String> = files.iter().flat_map(|path| differences(path)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
