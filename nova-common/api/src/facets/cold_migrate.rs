//! Cold migration: an instance goes off on one node and comes up on another, with its disk.

use nova_macros::{ApiError, ApiObject, driver_facet};
use serde::{Deserialize, Serialize};

use crate::{
    BackendError, BadRequest, Call, Created, Header, InstanceRef, Interrupted, NoCapacity, NodeName,
    NotSameInstance, StaleEpoch, UnknownInstance, UnknownNode, WrongPower,
};

/// The facet of drivers that can hand an instance from one node to another.
///
/// The source's driver is asked for `migrate_out`, the target's for `migrate_in`, then the source's for
/// `migrate_end`. In between the instance is listed on both nodes, and on the source it is off.
#[driver_facet(name = "cold-migrate", version = 1, since = 2)]
pub trait ColdMigrate: Send + Sync {
    /// Turns the instance off, keeps what it has, and says what the target needs to take it over.
    #[repeated("returns the same payload")]
    fn migrate_out(
        &self,
        call: &Call,
        request: MigrateOutRequest,
    ) -> impl Future<Output = Result<MigrationPayload, MigrateOutError>> + Send;

    /// Takes the instance over on this node and brings it into the power state that it had. All or nothing.
    #[repeated("the instance that the operation took over; nothing more is taken")]
    fn migrate_in(
        &self,
        call: &Call,
        request: MigrateInRequest,
    ) -> impl Future<Output = Result<Created, MigrateInError>> + Send;

    /// Ends a migration on its source: what is there goes, or comes back as it was.
    #[repeated("succeeds if the migration has ended that way, also if the instance is gone by it")]
    fn migrate_end(
        &self,
        call: &Call,
        request: MigrateEndRequest,
    ) -> impl Future<Output = Result<(), MigrateEndError>> + Send;
}

/// What is to leave its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct MigrateOutRequest {
    object: Header<Self>,
    /// The instance and the node it is on.
    pub instance: InstanceRef,
    /// The node it goes to; its driver may be another process.
    pub to: NodeName,
}

impl MigrateOutRequest {
    /// Asks for an instance to leave its node.
    pub fn new(instance: InstanceRef, to: NodeName) -> Self {
        Self { object: Header::default(), instance, to }
    }
}

/// What is to come to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct MigrateInRequest {
    object: Header<Self>,
    /// The instance and the node it comes to.
    pub instance: InstanceRef,
    /// What the source's driver said.
    pub payload: MigrationPayload,
}

impl MigrateInRequest {
    /// Asks a node to take an instance over.
    pub fn new(instance: InstanceRef, payload: MigrationPayload) -> Self {
        Self { object: Header::default(), instance, payload }
    }
}

/// Which migration ends, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct MigrateEndRequest {
    object: Header<Self>,
    /// The instance and the node that it leaves.
    pub instance: InstanceRef,
    /// How the migration ends.
    pub end: MigrationEnd,
}

impl MigrateEndRequest {
    /// Asks for the end of a migration.
    pub fn new(instance: InstanceRef, end: MigrationEnd) -> Self {
        Self { object: Header::default(), instance, end }
    }
}

/// How a migration ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationEnd {
    /// The target has it: the source forgets it and frees what it had.
    Confirm,
    /// The target does not have it: the source has it as it was before.
    Revert,
}

/// What one driver tells another of its own kind: the one thing in the API that the core does not understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct MigrationPayload {
    object: Header<Self>,
    /// The driver that wrote it, as in `DriverInfo`.
    pub driver: String,
    /// The version of what it wrote.
    pub version: u32,
    /// What it wrote, at most 1 MiB.
    pub bytes: Vec<u8>,
}

impl MigrationPayload {
    /// Takes what a driver wrote.
    pub fn new(driver: impl Into<String>, version: u32, bytes: Vec<u8>) -> Self {
        Self { object: Header::default(), driver: driver.into(), version, bytes }
    }
}

/// Why [`ColdMigrate::migrate_out`] failed.
#[derive(Debug, ApiError)]
#[api_error(instance)]
pub enum MigrateOutError {
    /// The target is one that the driver cannot hand instances to, such as the node it is on.
    #[recovery(Reschedule)]
    BadRequest(BadRequest),
    /// There is no such instance.
    #[recovery(Reject)]
    UnknownInstance(UnknownInstance),
    /// The instance is paused: its memory would be lost.
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

/// Why [`ColdMigrate::migrate_in`] failed.
#[derive(Debug, ApiError)]
#[api_error(mutation)]
pub enum MigrateInError {
    /// The payload is of another driver, of a version that this one does not read, or broken.
    #[recovery(Reject)]
    BadRequest(BadRequest),
    /// There is no such node.
    #[recovery(Reschedule)]
    UnknownNode(UnknownNode),
    /// The node has no room.
    #[recovery(Reschedule)]
    NoCapacity(NoCapacity),
    /// The node has an instance of that id that another operation made.
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

/// Why [`ColdMigrate::migrate_end`] failed.
#[derive(Debug, ApiError)]
#[api_error(mutation)]
pub enum MigrateEndError {
    /// The instance is not on its way: no migration of it has begun here.
    #[recovery(Reject)]
    BadRequest(BadRequest),
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
