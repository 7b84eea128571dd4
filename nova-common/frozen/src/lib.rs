//! The frozen driver of cycle 2: a hypervisor in memory that can pause and attach volumes.
//!
//! It is what a team wrote for nova-api 1.1. Head must take it as it is: see this crate's README.

mod backend;

use std::path::Path;
use std::time::Duration;

use nova_api::{
    AttachVolumeError, AttachedVolumesError, BadRequest, Call, CreateError, CreateRequest, Created,
    DestroyError, DestroyRequest, DetachVolumeError, DiskSource, Driver, DriverInfo, DriverKind, HostContext,
    InitError, InstanceError, InstanceInfo, InstanceInfoError, InstanceRef, InstanceSummary, InventoryError,
    InventoryReport, ListInstancesError, NodeDesc, NodeName, NodePresence, NodePresenceError, NodesError,
    Pause, PauseError, PowerOffError, PowerOnError, PowerState, Provider, ProviderView, RebootError,
    RebootKind, Refresh, ResourceName, ShutdownError, UnknownInstance, UnknownNode, UnpauseError, Volume,
    VolumeId, Volumes,
};

pub use crate::backend::{Backend, InMemory, Machine, Node};

const NAME: &str = "frozen";

/// The driver of one node: the host it runs on.
#[derive(Debug)]
pub struct HypervisorDriver<B> {
    backend: B,
}

impl<B: Backend> HypervisorDriver<B> {
    /// Makes a driver of a back end.
    pub fn new(backend: B) -> Self {
        Self { backend }
    }

    async fn node(&self, name: &NodeName) -> Result<Node, InventoryError> {
        let nodes = self.backend.nodes().await?;
        let found = nodes.into_iter().find(|node| node.name == *name);
        Ok(found.ok_or_else(|| UnknownNode(name.clone()))?)
    }

    async fn switch<E: InstanceError>(
        &self,
        call: &Call,
        instance: &InstanceRef,
        from: &[PowerState],
        to: PowerState,
    ) -> Result<(), E> {
        call.check()?;
        self.backend.switch(call.epoch, &instance.id, from, to).await
    }
}

impl<B: Backend> Driver for HypervisorDriver<B> {
    async fn init(&self, _host: &HostContext) -> Result<DriverInfo, InitError> {
        self.backend.nodes().await?;
        let version = env!("CARGO_PKG_VERSION");
        Ok(DriverInfo::new(NAME, version, DriverKind::Hypervisor))
    }

    async fn shutdown(&self) -> Result<(), ShutdownError> {
        Ok(())
    }

    async fn nodes(&self, _refresh: Refresh) -> Result<Vec<NodeDesc>, NodesError> {
        let describe =
            |node: Node| NodeDesc::new(node.name).vcpus(node.vcpus).memory(node.memory).disk(node.disk);
        Ok(self.backend.nodes().await?.into_iter().map(describe).collect())
    }

    async fn node_presence(&self, node: &NodeName) -> Result<NodePresence, NodePresenceError> {
        let nodes = self.backend.nodes().await?;
        let here = nodes.iter().any(|known| known.name == *node);
        Ok(if here { NodePresence::Here } else { NodePresence::Deleted })
    }

    async fn inventory(
        &self,
        node: &NodeName,
        _view: &ProviderView,
    ) -> Result<InventoryReport, InventoryError> {
        let node = self.node(node).await?;
        let used = Node::sum_of(&node.name, &self.backend.machines().await?);
        let name = ResourceName::parse(node.name.as_str()).expect("a node's name is a resource's");
        let provider = Provider::new(name)
            .vcpus(node.vcpus, used.vcpus)
            .memory(node.memory, used.memory)
            .disk(node.disk, used.disk);
        Ok(InventoryReport::new(vec![provider]))
    }

