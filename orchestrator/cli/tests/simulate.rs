//! What `crossgate simulate` prints and how it ends, through the binary.
#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SCENARIO: &str = "\
scenario: a change lands
workspace:
  version: 1
  workspace: demo
  repos: { core: { role: common }, vmware: { role: driver, depends_on: [core] } }
  common: { core: { own_changes: [unit], sanity: [vmware] } }
  drivers: { vmware: { repo: vmware, own_changes: [lab], common_changes: { mode: gating, jobs: [lab] } } }
  jobs: { unit: {}, lab: {} }
changes:
  A: { repo: core, files: [src/lib.rs] }
timeline:
  - { at: 0s, do: approve, change: A }
";

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossgate"));
    command.current_dir(dir).env_clear().arg("simulate").args(args);
    command
}

fn texts(output: &Output, status: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{out}\n{err}");
    (out, err)
}

fn run(dir: &Path, args: &[&str], status: i32) -> (String, String) {
    texts(&command(dir, args).output().unwrap(), status)
}

/// A directory with scenarios: one that is fine, one that expects something else, and, if wanted, a malformed one.
fn scenarios(malformed: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let all = dir.path().join("all");
    fs::create_dir(&all).unwrap();
    fs::write(all.join("fine.yaml"), SCENARIO).unwrap();
    fs::write(all.join("other.yaml"), format!("{SCENARIO}expect:\n  ended: 99h\n  builds: 99\n")).unwrap();
    if malformed {
        fs::write(all.join("malformed.yaml"), SCENARIO.replace("timeline", "timelime")).unwrap();
    }
    dir
}

#[test]
fn one_scenario_is_told_in_full() {
    let dir = scenarios(false);
    let (out, err) = run(dir.path(), &["all/fine.yaml"], 0);
    assert!(out.contains("change  pipeline  entered  ended") && out.contains("purpose"), "{out}");
    assert!(!out.contains('\u{1b}') && !out.contains("expected"), "{out}");
    assert_eq!(err, "");
    let mut child = command(dir.path(), &["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(SCENARIO.as_bytes()).unwrap();
    assert_eq!(texts(&child.wait_with_output().unwrap(), 0).0, out);
}

#[test]
fn one_scenario_is_one_object() {
    let dir = scenarios(false);
    let (out, _) = run(dir.path(), &["all/fine.yaml", "--format", "json"], 0);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&object["version"], &object["mismatches"]), (&1.into(), &Value::Array(Vec::new())));
    for key in ["scenario", "ended", "landed", "changes", "builds", "verdicts", "reports", "tips", "waits"] {
        assert!(!object[key].is_null(), "{key}: {out}");
    }
}

#[test]
fn what_is_not_as_expected_is_told_with_what_was_found() {
    let dir = scenarios(false);
    let (out, _) = run(dir.path(), &["all/other.yaml"], 1);
    assert!(
        out.contains("not as expected\n") && out.contains("  ended\n    expected \"4d3h\"\n    found    "),
        "{out}"
    );
    assert!(out.contains("  builds\n    expected 99\n"), "{out}");
    let (out, _) = run(dir.path(), &["all/other.yaml", "--format", "json"], 1);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["mismatches"].as_array().unwrap().len(), 2);
}

#[test]
fn of_several_each_is_told_in_a_line_and_a_malformed_one_holds_none_up() {
    let dir = scenarios(true);
    let (out, err) = run(dir.path(), &["all"], 2);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("✓ ") && lines[1].starts_with("✗ all/malformed.yaml"), "{out}");
    assert!(lines[2].starts_with("✗ ") && lines[3] == "  all/other.yaml", "{out}");
    assert_eq!(lines.last(), Some(&"3 scenarios: 1 as expected, 1 not as expected, 1 not played"));
    assert!(err.contains("timelime") && err.contains("timeline"), "{err}");
    let (out, _) = run(dir.path(), &["all", "--format", "json"], 2);
    let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[1]["file"], "all/malformed.yaml");
    assert!(!objects[1]["diagnostics"].as_array().unwrap().is_empty(), "{out}");
    let dir = scenarios(false);
    let (out, _) = run(dir.path(), &["all", "-q"], 1);
    assert!(!out.contains('✓') && out.contains("✗ "), "{out}");
}

