//! From what the repos say to their roles, dependencies, drivers and jobs. A guess, and it says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crossgate_config::Source;
use crossgate_core::ids::{BranchName, DriverName, RepoName};
use crossgate_server::site::REPO_FILE;
use serde::{Deserialize, Serialize};

use super::checkout::Found;

/// What the guess says of a repo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Repo {
    pub(super) name: RepoName,
    pub(super) role: &'static str,
    pub(super) branch: BranchName,
    pub(super) depends_on: Vec<RepoName>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    /// What the role is guessed from.
    pub(super) why: &'static str,
    #[serde(rename = "here")]
    pub(super) is_here: bool,
}

/// A driver that no repo declares itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) repo: RepoName,
    pub(super) job: &'static str,
}

/// The common repo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Common {
    pub(super) name: RepoName,
    pub(super) job: &'static str,
    pub(super) sanity: String,
}

/// A job that something names and nothing declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) run: &'static str,
}

/// A whole workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Guess {
    pub(super) repos: Vec<Repo>,
    pub(super) common: Option<Common>,
    pub(super) drivers: Vec<Driver>,
    pub(super) jobs: Vec<Job>,
}

/// As much of a repo's own file, or of one of the catalogue, as the guess needs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OwnFile {
    drivers: BTreeMap<String, OwnDriver>,
    jobs: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OwnDriver {
    own_changes: Vec<String>,
    common_changes: OwnStance,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OwnStance {
    jobs: Vec<String>,
}

impl OwnFile {
    /// Reads a repo's own file; what is wrong with it is told later, with its place.
    fn of(found: &Found) -> Self {
        let read = |dir: &Path| crossgate_config::read_source(&dir.join(REPO_FILE), REPO_FILE).ok();
        let source = found.checkout.as_deref().and_then(read);
        source.as_ref().map(Self::read).unwrap_or_default()
    }

    fn read(source: &Source) -> Self {
        serde_yaml::from_slice(&source.text).unwrap_or_default()
    }

    /// Returns the jobs that the repo names and does not declare itself.
    fn wants(&self) -> impl Iterator<Item = &str> {
        let drivers = self.drivers.values();
        let named = drivers.flat_map(|driver| driver.own_changes.iter().chain(&driver.common_changes.jobs));
        let base = named.map(|name| name.split('[').next().unwrap_or(name));
        base.filter(|name| !self.jobs.contains_key(*name))
    }
}

/// Returns the names of the jobs in a catalogue.
pub(super) fn jobs_of(catalogue: &[Source]) -> BTreeSet<String> {
    catalogue.iter().flat_map(|source| OwnFile::read(source).jobs.into_keys()).collect()
}

impl Guess {
    /// Guesses a workspace; `declared` are the jobs of its catalogue.
    pub(super) fn of(found: &[Found], declared: &BTreeSet<String>) -> Self {
        let own: BTreeMap<&RepoName, OwnFile> =
            found.iter().map(|found| (&found.name, OwnFile::of(found))).collect();
        let mut edges = edges(found);
        let common = common(found, &edges);
        if let Some(common) = common {
            // What no manifest connects is taken for a driver of the common repo.
            for lonely in found.iter().map(|found| &found.name).filter(|name| *name != common) {
                let known = edges.iter().any(|(from, to)| *from == lonely || *to == lonely);
                if !known {
                    edges.insert((lonely, common));
                }
            }
        }
        let role = |name: &RepoName| match edges.iter().any(|(_, to)| *to == name) {
            _ if common == Some(name) => "common",
            true => "library",
            false => "driver",
        };
        let drivers = drivers(found, &own, role);
        let sanity = common.and_then(|common| sanity(common, &edges, &own, &drivers));
        let repos =
            found.iter().map(|found| repo(found, &edges, role(&found.name), sanity.is_some())).collect();
        let job = |name: &RepoName| found.iter().find(|found| found.name == *name).map_or(UNKNOWN, test).0;
        let common = common.zip(sanity);
        let common = common.map(|(name, sanity)| Common { name: name.clone(), job: job(name), sanity });
        let jobs = jobs(found, &own, &drivers, common.as_ref(), declared);
        Self { repos, common, drivers, jobs }
    }
}

/// Which repo names a package of which; no edge closes a circle.
fn edges(found: &[Found]) -> BTreeSet<(&RepoName, &RepoName)> {
    let mut edges = BTreeSet::new();
    for from in found {
        for to in found {
            let uses = from.name != to.name && from.manifests.uses(&to.manifests);
            if uses && !reaches(&edges, &to.name, &from.name) {
                edges.insert((&from.name, &to.name));
            }
        }
    }
    edges
}

fn reaches(edges: &BTreeSet<(&RepoName, &RepoName)>, from: &RepoName, to: &RepoName) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(edges.iter().filter(|(start, _)| *start == name).map(|(_, end)| *end));
        }
    }
    false
}

