//! Events: what happens is told, once, in order.

use std::time::Duration;

use nova_api::{
    Capability, Driver as _, EventSource, Happening, InstanceRef, Pause as _, PowerState, RebootKind,
};

use crate::Fixture;
use crate::cases::{Bench, facet};
use crate::suite::Ending;
use crate::violation::{Check, Violation, ensure, ensure_eq};

pub(super) async fn are_reported<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let mut events = world.driver.events();
    events.next_batch().await?;
    let instance = world.created().await?;
    let appeared = [Happening::Appeared(PowerState::Running)];
    ensure_told(&mut events, &instance, "create", &appeared).await?;
    world.driver.power_off(&world.call(), &instance, Duration::ZERO).await?;
    ensure_told(&mut events, &instance, "power_off", &[Happening::Power(PowerState::Off)]).await?;
    ensure_told(&mut events, &instance, "nothing", &[]).await?;
    world.driver.power_on(&world.call(), &instance).await?;
    ensure_told(&mut events, &instance, "power_on", &[Happening::Power(PowerState::Running)]).await?;
    world.destroy(&instance).await?;
    ensure_told(&mut events, &instance, "destroy", &[Happening::Vanished]).await
}

pub(super) async fn begin_with_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    let mut first = world.driver.events();
    ensure_told(&mut first, &instance, "nothing: the source is new", &[]).await?;
    world.turn_off(&instance).await?;
    let mut second = world.driver.events();
    ensure_told(&mut second, &instance, "nothing: the second source is new", &[]).await?;
    world.driver.power_on(&world.call(), &instance).await?;
    ensure_told(&mut second, &instance, "power_on", &[Happening::Power(PowerState::Running)]).await?;
    // The first source is read last: what the second was told is not taken from it.
    let told = told(&mut first, &instance).await?;
    let through = [Happening::Power(PowerState::Off), Happening::Power(PowerState::Running)];
    ensure(
        told.is_empty() || told == through,
        format_args!("all that has come and gone, or none of it, got {told:?}"),
    )
}

pub(super) async fn of_others_are_told<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, other) = (bench.world, bench.world.another().await?);
    let mut events = world.driver.events();
    events.next_batch().await?;
    let request = world.request().await?;
    let instance = other.create(&world.call(), request).await?.instance;
    let appeared = [Happening::Appeared(PowerState::Running)];
    ensure_told(&mut events, &instance, "another driver's create", &appeared).await?;
    other.power_off(&world.call(), &instance, Duration::ZERO).await?;
    let off = [Happening::Power(PowerState::Off)];
    ensure_told(&mut events, &instance, "another driver's power_off", &off).await
}

pub(super) async fn of_a_reboot_end_in_running<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    let mut events = world.driver.events();
    events.next_batch().await?;
    world.driver.reboot(&world.call(), &instance, RebootKind::Hard).await?;
    // What came and went may be told or not.
    let told = told(&mut events, &instance).await?;
    let running = told.last().is_none_or(|last| *last == Happening::Power(PowerState::Running));
    let vanished = told.iter().any(|one| matches!(one, Happening::Vanished | Happening::Appeared(_)));
    ensure(running && !vanished, format_args!("a reboot to end in running, got {told:?}"))
}

pub(super) async fn of_pause_are_reported<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.pause());
    let instance = world.created_with(Capability::Pause).await?;
    let mut events = world.driver.events();
    events.next_batch().await?;
    facet.pause(&world.call(), &instance).await?;
    ensure_told(&mut events, &instance, "pause", &[Happening::Power(PowerState::Paused)]).await?;
    facet.unpause(&world.call(), &instance).await?;
    ensure_told(&mut events, &instance, "unpause", &[Happening::Power(PowerState::Running)]).await?;
    facet.unpause(&world.call(), &instance).await?;
    ensure_told(&mut events, &instance, "unpause of what runs", &[]).await?;
    Ok(Ending::Checked)
}

async fn told(events: &mut impl EventSource, instance: &InstanceRef) -> Result<Vec<Happening>, Violation> {
    let batch = events.next_batch().await?;
    let of_instance = batch.into_iter().filter(|event| event.instance == *instance);
    Ok(of_instance.map(|event| event.happening).collect())
}

async fn ensure_told(
    events: &mut impl EventSource,
    instance: &InstanceRef,
    after: &str,
    expected: &[Happening],
) -> Check {
    let told = told(events, instance).await?;
    ensure_eq(&format!("events after {after}"), &told.as_slice(), &expected)
}
