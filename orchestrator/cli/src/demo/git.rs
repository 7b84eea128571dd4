//! Commits that come out the same on every machine.

use std::path::Path;
use std::process::Command;

use crate::error::CliError;
use crate::git::FOREIGN;

/// When everything in the demo's workspace was written.
const DATE: &str = "2026-01-01T00:00:00Z";

/// Runs git in a directory, with nobody's settings.
pub(super) fn git(dir: &Path, args: &[&str]) -> Result<(), CliError> {
    let mut command = Command::new("git");
    for name in FOREIGN {
        command.env_remove(name);
    }
    let output = command
        .arg("-C")
        .arg(dir)
        .args(["-c", "init.defaultBranch=main", "-c", "core.autocrlf=false", "-c", "commit.gpgSign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Crossgate demo"), ("GIT_COMMITTER_NAME", "Crossgate demo")])
        .envs([
            ("GIT_AUTHOR_EMAIL", "demo@crossgate.example"),
            ("GIT_COMMITTER_EMAIL", "demo@crossgate.example"),
        ])
        .envs([("GIT_AUTHOR_DATE", DATE), ("GIT_COMMITTER_DATE", DATE)])
        .output()
        .map_err(|error| environment(format!("cannot run git: {error}"), "install git"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(environment(format!("git {}: {}", args.join(" "), said.trim()), ""))
}

/// An error of this machine.
pub(super) fn environment(text: String, hint: &str) -> CliError {
    CliError::Environment { text, hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()) }
}
