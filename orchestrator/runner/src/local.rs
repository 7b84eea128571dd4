//! The local runner: a build's steps as processes of this machine.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossgate_core::build::{BuildRequest, Ended, Exit, Failure, Outcome};
use crossgate_core::ids::{RepoName, Timestamp};
use crossgate_core::signature::signature_of;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::archive::{Archive, ArchiveError, Chain, Unfinished};
use crate::event::Event;
use crate::log::BuildLog;
use crate::overrides::Overrides;
use crate::process::{Running, Woken, is_closed, out_of_memory_kills};
use crate::sandbox::{Bubblewrap, NoSandbox, SEEN, SandboxState};
use crate::settings::{SandboxChoice, Settings};
use crate::supervise::SUPERVISE;
use crate::workdir::{Paths, Workdir};
use crate::workdirs::Workdirs;
use crate::{artifacts, environment, tidy};

/// Says that it was started, then becomes the step. It has no input: its own is the lock of the workdir.
const START: &str = r#"printf '\001started\n' && exec sh -e "$1/script" </dev/null"#;

/// Beside a step's script: the signal that ended it, where that can be told.
const REPORT: &str = "signal";

/// Less free space than this, and a step that says that the disk is full is believed.
const SPACE: u64 = 64 << 20;

/// Why checkouts could not be placed.
pub type PlaceError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Jobs are to be sandboxed and cannot be.
    #[error("jobs cannot be sandboxed: {why}")]
    NoSandbox {
        /// What is missing.
        why: NoSandbox,
    },
    /// The state directory cannot be used.
    #[error("cannot use the state directory `{path}`")]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The archive in the state directory cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl RunnerError {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSandbox { why } => Some(why.hint()),
            Self::State { .. } => None,
            Self::Archive(error) => error.hint(),
        }
    }
}

/// Runs builds as processes of this machine. Clones share everything.
#[derive(Debug, Clone)]
pub struct LocalRunner {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    sandbox: Option<Bubblewrap>,
    supervisor: PathBuf,
    archive: Archive,
    workdirs: Workdirs,
}

impl LocalRunner {
    /// Makes a runner, after it has tried the sandbox out and removed what dead ones left.
    ///
    /// # Errors
    /// [`RunnerError`] if there is no sandbox but must be one, or the state directory cannot be used.
    pub fn new(mut settings: Settings) -> Result<Self, RunnerError> {
        let state = |path: &Path| {
            let path = path.to_owned();
            move |source| RunnerError::State { path, source }
        };
        fs::create_dir_all(&settings.state_dir).map_err(state(&settings.state_dir))?;
        // Steps have another working directory.
        settings.state_dir = fs::canonicalize(&settings.state_dir).map_err(state(&settings.state_dir))?;
        let sandbox = match settings.sandbox {
            SandboxChoice::Required => {
                Some(Bubblewrap::probe(&settings).map_err(|why| RunnerError::NoSandbox { why })?)
            }
            SandboxChoice::Off => None,
        };
        let supervisor = settings.supervisor.clone().map_or_else(std::env::current_exe, Ok);
        let supervisor = supervisor.map_err(state(&settings.state_dir))?;
        let archive = Archive::open(&settings.state_dir)?.keeping(settings.keep_builds);
        let workdirs = Workdirs::open(&settings);
        Ok(Self { shared: Arc::new(Shared { settings, sandbox, supervisor, archive, workdirs }) })
    }

    /// Returns how steps are kept apart from the rest of the machine.
    pub fn sandbox(&self) -> SandboxState {
        self.shared.sandbox.as_ref().map_or(SandboxState::Off, Bubblewrap::state)
    }

    /// Returns the archive that builds are recorded in.
    pub fn archive(&self) -> &Archive {
        &self.shared.archive
    }

