//! Diagnostics.

use nova_macros::{ApiError, ApiObject, driver_facet};
use serde::{Deserialize, Serialize};

use crate::{BackendError, Header, InstanceRef, MiB, UnknownInstance, WrongPower};

/// The facet of drivers that can say what a running instance uses.
#[driver_facet(name = "diagnostics", version = 1, since = 2)]
pub trait Diagnostics: Send + Sync {
    /// Reports what an instance that runs, or is paused, uses; counters begin at its last start.
    fn diagnostics(
        &self,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<DiagnosticsReport, DiagnosticsError>> + Send;
}

/// What an instance uses; what the back end does not know is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct DiagnosticsReport {
    object: Header<Self>,
    /// How long it has been running, in seconds.
    pub uptime_s: Option<u64>,
    /// The processor time it has used, over all processors, in milliseconds.
    pub cpu_time_ms: Option<u64>,
    /// The memory that it takes of its node now.
    pub memory_used: Option<MiB>,
    /// Its disks and volumes, in the order in which the guest sees them.
    pub disks: Vec<DiskCounters>,
}

impl DiagnosticsReport {
    /// Reports that nothing is known.
    pub fn new() -> Self {
        let disks = Vec::new();
        Self { object: Header::default(), uptime_s: None, cpu_time_ms: None, memory_used: None, disks }
    }

    /// Sets how long it has been running, in seconds.
    #[must_use]
    pub fn uptime_s(mut self, uptime_s: u64) -> Self {
        self.uptime_s = Some(uptime_s);
        self
    }

    /// Sets the processor time used, in milliseconds.
    #[must_use]
    pub fn cpu_time_ms(mut self, cpu_time_ms: u64) -> Self {
        self.cpu_time_ms = Some(cpu_time_ms);
        self
    }

    /// Sets the memory taken of the node.
    #[must_use]
    pub fn memory_used(mut self, memory_used: MiB) -> Self {
        self.memory_used = Some(memory_used);
        self
    }

    /// Sets the disks.
    #[must_use]
    pub fn disks(mut self, disks: Vec<DiskCounters>) -> Self {
        self.disks = disks;
        self
    }
}

impl Default for DiagnosticsReport {
    fn default() -> Self {
        Self::new()
    }
}

/// What has gone through one disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskCounters {
    /// The name of the disk for the driver, or the id of the volume.
    pub name: String,
    /// Bytes read by the guest.
    pub read_bytes: u64,
    /// Bytes written by the guest.
    pub written_bytes: u64,
}

/// Why [`Diagnostics::diagnostics`] failed.
#[derive(Debug, ApiError)]
pub enum DiagnosticsError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance is off: it uses nothing.
    #[recovery(Reject)]
    WrongPower(WrongPower),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}
