//! A driver in memory that is right but for one fault.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nova_api::{
    BackendError, Call, Compared, CreateError, CreateRequest, Created, DestroyError, DestroyRequest, Driver,
    DriverEvent, DriverInfo, DriverKind, Epoch, EventSource, EventsError, GiB, HostContext, InitError,
    InstanceError, InstanceId, InstanceInfo, InstanceInfoError, InstanceRef, InstanceSummary, InventoryError,
    InventoryReport, ListInstancesError, MiB, NoCapacity, NodeDesc, NodeName, NodePresence,
    NodePresenceError, NodesError, NotSameInstance, OpId, Pause, PauseError, PowerOffError, PowerOnError,
    PowerState, Provider, ProviderView, RebootError, RebootKind, Refresh, ResourceName, ShutdownError,
    StaleEpoch, UnknownInstance, UnknownNode, UnpauseError, Vcpus, WrongPower,
};
use nova_conformance::Fixture;

/// What is wrong with a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    DestroyNotIdempotent,
    IgnoresEpochs,
    FencesAlone,
    SaysRunningWhenOff,
    Leaks,
    ForgetsOperations,
    IgnoresInterruption,
    LostPause,
    PanicsOnReboot,
    HangsInEvents,
}

/// A back end and the fault of all drivers of it.
pub(crate) struct Cage {
    fault: Fault,
    state: Arc<Mutex<State>>,
}

impl Cage {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, state: Arc::default() }
    }
}

impl Fixture for Cage {
    type Driver = Animal;

    fn driver(&self) -> Animal {
        Animal { fault: self.fault, state: Arc::clone(&self.state), own_epoch: Mutex::new(Epoch::new(0)) }
    }
}

const VCPUS: Vcpus = Vcpus(8);
const MEMORY: MiB = MiB(4096);
const DISK: GiB = GiB(100);

#[derive(Default)]
struct State {
    epoch: Option<Epoch>,
    instances: BTreeMap<InstanceId, (CreateRequest, OpId, PowerState)>,
    leaked: MiB,
}

impl State {
    fn memory_used(&self) -> MiB {
        self.instances.values().fold(self.leaked, |sum, (request, ..)| sum.saturating_add(request.memory))
    }
}

/// The driver.
pub(crate) struct Animal {
    fault: Fault,
    state: Arc<Mutex<State>>,
    own_epoch: Mutex<Epoch>,
}

fn node() -> NodeName {
    NodeName::parse("cage").expect("a literal without white space")
}

fn known(name: &NodeName) -> Result<(), UnknownNode> {
    if *name == node() { Ok(()) } else { Err(UnknownNode(name.clone())) }
}

impl Animal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter<E: nova_api::MutationError>(&self, call: &Call) -> Result<MutexGuard<'_, State>, E> {
        if self.fault != Fault::IgnoresInterruption {
            call.check()?;
        }
        let mut state = self.state();
        let mut own = self.own_epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = match self.fault {
            Fault::FencesAlone => *own,
            _ => state.epoch.unwrap_or(Epoch::new(0)),
        };
        if call.epoch < latest && self.fault != Fault::IgnoresEpochs {
            return Err(StaleEpoch { given: call.epoch, latest }.into());
        }
        *own = call.epoch;
        state.epoch = Some(call.epoch);
        Ok(state)
    }

    fn switch<E: InstanceError>(
        &self,
        call: &Call,
        instance: &InstanceRef,
        allowed: &[PowerState],
        to: PowerState,
    ) -> Result<(), E> {
        let mut state = self.enter::<E>(call)?;
        let unknown = || UnknownInstance(instance.id.clone());
        let (.., power) = state.instances.get_mut(&instance.id).ok_or_else(unknown)?;
        if !allowed.contains(power) {
            return Err(WrongPower { instance: instance.id.clone(), power: *power }.into());
        }
        *power = to;
        Ok(())
    }

    fn said(&self, power: PowerState) -> PowerState {
        let lies = self.fault == Fault::SaysRunningWhenOff && power == PowerState::Off;
        if lies { PowerState::Running } else { power }
    }
}

impl Driver for Animal {
    async fn init(&self, _: &HostContext) -> Result<DriverInfo, InitError> {
        Ok(DriverInfo::new("animal", "1.0.0", DriverKind::Hypervisor))
    }

    async fn shutdown(&self) -> Result<(), ShutdownError> {
        Ok(())
    }

    async fn nodes(&self, _: Refresh) -> Result<Vec<NodeDesc>, NodesError> {
        Ok(vec![NodeDesc::new(node()).vcpus(VCPUS).memory(MEMORY).disk(DISK)])
    }

