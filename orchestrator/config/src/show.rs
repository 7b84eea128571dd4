//! The merged configuration as rows: each value, and the line that set it.

use std::collections::BTreeMap;

use crossgate_core::workspace::Origin;
use serde::Serialize;
use serde_json::Value as Json;

use crate::load::{Loaded, Trees};
use crate::problems::Problems;
use crate::tree::{Node, Value};

/// One value of the merged configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its path, as keys joined by `.`, such as `drivers.libvirt.common_changes.mode`.
    pub path: String,
    /// The value: text, number, flag, list, or an empty map. Durations are text such as `90m`.
    pub value: Json,
    /// The line that set it.
    pub origin: Origin,
}

/// Keys whose name in the checked workspace is not that of the files.
const RENAMED: &[(&str, &str)] = &[
    ("pipelines.periodic_every", "pipelines.periodic.every"),
    ("policy.infra_blocks", "policy.infra"),
    ("policy.unknown_blocks", "policy.unknown"),
    ("policy.gating_requires.false_failures_ppm", "policy.gating_requires.false_failures"),
    ("name", "workspace"),
];

/// Returns the whole merged configuration, by path: what the files set and every default.
///
/// A value that nobody set has the origin `default`. Absent values without a default have no row.
pub fn show(loaded: &Loaded) -> Vec<Row> {
    let mut rows = Vec::new();
    let tree =
        serde_json::to_value(&loaded.workspace).expect("names are the only keys of the workspace's maps");
    walk("", &tree, &loaded.origins, &mut rows);
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    rows
}

fn walk(path: &str, value: &Json, origins: &BTreeMap<String, Origin>, rows: &mut Vec<Row>) {
    match value {
        Json::Null => {}
        Json::Object(map) if map.contains_key("secs") && map.contains_key("nanos") => {
            push(path, Json::String(duration(map["secs"].as_u64().unwrap_or_default())), origins, rows);
        }
        // A setting: its place is looked up like any other.
        Json::Object(map) if map.len() == 2 && map.contains_key("value") && map.contains_key("at") => {
            walk(path, &map["value"], origins, rows);
        }
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "at") {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, value, origins, rows);
            }
        }
        Json::Array(items) => push(path, items.iter().map(plain).collect(), origins, rows),
        Json::Object(_) | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            push(path, value.clone(), origins, rows);
        }
    }
}

/// Takes the places out of the settings of a list.
fn plain(item: &Json) -> Json {
    need(item.get("value").unwrap_or(item).clone())
}

fn push(path: &str, value: Json, origins: &BTreeMap<String, Origin>, rows: &mut Vec<Row>) {
    let origin = origins.get(&as_written(path)).cloned().unwrap_or_default();
    if path.starts_with("jobs.") && matches!(path.rsplit_once('.'), Some((_, "name"))) {
        return;
    }
    let value = in_words(path, value);
    let path = RENAMED.iter().find(|(checked, _)| *checked == path).map_or(path, |(_, written)| written);
    rows.push(Row { path: path.to_owned(), value, origin });
}

/// Returns the path at which a value of the checked workspace stands in the files.
fn as_written(path: &str) -> String {
    if let Some((_, written)) = RENAMED.iter().find(|(checked, _)| *checked == path) {
        return (*written).to_owned();
    }
    match (path.find('['), path.find(']')) {
        (Some(open), Some(close)) if path.starts_with("jobs.") && open < close => {
            format!("{}{}", &path[..open], &path[close + 1..])
        }
        _ => path.to_owned(),
    }
}

/// Returns a value as the files say it.
fn in_words(path: &str, value: Json) -> Json {
    let word = |yes: &str, no: &str| Json::from(if value == Json::Bool(true) { yes } else { no });
    match path {
        "pipelines.gate.cycles" => word("allow", "deny"),
        "policy.infra_blocks" | "policy.unknown_blocks" => word("block", "waive"),
        "policy.gating_requires.false_failures_ppm" => {
            let ppm = value.as_u64().unwrap_or_default();
            let fraction = format!("{:04}", ppm % 10_000);
            let number = format!("{}.{fraction}", ppm / 10_000);
            Json::from(format!("{}%", number.trim_end_matches('0').trim_end_matches('.')))
        }
        _ => value,
    }
}

/// Returns a need as the files say it; anything else as it is.
fn need(item: Json) -> Json {
    match (item.get("job").and_then(Json::as_str), item.get("soft")) {
        (Some(job), Some(soft)) => {
            Json::from(if *soft == Json::Bool(true) { format!("soft:{job}") } else { job.to_owned() })
        }
        _ => item,
    }
}

fn duration(seconds: u64) -> String {
    // A single day reads better as hours.
    let units = [(2 * 86_400, 86_400, 'd'), (3_600, 3_600, 'h'), (60, 60, 'm')];
    let unit = units.into_iter().find(|(least, unit, _)| seconds >= *least && seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{seconds}s"), |(_, unit, letter)| format!("{}{letter}", seconds / unit))
}

/// Collects where each value stands; a repo's own file comes after `crossgate.yaml` and so wins.
pub(crate) fn origins(trees: &Trees, problems: &Problems) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    for node in trees.workspace.iter().chain(&trees.catalogue) {
        collect("", node, problems, &mut origins);
    }
    for (repo, node) in &trees.repos {
        let Value::Map(entries) = &node.value else { continue };
        for entry in entries {
            let path =
                if entry.name() == "common" { format!("common.{repo}") } else { entry.name().to_owned() };
            collect(&path, &entry.value, problems, &mut origins);
        }
    }
    origins
}

fn collect(path: &str, node: &Node, problems: &Problems, origins: &mut BTreeMap<String, Origin>) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                let name = entry.name();
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                collect(&path, &entry.value, problems, origins);
            }
        }
        Value::Map(_) | Value::List(_) | Value::Text(..) => {
            origins.insert(path.to_owned(), problems.origin(node.at));
        }
    }
}
