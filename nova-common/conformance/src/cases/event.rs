//! Events: what happens is told, once, in order.

use std::time::Duration;

use nova_api::{Driver as _, EventSource, Happening, InstanceRef, PowerState};

use crate::Fixture;
use crate::cases::Bench;
use crate::violation::{Check, Violation, ensure_eq};

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
    world.destroy(&instance).await?;
    ensure_told(&mut events, &instance, "destroy", &[Happening::Vanished]).await
}

async fn ensure_told(
    events: &mut impl EventSource,
    instance: &InstanceRef,
    after: &str,
    expected: &[Happening],
) -> Result<(), Violation> {
    let batch = events.next_batch().await?;
    let of_instance = batch.into_iter().filter(|event| event.instance == *instance);
    let told: Vec<_> = of_instance.map(|event| event.happening).collect();
    ensure_eq(&format!("events after {after}"), &told.as_slice(), &expected)
}
