//! `crossgate driver new`: a driver repo from the template.

use std::fs;
use std::path::{Path, PathBuf};

use crossgate_core::ids::{DriverName, RepoName};
use serde::Serialize;

use crate::context::{Context, today};
use crate::error::{CliError, Exit};
use crate::git::git;
use crate::printer::{BOLD, Printer, YELLOW, styled};
use crate::template::{self, CiFile, Kind, LICENSE, NewDriver, NewRepo};

/// Start a driver repo from the template
///
/// It builds and passes the conformance suite as it is, on a back end in memory, and takes part in common changes as
/// advisory. Nothing that is there is overwritten.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  crossgate driver new vmware --kind cluster
  crossgate driver new lab --kind hypervisor --set --path nova-drivers-lab")]
pub(crate) struct Args {
    /// The driver's name
    #[arg(value_parser = crate_name)]
    name: String,
    /// What it stands before
    #[arg(long, value_enum)]
    kind: Kind,
    /// The repo's directory; default: `nova-driver-NAME`
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The licence, as an SPDX identifier
    #[arg(long, value_name = "SPDX", default_value = LICENSE, value_parser = license)]
    license: String,
    /// The CI file to start with
    #[arg(long, value_enum, default_value_t = CiFile::Github)]
    ci: CiFile,
    /// Give the driver a directory of its own, so that the repo can hold several
    #[arg(long)]
    set: bool,
    /// Leave out `git init` and the first commit
    #[arg(long)]
    no_git: bool,
}

/// What was made, for programs.
#[derive(Serialize)]
struct Made<'a> {
    repo: &'a str,
    path: &'a Path,
    committed: bool,
}

pub(crate) fn run(args: &Args, context: &Context, printer: &mut Printer) -> Result<Exit, CliError> {
    let driver = NewDriver { name: args.name.clone(), kind: args.kind };
    let path = args.path.clone().unwrap_or_else(|| PathBuf::from(driver.package()));
    let path = context.directory().join(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    RepoName::parse(&name)
        .map_err(|error| CliError::usage(error.to_string(), "give `--path` another directory"))?;
    let license = args.license.clone();
    let (set, ci) = (args.set, args.ci);
    let repo = NewRepo { name, drivers: vec![driver], set, license, year: today().year(), ci };
    let uncommitted = make(&repo, &path, args.no_git)?;
    if printer.is_json() {
        let made = Made { repo: &repo.name, path: &path, committed: uncommitted.is_none() };
        printer.json(&made)?;
    } else {
        printer.line(path.display())?;
    }
    if let Some(reason) = uncommitted.filter(|_| !args.no_git) {
        printer.tell(format_args!("{} the files are not committed: {reason}", styled(YELLOW, "note:")))?;
    }
    printer.note(next_steps(&repo, context, &path))?;
    Ok(Exit::Fine)
}

/// A name that a driver may have, and cargo accepts as part of a package's.
fn crate_name(text: &str) -> Result<String, String> {
    let name = DriverName::parse(text).map_err(|error| error.to_string())?;
    if name.as_str().contains('.') {
        return Err("expected letters, digits, `-` and `_`, as it is part of a crate's name".to_owned());
    }
    Ok(name.to_string())
}

fn license(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ' ' | '(' | ')');
    let valid = (1..=100).contains(&text.len()) && text.chars().all(plain);
    valid
        .then(|| text.to_owned())
        .ok_or_else(|| "expected an SPDX expression, such as `Apache-2.0`".to_owned())
}

