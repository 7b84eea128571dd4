//! One step as a process tree: started, listened to, and ended with everything it started.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, PipeReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::log::BuildLog;

/// How long the kernel may take over processes that were killed.
const KILLING: Duration = Duration::from_secs(10);
/// How long output may still come after its writer has ended.
const DRAINING: Duration = Duration::from_secs(2);

/// Why waiting for a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The process has exited.
    Exited,
    /// The time is up.
    TimeUp,
    /// Nobody wants the result any more.
    Cancelled,
}

/// A running step. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    pid: Pid,
    exit: OwnedFd,
    output: Option<PipeReader>,
    chunk: Vec<u8>,
}

impl Running {
    /// Starts a command with its output, both streams in order, to be read here.
    ///
    /// Must be called on a thread that outlives the step: bubblewrap dies with the *thread* that started it.
    pub(crate) fn start(mut command: Command, stdin: Stdio) -> io::Result<Self> {
        let (output, writer) = io::pipe()?;
        // Fewer wake-ups for a step that prints a lot; refused past a limit of the user's pipes, and then not needed.
        let _ = rustix::pipe::fcntl_setpipe_size(&writer, 1 << 20);
        // Its own process group: a Ctrl-C in the terminal is for the runner, which then ends the step in order.
        command.stdin(stdin).stdout(writer.try_clone()?).stderr(writer).process_group(0);
        let mut child = command.spawn()?;
        drop(command);
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(exit) => Ok(Self { child, pid, exit, output: Some(output), chunk: vec![0; 64 << 10] }),
            Err(error) => {
                kill_tree(pid, Signal::KILL);
                drop(child.kill());
                drop(child.wait());
                Err(error.into())
            }
        }
    }

    /// Passes output on until the process exits, the time is up or the other end of `cancel` is closed.
    pub(crate) fn listen(
        &mut self,
        until: Instant,
        cancel: Option<&PipeReader>,
        log: &mut BuildLog<'_>,
    ) -> io::Result<Woken> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Woken::TimeUp);
            }
            let (exited, cancelled, readable) = self.poll(left, cancel)?;
            if readable {
                self.read(log)?;
            }
            if exited {
                return Ok(Woken::Exited);
            }
            if cancelled {
                return Ok(Woken::Cancelled);
            }
        }
    }

    /// Asks everything the step started to end, then kills it.
    pub(crate) fn end(&mut self, grace: Duration, log: &mut BuildLog<'_>) -> io::Result<()> {
        kill_tree(self.pid, Signal::TERM);
        if self.listen(Instant::now() + grace, None, log)? != Woken::Exited {
            self.kill();
        }
        Ok(())
    }

    /// Takes the output that is still under way and the exit of a process that has ended or was killed.
    pub(crate) fn reap(&mut self, log: &mut BuildLog<'_>) -> io::Result<ExitStatus> {
        let until = Instant::now() + DRAINING;
        while self.output.is_some() && Instant::now() < until {
            if self.poll(Duration::from_millis(50), None)?.2 {
                self.read(log)?;
            }
        }
        let until = Instant::now() + KILLING;
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status),
                None if Instant::now() > until => return Err(io::Error::other("the step cannot be killed")),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Kills everything below the process; it ends when they have. As the last resort it is killed itself.
    fn kill(&mut self) {
        let until = Instant::now() + KILLING;
        while Instant::now() < until {
            kill_tree(self.pid, Signal::KILL);
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.child.kill());
    }

    fn poll(&self, timeout: Duration, cancel: Option<&PipeReader>) -> io::Result<(bool, bool, bool)> {
        let mut fds = vec![PollFd::new(&self.exit, PollFlags::IN)];
        let cancel_at = cancel.map(|pipe| push(&mut fds, PollFd::new(pipe, PollFlags::IN)));
        let output_at = self.output.as_ref().map(|pipe| push(&mut fds, PollFd::new(pipe, PollFlags::IN)));
        let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = |at: Option<usize>| at.is_some_and(|at| !fds[at].revents().is_empty());
        Ok((ready(Some(0)), ready(cancel_at), ready(output_at)))
    }

    fn read(&mut self, log: &mut BuildLog<'_>) -> io::Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        match output.read(&mut self.chunk) {
            Ok(0) => self.output = None,
            Ok(length) => log.output(&self.chunk[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
            drop(self.child.try_wait());
        }
    }
}

/// Says whether the other end of a pipe that nothing is written to is closed.
pub(crate) fn is_closed(pipe: &PipeReader) -> bool {
    let mut fds = [PollFd::new(pipe, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

fn push<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
}

/// Sends a signal to every process below `root`, not to itself.
pub(crate) fn kill_tree(root: Pid, signal: Signal) {
    for pid in descendants(root) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

/// Lists the processes below `root`, parents first.
pub(crate) fn descendants(root: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        // Taken out, so that a pid that was reused between two readings cannot make a circle.
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found.into_iter().skip(1).filter_map(Pid::from_raw).collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may hold anything, also parentheses.
    let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after_name..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns how often the kernel killed a process for want of memory since it booted.
pub(crate) fn out_of_memory_kills() -> u64 {
    let counters = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = counters.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
