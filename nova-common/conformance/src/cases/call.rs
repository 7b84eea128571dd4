//! Epochs, cancellation, deadlines and repetition: what keeps two agents and a crash from doing harm.

use std::time::Duration;

use nova_api::{
    Canceller, CreateError, DestroyError, DestroyRequest, Driver as _, Interrupted, PowerOffError,
    PowerOnError, PowerState, RebootError, RebootKind,
};

use crate::Fixture;
use crate::cases::Bench;
use crate::violation::{Check, ensure, ensure_eq, ensure_refused};

pub(super) async fn stale_epoch_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, driver) = (bench.world, &bench.world.driver);
    let (stale, instance) = (world.epoch(), world.created().await?);
    world.next_epoch();
    driver.power_on(&world.call(), &instance).await?;
    let request = world.request().await?;
    let create = driver.create(&world.call_at(stale), request.clone()).await;
    ensure_refused!("create with a stale epoch", create, CreateError::StaleEpoch(_))?;
    let off = driver.power_off(&world.call_at(stale), &instance, Duration::ZERO).await;
    ensure_refused!("power_off with a stale epoch", off, PowerOffError::StaleEpoch(_))?;
    let on = driver.power_on(&world.call_at(stale), &instance).await;
    ensure_refused!("power_on with a stale epoch", on, PowerOnError::StaleEpoch(_))?;
    let reboot = driver.reboot(&world.call_at(stale), &instance, RebootKind::Hard).await;
    ensure_refused!("reboot with a stale epoch", reboot, RebootError::StaleEpoch(_))?;
    let destroy = driver.destroy(&world.call_at(stale), DestroyRequest::new(instance.clone())).await;
    ensure_refused!("destroy with a stale epoch", destroy, DestroyError::StaleEpoch(_))?;
    ensure(!world.is_listed(&request.instance).await?, "a stale create to leave no instance")?;
    world.ensure_power(&instance, PowerState::Running, "stale calls").await
}

pub(super) async fn fence_holds_between_drivers<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (old, instance) = (world.epoch(), world.created().await?);
    let successor = world.fixture.driver();
    successor.init(&world.fixture.host()).await?;
    world.next_epoch();
    successor.power_off(&world.call(), &instance, Duration::ZERO).await?;
    let late = world.driver.power_on(&world.call_at(old), &instance).await;
    ensure_refused!("a call of the former holder", late, PowerOnError::StaleEpoch(_))?;
    world.ensure_power(&instance, PowerState::Off, "the successor's power_off").await
}

pub(super) async fn cancelled_changes_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    let canceller = Canceller::default();
    canceller.cancel();
    let call = || world.call().cancel(canceller.token());
    let create = world.driver.create(&call(), request.clone()).await;
    ensure_refused!("a cancelled create", create, CreateError::Interrupted(Interrupted::Cancelled))?;
    ensure(!world.is_listed(&request.instance).await?, "a cancelled create to leave no instance")?;
    let instance = world.created().await?;
    let off = world.driver.power_off(&call(), &instance, Duration::ZERO).await;
    ensure_refused!("a cancelled power_off", off, PowerOffError::Interrupted(Interrupted::Cancelled))?;
    world.ensure_power(&instance, PowerState::Running, "a cancelled power_off").await
}

pub(super) async fn late_changes_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    let late = world.call_with(world.epoch(), Duration::ZERO);
    let create = world.driver.create(&late, request.clone()).await;
    ensure_refused!(
        "create past its deadline",
        create,
        CreateError::Interrupted(Interrupted::DeadlinePassed)
    )?;
    ensure(!world.is_listed(&request.instance).await?, "a late create to leave no instance")
}

pub(super) async fn resumes_after_a_crash<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    let call = world.call();
    let created = world.driver.create(&call, request.clone()).await?;
    let restarted = world.fixture.driver();
    restarted.init(&world.fixture.host()).await?;
    let info = restarted.instance_info(&created.instance).await?;
    ensure_eq("the power state after a restart of the driver", &info.power, &PowerState::Running)?;
    let resumed = restarted.create(&call, request).await?;
    ensure_eq("what the resumed operation created", &resumed, &created)
}
