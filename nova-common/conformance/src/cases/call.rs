//! Epochs, cancellation, deadlines and repetition: what keeps two agents and a crash from doing harm.

use std::collections::BTreeMap;
use std::time::Duration;

use nova_api::{
    CreateError, DestroyError, DestroyRequest, Driver as _, InstanceRef, Interrupted, PowerOffError,
    PowerOnError, PowerState, RebootError, RebootKind, Refresh,
};

use crate::Fixture;
use crate::cases::{Bench, walk};
use crate::polls::Polls;
use crate::violation::{Check, Violation, ensure, ensure_eq, ensure_refused};

/// How often a call must have held its thread for too long; a busy machine may hold up any, but not each time.
const HOLDS: usize = 3;

/// Checks that none of the driver's calls that change something passes, and that they change nothing.
macro_rules! ensure_none_passes {
    ($world:ident, $call:expr, $when:literal, $variant:ident($($inner:tt)*)) => {{
        let (driver, off) = (&$world.driver, $world.created().await?);
        $world.turn_off(&off).await?;
        let running = $world.created().await?;
        let (before, request) = ($world.usage(&running.node).await?, $world.request().await?);
        let result = driver.create(&$call, request.clone()).await;
        ensure_refused!(concat!("create ", $when), result, CreateError::$variant($($inner)*))?;
        let result = driver.power_on(&$call, &off).await;
        ensure_refused!(concat!("power_on ", $when), result, PowerOnError::$variant($($inner)*))?;
        let result = driver.power_off(&$call, &running, Duration::ZERO).await;
        ensure_refused!(concat!("power_off ", $when), result, PowerOffError::$variant($($inner)*))?;
        for kind in [RebootKind::Soft, RebootKind::Hard] {
            let result = driver.reboot(&$call, &running, kind).await;
            ensure_refused!(concat!("reboot ", $when), result, RebootError::$variant($($inner)*))?;
        }
        let result = driver.destroy(&$call, DestroyRequest::new(running.clone())).await;
        ensure_refused!(concat!("destroy ", $when), result, DestroyError::$variant($($inner)*))?;
        ensure(
            !$world.is_listed(&request.instance).await?,
            concat!("create ", $when, " to leave no instance"),
        )?;
        $world.ensure_usage(&running.node, before, concat!("calls ", $when)).await?;
        $world.ensure_power(&off, PowerState::Off, concat!("power_on ", $when)).await?;
        $world.ensure_power(&running, PowerState::Running, concat!("power_off ", $when)).await?;
        // What was refused can be asked for again.
        driver.create(&$world.call(), request.clone()).await?;
        $world.ensure_power(&request.instance, PowerState::Running, concat!("create after one ", $when)).await
    }};
}

pub(super) async fn stale_epoch_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    world.created().await?;
    // The instances that the calls are about are made by the next holder of the lease.
    world.next_epoch();
    ensure_none_passes!(world, world.stale_call(), "with a stale epoch", StaleEpoch(_))
}

pub(super) async fn fence_holds_between_drivers<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, driver) = (bench.world, &bench.world.driver);
    let instance = world.created().await?;
    world.supersede(&instance).await?;
    let (before, request) = (world.usage(&instance.node).await?, world.request().await?);
    let create = driver.create(&world.stale_call(), request.clone()).await;
    ensure_refused!("create of the former holder", create, CreateError::StaleEpoch(_))?;
    let off = driver.power_off(&world.stale_call(), &instance, Duration::ZERO).await;
    ensure_refused!("power_off of the former holder", off, PowerOffError::StaleEpoch(_))?;
    let reboot = driver.reboot(&world.stale_call(), &instance, RebootKind::Hard).await;
    ensure_refused!("reboot of the former holder", reboot, RebootError::StaleEpoch(_))?;
    let destroy = driver.destroy(&world.stale_call(), DestroyRequest::new(instance.clone())).await;
    ensure_refused!("destroy of the former holder", destroy, DestroyError::StaleEpoch(_))?;
    ensure(!world.is_listed(&request.instance).await?, "a create of the former holder to leave nothing")?;
    world.ensure_usage(&instance.node, before, "calls of the former holder").await?;
    world.ensure_power(&instance, PowerState::Running, "calls of the former holder").await?;
    let successor = world.another().await?;
    successor.power_off(&world.call(), &instance, Duration::ZERO).await?;
    let late = driver.power_on(&world.stale_call(), &instance).await;
    ensure_refused!("power_on of the former holder", late, PowerOnError::StaleEpoch(_))?;
    world.ensure_power(&instance, PowerState::Off, "the successor's power_off").await
}

