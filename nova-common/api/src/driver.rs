//! The driver: what each one does, and the facets that some have.

use std::time::Duration;

use crate::{
    Absent, Call, Compared, CreateError, CreateRequest, Created, DestroyError, DestroyRequest, DriverInfo,
    EventSource, HostContext, InitError, InstanceInfo, InstanceInfoError, InstanceRef, InstanceSummary,
    InventoryError, InventoryReport, ListInstancesError, NodeDesc, NodeName, NodePresence, NodePresenceError,
    NodesError, PauseError, PowerOffError, PowerOnError, ProviderView, RebootError, RebootKind, Refresh,
    ShutdownError, UnpauseError,
};

/// A driver of one hypervisor, or of a cluster manager with many nodes.
///
/// Implementations write `async fn`. They keep no state that a restart must not lose: the back end is the
/// truth. Methods may be called at the same time. Those that take a [`Call`] act only if its epoch is not
/// older than the node has seen, and doing the same again with the same `op_id` changes nothing more.
/// Names are valid by their types; that nodes and instances exist is for the driver to check.
pub trait Driver: Sized + Send + Sync + 'static {
    /// Connects to the back end and says what the driver is. Repeatable; comes before everything else.
    ///
    /// # Errors
    /// `BadRequest` if the host lacks what the driver needs, `Backend`.
    fn init(&self, host: &HostContext) -> impl Future<Output = Result<DriverInfo, InitError>> + Send;

    /// Lets go of the back end; instances run on. Repeatable.
    ///
    /// # Errors
    /// `Backend`.
    fn shutdown(&self) -> impl Future<Output = Result<(), ShutdownError>> + Send;

    /// Lists the nodes that the driver manages now: one for a hypervisor. Order and names are stable.
    ///
    /// # Errors
    /// `Backend`.
    fn nodes(&self, refresh: Refresh) -> impl Future<Output = Result<Vec<NodeDesc>, NodesError>> + Send;

    /// Says where a node is; [`NodePresence::Deleted`] for one that never was.
    ///
    /// # Errors
    /// `Backend`.
    fn node_presence(
        &self,
        node: &NodeName,
    ) -> impl Future<Output = Result<NodePresence, NodePresenceError>> + Send;

    /// Reports what a node has and what is taken, and whether the core's view must be reshaped.
    ///
    /// # Errors
    /// `UnknownNode`, `Backend`.
    fn inventory(
        &self,
        node: &NodeName,
        view: &ProviderView,
    ) -> impl Future<Output = Result<InventoryReport, InventoryError>> + Send;

    /// Lists the instances of one node, or of all, in no particular order.
    ///
    /// # Errors
    /// `UnknownNode`, `Backend`.
    fn list_instances(
        &self,
        node: Option<&NodeName>,
    ) -> impl Future<Output = Result<Vec<InstanceSummary>, ListInstancesError>> + Send;

    /// Reports one instance.
    ///
    /// # Errors
    /// `UnknownInstance`, `Backend`.
    fn instance_info(
        &self,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<InstanceInfo, InstanceInfoError>> + Send;

    /// Creates an instance and starts it. All or nothing: a refusal leaves nothing behind.
    ///
    /// # Errors
    /// `BadRequest`, `UnknownNode`, `NoCapacity`; `NotSameInstance` if another operation made the instance;
    /// `StaleEpoch`, `Interrupted`, `Backend`.
    fn create(
        &self,
        call: &Call,
        request: CreateRequest,
    ) -> impl Future<Output = Result<Created, CreateError>> + Send;

    /// Destroys an instance, whatever its power state, and frees what it had; succeeds if it is gone.
    ///
    /// # Errors
    /// `UnknownNode`, `StaleEpoch`, `Interrupted`, `Backend`.
    fn destroy(
        &self,
        call: &Call,
        request: DestroyRequest,
    ) -> impl Future<Output = Result<(), DestroyError>> + Send;

    /// Starts an instance that is off; succeeds if it runs.
    ///
    /// # Errors
    /// `UnknownInstance`; `WrongPower` if it is paused; `StaleEpoch`, `Interrupted`, `Backend`.
    fn power_on(
        &self,
        call: &Call,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), PowerOnError>> + Send;

    /// Turns an instance off, paused or not; succeeds if it is off. The guest is asked and has `grace` to
    /// comply; at zero it is not asked.
    ///
    /// # Errors
    /// `UnknownInstance`, `StaleEpoch`, `Interrupted`, `Backend`.
    fn power_off(
        &self,
        call: &Call,
        instance: &InstanceRef,
        grace: Duration,
    ) -> impl Future<Output = Result<(), PowerOffError>> + Send;

    /// Reboots a running instance.
    ///
    /// # Errors
    /// `UnknownInstance`; `WrongPower` if it is paused or off; `StaleEpoch`, `Interrupted`, `Backend`.
    fn reboot(
        &self,
        call: &Call,
        instance: &InstanceRef,
        kind: RebootKind,
    ) -> impl Future<Output = Result<(), RebootError>> + Send;

    /// Opens a source of events. By default it compares lists of instances.
    fn events(&self) -> impl EventSource {
        Compared::new(self)
    }

    /// Returns the facet for pausing, if the driver has it.
    fn pause(&self) -> Option<&impl Pause> {
        None::<&Absent>
    }
}

/// The facet of drivers that can stop an instance and keep its memory.
pub trait Pause: Send + Sync {
    /// Pauses a running instance; succeeds if it is paused.
    ///
    /// # Errors
    /// `UnknownInstance`; `WrongPower` if it is off; `StaleEpoch`, `Interrupted`, `Backend`.
    fn pause(
        &self,
        call: &Call,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), PauseError>> + Send;

    /// Lets a paused instance run; succeeds if it runs.
    ///
    /// # Errors
    /// `UnknownInstance`; `WrongPower` if it is off; `StaleEpoch`, `Interrupted`, `Backend`.
    fn unpause(
        &self,
        call: &Call,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), UnpauseError>> + Send;
}
