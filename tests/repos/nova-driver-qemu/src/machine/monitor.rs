//! Speaking QMP to a running QEMU.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nova_api::{BackendError, Call, Interrupted};
use qapi::qmp::{Event, query_version};
use qapi::{Command, ExecuteError, Qmp, Stream};
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::failure::OrFailed as _;

/// How long QEMU may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long to wait before the next look.
const NAP: Duration = Duration::from_millis(2);
/// How long to wait for an event before looking whether the call is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// How many lines that this version of `qapi` cannot read may come before an answer.
const STRANGE: usize = 64;

/// Which of a guest's two monitors; each serves one client, the others wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For whoever changes the guest and has its lock.
    Control,
    /// For short questions, at any time.
    Query,
}

impl Purpose {
    /// Returns the name of the socket in the guest's run directory.
    pub(crate) fn socket(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Query => "query",
        }
    }
}

/// A conversation with one QEMU.
pub(crate) struct Monitor(Qmp<Stream<BufReader<UnixStream>, UnixStream>>);

impl Monitor {
    /// Connects to a guest, as soon as it listens and serves nobody else.
    pub(crate) fn connect(
        run: &Path,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<Self, BackendError> {
        let until = Instant::now() + patience;
        let silent = || format!("no answer of QEMU in `{}`", run.display());
        let stream = connect(run, purpose.socket(), until).or_failed(silent)?;
        let left = until.saturating_duration_since(Instant::now()).max(NAP);
        stream
            .set_read_timeout(Some(left))
            .and_then(|()| stream.set_write_timeout(Some(ANSWER)))
            .or_failed(silent)?;
        let reader = BufReader::new(stream.try_clone().or_failed(silent)?);
        let mut qmp = Qmp::new(Stream::new(reader, stream));
        // A QEMU that goes says nothing more; the handshake takes a greeting for granted.
        if qmp.inner_mut().fill_buf().or_failed(silent)?.is_empty() {
            return Err(BackendError::new(silent()));
        }
        qmp.handshake().or_failed(silent)?;
        let monitor = Self(qmp);
        monitor.wait_at_most(ANSWER).or_failed(silent)?;
        Ok(monitor)
    }

    /// Has a command done.
    pub(crate) fn execute<C: Command>(&mut self, command: &C) -> Result<C::Ok, BackendError> {
        let what = || format!("QEMU does not do `{}`", C::NAME);
        self.0.write_command(command).or_failed(what)?;
        for _ in 0..STRANGE {
            match self.0.read_response::<C>() {
                // An event that a newer QEMU has; the answer is still to come.
                Err(ExecuteError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {}
                answer => return answer.or_failed(what),
            }
        }
        Err(BackendError::new(what()))
    }

    /// Waits for an event, also one that came before the last answer, until `until` or until the call ends.
    pub(crate) fn wait_for(
        &mut self,
        call: &Call,
        until: Instant,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Waited, Interrupted> {
        loop {
            let look = until.min(Instant::now() + LOOK);
            let waited = self.wait_quietly(look, &mut wanted);
            if waited == Waited::Late {
                call.check()?;
                if look < until {
                    continue;
                }
            }
            return Ok(waited);
        }
    }

    /// Waits for an event until `until`, also one that came before the last answer.
    pub(crate) fn wait_quietly(
        &mut self,
        until: Instant,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Waited {
        let waited = loop {
            if self.0.events().any(|event| wanted(&event)) {
                break Waited::Came;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break Waited::Late;
            }
            match self.has_more(left) {
                // All events that are there are taken in on the way to an answer.
                Ok(true) if self.execute(&query_version {}).is_ok() => {}
                Err(error) if is_late(&error) => {}
                Ok(_) | Err(_) => break Waited::Gone,
            }
        };
        // If this fails, the next command does, and that is told.
        drop(self.wait_at_most(ANSWER));
        waited
    }

    /// Waits for something to read; says whether there is, or the other end has gone.
    fn has_more(&mut self, time: Duration) -> io::Result<bool> {
        self.wait_at_most(time)?;
        let there = !self.0.inner_mut().fill_buf()?.is_empty();
        self.wait_at_most(ANSWER)?;
        Ok(there)
    }

    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.0.inner().get_ref_write().set_read_timeout(Some(time))
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// How waiting for an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It came.
    Came,
    /// It did not come in time.
    Late,
    /// QEMU ended before.
    Gone,
}

/// Connects to a socket in a directory, however long the directory's path is: sockets' paths have 107 bytes.
fn connect(run: &Path, socket: &str, until: Instant) -> io::Result<UnixStream> {
    let dir: File =
        rustix::fs::open(run, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?
            .into();
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{socket}", dir.as_raw_fd()))?;
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let end = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&end, &address) {
            Ok(()) => {
                let stream = UnixStream::from(end);
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            // It does not listen yet, or too many wait to be served.
            Err(error) if Instant::now() >= until => return Err(error.into()),
            Err(_) => thread::sleep(NAP),
        }
    }
}
