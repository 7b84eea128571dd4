//! Which checkouts a command works on: the repos of `crossgate.yaml`, by name, role and label.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crossgate_core::ids::RepoName;
use crossgate_core::suggest::nearest;
use crossgate_core::workspace::{self, Forge, Repo};
use crossgate_server::error::Error;
use crossgate_server::site::{WORKSPACE_FILE, checkout_dir, clone_url};

use crate::context::Context;
use crate::error::CliError;
use crate::printer::Printer;

/// Most tasks at once: tokio's bound on threads for blocking work.
const MAX_JOBS: usize = 512;

/// Which repos, and how many at once.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Which {
    /// Only repos with this role
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Option<Role>,
    /// Only repos with this label; given several times: with any of them
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Repos at once; default: one a core
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Role {
    /// The core that drivers are written against
    Common,
    /// Something between the core and drivers
    Library,
    /// Holds one driver or a set of them
    Driver,
}

impl Which {
    /// Returns how many tasks run at once.
    pub(super) fn jobs(&self) -> usize {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.jobs.unwrap_or_else(cores).get().min(MAX_JOBS)
    }

    fn wants(&self, repo: &Repo) -> bool {
        let role = match self.role {
            Some(Role::Common) => repo.role == workspace::Role::Common,
            Some(Role::Library) => repo.role == workspace::Role::Library,
            Some(Role::Driver) => repo.role == workspace::Role::Driver,
            None => true,
        };
        role && (self.label.is_empty() || self.label.iter().any(|label| repo.labels.contains(label)))
    }
}

/// A repo of the workspace and where its checkout is, or would be.
#[derive(Debug)]
pub(super) struct Checkout {
    pub(super) name: RepoName,
    pub(super) dir: PathBuf,
    pub(super) repo: Repo,
    /// Where it is cloned from; `None` if neither the repo nor a forge says it.
    pub(super) url: Option<String>,
}

impl Checkout {
    /// Returns whether there is a checkout.
    pub(super) fn is_here(&self) -> bool {
        self.dir.join(".git").exists()
    }
}

/// The repos that a command works on, by name.
#[derive(Debug)]
pub(super) struct Checkouts {
    pub(super) root: PathBuf,
    /// The workspace's name.
    pub(super) workspace: String,
    pub(super) selected: Vec<Arc<Checkout>>,
    /// Whether each was asked for by its name.
    named: bool,
}

impl Checkouts {
    /// Reads the repos of the workspace around a directory, and selects some.
    ///
    /// # Errors
    /// [`Error::Config`]; [`Error::Unknown`] for a name that is not in the workspace; a usage error if nothing is selected.
    pub(super) fn select(context: &Context, names: &[String], which: &Which) -> Result<Self, CliError> {
        let root = context.root()?.to_owned();
        let source = crossgate_config::read_source(&root.join(WORKSPACE_FILE), WORKSPACE_FILE)?;
        let outline = crossgate_config::outline(&source)?;
        if let Some(name) = names.iter().find(|name| !outline.repos.contains_key(name.as_str())) {
            let nearest = nearest(name, outline.repos.keys().map(RepoName::as_str)).map(str::to_owned);
            return Err(Error::Unknown { what: "repo", name: name.clone(), nearest }.into());
        }
        let named = |name: &RepoName| names.is_empty() || names.iter().any(|wanted| wanted == name.as_str());
        let wanted = outline.repos.into_iter().filter(|(name, repo)| named(name) && which.wants(repo));
        let selected: Vec<_> =
            wanted.map(|(name, repo)| Arc::new(checkout(&root, &outline.forge, name, repo))).collect();
        if selected.is_empty() {
            let hint =
                "`crossgate workspace status` lists all repos; `labels:` in crossgate.yaml gives them labels";
            return Err(CliError::usage("no repo of the workspace is selected", hint));
        }
        Ok(Self { root, workspace: outline.name, selected, named: !names.is_empty() })
    }

    /// Keeps those that are on this machine, and says which are not.
    ///
    /// # Errors
    /// [`Error::Missing`] if one that was asked for by its name is not, or none is.
    pub(super) fn here(mut self, printer: &mut Printer) -> Result<Self, CliError> {
        let (here, missing): (Vec<_>, Vec<_>) =
            self.selected.into_iter().partition(|checkout| checkout.is_here());
        if let Some(first) = missing.first().filter(|_| self.named || here.is_empty()) {
            return Err(Error::Missing { repo: first.name.clone(), expected: first.dir.clone() }.into());
        }
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|checkout| checkout.name.as_str()).take(5).collect();
            let more = if missing.len() > names.len() { ", …" } else { "" };
            printer.note(format_args!(
                "{} left out, as they are not here: {}{more}; `crossgate workspace clone` fetches them",
                missing.len(),
                names.join(", ")
            ))?;
        }
        self.selected = here;
        Ok(self)
    }
}

fn checkout(root: &Path, forge: &Forge, name: RepoName, repo: Repo) -> Checkout {
    // What is an address stays one; a path is meant from the workspace.
    let from_root = |url: String| match root.join(&url) {
        path if !url.contains("://") && path.exists() => path.to_string_lossy().into_owned(),
        _ => url,
    };
    let url = clone_url(root, forge, &name, &repo).map(from_root);
    Checkout { dir: checkout_dir(root, &name, &repo), name, repo, url }
}
