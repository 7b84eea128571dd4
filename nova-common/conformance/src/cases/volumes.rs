//! The facet for volumes.

use std::collections::BTreeSet;
use std::time::Duration;

use nova_api::{
    AttachVolumeError, AttachedVolumesError, Capability, DetachVolumeError, DiskSource, Driver as _,
    InstanceRef, Pause as _, PowerState, RebootKind, Volume, VolumeId, VolumesV2,
};

use crate::cases::interrupt::{Interruption, again};
use crate::cases::{Bench, facet, still};
use crate::midway::{HEAD_STARTS, POINTS, dropped_after, interrupted_after, turn_by_turn};
use crate::suite::Ending;
use crate::violation::{
    Check, Violation, ensure, ensure_eq, ensure_guarded, ensure_refused, ensure_wound_up,
};
use crate::volumes::{Disks, disks};
use crate::world::World;
use crate::{Fixture, fixture};

/// How many volumes and instances the suite makes to see whether something leaks.
const ROUNDS: usize = 4;

type Case = Result<Ending, Violation>;

async fn ensure_attached<V: VolumesV2>(
    disks: Disks<'_, V>,
    instance: &InstanceRef,
    expected: &[&Volume],
    after: &str,
) -> Check {
    let attached: Vec<VolumeId> = disks.attached(instance).await?.into_iter().map(|one| one.volume).collect();
    let expected: Vec<VolumeId> = expected.iter().map(|volume| volume.id.clone()).collect();
    ensure_eq(&format!("the volumes after {after}"), &attached, &expected)
}

/// Checks that a volume is where it was and as large as it was.
fn ensure_kept<F: Fixture>(world: &World<F>, volume: &Volume, size: u64, after: &str) -> Check {
    let kept = size_of(world, volume)?;
    ensure_eq(&format!("the bytes of the volume after {after}"), &kept, &size)
}

fn size_of<F: Fixture>(world: &World<F>, volume: &Volume) -> Result<u64, Violation> {
    let lost = |error| Violation(format!("expected volume `{}` where it was: {error}", volume.id));
    Ok(world.fixture.open(&volume.source).map_err(lost)?.metadata().map_err(lost)?.len())
}

pub(super) async fn attach_and_detach<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let (one, two) = (world.new_volume()?, world.new_volume()?.read_only(true));
    let size = size_of(world, &one)?;
    for power in [PowerState::Running, PowerState::Off] {
        ensure_attached(disks, &instance, &[], "nothing").await?;
        disks.attach(&world.call(), &instance, &two).await?;
        ensure_attached(disks, &instance, &[&two], "attach").await?;
        disks.attach(&world.call(), &instance, &one).await?;
        ensure_attached(disks, &instance, &[&two, &one], "a second attach").await?;
        disks.detach(&world.call(), &instance, &two.id).await?;
        ensure_attached(disks, &instance, &[&one], "detach").await?;
        disks.detach(&world.call(), &instance, &one.id).await?;
        ensure_attached(disks, &instance, &[], "a second detach").await?;
        world.ensure_power(&instance, power, "attach and detach").await?;
        ensure_kept(world, &one, size, "detach")?;
        world.turn_off(&instance).await?;
    }
    Ok(Ending::Checked)
}

pub(super) async fn have_devices_of_their_own<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let mut told = Vec::new();
    for _ in 0..3 {
        let volume = world.new_volume()?;
        let attached = disks.attach(&world.call(), &instance, &volume).await?;
        ensure_eq("the volume that was attached", &attached.volume, &volume.id)?;
        told.push(attached);
    }
    ensure_eq("the volumes and their devices, as attach told", &disks.attached(&instance).await?, &told)?;
    let devices: Vec<_> = told.iter().filter_map(|one| one.device.as_ref()).collect();
    let distinct: BTreeSet<_> = devices.iter().collect();
    ensure(distinct.len() == devices.len(), format_args!("a device for each volume, got {devices:?}"))?;
    Ok(Ending::Checked)
}

pub(super) async fn stay_attached<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let held = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let volume = world.new_volume()?;
    held.attach(&world.call(), &instance, &volume).await?;
    world.turn_off(&instance).await?;
    ensure_attached(held, &instance, &[&volume], "power_off").await?;
    world.driver.power_on(&world.call(), &instance).await?;
    ensure_attached(held, &instance, &[&volume], "power_on").await?;
    world.driver.reboot(&world.call(), &instance, RebootKind::Hard).await?;
    ensure_attached(held, &instance, &[&volume], "reboot").await?;
    let restarted = world.another().await?;
    let after = still(disks(&restarted))?;
    ensure_attached(after, &instance, &[&volume], "a restart of the driver").await?;
    after.detach(&world.call(), &instance, &volume.id).await?;
    ensure_attached(held, &instance, &[], "detach by another driver").await?;
    Ok(Ending::Checked)
}

