//! Events, from the journals that each QEMU keeps of itself.

use std::collections::BTreeMap;

use nova_api::{
    BackendError, DriverEvent, EventSource, EventsError, Happening, InstanceId, InstanceRef,
    PowerState,
};

use crate::QemuDriver;
use crate::machine::Machine;
use crate::machine::journal::{self, Cursor};
use crate::node::Node;
use crate::offload::offload;

/// What has happened to the guests of a node, each event as QEMU announced it.
#[derive(Debug)]
pub(crate) struct Journals<'a> {
    driver: &'a QemuDriver,
    seen: Option<Seen>,
}

type Seen = BTreeMap<InstanceId, Guest>;

/// How far a guest's journal has been read, and what it said last.
#[derive(Debug, Clone)]
struct Guest {
    instance: InstanceRef,
    power: PowerState,
    cursor: Cursor,
}

impl<'a> Journals<'a> {
    /// Reads the journals of the driver's node from now on.
    pub(crate) fn new(driver: &'a QemuDriver) -> Self {
        Self { driver, seen: None }
    }
}

impl EventSource for Journals<'_> {
    async fn next_batch(&mut self) -> Result<Vec<DriverEvent>, EventsError> {
        let (node, before) = (self.driver.node()?, self.seen.clone());
        let (events, now) = offload(move || {
            let first = before.is_none();
            let (mut events, now) = read(&node, before.unwrap_or_default())?;
            if first {
                events.clear();
            }
            Ok::<_, EventsError>((events, now))
        })
        .await?;
        self.seen = Some(now);
        Ok(events)
    }
}

fn read(node: &Node, mut before: Seen) -> Result<(Vec<DriverEvent>, Seen), BackendError> {
    let (mut events, mut now) = (Vec::new(), Seen::new());
    for machine in node.machines()? {
        let instance = machine.reference(&node.name);
        let mut tell = |happening| events.push(DriverEvent::new(instance.clone(), happening));
        let guest = match before.remove(&instance.id) {
            Some(guest) => follow(&machine, guest, &mut tell)?,
            None => meet(&machine, instance.clone(), &mut tell)?,
        };
        machine.trim();
        now.insert(guest.instance.id.clone(), guest);
    }
    let gone =
        before.into_values().map(|guest| DriverEvent::new(guest.instance, Happening::Vanished));
    let mut all: Vec<_> = gone.collect();
    all.append(&mut events);
    Ok((all, now))
}

fn meet(
    machine: &Machine,
    instance: InstanceRef,
    tell: &mut dyn FnMut(Happening),
) -> Result<Guest, BackendError> {
    // What is announced between the two is heard twice and told once.
    let cursor = journal::end(machine.run())?;
    let power = machine.power()?;
    tell(Happening::Appeared(power));
    Ok(Guest { instance, power, cursor })
}

fn follow(
    machine: &Machine,
    mut guest: Guest,
    tell: &mut dyn FnMut(Happening),
) -> Result<Guest, BackendError> {
    let mut come_into = |power: PowerState| {
        if guest.power != power {
            tell(Happening::Power(power));
            guest.power = power;
        }
    };
    // A process that was killed announces nothing. What it had announced before is read after this look.
    let alive = machine.is_on()?;
    let told = journal::since(machine.run(), guest.cursor)?;
    if told.started {
        come_into(PowerState::Off);
        come_into(PowerState::Running);
    }
    told.states.into_iter().for_each(&mut come_into);
    if !alive {
        come_into(PowerState::Off);
    }
    guest.cursor = told.cursor;
    Ok(guest)
}
