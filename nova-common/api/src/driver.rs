//! The driver: what each one does, and where the facets are that some have.

use std::time::Duration;

use nova_macros::driver_facet;

use crate::{
    Absent, Call, Capability, ColdMigrate, Compared, Console, CreateError, CreateRequest, Created,
    DestroyError, DestroyRequest, Diagnostics, DriverInfo, EventSource, HostContext, InitError, InstanceInfo,
    InstanceInfoError, InstanceRef, InstanceSummary, InventoryError, InventoryReport, ListInstancesError,
    NodeDesc, NodeName, NodePresence, NodePresenceError, NodesError, Pause, PowerOffError, PowerOnError,
    ProviderView, RebootError, RebootKind, Refresh, ShutdownError, Snapshot, VolumesV2,
};

#[expect(deprecated, reason = "an accessor leads to it for a cycle more")]
use crate::Volumes;

/// A driver of one hypervisor, or of a cluster manager with many nodes.
///
/// Implementations write `async fn`. They keep no state that a restart must not lose: the back end is the
/// truth. Methods may be called at the same time. Those that take a [`Call`] act only if its epoch is not
/// older than the node has seen, and doing the same again with the same `op_id` changes nothing more.
/// Names are valid by their types; that nodes and instances exist is for the driver to check.
#[driver_facet(name = "driver", version = 1, since = 1, base)]
pub trait Driver: Sized + Send + Sync + 'static {
    /// Connects to the back end and says what the driver is. Repeatable; comes before everything else.
    fn init(&self, host: &HostContext) -> impl Future<Output = Result<DriverInfo, InitError>> + Send;

    /// Lets go of the back end; instances run on. Repeatable.
    fn shutdown(&self) -> impl Future<Output = Result<(), ShutdownError>> + Send;

    /// Lists the nodes that the driver manages now: one for a hypervisor. Order and names are stable.
    fn nodes(&self, refresh: Refresh) -> impl Future<Output = Result<Vec<NodeDesc>, NodesError>> + Send;

    /// Says where a node is; [`NodePresence::Deleted`] for one that never was.
    fn node_presence(
        &self,
        node: &NodeName,
    ) -> impl Future<Output = Result<NodePresence, NodePresenceError>> + Send;

    /// Reports what a node has and what is taken, and whether the core's view must be reshaped.
    fn inventory(
        &self,
        node: &NodeName,
        view: &ProviderView,
    ) -> impl Future<Output = Result<InventoryReport, InventoryError>> + Send;

    /// Lists the instances of one node, or of all, in no particular order.
    fn list_instances(
        &self,
        node: Option<&NodeName>,
    ) -> impl Future<Output = Result<Vec<InstanceSummary>, ListInstancesError>> + Send;

    /// Reports one instance.
    fn instance_info(
        &self,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<InstanceInfo, InstanceInfoError>> + Send;

    /// Creates an instance and starts it. All or nothing: a refusal leaves nothing behind.
    #[repeated("the instance that the operation made; nothing more is taken")]
    fn create(
        &self,
        call: &Call,
        request: CreateRequest,
    ) -> impl Future<Output = Result<Created, CreateError>> + Send;

    /// Destroys an instance, whatever its power state, and frees what it had; succeeds if it is gone.
    #[repeated("succeeds, nothing is there to be destroyed")]
    fn destroy(
        &self,
        call: &Call,
        request: DestroyRequest,
    ) -> impl Future<Output = Result<(), DestroyError>> + Send;

    /// Starts an instance that is off; succeeds if it runs.
    #[repeated("succeeds if it runs")]
    fn power_on(
        &self,
        call: &Call,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), PowerOnError>> + Send;

    /// Turns an instance off, paused or not; succeeds if it is off. The guest is asked and has `grace` to
    /// comply; at zero it is not asked.
    #[repeated("succeeds if it is off")]
    fn power_off(
        &self,
        call: &Call,
        instance: &InstanceRef,
        grace: Duration,
    ) -> impl Future<Output = Result<(), PowerOffError>> + Send;

    /// Reboots a running instance.
    #[repeated("reboots again: a guest may be rebooted more often than was asked, never less")]
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

    /// Says whether a facet that the driver has works on a node too: by default, on all. Clusters mix hardware.
    ///
    /// What a driver lacks it cannot offer: only facets whose accessors return something are asked about.
    fn offers(&self, node: &NodeName, capability: Capability) -> bool {
        let _ = (node, capability);
        true
    }

    /// Returns the facet for pausing, if the driver has it.
    fn pause(&self) -> Option<&impl Pause> {
        None::<&Absent>
    }

    /// Returns the facet for consoles, if the driver has it.
    fn console(&self) -> Option<&impl Console> {
        None::<&Absent>
    }

    /// Returns the facet for diagnostics, if the driver has it.
    fn diagnostics(&self) -> Option<&impl Diagnostics> {
        None::<&Absent>
    }

    /// Returns version 1 of the facet for volumes, if the driver has that.
    #[deprecated(since = "1.2.0", note = "implement `VolumesV2` and say so in `volumes_v2`")]
    #[expect(deprecated, reason = "it says which facet leaves")]
    fn volumes(&self) -> Option<&impl Volumes> {
        None::<&Absent>
    }

    /// Returns the facet for volumes, if the driver has it; by default, what adapts its version 1.
    #[expect(deprecated, reason = "drivers have a cycle to convert")]
    fn volumes_v2(&self) -> Option<&impl VolumesV2> {
        self.volumes()
    }

    /// Returns the facet for snapshots, if the driver has it.
    fn snapshot(&self) -> Option<&impl Snapshot> {
        None::<&Absent>
    }

    /// Returns the facet for cold migration, if the driver has it.
    fn cold_migrate(&self) -> Option<&impl ColdMigrate> {
        None::<&Absent>
    }
}