    async fn node_presence(&self, name: &NodeName) -> Result<NodePresence, NodePresenceError> {
        Ok(if *name == node() { NodePresence::Here } else { NodePresence::Deleted })
    }

    async fn inventory(&self, name: &NodeName, _: &ProviderView) -> Result<InventoryReport, InventoryError> {
        known(name)?;
        let state = self.state();
        let count = u32::try_from(state.instances.len()).expect("a cage is small");
        let provider = Provider::new(ResourceName::parse(name.as_str()).expect("made of a name"))
            .vcpus(VCPUS, Vcpus(count))
            .memory(MEMORY, state.memory_used())
            .disk(DISK, GiB(count.into()));
        Ok(InventoryReport::new(vec![provider]))
    }

    async fn list_instances(
        &self,
        name: Option<&NodeName>,
    ) -> Result<Vec<InstanceSummary>, ListInstancesError> {
        name.map_or(Ok(()), known)?;
        let state = self.state();
        let all = state.instances.values();
        Ok(all.map(|(it, _, power)| InstanceSummary::new(it.instance.clone(), self.said(*power))).collect())
    }

    async fn instance_info(&self, instance: &InstanceRef) -> Result<InstanceInfo, InstanceInfoError> {
        let state = self.state();
        let found = state.instances.get(&instance.id);
        let (it, _, power) = found.ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        let info = InstanceInfo::new(it.instance.clone(), self.said(*power));
        Ok(info.vcpus(it.vcpus).memory(it.memory).disk(it.disk))
    }

    async fn create(&self, call: &Call, request: CreateRequest) -> Result<Created, CreateError> {
        known(&request.instance.node)?;
        let mut state = self.enter::<CreateError>(call)?;
        let id = request.instance.id.clone();
        if let Some((_, op, _)) = state.instances.get(&id) {
            let same = *op == call.op_id && self.fault != Fault::ForgetsOperations;
            return if same { Ok(Created::new(request.instance)) } else { Err(NotSameInstance(id).into()) };
        }
        if state.memory_used().saturating_add(request.memory) > MEMORY {
            return Err(NoCapacity { node: node(), lacking: "memory".to_owned() }.into());
        }
        let created = Created::new(request.instance.clone());
        state.instances.insert(id, (request, call.op_id.clone(), PowerState::Running));
        Ok(created)
    }

    async fn destroy(&self, call: &Call, request: DestroyRequest) -> Result<(), DestroyError> {
        known(&request.instance.node)?;
        let mut state = self.enter::<DestroyError>(call)?;
        let removed = state.instances.remove(&request.instance.id);
        if removed.is_none() && self.fault == Fault::DestroyNotIdempotent {
            return Err(BackendError::new("no such instance").into());
        }
        if self.fault == Fault::Leaks && removed.is_some() {
            state.leaked = state.leaked.saturating_add(MiB(1));
        }
        Ok(())
    }

    async fn power_on(&self, call: &Call, instance: &InstanceRef) -> Result<(), PowerOnError> {
        self.switch(call, instance, &[PowerState::Off, PowerState::Running], PowerState::Running)
    }

    async fn power_off(&self, call: &Call, instance: &InstanceRef, _: Duration) -> Result<(), PowerOffError> {
        let any = [PowerState::Off, PowerState::Paused, PowerState::Running];
        self.switch(call, instance, &any, PowerState::Off)
    }

    async fn reboot(&self, call: &Call, instance: &InstanceRef, _: RebootKind) -> Result<(), RebootError> {
        assert!(self.fault != Fault::PanicsOnReboot, "cannot reboot");
        self.switch(call, instance, &[PowerState::Running], PowerState::Running)
    }

    fn events(&self) -> impl EventSource {
        Watched { inner: Compared::new(self), hangs: self.fault == Fault::HangsInEvents }
    }

    fn pause(&self) -> Option<&impl Pause> {
        (self.fault != Fault::LostPause).then_some(self)
    }
}

impl Pause for Animal {
    async fn pause(&self, call: &Call, instance: &InstanceRef) -> Result<(), PauseError> {
        self.switch(call, instance, &[PowerState::Running, PowerState::Paused], PowerState::Paused)
    }

    async fn unpause(&self, call: &Call, instance: &InstanceRef) -> Result<(), UnpauseError> {
        self.switch(call, instance, &[PowerState::Running, PowerState::Paused], PowerState::Running)
    }
}

struct Watched<'a> {
    inner: Compared<'a, Animal>,
    hangs: bool,
}

impl EventSource for Watched<'_> {
    async fn next_batch(&mut self) -> Result<Vec<DriverEvent>, EventsError> {
        if self.hangs {
            pending::<()>().await;
        }
        self.inner.next_batch().await
    }
}
