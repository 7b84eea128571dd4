//! Where the driver API is: the crate of the common repo that holds the files of its cycles.

use std::fs;
use std::path::{Path, PathBuf};

use crossgate_core::workspace::Role;
use crossgate_server::site::{WORKSPACE_FILE, checkout_dir};
use nova_lifecycle::{ApiTree, Cycle, TreeError, cycle_of, read_bounded, read_cycle};
use toml::{Table, Value};

use crate::context::Context;
use crate::error::{CliError, chain};

/// Which common repo.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Where {
    /// The directory of the common repo; default: the workspace's, or the one that this is started in
    #[arg(long, value_name = "DIR")]
    common: Option<PathBuf>,
}

/// The crate of the driver API.
#[derive(Debug, Clone)]
pub(super) struct ApiCrate {
    /// Its directory.
    pub(super) dir: PathBuf,
    /// Its package, such as `nova-api`.
    pub(super) package: String,
    /// Its version.
    pub(super) version: String,
}

impl Where {
    /// Finds the crate.
    ///
    /// # Errors
    /// A usage error if there is none, or several.
    pub(super) fn find(&self, context: &Context) -> Result<ApiCrate, CliError> {
        let dirs = match &self.common {
            Some(dir) => vec![context.directory().join(dir)],
            None => common_dirs(context)?,
        };
        let mut found: Vec<PathBuf> = dirs.iter().flat_map(|dir| crates_in(dir)).collect();
        let hint = "`--common DIR` names the directory of the repo that holds the driver API";
        let text = match found.len() {
            1 => return ApiCrate::read(found.remove(0)),
            0 => format!("no crate with the files of its cycles (`cycles/N.json`) in {}", listed(&dirs)),
            _ => format!("several crates have files of cycles: {}", listed(&found)),
        };
        Err(CliError::usage(text, hint))
    }
}

fn listed(dirs: &[PathBuf]) -> String {
    dirs.iter().map(|dir| format!("`{}`", dir.display())).collect::<Vec<_>>().join(", ")
}

/// Lists the common repos that are on this machine; outside a workspace, the current directory.
fn common_dirs(context: &Context) -> Result<Vec<PathBuf>, CliError> {
    let Ok(root) = context.root() else { return Ok(vec![context.directory().to_owned()]) };
    let source = crossgate_config::read_source(&root.join(WORKSPACE_FILE), WORKSPACE_FILE)?;
    let outline = crossgate_config::outline(&source)?;
    let common = outline.repos.iter().filter(|(_, repo)| repo.role == Role::Common);
    Ok(common.map(|(name, repo)| checkout_dir(root, name, repo)).collect())
}

/// Lists the crates with cycles in a directory and one below it.
fn crates_in(dir: &Path) -> Vec<PathBuf> {
    let below = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut candidates: Vec<PathBuf> = below.chain([dir.to_owned()]).collect();
    candidates.retain(|dir| dir.join("cycles").is_dir() && dir.join("Cargo.toml").is_file());
    candidates.sort();
    candidates
}

impl ApiCrate {
    fn read(dir: PathBuf) -> Result<Self, CliError> {
        let manifest = table(&dir.join("Cargo.toml"))?;
        let package = manifest.get("package").and_then(Value::as_table);
        let text = |key: &str| package.and_then(|package| package.get(key)?.as_str()).map(str::to_owned);
        if let (Some(package), Some(version)) = (text("name"), text("version")) {
            return Ok(Self { dir, package, version });
        }
        let text = format!("`{}` does not say its name and version", dir.join("Cargo.toml").display());
        Err(CliError::usage(text, "its version says which cycle is in the making: write it there"))
    }

    /// Returns the cycle in the making.
    ///
    /// # Errors
    /// A usage error if the version names none.
    pub(super) fn head(&self) -> Result<u32, CliError> {
        cycle_of(&self.version).map_err(|error| failed(&error))
    }

    /// Reads the source, the cycles and the frozen driver.
    ///
    /// # Errors
    /// A usage error that says what cannot be read.
    pub(super) fn tree(&self) -> Result<ApiTree, CliError> {
        ApiTree::read(&self.dir, &self.version).map_err(|error| failed(&error))
    }

    /// Reads the committed file of a cycle.
    ///
    /// # Errors
    /// A usage error that says what cannot be read, or which cycles there are.
    pub(super) fn cycle(&self, number: u32) -> Result<Cycle, CliError> {
        let path = self.dir.join(format!("cycles/{number}.json"));
        if !path.is_file() {
            let text = format!("there is no cycle {number} in `{}`", self.dir.join("cycles").display());
            return Err(CliError::usage(text, format!("cycles go from 1 to {}", self.head()?)));
        }
        file(&path, Some(number))
    }
}

/// Reads the file of a cycle.
///
/// # Errors
/// A usage error that says what is wrong with it.
pub(super) fn file(path: &Path, expected: Option<u32>) -> Result<Cycle, CliError> {
    read_cycle(path, expected).map(|file| file.cycle).map_err(|error| failed(&error))
}

/// Reads a manifest.
///
/// # Errors
/// A usage error that says what is wrong with it.
pub(super) fn table(path: &Path) -> Result<Table, CliError> {
    let text = read_bounded(path).map_err(|error| failed(&error.into()))?;
    text.parse().map_err(|error: toml::de::Error| {
        CliError::usage(format!("`{}` is not TOML: {}", path.display(), error.message()), "mend it")
    })
}

fn failed(error: &TreeError) -> CliError {
    CliError::usage(chain(error), "the files of the API must be whole before they can be compared")
}
