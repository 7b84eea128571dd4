//! Pausing.

use nova_macros::{ApiError, driver_facet};

use crate::{BackendError, Call, InstanceRef, Interrupted, StaleEpoch, UnknownInstance, WrongPower};

/// The facet of drivers that can stop an instance and keep its memory.
#[driver_facet(name = "pause", version = 1, since = 1)]
pub trait Pause: Send + Sync {
    /// Pauses a running instance; succeeds if it is paused.
    #[repeated("succeeds if it is paused")]
    fn pause(
        &self,
        call: &Call,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), PauseError>> + Send;

    /// Lets a paused instance run; succeeds if it runs.
    #[repeated("succeeds if it runs")]
    fn unpause(
        &self,
        call: &Call,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), UnpauseError>> + Send;
}

/// Why [`Pause::pause`](crate::Pause::pause) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum PauseError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance's power state does not allow it.
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

/// Why [`Pause::unpause`](crate::Pause::unpause) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum UnpauseError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance's power state does not allow it.
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
