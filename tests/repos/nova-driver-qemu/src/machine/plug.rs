//! Volumes of a running guest: plugged in and out, without the guest's help.

use std::time::{Duration, Instant};

use nova_api::{BackendError, Call, MutationError};
use qapi::qmp;

use crate::failure::OrFailed as _;
use crate::machine::commands::{BlockdevAdd, DeviceAdd, Nothing, QueryNamedBlockNodes};
use crate::machine::monitor::{Monitor, Waited};
use crate::machine::{Machine, disk};
use crate::spec::Attached;

/// How long QEMU may take to take a device out.
const UNPLUG: Duration = Duration::from_secs(10);

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

    /// Plugs the volume in a slot out, if it is in; says whether that could be done.
    pub(crate) fn unplug<E: MutationError>(&self, call: &Call, slot: u8) -> Result<bool, E> {
        let name = disk::name_of(slot);
        let device = disk::device_of(&name);
        let mut monitor = self.monitor()?;
        if is_plugged(&mut monitor, &device)? {
            monitor.execute(&qmp::device_del { id: device.clone() })?;
            let deleted = |event: &qmp::Event| match event {
                qmp::Event::DEVICE_DELETED { data, .. } => data.device.as_ref() == Some(&device),
                _ => false,
            };
            match monitor.wait_for(call, Instant::now() + UNPLUG, deleted)? {
                Waited::Came => {}
                Waited::Late => return Ok(false),
                Waited::Gone => return Ok(true),
            }
        }
        close(&mut monitor, &name)?;
        Ok(true)
    }
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
