//! From the files to the checked workspace, with everything that is wrong in one pass.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crossgate_core::ids::RepoName;
use crossgate_core::workspace::{Forge, Origin, Repo, Workspace};
use jiff::civil::Date;
use serde::de::DeserializeOwned;

use crate::check::{self, Checked};
use crate::code::Code;
use crate::content::Place;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::Field;
use crate::merge::{Declared, entries};
use crate::problems::Problems;
use crate::raw::{CatalogueFile, OutlineFile, RepoFile, Rights, WorkspaceFile};
use crate::reader;
use crate::resolve::Resolver;
use crate::show;
use crate::source::{Source, Sources, take};
use crate::tree::{self, Node};

/// The version of the grammar.
const VERSION: u32 = 1;

/// A workspace that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The checked configuration.
    pub workspace: Workspace,
    /// What may not be as somebody thinks, by file and line.
    pub warnings: Vec<Diagnostic>,
    /// Where each value stands, by its path in the files.
    pub(crate) origins: BTreeMap<String, Origin>,
}

/// As much of a workspace as is needed to find its repos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The workspace's name.
    pub name: String,
    /// Where changes live.
    pub forge: Forge,
    /// Every repo.
    pub repos: BTreeMap<RepoName, Repo>,
}

/// Checks the files of a workspace. `today` decides which opt-ins have ended.
///
/// # Errors
/// Everything that is wrong, warnings included, by file and line. A file whose YAML does not parse has one
/// error; names are looked up only if all files parse.
pub fn load(sources: &Sources, today: Date) -> Result<Loaded, Diagnostics> {
    let mut problems = Problems::new();
    let (trees, whole) = parse(sources, &mut problems);
    let files = Files::read(&trees, &problems);
    if !whole {
        return Err(Diagnostics(problems.into_diagnostics()));
    }
    let workspace = files.check(today, &problems);
    if problems.is_fatal() {
        return Err(Diagnostics(problems.into_diagnostics()));
    }
    // Only now are all paths short: every key is known.
    let origins = show::origins(&trees, &problems);
    Ok(Loaded { workspace, warnings: problems.into_diagnostics(), origins })
}

/// Reads the repos of `crossgate.yaml` alone, before the repos' own files can be had.
///
/// # Errors
/// Only what hinders that; [`load`] says all.
pub fn outline(workspace: &Source) -> Result<Outline, Diagnostics> {
    let mut problems = Problems::new();
    let number = take(&mut problems, workspace);
    let node = number.and_then(|number| tree::parse(number, &problems));
    let Some(node) = node else { return Err(Diagnostics(problems.into_diagnostics())) };
    let file: OutlineFile = reader::read(&node, &problems, true).unwrap_or_default();
    if !file.version.is_absent() {
        check_version(&file.version, Place::top(node.at.file), &problems);
    }
    let file = WorkspaceFile {
        workspace: file.workspace,
        forge: file.forge,
        repos: file.repos,
        ..WorkspaceFile::default()
    };
    let resolver = Resolver::new(&file, &Declared::default(), &problems);
    let outline = Outline {
        name: resolver.name(file.workspace),
        forge: resolver.forge(file.forge),
        repos: entries(file.repos)
            .map(|(name, repo)| (name.value.0.clone(), resolver.repo(name.at, repo)))
            .collect(),
    };
    let mut found = problems.into_diagnostics();
    // A dependency that leads nowhere does not keep the repos from being read.
    found.retain(|found| found.code != Code::UnknownRepo.name());
    if found.is_empty() { Ok(outline) } else { Err(Diagnostics(found)) }
}

/// The trees of the files that have one, in the order in which they are checked.
#[derive(Debug)]
pub(crate) struct Trees {
    pub(crate) workspace: Option<Rc<Node>>,
    pub(crate) catalogue: Vec<Rc<Node>>,
    pub(crate) repos: BTreeMap<RepoName, Rc<Node>>,
}

/// Parses every file, and says whether all have a tree.
fn parse(sources: &Sources, problems: &mut Problems) -> (Trees, bool) {
    let mut numbers = |source: &Source| take(problems, source);
    let workspace = numbers(&sources.workspace);
    let catalogue: Vec<Option<u32>> = sources.catalogue.iter().map(&mut numbers).collect();
    let repos: Vec<(&RepoName, Option<u32>)> =
        sources.repos.iter().map(|(name, source)| (name, numbers(source))).collect();
    let tree = |number: Option<u32>| number.and_then(|number| tree::parse(number, problems));
    let trees = Trees {
        workspace: tree(workspace),
        catalogue: catalogue.into_iter().filter_map(tree).collect(),
        repos: repos.into_iter().filter_map(|(name, number)| Some((name.clone(), tree(number)?))).collect(),
    };
    let whole = trees.workspace.is_some()
        && trees.catalogue.len() == sources.catalogue.len()
        && trees.repos.len() == sources.repos.len();
    (trees, whole)
}

