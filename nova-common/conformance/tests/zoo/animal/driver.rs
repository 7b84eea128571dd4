//! What all drivers do.

use std::time::Duration;

use nova_api::{
    BadRequest, Call, Capability, ColdMigrate, Console, CreateError, CreateRequest, Created, DestroyError,
    DestroyRequest, Diagnostics, Driver, DriverInfo, DriverKind, EventSource, HostContext, InitError,
    InstanceInfo, InstanceInfoError, InstanceRef, InstanceSummary, InventoryError, InventoryReport,
    ListInstancesError, MiB, NodeDesc, NodeName, NodePresence, NodePresenceError, NodesError, Origin, Pause,
    PowerOffError, PowerOnError, PowerState, Provider, ProviderView, RebootError, RebootKind, Refresh,
    ResourceName, ShutdownError, Snapshot, UnknownInstance, VolumesV2,
};

use super::cage::{BARE, DISK, Instance, MEMORY, VCPUS};
use super::{Animal, alive, wait};
use crate::faults::Fault;

impl Driver for Animal {
    async fn init(&self, _: &HostContext) -> Result<DriverInfo, InitError> {
        let kind = if self.nodes.len() == 1 { DriverKind::Hypervisor } else { DriverKind::Cluster };
        Ok(DriverInfo::new(self.name(), "1.0.0", kind))
    }

    async fn shutdown(&self) -> Result<(), ShutdownError> {
        let mut state = self.state();
        if self.has(Fault::TakesInstancesAlong) {
            state.instances.clear();
        }
        if self.has(Fault::TakesEpochsAlong) {
            state.epochs.clear();
        }
        Ok(())
    }

    async fn nodes(&self, _: Refresh) -> Result<Vec<NodeDesc>, NodesError> {
        wait().await;
        let describe = |name: &NodeName| NodeDesc::new(name.clone()).vcpus(VCPUS).memory(MEMORY).disk(DISK);
        Ok(self.nodes.iter().map(describe).collect())
    }

    async fn node_presence(&self, name: &NodeName) -> Result<NodePresence, NodePresenceError> {
        let here = self.known(name).is_ok();
        let absent =
            if self.has(Fault::SeesNodesElsewhere) { NodePresence::Elsewhere } else { NodePresence::Deleted };
        Ok(if here { NodePresence::Here } else { absent })
    }

    async fn inventory(&self, name: &NodeName, _: &ProviderView) -> Result<InventoryReport, InventoryError> {
        if !self.has(Fault::KnowsAllNodes) {
            self.known(name)?;
        }
        wait().await;
        let (vcpus, memory, disk) = self.state().used(name);
        let memory = if self.has(Fault::CountsNoMemory) { MiB(0) } else { memory };
        let provider = Provider::new(ResourceName::parse(name.as_str()).expect("made of a name"))
            .vcpus(VCPUS, vcpus)
            .memory(MEMORY, memory)
            .disk(DISK, disk);
        let mut providers = vec![provider];
        if self.has(Fault::NamesProvidersAlike) {
            providers.extend(providers.first().map(|provider| Provider::new(provider.name.clone())));
        }
        Ok(InventoryReport::new(providers))
    }

    async fn list_instances(
        &self,
        name: Option<&NodeName>,
    ) -> Result<Vec<InstanceSummary>, ListInstancesError> {
        if !self.has(Fault::KnowsAllNodes) {
            name.map_or(Ok(()), |name| self.known(name))?;
        }
        wait().await;
        let state = self.state();
        let listed = |it: &&Instance| {
            let node = &it.request.instance.node;
            let asked = name.is_none_or(|name| name == node) || self.has(Fault::ListsAllForEachNode);
            alive(it) && asked && self.nodes.contains(node)
        };
        let summary = |it: &Instance| {
            let power = if self.has(Fault::ListsLate) { it.shown } else { it.power };
            InstanceSummary::new(it.request.instance.clone(), self.said(power))
        };
        Ok(state.instances.values().filter(listed).map(summary).collect())
    }