pub(super) async fn attach_is_idempotent<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let (volume, call) = (world.new_volume()?, world.call());
    let first = disks.attach(&call, &instance, &volume).await?;
    for call in [&call, &world.call()] {
        let again = disks.attach(call, &instance, &volume).await?;
        ensure_eq("what a volume has become, when it is attached again,", &again, &first)?;
        ensure_attached(disks, &instance, &[&volume], "attach").await?;
    }
    disks.detach(&world.call(), &instance, &volume.id).await?;
    ensure_attached(disks, &instance, &[], "a volume attached again and again is detached once").await?;
    Ok(Ending::Checked)
}

pub(super) async fn detach_is_idempotent<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let (volume, other, call) = (world.new_volume()?, world.new_volume()?, world.call());
    disks.attach(&world.call(), &instance, &volume).await?;
    disks.attach(&world.call(), &instance, &other).await?;
    for call in [&call, &call, &world.call()] {
        disks.detach(call, &instance, &volume.id).await?;
        ensure_attached(disks, &instance, &[&other], "detach").await?;
    }
    disks.detach(&world.call(), &instance, &world.new_volume()?.id).await?;
    ensure_attached(disks, &instance, &[&other], "detach of what never was attached").await?;
    Ok(Ending::Checked)
}

pub(super) async fn in_use_are_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let (instance, other) =
        (world.created_with(Capability::Volumes).await?, world.created_with(Capability::Volumes).await?);
    let volume = world.new_volume()?;
    disks.attach(&world.call(), &instance, &volume).await?;
    let another = world.another().await?;
    let by_another = still(self::disks(&another))?.attach(&world.call(), &other, &volume).await;
    for refused in [disks.attach(&world.call(), &other, &volume).await, by_another] {
        ensure_refused!("attach of another instance's volume", refused, AttachVolumeError::VolumeInUse(_))?;
        ensure_attached(disks, &other, &[], "a refused attach").await?;
        ensure_attached(disks, &instance, &[&volume], "a refused attach of another instance").await?;
    }
    disks.detach(&world.call(), &instance, &volume.id).await?;
    disks.attach(&world.call(), &other, &volume).await?;
    ensure_attached(disks, &other, &[&volume], "attach of what was detached").await?;
    Ok(Ending::Checked)
}

pub(super) async fn go_to_one_of_two_at_once<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let (instance, other) =
        (world.created_with(Capability::Volumes).await?, world.created_with(Capability::Volumes).await?);
    let another = world.another().await?;
    let by_another = still(self::disks(&another))?;
    for head_start in HEAD_STARTS {
        let (volume, calls) = (world.new_volume()?, (world.call(), world.call()));
        let first = disks.attach(&calls.0, &instance, &volume);
        let ends = turn_by_turn(head_start, first, by_another.attach(&calls.1, &other, &volume))?;
        let winner = match &ends {
            (Ok(_), Err(AttachVolumeError::VolumeInUse(_))) => &instance,
            (Err(AttachVolumeError::VolumeInUse(_)), Ok(_)) => &other,
            _ => return Err(Violation(format!("expected one of two to get the volume, got {ends:?}"))),
        };
        for one in [&instance, &other] {
            let expected: &[&Volume] = if one == winner { &[&volume] } else { &[] };
            ensure_attached(disks, one, expected, "two attached it at once").await?;
        }
        disks.detach(&world.call(), winner, &volume.id).await?;
    }
    Ok(Ending::Checked)
}

pub(super) async fn without_a_source_are_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let mut volume = world.new_volume()?;
    let DiskSource::File { .. } = &volume.source else { return Ok(Ending::Checked) };
    volume.source = fixture::file(&world.scratch()?.join("no").join("such").join("volume"));
    let refused = disks.attach(&world.call(), &instance, &volume).await;
    ensure_refused!("attach of what is not there", refused, AttachVolumeError::BadRequest(_))?;
    ensure_attached(disks, &instance, &[], "a refused attach").await?;
    world.ensure_power(&instance, PowerState::Running, "a refused attach").await?;
    Ok(Ending::Checked)
}

