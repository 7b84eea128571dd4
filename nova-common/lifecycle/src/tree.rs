//! The API as it stands on disk: its source, the committed files of its cycles and its frozen drivers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::cycle::{Cycle, CycleError};
use crate::released::{Digest, Released, ReleasedError};
use crate::source::{Source, SourceError, read_bounded, sources_below};
use crate::surface::{Surface, SurfaceError};
use crate::usage::{self, How, UsageError};

/// The API as it stands on disk.
#[derive(Debug, Clone)]
pub struct ApiTree {
    /// The cycle in the making.
    pub cycle: u32,
    /// The version that it will be released as.
    pub version: String,
    /// What the source offers.
    pub head: Surface,
    /// The committed files, by cycle.
    pub files: BTreeMap<u32, CycleFile>,
    /// The released cycles.
    pub released: Released,
    /// The drivers of earlier cycles that are kept as they were: one at most on disk.
    pub frozen: Vec<Frozen>,
}

/// A committed file.
#[derive(Debug, Clone)]
pub struct CycleFile {
    /// What it says.
    pub cycle: Cycle,
    /// The digest of its text.
    pub digest: Digest,
}

/// A driver of an earlier cycle that is kept as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The cycle that it was written for.
    pub cycle: u32,
    /// The traits of the API that it implements.
    pub implements: BTreeSet<String>,
}

/// Why the API on disk cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A version that names no cycle.
    #[error("`{0}` is no version of the API: expected one such as `1.2.0`, which is released with cycle 3")]
    Version(String),
    /// A file or a directory.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source of the API.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// The file of a cycle.
    #[error("cannot read `{}`", path.display())]
    Cycle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CycleError,
    },
    /// A cycle's file that is another's.
    #[error("`{}` says that it is of cycle {says}", path.display())]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// The cycle that it says.
        says: u32,
    },
    /// The list of released cycles.
    #[error("cannot read `{}`", path.display())]
    Released {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReleasedError,
    },
    /// A frozen driver.
    #[error("cannot read the frozen driver `{}`", path.display())]
    Frozen {
        /// Its directory.
        path: PathBuf,
        /// What is wrong with it.
        source: UsageError,
    },
}

impl ApiTree {
    /// Reads the crate of the API in a directory: `src`, `cycles/N.json`, `cycles/RELEASED`, and beside it the
    /// driver in `frozen`.
    ///
    /// # Errors
    /// [`TreeError`]. A file of a cycle that is not there is none: [`crate::rules::check`] tells.
    pub fn read(api: &Path, version: &str) -> Result<Self, TreeError> {
        let head = Surface::read(&all_sources(&api.join("src"), api)?)?;
        let (files, released) = read_cycles(api)?;
        let cycle = cycle_of(version)?;
        let frozen = read_frozen(&api.join("../frozen"), &head.at(cycle, version))?;
        Ok(Self { cycle, version: version.to_owned(), head, files, released, frozen })
    }

    /// Reads what the source offers, whatever is committed.
    ///
    /// # Errors
    /// [`TreeError::Source`], [`TreeError::Surface`], [`TreeError::Version`].
    pub fn offered(api: &Path, version: &str) -> Result<Cycle, TreeError> {
        let head = Surface::read(&all_sources(&api.join("src"), api)?)?;
        Ok(head.at(cycle_of(version)?, version))
    }

    /// Returns what the source offers as the cycle in the making.
    pub fn head_cycle(&self) -> Cycle {
        self.head.at(self.cycle, &self.version)
    }
}

/// Returns the cycle that a version is released with: 3 for `1.2.0`.
///
/// # Errors
/// [`TreeError::Version`].
pub fn cycle_of(version: &str) -> Result<u32, TreeError> {
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    let cycle = minor.and_then(|minor| minor.checked_add(1));
    cycle.ok_or_else(|| TreeError::Version(version.to_owned()))
}

/// Reads the committed files of the cycles and the list of those that are released.
fn read_cycles(api: &Path) -> Result<(BTreeMap<u32, CycleFile>, Released), TreeError> {
    let dir = api.join("cycles");
    let mut files = BTreeMap::new();
    for (cycle, path) in numbered(&dir, |name| name.strip_suffix(".json"))? {
        files.insert(cycle, read_cycle(&path, Some(cycle))?);
    }
    let path = dir.join("RELEASED");
    let released = if path.exists() {
        Released::parse(&read_bounded(&path)?).map_err(|source| TreeError::Released { path, source })?
    } else {
        Released::default()
    };
    Ok((files, released))
}

/// Reads the file of a cycle; `expected` is the number that its name says.
///
/// # Errors
/// [`TreeError::Source`], [`TreeError::Cycle`], [`TreeError::Misnamed`].
pub fn read_cycle(path: &Path, expected: Option<u32>) -> Result<CycleFile, TreeError> {
    let text = read_bounded(path)?;
    let cycle = Cycle::from_json(&text);
    let cycle = cycle.map_err(|source| TreeError::Cycle { path: path.to_owned(), source })?;
    if expected.is_some_and(|expected| expected != cycle.cycle) {
        return Err(TreeError::Misnamed { path: path.to_owned(), says: cycle.cycle });
    }
    Ok(CycleFile { cycle, digest: Digest::of(&text) })
}

/// Reads the frozen driver, which stands for the cycle of its own version.
fn read_frozen(dir: &Path, head: &Cycle) -> Result<Vec<Frozen>, TreeError> {
    let manifest = dir.join("Cargo.toml");
    if !manifest.exists() {
        return Ok(Vec::new());
    }
    let manifest = read_bounded(&manifest)?;
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    let cycle = cycle_of(version.unwrap_or_default())?;
    let sources = all_sources(&dir.join("src"), dir)?;
    let krate = usage::Crate { sources: &sources, below: "", api: &["nova_api".to_owned()] };
    let usage = usage::of_crate(krate, head).and_then(usage::Usage::whole);
    let usage = usage.map_err(|source| TreeError::Frozen { path: dir.to_owned(), source })?;
    let implemented = usage.uses.into_iter().filter(|it| it.how == How::Implements).map(|it| it.item);
    Ok(vec![Frozen { cycle, implements: implemented.collect() }])
}

/// Lists what of a directory has a number in its name.
fn numbered(dir: &Path, number: impl Fn(&str) -> Option<&str>) -> Result<BTreeMap<u32, PathBuf>, TreeError> {
    let failed = |source| SourceError::Io { path: dir.to_owned(), source };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(number) = number(&name).and_then(|number| number.parse::<u32>().ok()) {
            found.insert(number, path);
        }
    }
    Ok(found)
}

fn all_sources(dir: &Path, top: &Path) -> Result<Vec<Source>, TreeError> {
    let mut found = sources_below(dir, top, |_| true);
    match found.errors.pop() {
        Some(error) => Err(error.into()),
        None => Ok(found.sources),
    }
}
