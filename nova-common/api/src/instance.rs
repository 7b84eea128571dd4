//! Instances: requests for them and reports of them.

use std::fmt;

use nova_macros::ApiObject;
use serde::{Deserialize, Serialize};

use crate::{DiskSource, GiB, Header, InstanceId, MiB, NodeName, Vcpus};

/// An instance and the node it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceRef {
    /// The instance.
    pub id: InstanceId,
    /// The node it is, or is to be, on.
    pub node: NodeName,
}

/// Whether an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerState {
    /// It runs.
    Running,
    /// It keeps its memory and gets no processor time.
    Paused,
    /// It has neither.
    Off,
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Off => "off",
        })
    }
}

/// How to reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RebootKind {
    /// The guest is asked.
    Soft,
    /// The guest is not asked.
    Hard,
}

/// Why an instance is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It is new.
    New,
    /// It takes the place of itself on a node that has died.
    Evacuate {
        /// The dead node.
        from: NodeName,
    },
}

/// What is to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.1")]
#[non_exhaustive]
pub struct CreateRequest {
    object: Header<Self>,
    /// The instance and its node.
    pub instance: InstanceRef,
    /// Processors.
    pub vcpus: Vcpus,
    /// Memory.
    pub memory: MiB,
    /// Disk space.
    pub disk: GiB,
    /// Why.
    pub origin: Origin,
    /// What its disk holds at first: nothing, if there is no image.
    #[api(since = "1.1")]
    #[serde(default)]
    pub image: Option<DiskSource>,
}

impl CreateRequest {
    /// Asks for a new instance with 1 vCPU, 64 MiB of memory and 1 GiB of disk space.
    pub fn new(instance: InstanceRef) -> Self {
        let (vcpus, memory, disk) = (Vcpus(1), MiB(64), GiB(1));
        Self { object: Header::default(), instance, vcpus, memory, disk, origin: Origin::New, image: None }
    }

    /// Sets the processors.
    #[must_use]
    pub fn vcpus(mut self, vcpus: Vcpus) -> Self {
        self.vcpus = vcpus;
        self
    }

    /// Sets the memory.
    #[must_use]
    pub fn memory(mut self, memory: MiB) -> Self {
        self.memory = memory;
        self
    }

    /// Sets the disk space.
    #[must_use]
    pub fn disk(mut self, disk: GiB) -> Self {
        self.disk = disk;
        self
    }

    /// Sets why.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Sets what its disk holds at first; an image larger than the disk is refused.
    #[must_use]
    pub fn image(mut self, image: DiskSource) -> Self {
        self.image = Some(image);
        self
    }
}

/// What was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct Created {
    object: Header<Self>,
    /// The instance and its node.
    pub instance: InstanceRef,
}

impl Created {
    /// Reports an instance.
    pub fn new(instance: InstanceRef) -> Self {
        Self { object: Header::default(), instance }
    }
}

/// What is to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct DestroyRequest {
    object: Header<Self>,
    /// The instance and its node.
    pub instance: InstanceRef,
}

impl DestroyRequest {
    /// Asks for an instance to be gone.
    pub fn new(instance: InstanceRef) -> Self {
        Self { object: Header::default(), instance }
    }
}

/// An instance in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct InstanceSummary {
    object: Header<Self>,
    /// The instance and its node.
    pub instance: InstanceRef,
    /// Whether it runs.
    pub power: PowerState,
}

impl InstanceSummary {
    /// Reports an instance.
    pub fn new(instance: InstanceRef, power: PowerState) -> Self {
        Self { object: Header::default(), instance, power }
    }
}

/// An instance in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct InstanceInfo {
    object: Header<Self>,
    /// The instance and its node.
    pub instance: InstanceRef,
    /// Whether it runs.
    pub power: PowerState,
    /// Its processors.
    pub vcpus: Vcpus,
    /// Its memory.
    pub memory: MiB,
    /// Its disk space.
    pub disk: GiB,
}

impl InstanceInfo {
    /// Reports an instance of no size.
    pub fn new(instance: InstanceRef, power: PowerState) -> Self {
        let (vcpus, memory, disk) = (Vcpus(0), MiB(0), GiB(0));
        Self { object: Header::default(), instance, power, vcpus, memory, disk }
    }

    /// Sets the processors.
    #[must_use]
    pub fn vcpus(mut self, vcpus: Vcpus) -> Self {
        self.vcpus = vcpus;
        self
    }

    /// Sets the memory.
    #[must_use]
    pub fn memory(mut self, memory: MiB) -> Self {
        self.memory = memory;
        self
    }

    /// Sets the disk space.
    #[must_use]
    pub fn disk(mut self, disk: GiB) -> Self {
        self.disk = disk;
        self
    }
}
