//! Cancellations and deadlines in mid-call: a call ends soon, and what it was about is whole or can be made so.

use std::thread;
use std::time::{Duration, Instant};

use nova_api::{
    Call, Canceller, CreateError, DestroyError, DestroyRequest, Driver as _, PowerOffError, PowerOnError,
    PowerState, RebootError, RebootKind,
};

use crate::Fixture;
use crate::cases::Bench;
use crate::midway::{POINTS, interrupted_after};
use crate::violation::{Check, ensure, ensure_wound_up};
use crate::world::{CALL_TIME, World};

/// How long calls may take whose deadline is to pass in their midst.
const SHORT: Duration = Duration::from_millis(10);

/// How a call is interrupted in its midst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    Cancel,
    Deadline,
}

impl Interruption {
    pub(super) const ALL: [Self; 2] = [Self::Cancel, Self::Deadline];

    /// Returns a call that can be interrupted, and what interrupts it.
    pub(super) fn call<F: Fixture>(self, world: &World<F>) -> (Call, impl FnOnce() + use<F>) {
        let canceller = Canceller::default();
        let time = if self == Self::Cancel { CALL_TIME } else { SHORT };
        let call = world.call_with(world.epoch(), time).cancel(canceller.token());
        let deadline = call.deadline;
        let interrupt = move || match self {
            Self::Cancel => canceller.cancel(),
            Self::Deadline => thread::sleep(deadline.saturating_duration_since(Instant::now())),
        };
        (call, interrupt)
    }
}

/// Returns the same operation with all the time it needs.
pub(super) fn again<F: Fixture>(world: &World<F>, call: &Call) -> Call {
    Call::new(call.op_id.clone(), world.epoch(), CALL_TIME)
}

pub(super) async fn of_create_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let request = world.request().await?;
            let (call, interrupt) = interruption.call(world);
            let create = world.driver.create(&call, request.clone());
            let (end, interrupted) = interrupted_after(polls, create, interrupt, wind_up)?;
            ensure_wound_up!("create", end, CreateError)?;
            world.driver.create(&again(world, &call), request.clone()).await?;
            let after = "an interrupted create and its repetition";
            world.ensure_power(&request.instance, PowerState::Running, after).await?;
            world.destroy(&request.instance).await?;
            world.ensure_usage(&node, before, "an interrupted create, its repetition and destroy").await?;
            if !interrupted {
                break;
            }
        }
    }
    Ok(())
}

pub(super) async fn of_create_is_undone_by_destroy<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let request = world.request().await?;
            let (call, interrupt) = interruption.call(world);
            let create = world.driver.create(&call, request.clone());
            let (end, interrupted) = interrupted_after(polls, create, interrupt, wind_up)?;
            ensure_wound_up!("create", end, CreateError)?;
            world.destroy(&request.instance).await?;
            ensure(!world.is_listed(&request.instance).await?, "no instance after destroy")?;
            world.ensure_usage(&node, before, "an interrupted create and destroy").await?;
            if !interrupted {
                break;
            }
        }
    }
    Ok(())
}

pub(super) async fn of_destroy_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let instance = world.created().await?;
            let request = DestroyRequest::new(instance.clone());
            let (call, interrupt) = interruption.call(world);
            let destroy = world.driver.destroy(&call, request.clone());
            let (end, interrupted) = interrupted_after(polls, destroy, interrupt, wind_up)?;
            ensure_wound_up!("destroy", end, DestroyError)?;
            world.driver.destroy(&again(world, &call), request).await?;
            ensure(!world.is_listed(&instance).await?, "no instance after destroy")?;
            world.ensure_usage(&node, before, "an interrupted destroy and its repetition").await?;
            if !interrupted {
                break;
            }
        }
    }
    Ok(())
}

pub(super) async fn of_a_power_change_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let (driver, instance) = (&world.driver, world.created().await?);
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let (call, interrupt) = interruption.call(world);
            let off = driver.power_off(&call, &instance, Duration::ZERO);
            let (end, off_interrupted) = interrupted_after(polls, off, interrupt, wind_up)?;
            ensure_wound_up!("power_off", end, PowerOffError)?;
            driver.power_off(&again(world, &call), &instance, Duration::ZERO).await?;
            world.ensure_power(&instance, PowerState::Off, "an interrupted power_off, repeated").await?;

            let (call, interrupt) = interruption.call(world);
            let on = driver.power_on(&call, &instance);
            let (end, on_interrupted) = interrupted_after(polls, on, interrupt, wind_up)?;
            ensure_wound_up!("power_on", end, PowerOnError)?;
            driver.power_on(&again(world, &call), &instance).await?;
            world.ensure_power(&instance, PowerState::Running, "an interrupted power_on, repeated").await?;

            let (call, interrupt) = interruption.call(world);
            let reboot = driver.reboot(&call, &instance, RebootKind::Hard);
            let (end, reboot_interrupted) = interrupted_after(polls, reboot, interrupt, wind_up)?;
            ensure_wound_up!("reboot", end, RebootError)?;
            driver.power_on(&world.call(), &instance).await?;
            driver.reboot(&again(world, &call), &instance, RebootKind::Hard).await?;
            world.ensure_power(&instance, PowerState::Running, "an interrupted reboot, repeated").await?;
            if !(off_interrupted || on_interrupted || reboot_interrupted) {
                break;
            }
        }
    }
    Ok(())
}
