//! A runner over a state directory of its own, and builds to give it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossgate_core::build::{BuildRequest, Ended, Outcome, Purpose, RepoState};
use crossgate_core::ids::{
    BuildId, BuildKey, CacheName, ChangeId, CommitId, DriverName, JobName, RepoName, TreeId,
};
use crossgate_runner::{Event, LocalRunner, PlaceError, RunnerError, SandboxChoice, Settings};
use tokio_util::sync::CancellationToken;

/// How long anything in a test may take before it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) runner: LocalRunner,
    pub(crate) sandboxed: bool,
    pub(crate) state: tempfile::TempDir,
}

/// A build that has ended, and what was heard of it.
pub(crate) struct Heard {
    pub(crate) ended: Ended,
    pub(crate) events: Vec<Event>,
}

impl Heard {
    pub(crate) fn lines(&self) -> Vec<&str> {
        let mut lines = Vec::new();
        for event in &self.events {
            if let Event::Line(line) = event
                && !line.starts_with("[crossgate]")
            {
                lines.push(line.as_str());
            }
        }
        lines
    }

    pub(crate) fn passes(self) -> Self {
        assert_eq!(self.ended.outcome, Outcome::Pass, "{:#?}", self.events);
        self
    }
}

pub(crate) fn settings(state: &Path, sandbox: SandboxChoice) -> Settings {
    let supervisor = Some(PathBuf::from(env!("CARGO_BIN_EXE_crossgate-supervise")));
    Settings { sandbox, supervisor, grace: Duration::from_millis(300), ..Settings::new(state) }
}

impl World {
    /// Makes a world, or says why there is no sandbox.
    pub(crate) fn of(sandbox: SandboxChoice, adjust: impl Fn(Settings) -> Settings) -> Option<Self> {
        let state = tempfile::tempdir().unwrap();
        match LocalRunner::new(adjust(settings(state.path(), sandbox))) {
            Ok(runner) => Some(Self { runner, sandboxed: sandbox == SandboxChoice::Required, state }),
            Err(error @ RunnerError::NoSandbox { .. }) => {
                println!("skipped in the sandbox: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Plays a story without the sandbox and, where there is one, in it.
    pub(crate) fn both(story: impl Fn(&Self)) {
        for choice in [SandboxChoice::Off, SandboxChoice::Required] {
            Self::of(choice, |settings| settings).iter().for_each(&story);
        }
    }

    pub(crate) fn sandboxed(story: impl Fn(&Self)) {
        Self::of(SandboxChoice::Required, |settings| settings).iter().for_each(story);
    }

    pub(crate) fn runs(&self, request: &BuildRequest) -> Heard {
        self.places(request, &[("core/README", "core")])
    }

    /// Runs a build over these files, each given as `repo/path` and text.
    pub(crate) fn places(&self, request: &BuildRequest, files: &[(&str, &str)]) -> Heard {
        self.runs_until(request, files, CancellationToken::new(), |_| {})
    }

    pub(crate) fn runs_until(
        &self,
        request: &BuildRequest,
        files: &[(&str, &str)],
        cancel: CancellationToken,
        hears: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Heard {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = events.clone();
        let sink = move |event| {
            hears(&event);
            heard.lock().unwrap().push(event);
        };
        let ended = runtime.block_on(self.runner.run(request, placing(files), cancel, sink));
        let events = events.lock().unwrap().clone();
        Heard { ended, events }
    }
}

pub(crate) fn placing(
    files: &[(&str, &str)],
) -> impl FnOnce(&Path) -> Result<(), PlaceError> + Send + 'static {
    let files: Vec<_> = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
    move |src| {
        for (path, text) in files {
            let file = src.join(path);
            fs::create_dir_all(file.parent().unwrap())?;
            fs::write(file, text)?;
        }
        Ok(())
    }
}

/// A build of the repo `core` with these steps.
pub(crate) fn build(steps: &[&str]) -> BuildRequest {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let state = RepoState {
        commit: CommitId::parse(&"c".repeat(40)).unwrap(),
        tree: TreeId::parse(&"7".repeat(40)).unwrap(),
    };
    let core = RepoName::parse("core").unwrap();
    BuildRequest {
        id: BuildId::parse(&format!("{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap(),
        key: BuildKey::parse(&"0".repeat(64)).unwrap(),
        change: ChangeId::parse("core#1").unwrap(),
        purpose: Purpose::Candidate,
        attempt: 1,
        driver: Some(DriverName::parse("xen").unwrap()),
        repo: core.clone(),
        job: JobName::parse("unit").unwrap(),
        cache: CacheName::parse("job/unit").unwrap(),
        tree: BTreeMap::from([(core, state)]),
        steps: steps.iter().map(|&step| step.to_owned()).collect(),
        variables: BTreeMap::new(),
        timeout: PATIENCE,
        network: false,
        artifacts: Vec::new(),
    }
}

/// Adds a repo to what a build sees.
pub(crate) fn with_repo(mut request: BuildRequest, repo: &str) -> BuildRequest {
    let state = request.tree.values().next().unwrap().clone();
    request.tree.insert(RepoName::parse(repo).unwrap(), state);
    request
}

/// Counts the processes of this machine that have `word` in their command line.
pub(crate) fn alive(word: &str) -> usize {
    let lines = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|&byte| byte == 0).any(|arg| arg == word.as_bytes())).count()
}

/// Waits, for a bounded time, until something is so.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
