//! Renders the driver template: from a name and a kind to a repo that builds and passes.

use std::fs;
use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, DirEntry, File, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::error::CliError;

static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../driver-template");

/// The part of the template that is a CI file.
const WORKFLOWS: &str = "repo/.github";

/// The licence that the template has the text of.
pub(crate) const LICENSE: &str = "Apache-2.0";

/// The CI file that a driver repo starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CiFile {
    /// A workflow of GitHub Actions
    Github,
    /// None
    None,
}

/// What a driver stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// One hypervisor node
    Hypervisor,
    /// A cluster manager that owns many nodes
    Cluster,
}

/// A driver to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NewDriver {
    /// The driver's name.
    pub(crate) name: String,
    /// What it stands before.
    pub(crate) kind: Kind,
}

impl NewDriver {
    /// Returns the name of its cargo package.
    pub(crate) fn package(&self) -> String {
        format!("nova-driver-{}", self.name)
    }
}

/// A driver repo to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRepo {
    /// The repo's name.
    pub(crate) name: String,
    /// What it holds; at least one.
    pub(crate) drivers: Vec<NewDriver>,
    /// Whether each driver has a directory of its own, so that the repo can hold several.
    pub(crate) set: bool,
    /// An SPDX identifier.
    pub(crate) license: String,
    /// For the licence.
    pub(crate) year: i16,
    /// The CI file.
    pub(crate) ci: CiFile,
}

impl Default for NewRepo {
    fn default() -> Self {
        Self {
            name: String::new(),
            drivers: Vec::new(),
            set: false,
            license: LICENSE.to_owned(),
            year: 2026,
            ci: CiFile::Github,
        }
    }
}

/// A driver, as the template knows it.
#[derive(Debug, Clone, Serialize)]
struct Driver<'a> {
    #[serde(flatten)]
    driver: &'a NewDriver,
    package: String,
}

/// The variables of a repo.
#[derive(Debug, Clone, Serialize)]
struct RepoVariables<'a> {
    repo: &'a str,
    drivers: Vec<Driver<'a>>,
    set: bool,
    license: &'a str,
    year: i16,
    ci: CiFile,
}

/// The variables of one driver's part of a repo.
#[derive(Debug, Serialize)]
struct DriverVariables<'a> {
    #[serde(flatten)]
    driver: &'a Driver<'a>,
    #[serde(flatten)]
    repo: &'a RepoVariables<'a>,
}

/// Writes a whole repo into a directory, which is made if it is not there.
///
/// # Errors
/// [`CliError::Io`]; [`CliError::Internal`] if the template is wrong. Files may have been written then.
pub(crate) fn write(repo: &NewRepo, into: &Path) -> Result<(), CliError> {
    let environment = environment();
    let drivers = repo.drivers.iter().map(|driver| Driver { driver, package: driver.package() }).collect();
    let NewRepo { name, set, license, year, ci, .. } = repo;
    let variables = RepoVariables { repo: name, drivers, set: *set, license, year: *year, ci: *ci };
    render_part(&environment, "repo", &variables, into)?;
    if repo.ci == CiFile::Github {
        render_part(&environment, WORKFLOWS, &variables, &into.join(".github"))?;
    }
    if repo.set {
        render_part(&environment, "set", &variables, into)?;
    }
    for driver in &variables.drivers {
        let top = if repo.set { into.join(&driver.driver.name) } else { into.to_owned() };
        render_part(&environment, "driver", &DriverVariables { driver, repo: &variables }, &top)?;
    }
    Ok(())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the default ones"));
    environment
}

fn render_part(
    environment: &Environment<'_>,
    part: &str,
    variables: &impl Serialize,
    into: &Path,
) -> Result<(), CliError> {
    let missing = || CliError::internal(anyhow::anyhow!("the driver template has no `{part}`"));
    let mut open = vec![TEMPLATE.get_dir(part).ok_or_else(missing)?];
    while let Some(dir) = open.pop() {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(dir) if dir.path() == Path::new(WORKFLOWS) => {}
                DirEntry::Dir(dir) => open.push(dir),
                DirEntry::File(file) => render_file(environment, part, file, variables, into)?,
            }
        }
    }
    Ok(())
}

