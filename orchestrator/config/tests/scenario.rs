//! Scenario files as users write them, right and wrong.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crossgate_config::{Diagnostic, Diagnostics, LoadedScenario, Severity, Source, load_scenario};
use crossgate_core::scenario::{Happening, LandingResult, Said, Scenario};
use jiff::civil::date;
use proptest::prelude::*;

fn source(text: &str) -> Source {
    Source { name: "scenario.yaml".to_owned(), text: text.as_bytes().to_vec() }
}

fn loaded(text: &str) -> LoadedScenario {
    load_scenario(&source(text)).unwrap_or_else(|found| panic!("{}", found.render(false, 100)))
}

fn refused(text: &str) -> Vec<Diagnostic> {
    load_scenario(&source(text)).unwrap_err().0
}

fn shown(name: &str, found: Vec<Diagnostic>) {
    let text = Diagnostics(found).render(false, 100);
    insta::with_settings!({ snapshot_path => "malformed", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn every_malformed_scenario_is_told_of_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/malformed");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        match (name.as_str(), load_scenario(&source(&text))) {
            ("warnings", Ok(loaded)) => shown("warnings", loaded.warnings),
            (_, Ok(_)) => panic!("{name} is well-formed"),
            (_, Err(found)) => shown(&name, found.0),
        }
    }
}

#[test]
fn every_error_has_a_place_and_most_a_way_out() {
    for name in ["names", "events", "parents", "keys"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/malformed/{name}.yaml"));
        for found in refused(&fs::read_to_string(file).unwrap()) {
            assert!(found.line > 0, "{found:?}");
            assert!(found.hint.is_some() || found.message.contains("expected"), "{found:?}");
        }
    }
}

#[test]
fn the_example_of_the_design_loads() {
    let LoadedScenario { scenario, warnings } = loaded(include_str!("scenarios/design.yaml"));
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(scenario.name, "a failing head restarts the ones behind it");
    assert_eq!(scenario.starts, date(2026, 1, 1));
    assert_eq!(scenario.changes.len(), 3);
    assert_eq!(scenario.outcomes[0].result, Said::Fail);
    assert_eq!(scenario.outcomes[0].after, Some(Duration::from_mins(5)));
    assert_eq!(scenario.timeline[1].at, Duration::from_mins(1));
    assert!(matches!(&scenario.timeline[0].what, Happening::Approve(change) if change.as_str() == "A"));
    assert_eq!(scenario.expect, Some(serde_json::json!({ "landed": ["B"] })));
}

/// Tells of a scenario all but its workspaces.
fn told(scenario: &Scenario) -> String {
    let mut text = format!("{} from {}\n", scenario.name, scenario.starts);
    for (name, change) in &scenario.changes {
        let own = change.workspace.as_ref().map(|workspace| workspace.name.as_str());
        let parts = (&change.repo, &change.branch, &change.files, &change.depends_on);
        writeln!(text, "{name}: {parts:?} {:?} {:?} {own:?}", change.parent, change.conflicts).unwrap();
    }
    writeln!(text, "{:?}\n{:?}", scenario.durations, scenario.slots).unwrap();
    for rule in &scenario.outcomes {
        writeln!(text, "{rule:?}").unwrap();
    }
    for rule in &scenario.landings {
        writeln!(text, "{rule:?}").unwrap();
    }
    for record in &scenario.history {
        writeln!(text, "{record:?}").unwrap();
    }
    for event in &scenario.timeline {
        let what = match &event.what {
            Happening::Configure(workspace) => format!("Configure({})", workspace.name),
            other => format!("{other:?}"),
        };
        writeln!(text, "{:?} {:?} {what}", event.at, event.by).unwrap();
    }
    text + &serde_json::to_string_pretty(&scenario.expect).unwrap()
}

#[test]
fn every_key_arrives() {
    let LoadedScenario { scenario, warnings } = loaded(include_str!("scenarios/whole.yaml"));
    insta::assert_snapshot!(told(&scenario));
    let codes: Vec<_> = warnings.iter().map(|found| (found.severity, found.code)).collect();
    assert_eq!(codes, [(Severity::Warning, "expired-opt-in")], "said once, though three places name it");
    let unit = scenario.workspace.jobs.values().find(|job| job.name.as_str() == "unit").unwrap();
    assert!(unit.holds_followers && unit.steps.is_empty());
    assert_eq!(scenario.landings[1].times, 3);
    assert_eq!((scenario.landings[2].result, scenario.landings[2].times), (LandingResult::Differs, 0));
}

#[test]
fn nothing_is_unbounded() {
    let design = include_str!("scenarios/design.yaml");
    let (base, _) = design.split_once("\nchanges:\n").unwrap();
    let events = |count: usize| format!("{base}\ntimeline:\n{}", "  - 1m\n".repeat(count));
    assert_eq!(loaded(&events(10_000)).scenario.timeline.len(), 10_000);
    let codes = |found: Vec<Diagnostic>| found.iter().map(|found| found.code).collect::<Vec<_>>();
    assert_eq!(codes(refused(&events(10_001))), ["too-many"]);
    let configured = |index| {
        format!("  - do: configure\n    workspace: {{ version: 1, workspace: w{index}, repos: {{}} }}\n")
    };
    let many = |count| format!("{base}\ntimeline:\n{}", (1..=count).map(configured).collect::<String>());
    assert!(load_scenario(&source(&many(99))).is_ok());
    assert_eq!(codes(refused(&many(100))), ["too-many"]);
    let child = |index| format!("  c{}: {{ repo: core, parent: c{index} }}\n", index + 1);
    let line: String = (0..9_999).map(child).collect();
    let line = loaded(&format!("{base}\nchanges:\n  c0: {{ repo: core }}\n{line}"));
    assert_eq!(line.scenario.changes.len(), 10_000);
}

/// Puts a text through all that reads or shows it.
fn survives(text: &str) {
    if let Err(found) = load_scenario(&source(text)) {
        assert!(found.0.iter().any(|found| found.severity == Severity::Error));
        assert!(!found.render(true, 80).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_mutated_scenario_never_panics(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "[-a-z0-9:,{}\\[\\]&*!|'\"%~ \n]{0,6}"), 1..6),
    ) {
        let mut text: Vec<char> = include_str!("scenarios/whole.yaml").chars().collect();
        for (at, len, put) in cuts {
            let from = at.index(text.len());
            text.splice(from..(from + len).min(text.len()), put.chars());
        }
        survives(&text.into_iter().collect::<String>());
    }

    #[test]
    fn swapped_lines_never_panic(
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8),
    ) {
        let mut lines: Vec<&str> = include_str!("scenarios/whole.yaml").lines().collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        survives(&lines.join("\n"));
    }

    #[test]
    fn words_in_wrong_places_never_panic(
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..12),
    ) {
        let text = include_str!("scenarios/whole.yaml");
        let mut words: Vec<&str> = text.split_inclusive(' ').collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(words.len()), b.index(words.len()));
            words[a] = words[b];
        }
        survives(&words.concat());
    }
}