    /// Runs a build to its end and records it. A cancelled one, or one whose future is dropped, leaves nothing behind.
    ///
    /// `place` is given an empty directory and puts one checkout for each repo of the tree into it, under the repo's name, with
    /// files that are younger than the call. It and `sink` are called on a thread of the build's own, where they may
    /// block. Whatever fails around the build is [`Outcome::Infra`]; that what ran a step was ended by somebody else is
    /// [`Outcome::Lost`].
    pub async fn run(
        &self,
        request: &BuildRequest,
        place: impl FnOnce(&Path) -> Result<(), PlaceError> + Send + 'static,
        cancel: CancellationToken,
        sink: impl Fn(Event) + Send + Sync + 'static,
    ) -> Ended {
        let at = now();
        let ends = |outcome| Ended { started: at, ended: now(), outcome };
        let failed = |reason| ends(Outcome::Infra { reason });
        if cancel.is_cancelled() {
            return ends(Outcome::Cancelled);
        }
        let (cancelled, canceller) = match io::pipe() {
            Ok(pipe) => pipe,
            Err(error) => return failed(format!("no pipe could be made: {error}")),
        };
        let (report, mut ended) = oneshot::channel();
        let build = Build { shared: self.shared.clone(), request: request.clone(), cancelled };
        let named = thread::Builder::new().name(format!("build {}", request.id));
        let spawned = named.spawn(move || {
            // Nobody listens if the future was dropped.
            drop(report.send(build.run(place, &sink)));
        });
        if let Err(error) = spawned {
            return failed(format!("no thread could be started: {error}"));
        }
        let ended = tokio::select! {
            ended = &mut ended => ended,
            () = cancel.cancelled() => {
                drop(canceller);
                ended.await
            }
        };
        ended.unwrap_or_else(|_| failed("the build's thread panicked".to_owned()))
    }
}

/// One build, on its own thread.
struct Build {
    shared: Arc<Shared>,
    request: BuildRequest,
    /// The other end is closed when nobody wants the result any more.
    cancelled: PipeReader,
}

/// When a build's first step started and when its outcome was known.
struct Span {
    started: Timestamp,
    ended: Option<Timestamp>,
}

impl Span {
    fn with(&self, outcome: Outcome) -> Ended {
        Ended { started: self.started, ended: self.ended.unwrap_or_else(now), outcome }
    }
}

impl Build {
    fn run(self, place: impl FnOnce(&Path) -> Result<(), PlaceError>, sink: &dyn Fn(Event)) -> Ended {
        let mut span = Span { started: now(), ended: None };
        let recorded = self.attempt(place, sink, &mut span);
        recorded.unwrap_or_else(|outcome| span.with(outcome))
    }

    /// Runs and records the build. What comes back as an error is an outcome that is not recorded.
    fn attempt(
        &self,
        place: impl FnOnce(&Path) -> Result<(), PlaceError>,
        sink: &dyn Fn(Event),
        span: &mut Span,
    ) -> Result<Ended, Outcome> {
        let archive = &self.shared.archive;
        let unfinished =
            archive.begin(&self.request.id).map_err(|error| infra("the archive", &Chain(&error)))?;
        let file = unfinished.log().map_err(infra_of("the log"))?;
        let mut log = BuildLog::new(file, self.shared.settings.log_limit, sink);
        let outcome = match self.work(place, &unfinished, &mut log, span) {
            Err(Outcome::Cancelled) => return Err(Outcome::Cancelled),
            Err(outcome) | Ok(outcome) => outcome,
        };
        self.shared.workdirs.bound();
        let written = log.note(&in_words(&outcome)).and_then(|()| log.finish());
        // What went wrong first says more than that its log could not be written either.
        written.map_err(
            |error| if outcome == Outcome::Pass { infra("the log", &error) } else { outcome.clone() },
        )?;
        let ended = span.with(outcome);
        let sandboxed = self.shared.sandbox.is_some();
        archive
            .record(&self.request, sandboxed, &ended)
            .map_err(|error| infra("the archive", &Chain(&error)))?;
        unfinished.finished();
        Ok(ended)
    }

    /// Leases a workdir, fills it, runs the steps in it and keeps the artifacts.
    fn work(
        &self,
        place: impl FnOnce(&Path) -> Result<(), PlaceError>,
        unfinished: &Unfinished,
        log: &mut BuildLog<'_>,
        span: &mut Span,
    ) -> Result<Outcome, Outcome> {
        let Shared { settings, sandbox, workdirs, .. } = &*self.shared;
        let request = &self.request;
        environment::check_variables(request).map_err(|reason| Outcome::Infra { reason })?;
        self.check_wanted()?;
        let sandboxed = sandbox.is_some();
        let workdir = workdirs.lease(&request.cache, sandboxed, request.driver.as_ref());
        let workdir = workdir.map_err(infra_of("the workdir"))?;
        artifacts::forget(&request.artifacts, &workdir.paths)
            .or_else(|_in_the_way| workdir.empty_cache())
            .map_err(infra_of("the cache"))?;
        let seen = if sandboxed { Paths::under(Path::new(SEEN)) } else { workdir.paths.clone() };
        place(&workdir.paths.src).map_err(|error| infra("the checkouts", &Chain(&*error)))?;
        self.check_wanted()?;
        self.furnish(&workdir.paths, &seen)?;
        log.event(Event::Started);
        span.started = now();
        let outcome = self.steps(&workdir, &seen, log);
        // Known now, though much may have to be removed before it is told.
        span.ended = Some(now());
        // What a build that took too long has written may tell why.
        let (Ok(outcome) | Err(outcome @ Outcome::Timeout { .. })) = outcome else { return outcome };
        let (kept, limit) = (unfinished.artifacts(), settings.artifact_limit);
        artifacts::keep(&request.artifacts, &request.repo, &workdir.paths, &kept, limit, log)
            .map_err(infra_of("an artifact"))?;
        Ok(outcome)
    }

