//! Volumes and snapshots.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nova_api::{
    AttachRequest, AttachVolumeError, AttachedVolume, DiskSource, Driver as _, ImageName,
    InstanceRef, RebootKind, Snapshot, SnapshotError, SnapshotRequest, Volume, VolumeId,
    VolumesV2 as _,
};
use nova_conformance::block_on;
use serde_json::json;

use crate::lab::{Guest, request};
use crate::world::{World, await_that, call, call_of};

fn source(path: &Path) -> DiskSource {
    DiskSource::File { path: path.to_str().unwrap().to_owned() }
}

fn volume(world: &World, id: &str) -> Volume {
    let path = world.lab.path().join(id);
    File::create(&path).unwrap().set_len(1 << 20).unwrap();
    Volume::new(VolumeId::parse(id).unwrap(), source(&path))
}

fn of(volume: &Volume) -> AttachRequest {
    AttachRequest::new(volume.clone())
}

fn disks(world: &World, guest: &InstanceRef) -> Vec<String> {
    let report = world.diagnostics(guest);
    report.disks.into_iter().map(|disk| disk.name).collect()
}

#[test]
fn volumes_come_and_go_while_the_guest_runs() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Deaf);
    let volumes = ["v-1", "v-2"].map(|id| volume(&world, id));
    for volume in &volumes {
        for _ in 0..2 {
            block_on(world.driver.attach(&call(), &guest, of(volume))).unwrap();
        }
    }
    assert_eq!(disks(&world, &guest), ["disk", "v-1", "v-2"]);
    for _ in 0..2 {
        block_on(world.driver.detach(&call(), &guest, &volumes[0].id)).unwrap();
    }
    assert_eq!(disks(&world, &guest), ["disk", "v-2"]);
    block_on(world.driver.attach(&call(), &guest, of(&volumes[0]))).unwrap();
    let attached = block_on(world.driver.attached(&guest)).unwrap();
    let report = |volume: &Volume, device| AttachedVolume::new(volume.id.clone()).device(device);
    let expected = [report(&volumes[1], "scsi 0:2:0"), report(&volumes[0], "scsi 0:1:0")];
    assert_eq!(attached, expected);
    world.destroy(&guest);
    assert!(volumes.iter().all(|volume| world.lab.path().join(volume.id.as_str()).exists()));
}

#[test]
fn volumes_stay_over_a_boot_and_are_one_instances() {
    let world = World::new();
    let [one, other] = ["i-1", "i-2"].map(|id| world.boot(id, Guest::Hearing));
    let volume = volume(&world, "v-1").read_only(true);
    block_on(world.driver.power_off(&call(), &one, Duration::ZERO)).unwrap();
    block_on(world.driver.attach(&call(), &one, of(&volume))).unwrap();
    let in_use = block_on(world.driver.attach(&call(), &other, of(&volume))).unwrap_err();
    assert!(matches!(in_use, AttachVolumeError::VolumeInUse(_)), "{in_use:?}");
    block_on(world.driver.power_on(&call(), &one)).unwrap();
    assert_eq!(disks(&world, &one), ["disk", "v-1"]);
    block_on(world.driver.detach(&call(), &one, &volume.id)).unwrap();
    block_on(world.driver.attach(&call(), &other, of(&volume))).unwrap();
}

#[test]
fn volumes_can_be_detached_at_any_moment_of_a_boot() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Deaf);
    let volume = volume(&world, "v-1");
    for moment_ms in (0..100).step_by(25) {
        block_on(world.driver.power_off(&call(), &guest, Duration::ZERO)).unwrap();
        block_on(world.driver.attach(&call(), &guest, of(&volume))).unwrap();
        block_on(world.driver.power_on(&call(), &guest)).unwrap();
        // What the BIOS has begun with a disk when it is interrupted, QEMU may never end.
        block_on(world.driver.reboot(&call(), &guest, RebootKind::Hard)).unwrap();
        thread::sleep(Duration::from_millis(moment_ms));
        block_on(world.driver.detach(&call(), &guest, &volume.id)).unwrap();
        assert_eq!(disks(&world, &guest), ["disk"], "after {moment_ms} ms");
        // Whatever has become of its device, the volume is free and can be had again.
        block_on(world.driver.attach(&call(), &guest, of(&volume))).unwrap();
        assert_eq!(disks(&world, &guest), ["disk", "v-1"], "after {moment_ms} ms");
        block_on(world.driver.detach(&call(), &guest, &volume.id)).unwrap();
    }
}

