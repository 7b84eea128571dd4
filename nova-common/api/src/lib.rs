//! The driver API of the compute core: what a hypervisor or cluster driver offers, and nothing else.
//!
//! A driver implements [`Driver`]: thirteen required behaviours, one of them with a default. What only
//! some drivers can do is a facet, such as [`Pause`]: a trait of its own behind an accessor that says
//! `None` unless a driver overrides it. Capabilities are computed from these accessors
//! ([`Capabilities::of`]), so no driver can claim what it lacks, and "not implemented" is no error.
//!
//! Objects have public fields, builders instead of literals (they may grow), and a serde header with their
//! name and version. Every method has its own closed error; each condition has one [`Recovery`].
//!
//! The crate does no I/O and needs no async runtime.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod call;
mod capabilities;
mod driver;
mod errors;
mod events;
mod host;
mod ids;
mod instance;
mod inventory;
mod node;
mod object;
mod units;

pub use crate::call::{Call, Cancel, Canceller, Progress};
pub use crate::capabilities::{Absent, Capabilities, Capability};
pub use crate::driver::{Driver, Pause};
pub use crate::errors::{
    BackendError, BadRequest, CreateError, DestroyError, EventsError, InitError, InstanceError,
    InstanceInfoError, Interrupted, InventoryError, ListInstancesError, MutationError, NoCapacity,
    NodePresenceError, NodesError, NotSameInstance, PauseError, PowerOffError, PowerOnError, RebootError,
    Recovery, ShutdownError, StaleEpoch, UnknownInstance, UnknownNode, UnpauseError, WrongPower,
};
pub use crate::events::{Compared, DriverEvent, EventSource, Happening};
pub use crate::host::{DriverInfo, DriverKind, Fencing, HostContext};
pub use crate::ids::{Epoch, HostName, InstanceId, NameError, NodeName, OpId, ResourceName};
pub use crate::instance::{
    CreateRequest, Created, DestroyRequest, InstanceInfo, InstanceRef, InstanceSummary, Origin, PowerState,
    RebootKind,
};
pub use crate::inventory::{InventoryReport, Provider, ProviderView, Reshape, ReshapeMove, Usage};
pub use crate::node::{NodeDesc, NodePresence, Refresh};
pub use crate::object::{Header, Object, Version};
pub use crate::units::{GiB, MiB, Vcpus};

/// The version of this API, such as `1.1.0`; cycle *n* is released as `1.(n-1)`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