#[test]
fn the_chart_is_drawn_of_one_scenario() {
    let dir = scenarios(false);
    let (_, err) = run(dir.path(), &["all/fine.yaml", "--timeline", "a.svg"], 0);
    assert!(err.contains("a.svg"), "{err}");
    let svg = fs::read_to_string(dir.path().join("a.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    let (_, err) = run(dir.path(), &["all", "--timeline", "a.svg"], 2);
    assert!(err.contains("needs exactly one scenario, and there are 2"), "{err}");
    run(dir.path(), &["all/fine.yaml", "--timeline", "nowhere/a.svg"], 3);
}

#[test]
fn a_chart_overwrites_no_scenario() {
    let dir = scenarios(false);
    fs::hard_link(dir.path().join("all/fine.yaml"), dir.path().join("linked.yaml")).unwrap();
    for target in ["all/fine.yaml", "all/../all/fine.yaml", "linked.yaml"] {
        let (_, err) = run(dir.path(), &["all/fine.yaml", "--timeline", target], 2);
        assert!(err.contains("would overwrite the scenario `all/fine.yaml`"), "{err}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("all/fine.yaml")).unwrap(), SCENARIO);
    let (_, err) = run(dir.path(), &["all/fine.yaml", "--timeline", "-"], 2);
    assert!(err.contains("`-` is none") && !dir.path().join("-").exists(), "{err}");
}

#[test]
fn what_means_nothing_together_is_refused() {
    let dir = scenarios(false);
    for args in [&["--runs", "3"][..], &["--compare", "confirm=off"], &["all/fine.yaml", "--runs", "3"]] {
        let (_, err) = run(dir.path(), args, 2);
        assert!(err.contains("needs a synthetic workload") && err.contains("hint:"), "{err}");
    }
    let (_, err) = run(dir.path(), &["--schema", "scenario", "all/fine.yaml"], 2);
    assert_eq!(err, "error: `--schema` plays nothing\n  hint: crossgate simulate --schema scenario\n");
}

#[test]
fn what_cannot_be_played_is_said() {
    let dir = scenarios(false);
    let (_, err) = run(dir.path(), &["nowhere.yaml"], 2);
    assert_eq!(err.matches("nowhere.yaml").count(), 1, "{err}");
    assert!(err.contains("cannot read `nowhere.yaml`: No such file") && !err.contains(":0"), "{err}");
    assert!(run(dir.path(), &[], 2).1.contains("FILE|DIR"));
    fs::create_dir(dir.path().join("empty")).unwrap();
    assert!(run(dir.path(), &["empty"], 2).1.contains("there is no scenario in `empty`"));
}

#[test]
fn schemas_are_printed() {
    let dir = scenarios(false);
    for which in ["scenario", "outcome"] {
        let (out, _) = run(dir.path(), &["--schema", which], 0);
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert!(schema.is_object(), "{out}");
    }
}

#[test]
fn a_workload_says_what_few_runs_tell() {
    let dir = scenarios(false);
    let small = "drivers=2,changes=10,warm_up=0,rigs=4";
    let (out, _) = run(dir.path(), &["--synthetic", small, "--runs", "1", "--compare", "bad=0%,50%"], 0);
    assert!(out.contains("one run: what is due to chance is not known") && !out.contains('*'), "{out}");
    let (out, _) = run(dir.path(), &["--synthetic", small, "--runs", "1", "--format", "json"], 0);
    let object: Value = serde_json::from_str(&out).unwrap();
    let landed = &object["policies"][0]["figures"]["landed"];
    assert!(landed["mean"].is_number() && landed["low"].is_null() && landed["high"].is_null(), "{landed}");
    for args in [&["--synthetic", "bad=1%,bad=2%"][..], &["--synthetic", "--compare", "bad=1%,1%"]] {
        let (_, err) = run(dir.path(), args, 2);
        assert!(err.contains("is set twice"), "{err}");
    }
    let (out, _) = run(dir.path(), &["--help"], 0);
    assert!(
        out.contains("confirm=auto        when a red is asked twice: `off`, `auto` or `always`"),
        "{out}"
    );
}
