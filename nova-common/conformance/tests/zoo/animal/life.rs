//! How instances come and go.

use std::fs::File;
use std::io::Read as _;
use std::sync::PoisonError;

use nova_api::{
    BackendError, BadRequest, Call, CreateError, CreateRequest, DestroyError, DiskSource, InstanceRef,
    NoCapacity, NotSameInstance, OpId, PowerState,
};

use super::Animal;
use super::cage::{DISK, Instance, MEMORY, State, VCPUS};
use crate::faults::Fault;

impl Animal {
    pub(super) fn name(&self) -> &'static str {
        if self.has(Fault::HasNoName) { "" } else { "animal" }
    }

    /// Refuses what a node has no room for.
    pub(super) fn make_room(&self, state: &State, request: &CreateRequest) -> Result<(), NoCapacity> {
        let (vcpus, memory, disk) = state.used(&request.instance.node);
        let lacks = (vcpus.saturating_add(request.vcpus) > VCPUS && !self.has(Fault::OvercommitsVcpus))
            || memory.saturating_add(request.memory) > MEMORY
            || (disk.saturating_add(request.disk) > DISK && !self.has(Fault::OvercommitsDisk));
        let (node, lacking) = (request.instance.node.clone(), "room".to_owned());
        if lacks { Err(NoCapacity { node, lacking }) } else { Ok(()) }
    }

    /// Says whether an operation is the one that made an instance.
    pub(super) fn same(&self, it: &Instance, call: &Call) -> bool {
        let (_, own) = &*self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = !self.has(Fault::ForgetsOperationsOnRestart) || own.contains(&call.op_id);
        (it.op == call.op_id && remembered && !self.has(Fault::ForgetsOperations))
            || self.has(Fault::TakesAllOperationsForOne)
    }

    /// Reserves what an instance needs, and says whether it is there already.
    pub(super) fn reserve(&self, call: &Call, request: &CreateRequest) -> Result<bool, CreateError> {
        let instance = &request.instance;
        let mut state = self.begin::<CreateError>(call, &instance.node, Fault::IgnoresEpochs)?;
        if let Some(it) = state.instances.get(instance) {
            let half = it.half;
            if !self.same(it, call) {
                return Err(NotSameInstance(instance.id.clone()).into());
            }
            if half && self.has(Fault::ReservesTwice) {
                state.leak(&instance.node);
            }
            return Ok(!half || self.has(Fault::TakesHalfForWhole));
        }
        if self.has(Fault::RemembersTheDead) && state.ever.contains(instance) {
            return Err(NotSameInstance(instance.id.clone()).into());
        }
        let disk = self.image(request)?;
        if let Err(refusal) = self.make_room(&state, request) {
            if self.has(Fault::LeaksWhenRefusing) {
                state.leak(&instance.node);
            }
            return Err(refusal.into());
        }
        self.own.lock().unwrap_or_else(PoisonError::into_inner).1.push(call.op_id.clone());
        state.ever.insert(instance.clone());
        state.ended.remove(instance);
        if !self.has(Fault::ReservesLate) {
            state
                .instances
                .insert(instance.clone(), Instance::new(request.clone(), call.op_id.clone(), disk));
        }
        Ok(false)
    }

    /// Returns what the disk of a new instance begins with.
    fn image(&self, request: &CreateRequest) -> Result<Vec<u8>, CreateError> {
        let Some(DiskSource::File { path }) = &request.image else { return Ok(Vec::new()) };
        let cannot = |error: std::io::Error| CreateError::from(BadRequest(error.to_string()));
        let file = File::open(path).map_err(cannot)?;
        let size = file.metadata().map_err(cannot)?.len();
        if size > request.disk.0 << 30 && !self.has(Fault::CutsImages) {
            return Err(BadRequest(format!("an image of {size} bytes")).into());
        }
        let mut start = Vec::new();
        file.take(if self.has(Fault::IgnoresImages) { 0 } else { 8192 })
            .read_to_end(&mut start)
            .map_err(cannot)?;
        Ok(start)
    }

    /// Makes an instance of what was reserved for it.
    pub(super) fn finish(&self, call: &Call, request: CreateRequest) -> Result<(), CreateError> {
        let instance = request.instance.clone();
        let mut state = self.act::<CreateError>(call, &instance.node, Fault::IgnoresEpochs)?;
        if self.has(Fault::ReservesLate) {
            let late = Instance::new(request, call.op_id.clone(), Vec::new());
            state.instances.insert(instance.clone(), late);
        }
        if self.has(Fault::LeaksWhenRacing) && !state.instances.contains_key(&instance) {
            state.leak(&instance.node);
        }
        let destroyed = || BackendError::new("destroyed while it was made");
        let it = state.instances.get_mut(&instance).ok_or_else(destroyed)?;
        let off = self.has(Fault::CreatesWithoutStarting);
        it.finish(if off { PowerState::Off } else { PowerState::Running });
        Ok(())
    }

    /// Begins to remove an instance and returns which operation made it, if there is something to remove.
    pub(super) fn mark(&self, call: &Call, instance: &InstanceRef) -> Result<Option<OpId>, DestroyError> {
        let mut state = self.begin::<DestroyError>(call, &instance.node, Fault::IgnoresEpochs)?;
        if self.has(Fault::DestroysTheWholeNode) {
            state.instances.retain(|other, _| other.node != instance.node);
        }
        match state.instances.get_mut(instance) {
            None if self.has(Fault::DestroysOnce) => Err(BackendError::new("no such instance").into()),
            None => Ok(None),
            Some(it) if self.has(Fault::KeepsThePaused) && it.power == PowerState::Paused => Ok(None),
            Some(it) if self.has(Fault::TakesHalfForGone) && it.half => Ok(None),
            Some(it) => {
                it.half = true;
                Ok(Some(it.op.clone()))
            }
        }
    }

    pub(super) fn remove(&self, call: &Call, instance: &InstanceRef, op: &OpId) -> Result<(), DestroyError> {
        let mut state = self.act::<DestroyError>(call, &instance.node, Fault::IgnoresEpochs)?;
        if state.instances.get(instance).is_some_and(|it| it.op == *op)
            && let Some(gone) = state.instances.remove(instance)
        {
            self.bury(&mut state, &gone);
        }
        Ok(())
    }

    /// Gives up what was reserved for an instance that is not made.
    pub(super) fn give_up(&self, instance: &InstanceRef, call: &Call) {
        let mut state = self.state();
        if state.instances.get(instance).is_some_and(|it| it.half && it.op == call.op_id) {
            state.instances.remove(instance);
            if self.has(Fault::LeaksWhenInterrupted) {
                state.leak(&instance.node);
            }
        }
    }
}
