//! The sandbox: bubblewrap, with mounts, processes and network of its own.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::geteuid;

use crate::environment::Readable;
use crate::settings::Settings;
use crate::workdir::Paths;

/// Where steps see their workdir: the same in each build, so that a cache can be used again.
pub(crate) const SEEN: &str = "/build";

/// What the system's programs need; that one is missing is fine.
const SYSTEM: [&str; 24] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl",
];
/// What names of other hosts need.
const NETWORK: [&str; 4] = ["/etc/gai.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"];

/// How long trying the sandbox out may take.
const TRYING: Duration = Duration::from_secs(10);

/// How steps are kept apart from the rest of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SandboxState {
    /// By bubblewrap, as tried out when the runner was made.
    Bubblewrap {
        /// Its version, such as `0.8.0`.
        version: String,
        /// What a step may use as much of as the machine has.
        limits_not_enforced: Vec<&'static str>,
    },
    /// Not at all.
    Off,
}

impl fmt::Display for SandboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bubblewrap { version, limits_not_enforced } => {
                write!(f, "sandbox: bubblewrap {version} (no limit on {})", limits_not_enforced.join(", "))
            }
            Self::Off => f.write_str("no sandbox: jobs run with your own rights"),
        }
    }
}

/// Why there is no sandbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSandbox {
    /// A program is not installed.
    #[error("`{program}` is not installed")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// Bubblewrap is installed, but the system does not let it work.
    #[error("bubblewrap is installed but does not work here: {detail}")]
    Unusable {
        /// What it said.
        detail: String,
    },
}

impl NoSandbox {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { program: "bwrap" } => {
                "install bubblewrap (`apt-get install bubblewrap`), or give `--no-sandbox` to run jobs with your own rights"
            }
            Self::Missing { .. } => {
                "install util-linux, or do not run as root, or give `--no-sandbox` to run jobs with your own rights"
            }
            Self::Unusable { .. } => {
                "allow unprivileged user namespaces (in a container, also mounts), or give `--no-sandbox` to run jobs with your own rights"
            }
        }
    }
}

/// Bubblewrap, tried out.
#[derive(Debug)]
pub(crate) struct Bubblewrap {
    program: PathBuf,
    version: String,
    /// If the runner is root: the program by which steps are not, and the id they get.
    drop_to: Option<(PathBuf, u32)>,
}

impl Bubblewrap {
    /// Finds bubblewrap and tries it out.
    pub(crate) fn probe(settings: &Settings) -> Result<Self, NoSandbox> {
        let find = |program| find(program).ok_or(NoSandbox::Missing { program });
        let program = match &settings.bubblewrap {
            Some(program) if program.is_file() => program.clone(),
            Some(_) => return Err(NoSandbox::Missing { program: "bwrap" }),
            None => find("bwrap")?,
        };
        let drop_to =
            if geteuid().is_root() { Some((find("setpriv")?, settings.unprivileged_id)) } else { None };
        let version = bounded(Command::new(&program).arg("--version"))?;
        let version = version.split_whitespace().last().unwrap_or("unknown").to_owned();
        let sandbox = Self { program, version, drop_to };
        bounded(sandbox.enclose(false, []).arg("true"))?;
        Ok(sandbox)
    }

    pub(crate) fn state(&self) -> SandboxState {
        let limits_not_enforced = vec!["memory", "processes", "disk"];
        SandboxState::Bubblewrap { version: self.version.clone(), limits_not_enforced }
    }

    /// Returns the id that steps run as if it is not the runner's own.
    pub(crate) fn id(&self) -> Option<u32> {
        self.drop_to.as_ref().map(|(_, id)| *id)
    }

