//! What nodes have and what is taken of it.

use nova_macros::ApiObject;
use serde::{Deserialize, Serialize};

use crate::{GiB, Header, MiB, ResourceName, Vcpus};

/// What the core believes of a node's providers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct ProviderView {
    object: Header<Self>,
    /// The providers as last reported.
    pub providers: Vec<Provider>,
}

impl ProviderView {
    /// Takes the providers as last reported.
    pub fn new(providers: Vec<Provider>) -> Self {
        Self { object: Header::default(), providers }
    }
}

/// What a node has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct InventoryReport {
    object: Header<Self>,
    /// The node's providers, at least one, with distinct names.
    pub providers: Vec<Provider>,
    /// Whether resources must move between providers before the report can be taken over.
    pub reshape: Reshape,
}

impl InventoryReport {
    /// Reports providers that need no reshaping.
    pub fn new(providers: Vec<Provider>) -> Self {
        Self { object: Header::default(), providers, reshape: Reshape::None }
    }

    /// Sets what must move first.
    #[must_use]
    pub fn reshape(mut self, reshape: Reshape) -> Self {
        self.reshape = reshape;
        self
    }
}

/// One provider of resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Provider {
    /// The provider's name.
    pub name: ResourceName,
    /// Processors.
    pub vcpus: Usage<Vcpus>,
    /// Memory.
    pub memory: Usage<MiB>,
    /// Disk space.
    pub disk: Usage<GiB>,
}

impl Provider {
    /// Describes a provider that has nothing.
    pub fn new(name: ResourceName) -> Self {
        Self { name, vcpus: Usage::default(), memory: Usage::default(), disk: Usage::default() }
    }

    /// Sets the processors.
    #[must_use]
    pub fn vcpus(mut self, total: Vcpus, used: Vcpus) -> Self {
        self.vcpus = Usage { total, used };
        self
    }

    /// Sets the memory.
    #[must_use]
    pub fn memory(mut self, total: MiB, used: MiB) -> Self {
        self.memory = Usage { total, used };
        self
    }

    /// Sets the disk space.
    #[must_use]
    pub fn disk(mut self, total: GiB, used: GiB) -> Self {
        self.disk = Usage { total, used };
        self
    }
}

/// How much there is of a resource, and how much of that is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage<T> {
    /// All there is.
    pub total: T,
    /// What instances have taken; at most `total`.
    pub used: T,
}

/// Whether resources must move between providers: an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reshape {
    /// Nothing must move.
    None,
    /// These moves come first, in order.
    Needed(Vec<ReshapeMove>),
}

/// One resource that has come to belong to another provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReshapeMove {
    /// The provider in the core's view.
    pub from: ResourceName,
    /// The provider in the report.
    pub to: ResourceName,
}