/// The repo that most others name and that names none, or one that is called so.
fn common<'a>(found: &'a [Found], edges: &BTreeSet<(&RepoName, &RepoName)>) -> Option<&'a RepoName> {
    let names = || found.iter().map(|found| &found.name);
    let users = |name: &RepoName| edges.iter().filter(|(_, to)| *to == name).count();
    let is_root = |name: &RepoName| users(name) > 0 && edges.iter().all(|(from, _)| *from != name);
    let key = |name: &&RepoName| (users(name), is_called_common(name));
    let most = names().filter(|name| is_root(name)).max_by_key(key);
    most.or_else(|| names().find(|name| is_called_common(name)))
}

fn is_called_common(name: &RepoName) -> bool {
    let last = name.as_str().rsplit(['-', '_', '.']).next();
    matches!(last, Some("common" | "core"))
}

fn drivers(
    found: &[Found],
    own: &BTreeMap<&RepoName, OwnFile>,
    role: impl Fn(&RepoName) -> &'static str,
) -> Vec<Driver> {
    let mut taken: BTreeSet<String> = own.values().flat_map(|file| file.drivers.keys().cloned()).collect();
    let mut drivers = Vec::new();
    for found in
        found.iter().filter(|found| role(&found.name) == "driver" && own[&found.name].drivers.is_empty())
    {
        let short = driver_name(found.name.as_str());
        let name = if taken.contains(short) { found.name.as_str() } else { short };
        taken.insert(name.to_owned());
        drivers.push(Driver { name: name.to_owned(), repo: found.name.clone(), job: test(found).0 });
    }
    drivers
}

/// Returns what stands behind `driver-`, `plugin-` or `provider-` in a repo's name, if something does.
fn driver_name(repo: &str) -> &str {
    let words = ["driver-", "drivers-", "plugin-", "provider-"];
    let rest = words.iter().filter_map(|word| repo.split_once(word)).map(|(_, rest)| rest);
    rest.into_iter().find(|rest| DriverName::parse(rest).is_ok()).unwrap_or(repo)
}

/// Returns a driver behind the common repo that has jobs to run.
fn sanity(
    common: &RepoName,
    edges: &BTreeSet<(&RepoName, &RepoName)>,
    own: &BTreeMap<&RepoName, OwnFile>,
    drivers: &[Driver],
) -> Option<String> {
    let behind = |name: &RepoName| name != common && reaches(edges, name, common);
    let declared = own.iter().filter(|(name, _)| behind(name)).flat_map(|(_, file)| &file.drivers);
    let mut able = declared.filter(|(_, driver)| !driver.common_changes.jobs.is_empty());
    let guessed = || drivers.iter().find(|driver| behind(&driver.repo)).map(|driver| driver.name.clone());
    able.next().map(|(name, _)| name.clone()).or_else(guessed)
}

fn repo(
    found: &Found,
    edges: &BTreeSet<(&RepoName, &RepoName)>,
    role: &'static str,
    has_sanity: bool,
) -> Repo {
    let named = |other: &RepoName| edges.iter().any(|(_, to)| *to == other);
    let (role, why) = match role {
        // A common repo must have a sanity driver, and there is nothing to choose from.
        "common" if !has_sanity => ("library", "no driver depends on it yet"),
        "common" if named(&found.name) && found.manifests.ecosystem().is_some() => {
            ("common", "others name its packages")
        }
        "common" => ("common", "by its name"),
        "library" => ("library", "others name its packages"),
        _ if found.manifests.ecosystem().is_some() => ("driver", "no other names its packages"),
        other => (other, "nothing says otherwise"),
    };
    Repo {
        name: found.name.clone(),
        role,
        branch: found.branch.clone(),
        depends_on: edges
            .iter()
            .filter(|(from, _)| **from == found.name)
            .map(|(_, to)| (*to).clone())
            .collect(),
        url: found.url.clone(),
        path: found.path.clone(),
        why,
        is_here: found.checkout.is_some(),
    }
}

/// The job of a repo that has no manifest we know.
const UNKNOWN: (&str, &str) = ("test", "make test");

fn test(found: &Found) -> (&'static str, &'static str) {
    found.manifests.ecosystem().map_or(UNKNOWN, super::manifest::Ecosystem::test)
}

/// Returns the jobs that something names and nothing declares.
fn jobs(
    found: &[Found],
    own: &BTreeMap<&RepoName, OwnFile>,
    drivers: &[Driver],
    common: Option<&Common>,
    declared: &BTreeSet<String>,
) -> Vec<Job> {
    let mut jobs = BTreeMap::new();
    for found in found {
        let (name, run) = test(found);
        let named = common.is_some_and(|common| common.name == found.name)
            || drivers.iter().any(|driver| driver.repo == found.name);
        jobs.extend(named.then(|| (name.to_owned(), run)));
        jobs.extend(own[&found.name].wants().map(|name| (name.to_owned(), command(name, run))));
    }
    jobs.retain(|name, _| !declared.contains(name));
    jobs.into_iter().map(|(name, run)| Job { name, run }).collect()
}

