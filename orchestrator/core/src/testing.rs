//! Small workspaces for this crate's tests.

use std::collections::BTreeMap;

use crate::ids::{BranchName, RepoName};
use crate::workspace::{Forge, MergeMethod, Origin, Pipelines, Policy, Repo, Role, Setting, Workspace};

/// Makes a workspace of repos with their dependencies; a repo without one is common, the others are drivers.
pub(crate) fn workspace(repos: &[(&str, &[&str])]) -> Workspace {
    let name = |text: &str| RepoName::parse(text).unwrap();
    let repo = |depends_on: &[&str]| Repo {
        role: if depends_on.is_empty() { Role::Common } else { Role::Driver },
        branch: BranchName::parse("main").unwrap(),
        merge: MergeMethod::Merge,
        depends_on: depends_on.iter().map(|d| Setting::default_of(name(d))).collect(),
        url: None,
        path: None,
        labels: Vec::new(),
        at: Origin::Default,
    };
    Workspace {
        name: "test".to_owned(),
        forge: Forge::None,
        repos: repos.iter().map(|(n, d)| (name(n), repo(d))).collect(),
        common: BTreeMap::new(),
        drivers: BTreeMap::new(),
        jobs: BTreeMap::new(),
        pipelines: Pipelines::default(),
        semaphores: BTreeMap::new(),
        policy: Policy::default(),
    }
}
