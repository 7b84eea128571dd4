//! What the driver asks of frozen: the part to write for a real one.

mod memory;

use nova_api::{
    AttachVolumeError, BackendError, CreateError, CreateRequest, DestroyError, DetachVolumeError, Epoch, GiB,
    InstanceError, InstanceId, InstanceRef, MiB, NodeName, OpId, PowerState, Vcpus, VolumeId,
};

pub use memory::InMemory;

/// A hypervisor. It is the truth: drivers of it come and go, and may be several at once.
///
/// A method that changes something compares the epoch with the greatest that the node has seen, and
/// acts, in one step: between the two, nobody else may act.
pub trait Backend: Send + Sync + 'static {
    /// Lists the nodes: one, always in the same order.
    fn nodes(&self) -> impl Future<Output = Result<Vec<Node>, BackendError>> + Send;

    /// Lists the machines of all nodes.
    fn machines(&self) -> impl Future<Output = Result<Vec<Machine>, BackendError>> + Send;

    /// Makes and starts a machine, or nothing at all. Does nothing if the same operation has made it.
    fn define(&self, epoch: Epoch, machine: Machine) -> impl Future<Output = Result<(), CreateError>> + Send;

    /// Removes a machine and all it had. Does nothing if it is gone.
    fn undefine(
        &self,
        epoch: Epoch,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<(), DestroyError>> + Send;

    /// Brings a machine into a power state, if it is in one of `from`.
    fn switch<E: InstanceError>(
        &self,
        epoch: Epoch,
        id: &InstanceId,
        from: &[PowerState],
        to: PowerState,
    ) -> impl Future<Output = Result<(), E>> + Send;

    /// Gives a machine a volume, if no other has it. Does nothing if it has it.
    fn attach(
        &self,
        epoch: Epoch,
        id: &InstanceId,
        volume: &VolumeId,
        device: &str,
    ) -> impl Future<Output = Result<(), AttachVolumeError>> + Send;

    /// Takes a volume from a machine. Does nothing if it does not have it.
    fn detach(
        &self,
        epoch: Epoch,
        id: &InstanceId,
        volume: &VolumeId,
    ) -> impl Future<Output = Result<(), DetachVolumeError>> + Send;
}

/// A node and its size, or what is taken of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The node's name.
    pub name: NodeName,
    /// Processors.
    pub vcpus: Vcpus,
    /// Memory.
    pub memory: MiB,
    /// Disk space.
    pub disk: GiB,
}

impl Node {
    /// Adds up what the machines on a node have taken of it.
    pub fn sum_of(name: &NodeName, machines: &[Machine]) -> Self {
        let (name, none) = (name.clone(), (Vcpus(0), MiB(0), GiB(0)));
        let here = machines.iter().filter(|machine| machine.instance.node == name);
        let (vcpus, memory, disk) = here.fold(none, |(vcpus, memory, disk), machine| {
            (
                vcpus.saturating_add(machine.vcpus),
                memory.saturating_add(machine.memory),
                disk.saturating_add(machine.disk),
            )
        });
        Self { name, vcpus, memory, disk }
    }
}

/// A machine: an instance as the back end knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The instance and its node.
    pub instance: InstanceRef,
    /// The operation that made it; kept with the machine, so that a repetition is known after a restart.
    pub op_id: OpId,
    /// Processors.
    pub vcpus: Vcpus,
    /// Memory.
    pub memory: MiB,
    /// Disk space.
    pub disk: GiB,
    /// Whether it runs.
    pub power: PowerState,
    /// Its volumes and the devices they were attached as, in order.
    pub volumes: Vec<(VolumeId, String)>,
}

impl Machine {
    /// Describes the machine that a request asks for.
    pub fn new(request: CreateRequest, op_id: OpId) -> Self {
        Self {
            instance: request.instance,
            op_id,
            vcpus: request.vcpus,
            memory: request.memory,
            disk: request.disk,
            power: PowerState::Running,
            volumes: Vec::new(),
        }
    }
}