pub(super) async fn of_a_paused_instance_are_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let (disks, pause) = (facet!(disks(&world.driver)), facet!(world.driver.pause()));
    let instance = world.created_with(Capability::Volumes).await?;
    if !world.driver.offers(&instance.node, Capability::Pause) {
        return Ok(Ending::FacetAbsent);
    }
    let (held, new) = (world.new_volume()?, world.new_volume()?);
    disks.attach(&world.call(), &instance, &held).await?;
    pause.pause(&world.call(), &instance).await?;
    let attach = disks.attach(&world.call(), &instance, &new).await;
    ensure_refused!("attach to a paused instance", attach, AttachVolumeError::WrongPower(_))?;
    let detach = disks.detach(&world.call(), &instance, &held.id).await;
    ensure_refused!("detach from a paused instance", detach, DetachVolumeError::WrongPower(_))?;
    ensure_attached(disks, &instance, &[&held], "refused calls").await?;
    world.ensure_power(&instance, PowerState::Paused, "refused calls").await?;
    Ok(Ending::Checked)
}

pub(super) async fn are_guarded<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    let unknown = world.new_instance(&instance.node);
    let (held, new) = (world.new_volume()?, world.new_volume()?);
    disks.attach(&world.call(), &instance, &held).await?;
    let attach = disks.attach(&world.call(), &unknown, &new).await;
    ensure_refused!("attach to an unknown instance", attach, AttachVolumeError::UnknownInstance(_))?;
    let detach = disks.detach(&world.call(), &unknown, &new.id).await;
    ensure_refused!("detach from an unknown instance", detach, DetachVolumeError::UnknownInstance(_))?;
    let attached = disks.attached(&unknown).await;
    ensure_refused!("attached of an unknown instance", attached, AttachedVolumesError::UnknownInstance(_))?;
    world.supersede(&instance).await?;
    ensure_guarded!(world, "attach", AttachVolumeError, |call| disks.attach(&call, &instance, &new));
    ensure_guarded!(world, "detach", DetachVolumeError, |call| disks.detach(&call, &instance, &held.id));
    ensure_attached(disks, &instance, &[&held], "refused calls").await?;
    Ok(Ending::Checked)
}

pub(super) async fn crashes_and_interruptions_are_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let (world, wind_up) = (bench.world, bench.world.fixture.wind_up());
    let held = facet!(disks(&world.driver));
    let instance = world.created_with(Capability::Volumes).await?;
    for polls in POINTS {
        let (volume, attach, detach) = (world.new_volume()?, world.call(), world.call());
        let (one, two) = (world.another().await?, world.another().await?);
        let crashing = still(disks(&one))?.attach(&attach, &instance, &volume);
        let attached = dropped_after(polls, crashing)?.transpose()?.is_some();
        drop(one);
        held.attach(&attach, &instance, &volume).await?;
        ensure_attached(held, &instance, &[&volume], "a resumed attach").await?;
        let crashing = still(disks(&two))?.detach(&detach, &instance, &volume.id);
        let detached = dropped_after(polls, crashing)?.transpose()?.is_some();
        drop(two);
        held.detach(&detach, &instance, &volume.id).await?;
        ensure_attached(held, &instance, &[], "a resumed detach").await?;
        if attached && detached {
            break;
        }
    }
    for interruption in Interruption::ALL {
        for polls in POINTS {
            let volume = world.new_volume()?;
            let (call, interrupt) = interruption.call(world);
            let attach = held.attach(&call, &instance, &volume);
            let (end, one) = interrupted_after(polls, attach, interrupt, wind_up)?;
            ensure_wound_up!("attach", end, AttachVolumeError)?;
            held.attach(&again(world, &call), &instance, &volume).await?;
            ensure_attached(held, &instance, &[&volume], "an interrupted attach, repeated").await?;
            let (call, interrupt) = interruption.call(world);
            let detach = held.detach(&call, &instance, &volume.id);
            let (end, two) = interrupted_after(polls, detach, interrupt, wind_up)?;
            ensure_wound_up!("detach", end, DetachVolumeError)?;
            held.detach(&again(world, &call), &instance, &volume.id).await?;
            ensure_attached(held, &instance, &[], "an interrupted detach, repeated").await?;
            if !(one || two) {
                break;
            }
        }
    }
    Ok(Ending::Checked)
}

pub(super) async fn outlive_their_instance<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let disks = facet!(disks(&world.driver));
    let node = world.node_with(Capability::Volumes).await?;
    let (before, volume) = (world.usage(&node).await?, world.new_volume()?);
    let size = size_of(world, &volume)?;
    for power in [PowerState::Running, PowerState::Off].into_iter().cycle().take(ROUNDS) {
        let instance = world.created_with(Capability::Volumes).await?;
        disks.attach(&world.call(), &instance, &volume).await?;
        if power == PowerState::Off {
            world.driver.power_off(&world.call(), &instance, Duration::ZERO).await?;
        }
        world.destroy(&instance).await?;
        ensure_kept(world, &volume, size, "its instance was destroyed")?;
        world.ensure_usage(&node, before, "an instance with a volume was destroyed").await?;
    }
    Ok(Ending::Checked)
}
