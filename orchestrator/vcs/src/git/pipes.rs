//! A child process and its two outputs, read without ever waiting past a deadline.

use std::io::{self, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::stderr::Tail;

/// A child that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn new(child: Child) -> Self {
        Self(child)
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits for the end; `None` at the deadline.
    pub(crate) fn wait(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        let mut pause = Duration::from_micros(50);
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the child has ended and been waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What one reading brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Perhaps bytes, and more may come.
    Read,
    /// Nothing more will come from either output.
    Ended,
    /// Nothing came before the deadline.
    Late,
}

/// The outputs of a child. Both are drained, as a child stops when one is full.
#[derive(Debug)]
pub(crate) struct Pipes {
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    tail: Tail,
}

impl Pipes {
    pub(crate) fn of(running: &mut Running) -> Self {
        let child = running.child();
        Self { out: child.stdout.take(), err: child.stderr.take(), tail: Tail::default() }
    }

    /// Returns the end of what the child said on its error output.
    pub(crate) fn stderr(&self) -> String {
        self.tail.text()
    }

    /// Waits for bytes and appends those of the output.
    pub(crate) fn read(&mut self, output: &mut Vec<u8>, deadline: Instant) -> io::Result<Progress> {
        if self.out.is_none() && self.err.is_none() {
            return Ok(Progress::Ended);
        }
        let (out_ready, err_ready) = match self.ready(deadline)? {
            (false, false) if Instant::now() >= deadline => return Ok(Progress::Late),
            ready => ready,
        };
        if let Some(out) = self.out.as_mut().filter(|_| out_ready) {
            let start = output.len();
            // Most answers are short, and the buffer is cleared for each reading.
            output.resize(start + start.clamp(4 << 10, 64 << 10), 0);
            let count = out.read(&mut output[start..])?;
            output.truncate(start + count);
            if count == 0 {
                self.out = None;
            }
        }
        if let Some(err) = self.err.as_mut().filter(|_| err_ready) {
            let mut chunk = [0; 4096];
            match err.read(&mut chunk)? {
                0 => self.err = None,
                count => self.tail.push(&chunk[..count]),
            }
        }
        Ok(Progress::Read)
    }

    fn ready(&self, deadline: Instant) -> io::Result<(bool, bool)> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = Vec::with_capacity(2);
        fds.extend(self.out.as_ref().map(|out| PollFd::new(out, PollFlags::IN)));
        fds.extend(self.err.as_ref().map(|err| PollFd::new(err, PollFlags::IN)));
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let out = self.out.is_some() && ready.next().unwrap_or(false);
        Ok((out, ready.next().unwrap_or(false)))
    }
}