    fn check_wanted(&self) -> Result<(), Outcome> {
        if is_closed(&self.cancelled) { Err(Outcome::Cancelled) } else { Ok(()) }
    }

    /// Adds what steps need beside the checkouts, and gives them all of it.
    fn furnish(&self, on_disk: &Paths, seen: &Paths) -> Result<(), Outcome> {
        let Shared { settings, sandbox, .. } = &*self.shared;
        let repos: Vec<RepoName> = self.request.tree.keys().chain([&self.request.repo]).cloned().collect();
        if let Some(missing) = repos.iter().find(|repo| !on_disk.checkout(repo).is_dir()) {
            return Err(infra("the checkouts", &format_args!("there is none of `{missing}`")));
        }
        let overrides = Overrides::find(&on_disk.src, &repos[..repos.len() - 1]);
        let relocked = overrides.and_then(|overrides| overrides.relock(&on_disk.src).map(|()| overrides));
        let overrides = relocked.map_err(|error| infra("cargo's overrides", &Chain(&error)))?;
        if let Some(config) = overrides.config(&seen.src) {
            let dir = on_disk.src.join(".cargo");
            fs::create_dir_all(&dir).map_err(infra_of("cargo's overrides"))?;
            fs::write(dir.join("config.toml"), config).map_err(infra_of("cargo's overrides"))?;
        }
        environment::furnish(on_disk, settings, sandbox.is_some()).map_err(infra_of("cargo's home"))?;
        if let Some(id) = sandbox.as_ref().and_then(Bubblewrap::id) {
            let Paths { src, home, tmp, step, cache } = on_disk;
            let all = [src, home, tmp, step].into_iter().try_for_each(|part| tidy::hand_over(part, id));
            let cache = || std::os::unix::fs::chown(cache, Some(id), Some(id));
            all.and_then(|()| cache()).map_err(infra_of("the workdir"))?;
        }
        Ok(())
    }

    fn steps(&self, workdir: &Workdir, seen: &Paths, log: &mut BuildLog<'_>) -> Result<Outcome, Outcome> {
        let timeout = self.request.timeout;
        let of = u32::try_from(self.request.steps.len()).unwrap_or(u32::MAX);
        let until =
            Instant::now().checked_add(timeout).ok_or_else(|| infra("the timeout", &"it is out of range"))?;
        for (n, script) in (1..).zip(&self.request.steps) {
            log.step(n, of, script).map_err(infra_of("the log"))?;
            let kills = out_of_memory_kills();
            let exit = self.step(workdir, seen, script, until, log)?;
            if exit == Exit::Status(0) {
                continue;
            }
            let text = log.recent();
            let killed = matches!(exit, Exit::Signal(9) | Exit::Status(137))
                || text.contains("SIGKILL")
                || text.contains("Killed");
            if killed && out_of_memory_kills() > kills {
                return Err(infra(
                    "the machine",
                    &"it ran out of memory, and the kernel killed a process of the step",
                ));
            }
            if disk_is_full(&workdir.paths.src, &text) {
                return Err(infra("the disk", &"it is full"));
            }
            return Ok(Outcome::Fail(Failure { step: n, exit, signature: signature_of(&text) }));
        }
        Ok(Outcome::Pass)
    }

