//! The driver: what the API asks, said in the words of a [`Node`].

mod facets;

use std::process::{Command, Stdio};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use nova_api::{
    BackendError, BadRequest, Call, ColdMigrate, Console, CreateError, CreateRequest, Created,
    DestroyError, DestroyRequest, Diagnostics, Driver, DriverInfo, DriverKind, EventSource,
    Fencing, HostContext, InitError, InstanceError, InstanceInfo, InstanceInfoError, InstanceRef,
    InstanceSummary, InventoryError, InventoryReport, ListInstancesError, NodeDesc, NodeName,
    NodePresence, NodePresenceError, NodesError, Pause, PowerOffError, PowerOnError, PowerState,
    Provider, ProviderView, RebootError, RebootKind, Refresh, ResourceName, ShutdownError,
    Snapshot, UnknownInstance, UnknownNode, VolumesV2,
};

use crate::config::Config;
use crate::events::Journals;
use crate::machine::Machine;
use crate::node::{Node, Unknown};
use crate::offload::offload;

/// The driver's name, as it calls itself.
pub(crate) const NAME: &str = "qemu";

/// The driver of one node: QEMU on the host it runs on.
#[derive(Debug)]
pub struct QemuDriver {
    config: Config,
    /// The node, from `init` to `shutdown`.
    node: RwLock<Option<Arc<Node>>>,
}

impl QemuDriver {
    /// Makes a driver that knows its host.
    pub fn new(config: Config) -> Self {
        Self { config, node: RwLock::new(None) }
    }

    pub(crate) fn node(&self) -> Result<Arc<Node>, BackendError> {
        let node = self.node.read().unwrap_or_else(PoisonError::into_inner);
        node.clone().ok_or_else(|| BackendError::new("the driver is not initialised"))
    }

    fn set(&self, node: Option<Arc<Node>>) {
        *self.node.write().unwrap_or_else(PoisonError::into_inner) = node;
    }

    /// Does what blocks with the node.
    async fn with_node<T, E>(
        &self,
        work: impl FnOnce(&Node) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        let node = self.node()?;
        offload(move || work(&node)).await
    }

