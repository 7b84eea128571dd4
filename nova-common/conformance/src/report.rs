//! The report: one JSON object, one line a case, merged by every test process of a run.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, process};

use crate::{CaseResult, Package, Status};

/// Adds a result to the report, atomically; results of an earlier run are dropped.
pub(crate) fn record(package: &Package, result: &CaseResult) -> io::Result<()> {
    let path = path_of(package);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let _lock = lock(&path)?;
    let before = fs::read_to_string(&path).unwrap_or_default();
    let beside = path.with_extension("json.new");
    fs::write(&beside, merged(&before, &head_of(package), result))?;
    fs::rename(&beside, &path)
}

/// Returns text that no other case of this machine has, for names of instances.
pub(crate) fn tag() -> String {
    static CASES: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", process_tag(), CASES.fetch_add(1, Ordering::Relaxed))
}

fn path_of(package: &Package) -> PathBuf {
    match env::var_os("NOVA_CONFORMANCE_REPORT") {
        Some(path) => path.into(),
        None => Path::new(package.scratch).with_file_name("conformance-report.json"),
    }
}

fn lock(path: &Path) -> io::Result<File> {
    let file = File::create(path.with_extension("json.lock"))?;
    file.lock()?;
    Ok(file)
}

/// One run is one process under `cargo test`, and has an id of its own under nextest.
fn head_of(package: &Package) -> String {
    let run = env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| process_tag().to_owned());
    format!(
        "{{\"suite\":{},\"api\":{},\"driver\":{},\"run\":{},\"cases\":[",
        quoted(crate::VERSION),
        quoted(nova_api::VERSION),
        quoted(package.name),
        quoted(&run),
    )
}

fn process_tag() -> &'static str {
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{:x}-{:x}", process::id(), since.as_micros())
    })
}

fn merged(before: &str, head: &str, result: &CaseResult) -> String {
    let ours = format!("{{\"name\":{},", quoted(result.name));
    let mut cases: Vec<String> = match before.split_once('\n') {
        Some((theirs, rest)) if theirs == head => {
            let lines =
                rest.lines().filter(|line| line.starts_with("{\"name\":") && !line.starts_with(&ours));
            lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
        }
        _ => Vec::new(),
    };
    let (status, why) = match &result.status {
        Status::Pass => ("pass", None),
        Status::Fail(why) => ("fail", Some(why)),
        Status::Absent => ("absent", None),
    };
    let why = why.map_or_else(String::new, |why| format!(",\"why\":{}", quoted(why)));
    cases.push(format!("{ours}\"status\":\"{status}\",\"ms\":{}{why}}}", result.took.as_millis()));
    cases.sort_unstable();
    format!("{head}\n{}\n]}}\n", cases.join(",\n"))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes all"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn result(name: &'static str, status: Status) -> CaseResult {
        CaseResult { name, status, took: Duration::from_millis(7) }
    }

    #[test]
    fn results_of_one_run_are_merged_and_repeated_ones_replaced() {
        let one = merged("", "{head[", &result("b", Status::Fail("said \"no\"\n".to_owned())));
        let two = merged(&one, "{head[", &result("a", Status::Absent));
        let three = merged(&two, "{head[", &result("b", Status::Pass));
        let expected = |lines: &str| format!("{{head[\n{lines}\n]}}\n");
        let a = r#"{"name":"a","status":"absent","ms":7}"#;
        assert_eq!(
            one,
            expected(r#"{"name":"b","status":"fail","ms":7,"why":"said \"no\"\u000a"}"#),
            "a message is quoted"
        );
        assert_eq!(three, expected(&format!("{a},\n{{\"name\":\"b\",\"status\":\"pass\",\"ms\":7}}")));
    }

    #[test]
    fn results_of_another_run_are_dropped() {
        let old = merged("", "{old[", &result("a", Status::Pass));
        let new = merged(&old, "{new[", &result("b", Status::Pass));
        assert_eq!(new, "{new[\n{\"name\":\"b\",\"status\":\"pass\",\"ms\":7}\n]}\n");
    }
}