    /// Runs one step.
    fn step(
        &self,
        workdir: &Workdir,
        seen: &Paths,
        script: &str,
        until: Instant,
        log: &mut BuildLog<'_>,
    ) -> Result<Exit, Outcome> {
        fs::write(workdir.paths.step.join("script"), script).map_err(infra_of("the step"))?;
        let mut report = make_report(&workdir.paths.step.join(REPORT)).map_err(infra_of("the step"))?;
        let input = workdir.held_open().map_err(infra_of("the step"))?;
        let command = self.command(&workdir.paths, seen);
        let mut running = Running::start(command, input).map_err(infra_of("the step"))?;
        let (woken, status) = self.hear_out(&mut running, until, log).map_err(infra_of("the output"))?;
        let started = log.has_started().map_err(infra_of("the log"))?;
        match woken {
            Woken::TimeUp => Err(Outcome::Timeout { limit_s: self.request.timeout.as_secs() }),
            Woken::Cancelled => Err(Outcome::Cancelled),
            Woken::Exited if !started => {
                Err(infra("the step", &format_args!("it did not start: {}", end_of(&log.recent()))))
            }
            Woken::Exited => exit_of(status, signal_in(&mut report)),
        }
    }

    /// Listens to a step until it has ended, by itself or by us.
    fn hear_out(
        &self,
        running: &mut Running,
        until: Instant,
        log: &mut BuildLog<'_>,
    ) -> io::Result<(Woken, ExitStatus)> {
        let woken = running.listen(until, Some(&self.cancelled), log)?;
        if woken != Woken::Exited {
            running.end(self.shared.settings.grace, log)?;
        }
        Ok((woken, running.reap(log)?))
    }

    fn command(&self, on_disk: &Paths, seen: &Paths) -> Command {
        let Shared { settings, sandbox, supervisor, .. } = &*self.shared;
        let network = self.request.network;
        let dir = seen.checkout(&self.request.repo);
        let mut command = if let Some(bubblewrap) = sandbox {
            let readable = environment::readable(settings, seen, network);
            bubblewrap.command(on_disk, &readable, network, &dir)
        } else {
            let mut command = Command::new(supervisor);
            command.arg(SUPERVISE).arg(std::process::id().to_string()).arg(on_disk.step.join(REPORT));
            command.current_dir(&dir);
            command
        };
        command.args(["sh", "-c", START, "sh"]).arg(&seen.step).env_clear();
        command.envs(environment::variables(&self.request, seen, settings));
        command
    }
}

/// Makes the file that the supervisor reports in, and holds it open: a step could put a pipe in its place, on which to wait.
fn make_report(path: &Path) -> io::Result<File> {
    tidy::remove_file(path)?;
    File::options().read(true).write(true).create_new(true).open(path)
}

fn signal_in(report: &mut File) -> Option<i32> {
    let mut signal = String::new();
    report.take(8).read_to_string(&mut signal).ok()?;
    signal.parse().ok()
}

/// Reads the exit of what ran the step. That says a signal as a shell does, which a step may also do by itself; only the
/// supervisor reports which it was.
fn exit_of(status: ExitStatus, reported: Option<i32>) -> Result<Exit, Outcome> {
    let Some(code) = status.code() else {
        let reason = format!("the step: what ran it was ended from outside: {status}");
        return Err(Outcome::Lost { reason });
    };
    let signal = reported.filter(|&signal| signal.checked_add(128) == Some(code));
    Ok(signal.map_or(Exit::Status(code), Exit::Signal))
}

/// Says whether a step failed for want of space: it says so, or there is none at all.
fn disk_is_full(path: &Path, said: &str) -> bool {
    let Ok(disk) = rustix::fs::statvfs(path) else { return false };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let full = disk.f_files > 0 && disk.f_favail == 0;
    full || free == 0 || (free < SPACE && said.contains("No space left on device"))
}

/// Returns as much of the end of a text as a reason may hold.
fn end_of(text: &str) -> String {
    let start = text.trim().char_indices().rev().nth(499).map_or(0, |(at, _)| at);
    text.trim()[start..].to_owned()
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Pass => "pass".to_owned(),
        Outcome::Fail(Failure { step, exit: exit @ Exit::Status(status @ 129..=159), .. }) => {
            format!("fail: step {step} ended with {exit}, by which shells mean signal {}", status - 128)
        }
        Outcome::Fail(Failure { step, exit, .. }) => format!("fail: step {step} ended with {exit}"),
        Outcome::Infra { reason } => format!("infra: {reason}"),
        Outcome::Timeout { limit_s } => format!("timeout: ended after {limit_s} s"),
        Outcome::Lost { reason } => format!("lost: {reason}"),
        Outcome::Cancelled => "cancelled".to_owned(),
    }
}

fn infra(what: &str, why: &dyn fmt::Display) -> Outcome {
    Outcome::Infra { reason: format!("{what}: {why}") }
}

fn infra_of(what: &str) -> impl Fn(io::Error) -> Outcome {
    move |error| infra(what, &error)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
