//! Cargo's overrides: how crates of one repo see the crates of another as they stand beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crossgate_core::ids::RepoName;
use toml::{Table, Value};

mod lock;

/// How many directories deep a manifest may be in its repo.
const DEPTH: usize = 12;
/// How many files and directories of one repo are looked at.
const ENTRIES: usize = 1_000_000;
/// How many manifests one repo may have.
const MANIFESTS: usize = 10_000;
/// How many bytes a manifest may have.
const MANIFEST: u64 = 1 << 20;
/// How many bytes a lock file may have.
const LOCK: u64 = 16 << 20;

/// Why the overrides cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// A repo has more files, or more or larger manifests, than are looked at.
    #[error("repo `{repo}` has more than {limit} {what}")]
    TooMuch {
        /// The repo.
        repo: RepoName,
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot use `{path}`")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Returns the text of a `.cargo/config.toml` by which the crates of `repos` use each other instead of published ones.
///
/// The repos stand side by side in `root_on_disk`, and whoever builds sees that directory as `root_as_seen`. Each package that a
/// manifest of one repo provides and a manifest of another names gets one entry for each source under which it is named:
/// only these, since cargo warns of entries that nobody uses. Without any, there is no text. A manifest that is not TOML is
/// passed over: cargo will say what is wrong with it.
///
/// # Errors
/// [`OverrideError`] if a file cannot be read or a repo is over a bound.
pub fn cargo_overrides(
    root_on_disk: &Path,
    root_as_seen: &Path,
    repos: &[RepoName],
) -> Result<Option<String>, OverrideError> {
    Ok(Overrides::find(root_on_disk, repos)?.config(root_as_seen))
}

/// What crates of one repo are to use from another.
pub(crate) struct Overrides {
    crates: Vec<Crates>,
    /// The packages that are named by another repo than the one that provides them, and by which sources.
    named: BTreeMap<String, (Provided, BTreeSet<String>)>,
}

/// Where a package is.
#[derive(Debug, Clone)]
struct Provided {
    repo: RepoName,
    dir: PathBuf,
    version: Option<String>,
}

impl Overrides {
    pub(crate) fn find(root: &Path, repos: &[RepoName]) -> Result<Self, OverrideError> {
        let crates = repos.iter().map(|repo| Crates::of(root, repo)).collect::<Result<Vec<_>, _>>()?;
        let mut provided: BTreeMap<&str, (_, Provided)> = BTreeMap::new();
        for of in &crates {
            for (name, is) in of.packages() {
                // A copy, vendored or a fixture, is not what the others mean: whoever has one mostly also names the package as
                // somebody else's, and has it deeper down.
                let rank =
                    (of.dependencies.iter().any(|dependency| dependency.package == name), depth(&is.dir));
                match provided.get(name) {
                    Some((best, _)) if *best <= rank => {}
                    _ => drop(provided.insert(name, (rank, is))),
                }
            }
        }
        let mut named: BTreeMap<String, (Provided, BTreeSet<String>)> = BTreeMap::new();
        for by in &crates {
            for Dependency { package, source } in &by.dependencies {
                if let Some((_, is)) = provided.get(package.as_str()).filter(|(_, is)| is.repo != by.repo) {
                    let entry = named.entry(package.clone()).or_insert_with(|| (is.clone(), BTreeSet::new()));
                    entry.1.insert(source.clone());
                }
            }
        }
        Ok(Self { crates, named })
    }

    /// Returns the text of the configuration, if there is something to override.
    pub(crate) fn config(&self, root_as_seen: &Path) -> Option<String> {
        let mut patch = Table::new();
        for (package, (is, sources)) in &self.named {
            for source in sources {
                let path = root_as_seen.join(&is.dir).to_string_lossy().into_owned();
                let entry = Table::from_iter([("path".to_owned(), path.into())]);
                let entries = patch.entry(source).or_insert_with(|| Table::new().into()).as_table_mut();
                entries.expect("made as a table").insert(package.clone(), entry.into());
            }
        }
        let config = Table::from_iter([("patch".to_owned(), Value::Table(patch))]);
        let text = || toml::to_string(&config).expect("a table of tables of strings is TOML");
        (!self.named.is_empty()).then(text)
    }

    /// Makes lock files name what is overridden, as cargo itself would write it.
    ///
    /// Left as they are, a new version of a package would be refused as not the locked one, and `--locked` would refuse any: a
    /// driver would be red for what is not the change's fault. Files that need no change are not touched.
    pub(crate) fn relock(&self, root: &Path) -> Result<(), OverrideError> {
        for Crates { repo, locks, .. } in &self.crates {
            let others = self.named.iter().filter(|(_, (is, _))| is.repo != *repo);
            let versions =
                others.map(|(package, (is, _))| (package.as_str(), is.version.as_deref())).collect();
            for path in locks.iter().map(|path| root.join(path)) {
                // One beyond the bound is left to cargo.
                let Some(text) = text_of(&path, LOCK)? else { continue };
                let follows = lock::follow(&text, &versions);
                if follows != text {
                    lock::replace(&path, &follows).map_err(read(&path))?;
                }
            }
        }
        Ok(())
    }
}

/// The manifests of a repo, read, each with its directory as a path from the root, and its lock files.
struct Crates {
    repo: RepoName,
    manifests: BTreeMap<PathBuf, Table>,
    dependencies: BTreeSet<Dependency>,
    locks: Vec<PathBuf>,
}

impl Crates {
    fn of(root: &Path, repo: &RepoName) -> Result<Self, OverrideError> {
        let too_much = |what, limit| OverrideError::TooMuch { repo: repo.clone(), what, limit };
        let (mut manifests, mut locks, mut seen) = (BTreeMap::new(), Vec::new(), 0);
        let mut open = vec![(PathBuf::from(repo.as_str()), 0)];
        while let Some((dir, depth)) = open.pop() {
            let on_disk = root.join(&dir);
            for entry in fs::read_dir(&on_disk).map_err(read(&on_disk))? {
                let entry = entry.map_err(read(&on_disk))?;
                let (name, kind) = (entry.file_name(), entry.file_type().map_err(read(&on_disk))?);
                seen += 1;
                if kind.is_dir() && depth < DEPTH && name != "target" && name != ".git" {
                    open.push((dir.join(name), depth + 1));
                } else if kind.is_file() && name == "Cargo.lock" {
                    locks.push(dir.join(name));
                } else if kind.is_file() && name == "Cargo.toml" {
                    let text = text_of(&entry.path(), MANIFEST)?;
                    let text = text.ok_or_else(|| too_much("bytes in a manifest", MANIFEST))?;
                    manifests.extend(text.parse::<Table>().ok().map(|manifest| (dir.clone(), manifest)));
                }
            }
            if seen > ENTRIES {
                return Err(too_much("files", ENTRIES as u64));
            }
            if manifests.len() > MANIFESTS {
                return Err(too_much("manifests", MANIFESTS as u64));
            }
        }
        let dependencies = manifests.values().flat_map(dependencies).collect();
        Ok(Self { repo: repo.clone(), manifests, dependencies, locks })
    }

    fn packages(&self) -> impl Iterator<Item = (&str, Provided)> {
        self.manifests.iter().filter_map(|(dir, manifest)| {
            let package = manifest.get("package")?;
            let version = package.get("version").and_then(|version| match version.as_str() {
                Some(version) => Some(version.to_owned()),
                None => self.workspace_version(dir),
            });
            Some((
                package.get("name")?.as_str()?,
                Provided { repo: self.repo.clone(), dir: dir.clone(), version },
            ))
        })
    }

    fn workspace_version(&self, dir: &Path) -> Option<String> {
        let mut roots = dir.ancestors().filter_map(|dir| self.manifests.get(dir)?.get("workspace"));
        let version = roots.find_map(|workspace| workspace.get("package")?.get("version")?.as_str());
        version.map(str::to_owned)
    }
}

/// A package that a manifest names, and the source by which cargo's `patch` table knows it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    package: String,
    source: String,
}

