//! The command line of a guest's QEMU.

use std::path::Path;
use std::process::Command;

use nova_api::BackendError;
use serde_json::Value;

use crate::config::Config;
use crate::failure::OrFailed as _;
use crate::machine::disk;
use crate::machine::monitor::Purpose;
use crate::spec::{Attached, Spec};

/// Says how a guest is started in its run directory.
pub(crate) fn of(config: &Config, spec: &Spec, dir: &Path) -> Result<Command, BackendError> {
    let own = disk::own(dir);
    let own =
        own.to_str().ok_or_else(|| BackendError::new("the state directory's path is not UTF-8"))?;
    let mut qemu = Command::new(&config.qemu);
    qemu.args(["-name", &format!("guest={}", spec.id.as_str().replace(',', ",,"))]);
    // Hardware virtualisation may seem to be there and not work; emulation always does.
    qemu.args(["-accel", "tcg", "-machine", "pc"]);
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none"]);
    qemu.args(["-smp", &spec.vcpus.0.to_string(), "-m", &format!("{}M", spec.memory.0)]);
    qemu.args(["-device", "virtio-scsi-pci,id=scsi"]);
    add_disk(&mut qemu, &disk::blockdev(disk::OWN, own, false), &disk::device(disk::OWN, 0, None));
    for Attached { volume, slot } in &spec.volumes {
        let name = disk::name_of(*slot);
        let path = disk::path_of(&volume.source)
            .or_failed(|| format!("volume `{}` is gone", volume.id))?;
        let device = disk::device(&name, *slot, Some(&volume.id));
        add_disk(&mut qemu, &disk::blockdev(&name, path, volume.read_only), &device);
    }
    // What the guest prints is kept, over all its boots, whether anybody listens or not.
    let console =
        "socket,id=console,path=console,server=on,wait=off,logfile=../console.log,logappend=on";
    qemu.args(["-chardev", console, "-serial", "chardev:console"]);
    for purpose in [Purpose::Control, Purpose::Query] {
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", purpose.socket())]);
    }
    qemu.args(["-chardev", "pipe,id=events,path=events", "-mon", "chardev=events,mode=control"]);
    qemu.args(["-pidfile", "pid"]);
    Ok(qemu)
}

fn add_disk(qemu: &mut Command, blockdev: &Value, device: &Value) {
    qemu.args(["-blockdev", &blockdev.to_string(), "-device", &device.to_string()]);
}

#[cfg(test)]
mod tests {
    use nova_api::{CreateRequest, InstanceId, InstanceRef, NodeName, OpId};

    use super::*;

    #[test]
    fn names_and_paths_may_hold_commas() {
        let id = InstanceId::parse("a,b").unwrap();
        let instance = InstanceRef { id, node: NodeName::parse("n").unwrap() };
        let spec = Spec::new(&CreateRequest::new(instance), OpId::parse("op").unwrap());
        let qemu = of(&Config::new("/state"), &spec, Path::new("/state/a,b")).unwrap();
        let arguments: Vec<_> =
            qemu.get_args().map(|argument| argument.to_str().unwrap()).collect();
        assert!(arguments.contains(&"guest=a,,b"), "{arguments:?}");
        let named = r#""filename":"/state/a,b/disk.raw""#;
        assert!(arguments.iter().any(|argument| argument.contains(named)), "{arguments:?}");
    }
}
