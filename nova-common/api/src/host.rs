//! The host a driver runs on, and what the driver says of itself.

use nova_macros::ApiObject;
use serde::{Deserialize, Serialize};

use crate::{Header, HostName};

/// Where a driver runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct HostContext {
    object: Header<Self>,
    /// The machine that the agent and the driver run on.
    pub host: HostName,
}

impl HostContext {
    /// Describes a host.
    pub fn new(host: HostName) -> Self {
        Self { object: Header::default(), host }
    }
}

/// What a driver is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct DriverInfo {
    object: Header<Self>,
    /// The driver's name, such as `libvirt`.
    pub name: String,
    /// The driver's own version.
    pub version: String,
    /// What it manages.
    pub kind: DriverKind,
    /// What keeps a former holder of a node's lease from acting.
    pub fencing: Fencing,
}

impl DriverInfo {
    /// Describes a driver whose back end compares epochs.
    pub fn new(name: impl Into<String>, version: impl Into<String>, kind: DriverKind) -> Self {
        let (name, version) = (name.into(), version.into());
        Self { object: Header::default(), name, version, kind, fencing: Fencing::Enforced }
    }

    /// Sets how nodes are fenced.
    #[must_use]
    pub fn fencing(mut self, fencing: Fencing) -> Self {
        self.fencing = fencing;
        self
    }
}

/// What a driver manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriverKind {
    /// One node: the host itself.
    Hypervisor,
    /// The nodes behind a cluster manager, from any host that can reach it.
    Cluster,
}

/// What keeps a former holder of a node's lease from acting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fencing {
    /// The back end compares epochs.
    Enforced,
    /// The driver's process holds a lock that dies with it.
    ExclusiveHandle,
    /// The driver compares epochs, and a frozen one may act late: no automatic evacuation.
    Advisory,
}
