//! Power states, and the facet for pausing.

use std::time::Duration;

use nova_api::{
    Capability, Driver as _, Pause as _, PauseError, PowerOffError, PowerOnError, PowerState, RebootError,
    RebootKind, UnpauseError,
};

use crate::Fixture;
use crate::cases::interrupt::{Interruption, again};
use crate::cases::{Bench, facet, still};
use crate::midway::{POINTS, dropped_after, interrupted_after};
use crate::suite::Ending;
use crate::violation::{Check, Violation, ensure_guarded, ensure_refused, ensure_wound_up};

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
    let (on, off) = (world.call(), world.call());
    for call in [&on, &on, &world.call()] {
        world.driver.power_on(call, &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "power_on of a running instance").await?;
    }
    for call in [&off, &off, &world.call()] {
        world.driver.power_off(call, &instance, Duration::ZERO).await?;
        world.ensure_power(&instance, PowerState::Off, "power_off of an instance that is off").await?;
    }
    let on = world.call();
    for call in [&on, &on, &world.call()] {
        world.driver.power_on(call, &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "power_on, repeated").await?;
    }
    Ok(())
}

pub(super) async fn reboot_leaves_it_running<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    for kind in [RebootKind::Soft, RebootKind::Hard] {
        let call = world.call();
        for call in [&call, &call, &world.call()] {
            world.driver.reboot(call, &instance, kind).await?;
            world.ensure_power(&instance, PowerState::Running, "reboot").await?;
        }
    }
    Ok(())
}

pub(super) async fn reboot_when_off_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    world.driver.power_off(&world.call(), &instance, Duration::ZERO).await?;
    for kind in [RebootKind::Soft, RebootKind::Hard] {
        let reboot = world.driver.reboot(&world.call(), &instance, kind).await;
        ensure_refused!("reboot of an instance that is off", reboot, RebootError::WrongPower(_))?;
    }
    world.ensure_power(&instance, PowerState::Off, "a refused reboot").await
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
    let facet = facet!(world.driver.pause());
    let instance = world.created_with(Capability::Pause).await?;
    let (pause, unpause) = (world.call(), world.call());
    for call in [&pause, &pause, &world.call()] {
        facet.pause(call, &instance).await?;
        world.ensure_power(&instance, PowerState::Paused, "pause").await?;
    }
    let on = world.driver.power_on(&world.call(), &instance).await;
    ensure_refused!("power_on of a paused instance", on, PowerOnError::WrongPower(_))?;
    let reboot = world.driver.reboot(&world.call(), &instance, RebootKind::Hard).await;
    ensure_refused!("reboot of a paused instance", reboot, RebootError::WrongPower(_))?;
    world.ensure_power(&instance, PowerState::Paused, "refused calls").await?;
    for call in [&unpause, &unpause, &world.call()] {
        facet.unpause(call, &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "unpause").await?;
    }
    facet.pause(&world.call(), &instance).await?;
    world.destroy(&instance).await?;
    let gone = facet.pause(&world.call(), &instance).await;
    ensure_refused!("pause of an unknown instance", gone, PauseError::UnknownInstance(_))?;
    let gone = facet.unpause(&world.call(), &instance).await;
    ensure_refused!("unpause of an unknown instance", gone, UnpauseError::UnknownInstance(_))?;
    Ok(Ending::Checked)
}

pub(super) async fn pause_respects_off<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.pause());
    let instance = world.created_with(Capability::Pause).await?;
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

pub(super) async fn pause_is_guarded<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.pause());
    let instance = world.created_with(Capability::Pause).await?;
    world.supersede(&instance).await?;
    ensure_guarded!(world, "pause", PauseError, |call| facet.pause(&call, &instance));
    world.ensure_power(&instance, PowerState::Running, "refused calls").await?;
    facet.pause(&world.call(), &instance).await?;
    ensure_guarded!(world, "unpause", UnpauseError, |call| facet.unpause(&call, &instance));
    world.ensure_power(&instance, PowerState::Paused, "refused calls").await?;
    Ok(Ending::Checked)
}

pub(super) async fn pause_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let facet = facet!(world.driver.pause());
    let instance = world.created_with(Capability::Pause).await?;
    for polls in POINTS {
        let (pause, unpause) = (world.call(), world.call());
        let (one, two) = (world.another().await?, world.another().await?);
        let crashing = still(one.pause())?.pause(&pause, &instance);
        let paused = dropped_after(polls, crashing)?.transpose()?.is_some();
        drop(one);
        facet.pause(&pause, &instance).await?;
        world.ensure_power(&instance, PowerState::Paused, "a resumed pause").await?;
        let crashing = still(two.pause())?.unpause(&unpause, &instance);
        let unpaused = dropped_after(polls, crashing)?.transpose()?.is_some();
        drop(two);
        facet.unpause(&unpause, &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "a resumed unpause").await?;
        if paused && unpaused {
            break;
        }
    }
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let (call, interrupt) = interruption.call(world);
            let (end, one) = interrupted_after(polls, facet.pause(&call, &instance), interrupt, wind_up)?;
            ensure_wound_up!("pause", end, PauseError)?;
            facet.pause(&again(world, &call), &instance).await?;
            world.ensure_power(&instance, PowerState::Paused, "an interrupted pause, repeated").await?;
            let (call, interrupt) = interruption.call(world);
            let (end, two) = interrupted_after(polls, facet.unpause(&call, &instance), interrupt, wind_up)?;
            ensure_wound_up!("unpause", end, UnpauseError)?;
            facet.unpause(&again(world, &call), &instance).await?;
            world.ensure_power(&instance, PowerState::Running, "an interrupted unpause, repeated").await?;
            if !(one || two) {
                break;
            }
        }
    }
    Ok(Ending::Checked)
}
