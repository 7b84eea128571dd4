//! The process of a guest: one QEMU that outlives the driver.
//!
//! All that belongs to one boot is in the guest's run directory, made anew for each:
//!
//! ```text
//! alive      locked by the QEMU process itself, from the moment it exists until it is gone
//! pid        its number
//! control    a QMP socket for whoever changes the guest
//! query      a QMP socket for questions
//! console    the guest's first serial port
//! events.in  what makes QEMU announce events
//! events.out all events of this boot
//! qemu.log   what QEMU complains about
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nova_api::{BackendError, Call, Interrupted, MutationError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::durable::if_there;
use crate::failure::OrFailed as _;
use crate::lock::{Share, try_lock};
use crate::machine::journal;
use crate::machine::monitor::{Monitor, Purpose};

/// How long a QEMU that starts may take to answer.
const START: Duration = Duration::from_secs(30);
/// How long to wait for an answer before looking whether it has failed.
const SLOW: Duration = Duration::from_millis(500);
/// How long one that was killed may take to be gone.
const END: Duration = Duration::from_secs(10);
/// How long to wait before looking whether the call is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// The process of one guest, there or not.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    run: PathBuf,
}

impl Process {
    /// Takes a guest's run directory.
    pub(crate) fn new(run: PathBuf) -> Self {
        Self { run }
    }

    /// Returns the run directory.
    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// Returns whether there is a process. None can come without the guest's lock.
    pub(crate) fn is_alive(&self) -> Result<bool, BackendError> {
        let path = self.run.join("alive");
        let unknown = || format!("whether `{}` is held is not known", path.display());
        let Some(file) = if_there(File::open(&path)).or_failed(unknown)? else { return Ok(false) };
        try_lock(&file, Share::Shared).map(|free| !free).or_failed(unknown)
    }

    /// Starts QEMU and waits until it answers. There must be no process. If it fails, there is none either.
    pub(crate) fn start<E: MutationError>(&self, call: &Call, qemu: &mut Command) -> Result<(), E> {
        let alive =
            self.prepare().or_failed(|| format!("`{}` cannot be made", self.run.display()))?;
        let log = self.run.join("qemu.log");
        let log_file =
            File::create(&log).or_failed(|| format!("`{}` cannot be made", log.display()))?;
        // QEMU inherits the lock on what looks like its input. No other way of knowing whether it is there is
        // without a gap: between its birth and a file that it writes, or after another has got its number.
        qemu.current_dir(&self.run)
            .stdin(alive)
            .stdout(Stdio::null())
            .stderr(log_file)
            .process_group(0);
        let child = qemu
            .spawn()
            .or_failed(|| format!("`{}` cannot be started", qemu.get_program().display()))?;
        qemu.stdin(Stdio::null());
        let mut child = Reaped(Some(child));
        let (until, mut patience) = (Instant::now() + START, LOOK);
        loop {
            // The guest runs as soon as QEMU answers.
            match Monitor::connect(&self.run, Purpose::Control, patience) {
                Ok(_) if journal::is_kept(&self.run) => break,
                Err(error) if Instant::now() >= until => return Err(error.into()),
                Ok(_) => {}
                // On a busy host an answer takes longer.
                Err(_) => patience = (patience * 2).min(SLOW),
            }
            if child.has_ended() {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(
                    BackendError::new(format!("QEMU does not start: {}", said.trim())).into()
                );
            }
            call.check()?;
        }
        child.let_go();
        Ok(())
    }

    /// Waits until the process has gone; says whether it has, before `until`.
    pub(crate) fn wait_until_gone(
        &self,
        call: Option<&Call>,
        until: Instant,
    ) -> Result<bool, Waiting> {
        // The descriptor of a process makes its end an event; without one, there is still the lock.
        let pidfd = self.pid().and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        loop {
            if !self.is_alive()? {
                return Ok(true);
            }
            if let Some(call) = call {
                call.check()?;
            }
            let left = until.saturating_duration_since(Instant::now()).min(LOOK);
            if left.is_zero() {
                return Ok(false);
            }
            let Some(pidfd) = &pidfd else {
                thread::sleep(Duration::from_millis(1).min(left));
                continue;
            };
            let time =
                Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 1_000_000 });
            let ended = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&time))
                .is_ok_and(|ready| ready > 0);
            if ended {
                // The lock goes a moment before or after the process is said to be gone.
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Kills the process, if there is one, and waits until it has gone.
    pub(crate) fn kill(&self) -> Result<(), BackendError> {
        let until = Instant::now() + END;
        while self.is_alive()? {
            if let Some(pidfd) =
                self.pid().and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
            {
                // It was alive after it had been opened, so the number is not that of another.
                if self.is_alive()? {
                    pidfd_send_signal(&pidfd, Signal::KILL).ok();
                }
            }
            let look = Instant::now() + LOOK;
            if !self.wait_until_gone(None, look).map_err(Waiting::into_backend)?
                && Instant::now() >= until
            {
                let text = format!("QEMU in `{}` cannot be killed", self.run.display());
                return Err(BackendError::new(text));
            }
        }
        Ok(())
    }

    /// Returns the process's number, as it wrote it.
    pub(crate) fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.run.join("pid")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    /// Makes the run directory of the next boot; returns the file whose lock says that there is a process.
    fn prepare(&self) -> io::Result<File> {
        let next = self.run.with_extension("new");
        if_there(fs::remove_dir_all(&next))?;
        fs::create_dir(&next)?;
        let alive = File::create(next.join("alive"))?;
        try_lock(&alive, Share::Exclusive)?;
        journal::prepare(&next)?;
        if_there(fs::remove_dir_all(&self.run))?;
        fs::rename(&next, &self.run)?;
        Ok(alive)
    }
}

/// Why waiting for an end was given up.
#[derive(Debug)]
pub(crate) enum Waiting {
    Interrupted(Interrupted),
    Backend(BackendError),
}

impl Waiting {
    /// Makes it the error of a call.
    pub(crate) fn into_error<E: MutationError>(self) -> E {
        match self {
            Self::Interrupted(error) => error.into(),
            Self::Backend(error) => error.into(),
        }
    }

    fn into_backend(self) -> BackendError {
        match self {
            Self::Interrupted(error) => {
                BackendError::new("the wait was interrupted").caused_by(error)
            }
            Self::Backend(error) => error,
        }
    }
}

impl From<Interrupted> for Waiting {
    fn from(error: Interrupted) -> Self {
        Self::Interrupted(error)
    }
}

impl From<BackendError> for Waiting {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}

/// A child that is killed and waited for unless it is let go.
struct Reaped(Option<Child>);

impl Reaped {
    fn has_ended(&mut self) -> bool {
        self.0.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Lets the child run; while this process is there, it waits for the child's end, lest a zombie stay.
    fn let_go(mut self) {
        let Some(mut child) = self.0.take() else { return };
        let wait = move || drop(child.wait());
        // Without a thread the zombie stays, and goes with this process.
        drop(thread::Builder::new().name("qemu".to_owned()).spawn(wait));
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself; then there is nothing to kill.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
