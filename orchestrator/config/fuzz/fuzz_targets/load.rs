//! Throws bytes at the loader: it may refuse them, but never panic, hang or grow without bound.
//!
//! From `orchestrator/config`, for ten minutes and at most 2 GB, starting with the files of the tests:
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 cargo fuzz run load fuzz/corpus/load tests/diagnostics tests/example \
//!     tests/malformed tests/scenarios -- -max_total_time=600 -timeout=20
//! ```
//!
//! Lines `# file: NAME` split the input into `crossgate.yaml`, `jobs/NAME.yaml` and `REPO/.crossgate.yaml`.
#![no_main]

use std::collections::BTreeMap;

use crossgate_config::{Source, Sources, load, load_scenario, outline, show};
use crossgate_core::ids::RepoName;
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;

const MARK: &[u8] = b"# file: ";

fuzz_target!(|bytes: &[u8]| {
    let sources = split(bytes);
    drop(outline(&sources.workspace));
    drop(load_scenario(&sources.workspace));
    match load(&sources, date(2026, 3, 1)) {
        Ok(loaded) => assert!(!show(&loaded).is_empty(), "a workspace has at least a name"),
        Err(found) => assert!(!found.render(false, 100).is_empty(), "a refusal says why"),
    }
});

fn split(bytes: &[u8]) -> Sources {
    let mut parts = vec![("crossgate.yaml".to_owned(), Vec::new())];
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match (line.strip_prefix(MARK), parts.last_mut()) {
            (Some(name), _) => parts.push((String::from_utf8_lossy(name).trim().to_owned(), Vec::new())),
            (None, Some((_, text))) => text.extend_from_slice(line),
            (None, None) => {}
        }
    }
    let mut files = parts.into_iter().map(|(name, text)| Source { name, text });
    let workspace = files.next().unwrap_or(Source { name: String::new(), text: Vec::new() });
    let mut sources = Sources { workspace, catalogue: Vec::new(), repos: BTreeMap::new() };
    for file in files {
        match file.name.strip_suffix("/.crossgate.yaml").and_then(|repo| RepoName::parse(repo).ok()) {
            Some(repo) => drop(sources.repos.insert(repo, file)),
            None => sources.catalogue.push(file),
        }
    }
    sources
}
