//! Lists of lines, such as builds: each expectation needs a line of its own.

use serde_json::{Map, Value};

use crate::expect::{Mismatch, agrees};

/// Looks for a line for each expectation, or counts the lines if a number is expected.
pub(super) fn present(key: &str, expected: &Value, found: &Value, mismatches: &mut Vec<Mismatch>) {
    let none = Vec::new();
    let found = found.as_array().unwrap_or(&none);
    let Some(wanted) = expected.as_array() else {
        if expected.as_u64() != Some(found.len() as u64) {
            mismatches.push(Mismatch::new(key, expected.to_string(), found.len().to_string()));
        }
        return;
    };
    let candidates: Vec<Vec<usize>> = wanted
        .iter()
        .map(|wanted| (0..found.len()).filter(|&line| agrees(key, wanted, &found[line])).collect())
        .collect();
    let taken = assign(&candidates, found.len());
    for (index, wanted) in wanted.iter().enumerate() {
        if !taken.contains(&Some(index)) {
            let found = missing(wanted, &candidates[index], found, &taken);
            mismatches.push(Mismatch::new(format!("{key}[{index}]"), wanted.to_string(), found));
        }
    }
}

/// Looks for lines that must not be there.
pub(super) fn absent(key: &str, unwanted: &Value, found: &Value, mismatches: &mut Vec<Mismatch>) {
    let none = Vec::new();
    let found = found.as_array().unwrap_or(&none);
    for (index, unwanted) in unwanted.as_array().unwrap_or(&none).iter().enumerate() {
        let mut there = found.iter().filter(|line| agrees(key, unwanted, line));
        let Some(first) = there.next() else { continue };
        let more = match there.count() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let path = format!("never.{key}[{index}]");
        mismatches.push(Mismatch::new(path, format!("none like {unwanted}"), format!("{first}{more}")));
    }
}

/// Gives as many expectations as possible a line of their own (augmenting paths, Kuhn 1955), and returns for each line the
/// expectation that has it.
fn assign(candidates: &[Vec<usize>], lines: usize) -> Vec<Option<usize>> {
    let mut taken = vec![None; lines];
    for wanted in 0..candidates.len() {
        let mut tried = vec![false; lines];
        augment(wanted, candidates, &mut taken, &mut tried);
    }
    taken
}

/// Finds a line for an expectation, if need be by giving another one that has it another line.
fn augment(
    wanted: usize,
    candidates: &[Vec<usize>],
    taken: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for &line in &candidates[wanted] {
        if std::mem::replace(&mut tried[line], true) {
            continue;
        }
        if taken[line].is_none_or(|other| augment(other, candidates, taken, tried)) {
            taken[line] = Some(wanted);
            return true;
        }
    }
    false
}

/// Says what there is instead of a line that was expected.
fn missing(wanted: &Value, candidates: &[usize], found: &[Value], taken: &[Option<usize>]) -> String {
    if !candidates.is_empty() {
        let others = candidates.iter().filter(|&&line| taken[line].is_some()).count();
        return format!("{others} like it, which other expectations need");
    }
    let free = found.iter().zip(taken).filter(|(_, taken)| taken.is_none()).map(|(line, _)| line);
    let Some(wanted) = wanted.as_object() else { return "no object to look for".to_owned() };
    match closest(wanted, free).or_else(|| closest(wanted, found.iter())) {
        Some(line) => near(wanted, line),
        None => "nothing".to_owned(),
    }
}

/// Returns the line that agrees in most keys, the first of several; what it is about weighs more than what came of it.
fn closest<'a>(wanted: &Map<String, Value>, lines: impl Iterator<Item = &'a Value>) -> Option<&'a Value> {
    let weight = |key: &str| match key {
        "change" | "job" => 4,
        "driver" | "pipeline" | "purpose" => 2,
        _ => 1,
    };
    let score = |line: &Value| -> u32 {
        let equal = wanted.iter().filter(|(key, value)| agrees(key, value, &line[key.as_str()]));
        equal.map(|(key, _)| weight(key)).sum()
    };
    // The last of equals would win without the reversal.
    let mut scored: Vec<_> = lines.map(|line| (score(line), line)).collect();
    scored.reverse();
    scored.into_iter().max_by_key(|(score, _)| *score).filter(|(score, _)| *score > 0).map(|(_, line)| line)
}

/// Tells a near miss: what it is in the keys that were asked for, and in which it differs.
fn near(wanted: &Map<String, Value>, line: &Value) -> String {
    let value = |key: &String| (key.clone(), line[key.as_str()].clone());
    let shown: Map<String, Value> = wanted.keys().map(value).collect();
    let differs = wanted.iter().filter(|(key, value)| !agrees(key, value, &line[key.as_str()]));
    let differs: Vec<&str> = differs.map(|(key, _)| key.as_str()).collect();
    format!("nothing like it; closest {}, which differs in {}", Value::Object(shown), differs.join(", "))
}
