//! The conditions that errors are made of: each is one thing that can be wrong.

use crate::{Epoch, InstanceId, NodeName, PowerState};

/// A later holder of the node's lease has acted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("epoch {given} is stale: the node has seen epoch {latest}")]
pub struct StaleEpoch {
    /// The epoch of the call.
    pub given: Epoch,
    /// The greatest epoch the node has seen.
    pub latest: Epoch,
}

/// The driver manages no node of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node `{0}` is not known")]
pub struct UnknownNode(pub NodeName);

/// There is no instance of that id on the node that the call names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance `{0}` is not known")]
pub struct UnknownInstance(pub InstanceId);

/// The node has no room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node `{node}` has no room: {lacking}")]
pub struct NoCapacity {
    /// The node that was asked.
    pub node: NodeName,
    /// What is lacking, such as `512 MiB of memory`.
    pub lacking: String,
}

/// Another operation has made an instance of that id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance `{0}` exists already, made by another operation")]
pub struct NotSameInstance(pub InstanceId);

/// The request contradicts itself or asks for what the driver never offers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("request refused: {0}")]
pub struct BadRequest(pub String);

/// The instance's power state does not allow the operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance `{instance}` is {power}")]
pub struct WrongPower {
    /// The instance that was asked.
    pub instance: InstanceId,
    /// The state it is in.
    pub power: PowerState,
}

/// The caller no longer waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// It has cancelled.
    #[error("operation cancelled")]
    Cancelled,
    /// Its deadline has passed.
    #[error("deadline passed")]
    DeadlinePassed,
}

/// Anything else that the back end says: the one condition without a meaning of its own.
#[derive(Debug, thiserror::Error)]
#[error("back end failed: {message}")]
pub struct BackendError {
    /// What failed, for people.
    pub message: String,
    /// The cause, if there is one.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BackendError {
    /// Says what failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
