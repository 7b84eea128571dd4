//! Git, with nothing of a caller's own repository around it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::error::CliError;

/// A commit may ask an agent for a signature; nobody is there to answer for longer.
const LIMIT: Duration = Duration::from_mins(1);

/// By these a caller's own repository (we may run in one of its hooks) would replace the one meant.
pub(crate) const FOREIGN: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"];

/// Runs git in a directory that is being set up, and returns what it printed, or else what it complained of.
///
/// # Errors
/// [`CliError::Environment`] if git cannot be run or does not end within a minute.
pub(crate) fn git(dir: &Path, args: &[&str]) -> Result<Result<String, String>, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let output = runtime.map_err(CliError::internal)?.block_on(async {
        let mut command = tokio::process::Command::new("git");
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0");
        tokio::time::timeout(LIMIT, command.kill_on_drop(true).output()).await
    });
    let failed = |text: String| CliError::Environment { text, hint: None };
    let Output { status, stdout, stderr } = match output {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(failed(format!("`git` cannot be run: {error}"))),
        Err(_elapsed) => return Err(failed(format!("`git {}` did not end in a minute", args[0]))),
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(if status.success() { Ok(text(stdout)) } else { Err(text(stderr)) })
}
