//! A workspace in a few lines of its own configuration, and changes to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossgate_config::{Source, Sources, load};
use crossgate_core::change::Change;
use crossgate_core::graph::Graph;
use crossgate_core::ids::{BranchName, ChangeId, CommitId, RepoName, RepoPath};
use crossgate_core::plan::{Plan, plan};
use crossgate_core::workspace::Workspace;

/// The day on which all tests take place.
pub(crate) const TODAY: jiff::civil::Date = jiff::civil::date(2026, 6, 1);

/// A checked workspace.
pub(crate) struct World {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) graph: Arc<Graph>,
}

impl World {
    /// Makes a world of the text of a `crossgate.yaml`.
    pub(crate) fn of(text: &str) -> Self {
        let workspace = Source { name: "crossgate.yaml".to_owned(), text: text.as_bytes().to_vec() };
        let sources = Sources { workspace, catalogue: Vec::new(), repos: BTreeMap::new() };
        let loaded = load(&sources, TODAY).unwrap_or_else(|errors| panic!("{}", errors.render(false, 110)));
        let graph = Graph::new(&loaded.workspace);
        Self { workspace: Arc::new(loaded.workspace), graph: Arc::new(graph) }
    }

    /// Returns the plan of a change.
    pub(crate) fn plan(&self, change: &Change) -> Plan {
        plan(&self.workspace, &self.graph, change, TODAY)
    }
}

/// Returns a change of paths of a repo.
pub(crate) fn change(id: &str, repo: &str, paths: &[&str]) -> Change {
    Change {
        id: ChangeId::parse(id).expect("tests name changes well"),
        repo: RepoName::parse(repo).expect("tests name repos well"),
        branch: BranchName::parse("main").expect("`main` is a branch"),
        head: commit(id),
        revision: 1,
        title: id.to_owned(),
        paths: paths.iter().map(|path| RepoPath::from(*path)).collect(),
        depends_on: Vec::new(),
    }
}

/// Returns a commit that is the same for the same text.
pub(crate) fn commit(text: &str) -> CommitId {
    let digest = text
        .bytes()
        .fold(7u128, |digest, byte| digest.wrapping_mul(1_000_003).wrapping_add(u128::from(byte)));
    CommitId::parse(&format!("{digest:032x}00000000")).expect("40 hexadecimal digits")
}
