//! The facets: what only some drivers can do, each a trait of its own.

mod cold_migrate;
mod console;
mod diagnostics;
mod pause;
mod snapshot;
mod volumes;
mod volumes_v2;

pub use cold_migrate::{
    COLD_MIGRATE, ColdMigrate, DynColdMigrate, MigrateEndError, MigrateEndRequest, MigrateInError,
    MigrateInRequest, MigrateOutError, MigrateOutRequest, MigrationEnd, MigrationPayload,
};
pub use console::{
    CONSOLE, Console, ConsoleEndpoint, ConsoleEndpointError, ConsoleOutput, ConsoleOutputError, DynConsole,
    EndpointAddress,
};
pub use diagnostics::{
    DIAGNOSTICS, Diagnostics, DiagnosticsError, DiagnosticsReport, DiskCounters, DynDiagnostics,
};
pub use pause::{DynPause, PAUSE, Pause, PauseError, UnpauseError};
pub use snapshot::{
    DynSnapshot, ImageExists, SNAPSHOT, Snapshot, SnapshotError, SnapshotRequest, SnapshotTaken,
};
pub use volumes::{
    AttachVolumeError, AttachedVolumesError, DetachVolumeError, VOLUMES, Volume, VolumeBusy, VolumeInUse,
};
pub use volumes_v2::{AttachRequest, AttachedVolume, DynVolumesV2, VOLUMES_V2, VolumesV2};

#[expect(deprecated, reason = "it is offered for a cycle more")]
pub use volumes::{DynVolumes, Volumes};

pub(crate) use cold_migrate::ErasedColdMigrate;
pub(crate) use console::ErasedConsole;
pub(crate) use diagnostics::ErasedDiagnostics;
pub(crate) use pause::ErasedPause;
pub(crate) use snapshot::ErasedSnapshot;
pub(crate) use volumes::ErasedVolumes;
pub(crate) use volumes_v2::ErasedVolumesV2;

use crate::Facet;

/// All facets in all versions that this API has, the base first.
pub const FACETS: &[Facet] =
    &[crate::DRIVER, PAUSE, CONSOLE, DIAGNOSTICS, VOLUMES, VOLUMES_V2, SNAPSHOT, COLD_MIGRATE];