/// The files as they are written.
struct Files {
    workspace: WorkspaceFile,
    catalogue: Vec<CatalogueFile>,
    repos: Vec<(RepoName, Place, RepoFile)>,
}

impl Files {
    fn read(trees: &Trees, problems: &Problems) -> Self {
        let workspace =
            trees.workspace.as_ref().map(|node| read(node, problems, |file| &file.version, needed));
        let repos = trees.repos.iter().map(|(name, node)| {
            (
                name.clone(),
                Place::top(node.at.file),
                read(node, problems, |file: &RepoFile| &file.version, |_| []),
            )
        });
        Self {
            workspace: workspace.unwrap_or_default(),
            catalogue: trees
                .catalogue
                .iter()
                .map(|node| read(node, problems, |file: &CatalogueFile| &file.version, |_| []))
                .collect(),
            repos: repos.collect(),
        }
    }

    fn check(mut self, today: Date, problems: &Problems) -> Workspace {
        let catalogue = self.catalogue.into_iter().map(|file| file.jobs).collect();
        let mut declared = Declared::take(&mut self.workspace, catalogue, problems);
        let none = Rights::default();
        let known = self.workspace.repos.as_ref().map_or(&[][..], |repos| &repos.value.0);
        let known: BTreeMap<_, _> = known.iter().map(|(name, repo)| (&name.value.0, repo)).collect();
        for (name, at, file) in self.repos {
            let Some(repo) = known.get(&name) else {
                problems
                    .error(Code::UnknownRepo, at, format!("there is no repo `{name}` in the workspace"))
                    .hint("declare it under `repos` in `crossgate.yaml`".to_owned());
                continue;
            };
            let rights =
                repo.as_ref().and_then(|repo| repo.value.rights.as_ref()).map(|rights| &rights.value);
            declared.add_repo(&name, file, rights.unwrap_or(&none), problems);
        }
        let roles = known_roles(&self.workspace);
        let resolver = Resolver::new(&self.workspace, &declared, problems);
        let workspace = resolver.workspace(self.workspace, declared);
        check::all(Checked { workspace: &workspace, roles: &roles, today, problems });
        workspace
    }
}

/// Checks a `crossgate.yaml` that stands at a place of a scenario: what runs no builds needs no steps and no forge.
pub(crate) fn embedded(mut file: WorkspaceFile, at: Place, today: Date, problems: &Problems) -> Workspace {
    check_version(&file.version, at, problems);
    check_needed(needed(&file), at, problems);
    file.forge = Field::Absent;
    let declared = Declared::take(&mut file, Vec::new(), problems);
    let roles = known_roles(&file);
    let workspace = Resolver::new(&file, &declared, problems).without_steps().workspace(file, declared);
    check::all(Checked { workspace: &workspace, roles: &roles, today, problems });
    workspace
}

/// Returns the repos whose role could be read.
fn known_roles(file: &WorkspaceFile) -> BTreeSet<RepoName> {
    let repos = file.repos.as_ref().map_or(&[][..], |repos| &repos.value.0);
    let known =
        |repo: &Field<crate::raw::Repo>| repo.as_ref().is_some_and(|repo| repo.value.role.as_ref().is_some());
    repos.iter().filter(|(_, repo)| known(repo)).map(|(name, _)| name.value.0.clone()).collect()
}

/// Returns the keys that `crossgate.yaml` needs beside its version, and whether they are absent.
fn needed(file: &WorkspaceFile) -> [(&'static str, bool); 2] {
    [("workspace", file.workspace.is_absent()), ("repos", file.repos.is_absent())]
}

/// Reads a file; `needed` says which keys beside its version are needed, and whether they are absent.
fn read<T: DeserializeOwned + Default, const N: usize>(
    node: &Node,
    problems: &Problems,
    version: fn(&T) -> &Field<u32>,
    needed: fn(&T) -> [(&'static str, bool); N],
) -> T {
    let Some(file) = reader::read(node, problems, false) else { return T::default() };
    check_version(version(&file), Place::top(node.at.file), problems);
    check_needed(needed(&file), Place::top(node.at.file), problems);
    file
}

/// Says which of the keys, each with whether it is absent, are missing.
pub(crate) fn check_needed<const N: usize>(keys: [(&'static str, bool); N], at: Place, problems: &Problems) {
    for (key, _) in keys.into_iter().filter(|(_, absent)| *absent) {
        problems
            .error(Code::MissingKey, at, format!("the key `{key}` is missing"))
            .hint(format!("add `{key}: …`"));
    }
}

fn check_version(version: &Field<u32>, at: Place, problems: &Problems) {
    match version {
        Field::Absent => {
            problems
                .error(Code::MissingKey, at, "the key `version` is missing")
                .hint(format!("add `version: {VERSION}` as the first key"));
        }
        Field::Given(given) if given.value != VERSION => {
            let message = format!("version {} of the grammar is not known: expected {VERSION}", given.value);
            problems
                .error(Code::UnknownVersion, given.at, message)
                .hint("a newer crossgate may know it".to_owned());
        }
        Field::Given(_) | Field::Bad => {}
    }
}