/// Makes the repo beside its place and moves it there, so that nobody ever sees half of it. Returns why its files are
/// not committed, if they are not.
fn make(repo: &NewRepo, path: &Path, no_git: bool) -> Result<Option<String>, CliError> {
    let occupied = || {
        let text = format!("`{}` is there already", path.display());
        CliError::usage(text, "give `--path` a directory that is not there")
    };
    let empty = |mut entries: fs::ReadDir| entries.next().is_none();
    if path.symlink_metadata().is_ok() && !fs::read_dir(path).is_ok_and(empty) {
        return Err(occupied());
    }
    let beside = path.with_file_name(format!(".{}.new-{}", repo.name, std::process::id()));
    fs::create_dir_all(&beside).map_err(|source| CliError::io(&beside, source))?;
    let made = template::write(repo, &beside).and_then(|()| {
        let uncommitted = if no_git { Some("`--no-git`".to_owned()) } else { commit(repo, &beside)? };
        match fs::rename(&beside, path) {
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => Err(occupied()),
            renamed => renamed.map(|()| uncommitted).map_err(|source| CliError::io(path, source)),
        }
    });
    if made.is_err() {
        fs::remove_dir_all(&beside).map_err(|source| CliError::io(&beside, source))?;
    }
    made
}

/// Commits the files with the user's own identity, and returns why not, if git does not let it.
fn commit(repo: &NewRepo, dir: &Path) -> Result<Option<String>, CliError> {
    let message = format!("Start {} from the driver template", repo.name);
    let steps: [&[&str]; 3] = [
        &["init", "--quiet", "--initial-branch=main"],
        &["add", "--all"],
        &["-c", "user.useConfigOnly=true", "commit", "--quiet", "--message", &message],
    ];
    for step in steps {
        if let Err(reason) = git(dir, step)? {
            let unnamed =
                reason.contains("Please tell me who you are") || reason.contains("user.useConfigOnly");
            let why = "git has no identity (`git config --global user.name` and `user.email`)".to_owned();
            return Ok(Some(if unnamed { why } else { reason }));
        }
    }
    Ok(None)
}

fn next_steps(repo: &NewRepo, context: &Context, path: &Path) -> String {
    let root = context.root().ok();
    let common = root.and_then(common_of).unwrap_or_else(|| "nova-common".to_owned());
    let name = &repo.name;
    let beside = root.is_none_or(|root| path.parent() == Some(root));
    let place = root.map(|root| path.strip_prefix(root).unwrap_or(path)).unwrap_or(path);
    let place = if beside { String::new() } else { format!(", path: {}", place.display()) };
    format!(
        "\n{} add the repo to crossgate.yaml, under `repos:`\n\n  {name}: {{ role: driver, depends_on: [{common}]{place} }}\n\n\
         its driver is declared in its own .crossgate.yaml. Then:\n\n  crossgate config check\n  crossgate graph --impact {common}\n\n\
         {name}/README.md leads from here to a real driver.",
        styled(BOLD, "next:"),
    )
}

/// Returns the name of the common repo of the workspace in a directory, if it has one that can be read.
fn common_of(root: &Path) -> Option<String> {
    use crossgate_core::workspace::Role;
    use crossgate_server::site::WORKSPACE_FILE;
    let source = crossgate_config::read_source(&root.join(WORKSPACE_FILE), WORKSPACE_FILE).ok()?;
    let outline = crossgate_config::outline(&source).ok()?;
    let common = outline.repos.iter().find(|(_, repo)| repo.role == Role::Common);
    common.map(|(name, _)| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo() -> NewRepo {
        let drivers = vec![NewDriver { name: "x".to_owned(), kind: Kind::Cluster }];
        NewRepo { name: "nova-driver-x".to_owned(), drivers, ..NewRepo::default() }
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nova-driver-x");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("mine"), "").unwrap();
        let error = make(&repo(), &path, true).unwrap_err();
        assert!(error.to_string().ends_with("is there already"), "{error}");
        let names = |dir: &Path| {
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
        };
        assert_eq!(names(&path), ["mine"]);
        assert_eq!(names(dir.path()), ["nova-driver-x"]);
    }

    #[test]
    fn a_licence_cannot_leave_its_line() {
        assert!(license("MIT OR Apache-2.0").is_ok());
        for bad in ["", "MIT\"\nx = 1", "{{ x }}"] {
            assert!(license(bad).is_err(), "{bad}");
        }
    }
}
