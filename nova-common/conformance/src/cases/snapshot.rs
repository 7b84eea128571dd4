//! The facet for snapshots.

use std::{fs, io};

use nova_api::{
    Capability, DiskSource, Driver as _, GiB, InstanceRef, Pause as _, PowerState, Snapshot as _,
    SnapshotError, SnapshotRequest, SnapshotTaken,
};

use crate::cases::interrupt::{Interruption, again};
use crate::cases::{Bench, facet, pattern, still};
use crate::midway::{POINTS, dropped_after, interrupted_after};
use crate::suite::Ending;
use crate::violation::{
    Check, Violation, ensure, ensure_eq, ensure_guarded, ensure_refused, ensure_wound_up,
};
use crate::world::World;
use crate::{Fixture, fixture};

/// What somebody else has put where an image is to be.
const FOREIGN: &[u8] = b"not an image";

type Case = Result<Ending, Violation>;

fn request<F: Fixture>(world: &World<F>) -> Result<SnapshotRequest, Violation> {
    let (image, target) = world.new_image()?;
    Ok(SnapshotRequest::new(image, target))
}

/// Checks that an image is where it was asked for, and as large as the instance's disk.
fn ensure_image<F: Fixture>(
    world: &World<F>,
    request: &SnapshotRequest,
    taken: &SnapshotTaken,
    disk: GiB,
) -> Check {
    let (bytes, _) = pattern::start_of(world, &request.target)?;
    ensure_eq("the name of the image", &taken.image, &request.image)?;
    ensure_eq("the bytes that a snapshot says it has", &taken.size_bytes, &(disk.0 << 30))?;
    ensure_eq("the bytes of the image", &bytes, &taken.size_bytes)
}

fn ensure_nothing<F: Fixture>(world: &World<F>, request: &SnapshotRequest, after: &str) -> Check {
    let there = world.fixture.open(&request.target).is_ok();
    ensure(!there, format_args!("nothing in {:?} after {after}", request.target))
}

pub(super) async fn makes_an_image_of_the_disk<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let facet = facet!(world.driver.snapshot());
    let instance = world.created_with(Capability::Snapshot).await?;
    let disk = world.driver.instance_info(&instance).await?.disk;
    let before = world.usage(&instance.node).await?;
    let mut states = vec![PowerState::Running, PowerState::Off];
    if world.driver.offers(&instance.node, Capability::Pause) {
        states.extend(world.driver.pause().map(|_| PowerState::Paused));
    }
    for power in states {
        bring_into(world, &instance, power).await?;
        let request = request(world)?;
        let taken = facet.snapshot(&world.call(), &instance, request.clone()).await?;
        ensure_image(world, &request, &taken, disk)?;
        world.ensure_power(&instance, power, "snapshot").await?;
    }
    world.ensure_usage(&instance.node, before, "snapshots").await?;
    Ok(Ending::Checked)
}

async fn bring_into<F: Fixture>(world: &World<F>, instance: &InstanceRef, power: PowerState) -> Check {
    match (power, world.driver.pause()) {
        (PowerState::Off, _) => world.turn_off(instance).await,
        (PowerState::Paused, Some(pause)) => {
            world.driver.power_on(&world.call(), instance).await?;
            Ok(pause.pause(&world.call(), instance).await?)
        }
        _ => Ok(()),
    }
}

pub(super) async fn has_what_the_image_had<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let facet = facet!(world.driver.snapshot());
    let node = world.node_with(Capability::Snapshot).await?;
    let Some(instance) = pattern::instance_on(world, &node).await? else { return Ok(Ending::Checked) };
    let first = request(world)?;
    facet.snapshot(&world.call(), &instance, first.clone()).await?;
    pattern::ensure_in(world, &first.target, "a snapshot")?;
    // An image can be made an instance of in its turn.
    let create = world.fixture.request(world.new_instance(&node)).image(first.target);
    let copy = world.driver.create(&world.call(), create).await?.instance;
    let second = request(world)?;
    facet.snapshot(&world.call(), &copy, second.clone()).await?;
    pattern::ensure_in(world, &second.target, "a snapshot of an instance made of a snapshot")?;
    Ok(Ending::Checked)
}

