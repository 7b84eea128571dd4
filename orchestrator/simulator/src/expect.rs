//! What a scenario expects, held against what came out of it: an expectation names a part of the outcome's JSON.
//!
//! An object of an expectation has to agree in the keys that it names. `landed` and `tips` are whole lists. Of `builds`,
//! `verdicts`, `reports` and `waits` each expectation needs a line of its own, in any order; a number instead of a list is
//! how many there are. A text in `reason`, `on`, `text` or `frozen` has to be contained; times are equal however they are
//! written.

mod lines;

use std::fmt;

use serde_json::{Map, Value};

use crate::outcome::Outcome;
use crate::text::from_words;

/// A place at which something else came out than was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the expectation, such as `changes.A.gate` or `builds[2]`.
    pub path: String,
    /// What was expected, as JSON or in words.
    pub expected: String,
    /// What came out, as JSON or in words.
    pub found: String,
}

impl Mismatch {
    fn new(path: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { path: path.into(), expected: expected.into(), found: found.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, expected, found } = self;
        write!(f, "{path}\n  expected {expected}\n  found    {found}")
    }
}

/// What can be expected, in the order in which mismatches are told: what came of it before how it came about.
const ORDER: [&str; 10] =
    ["ended", "landed", "changes", "tips", "frozen", "verdicts", "reports", "builds", "waits", "never"];

/// Returns every place at which the outcome is not as expected.
pub fn mismatches(expect: &Value, outcome: &Outcome) -> Vec<Mismatch> {
    let mut found = serde_json::to_value(outcome).expect("an outcome is plain data");
    // It is left out where nothing is frozen, which can be expected too.
    found["frozen"] = serde_json::json!(outcome.frozen);
    let mut mismatches = Vec::new();
    let Some(expect) = expect.as_object() else {
        return vec![Mismatch::new("expect", "an object", expect.to_string())];
    };
    let mut expect: Vec<_> = expect.iter().collect();
    expect.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key));
    for (key, expected) in expect {
        match key.as_str() {
            "landed" => landed(expected, &found["landed"], &mut mismatches),
            "builds" | "verdicts" | "reports" | "waits" => {
                lines::present(key, expected, &found[key], &mut mismatches);
            }
            "never" => never(expected, &found, &mut mismatches),
            _ => part(key, key, expected, found.get(key), &mut mismatches),
        }
    }
    mismatches
}

/// Compares what must be a part of what was found; `key` is the last one of the path.
fn part(path: &str, key: &str, expected: &Value, found: Option<&Value>, mismatches: &mut Vec<Mismatch>) {
    match (expected, found) {
        (Value::Object(expected), Some(Value::Object(found))) => {
            parts(path, expected, found, mismatches);
        }
        (expected, Some(found)) if agrees(key, expected, found) => {}
        (expected, found) => {
            let contained = is_contained(key) && expected.is_string();
            let expected = if contained { format!("a text with {expected}") } else { expected.to_string() };
            let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
            mismatches.push(Mismatch::new(path, expected, found));
        }
    }
}

fn parts(
    path: &str,
    expected: &Map<String, Value>,
    found: &Map<String, Value>,
    mismatches: &mut Vec<Mismatch>,
) {
    for (name, expected) in expected {
        // What a branch is frozen for is a text for people, whatever the repo is called.
        let kind = if path == "frozen" { "reason" } else { name };
        part(&format!("{path}.{name}"), kind, expected, found.get(name), mismatches);
    }
}

/// Returns whether a value is as expected; `key` says what kind of value it is.
fn agrees(key: &str, expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(expected), Value::String(found)) if is_contained(key) => found.contains(expected),
        (Value::String(expected), Value::String(found)) if is_time(key) => {
            expected == found || from_words(expected).is_some_and(|time| from_words(found) == Some(time))
        }
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .all(|(key, expected)| found.get(key).is_some_and(|found| agrees(key, expected, found))),
        _ => expected == found,
    }
}

fn is_contained(key: &str) -> bool {
    matches!(key, "reason" | "on" | "text")
}

fn is_time(key: &str) -> bool {
    matches!(key, "at" | "started" | "ended" | "since" | "until")
}

/// Compares the whole list of what landed: names, or objects with `change` and `at`.
fn landed(expected: &Value, found: &Value, mismatches: &mut Vec<Mismatch>) {
    let none = Vec::new();
    let found = found.as_array().unwrap_or(&none);
    let wanted = expected.as_array().unwrap_or(&none);
    let one = |(expected, found): (&Value, &Value)| {
        if expected.is_string() { expected == &found["change"] } else { agrees("landed", expected, found) }
    };
    if expected.is_array() && wanted.len() == found.len() && wanted.iter().zip(found).all(one) {
        return;
    }
    let plain = wanted.iter().all(Value::is_string);
    let found = found.iter().map(|line| if plain { line["change"].clone() } else { line.clone() });
    mismatches.push(Mismatch::new("landed", expected.to_string(), found.collect::<Value>().to_string()));
}

/// Looks for what must not be there.
fn never(unwanted: &Value, found: &Value, mismatches: &mut Vec<Mismatch>) {
    let Some(lists) = unwanted.as_object() else {
        return mismatches.push(Mismatch::new("never", "an object", unwanted.to_string()));
    };
    for (key, unwanted) in lists {
        lines::absent(key, unwanted, &found[key], mismatches);
    }
}

#[cfg(test)]
mod tests;