    async fn instance_info(&self, instance: &InstanceRef) -> Result<InstanceInfo, InstanceInfoError> {
        wait().await;
        let state = self.state();
        let Some(it) = state.instance(instance) else {
            let off = InstanceInfo::new(instance.clone(), PowerState::Off);
            let unknown = UnknownInstance(instance.id.clone());
            return if self.has(Fault::ReportsTheUnknown) { Ok(off) } else { Err(unknown.into()) };
        };
        let info = InstanceInfo::new(instance.clone(), self.said(it.power));
        Ok(info.vcpus(it.request.vcpus).memory(it.request.memory).disk(it.request.disk))
    }

    async fn create(&self, call: &Call, request: CreateRequest) -> Result<Created, CreateError> {
        let (instance, created) = (request.instance.clone(), Created::new(request.instance.clone()));
        if !self.has(Fault::KnowsAllNodes) {
            self.known(&instance.node)?;
        }
        if self.has(Fault::RefusesEvacuation) && request.origin != Origin::New {
            return Err(BadRequest("only what is new is made".to_owned()).into());
        }
        if self.reserve(call, &request)? {
            return Ok(created);
        }
        for _ in 0..2 {
            if let Err(why) = self.go_on(call).await {
                self.give_up(&instance, call);
                return Err(self.told(why));
            }
        }
        self.finish(call, request)?;
        wait().await;
        Ok(created)
    }

    async fn destroy(&self, call: &Call, request: DestroyRequest) -> Result<(), DestroyError> {
        let instance = request.instance;
        if !self.has(Fault::KnowsAllNodes) {
            self.known(&instance.node)?;
        }
        let Some(op) = self.mark(call, &instance)? else { return Ok(()) };
        self.go_on(call).await.map_err(|why| self.told::<DestroyError>(why))?;
        self.remove(call, &instance, &op)?;
        wait().await;
        Ok(())
    }

    async fn power_on(&self, call: &Call, instance: &InstanceRef) -> Result<(), PowerOnError> {
        let allowed = [PowerState::Off, PowerState::Running, PowerState::Paused];
        let allowed = match self.fault {
            Fault::StartsOnce => &allowed[..1],
            Fault::StartsThePaused => &allowed[..],
            _ => &allowed[..2],
        };
        self.switch(call, instance, allowed, PowerState::Running, Fault::IgnoresEpochs).await
    }

    async fn power_off(&self, call: &Call, instance: &InstanceRef, _: Duration) -> Result<(), PowerOffError> {
        let any = [PowerState::Paused, PowerState::Running, PowerState::Off];
        let any = if self.has(Fault::StopsOnce) { &any[..2] } else { &any[..] };
        self.switch(call, instance, any, PowerState::Off, Fault::IgnoresEpochs).await
    }

    async fn reboot(&self, call: &Call, instance: &InstanceRef, _: RebootKind) -> Result<(), RebootError> {
        assert!(!self.has(Fault::PanicsOnReboot), "cannot reboot");
        self.block(Fault::BlocksInReboot);
        let from = if self.has(Fault::RebootsWhenOff) { PowerState::Off } else { PowerState::Running };
        let from = if self.has(Fault::RebootsThePaused) { PowerState::Paused } else { from };
        let to = if self.has(Fault::RebootsIntoOff) { PowerState::Off } else { PowerState::Running };
        self.switch::<RebootError>(call, instance, &[PowerState::Running, from], to, Fault::IgnoresEpochs)
            .await?;
        let mut state = self.state();
        state.rebooted.insert(instance.clone());
        let it = state.instances.get_mut(instance).filter(|_| !self.has(Fault::RebootsInNameOnly));
        it.into_iter().for_each(Instance::start);
        Ok(())
    }

    fn events(&self) -> impl EventSource {
        self.watched()
    }

    fn offers(&self, node: &NodeName, _: Capability) -> bool {
        match self.fault {
            Fault::OffersNothing => false,
            Fault::OffersOnBareNodes => true,
            _ => node.as_str() != BARE,
        }
    }

    fn pause(&self) -> Option<&impl Pause> {
        (!self.has(Fault::LostPause)).then_some(self)
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
