//! `crossgate workspace snapshot`: the commit of each repo, to come back to or to hand on.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crossgate_core::ids::{BranchName, CommitId, RepoName};
use serde::{Deserialize, Serialize};

use super::checkouts::{Checkout, Checkouts, Which};
use super::each::{Pace, each_blocking};
use super::report::{Failure, Report};
use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::printer::{JSON_VERSION, Printer};

/// More than the commits of 10,000 repos.
const MAX_BYTES: u64 = 8 << 20;

/// Write down the commit that each repo is at
///
/// Without FILE it is printed. The file is JSON: `{ version, workspace, taken, repos: { NAME: { branch, commit } } }`.
/// Nothing is written if a repo is not here or has uncommitted work in tracked files, unless `--partial` says so.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Where to write it
    file: Option<PathBuf>,
    /// Only these repos; may be given several times
    #[arg(long, value_name = "REPO")]
    repo: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Take commits without the uncommitted work, and leave out repos that are not here
    #[arg(long)]
    partial: bool,
    /// Replace FILE if it is there
    #[arg(long)]
    force: bool,
}

/// The commit of each repo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    workspace: String,
    taken: jiff::Timestamp,
    pub(super) repos: BTreeMap<RepoName, Pin>,
}

/// Where a repo stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pin {
    /// The branch it was on, if on one.
    branch: Option<BranchName>,
    pub(super) commit: CommitId,
}

/// A snapshot as it stands in a file.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
    #[serde(flatten)]
    snapshot: Snapshot,
}

impl Snapshot {
    /// Reads a snapshot from a file.
    ///
    /// # Errors
    /// [`CliError::Io`]; a usage error if the file holds something else.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let mut text = String::new();
        let file = File::open(path).map_err(|source| CliError::io(path, source))?;
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(|source| CliError::io(path, source))?;
        let other = |why: String| {
            let text = format!("`{}` is not a snapshot: {why}", path.display());
            CliError::usage(text, "`crossgate workspace snapshot FILE` writes one")
        };
        let Versioned { version, snapshot } =
            serde_json::from_str(&text).map_err(|error| other(error.to_string()))?;
        if version != JSON_VERSION {
            return Err(other(format!("version {version} is not known, expected {JSON_VERSION}")));
        }
        Ok(snapshot)
    }
}

pub(super) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let mut checkouts = Checkouts::select(context, &args.repo, &args.which)?;
    if args.partial {
        checkouts = checkouts.here(printer)?;
    }
    let pace = Pace { doing: "reading", jobs: args.which.jobs() };
    let partial = args.partial;
    let results = each_blocking(&checkouts.selected, pace, printer, move |checkout| pin(checkout, partial))?;
    let report = Report::new(&checkouts, results);
    let exit = report.conclude(printer)?;
    if exit == Exit::No {
        printer.tell("no snapshot was taken; `--partial` takes the commits that are there")?;
        return Ok(exit);
    }
    let repos = report.results().map(|(checkout, pin)| (checkout.name.clone(), pin.clone())).collect();
    let taken =
        jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).map_err(CliError::internal)?;
    let snapshot = Snapshot { workspace: checkouts.workspace.clone(), taken, repos };
    match &args.file {
        None => printer.json(&snapshot)?,
        Some(file) => {
            let path = context.directory().join(file);
            write(&snapshot, &path, args.force)?;
            printer.note(format_args!("{}: {} repos", path.display(), snapshot.repos.len()))?;
        }
    }
    Ok(Exit::Fine)
}

fn pin(checkout: &Checkout, partial: bool) -> Result<Pin, Failure> {
    if !checkout.is_here() {
        return Err(Failure::no("it is not here", "`crossgate workspace clone` fetches it"));
    }
    let status = crossgate_vcs::status(&checkout.dir, &checkout.repo.branch)?;
    let work = status.staged + status.modified + status.conflicted;
    if work > 0 && !partial {
        return Err(Failure::no(
            format!("uncommitted work in {work} files"),
            "commit it, or put it away with `git stash`",
        ));
    }
    let commit = status.head.commit().cloned();
    let commit =
        commit.ok_or_else(|| Failure::no("it has no commit yet", "commit something, or leave it out"))?;
    Ok(Pin { branch: status.head.branch().cloned(), commit })
}

fn write(snapshot: &Snapshot, path: &Path, replace: bool) -> Result<(), CliError> {
    let mut object = serde_json::to_value(snapshot).map_err(CliError::internal)?;
    object["version"] = JSON_VERSION.into();
    let text = serde_json::to_string_pretty(&object).map_err(CliError::internal)? + "\n";
    match put(&text, path, replace) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CliError::usage(format!("`{}` is there already", path.display()), "`--force` replaces it"))
        }
        Err(source) => Err(CliError::io(path, source)),
    }
}

/// Half a snapshot is none: it is written beside its place and moved there whole.
fn put(text: &str, path: &Path, replace: bool) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    let put = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    put.map(drop).map_err(|error| error.error)
}
