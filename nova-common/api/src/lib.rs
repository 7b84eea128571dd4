//! The driver API of the compute core: what a hypervisor or cluster driver offers, and nothing else.
//!
//! A driver implements [`Driver`]: thirteen required behaviours, one of them with a default. What only
//! some drivers can do is a facet, such as [`Pause`]: a trait of its own behind an accessor that says
//! `None` unless a driver overrides it. Capabilities are computed from these accessors
//! ([`Capabilities::of`]), so no driver can claim what it lacks, and "not implemented" is no error.
//!
//! The core calls drivers through [`DynDriver`], which guards every call. [`FACETS`] describes all there is.
//!
//! Objects have public fields, builders instead of literals (they may grow), and a serde header with their
//! name and version. Every method has its own closed error; each condition has one [`Recovery`].
//!
//! The crate does no I/O and needs no async runtime.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod call;
mod capabilities;
mod conditions;
mod description;
mod disk;
mod driver;
mod erased;
mod errors;
mod events;
mod facets;
mod host;
mod ids;
mod instance;
mod inventory;
mod node;
mod object;
mod units;

pub use crate::call::{Call, Cancel, Canceller, Progress};
pub use crate::capabilities::{Absent, Capabilities, Capability};
pub use crate::conditions::{
    BackendError, BadRequest, Interrupted, NoCapacity, NotSameInstance, StaleEpoch, UnknownInstance,
    UnknownNode, WrongPower,
};
pub use crate::description::{Condition, ErrorDescription, Facet, Leaving, Method};
pub use crate::disk::DiskSource;
pub use crate::driver::{DRIVER, Driver, DynDriver};
pub use crate::erased::Limits;
pub use crate::errors::{
    CreateError, DestroyError, EventsError, InitError, InstanceError, InstanceInfoError, InventoryError,
    ListInstancesError, MutationError, NodePresenceError, NodesError, PowerOffError, PowerOnError,
    RebootError, Recovery, ShutdownError,
};
pub use crate::events::{Compared, DriverEvent, DynEventSource, EventSource, Happening};
pub use crate::facets::{
    AttachRequest, AttachVolumeError, AttachedVolume, AttachedVolumesError, COLD_MIGRATE, CONSOLE,
    ColdMigrate, Console, ConsoleEndpoint, ConsoleEndpointError, ConsoleOutput, ConsoleOutputError,
    DIAGNOSTICS, DetachVolumeError, Diagnostics, DiagnosticsError, DiagnosticsReport, DiskCounters,
    DynColdMigrate, DynConsole, DynDiagnostics, DynPause, DynSnapshot, DynVolumesV2, EndpointAddress, FACETS,
    ImageExists, MigrateEndError, MigrateEndRequest, MigrateInError, MigrateInRequest, MigrateOutError,
    MigrateOutRequest, MigrationEnd, MigrationPayload, PAUSE, Pause, PauseError, SNAPSHOT, Snapshot,
    SnapshotError, SnapshotRequest, SnapshotTaken, UnpauseError, VOLUMES, VOLUMES_V2, Volume, VolumeBusy,
    VolumeInUse, VolumesV2,
};
pub use crate::host::{DriverInfo, DriverKind, Fencing, HostContext};
pub use crate::ids::{
    Epoch, HostName, ImageName, InstanceId, NameError, NodeName, OpId, ResourceName, VolumeId,
};
pub use crate::instance::{
    CreateRequest, Created, DestroyRequest, InstanceInfo, InstanceRef, InstanceSummary, Origin, PowerState,
    RebootKind,
};
pub use crate::inventory::{InventoryReport, Provider, ProviderView, Reshape, ReshapeMove, Usage};
pub use crate::node::{NodeDesc, NodePresence, Refresh};
pub use crate::object::{FieldDescription, Header, Object, Version};
pub use crate::units::{GiB, MiB, Vcpus};

#[expect(deprecated, reason = "it is offered for a cycle more")]
pub use crate::facets::{DynVolumes, Volumes};

pub(crate) use crate::erased::OnNode;

/// The version of this API, such as `1.2.0`; cycle *n* is released as `1.(n-1)`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
