//! One run of a git command that uses the network.

use std::process::Stdio;
use std::time::Duration;

use git2::{Config, Repository};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::VcsError;
use crate::git::stderr::{Tail, redact, retry};

/// Git says something several times a second while bytes come in; a server that thinks for longer is stuck.
const STALLED: Duration = Duration::from_mins(2);
const LIMIT: Duration = Duration::from_hours(2);
/// A line is cut here; progress lines have about 80 bytes.
const LINE: usize = 1000;

/// Runs a command to its end. Its lines go to `progress`.
pub(super) async fn attempt(
    command: std::process::Command,
    name: &'static str,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), VcsError> {
    let mut command = Command::from(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    // Git would open a window for a password with it; a credential helper or GIT_ASKPASS that the user set still works.
    command.env_remove("SSH_ASKPASS");
    if !chose_ssh(command.as_std()) {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    let mut group = Group(command.spawn().map_err(|source| VcsError::GitMissing { source })?);
    let stderr = group.0.stderr.take().expect("the error output was asked to be a pipe");
    let deadline = Instant::now() + LIMIT;
    let tail = listen(stderr, name, deadline, progress).await?;
    let status = timeout_at(deadline, group.0.wait()).await.map_err(|_elapsed| late(name, LIMIT))?;
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let stderr = tail.text();
    Err(VcsError::Git { command: name, retry: retry(&stderr), stderr })
}

/// Whether the user chose an ssh command, by the environment or in git's configuration. It is then used as it is.
fn chose_ssh(command: &std::process::Command) -> bool {
    let configured = || {
        let repo = command.get_current_dir().and_then(|dir| Repository::open(dir).ok());
        let config = repo.map_or_else(Config::open_default, |repo| repo.config());
        config.is_ok_and(|config| config.get_entry("core.sshCommand").is_ok())
    };
    ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|name| std::env::var_os(name).is_some()) || configured()
}

/// Reads lines to the end. Git ends those that replace each other with a carriage return.
async fn listen(
    mut stderr: ChildStderr,
    name: &'static str,
    deadline: Instant,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Tail, VcsError> {
    let (mut tail, mut line, mut chunk) = (Tail::default(), Vec::new(), [0; 4096]);
    loop {
        if Instant::now() >= deadline {
            return Err(late(name, LIMIT));
        }
        let count =
            timeout(STALLED, stderr.read(&mut chunk)).await.map_err(|_elapsed| late(name, STALLED))?;
        let Ok(count @ 1..) = count else { return Ok(tail) };
        for &byte in &chunk[..count] {
            let ends = matches!(byte, b'\r' | b'\n');
            if !ends {
                line.push(byte);
            }
            if ends || line.len() == LINE {
                tell(&line, byte == b'\r', &mut tail, progress);
                line.clear();
            }
        }
    }
}

/// Passes on a line, and keeps it unless the next one replaces it.
fn tell(line: &[u8], replaced: bool, tail: &mut Tail, progress: &(dyn Fn(&str) + Sync)) {
    let text = redact(String::from_utf8_lossy(line).trim());
    if text.is_empty() {
        return;
    }
    progress(&text);
    if !replaced {
        tail.push(format!("{text}\n").as_bytes());
    }
}

fn late(command: &'static str, limit: Duration) -> VcsError {
    VcsError::Timeout { command, limit_s: limit.as_secs() }
}

/// A git that takes its transports with it when it goes.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // The id is known only until the child was waited for, and until then nobody else can have it.
        let pid = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            // Fails only when all of the group have ended.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}
