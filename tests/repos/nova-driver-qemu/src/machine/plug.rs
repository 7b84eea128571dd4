//! Volumes of a running guest: plugged in and out, without the guest's help.

use std::time::{Duration, Instant};

use nova_api::{BackendError, Call, MutationError};
use qapi::qmp;
use serde_json::json;

use crate::failure::OrFailed as _;
use crate::machine::commands::{
    BlockdevAdd, BlockdevReopen, DeviceAdd, Nothing, QueryNamedBlockNodes,
};
use crate::machine::monitor::{Monitor, Waited};
use crate::machine::{Machine, disk};
use crate::spec::Attached;

/// How long QEMU may take to take a device out: many times what it needs, if it does.
const UNPLUG: Duration = Duration::from_secs(2);
/// How long to wait before the next try.
const AGAIN: Duration = Duration::from_millis(50);

impl Machine {
    /// Plugs a volume in, unless it is.
    pub(crate) fn plug(&self, attached: &Attached) -> Result<(), BackendError> {
        let Attached { volume, slot } = attached;
        let name = disk::name_of(*slot);
        let path = disk::path_of(&volume.source)
            .or_failed(|| format!("volume `{}` is gone", volume.id))?;
        let mut monitor = self.monitor()?;
        if !is_open(&mut monitor, &name)? {
            monitor.execute(&BlockdevAdd(disk::blockdev(&name, path, volume.read_only)))?;
        }
        if !is_plugged(&mut monitor, &disk::device_of(&name))? {
            let device = DeviceAdd(disk::device(&name, *slot, Some(&volume.id)));
            if let Err(error) = monitor.execute(&device) {
                // What it failed for is what is to be told.
                drop(close(&mut monitor, &name));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Plugs a volume out, if it is in; says whether that could be done.
    pub(crate) fn unplug<E: MutationError>(
        &self,
        call: &Call,
        attached: &Attached,
    ) -> Result<bool, E> {
        let name = disk::name_of(attached.slot);
        let device = disk::device_of(&name);
        let mut monitor = self.monitor()?;
        if is_plugged(&mut monitor, &device)? {
            monitor.execute(&qmp::device_del { id: device.clone() })?;
        }
        let until = Instant::now() + UNPLUG;
        while close(&mut monitor, &name).is_err() {
            // QEMU is not done with the device yet. It says when it is, but it may be that it never is.
            let deleted = |event: &qmp::Event| match event {
                qmp::Event::DEVICE_DELETED { data, .. } => data.device.as_ref() == Some(&device),
                _ => false,
            };
            let again = until.min(Instant::now() + AGAIN);
            match monitor.wait_for(call, again, deleted)? {
                Waited::Late if again < until => {}
                Waited::Late if is_plugged(&mut monitor, &device)? => return Ok(false),
                Waited::Late => return Ok(abandon(&mut monitor, attached).map(|()| true)?),
                Waited::Came => {}
                Waited::Gone => return Ok(true),
            }
        }
        Ok(true)
    }

    /// Returns the slots that the running guest's QEMU has not let go of, also where nothing is plugged in.
    pub(crate) fn open_slots(&self) -> Result<Vec<u8>, BackendError> {
        let nodes = self.control(&QueryNamedBlockNodes(Nothing {}))?;
        Ok((1..=u8::MAX)
            .filter(|slot| {
                let name = disk::name_of(*slot);
                nodes.iter().any(|node| node.node_name == name)
            })
            .collect())
    }
}

/// Takes the volume out of a disk of which the guest sees nothing any more and which QEMU does not let go of: 7.2
/// forgets requests of the BIOS that a reset has interrupted, and what they hold. The slot is lost to this boot.
fn abandon(monitor: &mut Monitor, attached: &Attached) -> Result<(), BackendError> {
    let (name, nothing) = (disk::name_of(attached.slot), format!("nothing{}", attached.slot));
    if !is_open(monitor, &nothing)? {
        monitor.execute(&BlockdevAdd(json!({ "driver": "null-co", "node-name": nothing })))?;
    }
    let read_only = attached.volume.read_only;
    let disk =
        json!({ "driver": "raw", "node-name": name, "read-only": read_only, "file": nothing });
    monitor.execute(&BlockdevReopen(json!({ "options": [disk] }))).map(drop)
}

/// Closes a disk, if it is open; what was written to it is on it then.
pub(super) fn close(monitor: &mut Monitor, name: &str) -> Result<(), BackendError> {
    if is_open(monitor, name)? {
        monitor.execute(&qmp::blockdev_del { node_name: name.to_owned() })?;
    }
    Ok(())
}

fn is_open(monitor: &mut Monitor, name: &str) -> Result<bool, BackendError> {
    let nodes = monitor.execute(&QueryNamedBlockNodes(Nothing {}))?;
    Ok(nodes.iter().any(|node| node.node_name == name))
}

fn is_plugged(monitor: &mut Monitor, device: &str) -> Result<bool, BackendError> {
    let devices = monitor.execute(&qmp::qom_list { path: "/machine/peripheral".to_owned() })?;
    Ok(devices.iter().any(|one| one.name == device))
}
