//! The back end of the animals: what their nodes hold.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nova_api::{
    CreateRequest, Epoch, GiB, InstanceRef, MiB, MigrationEnd, NodeName, OpId, PowerState, SnapshotTaken,
    Vcpus, VolumeId,
};
use nova_conformance::Fixture;

use super::{Animal, Named, alive};
use crate::faults::Fault;

pub(super) const VCPUS: Vcpus = Vcpus(64);
pub(super) const MEMORY: MiB = MiB(4096);
pub(super) const DISK: GiB = GiB(100);

/// The node without facets.
pub(super) const BARE: &str = "bare";

/// What every guest prints when it starts; its last bytes are no single characters.
const GREETING: &str = "an animal is awake: größe";

/// A back end and the fault of all drivers of it.
pub(crate) struct Cage {
    fault: Fault,
    /// Whether each node has a driver of its own.
    apart: bool,
    /// Whether there is a node to migrate to, if they have.
    alone: bool,
    state: Arc<Mutex<State>>,
}

impl Cage {
    /// Makes a cluster of three nodes behind one driver.
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, apart: false, alone: false, state: Arc::default() }
    }

    /// Makes two nodes with a driver each.
    pub(crate) fn of_hypervisors(fault: Fault) -> Self {
        Self { apart: true, ..Self::new(fault) }
    }

    /// Makes one node, and nowhere to migrate to from it.
    pub(crate) fn of_one_hypervisor(fault: Fault) -> Self {
        Self { alone: true, ..Self::of_hypervisors(fault) }
    }

    fn animal(&self, nodes: &[&str]) -> Animal {
        let mut nodes: Vec<_> = nodes.iter().map(|name| node(name)).collect();
        if self.fault == Fault::RenamesNodes {
            let drivers = Arc::strong_count(&self.state);
            nodes.push(node(&format!("cage-of-driver-{drivers}")));
        }
        Animal {
            fault: self.fault,
            nodes,
            state: Arc::clone(&self.state),
            own: Mutex::new((Epoch::new(0), Vec::new())),
        }
    }
}

impl Fixture for Cage {
    type Driver = Animal;

    fn driver(&self) -> Animal {
        self.animal(if self.apart { &["cage-a"] } else { &["cage-a", "cage-b", BARE] })
    }

    fn migration_target(&self) -> Option<(Animal, NodeName)> {
        (self.apart && !self.alone).then(|| (self.animal(&["cage-b"]), node("cage-b")))
    }

    fn greeting(&self) -> Option<(&str, Duration)> {
        Some((GREETING, Duration::from_millis(100)))
    }

    fn longest_poll(&self) -> Duration {
        // Half of what an animal that blocks takes; the others only lock a mutex.
        Duration::from_millis(40)
    }

    fn wind_up(&self) -> Duration {
        Duration::from_millis(500)
    }
}

pub(super) fn node(name: &str) -> NodeName {
    NodeName::parse(name).expect("a literal without white space")
}

#[derive(Default)]
pub(super) struct State {
    pub(super) epochs: BTreeMap<NodeName, Epoch>,
    pub(super) instances: BTreeMap<InstanceRef, Instance>,
    /// Memory that belongs to nobody any more.
    pub(super) leaked: BTreeMap<NodeName, MiB>,
    /// Volumes that belong to nobody any more.
    pub(super) orphans: BTreeSet<VolumeId>,
    /// Where volumes are that were attached once.
    pub(super) paths: BTreeMap<VolumeId, String>,
    /// How migrations have ended.
    pub(super) ended: BTreeMap<InstanceRef, MigrationEnd>,
    /// What was written where, by which operation; `None` while it is being written.
    pub(super) images: Named<(OpId, Option<SnapshotTaken>)>,
    /// Instances in the midst of a power change.
    pub(super) stuck: BTreeSet<InstanceRef>,
    /// Instances that were rebooted since somebody read the events.
    pub(super) rebooted: BTreeSet<InstanceRef>,
    /// Every instance that ever was.
    pub(super) ever: BTreeSet<InstanceRef>,
}

impl State {
    /// Returns an instance that is whole.
    pub(super) fn instance(&self, instance: &InstanceRef) -> Option<&Instance> {
        self.instances.get(instance).filter(|it| alive(it))
    }

    pub(super) fn on<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a Instance> {
        self.instances.values().filter(move |it| it.request.instance.node == *node)
    }

    pub(super) fn used(&self, node: &NodeName) -> (Vcpus, MiB, GiB) {
        let leaked = self.leaked.get(node).copied().unwrap_or_default();
        self.on(node).fold((Vcpus(0), leaked, GiB(0)), |(vcpus, memory, disk), it| {
            (
                vcpus.saturating_add(it.request.vcpus),
                memory.saturating_add(it.request.memory),
                disk.saturating_add(it.request.disk),
            )
        })
    }

    pub(super) fn leak(&mut self, node: &NodeName) {
        let leaked = self.leaked.entry(node.clone()).or_default();
        *leaked = leaked.saturating_add(MiB(1));
    }
}

/// An instance as the back end has it.
#[derive(Clone)]
pub(super) struct Instance {
    pub(super) request: CreateRequest,
    /// The operation that made it here.
    pub(super) op: OpId,
    /// Whether it is being made, or being removed.
    pub(super) half: bool,
    pub(super) power: PowerState,
    /// What the list shows of it.
    pub(super) shown: PowerState,
    /// The power state it was in before it set off to another node.
    pub(super) left: Option<PowerState>,
    pub(super) volumes: Vec<VolumeId>,
    pub(super) printed: String,
    pub(super) started: Instant,
    /// What its disk begins with.
    pub(super) disk: Vec<u8>,
    pub(super) port: Option<Arc<TcpListener>>,
    /// How often somebody asked for its diagnostics.
    pub(super) asked: u64,
}

impl Instance {
    /// Describes an instance that is being made.
    pub(super) fn new(request: CreateRequest, op: OpId, disk: Vec<u8>) -> Self {
        Self {
            request,
            op,
            half: true,
            power: PowerState::Off,
            shown: PowerState::Off,
            left: None,
            volumes: Vec::new(),
            printed: String::new(),
            started: Instant::now(),
            disk,
            port: None,
            asked: 0,
        }
    }

    pub(super) fn turn(&mut self, to: PowerState) {
        if to == PowerState::Running && self.power == PowerState::Off {
            self.start();
        }
        self.power = to;
    }

    /// Has the guest begin anew.
    pub(super) fn start(&mut self) {
        self.printed.push_str(GREETING);
        self.started = Instant::now();
    }

    /// Ends the making of an instance.
    pub(super) fn finish(&mut self, power: PowerState) {
        self.half = false;
        self.turn(power);
        self.shown = power;
    }
}
