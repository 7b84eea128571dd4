//! A workspace on disk: its configuration, its repos and where it keeps what it knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossgate_config::{Diagnostic, Diagnostics, Loaded, Outline, Severity, Source, Sources};
use crossgate_core::change::Change;
use crossgate_core::graph::Graph;
use crossgate_core::ids::{BranchName, CommitId, RepoName, RepoPath};
use crossgate_core::suggest::nearest;
use crossgate_core::workspace::{Forge, Repo, Workspace};
use crossgate_vcs::Mirror;

use crate::error::Error;

/// The file that makes a directory a workspace.
pub const WORKSPACE_FILE: &str = "crossgate.yaml";

/// The file in which a repo speaks for its own drivers.
pub const REPO_FILE: &str = ".crossgate.yaml";

/// The directory of the catalogue.
pub const CATALOGUE_DIR: &str = "jobs";

/// Where a workspace keeps what it knows and can make again: mirrors, builds, caches.
pub const STATE_DIR: &str = ".crossgate";

/// Most files in the catalogue.
const MAX_CATALOGUE_FILES: usize = 1_000;

/// How many commits back a version of a repo's own file is looked for that is not broken.
const MAX_STEPS_BACK: usize = 100;

/// Which version of the repos' own files speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepoFiles {
    /// The one on the branch that changes land on.
    Tip,
    /// The one in the work tree, saved or not committed.
    WorkTree,
}

/// An opened workspace.
#[derive(Debug)]
pub struct Site {
    root: PathBuf,
    sources: Sources,
    loaded: Loaded,
    graph: Arc<Graph>,
    workspace: Arc<Workspace>,
    mirrors: BTreeMap<RepoName, Arc<Mirror>>,
    missing: BTreeMap<RepoName, PathBuf>,
    today: jiff::civil::Date,
}

impl Site {
    /// Opens the workspace in a directory.
    ///
    /// Repos that are not on this machine are left out and told by [`Site::missing`].
    ///
    /// # Errors
    /// [`Error::Config`] with every diagnostic; [`Error::Vcs`] if a repo that is there cannot be read. A repo whose own file is
    /// broken on its branch goes by the last version that was not: its team's mistake must not hold the others up.
    pub fn open(root: &Path, files: RepoFiles, today: jiff::civil::Date) -> Result<Self, Error> {
        let workspace = crossgate_config::read_source(&root.join(WORKSPACE_FILE), WORKSPACE_FILE)?;
        let outline = crossgate_config::outline(&workspace)?;
        let (mirrors, missing) = open_mirrors(root, &outline)?;
        let mut repos = BTreeMap::new();
        for (name, mirror) in &mirrors {
            let source = match files {
                RepoFiles::Tip => tip_source(name, &outline.repos[name], mirror)?,
                RepoFiles::WorkTree => work_tree_source(root, name, &outline.repos[name])?,
            };
            repos.extend(source.map(|source| (name.clone(), source)));
        }
        let sources = Sources { workspace, catalogue: catalogue(root)?, repos };
        let (sources, loaded) = match crossgate_config::load(&sources, today) {
            Ok(loaded) => (sources, loaded),
            Err(errors) if files == RepoFiles::Tip => last_valid(&mirrors, &outline, sources, errors, today)?,
            Err(errors) => return Err(errors.into()),
        };
        let workspace = Arc::new(loaded.workspace.clone());
        let graph = Arc::new(Graph::new(&workspace));
        Ok(Self { root: root.to_owned(), sources, loaded, graph, workspace, mirrors, missing, today })
    }

    /// Returns the workspace's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where it keeps what it knows.
    pub fn state_dir(&self) -> PathBuf {
        self.root.join(STATE_DIR)
    }

