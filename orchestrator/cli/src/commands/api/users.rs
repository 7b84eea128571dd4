//! Who may use the API: the drivers and libraries of the workspace, with their crates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crossgate_core::ids::{RepoName, RepoPath};
use crossgate_core::workspace::Role;
use crossgate_server::site::{Site, checkout_dir};
use nova_lifecycle::usage::{self, Crate, Unseen, Use};
use nova_lifecycle::{Cycle, Place, Source, sources_below};
use serde::Serialize;
use toml::{Table, Value};

use super::core::table;
use crate::error::{CliError, chain};

/// The file in which a driver commits which facets it has.
const CAPABILITIES: &str = "expected-capabilities.toml";

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A driver.
    Driver,
    /// What lies between the core and drivers.
    Library,
}

/// A driver or a library, and what it uses.
#[derive(Debug, Serialize)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) repo: RepoName,
    /// Which versions of the API its manifests ask for.
    pub(super) requires: Vec<String>,
    /// The facets that it commits to have.
    pub(super) offers: Vec<String>,
    pub(super) unseen: Unseen,
    /// What could not be read.
    pub(super) unread: Vec<Unread>,
    #[serde(skip)]
    pub(super) uses: Vec<Use>,
}

/// What could not be read.
#[derive(Debug, Serialize)]
pub(super) struct Unread {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Place>,
    pub(super) text: String,
}

/// Those who use the API, and the repos that are not here.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) all: Vec<User>,
    pub(super) missing: BTreeSet<RepoName>,
}

/// Looks into every driver and library of the workspace that is on this machine.
///
/// # Errors
/// If there can be no thread for it. What cannot be read is told of its user.
pub(super) fn read(site: &Site, package: &str, offered: &Cycle) -> Result<Users, CliError> {
    let workspace = site.workspace();
    // Which drivers a repo has it says itself: of one that is not here, not even their names are known.
    let is_missing = |name: &RepoName| !checkout_dir(site.root(), name, &workspace.repos[name]).is_dir();
    let users_of_api = workspace.repos.iter().filter(|(_, repo)| repo.role != Role::Common);
    let missing = users_of_api.map(|(name, _)| name).filter(|name| is_missing(name)).cloned().collect();
    let mut users = Users { all: Vec::new(), missing };
    let mut look = |mut user: User, wanted: &dyn Fn(&str) -> bool| -> Result<(), CliError> {
        if users.missing.contains(&user.repo) {
            return Ok(());
        }
        let dir = checkout_dir(site.root(), &user.repo, &workspace.repos[&user.repo]);
        user.read(&Checkout { dir, package, offered }, wanted)?;
        users.all.push(user);
        Ok(())
    };
    for (name, driver) in &workspace.drivers {
        let user = User::new(name.as_str(), Kind::Driver, &driver.repo);
        look(user, &|path| driver.paths.value.matches(&RepoPath::from(path)))?;
    }
    for (name, _) in workspace.repos.iter().filter(|(_, repo)| repo.role == Role::Library) {
        look(User::new(name.as_str(), Kind::Library, name), &|_| true)?;
    }
    Ok(users)
}

/// Where to look, and for what.
struct Checkout<'a> {
    dir: PathBuf,
    /// The package of the API.
    package: &'a str,
    offered: &'a Cycle,
}

impl User {
    fn new(name: &str, kind: Kind, repo: &RepoName) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            repo: repo.clone(),
            requires: Vec::new(),
            offers: Vec::new(),
            unseen: Unseen::default(),
            unread: Vec::new(),
            uses: Vec::new(),
        }
    }

    fn read(&mut self, checkout: &Checkout<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<(), CliError> {
        let found = sources_below(&checkout.dir, &checkout.dir, wanted);
        self.unread.extend(found.errors.iter().map(|error| Unread { at: None, text: chain(error) }));
        let mut packages: BTreeMap<PathBuf, Vec<Source>> = BTreeMap::new();
        for source in found.sources {
            packages.entry(package_of(&checkout.dir, &source.path)).or_default().push(source);
        }
        for (below, sources) in packages {
            match manifest(&checkout.dir, &below) {
                Ok(manifest) => self.read_package(checkout, &below, &sources, &manifest)?,
                Err(error) => self.unread.push(Unread { at: None, text: chain(&error) }),
            }
        }
        for list in [&mut self.requires, &mut self.offers] {
            list.sort();
            list.dedup();
        }
        Ok(())
    }

    fn read_package(
        &mut self,
        checkout: &Checkout<'_>,
        below: &Path,
        sources: &[Source],
        manifest: &Manifest,
    ) -> Result<(), CliError> {
        let known = dependencies(&manifest.own, &manifest.workspace, checkout.package);
        if known.is_empty() {
            return Ok(());
        }
        self.requires.extend(known.iter().filter_map(|known| known.version.clone()));
        self.offers.extend(capabilities(&checkout.dir.join(below).join(CAPABILITIES)));
        let names: Vec<String> = known.into_iter().map(|known| known.name).collect();
        let below =
            if below.as_os_str().is_empty() { String::new() } else { format!("{}/", below.display()) };
        let krate = Crate { sources, below: &below, api: &names };
        let usage = usage::of_crate(krate, checkout.offered).map_err(CliError::internal)?;
        self.uses.extend(usage.uses);
        self.unseen.add(usage.unseen);
        let broken = usage.broken.into_iter().map(|it| Unread { at: Some(it.at), text: it.what });
        self.unread.extend(broken);
        Ok(())
    }
}

