//! What a build is a function of, as a digest: equal keys, equal work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::build::RepoState;
use crate::facts::{ItemId, Planned, TreeKey};
use crate::ids::{BuildId, BuildKey, ChangeId, DriverName, RepoName};
use crate::plan::Entry;
use crate::workspace::Job;

/// All that can change what a build says, but for the trees.
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
}

/// Returns the digest of all that makes the builds of a job what they are, but for the trees.
pub(crate) fn work_digest(entry: &Entry, job: &Job, steps: &[String]) -> [u8; 32] {
    let inputs = Inputs {
        driver: entry.driver.as_ref().map(DriverName::as_str),
        repo: &entry.repo,
        job: job.name.as_str(),
        matrix: &job.matrix,
        steps,
        artifacts: &job.artifacts,
        timeout_ms: job.timeout.as_millis(),
        network: job.network,
    };
    let text = serde_json::to_vec(&inputs).expect("names, texts and numbers are JSON");
    Sha256::digest(text).into()
}

/// Returns the key of a build of a job on a tree. The commits are left out on purpose: equal trees are equal work.
pub(crate) fn build_key(planned: &Planned, states: &BTreeMap<RepoName, RepoState>) -> BuildKey {
    let mut hasher = Sha256::new();
    hasher.update(planned.digest);
    for repo in &planned.sees {
        if let Some(state) = states.get(repo) {
            hasher.update(repo.as_str());
            hasher.update(b"\0");
            hasher.update(state.tree.as_str());
            hasher.update(b"\n");
        }
    }
    BuildKey::of_digest(&hasher.finalize().into())
}

/// The keys of an item's jobs on the trees that it was last asked about: with itself, and without. They follow from the item
/// and the tree, so that a copy may forget them.
#[derive(Default)]
pub(crate) struct Known(Mutex<[Option<OfTree>; 2]>);

/// The keys on one tree.
type OfTree = (TreeKey, Arc<[BuildKey]>);

impl Known {
    /// Returns the keys of all planned jobs on a tree; `side` is 0 with the item, 1 without it.
    pub(crate) fn keys(
        &self,
        side: usize,
        tree: TreeKey,
        planned: &[Planned],
        states: &BTreeMap<RepoName, RepoState>,
    ) -> Arc<[BuildKey]> {
        // What a panic left behind is forgotten.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &known[side] {
            Some((of, keys)) if *of == tree => keys.clone(),
            Some(_) | None => {
                let keys: Arc<[BuildKey]> = planned.iter().map(|of| build_key(of, states)).collect();
                known[side] = Some((tree, keys.clone()));
                keys
            }
        }
    }
}

impl Clone for Known {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

/// The id of the n-th build of a key for a change of an item in a run of the loop.
pub(crate) fn build_id(
    key: &BuildKey,
    change: &ChangeId,
    run: u64,
    item: ItemId,
    repetition: usize,
) -> BuildId {
    let identity = format!("{run} {key} {change} {item} {repetition}");
    BuildId::of_digest(&Sha256::digest(identity).into())
}