    /// Returns the checked configuration.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// Returns the configuration with what is to be said of it.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Returns what is to be said of the configuration that does not make it invalid.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.loaded.warnings
    }

    /// Returns the dependency graph.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Returns the day on which the workspace was opened.
    pub fn today(&self) -> jiff::civil::Date {
        self.today
    }

    /// Returns the repos that are not on this machine, with where they were looked for.
    pub fn missing(&self) -> &BTreeMap<RepoName, PathBuf> {
        &self.missing
    }

    /// Returns the mirrors of all repos that are here.
    pub fn mirrors(&self) -> &BTreeMap<RepoName, Arc<Mirror>> {
        &self.mirrors
    }

    /// Returns the mirror of a repo.
    ///
    /// # Errors
    /// [`Error::Missing`] if the repo is not on this machine, [`Error::Unknown`] if it is not in the workspace.
    pub fn mirror(&self, repo: &RepoName) -> Result<&Arc<Mirror>, Error> {
        if let Some(mirror) = self.mirrors.get(repo) {
            return Ok(mirror);
        }
        match self.missing.get(repo) {
            Some(expected) => Err(Error::Missing { repo: repo.clone(), expected: expected.clone() }),
            None => Err(self.unknown_repo(repo.as_str())),
        }
    }

    /// Returns the name of a repo of the workspace.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the nearest name.
    pub fn repo(&self, name: &str) -> Result<&RepoName, Error> {
        let found = self.workspace.repos.get_key_value(name).map(|(name, _)| name);
        found.ok_or_else(|| self.unknown_repo(name))
    }

    fn unknown_repo(&self, name: &str) -> Error {
        let names = self.workspace.repos.keys().map(RepoName::as_str);
        Error::Unknown {
            what: "repo",
            name: name.to_owned(),
            nearest: nearest(name, names).map(str::to_owned),
        }
    }

    /// Returns the commit of the branch that a repo is tested with when a change lands on a branch of another.
    ///
    /// The branch of the same name if there is one, else the repo's default branch; a driver may map branches itself.
    /// A change to a default branch is tested with default branches.
    ///
    /// # Errors
    /// [`Error::NoTip`] if the repo has no such branch, [`Error::Missing`] if it is not here.
    pub fn tip(&self, repo: &RepoName, changed: &RepoName, branch: &BranchName) -> Result<CommitId, Error> {
        let mirror = self.mirror(repo)?;
        let settings = &self.workspace.repos[repo];
        let default = &settings.branch;
        if repo == changed {
            return Self::tip_of(mirror, branch);
        }
        let mapped = self.workspace.drivers_of(repo).find_map(|(_, driver)| driver.branches.get(branch));
        if let Some(mapped) = mapped {
            return Self::tip_of(mirror, mapped);
        }
        let is_default = self.workspace.repos.get(changed).is_some_and(|repo| repo.branch == *branch);
        if !is_default && let Some(commit) = mirror.tip(branch)? {
            return Ok(commit);
        }
        Self::tip_of(mirror, default)
    }

    fn tip_of(mirror: &Mirror, branch: &BranchName) -> Result<CommitId, Error> {
        let no_tip = || Error::NoTip { repo: mirror.repo().clone(), branch: branch.to_string() };
        mirror.tip(branch)?.ok_or_else(no_tip)
    }

    /// Returns the configuration that a change is judged with: its own, if it touches its repo's file.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn for_change(&self, change: &Change) -> Result<(Arc<Workspace>, Arc<Graph>), Error> {
        let repo = &change.repo;
        if !change.paths.contains(&RepoPath::from(REPO_FILE)) {
            return Ok((self.workspace.clone(), self.graph.clone()));
        }
        let source = repo_source(repo, self.mirror(repo)?, &change.head)?;
        let mut sources = self.sources.clone();
        sources.repos.remove(repo);
        sources.repos.extend(source.map(|source| (repo.clone(), source)));
        let loaded = crossgate_config::load(&sources, self.today)?;
        let graph = Graph::new(&loaded.workspace);
        Ok((Arc::new(loaded.workspace), Arc::new(graph)))
    }
}

/// Returns where the checkout of a repo is, or would be.
pub fn checkout_dir(root: &Path, name: &RepoName, repo: &Repo) -> PathBuf {
    root.join(repo.path.as_deref().unwrap_or(name.as_str()))
}

/// Returns where a repo is cloned from, as its settings or the forge have it: an address or a path.
pub fn clone_url(root: &Path, forge: &Forge, name: &RepoName, repo: &Repo) -> Option<String> {
    if let Some(url) = &repo.url {
        return Some(url.clone());
    }
    match forge {
        Forge::None => None,
        Forge::Local { path } => {
            Some(root.join(path).join(format!("{name}.git")).to_string_lossy().into_owned())
        }
        Forge::Github { owner, .. } => Some(format!("https://github.com/{owner}/{name}.git")),
    }
}

type Mirrors = (BTreeMap<RepoName, Arc<Mirror>>, BTreeMap<RepoName, PathBuf>);

fn open_mirrors(root: &Path, outline: &Outline) -> Result<Mirrors, Error> {
    let (mut mirrors, mut missing) = (BTreeMap::new(), BTreeMap::new());
    let dir = root.join(STATE_DIR).join("mirrors");
    for (name, repo) in &outline.repos {
        let checkout = checkout_dir(root, name, repo);
        let bare = match &outline.forge {
            Forge::Local { path } => Some(root.join(path).join(format!("{name}.git"))),
            Forge::None | Forge::Github { .. } => None,
        };
        let there = [Some(checkout.clone()), bare].into_iter().flatten().find(|path| path.exists());
        let Some(source) = there else {
            missing.insert(name.clone(), checkout);
            continue;
        };
        mirrors.insert(name.clone(), Arc::new(Mirror::open(&dir, name, &source)?));
    }
    Ok((mirrors, missing))
}

