//! The schema of what comes out of a scenario says what comes out.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::collections::{BTreeMap, BTreeSet};

use crossgate_core::build::Purpose;
use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use crossgate_simulator::{
    BuildLine, ChangeLine, GateWord, LandedLine, Outcome, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting, outcome_schema,
};
use serde_json::Value;

fn outcome() -> Outcome {
    let a = ChangeId::parse("A").unwrap();
    let (core, lab) = (RepoName::parse("core").unwrap(), JobName::parse("lab").unwrap());
    let (change, job, driver) = (a.clone(), lab.clone(), Some(DriverName::parse("vmware").unwrap()));
    let line =
        ChangeLine { state: StateWord::Open, gate: GateWord::Failed, reason: "lab".to_owned(), reports: 2 };
    Outcome {
        scenario: "one of each".to_owned(),
        ended: "35m".to_owned(),
        landed: vec![LandedLine { change: a.clone(), at: "35m".to_owned() }],
        changes: BTreeMap::from([(a.clone(), line)]),
        builds: vec![BuildLine {
            job: job.clone(),
            driver: driver.clone(),
            change: change.clone(),
            revision: 1,
            pipeline: PipelineWord::Gate,
            purpose: Purpose::Confirm,
            attempt: 1,
            with: vec![a.clone()],
            started: "0s".to_owned(),
            ended: None,
            outcome: None,
        }],
        verdicts: vec![VerdictLine {
            change: change.clone(),
            driver,
            job,
            pipeline: PipelineWord::Check,
            verdict: "not-applicable",
            vote: None,
            detail: Some("not for this platform".to_owned()),
        }],
        reports: vec![ReportLine {
            change: change.clone(),
            pipeline: PipelineWord::Gate,
            at: "0s".to_owned(),
            state: ReportWord::Started,
            text: "entered".to_owned(),
        }],
        tips: BTreeMap::from([(core.clone(), vec![a])]),
        waits: vec![Waiting {
            change,
            pipeline: None,
            driver: None,
            job: None,
            on: "a hold".to_owned(),
            since: "0s".to_owned(),
            until: None,
        }],
        frozen: BTreeMap::from([(core, "another tree".to_owned())]),
    }
}

/// Compares an object's keys with those of its schema, and goes on with what is in it.
fn check(path: &str, value: &Value, schema: &Value, whole: &Value) {
    let schema = schema["$ref"].as_str().map_or(schema, |name| whole.pointer(&name[1..]).unwrap());
    match value {
        Value::Object(object) if schema["properties"].is_object() => {
            let keys: BTreeSet<&str> = object.keys().map(String::as_str).collect();
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(keys, properties.keys().map(String::as_str).collect(), "{path}");
            for (key, value) in object {
                assert!(properties[key]["description"].is_string(), "{path}.{key} has no description");
                check(&format!("{path}.{key}"), value, &properties[key], whole);
            }
        }
        Value::Object(object) => {
            let entries = object.iter();
            entries.for_each(|(key, value)| {
                check(&format!("{path}.{key}"), value, &schema["additionalProperties"], whole);
            });
        }
        Value::Array(items) => items.iter().for_each(|item| check(path, item, &schema["items"], whole)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let types = &schema["type"];
            let kind = match value {
                Value::Null => "null",
                Value::Number(_) => "integer",
                _ => "string",
            };
            let nullable =
                schema["anyOf"].as_array().is_some_and(|any| any.iter().any(|any| any["type"] == kind));
            let takes =
                *types == kind || types.as_array().is_some_and(|types| types.iter().any(|one| one == kind));
            let one_of = schema["oneOf"]
                .as_array()
                .is_some_and(|words| words.iter().any(|word| word["const"] == *value));
            assert!(takes || nullable || one_of, "{path}: {value} is none of {schema}");
            let words = schema["enum"].as_array();
            assert!(words.is_none_or(|words| words.contains(value)), "{path}: {value} is none of {schema}");
        }
    }
}

#[test]
fn an_outcome_has_the_keys_and_words_of_its_schema() {
    let schema = outcome_schema();
    check("", &serde_json::to_value(outcome()).unwrap(), &schema, &schema);
}

#[test]
fn the_schema_is_as_recorded() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&outcome_schema()).unwrap());
}