pub(super) async fn fence_outlives_the_drivers<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    world.supersede(&instance).await?;
    world.driver.shutdown().await?;
    let restarted = world.another().await?;
    let late = restarted.power_off(&world.stale_call(), &instance, Duration::ZERO).await;
    ensure_refused!("a call of the former holder after a restart", late, PowerOffError::StaleEpoch(_))?;
    world.driver.init(&world.fixture.host()).await?;
    world.ensure_power(&instance, PowerState::Running, "a stale call after a restart").await
}

pub(super) async fn leases_of_two_nodes_are_apart<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, driver) = (bench.world, &bench.world.driver);
    let nodes = driver.nodes(Refresh::Forced).await?;
    // A hypervisor has one node, and one lease.
    let [_, there, ..] = nodes.as_slice() else { return Ok(()) };
    let instance = world.created().await?;
    world.next_epoch();
    let astray = InstanceRef { id: instance.id.clone(), node: there.name.clone() };
    let off = driver.power_off(&world.call(), &astray, Duration::ZERO).await;
    ensure_refused!("power_off on a node that has no such instance", off, PowerOffError::UnknownInstance(_))?;
    driver.destroy(&world.call(), DestroyRequest::new(astray)).await?;
    world.ensure_power(&instance, PowerState::Running, "calls for another node").await?;
    let other = world.fixture.request(world.new_instance(&there.name));
    driver.create(&world.call(), other).await?;
    // The first node has seen no later epoch than that of its own lease.
    driver.power_off(&world.stale_call(), &instance, Duration::ZERO).await?;
    world.ensure_power(&instance, PowerState::Off, "power_off beside a later lease of another node").await
}

pub(super) async fn cancelled_changes_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    ensure_none_passes!(
        world,
        world.cancelled_call(),
        "that was cancelled",
        Interrupted(Interrupted::Cancelled)
    )
}

pub(super) async fn late_changes_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    ensure_none_passes!(
        world,
        world.late_call(),
        "past its deadline",
        Interrupted(Interrupted::DeadlinePassed)
    )
}

pub(super) async fn resumes_after_a_crash<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    let call = world.call();
    let created = world.driver.create(&call, request.clone()).await?;
    let once = world.usage(&request.instance.node).await?;
    let restarted = world.another().await?;
    let info = restarted.instance_info(&created.instance).await?;
    ensure_eq("the power state after a restart of the driver", &info.power, &PowerState::Running)?;
    let resumed = restarted.create(&call, request.clone()).await?;
    ensure_eq("what the resumed operation created", &resumed, &created)?;
    world.ensure_usage(&request.instance.node, once, "the operation was resumed").await?;
    let again = restarted.create(&world.call(), request).await;
    ensure_refused!("another operation's create after a restart", again, CreateError::NotSameInstance(_))
}

pub(super) async fn no_call_holds_its_thread<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let bound = bench.world.fixture.longest_poll();
    let mut holding = held_beyond(bench, bound).await?;
    for _ in 1..HOLDS {
        if holding.is_empty() {
            return Ok(());
        }
        let again = held_beyond(bench, bound).await?;
        holding.retain(|name, _| again.contains_key(name));
    }
    let told: Vec<_> = holding.iter().map(|(name, held)| format!("`{name}` for {held:?}")).collect();
    let told = told.join(", ");
    ensure(holding.is_empty(), format_args!("no call to hold its thread for more than {bound:?}, got {told}"))
}

/// Makes every call there is, and returns those that held their thread for too long.
async fn held_beyond<F: Fixture>(
    bench: &Bench<'_, F>,
    bound: Duration,
) -> Result<BTreeMap<&'static str, Duration>, Violation> {
    let polls = Polls::default();
    walk::every_call(bench.world, &polls).await?;
    Ok(polls.beyond(bound))
}
