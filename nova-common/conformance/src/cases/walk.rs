//! Every call there is, one after the other, on one instance.

use std::time::Duration;

use nova_api::{
    Capabilities, Capability, ColdMigrate as _, Console as _, DestroyRequest, Diagnostics as _, Driver as _,
    EventSource as _, InstanceRef, MigrateEndRequest, MigrateInRequest, MigrateOutRequest, MigrationEnd,
    NodeName, Pause as _, ProviderView, RebootKind, Refresh, Snapshot as _, SnapshotRequest,
};

use crate::Fixture;
use crate::polls::Polls;
use crate::violation::Check;
use crate::volumes::disks;
use crate::world::World;

/// Makes every call of the driver and of the facets that it has.
pub(super) async fn every_call<F: Fixture>(world: &World<F>, polls: &Polls) -> Check {
    let (driver, request) = (&world.driver, world.request().await?);
    let (instance, node) = (request.instance.clone(), request.instance.node.clone());
    polls.of("init", driver.init(&world.fixture.host())).await?;
    polls.of("nodes", driver.nodes(Refresh::Forced)).await?;
    polls.of("node_presence", driver.node_presence(&node)).await?;
    let mut events = driver.events();
    polls.of("events", events.next_batch()).await?;
    polls.of("create", driver.create(&world.call(), request)).await?;
    polls.of("inventory", driver.inventory(&node, &ProviderView::default())).await?;
    polls.of("list_instances", driver.list_instances(None)).await?;
    polls.of("instance_info", driver.instance_info(&instance)).await?;
    polls.of("reboot", driver.reboot(&world.call(), &instance, RebootKind::Soft)).await?;
    polls.of("reboot", driver.reboot(&world.call(), &instance, RebootKind::Hard)).await?;
    polls.of("power_off", driver.power_off(&world.call(), &instance, Duration::ZERO)).await?;
    polls.of("power_on", driver.power_on(&world.call(), &instance)).await?;
    polls.of("events", events.next_batch()).await?;
    polls.of("destroy", driver.destroy(&world.call(), DestroyRequest::new(instance))).await?;
    for node in driver.nodes(Refresh::Cached).await? {
        facets_on(world, &node.name, polls).await?;
    }
    polls.of("shutdown", driver.shutdown()).await?;
    driver.init(&world.fixture.host()).await?;
    Ok(())
}

/// Makes every call of the facets that a node offers.
pub(super) async fn facets_on<F: Fixture>(world: &World<F>, node: &NodeName, polls: &Polls) -> Check {
    let (driver, offered) = (&world.driver, Capabilities::on(&world.driver, node));
    let request = world.fixture.request(world.new_instance(node));
    let instance = driver.create(&world.call(), request).await?.instance;
    if let Some(pause) = driver.pause().filter(|_| offered.has(Capability::Pause)) {
        polls.of("pause", pause.pause(&world.call(), &instance)).await?;
        polls.of("unpause", pause.unpause(&world.call(), &instance)).await?;
    }
    if let Some(console) = driver.console().filter(|_| offered.has(Capability::Console)) {
        polls.of("console_output", console.console_output(&instance, 4096)).await?;
        polls.of("console_endpoint", console.console_endpoint(&instance)).await?;
    }
    if let Some(facet) = driver.diagnostics().filter(|_| offered.has(Capability::Diagnostics)) {
        polls.of("diagnostics", facet.diagnostics(&instance)).await?;
    }
    if let Some(disks) = disks(driver).filter(|_| offered.has(Capability::Volumes)) {
        let volume = world.new_volume()?;
        polls.of("attach", disks.attach(&world.call(), &instance, &volume)).await?;
        polls.of("attached", disks.attached(&instance)).await?;
        polls.of("detach", disks.detach(&world.call(), &instance, &volume.id)).await?;
    }
    if let Some(facet) = driver.snapshot().filter(|_| offered.has(Capability::Snapshot)) {
        let (image, target) = world.new_image()?;
        let request = SnapshotRequest::new(image, target);
        polls.of("snapshot", facet.snapshot(&world.call(), &instance, request)).await?;
    }
    if offered.has(Capability::ColdMigrate) {
        migration(world, &instance, polls).await?;
    }
    world.destroy(&instance).await
}

async fn migration<F: Fixture>(world: &World<F>, instance: &InstanceRef, polls: &Polls) -> Check {
    let (target, node) = world.target(&instance.node).await?;
    let (Some(leave), Some(arrive)) = (world.driver.cold_migrate(), target.cold_migrate()) else {
        return Ok(());
    };
    let out = MigrateOutRequest::new(instance.clone(), node.clone());
    let payload = polls.of("migrate_out", leave.migrate_out(&world.call(), out)).await?;
    let there = InstanceRef { id: instance.id.clone(), node };
    let request = MigrateInRequest::new(there.clone(), payload);
    polls.of("migrate_in", arrive.migrate_in(&world.call(), request)).await?;
    let end = MigrateEndRequest::new(instance.clone(), MigrationEnd::Confirm);
    polls.of("migrate_end", leave.migrate_end(&world.call(), end)).await?;
    target.destroy(&world.call(), DestroyRequest::new(there)).await?;
    Ok(())
}
