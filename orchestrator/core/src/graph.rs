//! The dependency graph of the repos: what a change reaches, and what a build must see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::ids::RepoName;
use crate::workspace::{Repo, Workspace};

/// The repos of a workspace; an edge leads from a repo to one that is built with it.
#[derive(Debug, Clone)]
pub struct Graph {
    graph: DiGraph<RepoName, ()>,
    index: BTreeMap<RepoName, NodeIndex>,
}

impl Graph {
    /// Makes the graph. Names that do not resolve have no edge: the configuration refuses them.
    pub fn new(workspace: &Workspace) -> Self {
        Self::of(&workspace.repos)
    }

    fn of(repos: &BTreeMap<RepoName, Repo>) -> Self {
        let mut graph = DiGraph::with_capacity(repos.len(), repos.len());
        let index: BTreeMap<_, _> =
            repos.keys().map(|name| (name.clone(), graph.add_node(name.clone()))).collect();
        for (name, repo) in repos {
            for dependency in &repo.depends_on {
                if let Some(&from) = index.get(&dependency.value) {
                    graph.update_edge(from, index[name], ());
                }
            }
        }
        Self { graph, index }
    }

    /// Returns every repo that a change of `repo` reaches, with a shortest chain from `repo` to it, both included.
    pub fn behind(&self, repo: &RepoName) -> BTreeMap<RepoName, Vec<RepoName>> {
        let mut chains = BTreeMap::new();
        let Some(&start) = self.index.get(repo) else { return chains };
        let mut queue = VecDeque::from([(start, vec![repo.clone()])]);
        let mut seen = BTreeSet::from([start]);
        while let Some((node, chain)) = queue.pop_front() {
            for next in self.sorted(node, Direction::Outgoing) {
                if seen.insert(next) {
                    let mut longer = chain.clone();
                    longer.push(self.graph[next].clone());
                    chains.insert(self.graph[next].clone(), longer.clone());
                    queue.push_back((next, longer));
                }
            }
        }
        chains
    }

    /// Returns a repo and all that it is built with: what a build in it sees.
    pub fn closure(&self, repo: &RepoName) -> BTreeSet<RepoName> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<_> = self.index.get(repo).copied().into_iter().collect();
        while let Some(node) = open.pop() {
            if seen.insert(self.graph[node].clone()) {
                open.extend(self.graph.neighbors_directed(node, Direction::Incoming));
            }
        }
        seen
    }

    /// Returns the repos built directly with `repo`, by name.
    pub fn dependents(&self, repo: &RepoName) -> Vec<RepoName> {
        let Some(&node) = self.index.get(repo) else { return Vec::new() };
        self.sorted(node, Direction::Outgoing).map(|next| self.graph[next].clone()).collect()
    }

    fn sorted(&self, node: NodeIndex, direction: Direction) -> impl Iterator<Item = NodeIndex> + use<> {
        let mut next: Vec<_> = self.graph.neighbors_directed(node, direction).collect();
        next.sort_by(|a, b| self.graph[*a].cmp(&self.graph[*b]));
        next.into_iter()
    }
}

/// Returns a cycle of the dependencies, if there is one: each depends on the next, the last on the first.
pub fn cycle(repos: &BTreeMap<RepoName, Repo>) -> Option<Vec<RepoName>> {
    let Graph { graph, index } = Graph::of(repos);
    let looped = |scc: &Vec<NodeIndex>| scc.len() > 1 || graph.contains_edge(scc[0], scc[0]);
    let knot = kosaraju_scc(&graph).into_iter().find(looped)?;
    let inside: BTreeSet<_> = knot.iter().map(|node| &graph[*node]).collect();
    let first = *inside.first()?;
    let mut path = vec![first.clone()];
    loop {
        // Inside a strongly connected component every repo has a dependency that is inside too.
        let next = repos[path.last()?].depends_on.iter().map(|d| &d.value).find(|d| inside.contains(d))?;
        debug_assert!(index.contains_key(next), "a node of the graph has an index");
        if let Some(at) = path.iter().position(|seen| seen == next) {
            return Some(path.split_off(at));
        }
        path.push(next.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::workspace;

    fn name(text: &str) -> RepoName {
        RepoName::parse(text).unwrap()
    }

    #[test]
    fn a_change_reaches_through_a_library_by_the_shortest_chain() {
        let graph = Graph::new(&workspace(&[
            ("core", &[]),
            ("lib", &["core"]),
            ("drv", &["lib"]),
            ("b", &["core", "lib"]),
            ("x", &[]),
        ]));
        let behind: Vec<String> = graph
            .behind(&name("core"))
            .into_values()
            .map(|chain| chain.iter().map(RepoName::as_str).collect::<Vec<_>>().join(">"))
            .collect();
        assert_eq!(behind, ["core>b", "core>lib>drv", "core>lib"]);
        assert!(graph.behind(&name("drv")).is_empty());
        assert_eq!(graph.dependents(&name("core")), [name("b"), name("lib")]);
    }

    #[test]
    fn a_build_sees_its_closure() {
        let graph =
            Graph::new(&workspace(&[("core", &[]), ("lib", &["core"]), ("drv", &["lib"]), ("x", &["core"])]));
        assert_eq!(graph.closure(&name("drv")), BTreeSet::from([name("core"), name("lib"), name("drv")]));
    }

    #[test]
    fn a_cycle_is_named_in_order() {
        let repos = workspace(&[("a", &["c"]), ("b", &["a"]), ("c", &["b"]), ("d", &["a"])]).repos;
        assert_eq!(cycle(&repos).unwrap(), [name("a"), name("c"), name("b")]);
        assert_eq!(cycle(&workspace(&[("a", &["a"])]).repos).unwrap(), [name("a")]);
        assert_eq!(cycle(&workspace(&[("a", &[]), ("b", &["a"])]).repos), None);
    }
}
