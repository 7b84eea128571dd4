//! What a local runner is told once.

use std::path::PathBuf;
use std::time::Duration;

/// Whether steps run in a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxChoice {
    /// In one, or not at all.
    Required,
    /// With the rights of whoever started the runner.
    Off,
}

/// What a local runner is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory for builds, caches and locks; made if it is missing.
    pub state_dir: PathBuf,
    /// Whether steps run in a sandbox.
    pub sandbox: SandboxChoice,
    /// The bubblewrap to use; none: the one that is installed.
    pub bubblewrap: Option<PathBuf>,
    /// The program that is started as `<supervisor> __supervise …` when there is no sandbox; none: this program.
    pub supervisor: Option<PathBuf>,
    /// How many bytes of a log are kept, half from its head and half from its tail.
    pub log_limit: u64,
    /// How many bytes a cache may hold when a build starts; over it, it is emptied first.
    pub cache_limit: u64,
    /// How many bytes all caches may hold when a build has ended; over it, those that were not used for longest are emptied.
    pub work_limit: u64,
    /// How many bytes the artifacts of one build may hold.
    pub artifact_limit: u64,
    /// How many builds are kept in the archive.
    pub keep_builds: usize,
    /// How long a step that is ended may take to end by itself.
    pub grace: Duration,
    /// The user's cargo home, whose programs and registry builds may read.
    pub cargo_home: Option<PathBuf>,
    /// The user's rustup home, whose toolchains builds may read.
    pub rustup_home: Option<PathBuf>,
    /// The user and group that steps run as if the runner itself runs as root.
    pub unprivileged_id: u32,
}

impl Settings {
    /// Returns the defaults, with the toolchain homes that the environment names.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        let home = |variable: &str, below: &str| {
            let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
            named.or_else(|| std::env::home_dir().map(|home| home.join(below))).filter(|path| path.is_dir())
        };
        Self {
            state_dir: state_dir.into(),
            sandbox: SandboxChoice::Required,
            bubblewrap: None,
            supervisor: None,
            log_limit: 4 << 20,
            cache_limit: 8 << 30,
            work_limit: 32 << 30,
            artifact_limit: 64 << 20,
            keep_builds: 2000,
            grace: Duration::from_secs(2),
            cargo_home: home("CARGO_HOME", ".cargo"),
            rustup_home: home("RUSTUP_HOME", ".rustup"),
            unprivileged_id: 65534,
        }
    }
}
