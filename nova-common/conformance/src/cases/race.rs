//! Two callers at once, on one instance: what is there afterwards is one thing, and the same for all who ask.

use std::thread;
use std::time::Duration;

use nova_api::{
    Call, CreateError, CreateRequest, DestroyRequest, Driver, GiB, InstanceInfoError, InstanceRef,
    PowerOffError, PowerOnError, PowerState, RebootError, RebootKind,
};

use crate::cases::Bench;
use crate::midway::{HEAD_STARTS, turn_by_turn};
use crate::observed::NodeUsage;
use crate::violation::{Check, Violation, ensure, ensure_eq};
use crate::world::World;
use crate::{Fixture, block_on};

/// How often two threads race.
const ROUNDS: usize = 3;

pub(super) async fn create_by_one_operation_makes_one<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (node, other) = (world.node().await?.name, world.another().await?);
    let before = world.usage(&node).await?;
    for head_start in HEAD_STARTS {
        let (call, request) = (world.call(), world.request().await?);
        let create = |driver| F::Driver::create(driver, &call, request.clone());
        let (one, two) = turn_by_turn(head_start, create(&world.driver), create(&other))?;
        ensure(one.is_ok() || two.is_ok(), "one of two attempts of an operation to make the instance")?;
        ensure_made_once(world, &call, &request, before).await?;
    }
    for _ in 0..ROUNDS {
        let (call, request) = (world.call(), world.request().await?);
        let create = |driver| at_once(driver, &call, request.clone());
        let (one, two) = on_threads(|| create(&world.driver), || create(&other))?;
        ensure(one.is_ok() || two.is_ok(), "one of two attempts of an operation to make the instance")?;
        ensure_made_once(world, &call, &request, before).await?;
    }
    Ok(())
}

fn at_once(driver: &impl Driver, call: &Call, request: CreateRequest) -> Result<InstanceRef, CreateError> {
    block_on(async { Ok(driver.create(call, request).await?.instance) })
}

/// Checks that what two attempts at once have made is one instance.
async fn ensure_made_once<F: Fixture>(
    world: &World<F>,
    call: &Call,
    request: &CreateRequest,
    before: NodeUsage,
) -> Check {
    let (instance, node) = (&request.instance, &request.instance.node);
    world.driver.create(call, request.clone()).await?;
    world.ensure_power(instance, PowerState::Running, "two attempts at once").await?;
    let expected = before.memory.used.saturating_add(request.memory);
    let taken = world.usage(node).await?.memory.used;
    ensure_eq("the memory taken after two attempts at once", &taken, &expected)?;
    world.destroy(instance).await?;
    world.ensure_usage(node, before, "two attempts at once and destroy").await
}

pub(super) async fn create_by_two_operations_makes_one<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (node, other) = (world.node().await?.name, world.another().await?);
    let before = world.usage(&node).await?;
    for head_start in HEAD_STARTS {
        let (calls, request) = ((world.call(), world.call()), world.request().await?);
        let first = world.driver.create(&calls.0, request.clone());
        let ends = turn_by_turn(head_start, first, other.create(&calls.1, request.clone()))?;
        ensure_one_won(world, &request, (&ends.0, &ends.1)).await?;
        world.ensure_usage(&node, before, "a race of two creates and destroy").await?;
    }
    for _ in 0..ROUNDS {
        let (calls, request) = ((world.call(), world.call()), world.request().await?);
        let first = || at_once(&world.driver, &calls.0, request.clone());
        let ends = on_threads(first, || at_once(&other, &calls.1, request.clone()))?;
        ensure_one_won(world, &request, (&ends.0, &ends.1)).await?;
        world.ensure_usage(&node, before, "a race of two creates and destroy").await?;
    }
    Ok(())
}

async fn ensure_one_won<F: Fixture, T: std::fmt::Debug>(
    world: &World<F>,
    request: &CreateRequest,
    ends: (&Result<T, CreateError>, &Result<T, CreateError>),
) -> Check {
    let fair = matches!(ends, (Ok(_), Err(CreateError::NotSameInstance(_))))
        || matches!(ends, (Err(CreateError::NotSameInstance(_)), Ok(_)));
    ensure(fair, format_args!("one create and one refusal as `NotSameInstance`, got {ends:?}"))?;
    world.ensure_power(&request.instance, PowerState::Running, "two operations at once").await?;
    world.destroy(&request.instance).await
}

pub(super) async fn creates_share_no_room<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (node, other) = (world.node().await?.name, world.another().await?);
    let before = world.usage(&node).await?;
    // Disk space costs a back end least: nothing is written on it.
    let room = before.disk.total.saturating_sub(before.disk.used);
    let most = GiB(room.0 / 2 + 1);
    for head_start in HEAD_STARTS {
        let requests = (world.request().await?.disk(most), world.request().await?.disk(most));
        let calls = (world.call(), world.call());
        let first = world.driver.create(&calls.0, requests.0.clone());
        let ends = turn_by_turn(head_start, first, other.create(&calls.1, requests.1.clone()))?;
        let legal = matches!(
            &ends,
            (Ok(_) | Err(CreateError::NoCapacity(_)), Err(CreateError::NoCapacity(_)))
                | (Err(CreateError::NoCapacity(_)), Ok(_))
        );
        ensure(legal, format_args!("no room for two instances of {most} in {room}, got {ends:?}"))?;
        world.destroy(&requests.0.instance).await?;
        world.destroy(&requests.1.instance).await?;
        world.ensure_usage(&node, before, "creates that had room for one").await?;
    }
    Ok(())
}

