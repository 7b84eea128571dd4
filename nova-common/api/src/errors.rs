//! The closed errors, one per method, made of shared conditions, each with one recovery.

use nova_macros::ApiError;
use serde::Serialize;

use crate::{
    BackendError, BadRequest, Interrupted, NoCapacity, NotSameInstance, StaleEpoch, UnknownInstance,
    UnknownNode, WrongPower,
};

/// What the caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// The same again, later.
    RetrySameNode,
    /// The same on another node.
    Reschedule,
    /// Give up and tell the user.
    Reject,
    /// Ask what is there now; it may have happened.
    VerifyThenDecide,
    /// Stop: another agent holds the node.
    FenceLost,
}

/// An error of a call that changes something: the conditions that all of them share.
pub trait MutationError:
    std::error::Error + From<StaleEpoch> + From<Interrupted> + From<BackendError> + Send + Sync + 'static
{
    /// Returns what the caller does about it.
    fn recovery(&self) -> Recovery;
}

/// An error of a call that changes an instance which must exist.
pub trait InstanceError: MutationError + From<UnknownInstance> + From<WrongPower> {}

/// Why [`Driver::init`](crate::Driver::init) failed.
#[derive(Debug, ApiError)]
pub enum InitError {
    /// The host lacks what the driver needs.
    #[recovery(Reject)]
    BadRequest(BadRequest),
    /// The back end could not be reached.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::shutdown`](crate::Driver::shutdown) failed.
#[derive(Debug, ApiError)]
pub enum ShutdownError {
    /// The back end did not let go.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::nodes`](crate::Driver::nodes) failed.
#[derive(Debug, ApiError)]
pub enum NodesError {
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::node_presence`](crate::Driver::node_presence) failed.
#[derive(Debug, ApiError)]
pub enum NodePresenceError {
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::inventory`](crate::Driver::inventory) failed.
#[derive(Debug, ApiError)]
pub enum InventoryError {
    /// There is no such node.
    #[recovery(Reject)]
    UnknownNode(UnknownNode),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::list_instances`](crate::Driver::list_instances) failed.
#[derive(Debug, ApiError)]
pub enum ListInstancesError {
    /// There is no such node.
    #[recovery(Reject)]
    UnknownNode(UnknownNode),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::instance_info`](crate::Driver::instance_info) failed.
#[derive(Debug, ApiError)]
pub enum InstanceInfoError {
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why an [`EventSource`](crate::EventSource) could not say what has happened.
#[derive(Debug, ApiError)]
pub enum EventsError {
    /// The back end did not answer.
    #[recovery(RetrySameNode)]
    Backend(BackendError),
}

/// Why [`Driver::create`](crate::Driver::create) failed.
#[derive(Debug, ApiError)]
#[api_error(mutation)]
pub enum CreateError {
    /// The request cannot be met anywhere.
    #[recovery(Reject)]
    BadRequest(BadRequest),
    /// There is no such node.
    #[recovery(Reschedule)]
    UnknownNode(UnknownNode),
    /// The node has no room.
    #[recovery(Reschedule)]
    NoCapacity(NoCapacity),
    /// Another operation made an instance of that id.
    #[recovery(Reject)]
    NotSameInstance(NotSameInstance),
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

/// Why [`Driver::destroy`](crate::Driver::destroy) failed; that the instance is gone is no reason.
#[derive(Debug, ApiError)]
#[api_error(mutation)]
pub enum DestroyError {
    /// There is no such node.
    #[recovery(Reject)]
    UnknownNode(UnknownNode),
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

/// Why [`Driver::power_on`](crate::Driver::power_on) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum PowerOnError {
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

/// Why [`Driver::power_off`](crate::Driver::power_off) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum PowerOffError {
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

/// Why [`Driver::reboot`](crate::Driver::reboot) failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum RebootError {
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
