//! Snapshots.

use nova_macros::{ApiError, ApiObject, driver_facet};
use serde::{Deserialize, Serialize};

use crate::{
    BackendError, BadRequest, Call, DiskSource, Header, ImageName, InstanceRef, Interrupted, StaleEpoch,
    UnknownInstance, WrongPower,
};

/// The facet of drivers that can make an image of an instance's disk.
#[driver_facet(name = "snapshot", version = 1, since = 2)]
pub trait Snapshot: Send + Sync {
    /// Copies the disk of an instance, running or off, as it is at one moment; the instance goes on.
    #[repeated("returns the image that the operation made")]
    fn snapshot(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: SnapshotRequest,
    ) -> impl Future<Output = Result<SnapshotTaken, SnapshotError>> + Send;
}

/// Which image is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct SnapshotRequest {
    object: Header<Self>,
    /// The name of the image.
    pub image: ImageName,
    /// Where it is to be; nothing is there yet.
    pub target: DiskSource,
}

impl SnapshotRequest {
    /// Asks for an image.
    pub fn new(image: ImageName, target: DiskSource) -> Self {
        Self { object: Header::default(), image, target }
    }
}

/// The image that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct SnapshotTaken {
    object: Header<Self>,
    /// The name of the image.
    pub image: ImageName,
    /// What a guest sees of it, in bytes.
    pub size_bytes: u64,
}

impl SnapshotTaken {
    /// Reports an image.
    pub fn new(image: ImageName, size_bytes: u64) -> Self {
        Self { object: Header::default(), image, size_bytes }
    }
}

/// Something that another operation made is in the place of the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image `{0}` exists already, made by another operation")]
pub struct ImageExists(pub ImageName);

/// Why [`Snapshot::snapshot`] failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum SnapshotError {
    /// The target cannot be written.
    #[recovery(Reject)]
    BadRequest(BadRequest),
    /// Another operation has made something there.
    #[recovery(Reject)]
    ImageExists(ImageExists),
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance is paused, and the back end cannot copy its disk then.
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
