//! The facet for diagnostics.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nova_api::{
    Capability, Diagnostics as _, DiagnosticsError, DiagnosticsReport, Driver as _, Pause as _, PowerState,
};

use crate::Fixture;
use crate::cases::{Bench, facet};
use crate::suite::Ending;
use crate::violation::{Check, Violation, ensure, ensure_refused};
use crate::volumes::disks;

pub(super) async fn report_what_an_instance_uses<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.diagnostics());
    let born = Instant::now();
    let instance = world.created_with(Capability::Diagnostics).await?;
    let first = facet.diagnostics(&instance).await?;
    ensure_plausible(&first, born.elapsed())?;
    let second = facet.diagnostics(&instance).await?;
    ensure_plausible(&second, born.elapsed())?;
    ensure(
        first.uptime_s <= second.uptime_s && first.cpu_time_ms <= second.cpu_time_ms,
        format_args!("counters not to go back, got {first:?} and then {second:?}"),
    )?;
    let names = |report: &DiagnosticsReport| -> Vec<_> {
        report.disks.iter().map(|disk| disk.name.clone()).collect()
    };
    ensure(names(&first) == names(&second), "the disks to stay the same")?;
    world.turn_off(&instance).await?;
    let started = Instant::now();
    world.driver.power_on(&world.call(), &instance).await?;
    ensure_plausible(&facet.diagnostics(&instance).await?, started.elapsed())?;
    world.ensure_power(&instance, PowerState::Running, "diagnostics").await?;
    Ok(Ending::Checked)
}

/// Checks a report of an instance that was started so long ago at most.
fn ensure_plausible(report: &DiagnosticsReport, age: Duration) -> Check {
    let nothing = *report == DiagnosticsReport::new();
    ensure(!nothing, "diagnostics to know something of a running instance")?;
    let uptime = report.uptime_s.unwrap_or(0);
    ensure(uptime <= age.as_secs() + 1, format_args!("an uptime of at most {age:?}, got {uptime} s"))?;
    let names: BTreeSet<_> = report.disks.iter().map(|disk| &disk.name).collect();
    ensure(
        names.len() == report.disks.len() && !names.iter().any(|name| name.is_empty()),
        format_args!("disks with names of their own, got {names:?}"),
    )
}

pub(super) async fn of_what_is_off_are_refused<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.diagnostics());
    let instance = world.created_with(Capability::Diagnostics).await?;
    world.turn_off(&instance).await?;
    let off = facet.diagnostics(&instance).await;
    ensure_refused!("diagnostics of an instance that is off", off, DiagnosticsError::WrongPower(_))?;
    world.destroy(&instance).await?;
    let gone = facet.diagnostics(&instance).await;
    ensure_refused!("diagnostics of an unknown instance", gone, DiagnosticsError::UnknownInstance(_))?;
    Ok(Ending::Checked)
}

pub(super) async fn of_a_paused_instance_are_reported<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Result<Ending, Violation> {
    let world = bench.world;
    let (facet, pause) = (facet!(world.driver.diagnostics()), facet!(world.driver.pause()));
    let born = Instant::now();
    let instance = world.created_with(Capability::Diagnostics).await?;
    if !world.driver.offers(&instance.node, Capability::Pause) {
        return Ok(Ending::FacetAbsent);
    }
    pause.pause(&world.call(), &instance).await?;
    ensure_plausible(&facet.diagnostics(&instance).await?, born.elapsed())?;
    world.ensure_power(&instance, PowerState::Paused, "diagnostics").await?;
    Ok(Ending::Checked)
}

pub(super) async fn name_volumes_by_their_id<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let (facet, disks) = (facet!(world.driver.diagnostics()), facet!(disks(&world.driver)));
    let instance = world.created_with(Capability::Diagnostics).await?;
    if !world.driver.offers(&instance.node, Capability::Volumes) {
        return Ok(Ending::FacetAbsent);
    }
    let before = facet.diagnostics(&instance).await?.disks;
    let volume = world.new_volume()?;
    disks.attach(&world.call(), &instance, &volume).await?;
    let with = facet.diagnostics(&instance).await?.disks;
    // A driver that knows nothing of its disks says nothing of volumes either.
    let named = with.last().is_some_and(|disk| disk.name == volume.id.as_str());
    ensure(
        (before.is_empty() && with.is_empty()) || (named && with.len() == before.len() + 1),
        format_args!("volume `{}` behind {before:?}, got {with:?}", volume.id),
    )?;
    disks.detach(&world.call(), &instance, &volume.id).await?;
    let after = facet.diagnostics(&instance).await?.disks;
    ensure(after.len() == before.len(), format_args!("the volume to be gone from the disks, got {after:?}"))?;
    Ok(Ending::Checked)
}
