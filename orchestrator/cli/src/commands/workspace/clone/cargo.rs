//! The workspace's `.cargo/config.toml`, by which a plain cargo in one checkout sees the crates of the others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crossgate_core::ids::RepoName;

use crate::commands::workspace::checkouts::Checkouts;
use crate::error::CliError;

/// The first line of what may be written again.
const MARKER: &str = "# Written by `crossgate workspace clone`, again each time. Take this line out to keep changes of your own.";

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// It says something new.
    Changed(PathBuf),
    /// It says what it said, or nothing is to be said.
    Same,
    /// Somebody else wrote it.
    Foreign(PathBuf),
}

/// Writes which crates stand in the checkouts that are here.
pub(super) fn write(checkouts: &Checkouts) -> Result<Written, CliError> {
    let path = checkouts.root.join(".cargo").join("config.toml");
    let known = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(CliError::io(&path, source)),
    };
    let Some(overrides) = overrides(checkouts)? else {
        return clear(path, known);
    };
    let text = format!("{MARKER}\n{overrides}");
    match known {
        Some(known) if known == text => return Ok(Written::Same),
        Some(known) if !is_ours(&known) => return Ok(Written::Foreign(path)),
        Some(_) | None => {}
    }
    let dir = checkouts.root.join(".cargo");
    fs::create_dir_all(&dir).map_err(|source| CliError::io(&dir, source))?;
    // Cargo may read it at any moment.
    let beside = dir.join(format!(".config.toml.{}", std::process::id()));
    fs::write(&beside, text).map_err(|source| CliError::io(&beside, source))?;
    fs::rename(&beside, &path).map_err(|source| CliError::io(&path, source))?;
    Ok(Written::Changed(path))
}

/// Takes away what would lead cargo to crates that are not here any more.
fn clear(path: PathBuf, known: Option<String>) -> Result<Written, CliError> {
    if !known.is_some_and(|known| is_ours(&known)) {
        return Ok(Written::Same);
    }
    fs::remove_file(&path).map_err(|source| CliError::io(&path, source))?;
    Ok(Written::Changed(path))
}

fn is_ours(text: &str) -> bool {
    text.lines().next() == Some(MARKER)
}

/// Paths are relative to the workspace, as cargo takes them in its configuration, so that the workspace can be moved.
fn overrides(checkouts: &Checkouts) -> Result<Option<String>, CliError> {
    let beside_each_other = checkouts
        .selected
        .iter()
        .filter(|checkout| checkout.is_here() && checkout.dir.parent() == Some(&checkouts.root));
    let names =
        beside_each_other.filter_map(|checkout| RepoName::parse(checkout.dir.file_name()?.to_str()?).ok());
    let text = crossgate_runner::cargo_overrides(&checkouts.root, Path::new(""), &names.collect::<Vec<_>>());
    text.map_err(|error| CliError::Environment { text: error.to_string(), hint: None })
}
