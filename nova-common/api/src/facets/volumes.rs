//! Volumes, disks that live longer than the instance they are attached to: version 1, and what both share.

use nova_macros::{ApiError, ApiObject, driver_facet};
use serde::{Deserialize, Serialize};

use crate::{
    BackendError, BadRequest, Call, DiskSource, Header, InstanceId, InstanceRef, Interrupted, StaleEpoch,
    UnknownInstance, VolumeId, WrongPower,
};

/// The facet of drivers that can attach volumes to instances, running or off.
///
/// A guest honours no device's name, and this version cannot say which one it has: [`VolumesV2`](crate::VolumesV2)
/// can. Whoever implements this one has that one too.
#[driver_facet(
    name = "volumes",
    version = 1,
    since = 2,
    deprecated_in = 3,
    removed_in = 4,
    replacement = "VolumesV2"
)]
pub trait Volumes: Send + Sync {
    /// Attaches a volume as the device of that name, such as `/dev/vdb`, as far as the guest honours it.
    #[repeated("succeeds if the volume is attached to this instance, as whichever device")]
    fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &Volume,
        device: &str,
    ) -> impl Future<Output = Result<(), AttachVolumeError>> + Send;

    /// Detaches a volume; what the guest has written is on it when the call returns.
    #[repeated("succeeds if the volume is not attached to this instance")]
    fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> impl Future<Output = Result<(), DetachVolumeError>> + Send;

    /// Lists the volumes of an instance in the order in which they were attached.
    fn attached(
        &self,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<Vec<VolumeId>, AttachedVolumesError>> + Send;
}

/// A volume and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct Volume {
    object: Header<Self>,
    /// Which one it is.
    pub id: VolumeId,
    /// Where its bytes are.
    pub source: DiskSource,
    /// Whether the guest must not write to it.
    pub read_only: bool,
}

impl Volume {
    /// Describes a volume that the guest may write to.
    pub fn new(id: VolumeId, source: DiskSource) -> Self {
        Self { object: Header::default(), id, source, read_only: false }
    }

    /// Sets whether the guest must not write to it.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }
}

/// The volume is attached to another instance of the driver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("volume `{volume}` is attached to instance `{by}`")]
pub struct VolumeInUse {
    /// The volume that was asked for.
    pub volume: VolumeId,
    /// The instance that has it.
    pub by: InstanceId,
}

/// The guest does not let go of the volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the guest of instance `{instance}` does not let go of volume `{volume}`")]
pub struct VolumeBusy {
    /// The volume.
    pub volume: VolumeId,
    /// The instance that has it.
    pub instance: InstanceId,
}

/// Why [`VolumesV2::attach`](crate::VolumesV2::attach) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum AttachVolumeError {
    /// The volume's source cannot be opened.
    #[recovery(Reject)]
    BadRequest(BadRequest),
    /// Another instance has the volume.
    #[recovery(Reject)]
    VolumeInUse(VolumeInUse),
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance is paused.
    #[recovery(Reject)]
    WrongPower(WrongPower),
    /// The call's epoch is older than the node has seen; nothing was done.
    #[recovery(FenceLost)]
    StaleEpoch(StaleEpoch),
    /// The caller no longer waits; the operation may be half done.
    #[recovery(VerifyThenDecide)]
    Interrupted(Interrupted),
    /// The back end failed; the operation may have been done.
    #[recovery(VerifyThenDecide)]
    Backend(BackendError),
}

/// Why [`VolumesV2::detach`](crate::VolumesV2::detach) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum DetachVolumeError {
    /// The guest does not let go of it.
    #[recovery(RetrySameNode)]
    VolumeBusy(VolumeBusy),
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance is paused.
    #[recovery(Reject)]
    WrongPower(WrongPower),
    /// The call's epoch is older than the node has seen; nothing was done.
    #[recovery(FenceLost)]
    StaleEpoch(StaleEpoch),
    /// The caller no longer waits; the operation may be half done.
    #[recovery(VerifyThenDecide)]
    Interrupted(Interrupted),
    /// The back end failed; the operation may have been done.
    #[recovery(VerifyThenDecide)]
    Backend(BackendError),
}

/// Why [`VolumesV2::attached`](crate::VolumesV2::attached) failed.
#[derive(Debug, ApiError)]
pub enum AttachedVolumesError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}
