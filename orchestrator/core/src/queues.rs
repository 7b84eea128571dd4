//! Which changes share a queue: those that share gating jobs, computed from the graph.

use std::collections::BTreeMap;

use petgraph::unionfind::UnionFind;

use crate::graph::Graph;
use crate::ids::{BranchName, RepoName};
use crate::workspace::{Mode, Workspace};

/// A queue of the gate: the first repo of those that share it, and the branch if it is not the default one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueId {
    /// The first repo, by name.
    pub repo: RepoName,
    /// The branch; `None`: each repo's default.
    pub branch: Option<BranchName>,
}

/// The queue of each repo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    first: BTreeMap<RepoName, RepoName>,
}

impl Queues {
    /// Computes the queues: two repos share one if a driver gates the changes of both.
    ///
    /// A driver gates the changes of its own repo, and those of every repo before it that it is gating for, by its mode
    /// or as a sanity driver. An opt-in that has ended on some day still joins queues: a queue too long costs time, one
    /// too short correctness.
    pub fn of(workspace: &Workspace, graph: &Graph) -> Self {
        let repos: Vec<&RepoName> = workspace.repos.keys().collect();
        let index: BTreeMap<&RepoName, usize> =
            repos.iter().enumerate().map(|(at, repo)| (*repo, at)).collect();
        let mut joined = UnionFind::<usize>::new(repos.len());
        for (name, driver) in &workspace.drivers {
            let gates = driver.common_changes.mode.value == Mode::Gating;
            for before in graph.closure(&driver.repo) {
                let sanity =
                    workspace.common.get(&before).is_some_and(|common| common.sanity.value.contains(name));
                if let (true, Some(one), Some(other)) =
                    (gates || sanity, index.get(&driver.repo), index.get(&before))
                {
                    joined.union(*one, *other);
                }
            }
        }
        let mut named: BTreeMap<usize, &RepoName> = BTreeMap::new();
        let first = repos.iter().enumerate().map(|(at, repo)| {
            let first = *named.entry(joined.find(at)).or_insert(*repo);
            ((*repo).clone(), first.clone())
        });
        Self { first: first.collect() }
    }

    /// Returns the queue of a change to a branch of a repo; `None` if the repo is not managed.
    pub fn queue(&self, workspace: &Workspace, repo: &RepoName, branch: &BranchName) -> Option<QueueId> {
        let default = &workspace.repos.get(repo)?.branch;
        // A driver's branch that is tested with another branch of the common repos is in that one's queue.
        let mapped = workspace.drivers_of(repo).find_map(|(_, driver)| {
            driver.branches.iter().find(|(_, own)| *own == branch).map(|(common, _)| common)
        });
        let is_common_default = |branch: &BranchName| {
            workspace
                .common
                .keys()
                .filter_map(|repo| workspace.repos.get(repo))
                .any(|repo| repo.branch == *branch)
        };
        let is_default = mapped.map_or(branch == default, is_common_default);
        let branch = (!is_default).then(|| mapped.unwrap_or(branch).clone());
        Some(QueueId { repo: self.first.get(repo)?.clone(), branch })
    }
}