fn render_file(
    environment: &Environment<'_>,
    part: &str,
    file: &File<'_>,
    variables: &impl Serialize,
    into: &Path,
) -> Result<(), CliError> {
    let path = file.path().strip_prefix(part).map_err(CliError::internal)?;
    let path =
        environment.render_str(&path.to_string_lossy(), Serde(variables)).map_err(CliError::internal)?;
    let (path, text) = match (path.strip_suffix(".j2"), file.contents_utf8()) {
        (Some(path), Some(text)) => {
            let name = file.path().to_string_lossy();
            let text =
                environment.render_named_str(&name, text, Serde(variables)).map_err(CliError::internal)?;
            (inside(into, path)?, text.into_bytes())
        }
        (Some(_), None) => {
            return Err(CliError::internal(anyhow::anyhow!("`{}` is not UTF-8", file.path().display())));
        }
        (None, _) => (inside(into, &path)?, file.contents().to_owned()),
    };
    let parent = path.parent().unwrap_or(into);
    fs::create_dir_all(parent).map_err(|source| CliError::io(parent, source))?;
    fs::write(&path, text).map_err(|source| CliError::io(&path, source))
}

/// Returns where a rendered path is, which must not lead out of the directory.
fn inside(into: &Path, path: &str) -> Result<PathBuf, CliError> {
    let path = Path::new(path);
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(into.join(path));
    }
    Err(CliError::internal(anyhow::anyhow!("the template leads to `{}`", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(names: &[&str], kind: Kind, set: bool, ci: CiFile) -> NewRepo {
        let drivers = names.iter().map(|&name| NewDriver { name: name.to_owned(), kind }).collect();
        NewRepo { name: "nova-driver-x".to_owned(), drivers, set, ci, ..NewRepo::default() }
    }

    fn files(dir: &Path) -> Vec<String> {
        let (mut open, mut found) = (vec![dir.to_owned()], Vec::new());
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    open.push(entry);
                } else {
                    found.push(entry.strip_prefix(dir).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }

    /// Renders a repo, and returns its files after a look at what must hold of all.
    fn rendered(repo: &NewRepo) -> Vec<String> {
        let into = tempfile::tempdir().unwrap();
        write(repo, into.path()).unwrap();
        let files = files(into.path());
        for file in &files {
            assert!(!file.contains("{{") && !file.contains(".j2"), "{file}");
            if file.ends_with("Cargo.toml") {
                let text = fs::read_to_string(into.path().join(file)).unwrap();
                text.parse::<toml::Table>().unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
        files
    }

    #[test]
    fn every_combination_renders() {
        for kind in [Kind::Hypervisor, Kind::Cluster] {
            for ci in [CiFile::Github, CiFile::None] {
                let alone = rendered(&repo(&["a"], kind, false, ci));
                let set = rendered(&repo(&["a", "b"], kind, true, ci));
                let has = |files: &[String], path: &str| files.iter().any(|file| file == path);
                assert_eq!(has(&alone, ".github/workflows/ci.yml"), ci == CiFile::Github);
                assert!(has(&alone, "src/lib.rs") && has(&alone, "src/backend/memory.rs"), "{alone:?}");
                assert!(has(&set, "a/src/lib.rs") && has(&set, "b/src/lib.rs"), "{set:?}");
                assert!(has(&set, "Cargo.toml") && !has(&set, "src/lib.rs"), "{set:?}");
            }
        }
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../x", "/x", "a/../../x"] {
            assert!(inside(Path::new("/into"), path).is_err(), "{path}");
        }
        assert_eq!(inside(Path::new("/into"), "a/b").unwrap(), Path::new("/into/a/b"));
    }
}