/// Returns the directory of the package that a file is of, from the top of its repo.
fn package_of(dir: &Path, file: &str) -> PathBuf {
    let above = Path::new(file).ancestors().skip(1);
    let found = above.into_iter().find(|above| dir.join(above).join("Cargo.toml").is_file());
    found.unwrap_or(Path::new("")).to_owned()
}

/// A package's manifest, and the one at the top of its repo, from which it may inherit.
struct Manifest {
    own: Table,
    workspace: Table,
}

fn manifest(dir: &Path, below: &Path) -> Result<Manifest, CliError> {
    let own = table(&dir.join(below).join("Cargo.toml"))?;
    let top = dir.join("Cargo.toml");
    let whole = if top.is_file() { table(&top)? } else { Table::new() };
    let workspace = whole.get("workspace").and_then(|it| it.get("dependencies")?.as_table()).cloned();
    Ok(Manifest { own, workspace: workspace.unwrap_or_default() })
}

/// How a package knows the API.
#[derive(Debug, PartialEq, Eq)]
struct KnownAs {
    name: String,
    version: Option<String>,
}

/// Lists the names under which a package depends on another.
fn dependencies(manifest: &Table, workspace: &Table, package: &str) -> Vec<KnownAs> {
    let lists = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([manifest]);
    let entries = tables
        .flat_map(|table| lists.iter().filter_map(|list| table.get(*list)?.as_table()))
        .flat_map(Table::iter);
    let mut found: Vec<KnownAs> = Vec::new();
    for (key, value) in entries {
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        let value = workspace.get(key).filter(|_| inherits).unwrap_or(value);
        let named = value.get("package").and_then(Value::as_str).unwrap_or(key);
        let version = value.as_str().or_else(|| value.get("version")?.as_str()).map(str::to_owned);
        let known = KnownAs { name: key.replace('-', "_"), version };
        if named == package && !found.contains(&known) {
            found.push(known);
        }
    }
    found
}

/// Lists the facets that a driver commits to have; none if it does not say.
fn capabilities(path: &Path) -> Vec<String> {
    let stated = if path.is_file() { table(path).unwrap_or_default() } else { Table::new() };
    let had = stated.into_iter().filter(|(_, has)| has.as_bool() == Some(true));
    had.map(|(facet, _)| facet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(manifest: &str, workspace: &str) -> Vec<String> {
        let known = dependencies(&manifest.parse().unwrap(), &workspace.parse().unwrap(), "nova-api");
        known.into_iter().map(|it| format!("{} {}", it.name, it.version.unwrap_or_default())).collect()
    }

    #[test]
    fn a_package_knows_the_api_by_the_names_in_its_manifest() {
        assert_eq!(known("dependencies.nova-api = '1.1'", ""), ["nova_api 1.1"]);
        assert_eq!(known("dependencies.api = { package = 'nova-api', version = '1' }", ""), ["api 1"]);
        let inherited = "dependencies.core = { package = 'nova-api', version = '1.2' }".to_owned();
        let workspace = inherited.replace("dependencies.", "");
        assert_eq!(known("dev-dependencies.core.workspace = true", &workspace), ["core 1.2"]);
        assert_eq!(known("target.'cfg(unix)'.dependencies.nova-api = { path = 'x' }", ""), ["nova_api "]);
        assert_eq!(known("dependencies.nova-api = { package = 'other' }", ""), [""; 0]);
    }
}
