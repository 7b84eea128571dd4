//! Where a command works: the directory it was started in, and the workspace around it.

use std::path::{Path, PathBuf};

use crossgate_server::site::{RepoFiles, Site, WORKSPACE_FILE};

use crate::cli::Global;
use crate::error::CliError;
use crate::printer::Printer;

/// Where a command works.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    directory: PathBuf,
}

impl Context {
    /// Takes the directory that was named, else the current one.
    pub(crate) fn new(global: &Global) -> Result<Self, CliError> {
        let named = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let directory = std::path::absolute(&named).map_err(|source| CliError::io(&named, source))?;
        if !directory.is_dir() {
            let text = format!("`{}` is not a directory", named.display());
            return Err(CliError::usage(text, "give `-C` a directory that is there"));
        }
        Ok(Self { directory })
    }

    /// Works in another directory.
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Returns the directory, as an absolute path.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the directory of the workspace: the nearest one upwards that has a `crossgate.yaml`.
    pub(crate) fn root(&self) -> Result<&Path, CliError> {
        let found = self.directory.ancestors().find(|dir| dir.join(WORKSPACE_FILE).is_file());
        found.ok_or_else(|| {
            let text = format!("no `{WORKSPACE_FILE}` in `{}` or above", self.directory.display());
            CliError::usage(text, "`crossgate init` writes one, `crossgate demo` makes a workspace to try")
        })
    }

    /// Opens the workspace, and says what is to be said of its configuration.
    pub(crate) fn site(&self, files: RepoFiles, printer: &mut Printer) -> Result<Site, CliError> {
        let site = Site::open(self.root()?, files, today())?;
        printer.warnings(site.warnings())?;
        Ok(site)
    }
}

/// Returns the day, where this machine is.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}