impl Dependency {
    fn of(key: &str, value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        // A member's share of what its workspace names, and what is found by its path anyway.
        let elsewhere = value.get("workspace").is_some() || value.get("path").is_some();
        let source = text("git").or(text("registry")).or(text("registry-index")).unwrap_or("crates-io");
        let package = text("package").unwrap_or(key).to_owned();
        (!elsewhere).then(|| Self { package, source: source.to_owned() })
    }
}

fn dependencies(manifest: &Table) -> BTreeSet<Dependency> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let workspace = manifest.get("workspace");
    let holders = targets.chain(workspace).filter_map(Value::as_table).chain([manifest]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables =
        holders.flat_map(|holder| kinds.map(|kind| holder.get(kind))).flatten().filter_map(Value::as_table);
    tables.flatten().filter_map(|(key, value)| Dependency::of(key, value)).collect()
}

fn depth(dir: &Path) -> usize {
    dir.components().count()
}

/// Reads a file, unless it is larger than `limit`.
fn text_of(path: &Path, limit: u64) -> Result<Option<String>, OverrideError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(read(path))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read(path))?;
    Ok((bytes.len() as u64 <= limit).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

fn read(path: &Path) -> impl FnOnce(io::Error) -> OverrideError {
    let path = path.to_owned();
    |source| OverrideError::Read { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(files: &[(&str, &str)]) -> Result<Option<String>, OverrideError> {
        let root = tempfile::tempdir().unwrap();
        let mut repos = BTreeSet::new();
        for (path, text) in files {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
            repos.insert(RepoName::parse(path.split('/').next().unwrap()).unwrap());
        }
        cargo_overrides(root.path(), Path::new("/build/src"), &Vec::from_iter(repos))
    }

    const API: (&str, &str) = ("common/api/Cargo.toml", "package.name = 'nova-api'");

    #[test]
    fn what_another_repo_names_is_patched_under_each_source() {
        let text = overrides(&[
            API,
            (
                "common/agent/Cargo.toml",
                "package.name = 'nova-agent'\ndependencies.nova-api = { path = '../api' }",
            ),
            ("common/unused/Cargo.toml", "package.name = 'unused'"),
            ("xen/Cargo.toml", "package.name = 'xen'\ndependencies = { nova-api = '1', serde = '1' }"),
            (
                "hyperv/Cargo.toml",
                "[workspace.dependencies]\napi = { package = 'nova-api', git = 'https://x/common' }",
            ),
            ("hyperv/a/Cargo.toml", "package.name = 'a'\ndependencies.nova-api.workspace = true"),
            (
                "lab/a/b/Cargo.toml",
                "[target.'cfg(unix)'.dev-dependencies]\nnova-agent = { version = '1', registry = 'own' }",
            ),
        ]);
        insta::assert_snapshot!(text.unwrap().unwrap(), @r#"
        [patch.crates-io.nova-api]
        path = "/build/src/common/api"

        [patch."https://x/common".nova-api]
        path = "/build/src/common/api"

        [patch.own.nova-agent]
        path = "/build/src/common/agent"
        "#);
    }

    #[test]
    fn nothing_is_written_for_nothing() {
        assert_eq!(overrides(&[("common/README", ""), ("xen/README", "")]).unwrap(), None);
        assert_eq!(overrides(&[API, ("common/x/Cargo.toml", "dependencies.nova-api = '1'")]).unwrap(), None);
        assert_eq!(
            overrides(&[API, ("xen/target/Cargo.toml", "dependencies.nova-api = '1'")]).unwrap(),
            None
        );
        assert_eq!(
            overrides(&[
                API,
                ("xen/Cargo.toml", "dependencies.nova-api = { path = '../common/api', version = '1' }")
            ])
            .unwrap(),
            None
        );
    }

    #[test]
    fn a_vendored_copy_is_not_what_others_mean() {
        let text = overrides(&[
            ("api/nova-api/Cargo.toml", "package.name = 'nova-api'"),
            ("a-driver/vendor/Cargo.toml", "package.name = 'nova-api'"),
            ("a-driver/Cargo.toml", "dependencies.nova-api = '1'"),
            ("b-driver/Cargo.toml", "dependencies.nova-api = '1'"),
        ]);
        insta::assert_snapshot!(text.unwrap().unwrap(), @r#"
        [patch.crates-io.nova-api]
        path = "/build/src/api/nova-api"
        "#);
    }

    #[test]
    fn a_version_may_be_the_workspaces() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("common/a/b")).unwrap();
        fs::write(root.path().join("common/Cargo.toml"), "workspace.package.version = '3.0.0'").unwrap();
        let member = "package = { name = 'b', version.workspace = true }";
        fs::write(root.path().join("common/a/b/Cargo.toml"), member).unwrap();
        let crates = Crates::of(root.path(), &RepoName::parse("common").unwrap()).unwrap();
        let packages: Vec<_> = crates.packages().map(|(name, is)| (name, is.version.unwrap())).collect();
        assert_eq!(packages, [("b", "3.0.0".to_owned())]);
    }

    #[test]
    fn a_broken_manifest_is_left_to_cargo_and_a_huge_one_is_refused() {
        let driver = ("xen/Cargo.toml", "dependencies.nova-api = '1'");
        assert!(overrides(&[API, driver, ("xen/a/Cargo.toml", "not toml")]).unwrap().is_some());
        let huge = "#".repeat((1 << 20) + 1);
        let error = overrides(&[API, ("xen/Cargo.toml", &huge)]).unwrap_err();
        insta::assert_snapshot!(error, @"repo `xen` has more than 1048576 bytes in a manifest");
    }
}
