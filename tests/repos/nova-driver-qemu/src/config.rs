//! What the driver is told about its host.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use nova_api::NodeName;

/// Where things are on the host, and how much of it is given away.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The name of the node; by default the host's.
    pub node: Option<NodeName>,
    /// The directory under which each node has its own; its disks hold the guests' disks.
    pub state: PathBuf,
    /// The QEMU to start.
    pub qemu: PathBuf,
    /// How many processors guests may be promised for each that the host has.
    pub vcpus_per_cpu: u32,
    /// How long a guest has for a soft reboot before it is reset, or to turn itself off before it migrates.
    pub patience: Duration,
}

impl Config {
    /// Takes a state directory; `qemu-system-x86_64` is looked for in `PATH`.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            node: None,
            state: state.into(),
            qemu: PathBuf::from("qemu-system-x86_64"),
            vcpus_per_cpu: 16,
            patience: Duration::from_secs(30),
        }
    }

    /// Reads `NOVA_QEMU_STATE` (by default `/var/lib/nova-driver-qemu`) and `NOVA_QEMU_BINARY`.
    pub fn from_environment() -> Self {
        let state = env::var_os("NOVA_QEMU_STATE").map(PathBuf::from);
        let mut config = Self::new(state.unwrap_or_else(|| "/var/lib/nova-driver-qemu".into()));
        if let Some(qemu) = env::var_os("NOVA_QEMU_BINARY") {
            config.qemu = qemu.into();
        }
        config
    }

    /// Sets the name of the node.
    #[must_use]
    pub fn node(mut self, node: NodeName) -> Self {
        self.node = Some(node);
        self
    }

    /// Sets the QEMU to start.
    #[must_use]
    pub fn qemu(mut self, qemu: impl Into<PathBuf>) -> Self {
        self.qemu = qemu.into();
        self
    }

    /// Sets how many processors guests may be promised for each that the host has.
    #[must_use]
    pub fn vcpus_per_cpu(mut self, vcpus_per_cpu: u32) -> Self {
        self.vcpus_per_cpu = vcpus_per_cpu;
        self
    }

    /// Sets how long a guest has for what it is asked to do.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}
