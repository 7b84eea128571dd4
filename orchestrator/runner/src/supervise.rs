//! The supervisor: holds a step that runs without a sandbox together, so that nothing of it is left.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, getppid, pidfd_open, set_child_subreaper, wait,
};

use crate::process::{descendants, kill_tree};

/// The first argument by which a program is asked to be a supervisor.
pub const SUPERVISE: &str = "__supervise";

/// The exit status when the step could not be started.
const NOT_STARTED: u8 = 125;

/// Runs `<pid of the runner> <report> <program> <argument>…` and exits as it does, after everything it started is dead.
///
/// For a program that signal n ends, the exit status is 128 + n, and n is written to the file `<report>`, which is there.
///
/// Whatever loses its parent becomes a child of the supervisor, also what has left session and process group, and it is
/// killed when the program ends or the runner dies.
pub fn supervise_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let status = supervise(args.into_iter()).unwrap_or(NOT_STARTED);
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until && !descendants(getpid()).is_empty() {
        kill_tree(getpid(), Signal::KILL);
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        std::thread::sleep(Duration::from_millis(2));
    }
    ExitCode::from(status)
}

fn supervise(mut args: impl Iterator<Item = OsString>) -> Option<u8> {
    let runner = args.next()?.to_str()?.parse().ok().and_then(Pid::from_raw)?;
    let mut report = File::options().write(true).open(args.next()?).ok()?;
    set_child_subreaper(Some(getpid())).ok()?;
    let runner_end = pidfd_open(runner, PidfdFlags::empty()).ok()?;
    // Asked after the pid is held: else it could be another's by now.
    if getppid() != Some(runner) {
        return None;
    }
    let child = Command::new(args.next()?).args(args).stdin(Stdio::null()).spawn().ok()?;
    let step = Pid::from_child(&child);
    let step_end = pidfd_open(step, PidfdFlags::empty()).ok()?;
    loop {
        let mut fds = [PollFd::new(&runner_end, PollFlags::IN), PollFd::new(&step_end, PollFlags::IN)];
        // Wakes up now and then to bury the orphans that fell to it.
        let _ = poll(&mut fds, Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
        if !fds[0].revents().is_empty() {
            return None;
        }
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == step {
                if let Some(signal) = status.terminating_signal() {
                    // Without it, it is told as an exit status.
                    drop(write!(report, "{signal}"));
                }
                return Some(as_a_shell_says(status));
            }
        }
    }
}

fn as_a_shell_says(status: WaitStatus) -> u8 {
    let code = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_STARTED)
}
