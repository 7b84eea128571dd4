//! What an outcome is held against, and how a mismatch is told.

use std::collections::BTreeMap;

use crossgate_core::build::Purpose;
use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use serde_json::json;

use super::*;
use crate::outcome::{
    BuildLine, ChangeLine, GateWord, LandedLine, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting,
};

fn change(id: &str) -> ChangeId {
    ChangeId::parse(id).unwrap()
}

fn build(job: &str, id: &str, with: &[&str], started: &str, outcome: &'static str) -> BuildLine {
    BuildLine {
        job: JobName::parse(job).unwrap(),
        driver: (job == "lab").then(|| DriverName::parse("vmware").unwrap()),
        change: change(id),
        revision: 1,
        pipeline: PipelineWord::Gate,
        purpose: Purpose::Candidate,
        attempt: 1,
        with: with.iter().map(|id| change(id)).collect(),
        started: started.to_owned(),
        ended: Some("1h30m".to_owned()),
        outcome: Some(outcome),
    }
}

/// A fails in `unit`, B lands after a restart.
fn outcome() -> Outcome {
    let line = |state, gate, reason: &str| ChangeLine { state, gate, reason: reason.to_owned(), reports: 2 };
    let core = RepoName::parse("core").unwrap();
    Outcome {
        scenario: "s".to_owned(),
        ended: "1h30m".to_owned(),
        landed: vec![LandedLine { change: change("B"), at: "1h30m".to_owned() }],
        changes: BTreeMap::from([
            (change("A"), line(StateWord::Open, GateWord::Failed, "unit regressed: 2 of 2")),
            (change("B"), line(StateWord::Landed, GateWord::Landed, "it landed")),
        ]),
        builds: vec![
            build("unit", "A", &["A"], "0s", "fail"),
            build("unit", "B", &["A", "B"], "0s", "cancelled"),
            build("unit", "B", &["B"], "5m", "pass"),
            build("lab", "B", &["B"], "5m", "pass"),
        ],
        verdicts: vec![VerdictLine {
            change: change("A"),
            driver: None,
            job: JobName::parse("unit").unwrap(),
            pipeline: PipelineWord::Gate,
            verdict: "regressed",
            vote: Some("gating"),
            detail: None,
        }],
        reports: vec![ReportLine {
            change: change("B"),
            pipeline: PipelineWord::Gate,
            at: "1h30m".to_owned(),
            state: ReportWord::Landed,
            text: "it landed".to_owned(),
        }],
        tips: BTreeMap::from([(core.clone(), vec![change("B")])]),
        waits: vec![Waiting {
            change: change("B"),
            pipeline: Some(PipelineWord::Gate),
            driver: None,
            job: None,
            on: "A to be decided, which is ahead".to_owned(),
            since: "0s".to_owned(),
            until: None,
        }],
        frozen: BTreeMap::from([(core, "the landed tree differs".to_owned())]),
    }
}

fn told(expect: &Value) -> Vec<String> {
    let found = mismatches(expect, &outcome());
    found
        .into_iter()
        .map(|Mismatch { path, expected, found }| format!("{path}: {expected}: {found}"))
        .collect()
}

#[test]
fn what_came_out_is_expected() {
    let expectations = [
        json!({}),
        json!({ "scenario": "s", "ended": "90m" }),
        json!({ "landed": ["B"] }),
        json!({ "landed": [{ "change": "B", "at": "5400s" }] }),
        json!({ "changes": { "A": { "gate": "failed", "reason": "2 of 2", "reports": 2 }, "B": {} } }),
        json!({ "builds": 4, "verdicts": 1, "waits": 1 }),
        json!({ "builds": [{ "change": "B", "driver": null, "with": ["B"] }, { "outcome": "cancelled" }] }),
        // The first takes any line of B and must leave the second the only one that fits it.
        json!({ "builds": [{ "change": "B" }, { "with": ["A", "B"] }, { "change": "B" }] }),
        json!({ "builds": [{ "change": "B" }, { "change": "B", "outcome": "cancelled" }, { "job": "lab" }] }),
        json!({ "verdicts": [{ "verdict": "regressed", "driver": null }] }),
        json!({ "reports": [{ "text": "landed", "at": "1h30m", "state": "landed" }] }),
        json!({ "waits": [{ "on": "A to be", "until": null }] }),
        json!({ "tips": { "core": ["B"] }, "frozen": { "core": "differs" } }),
        json!({ "never": { "builds": [{ "change": "A", "job": "lab" }], "verdicts": [{ "change": "B" }] } }),
    ];
    for expect in expectations {
        assert_eq!(told(&expect), [""; 0], "{expect}");
    }
}

#[test]
fn every_mismatch_is_told() {
    let table = [
        (json!({ "ended": "1h" }), r#"ended: "1h": "1h30m""#),
        (json!({ "landed": ["A", "B"] }), r#"landed: ["A","B"]: ["B"]"#),
        (
            json!({ "landed": [{ "change": "B", "at": "1h" }] }),
            r#"landed: [{"at":"1h","change":"B"}]: [{"at":"1h30m","change":"B"}]"#,
        ),
        (json!({ "changes": { "A": { "gate": "landed" } } }), r#"changes.A.gate: "landed": "failed""#),
        (
            json!({ "changes": { "A": { "reason": "lab" } } }),
            r#"changes.A.reason: a text with "lab": "unit regressed: 2 of 2""#,
        ),
        (json!({ "changes": { "C": { "gate": "none" } } }), r#"changes.C: {"gate":"none"}: nothing"#),
        (json!({ "builds": 3 }), "builds: 3: 4"),
        (json!({ "tips": { "core": [] } }), r#"tips.core: []: ["B"]"#),
        (json!({ "frozen": {} , "tips": { "x": [] } }), "tips.x: []: nothing"),
        (json!({ "frozen": { "core": "x" } }), r#"frozen.core: a text with "x": "the landed tree differs""#),
        (json!({ "outcomes": 1 }), "outcomes: 1: nothing"),
        (
            json!({ "never": { "builds": [{ "change": "B", "job": "lab", "outcome": "pass" }] } }),
            concat!(
                r#"never.builds[0]: none like {"change":"B","job":"lab","outcome":"pass"}: {"attempt":1,"change":"B","#,
                r#""driver":"vmware","ended":"1h30m","job":"lab","outcome":"pass","pipeline":"gate","purpose":"candidate","#,
                r#""revision":1,"started":"5m","with":["B"]}"#
            ),
        ),
    ];
    for (expect, mismatch) in table {
        assert_eq!(told(&expect), [mismatch], "{expect}");
    }
}

#[test]
fn a_line_that_is_missing_is_told_with_the_closest() {
    let table = [
        (
            json!({ "builds": [{ "change": "A", "outcome": "pass" }] }),
            r#"builds[0]: {"change":"A","outcome":"pass"}: nothing like it; closest {"change":"A","outcome":"fail"}, which differs in outcome"#,
        ),
        (
            json!({ "builds": [{ "change": "A" }, { "change": "A", "job": "unit" }] }),
            r#"builds[1]: {"change":"A","job":"unit"}: 1 like it, which other expectations need"#,
        ),
        (json!({ "verdicts": [{ "verdict": "flaky" }] }), r#"verdicts[0]: {"verdict":"flaky"}: nothing"#),
    ];
    for (expect, mismatch) in table {
        assert_eq!(told(&expect), [mismatch], "{expect}");
    }
}
