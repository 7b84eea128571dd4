//! Nodes: what instances are placed on.

use nova_macros::ApiObject;
use serde::{Deserialize, Serialize};

use crate::{GiB, Header, MiB, NodeName, Vcpus};

/// A node and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct NodeDesc {
    object: Header<Self>,
    /// The node's name; it stays the same over restarts.
    pub name: NodeName,
    /// All processors for instances.
    pub vcpus: Vcpus,
    /// All memory for instances.
    pub memory: MiB,
    /// All disk space for instances.
    pub disk: GiB,
}

impl NodeDesc {
    /// Describes a node without any room.
    pub fn new(name: NodeName) -> Self {
        Self { object: Header::default(), name, vcpus: Vcpus(0), memory: MiB(0), disk: GiB(0) }
    }

    /// Sets all processors for instances.
    #[must_use]
    pub fn vcpus(mut self, vcpus: Vcpus) -> Self {
        self.vcpus = vcpus;
        self
    }

    /// Sets all memory for instances.
    #[must_use]
    pub fn memory(mut self, memory: MiB) -> Self {
        self.memory = memory;
        self
    }

    /// Sets all memory for instances, in mebibytes.
    #[deprecated(since = "1.0.0", note = "a bare number has been taken for megabytes: use `memory(MiB(…))`")]
    #[must_use]
    pub fn memory_mb(self, memory_mb: u64) -> Self {
        self.memory(MiB(memory_mb))
    }

    /// Sets all disk space for instances.
    #[must_use]
    pub fn disk(mut self, disk: GiB) -> Self {
        self.disk = disk;
        self
    }
}

/// Whether a list may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refresh {
    /// What the driver remembers will do.
    Cached,
    /// The back end is to be asked.
    Forced,
}

/// Where a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodePresence {
    /// This driver manages it.
    Here,
    /// It exists, and another driver manages it.
    Elsewhere,
    /// It is no more, or never was.
    Deleted,
}
