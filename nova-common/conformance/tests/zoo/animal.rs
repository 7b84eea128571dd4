//! A driver in memory that is right but for one fault.

mod cage;
mod driver;
mod events;
mod guest;
mod life;
mod migrate;
mod snapshot;
mod volumes;

use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use nova_api::{
    BackendError, Call, Epoch, InstanceError, InstanceRef, Interrupted, MutationError, NodeName, OpId,
    PowerState, StaleEpoch, UnknownInstance, UnknownNode, WrongPower,
};

pub(crate) use self::cage::Cage;
use self::cage::{Instance, State};
use crate::faults::Fault;

/// How long a driver that blocks does so.
const BLOCKED: Duration = Duration::from_millis(80);

/// The driver.
pub(crate) struct Animal {
    fault: Fault,
    /// The nodes that it manages.
    nodes: Vec<NodeName>,
    state: Arc<Mutex<State>>,
    /// What it remembers of epochs and operations itself, as no driver should.
    own: Mutex<(Epoch, Vec<OpId>)>,
}

impl Animal {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn known(&self, name: &NodeName) -> Result<(), UnknownNode> {
        if self.nodes.contains(name) { Ok(()) } else { Err(UnknownNode(name.clone())) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses every call of a facet that is there in name only.
    fn ensure_substance(&self, empty: Fault) -> Result<(), BackendError> {
        if self.has(empty) { Err(BackendError::new("not implemented")) } else { Ok(()) }
    }

    /// Holds its thread, if that is its fault.
    fn block(&self, fault: Fault) {
        if self.has(fault) {
            thread::sleep(BLOCKED);
        }
    }

    /// Compares and raises the epoch of a node, and hands out the state to act on in the same step.
    fn act<E: MutationError>(
        &self,
        call: &Call,
        node: &NodeName,
        lawless: Fault,
    ) -> Result<MutexGuard<'_, State>, E> {
        let node = if self.has(Fault::FencesAllNodesAlike) { &self.nodes[0] } else { node };
        let mut state = self.state();
        let (own, _) = &mut *self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = state.epochs.get(node).copied().unwrap_or(Epoch::new(0));
        let latest = if self.has(Fault::FencesAlone) { *own } else { seen };
        if call.epoch < latest && !self.has(Fault::IgnoresEpochs) && !self.has(lawless) {
            return Err(StaleEpoch { given: call.epoch, latest }.into());
        }
        *own = call.epoch.max(*own);
        state.epochs.insert(node.clone(), call.epoch.max(seen));
        Ok(state)
    }

    /// Begins a call, unless the caller waits no more.
    fn begin<E: MutationError>(
        &self,
        call: &Call,
        node: &NodeName,
        lawless: Fault,
    ) -> Result<MutexGuard<'_, State>, E> {
        if !self.has(Fault::IgnoresInterruption) {
            call.check()?;
        }
        self.act(call, node, lawless)
    }

    /// Waits for the back end in the midst of a call, and goes on if the caller still waits.
    async fn go_on(&self, call: &Call) -> Result<(), Interrupted> {
        wait().await;
        match call.check() {
            Err(Interrupted::Cancelled) if self.has(Fault::HangsWhenCancelled) => pending().await,
            Err(Interrupted::DeadlinePassed) if self.has(Fault::HangsWhenLate) => pending().await,
            Err(_) if self.has(Fault::IgnoresInterruption) => Ok(()),
            other => other,
        }
    }

    /// Brings an instance from one of some power states into another.
    async fn switch<E: InstanceError>(
        &self,
        call: &Call,
        instance: &InstanceRef,
        allowed: &[PowerState],
        to: PowerState,
        lawless: Fault,
    ) -> Result<(), E> {
        let instance = &self.meant(instance);
        self.check_power::<E>(&*self.begin::<E>(call, &instance.node, lawless)?, instance, allowed)?;
        self.go_on(call).await.map_err(|why| self.told::<E>(why))?;
        let turned = self.turn::<E>(call, instance, allowed, to, lawless)?;
        wait().await;
        if to == PowerState::Off {
            // A list that follows later is overtaken by that of a quicker call.
            wait().await;
        }
        let mut state = self.state();
        state.stuck.remove(instance);
        match (state.instances.get_mut(instance), turned) {
            (Some(it), _) => it.shown = to,
            (None, Some(turned)) if self.has(Fault::RevivesTheDestroyed) => {
                state.instances.insert(instance.clone(), turned);
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// Returns the instance that a call is about: the one of that id on that node.
    fn meant(&self, instance: &InstanceRef) -> InstanceRef {
        let state = self.state();
        let of_id = |there: &&InstanceRef| match self.fault {
            Fault::LooksForIdsAlone => there.id == instance.id,
            Fault::IgnoresCase => {
                there.node == instance.node && there.id.as_str().eq_ignore_ascii_case(instance.id.as_str())
            }
            _ => false,
        };
        state.instances.keys().find(of_id).unwrap_or(instance).clone()
    }

    fn turn<E: InstanceError>(
        &self,
        call: &Call,
        instance: &InstanceRef,
        allowed: &[PowerState],
        to: PowerState,
        lawless: Fault,
    ) -> Result<Option<Instance>, E> {
        let mut state = self.act::<E>(call, &instance.node, lawless)?;
        self.check_power::<E>(&state, instance, allowed)?;
        if !state.stuck.insert(instance.clone()) && self.has(Fault::StuckAfterCrash) {
            return Err(BackendError::new("busy").into());
        }
        let it = state.instances.get_mut(instance).filter(|it| alive(it));
        Ok(it.map(|it| {
            it.turn(to);
            it.clone()
        }))
    }

    fn check_power<E: InstanceError>(
        &self,
        state: &State,
        instance: &InstanceRef,
        allowed: &[PowerState],
    ) -> Result<(), E> {
        match state.instance(instance) {
            Some(it) if allowed.contains(&it.power) => Ok(()),
            Some(it) => Err(WrongPower { instance: instance.id.clone(), power: it.power }.into()),
            None if self.has(Fault::SwitchesTheUnknown) => Ok(()),
            None => Err(UnknownInstance(instance.id.clone()).into()),
        }
    }

    /// Says that a call was interrupted.
    fn told<E: MutationError>(&self, why: Interrupted) -> E {
        if self.has(Fault::TakesInterruptionsForFailures) {
            BackendError::new("stopped in the middle").into()
        } else {
            why.into()
        }
    }

    fn said(&self, power: PowerState) -> PowerState {
        let lies = self.has(Fault::SaysRunningWhenOff) && power == PowerState::Off;
        if lies { PowerState::Running } else { power }
    }
}

/// Waits once, as for an answer of the back end.
async fn wait() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Takes what was kept by name, for those who keep it so.
type Named<T> = BTreeMap<String, T>;

fn alive(it: &Instance) -> bool {
    !it.half
}