pub(super) async fn is_idempotent<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let facet = facet!(world.driver.snapshot());
    let instance = world.created_with(Capability::Snapshot).await?;
    let (call, request) = (world.call(), request(world)?);
    let first = facet.snapshot(&call, &instance, request.clone()).await?;
    let written = || -> io::Result<_> { world.fixture.open(&request.target)?.metadata()?.modified() };
    let at = written()?;
    let restarted = world.another().await?;
    let after_restart = still(restarted.snapshot())?;
    let again = [
        facet.snapshot(&call, &instance, request.clone()).await?,
        after_restart.snapshot(&call, &instance, request.clone()).await?,
    ];
    for second in again {
        ensure_eq("what the same operation took the second time", &second, &first)?;
    }
    ensure(written()? == at, "an image that is there not to be written again")?;
    Ok(Ending::Checked)
}

pub(super) async fn never_overwrites<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let facet = facet!(world.driver.snapshot());
    let instance = world.created_with(Capability::Snapshot).await?;
    let taken = request(world)?;
    facet.snapshot(&world.call(), &instance, taken.clone()).await?;
    let written = || -> io::Result<_> { world.fixture.open(&taken.target)?.metadata()?.modified() };
    let at = written()?;
    let second = facet.snapshot(&world.call(), &instance, taken.clone()).await;
    ensure_refused!("snapshot over another operation's image", second, SnapshotError::ImageExists(_))?;
    ensure(written()? == at, "an image not to be written by a refused snapshot")?;
    let foreign = request(world)?;
    if let DiskSource::File { path } = &foreign.target
        && fs::write(path, FOREIGN).is_ok()
    {
        let over = facet.snapshot(&world.call(), &instance, foreign.clone()).await;
        ensure_refused!("snapshot over what nobody knows", over, SnapshotError::ImageExists(_))?;
        ensure(pattern::start_of(world, &foreign.target)?.1 == FOREIGN, "what was there to be there still")?;
    }
    Ok(Ending::Checked)
}

pub(super) async fn without_a_place_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let facet = facet!(world.driver.snapshot());
    let instance = world.created_with(Capability::Snapshot).await?;
    let mut request = request(world)?;
    request.target = fixture::file(&world.scratch()?.join("no").join("such").join("image"));
    let refused = facet.snapshot(&world.call(), &instance, request.clone()).await;
    ensure_refused!("snapshot into a directory that is not there", refused, SnapshotError::BadRequest(_))?;
    ensure_nothing(world, &request, "a refused snapshot")?;
    world.ensure_power(&instance, PowerState::Running, "a refused snapshot").await?;
    Ok(Ending::Checked)
}

pub(super) async fn is_guarded<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let facet = facet!(world.driver.snapshot());
    let instance = world.created_with(Capability::Snapshot).await?;
    let request = request(world)?;
    let unknown = world.new_instance(&instance.node);
    let refused = facet.snapshot(&world.call(), &unknown, request.clone()).await;
    ensure_refused!("snapshot of an unknown instance", refused, SnapshotError::UnknownInstance(_))?;
    ensure_nothing(world, &request, "a snapshot of an unknown instance")?;
    world.supersede(&instance).await?;
    ensure_guarded!(world, "snapshot", SnapshotError, |call| facet.snapshot(
        &call,
        &instance,
        request.clone()
    ));
    ensure_nothing(world, &request, "refused snapshots")?;
    world.ensure_power(&instance, PowerState::Running, "refused snapshots").await?;
    Ok(Ending::Checked)
}

pub(super) async fn crashes_and_interruptions_are_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let facet = facet!(world.driver.snapshot());
    let instance = world.created_with(Capability::Snapshot).await?;
    let disk = world.driver.instance_info(&instance).await?.disk;
    let before = world.usage(&instance.node).await?;
    for polls in POINTS {
        let (call, request, crashing) = (world.call(), request(world)?, world.another().await?);
        let snapshot = still(crashing.snapshot())?.snapshot(&call, &instance, request.clone());
        let end = dropped_after(polls, snapshot)?.transpose()?;
        drop(crashing);
        let taken = facet.snapshot(&call, &instance, request.clone()).await?;
        ensure_image(world, &request, &taken, disk)?;
        if end.is_some() {
            break;
        }
    }
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let request = request(world)?;
            let (call, interrupt) = interruption.call(world);
            let snapshot = facet.snapshot(&call, &instance, request.clone());
            let (end, interrupted) = interrupted_after(polls, snapshot, interrupt, wind_up)?;
            ensure_wound_up!("snapshot", end, SnapshotError)?;
            let taken = facet.snapshot(&again(world, &call), &instance, request.clone()).await?;
            ensure_image(world, &request, &taken, disk)?;
            if !interrupted {
                break;
            }
        }
    }
    world.ensure_usage(&instance.node, before, "snapshots that were disturbed").await?;
    world.ensure_power(&instance, PowerState::Running, "snapshots that were disturbed").await?;
    Ok(Ending::Checked)
}