    async fn list_instances(
        &self,
        node: Option<&NodeName>,
    ) -> Result<Vec<InstanceSummary>, ListInstancesError> {
        if let Some(node) = node {
            let known = self.backend.nodes().await?;
            if !known.iter().any(|one| one.name == *node) {
                return Err(UnknownNode(node.clone()).into());
            }
        }
        let machines = self.backend.machines().await?.into_iter();
        Ok(machines
            .filter(|machine| node.is_none_or(|node| machine.instance.node == *node))
            .map(|machine| InstanceSummary::new(machine.instance, machine.power))
            .collect())
    }

    async fn instance_info(&self, instance: &InstanceRef) -> Result<InstanceInfo, InstanceInfoError> {
        let machines = self.backend.machines().await?;
        let found = machines.into_iter().find(|one| one.instance.id == instance.id);
        let machine = found.ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        Ok(InstanceInfo::new(machine.instance, machine.power)
            .vcpus(machine.vcpus)
            .memory(machine.memory)
            .disk(machine.disk))
    }

    async fn create(&self, call: &Call, request: CreateRequest) -> Result<Created, CreateError> {
        call.check()?;
        if request.image.is_some() {
            return Err(BadRequest("a machine in memory has no disk for an image".to_owned()).into());
        }
        let created = Created::new(request.instance.clone());
        let machine = Machine::new(request, call.op_id.clone());
        self.backend.define(call.epoch, machine).await?;
        Ok(created)
    }

    async fn destroy(&self, call: &Call, request: DestroyRequest) -> Result<(), DestroyError> {
        call.check()?;
        self.backend.undefine(call.epoch, &request.instance).await
    }

    async fn power_on(&self, call: &Call, instance: &InstanceRef) -> Result<(), PowerOnError> {
        let from = [PowerState::Off, PowerState::Running];
        self.switch(call, instance, &from, PowerState::Running).await
    }

    async fn power_off(
        &self,
        call: &Call,
        instance: &InstanceRef,
        _grace: Duration,
    ) -> Result<(), PowerOffError> {
        // Memory has no guest to ask; a real back end gets `grace` too.
        let from = [PowerState::Running, PowerState::Paused, PowerState::Off];
        self.switch(call, instance, &from, PowerState::Off).await
    }

    async fn reboot(
        &self,
        call: &Call,
        instance: &InstanceRef,
        _kind: RebootKind,
    ) -> Result<(), RebootError> {
        // Memory has no guest to ask; a real back end gets `kind` too.
        let from = [PowerState::Running];
        self.switch(call, instance, &from, PowerState::Running).await
    }

    fn pause(&self) -> Option<&impl Pause> {
        Some(self)
    }

    fn volumes(&self) -> Option<&impl Volumes> {
        Some(self)
    }
}

impl<B: Backend> Pause for HypervisorDriver<B> {
    async fn pause(&self, call: &Call, instance: &InstanceRef) -> Result<(), PauseError> {
        let from = [PowerState::Running, PowerState::Paused];
        self.switch(call, instance, &from, PowerState::Paused).await
    }

    async fn unpause(&self, call: &Call, instance: &InstanceRef) -> Result<(), UnpauseError> {
        let from = [PowerState::Paused, PowerState::Running];
        self.switch(call, instance, &from, PowerState::Running).await
    }
}

impl<B: Backend> Volumes for HypervisorDriver<B> {
    async fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &Volume,
        device: &str,
    ) -> Result<(), AttachVolumeError> {
        call.check()?;
        let openable = match &volume.source {
            DiskSource::File { path } => Path::new(path).exists(),
            _ => false,
        };
        if !openable {
            return Err(BadRequest(format!("volume `{}` cannot be opened", volume.id)).into());
        }
        self.backend.attach(call.epoch, &instance.id, &volume.id, device).await
    }

    async fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        call.check()?;
        self.backend.detach(call.epoch, &instance.id, volume).await
    }

    async fn attached(&self, instance: &InstanceRef) -> Result<Vec<VolumeId>, AttachedVolumesError> {
        let machines = self.backend.machines().await?;
        let found = machines.into_iter().find(|one| one.instance.id == instance.id);
        let machine = found.ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        Ok(machine.volumes.into_iter().map(|(volume, _)| volume).collect())
    }
}