    /// Returns a command to which a program is to be added: it runs in the sandbox of a workdir.
    pub(crate) fn command(
        &self,
        on_disk: &Paths,
        readable: &[Readable],
        network: bool,
        dir: &Path,
    ) -> Command {
        let seen = Paths::under(Path::new(SEEN));
        let mut args = Args::default();
        // The workdir first: what is to be read is partly mounted into it.
        let parts = [(&on_disk.src, &seen.src), (&on_disk.cache, &seen.cache), (&on_disk.home, &seen.home)];
        for (from, to) in parts.into_iter().chain([(&on_disk.tmp, &seen.tmp)]) {
            args.mount("--bind", from, to);
        }
        args.mount("--ro-bind", &on_disk.step, &seen.step);
        for Readable { on_disk, as_seen } in readable {
            args.mount("--ro-bind", on_disk, as_seen);
        }
        args.push(["--chdir".as_ref(), dir.as_os_str()]);
        self.enclose(network, args.0)
    }

    fn enclose(&self, network: bool, mounts: impl IntoIterator<Item = OsString>) -> Command {
        let mut args = Args::default();
        args.words(
            "--unshare-pid --unshare-ipc --unshare-uts --hostname crossgate --die-with-parent --new-session",
        );
        args.words("--unshare-cgroup-try --cap-drop ALL");
        args.words(if network { "" } else { "--unshare-net" });
        for path in SYSTEM.iter().chain(NETWORK.iter().filter(|_| network)) {
            args.system(path);
        }
        args.words("--proc /proc --dev /dev --perms 1777 --tmpfs /dev/shm --perms 1777 --tmpfs /tmp");
        args.0.extend(mounts);
        // What is left to write to is what was mounted for it.
        args.words("--remount-ro /");
        let mut command = Command::new(&self.program);
        match &self.drop_to {
            None => {
                command.args(args.0).args(["--unshare-user", "--"]);
            }
            Some((setpriv, id)) => {
                // Not bubblewrap's own --uid: that needs a user namespace, in which root could map nobody but itself.
                args.words("--cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP --");
                command.args(args.0).arg(setpriv).args([format!("--reuid={id}"), format!("--regid={id}")]);
                command.args(["--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]);
            }
        }
        command
    }
}

#[derive(Default)]
struct Args(Vec<OsString>);

impl Args {
    fn push<'a>(&mut self, args: impl IntoIterator<Item = &'a OsStr>) {
        self.0.extend(args.into_iter().map(OsStr::to_owned));
    }

    fn words(&mut self, words: &str) {
        self.push(words.split_ascii_whitespace().map(OsStr::new));
    }

    /// Mounts a path of the system where it is, or repeats the link that it is.
    fn system(&mut self, path: &str) {
        let path = Path::new(path);
        match fs::read_link(path) {
            Ok(target) if path.parent() == Some(Path::new("/")) => {
                self.push(["--symlink".as_ref(), target.as_os_str(), path.as_os_str()]);
            }
            _ if path.exists() => self.mount("--ro-bind", path, path),
            _ => {}
        }
    }

    /// Mounts a path. Its parents are made before, since bubblewrap would make them for root alone.
    fn mount(&mut self, how: &str, from: &Path, to: &Path) {
        let parents: Vec<_> = to.ancestors().skip(1).collect();
        for parent in parents.into_iter().rev().filter(|parent| parent.as_os_str().as_bytes() != b"/") {
            self.words("--perms 0755 --dir");
            self.push([parent.as_os_str()]);
        }
        self.push([how.as_ref(), from.as_os_str(), to.as_os_str()]);
    }
}

/// Finds a program of the system.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|dir| dir.join(program))
        .find(|file| file.is_absolute() && file.is_file())
}

/// Runs a program that prints little, for a bounded time, and returns what it printed.
fn bounded(command: &mut Command) -> Result<String, NoSandbox> {
    let unusable = |detail: String| NoSandbox::Unusable { detail };
    let io = |error: std::io::Error| unusable(error.to_string());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(io)?;
    let until = Instant::now() + TRYING;
    while child.try_wait().map_err(io)?.is_none() {
        if Instant::now() > until {
            child.kill().map_err(io)?;
            child.wait().map_err(io)?;
            return Err(unusable(format!("no answer within {} s", TRYING.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().map_err(io)?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(unusable(said(&output.stderr))) }
}