    /// Does what blocks with one instance, fenced and alone.
    async fn act<T, E>(
        &self,
        call: &Call,
        instance: &InstanceRef,
        act: impl FnOnce(&Node, &Call, Machine) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: InstanceError,
    {
        let (call, instance) = (call.clone(), instance.clone());
        self.with_node(move |node| node.act(&call, &instance, |machine| act(node, &call, machine)))
            .await
    }

    /// Asks one instance something that blocks.
    async fn ask<T, E>(
        &self,
        instance: &InstanceRef,
        ask: impl FnOnce(&Node, Machine) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<UnknownInstance> + From<BackendError> + Send + 'static,
    {
        let instance = instance.clone();
        self.with_node(move |node| {
            ask(node, node.known(&instance).map_err(Unknown::into_error::<E>)?)
        })
        .await
    }
}

impl Driver for QemuDriver {
    async fn init(&self, host: &HostContext) -> Result<DriverInfo, InitError> {
        let config = self.config.clone();
        let name = match &config.node {
            Some(name) => name.clone(),
            None => NodeName::parse(host.host.as_str()).expect("a host's name is a node's"),
        };
        let node = offload(move || {
            must_start(&config)?;
            let node = Node::open(config, name)?;
            node.reap()?;
            Ok::<_, InitError>(node)
        });
        self.set(Some(Arc::new(node.await?)));
        // Epochs are compared and raised under a lock of the node's state directory that is held over the act,
        // and whoever does anything to a guest does it so. What a frozen driver has begun, its successor waits
        // for: nobody acts late. Guests' files and locks are on one host, so nobody is out of the locks' reach.
        let version = env!("CARGO_PKG_VERSION");
        Ok(DriverInfo::new(NAME, version, DriverKind::Hypervisor).fencing(Fencing::Enforced))
    }

    async fn shutdown(&self) -> Result<(), ShutdownError> {
        self.set(None);
        Ok(())
    }

    async fn nodes(&self, _refresh: Refresh) -> Result<Vec<NodeDesc>, NodesError> {
        let describe = |node: &Node| {
            let size = node.size()?;
            let node = NodeDesc::new(node.name.clone());
            Ok(vec![node.vcpus(size.vcpus).memory(size.memory).disk(size.disk)])
        };
        self.with_node(describe).await
    }

    async fn node_presence(&self, node: &NodeName) -> Result<NodePresence, NodePresenceError> {
        let here = self.node()?.name == *node;
        Ok(if here { NodePresence::Here } else { NodePresence::Deleted })
    }

    async fn inventory(
        &self,
        node: &NodeName,
        _view: &ProviderView,
    ) -> Result<InventoryReport, InventoryError> {
        let asked = node.clone();
        let report = move |node: &Node| {
            if node.name != asked {
                return Err(UnknownNode(asked).into());
            }
            let (size, taken) = (node.size()?, node.taken()?);
            let name =
                ResourceName::parse(node.name.as_str()).expect("a node's name is a resource's");
            let provider = Provider::new(name)
                .vcpus(size.vcpus, taken.vcpus)
                .memory(size.memory, taken.memory)
                .disk(size.disk, taken.disk);
            Ok(InventoryReport::new(vec![provider]))
        };
        self.with_node(report).await
    }

    async fn list_instances(
        &self,
        node: Option<&NodeName>,
    ) -> Result<Vec<InstanceSummary>, ListInstancesError> {
        let asked = node.cloned();
        let list = move |node: &Node| match asked {
            Some(asked) if asked != node.name => Err(UnknownNode(asked).into()),
            _ => {
                let machines = node.machines()?;
                let summaries = machines.iter().map(|machine| machine.summary(&node.name));
                Ok(summaries.collect::<Result<_, _>>()?)
            }
        };
        self.with_node(list).await
    }

    async fn instance_info(
        &self,
        instance: &InstanceRef,
    ) -> Result<InstanceInfo, InstanceInfoError> {
        self.ask(instance, |node, machine| Ok(machine.info(&node.name)?)).await
    }

    async fn create(&self, call: &Call, request: CreateRequest) -> Result<Created, CreateError> {
        let call = call.clone();
        self.with_node(move |node| node.create(&call, &request)).await
    }

    async fn destroy(&self, call: &Call, request: DestroyRequest) -> Result<(), DestroyError> {
        let call = call.clone();
        self.with_node(move |node| node.destroy(&call, &request)).await
    }

    async fn power_on(&self, call: &Call, instance: &InstanceRef) -> Result<(), PowerOnError> {
        let power_on = |node: &Node, call: &Call, machine: Machine| {
            machine.spec.must_stay()?;
            match machine.must_be::<PowerOnError>(&[PowerState::Off, PowerState::Running])? {
                PowerState::Off => machine.start(call, &node.config),
                PowerState::Running | PowerState::Paused => Ok(()),
            }
        };
        self.act(call, instance, power_on).await
    }

    async fn power_off(
        &self,
        call: &Call,
        instance: &InstanceRef,
        grace: Duration,
    ) -> Result<(), PowerOffError> {
        self.act(call, instance, move |_, call, machine| machine.stop(call, grace)).await
    }

    async fn reboot(
        &self,
        call: &Call,
        instance: &InstanceRef,
        kind: RebootKind,
    ) -> Result<(), RebootError> {
        let reboot = move |node: &Node, call: &Call, machine: Machine| {
            machine.must_be::<RebootError>(&[PowerState::Running])?;
            match kind {
                RebootKind::Soft => machine.reboot_softly(call, &node.config),
                RebootKind::Hard => machine.reboot_hard(call),
            }
        };
        self.act(call, instance, reboot).await
    }

    fn events(&self) -> impl EventSource {
        Journals::new(self)
    }

    fn pause(&self) -> Option<&impl Pause> {
        Some(self)
    }

    fn console(&self) -> Option<&impl Console> {
        Some(self)
    }

    fn diagnostics(&self) -> Option<&impl Diagnostics> {
        Some(self)
    }

    fn volumes_v2(&self) -> Option<&impl VolumesV2> {
        Some(self)
    }

    fn snapshot(&self) -> Option<&impl Snapshot> {
        Some(self)
    }

    fn cold_migrate(&self) -> Option<&impl ColdMigrate> {
        Some(self)
    }
}

/// Refuses a host on which there is no QEMU.
fn must_start(config: &Config) -> Result<(), BadRequest> {
    let qemu = config.qemu.display();
    let way_out =
        "install it (on Debian: package `qemu-system-x86`) or name it in `NOVA_QEMU_BINARY`";
    let asked = Command::new(&config.qemu).arg("--version").stdin(Stdio::null()).output();
    match asked {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(BadRequest(format!("`{qemu} --version` ends with {}: {way_out}", output.status)))
        }
        Err(error) => Err(BadRequest(format!("`{qemu}` cannot be started ({error}): {way_out}"))),
    }
}
