//! Crashes in mid-call: the call and its driver are gone, a new driver goes on.

use std::time::Duration;

use nova_api::{CreateRequest, DestroyRequest, Driver as _, InstanceInfoError, PowerState, RebootKind};

use crate::Fixture;
use crate::cases::Bench;
use crate::midway::{POINTS, dropped_after};
use crate::observed::NodeUsage;
use crate::violation::{Check, ensure, ensure_eq, ensure_refused};
use crate::world::World;

pub(super) async fn in_create_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for polls in POINTS {
        let (call, request) = (world.call(), world.request().await?);
        let crashing = world.another().await?;
        let end = dropped_after(polls, crashing.create(&call, request.clone()))?.transpose()?;
        drop(crashing);
        let restarted = world.another().await?;
        let resumed = restarted.create(&call, request.clone()).await?;
        ensure_eq("the instance of the resumed create", &resumed.instance, &request.instance)?;
        ensure_made(world, &restarted, &request, before).await?;
        restarted.destroy(&world.call(), DestroyRequest::new(request.instance)).await?;
        world.ensure_usage(&node, before, "a create that crashed, its resumption and destroy").await?;
        if end.is_some() {
            break;
        }
    }
    Ok(())
}

/// Checks that an instance is there as if nothing had happened, and nothing else.
async fn ensure_made<F: Fixture>(
    world: &World<F>,
    driver: &F::Driver,
    request: &CreateRequest,
    before: NodeUsage,
) -> Check {
    let after = "the resumed create";
    crate::observed::ensure_power(driver, &request.instance, PowerState::Running, after).await?;
    let info = driver.instance_info(&request.instance).await?;
    let size = (info.vcpus, info.memory, info.disk);
    ensure_eq("the size of the instance", &size, &(request.vcpus, request.memory, request.disk))?;
    let mut expected = before;
    expected.vcpus.used = before.vcpus.used.saturating_add(request.vcpus);
    expected.memory.used = before.memory.used.saturating_add(request.memory);
    expected.disk.used = before.disk.used.saturating_add(request.disk);
    world.ensure_usage(&request.instance.node, expected, after).await
}

pub(super) async fn in_create_is_undone_by_destroy<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for polls in POINTS {
        let request = world.request().await?;
        let crashing = world.another().await?;
        let call = world.call();
        let end = dropped_after(polls, crashing.create(&call, request.clone()))?.transpose()?;
        drop(crashing);
        let restarted = world.another().await?;
        restarted.destroy(&world.call(), DestroyRequest::new(request.instance.clone())).await?;
        ensure(!world.is_listed(&request.instance).await?, "no instance after a crashed create and destroy")?;
        world.ensure_usage(&node, before, "a crashed create and destroy").await?;
        // Nothing is left that keeps the id from being used.
        restarted.create(&world.call(), request.clone()).await?;
        restarted.destroy(&world.call(), DestroyRequest::new(request.instance)).await?;
        if end.is_some() {
            break;
        }
    }
    Ok(())
}

pub(super) async fn in_destroy_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for polls in POINTS {
        let instance = world.created().await?;
        let (call, request) = (world.call(), DestroyRequest::new(instance.clone()));
        let crashing = world.another().await?;
        let end = dropped_after(polls, crashing.destroy(&call, request.clone()))?.transpose()?;
        drop(crashing);
        let restarted = world.another().await?;
        restarted.destroy(&call, request).await?;
        let info = restarted.instance_info(&instance).await;
        let what = "instance_info after a resumed destroy";
        ensure_refused!(what, info, InstanceInfoError::UnknownInstance(_))?;
        ensure(!world.is_listed(&instance).await?, "no instance after a resumed destroy")?;
        world.ensure_usage(&node, before, "a resumed destroy").await?;
        if end.is_some() {
            break;
        }
    }
    Ok(())
}

pub(super) async fn in_a_power_change_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    for polls in POINTS {
        let (off, on, reboot) = (world.call(), world.call(), world.call());
        let (one, two, three) = (world.another().await?, world.another().await?, world.another().await?);
        let (at_once, kind) = (Duration::ZERO, RebootKind::Hard);
        let mut ended = dropped_after(polls, one.power_off(&off, &instance, at_once))?.transpose()?.is_some();
        drop(one);
        world.driver.power_off(&off, &instance, at_once).await?;
        world.ensure_power(&instance, PowerState::Off, "a resumed power_off").await?;
        ended &= dropped_after(polls, two.power_on(&on, &instance))?.transpose()?.is_some();
        drop(two);
        world.driver.power_on(&on, &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "a resumed power_on").await?;
        ended &= dropped_after(polls, three.reboot(&reboot, &instance, kind))?.transpose()?.is_some();
        drop(three);
        // A reboot may be turning off and on: in between, the instance is brought up first.
        world.driver.power_on(&world.call(), &instance).await?;
        world.driver.reboot(&reboot, &instance, kind).await?;
        world.ensure_power(&instance, PowerState::Running, "a resumed reboot").await?;
        if ended {
            break;
        }
    }
    Ok(())
}