/// Returns what a job of the driver template runs, else the tests.
fn command(job: &str, tests: &'static str) -> &'static str {
    match (job, tests) {
        ("driver-unit", "cargo test") => "cargo test --workspace --lib",
        ("driver-conformance", "cargo test") => "cargo test --workspace --test conformance",
        _ => tests,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::manifest::Manifests;
    use super::*;

    fn found(dir: &Path, name: &str, files: &[(&str, &str)]) -> Found {
        let dir = dir.join(name);
        fs::create_dir_all(&dir).unwrap();
        for (file, text) in files {
            fs::write(dir.join(file), text).unwrap();
        }
        Found {
            name: RepoName::parse(name).unwrap(),
            manifests: Manifests::of(&dir),
            checkout: Some(dir),
            path: None,
            url: None,
            branch: BranchName::parse("main").unwrap(),
        }
    }

    fn roles(guess: &Guess) -> Vec<String> {
        let line = |repo: &Repo| {
            let needs: Vec<&str> = repo.depends_on.iter().map(RepoName::as_str).collect();
            format!("{} {} <- {}", repo.name, repo.role, needs.join(","))
        };
        guess.repos.iter().map(line).collect()
    }

    #[test]
    fn manifests_decide_before_names() {
        let dir = tempfile::tempdir().unwrap();
        let guess = Guess::of(
            &[
                found(dir.path(), "api", &[("Cargo.toml", "package.name = 'api'")]),
                found(dir.path(), "glue", &[("Cargo.toml", "package.name = 'glue'\ndependencies.api = '1'")]),
                found(
                    dir.path(),
                    "other-core",
                    &[("Cargo.toml", "package.name = 'x'\ndependencies.glue = '1'")],
                ),
            ],
            &BTreeSet::new(),
        );
        assert_eq!(roles(&guess), ["api common <- ", "glue library <- api", "other-core driver <- glue"]);
        assert_eq!(guess.common.unwrap().sanity, "other-core");
    }

    #[test]
    fn without_manifests_the_name_decides_and_the_rest_are_drivers() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["nova-common", "nova-driver-xen", "nova-drivers-lab", "other-driver-xen"];
        let found: Vec<_> = names.iter().map(|name| found(dir.path(), name, &[])).collect();
        let guess = Guess::of(&found, &BTreeSet::from(["test".to_owned()]));
        assert_eq!(
            guess.repos.iter().map(|repo| repo.role).collect::<Vec<_>>(),
            ["common", "driver", "driver", "driver"]
        );
        assert!(guess.repos[1..].iter().all(|repo| repo.depends_on == [found[0].name.clone()]));
        let drivers: Vec<&str> = guess.drivers.iter().map(|driver| driver.name.as_str()).collect();
        assert_eq!(drivers, ["xen", "lab", "other-driver-xen"]);
        assert!(guess.jobs.is_empty(), "the catalogue has it: {:?}", guess.jobs);
    }

    #[test]
    fn a_circle_is_cut_and_a_lonely_core_is_a_library() {
        let dir = tempfile::tempdir().unwrap();
        let guess = Guess::of(
            &[
                found(dir.path(), "a", &[("Cargo.toml", "package.name = 'a'\ndev-dependencies.b = '1'")]),
                found(dir.path(), "b", &[("Cargo.toml", "package.name = 'b'\ndependencies.a = '1'")]),
            ],
            &BTreeSet::new(),
        );
        assert_eq!(roles(&guess).len(), 2);
        assert_eq!(guess.repos.iter().map(|repo| repo.depends_on.len()).sum::<usize>(), 1);
        let alone = Guess::of(&[found(dir.path(), "nova-core", &[])], &BTreeSet::new());
        assert_eq!((alone.repos[0].role, alone.common), ("library", None));
    }

    #[test]
    fn what_a_repo_declares_is_not_declared_again() {
        let own = "drivers: { vmware: { own_changes: [lint, driver-unit], common_changes: { jobs: [lab] } } }\njobs: { lab: {} }";
        let dir = tempfile::tempdir().unwrap();
        let guess = Guess::of(
            &[found(dir.path(), "core", &[]), found(dir.path(), "vmware-repo", &[(".crossgate.yaml", own)])],
            &BTreeSet::new(),
        );
        assert!(guess.drivers.is_empty(), "{:?}", guess.drivers);
        assert_eq!(guess.common.unwrap().sanity, "vmware");
        let jobs: Vec<&str> = guess.jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(jobs, ["driver-unit", "lint", "test"]);
    }
}