/// Puts earlier versions in the place of repos' own files that are broken, and makes warnings of what is wrong with them.
fn last_valid(
    mirrors: &BTreeMap<RepoName, Arc<Mirror>>,
    outline: &Outline,
    mut sources: Sources,
    errors: Diagnostics,
    today: jiff::civil::Date,
) -> Result<(Sources, Loaded), Error> {
    let is_broken = |source: &Source| errors.0.iter().any(|error| is_error_in(error, &source.name));
    let broken: Vec<_> =
        sources.repos.iter().filter(|(_, source)| is_broken(source)).map(|(repo, _)| repo.clone()).collect();
    for repo in broken {
        let branch = &outline.repos[&repo].branch;
        match earlier_source(&mirrors[&repo], branch, &repo, &sources, today)? {
            Some(earlier) => sources.repos.insert(repo, earlier),
            // It was never valid: it has said nothing yet.
            None => sources.repos.remove(&repo),
        };
    }
    // What is wrong elsewhere is still wrong.
    let Ok(mut loaded) = crossgate_config::load(&sources, today) else { return Err(errors.into()) };
    loaded.warnings.extend(errors.0.into_iter().map(|mut error| {
        error.severity = Severity::Warning;
        error
            .message
            .push_str("; until it is mended, the last valid version of the file counts, if there is one");
        error
    }));
    Ok((sources, loaded))
}

/// Finds the latest version of a repo's own file that has no error.
fn earlier_source(
    mirror: &Mirror,
    branch: &BranchName,
    repo: &RepoName,
    sources: &Sources,
    today: jiff::civil::Date,
) -> Result<Option<Source>, Error> {
    let Some(tip) = mirror.tip(branch)? else { return Ok(None) };
    let mut sources = sources.clone();
    for steps in 1..=MAX_STEPS_BACK {
        // Past the first commit there is nothing to find.
        let Ok(commit) = mirror.resolve(&format!("{tip}~{steps}")) else { return Ok(None) };
        let Some(source) = repo_source(repo, mirror, &commit)? else { return Ok(None) };
        if sources.repos.get(repo).is_some_and(|tried| tried.text == source.text) {
            continue;
        }
        sources.repos.insert(repo.clone(), source.clone());
        let valid = crossgate_config::load(&sources, today)
            .map_or_else(|errors| !errors.0.iter().any(|error| is_error_in(error, &source.name)), |_| true);
        if valid {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

fn is_error_in(diagnostic: &Diagnostic, file: &str) -> bool {
    diagnostic.severity == Severity::Error && diagnostic.file == file
}

fn tip_source(name: &RepoName, repo: &Repo, mirror: &Mirror) -> Result<Option<Source>, Error> {
    match mirror.tip(&repo.branch)? {
        Some(commit) => repo_source(name, mirror, &commit),
        None => Ok(None),
    }
}

fn repo_source(name: &RepoName, mirror: &Mirror, commit: &CommitId) -> Result<Option<Source>, Error> {
    let limit = u64::try_from(crossgate_config::MAX_SOURCE_BYTES).unwrap_or(u64::MAX);
    let text = mirror.read_file(commit, &RepoPath::from(REPO_FILE), limit)?;
    Ok(text.map(|text| Source { name: source_name(name), text }))
}

fn work_tree_source(root: &Path, name: &RepoName, repo: &Repo) -> Result<Option<Source>, Error> {
    let path = checkout_dir(root, name, repo).join(REPO_FILE);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(crossgate_config::read_source(&path, &source_name(name))?))
}

fn source_name(repo: &RepoName) -> String {
    format!("{repo}/{REPO_FILE}")
}

/// Reads the catalogue: every `jobs/*.yaml`, by name. A workspace may have none.
///
/// # Errors
/// [`Error::Config`] for what cannot be read or is too large, [`Error::Catalogue`] if the directory itself is.
pub fn catalogue(root: &Path) -> Result<Vec<Source>, Error> {
    let dir = root.join(CATALOGUE_DIR);
    let failed = |source| Error::Catalogue { path: dir.clone(), source };
    let entries = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml") {
            paths.push(path);
        }
    }
    if paths.len() > MAX_CATALOGUE_FILES {
        let text = format!("{} files: expected at most {MAX_CATALOGUE_FILES}", paths.len());
        return Err(failed(std::io::Error::other(text)));
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(crossgate_config::read_source(path, &format!("{CATALOGUE_DIR}/{name}"))?)
    };
    paths.iter().map(read).collect()
}
