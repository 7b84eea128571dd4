//! What a build is a function of, as a digest: equal keys, equal work.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::ids::{BuildId, BuildKey, ChangeId, DriverName, RepoName, TreeId};
use crate::plan::Entry;
use crate::workspace::Job;

/// All that can change what a build says. The commits are left out on purpose: equal trees are equal work.
#[derive(Serialize)]
struct Inputs<'a> {
    driver: Option<&'a str>,
    repo: &'a RepoName,
    job: &'a str,
    matrix: &'a BTreeMap<String, String>,
    steps: &'a [String],
    artifacts: &'a [String],
    timeout_ms: u128,
    network: bool,
    trees: &'a BTreeMap<&'a RepoName, &'a TreeId>,
}

pub(crate) fn build_key(
    entry: &Entry,
    job: &Job,
    steps: &[String],
    trees: &BTreeMap<&RepoName, &TreeId>,
) -> BuildKey {
    let inputs = Inputs {
        driver: entry.driver.as_ref().map(DriverName::as_str),
        repo: &entry.repo,
        job: job.name.as_str(),
        matrix: &job.matrix,
        steps,
        artifacts: &job.artifacts,
        timeout_ms: job.timeout.as_millis(),
        network: job.network,
        trees,
    };
    let text = serde_json::to_vec(&inputs).expect("names, texts and numbers are JSON");
    BuildKey::parse(&hex(&Sha256::digest(text))).expect("a SHA-256 has 64 digits")
}

/// The id of the n-th build of a key for a change in a run of the loop.
pub(crate) fn build_id(key: &BuildKey, change: &ChangeId, run: u64, repetition: usize) -> BuildId {
    let identity = format!("{run} {key} {change} {repetition}");
    BuildId::parse(&hex(&Sha256::digest(identity))[..12]).expect("12 hexadecimal digits")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all text");
        text
    })
}
