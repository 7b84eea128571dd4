//! A command in a checkout, ended with all it started when it is no longer wanted.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use crossgate_core::build::Exit;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::output::Sink;
use crate::commands::workspace::checkouts::Checkout;
use crate::commands::workspace::each::Voice;
use crate::commands::workspace::report::Failure;
use crate::git::FOREIGN;

/// How long what a command left behind may go on writing into its output.
const REST: Duration = Duration::from_millis(300);
/// How long a command may take to end when it is interrupted.
const ENDING: Duration = Duration::from_secs(2);
const CHUNK: usize = 16 << 10;

/// Runs a command to its end; its two outputs go to the sink in the order in which they were written.
pub(super) async fn run_in(
    checkout: &Checkout,
    command: &[OsString],
    voice: &Voice,
    sink: &mut Sink,
) -> Result<Exit, Failure> {
    let (mut group, mut output) = start(checkout, command)
        .map_err(|error| Failure::io(format_args!("`{}` cannot be run", command[0].display()), &error))?;
    let failed = |error: io::Error| Failure::io("reading its output", &error);
    let mut chunk = vec![0; CHUNK];
    let mut open = true;
    let status = loop {
        tokio::select! {
            count = output.read(&mut chunk), if open => match count.map_err(failed)? {
                0 => open = false,
                count => sink.push(&chunk[..count]).await,
            },
            status = group.0.wait() => break status.map_err(failed)?,
            () = voice.stopped() => return Err(group.interrupt().await),
        }
    };
    let deadline = Instant::now() + REST;
    while open && let Ok(Ok(count @ 1..)) = timeout_at(deadline, output.read(&mut chunk)).await {
        sink.push(&chunk[..count]).await;
    }
    Ok(exit(status))
}

fn start(checkout: &Checkout, command: &[OsString]) -> io::Result<(Group, ChildStdout)> {
    let (reader, writer) = io::pipe()?;
    let mut child = Command::new(&command[0]);
    for name in FOREIGN {
        child.env_remove(name);
    }
    child
        .args(&command[1..])
        .current_dir(&checkout.dir)
        .env("CROSSGATE_REPO", checkout.name.as_str())
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    let group = Group(child.spawn()?);
    let reader = std::process::ChildStdout::from(OwnedFd::from(reader));
    Ok((group, ChildStdout::from_std(reader)?))
}

fn exit(status: ExitStatus) -> Exit {
    let signal = || Exit::Signal(status.signal().unwrap_or_default());
    status.code().map_or_else(signal, Exit::Status)
}

/// A command and what it started.
struct Group(Child);

impl Group {
    /// Asks it to end, as a terminal does, and waits a little.
    async fn interrupt(&mut self) -> Failure {
        self.signal(Signal::INT);
        // What does not heed it is killed when dropped.
        drop(timeout(ENDING, self.0.wait()).await);
        Failure::interrupted()
    }

    fn signal(&self, signal: Signal) {
        // The id is known only until the command was waited for, and until then nobody else can have it.
        if let Some(pid) = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // Fails only when all of the group have ended.
            kill_process_group(pid, signal).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
