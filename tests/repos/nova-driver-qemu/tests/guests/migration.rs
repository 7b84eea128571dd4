//! Cold migration between two nodes, each with a driver and a state directory of its own.

use nova_api::{
    ColdMigrate as _, Driver as _, InstanceRef, MigrateEndError, MigrateEndRequest,
    MigrateInRequest, MigrateOutRequest, MigrationEnd, NodeName, PowerState,
};
use nova_conformance::{Fixture as _, block_on};
use nova_driver_qemu::QemuDriver;

use crate::lab::Guest;
use crate::world::{World, await_console, call, call_of};

fn second(world: &World) -> (QemuDriver, NodeName) {
    let node = NodeName::parse("second").unwrap();
    let driver = QemuDriver::new(world.lab.config().node(node.clone()));
    block_on(driver.init(&world.lab.host())).unwrap();
    (driver, node)
}

#[test]
fn the_disk_goes_along_and_nothing_stays() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let (target, node) = second(&world);
    let out = MigrateOutRequest::new(guest.clone(), node.clone());
    let payload = block_on(world.driver.migrate_out(&call_of("op-out", 1), out.clone())).unwrap();
    let again = block_on(world.driver.migrate_out(&call_of("op-out", 1), out)).unwrap();
    assert_eq!(again, payload);
    assert_eq!(world.power(&guest), PowerState::Off);
    block_on(world.driver.power_on(&call(), &guest)).unwrap_err();
    let there = InstanceRef { id: guest.id.clone(), node };
    let request = MigrateInRequest::new(there.clone(), payload);
    for _ in 0..2 {
        block_on(target.migrate_in(&call_of("op-in", 1), request.clone())).unwrap();
    }
    await_console(&target, &there, "guest: boot 2\r\n");
    let end = MigrateEndRequest::new(guest, MigrationEnd::Confirm);
    for _ in 0..2 {
        block_on(world.driver.migrate_end(&call(), end.clone())).unwrap();
    }
    assert_eq!(block_on(world.driver.list_instances(None)).unwrap(), []);
    assert_eq!(block_on(target.instance_info(&there)).unwrap().power, PowerState::Running);
    assert_eq!(world.processes(), 1);
}

#[test]
fn a_migration_that_is_given_up_leaves_the_guest_as_it_was() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let revert = MigrateEndRequest::new(guest.clone(), MigrationEnd::Revert);
    let early = block_on(world.driver.migrate_end(&call(), revert.clone())).unwrap_err();
    assert!(matches!(early, MigrateEndError::BadRequest(_)), "{early:?}");
    let out = MigrateOutRequest::new(guest.clone(), NodeName::parse("second").unwrap());
    block_on(world.driver.migrate_out(&call(), out)).unwrap();
    for _ in 0..2 {
        block_on(world.driver.migrate_end(&call(), revert.clone())).unwrap();
    }
    world.await_console(&guest, "guest: boot 2\r\n");
    assert_eq!(world.power(&guest), PowerState::Running);
}
