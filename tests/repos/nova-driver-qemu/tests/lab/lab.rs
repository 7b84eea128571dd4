//! A host to test on: a state directory of its own, and guests that are one boot sector.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, fs};

use nova_api::{CreateRequest, DiskSource, GiB, HostContext, HostName, InstanceRef, MiB, NodeName};
use nova_conformance::Fixture;
use nova_driver_qemu::{Config, QemuDriver};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A host; its guests end with it.
#[derive(Debug)]
pub(crate) struct Lab {
    dir: TempDir,
}

/// How well a guest hears.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guest {
    /// It turns itself off when it is asked to, and reboots.
    Hearing,
    /// It does neither.
    Deaf,
}

impl Lab {
    /// Makes a host without guests.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("nq-").tempdir().expect("a temporary directory");
        Self { dir }
    }

    /// Returns a directory for whatever a test needs.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Says what a driver of the host's first node is told.
    pub(crate) fn config(&self) -> Config {
        // Disks of the suite's own have no guest on them that could be waited for.
        let mut config = Config::new(self.path().join("state")).patience(Duration::from_secs(5));
        if let Some(qemu) = env::var_os("NOVA_QEMU_BINARY") {
            config.qemu = qemu.into();
        }
        config
    }
}

impl Fixture for Lab {
    type Driver = QemuDriver;

    fn driver(&self) -> QemuDriver {
        QemuDriver::new(self.config())
    }

    fn host(&self) -> HostContext {
        HostContext::new(HostName::parse("lab").expect("a literal"))
    }

    fn request(&self, instance: InstanceRef) -> CreateRequest {
        request(instance, Guest::Hearing)
    }

    fn migration_target(&self) -> Option<(QemuDriver, NodeName)> {
        let node = NodeName::parse("second").expect("a literal");
        Some((QemuDriver::new(self.config().node(node.clone())), node))
    }

    fn greeting(&self) -> Option<(&str, Duration)> {
        Some(("guest: boot", Duration::from_secs(30)))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let pids = glob(self.path(), &["state", "*", "guests", "*", "run", "pid"]);
        for pid in pids.iter().filter_map(|path| fs::read_to_string(path).ok()) {
            if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
                // QEMU removes the file when it ends by itself; what was killed is not there.
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }
}

/// Asks for the smallest guest.
pub(crate) fn request(instance: InstanceRef, guest: Guest) -> CreateRequest {
    CreateRequest::new(instance).memory(MiB(16)).disk(GiB(1)).image(image(guest))
}

/// Returns the image of a guest, assembled once.
pub(crate) fn image(guest: Guest) -> DiskSource {
    static IMAGES: OnceLock<TempDir> = OnceLock::new();
    let dir = IMAGES.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assemble(dir.path(), Guest::Hearing);
        assemble(dir.path(), Guest::Deaf);
        dir
    });
    let path = dir.path().join(file_of(guest));
    DiskSource::File {
        path: path.to_str().expect("a temporary directory's path is text").to_owned(),
    }
}

fn file_of(guest: Guest) -> &'static str {
    match guest {
        Guest::Hearing => "hearing.raw",
        Guest::Deaf => "deaf.raw",
    }
}

fn assemble(dir: &Path, guest: Guest) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/guest/guest.s");
    let deaf = match guest {
        Guest::Hearing => "DEAF=0",
        Guest::Deaf => "DEAF=1",
    };
    let object = dir.join("guest.o");
    run(Command::new("as").args(["--32", "--defsym", deaf, "-o"]).arg(&object).arg(source));
    let link = ["-m", "elf_i386", "--oformat", "binary", "-Ttext", "0x7c00", "-e", "start", "-o"];
    run(Command::new("ld").args(link).arg(dir.join(file_of(guest))).arg(&object));
}

fn run(command: &mut Command) {
    let status = command.status();
    let tool = command.get_program().to_string_lossy().into_owned();
    let status =
        status.unwrap_or_else(|error| panic!("`{tool}` (on Debian: package `binutils`): {error}"));
    assert!(status.success(), "`{tool}` ends with {status}");
}

fn glob(root: &Path, parts: &[&str]) -> Vec<PathBuf> {
    parts.iter().fold(vec![root.to_owned()], |dirs, part| {
        let below = |dir: PathBuf| match *part {
            "*" => fs::read_dir(dir)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect(),
            name => vec![dir.join(name)],
        };
        dirs.into_iter().flat_map(below).collect()
    })
}
