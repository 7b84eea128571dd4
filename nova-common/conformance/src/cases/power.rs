//! Power states, and the facet for pausing.

use std::time::Duration;

use nova_api::{
    Driver as _, Pause as _, PauseError, PowerOffError, PowerOnError, PowerState, RebootError, RebootKind,
    UnpauseError,
};

use crate::Fixture;
use crate::cases::Bench;
use crate::suite::Ending;
use crate::violation::{Check, Violation, ensure_refused};

/// How long a guest has to comply before it is not asked any more.
const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn off_and_on<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    for grace in [GRACE, Duration::ZERO] {
        world.driver.power_off(&world.call(), &instance, grace).await?;
        world.ensure_power(&instance, PowerState::Off, "power_off").await?;
        world.driver.power_on(&world.call(), &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "power_on").await?;
    }
    Ok(())
}

pub(super) async fn is_idempotent<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    world.driver.power_on(&world.call(), &instance).await?;
    world.ensure_power(&instance, PowerState::Running, "power_on of a running instance").await?;
    let call = world.call();
    for _ in 0..2 {
        world.driver.power_off(&call, &instance, Duration::ZERO).await?;
    }
    world.driver.power_off(&world.call(), &instance, Duration::ZERO).await?;
    world.ensure_power(&instance, PowerState::Off, "power_off of an instance that is off").await
}

pub(super) async fn reboot_leaves_it_running<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    for kind in [RebootKind::Soft, RebootKind::Hard] {
        world.driver.reboot(&world.call(), &instance, kind).await?;
        world.ensure_power(&instance, PowerState::Running, "reboot").await?;
    }
    Ok(())
}

pub(super) async fn of_an_unknown_instance_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, driver) = (bench.world, &bench.world.driver);
    let unknown = world.new_instance(&world.node().await?.name);
    let on = driver.power_on(&world.call(), &unknown).await;
    ensure_refused!("power_on of an unknown instance", on, PowerOnError::UnknownInstance(_))?;
    let off = driver.power_off(&world.call(), &unknown, Duration::ZERO).await;
    ensure_refused!("power_off of an unknown instance", off, PowerOffError::UnknownInstance(_))?;
    let reboot = driver.reboot(&world.call(), &unknown, RebootKind::Hard).await;
    ensure_refused!("reboot of an unknown instance", reboot, RebootError::UnknownInstance(_))
}

pub(super) async fn pause_and_unpause<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let Some(facet) = world.driver.pause() else { return Ok(Ending::FacetAbsent) };
    let instance = world.created().await?;
    for _ in 0..2 {
        facet.pause(&world.call(), &instance).await?;
        world.ensure_power(&instance, PowerState::Paused, "pause").await?;
    }
    let on = world.driver.power_on(&world.call(), &instance).await;
    ensure_refused!("power_on of a paused instance", on, PowerOnError::WrongPower(_))?;
    for _ in 0..2 {
        facet.unpause(&world.call(), &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "unpause").await?;
    }
    facet.pause(&world.call(), &instance).await?;
    world.destroy(&instance).await?;
    let gone = facet.pause(&world.call(), &instance).await;
    ensure_refused!("pause of an unknown instance", gone, PauseError::UnknownInstance(_))?;
    Ok(Ending::Checked)
}

pub(super) async fn pause_respects_off<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let Some(facet) = world.driver.pause() else { return Ok(Ending::FacetAbsent) };
    let instance = world.created().await?;
    facet.pause(&world.call(), &instance).await?;
    world.driver.power_off(&world.call(), &instance, Duration::ZERO).await?;
    world.ensure_power(&instance, PowerState::Off, "power_off of a paused instance").await?;
    let paused = facet.pause(&world.call(), &instance).await;
    ensure_refused!("pause of an instance that is off", paused, PauseError::WrongPower(_))?;
    let unpaused = facet.unpause(&world.call(), &instance).await;
    ensure_refused!("unpause of an instance that is off", unpaused, UnpauseError::WrongPower(_))?;
    world.ensure_power(&instance, PowerState::Off, "refused calls").await?;
    Ok(Ending::Checked)
}