#[test]
fn what_a_dead_driver_has_half_plugged_is_plugged_when_it_is_asked_again() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Deaf);
    let volume = volume(&world, "v-1");
    block_on(world.driver.attach(&call(), &guest, of(&volume))).unwrap();
    let unplug = json!({ "execute": "device_del", "arguments": { "id": "volume1-device" } });
    world.by_hand("i-1", &[unplug]);
    await_that(|| world.journal("i-1").contains("DEVICE_DELETED")).unwrap();
    block_on(world.driver.attach(&call(), &guest, of(&volume))).unwrap();
    assert_eq!(disks(&world, &guest), ["disk", "v-1"]);
    block_on(world.driver.detach(&call(), &guest, &volume.id)).unwrap();
    assert_eq!(disks(&world, &guest), ["disk"]);
}

#[test]
fn a_snapshot_that_a_dead_driver_has_left_is_in_nobodys_way() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let left = world.lab.path().join("left");
    File::create(&left).unwrap().set_len(1 << 30).unwrap();
    let file = json!({ "driver": "file", "filename": left });
    let node = json!({ "driver": "raw", "node-name": "snapshot", "file": file });
    let job = json!({
        "job-id": "snapshot", "device": "disk", "target": "snapshot", "sync": "full", "auto-finalize": false,
    });
    let add = json!({ "execute": "blockdev-add", "arguments": node });
    let begin = json!({ "execute": "blockdev-backup", "arguments": job });
    world.by_hand("i-1", &[add, begin]);
    let image = world.lab.path().join("image");
    let request = SnapshotRequest::new(ImageName::parse("image").unwrap(), source(&image));
    let taken = block_on(Snapshot::snapshot(&world.driver, &call(), &guest, request)).unwrap();
    assert_eq!(taken.size_bytes, fs::metadata(&image).unwrap().len());
}

#[test]
fn a_volume_that_cannot_be_opened_is_refused_and_not_attached() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let none = Volume::new(VolumeId::parse("none").unwrap(), source(Path::new("/no/such/volume")));
    let refused = block_on(world.driver.attach(&call(), &guest, of(&none))).unwrap_err();
    assert!(matches!(refused, AttachVolumeError::BadRequest(_)), "{refused:?}");
    assert_eq!(block_on(world.driver.attached(&guest)).unwrap(), []);
    assert_eq!(disks(&world, &guest), ["disk"]);
}

#[test]
fn a_guest_made_of_a_snapshot_goes_on_where_the_disk_was() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let image = |name: &str| world.lab.path().join(name);
    let snapshot = |op: &str, name: &str| {
        let request = SnapshotRequest::new(ImageName::parse(name).unwrap(), source(&image(name)));
        block_on(Snapshot::snapshot(&world.driver, &call_of(op, 1), &guest, request))
    };
    let taken = snapshot("op-running", "running").unwrap();
    assert_eq!(taken.size_bytes, 1 << 30);
    assert_eq!(snapshot("op-running", "running").unwrap(), taken, "repeated");
    let other = snapshot("op-other", "running").unwrap_err();
    assert!(matches!(other, SnapshotError::ImageExists(_)), "{other:?}");
    world.pause(&guest);
    snapshot("op-paused", "paused").unwrap();
    block_on(world.driver.power_off(&call(), &guest, Duration::ZERO)).unwrap();
    snapshot("op-off", "off").unwrap();
    for name in ["running", "paused", "off"] {
        let mut boots = [0; 2];
        File::open(image(name)).unwrap().read_exact_at(&mut boots, 512).unwrap();
        assert_eq!(u16::from_le_bytes(boots), 1, "{name}");
    }
    let leftovers = fs::read_dir(world.lab.path()).unwrap().flatten();
    assert!(
        !leftovers.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("part"))
    );
    let heir = request(world.instance("i-2"), Guest::Hearing).image(source(&image("running")));
    let heir = block_on(world.driver.create(&call(), heir)).unwrap().instance;
    world.await_console(&heir, "guest: boot 2\r\n");
}
