//! A back end in memory: what the tests run on until there is a real one, and after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nova_api::{
    AttachVolumeError, BackendError, CreateError, DestroyError, DetachVolumeError, Epoch, GiB, InstanceError,
    InstanceId, InstanceRef, MiB, NoCapacity, NodeName, NotSameInstance, PowerState, StaleEpoch,
    UnknownInstance, UnknownNode, Vcpus, VolumeId, VolumeInUse, WrongPower,
};

use crate::{Backend, Machine, Node};

const NODES: &[&str] = &["host"];

/// A host in memory; clones share it.
#[derive(Debug, Clone)]
pub struct InMemory(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    nodes: Vec<Node>,
    machines: BTreeMap<InstanceId, Machine>,
    /// The greatest epoch that each node has seen.
    epochs: BTreeMap<NodeName, Epoch>,
}

impl Default for InMemory {
    fn default() -> Self {
        let node = |name: &&str| Node {
            name: NodeName::parse(name).expect("a literal without white space"),
            vcpus: Vcpus(16),
            memory: MiB(65_536),
            disk: GiB(1_000),
        };
        Self(Arc::new(Mutex::new(State {
            nodes: NODES.iter().map(node).collect(),
            machines: BTreeMap::new(),
            epochs: BTreeMap::new(),
        })))
    }
}

impl InMemory {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion or removal, so a panic elsewhere leaves no half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fence(&mut self, node: &NodeName, given: Epoch) -> Result<(), StaleEpoch> {
        let latest = self.epochs.entry(node.clone()).or_insert(given);
        if given < *latest {
            let latest = *latest;
            return Err(StaleEpoch { given, latest });
        }
        *latest = given;
        Ok(())
    }

    fn node(&self, name: &NodeName) -> Result<&Node, UnknownNode> {
        let found = self.nodes.iter().find(|node| node.name == *name);
        found.ok_or_else(|| UnknownNode(name.clone()))
    }

    /// Finds a machine whose node takes the epoch, and which may be changed: one that is not paused.
    fn changeable<E: InstanceError>(&mut self, given: Epoch, id: &InstanceId) -> Result<&mut Machine, E> {
        let unknown = || UnknownInstance(id.clone());
        let node = self.machines.get(id).ok_or_else(unknown)?.instance.node.clone();
        self.fence(&node, given)?;
        let machine = self.machines.get_mut(id).ok_or_else(unknown)?;
        if machine.power == PowerState::Paused {
            return Err(WrongPower { instance: id.clone(), power: machine.power }.into());
        }
        Ok(machine)
    }

    fn make_room(&self, machine: &Machine) -> Result<(), CreateError> {
        let node = self.node(&machine.instance.node)?;
        let machines: Vec<_> = self.machines.values().cloned().collect();
        let used = Node::sum_of(&node.name, &machines);
        let lacking = [
            (used.vcpus.saturating_add(machine.vcpus) > node.vcpus, machine.vcpus.to_string()),
            (used.memory.saturating_add(machine.memory) > node.memory, machine.memory.to_string()),
            (used.disk.saturating_add(machine.disk) > node.disk, machine.disk.to_string()),
        ];
        match lacking.into_iter().find(|(lacks, _)| *lacks) {
            Some((_, lacking)) => {
                let node = node.name.clone();
                Err(NoCapacity { node, lacking }.into())
            }
            None => Ok(()),
        }
    }
}

impl Backend for InMemory {
    async fn nodes(&self) -> Result<Vec<Node>, BackendError> {
        Ok(self.state().nodes.clone())
    }

    async fn machines(&self) -> Result<Vec<Machine>, BackendError> {
        Ok(self.state().machines.values().cloned().collect())
    }

    async fn define(&self, epoch: Epoch, machine: Machine) -> Result<(), CreateError> {
        let mut state = self.state();
        let id = machine.instance.id.clone();
        state.node(&machine.instance.node)?;
        state.fence(&machine.instance.node, epoch)?;
        if let Some(known) = state.machines.get(&id) {
            let same = known.op_id == machine.op_id;
            return if same { Ok(()) } else { Err(NotSameInstance(id).into()) };
        }
        state.make_room(&machine)?;
        state.machines.insert(id, machine);
        Ok(())
    }

    async fn undefine(&self, epoch: Epoch, instance: &InstanceRef) -> Result<(), DestroyError> {
        let mut state = self.state();
        state.node(&instance.node)?;
        state.fence(&instance.node, epoch)?;
        state.machines.remove(&instance.id);
        Ok(())
    }

    async fn switch<E: InstanceError>(
        &self,
        epoch: Epoch,
        id: &InstanceId,
        from: &[PowerState],
        to: PowerState,
    ) -> Result<(), E> {
        let mut state = self.state();
        let unknown = || UnknownInstance(id.clone());
        let node = state.machines.get(id).ok_or_else(unknown)?.instance.node.clone();
        state.fence(&node, epoch)?;
        let machine = state.machines.get_mut(id).ok_or_else(unknown)?;
        if !from.contains(&machine.power) {
            let (instance, power) = (id.clone(), machine.power);
            return Err(WrongPower { instance, power }.into());
        }
        machine.power = to;
        Ok(())
    }

    async fn attach(
        &self,
        epoch: Epoch,
        id: &InstanceId,
        volume: &VolumeId,
        device: &str,
    ) -> Result<(), AttachVolumeError> {
        let mut state = self.state();
        let has = |machine: &&Machine| machine.volumes.iter().any(|(known, _)| known == volume);
        let holder = state.machines.values().find(has).map(|machine| machine.instance.id.clone());
        let machine = state.changeable::<AttachVolumeError>(epoch, id)?;
        match holder {
            None => machine.volumes.push((volume.clone(), device.to_owned())),
            Some(by) if by == *id => {}
            Some(by) => return Err(VolumeInUse { volume: volume.clone(), by }.into()),
        }
        Ok(())
    }

    async fn detach(
        &self,
        epoch: Epoch,
        id: &InstanceId,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        let mut state = self.state();
        let machine = state.changeable::<DetachVolumeError>(epoch, id)?;
        machine.volumes.retain(|(known, _)| known != volume);
        Ok(())
    }
}