pub(super) async fn create_against_destroy_leaves_all_or_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (node, other) = (world.node().await?.name, world.another().await?);
    let before = world.usage(&node).await?;
    for head_start in HEAD_STARTS {
        let (calls, request) = ((world.call(), world.call()), world.request().await?);
        let gone = DestroyRequest::new(request.instance.clone());
        let create = world.driver.create(&calls.0, request.clone());
        let (_, destroyed) = turn_by_turn(head_start, create, other.destroy(&calls.1, gone))?;
        destroyed?;
        ensure_consistent(world, &request.instance, "create against destroy").await?;
        world.destroy(&request.instance).await?;
        world.ensure_usage(&node, before, "create against destroy, and destroy").await?;
    }
    for _ in 0..ROUNDS {
        let (calls, request) = ((world.call(), world.call()), world.request().await?);
        let gone = || DestroyRequest::new(request.instance.clone());
        let destroy = || block_on(other.destroy(&calls.1, gone()));
        let (_, destroyed) =
            on_threads(|| at_once(&world.driver, &calls.0, request.clone()).is_ok(), destroy)?;
        destroyed?;
        ensure_consistent(world, &request.instance, "create against destroy").await?;
        world.destroy(&request.instance).await?;
        world.ensure_usage(&node, before, "create against destroy, and destroy").await?;
    }
    Ok(())
}

pub(super) async fn power_changes_end_in_one_state<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, other) = (bench.world, bench.world.another().await?);
    let instance = world.created().await?;
    for head_start in HEAD_STARTS {
        let (off, on, reboot) = (world.call(), world.call(), world.call());
        let first = world.driver.power_off(&off, &instance, Duration::ZERO);
        let (one, two) = turn_by_turn(head_start, first, other.power_on(&on, &instance))?;
        one?;
        two?;
        ensure_consistent(world, &instance, "power_off against power_on").await?;
        world.driver.power_on(&world.call(), &instance).await?;
        let first = world.driver.reboot(&reboot, &instance, RebootKind::Hard);
        let (one, two) = turn_by_turn(head_start, first, other.power_off(&off, &instance, Duration::ZERO))?;
        two?;
        ensure(
            matches!(one, Ok(()) | Err(RebootError::WrongPower(_))),
            format_args!("a reboot against power_off to be done or refused as `WrongPower`, got {one:?}"),
        )?;
        ensure_consistent(world, &instance, "reboot against power_off").await?;
        world.driver.power_on(&world.call(), &instance).await?;
        world.ensure_power(&instance, PowerState::Running, "power changes at once and power_on").await?;
    }
    let toggle = |driver: &F::Driver| -> Check {
        for _ in 0..ROUNDS {
            block_on(driver.power_off(&world.call(), &instance, Duration::ZERO))?;
            block_on(driver.power_on(&world.call(), &instance))?;
        }
        Ok(())
    };
    let (one, two) = on_threads(|| toggle(&world.driver), || toggle(&other))?;
    one.and(two)?;
    ensure_consistent(world, &instance, "power changes on two threads").await?;
    world.driver.power_on(&world.call(), &instance).await?;
    world.ensure_power(&instance, PowerState::Running, "power changes at once and power_on").await
}

pub(super) async fn destroy_wins_over_power_changes<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, other) = (bench.world, bench.world.another().await?);
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    for head_start in HEAD_STARTS {
        let (instance, calls) = (world.created().await?, (world.call(), world.call()));
        let gone = DestroyRequest::new(instance.clone());
        let off = world.driver.power_off(&calls.0, &instance, Duration::ZERO);
        let (one, two) = turn_by_turn(head_start, off, other.destroy(&calls.1, gone))?;
        two?;
        let legal = matches!(one, Ok(()) | Err(PowerOffError::UnknownInstance(_)));
        ensure(legal, format_args!("power_off against destroy to be done or refused, got {one:?}"))?;
        ensure_gone(world, &instance, before).await?;
    }
    for _ in 0..ROUNDS {
        let instance = world.created().await?;
        world.turn_off(&instance).await?;
        let on = || block_on(world.driver.power_on(&world.call(), &instance));
        let destroy = || block_on(other.destroy(&world.call(), DestroyRequest::new(instance.clone())));
        let (one, two) = on_threads(on, destroy)?;
        two?;
        let legal = matches!(one, Ok(()) | Err(PowerOnError::UnknownInstance(_)));
        ensure(legal, format_args!("power_on against destroy to be done or refused, got {one:?}"))?;
        ensure_gone(world, &instance, before).await?;
    }
    Ok(())
}

async fn ensure_gone<F: Fixture>(world: &World<F>, instance: &InstanceRef, before: NodeUsage) -> Check {
    let after = "destroy against a power change";
    ensure(!world.is_listed(instance).await?, format_args!("no instance after {after}"))?;
    world.ensure_usage(&instance.node, before, after).await
}

/// Checks that all who ask are told the same of an instance, be it there or not.
async fn ensure_consistent<F: Fixture>(world: &World<F>, instance: &InstanceRef, after: &str) -> Check {
    match world.driver.instance_info(instance).await {
        Ok(info) => world.ensure_power(instance, info.power, after).await,
        Err(InstanceInfoError::UnknownInstance(_)) => ensure(
            !world.is_listed(instance).await?,
            format_args!("no unknown instance in the list after {after}"),
        ),
        Err(error) => Err(error.into()),
    }
}

/// Does two things on two threads at once.
fn on_threads<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> Result<(A, B), Violation> {
    let panicked = |_| Violation("the driver panicked".to_owned());
    thread::scope(|scope| {
        let other = scope.spawn(second);
        let one = scope.spawn(first).join().map_err(panicked);
        Ok((one?, other.join().map_err(panicked)?))
    })
}
