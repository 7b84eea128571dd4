//! What can go wrong: one closed error per method, made of shared conditions, each with one recovery.

use crate::{Epoch, InstanceId, NodeName, PowerState};

/// What the caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// No node of the driver has an instance of that id.
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

/// An error of a call that changes something: the conditions that all of them share.
pub trait MutationError:
    std::error::Error + From<StaleEpoch> + From<Interrupted> + From<BackendError> + Send + Sync + 'static
{
    /// Returns what the caller does about it.
    fn recovery(&self) -> Recovery;
}

/// An error of a call that changes an instance which must exist.
pub trait InstanceError: MutationError + From<UnknownInstance> + From<WrongPower> {}

macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$why:meta])* $variant:ident($payload:ty) => $recovery:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, thiserror::Error)]
        pub enum $name {
            $($(#[$why])* #[error(transparent)] $variant(#[from] $payload),)+
        }

        impl $name {
            /// Returns what the caller does about it.
            pub fn recovery(&self) -> Recovery {
                match self {
                    $(Self::$variant(_) => Recovery::$recovery,)+
                }
            }
        }
    };
}

macro_rules! closed_mutation {
    ($(#[$doc:meta])* $name:ident { $($rest:tt)+ }) => {
        closed! {
            $(#[$doc])*
            $name {
                $($rest)+
                /// The call's epoch is older than the node has seen; nothing was done.
                StaleEpoch(StaleEpoch) => FenceLost,
                /// The caller no longer waits; the operation may be half done.
                Interrupted(Interrupted) => VerifyThenDecide,
                /// The back end failed; the operation may have been done.
                Backend(BackendError) => VerifyThenDecide,
            }
        }

        impl MutationError for $name {
            fn recovery(&self) -> Recovery {
                Self::recovery(self)
            }
        }
    };
}

macro_rules! closed_instance {
    ($(#[$doc:meta])* $name:ident) => {
        closed_mutation! {
            $(#[$doc])*
            $name {
                /// There is no such instance.
                UnknownInstance(UnknownInstance) => Reject,
                /// The instance's power state does not allow it.
                WrongPower(WrongPower) => Reject,
            }
        }

        impl InstanceError for $name {}
    };
}

closed! {
    /// Why [`Driver::init`](crate::Driver::init) failed.
    InitError {
        /// The host lacks what the driver needs.
        BadRequest(BadRequest) => Reject,
        /// The back end could not be reached.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why [`Driver::shutdown`](crate::Driver::shutdown) failed.
    ShutdownError {
        /// The back end did not let go.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why [`Driver::nodes`](crate::Driver::nodes) failed.
    NodesError {
        /// The back end did not answer.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why [`Driver::node_presence`](crate::Driver::node_presence) failed.
    NodePresenceError {
        /// The back end did not answer.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why [`Driver::inventory`](crate::Driver::inventory) failed.
    InventoryError {
        /// There is no such node.
        UnknownNode(UnknownNode) => Reject,
        /// The back end did not answer.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why [`Driver::list_instances`](crate::Driver::list_instances) failed.
    ListInstancesError {
        /// There is no such node.
        UnknownNode(UnknownNode) => Reject,
        /// The back end did not answer.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why [`Driver::instance_info`](crate::Driver::instance_info) failed.
    InstanceInfoError {
        /// There is no such instance.
        UnknownInstance(UnknownInstance) => Reject,
        /// The back end did not answer.
        Backend(BackendError) => RetrySameNode,
    }
}
closed! {
    /// Why an [`EventSource`](crate::EventSource) could not say what has happened.
    EventsError {
        /// The back end did not answer.
        Backend(BackendError) => RetrySameNode,
    }
}
closed_mutation! {
    /// Why [`Driver::create`](crate::Driver::create) failed.
    CreateError {
        /// The request cannot be met anywhere.
        BadRequest(BadRequest) => Reject,
        /// There is no such node.
        UnknownNode(UnknownNode) => Reschedule,
        /// The node has no room.
        NoCapacity(NoCapacity) => Reschedule,
        /// Another operation made an instance of that id.
        NotSameInstance(NotSameInstance) => Reject,
    }
}
closed_mutation! {
    /// Why [`Driver::destroy`](crate::Driver::destroy) failed; that the instance is gone is no reason.
    DestroyError {
        /// There is no such node.
        UnknownNode(UnknownNode) => Reject,
    }
}
closed_instance! {
    /// Why [`Driver::power_on`](crate::Driver::power_on) failed.
    PowerOnError
}
closed_instance! {
    /// Why [`Driver::power_off`](crate::Driver::power_off) failed.
    PowerOffError
}
closed_instance! {
    /// Why [`Driver::reboot`](crate::Driver::reboot) failed.
    RebootError
}
closed_instance! {
    /// Why [`Pause::pause`](crate::Pause::pause) failed.
    PauseError
}
closed_instance! {
    /// Why [`Pause::unpause`](crate::Pause::unpause) failed.
    UnpauseError
}
