//! The report, as JSON and as `JUnit` XML, one line a case, merged by every test process of a run.

mod json;
mod junit;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, process};

use nova_api::Facet;

use crate::{CaseResult, Package};

/// A run of the suite: what stands above its cases.
struct Run<'a> {
    driver: &'a str,
    /// One run is one process under `cargo test`, and has an id of its own under nextest.
    id: String,
    /// The facets of the driver; none if it did not come to tell.
    facets: &'a [Facet],
}

/// Adds a result to the report, atomically; results of an earlier run are dropped.
pub(crate) fn record(package: &Package, result: &CaseResult) -> io::Result<()> {
    let path = path_of(package);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let _lock = lock(&path)?;
    let id = env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| process_tag().to_owned());
    let run = Run { driver: package.name, id, facets: &result.facets };
    update(&path, |before| json::merged(before, &run, result))?;
    update(&path.with_extension("xml"), |before| junit::merged(before, &run, result))
}

fn update(path: &Path, merged: impl FnOnce(&str) -> String) -> io::Result<()> {
    let before = fs::read_to_string(path).unwrap_or_default();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, merged(&before))?;
    fs::rename(&beside, path)
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

fn process_tag() -> &'static str {
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{:x}-{:x}", process::id(), since.as_micros())
    })
}

/// Puts the line of a case in the place of an older one, in order; all begin with `key`.
fn with_line<'a>(before: impl Iterator<Item = &'a str>, key: &str, line: String) -> Vec<String> {
    let mut lines: Vec<String> = before
        .filter(|line| !line.starts_with(key))
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect();
    lines.push(line);
    lines.sort_unstable();
    lines
}
