//! `crossgate init`: a first `crossgate.yaml`, guessed from what is there.

mod checkout;
mod file;
mod guess;
mod manifest;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crossgate_config::{Diagnostic, Source, Sources};
use crossgate_core::ids::RepoName;
use crossgate_server::site::{self, REPO_FILE, STATE_DIR, WORKSPACE_FILE};
use serde::Serialize;

use self::checkout::Found;
use self::guess::Guess;
use crate::context::{Context, today};
use crate::error::{CliError, Exit};
use crate::printer::{BOLD, DIM, Printer, styled};

/// Write a commented `crossgate.yaml`
///
/// From checkouts, from addresses that are cloned later, or, without any, from the checkouts in this directory. Roles,
/// dependencies and jobs are guessed from manifests (Cargo.toml, go.mod, package.json, pyproject.toml) and names; the file says
/// what is a guess.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  crossgate init
  crossgate init nova-common ../elsewhere/nova-driver-vmware
  crossgate init https://github.com/nova-project/nova-common https://github.com/nova-project/nova-driver-xen")]
pub(crate) struct Args {
    /// What the workspace is made of
    #[arg(value_name = "URL|DIR")]
    repos: Vec<String>,
    /// Replace a `crossgate.yaml` that is there
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    file: &'a Path,
    repos: &'a [guess::Repo],
    diagnostics: &'a [Diagnostic],
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let root = context.directory();
    let path = root.join(WORKSPACE_FILE);
    let occupied =
        || CliError::usage(format!("`{}` is there already", path.display()), "`--force` replaces it");
    if path.exists() && !args.force {
        return Err(occupied());
    }
    let found = checkout::find(root, &args.repos)?;
    let catalogue = site::catalogue(root)?;
    let guess = Guess::of(&found, &guess::jobs_of(&catalogue));
    let text = file::render(root, &guess)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!args.force);
    match options.open(&path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(occupied()),
        written => written.map_err(|source| CliError::io(&path, source))?,
    }
    ignore_state(root)?;
    let diagnostics = check(text, catalogue, &found);
    if printer.is_json() {
        let output = Output { file: &path, repos: &guess.repos, diagnostics: &diagnostics };
        printer.json(&output)?;
    } else {
        say(&guess, &path, printer)?;
    }
    printer.warnings(&diagnostics)?;
    printer.note(next(&guess))?;
    Ok(Exit::Fine)
}

/// Checks the file together with what the repos say for themselves: what is wrong there is not ours to mend.
fn check(text: String, catalogue: Vec<Source>, found: &[Found]) -> Vec<Diagnostic> {
    let own = |found: &Found| {
        let name = format!("{}/{REPO_FILE}", found.name);
        let text = fs::read(found.checkout.as_ref()?.join(REPO_FILE)).ok()?;
        Some((found.name.clone(), Source { name, text }))
    };
    let sources = Sources {
        workspace: Source { name: WORKSPACE_FILE.to_owned(), text: text.into_bytes() },
        catalogue,
        repos: found.iter().filter_map(own).collect(),
    };
    match crossgate_config::load(&sources, today()) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics.0,
    }
}

/// Lets git pass over what a workspace keeps and can make again.
fn ignore_state(root: &Path) -> Result<(), CliError> {
    let path: PathBuf = root.join(".gitignore");
    let failed = |source| CliError::io(&path, source);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    if text.lines().any(|line| line.trim().trim_matches('/') == STATE_DIR) {
        return Ok(());
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
    writeln!(file, "{end}/{STATE_DIR}/").map_err(failed)
}

fn say(guess: &Guess, path: &Path, printer: &mut Printer) -> Result<(), CliError> {
    printer.line(path.display())?;
    let width = guess.repos.iter().map(|repo| repo.name.as_str().len()).max().unwrap_or(0);
    for repo in &guess.repos {
        let needs: Vec<&str> = repo.depends_on.iter().map(RepoName::as_str).collect();
        let needs =
            if needs.is_empty() { String::new() } else { format!(", depends on {}", needs.join(", ")) };
        let why = styled(DIM, format_args!("({})", repo.why));
        printer.line(format_args!(
            "  {:<width$}  {}, branch {}{needs}  {why}",
            repo.name, repo.role, repo.branch
        ))?;
    }
    Ok(())
}

fn next(guess: &Guess) -> String {
    let clone = "\n  crossgate workspace clone";
    let clone = if guess.repos.iter().any(|repo| !repo.is_here) { clone } else { "" };
    format!(
        "\n{} read {WORKSPACE_FILE}, mend what was guessed wrong, then\n{clone}\n  crossgate config check\n  crossgate graph\n  crossgate workspace status",
        styled(BOLD, "next:"),
    )
}
