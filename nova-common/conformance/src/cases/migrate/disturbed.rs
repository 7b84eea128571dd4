//! Migrations whose calls crash or are interrupted in their midst.

use nova_api::{
    Call, ColdMigrate as _, Driver as _, MigrateEndError, MigrateInError, MigrateOutError, MigrationEnd,
    MigrationPayload, PowerState,
};

use super::{Case, Journey};
use crate::Fixture;
use crate::cases::interrupt::{Interruption, again};
use crate::cases::{Bench, facet, still};
use crate::midway::{POINTS, dropped_after, interrupted_after};
use crate::observed::NodeUsage;
use crate::suite::Ending;
use crate::violation::{Violation, ensure_eq, ensure_wound_up};
use crate::world::World;

pub(in crate::cases) async fn a_crash_in_migrate_out_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    for polls in POINTS {
        let journey = Journey::begin(world).await?;
        let before = journey.usages().await?;
        let (call, crashing) = (world.call(), world.another().await?);
        let out = still(crashing.cold_migrate())?.migrate_out(&call, journey.leave());
        let end = dropped_after(polls, out)?.transpose()?;
        drop(crashing);
        let restarted = world.another().await?;
        let payload = still(restarted.cold_migrate())?.migrate_out(&call, journey.leave()).await?;
        if let Some(first) = &end {
            ensure_eq("the payload of the same operation, asked for again,", &payload, first)?;
        }
        world.ensure_power(&journey.from, PowerState::Off, "a resumed migrate_out").await?;
        journey.ended(MigrationEnd::Revert).await?;
        world.ensure_power(&journey.from, PowerState::Running, "a crashed migration was reverted").await?;
        journey.ensure_usages(before, "a crashed migration was reverted").await?;
        world.destroy(&journey.from).await?;
        if end.is_some() {
            break;
        }
    }
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn a_crash_in_migrate_in_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    for polls in POINTS {
        let arrival = Arrival::crashed(world, polls).await?;
        let (journey, call) = (&arrival.journey, &arrival.call);
        let resumed = still(journey.target.cold_migrate())?;
        let created = resumed.migrate_in(call, journey.arrive(arrival.payload.clone())).await?;
        ensure_eq("the instance that a resumed migrate_in took over", &created.instance, &journey.to)?;
        journey.ensure_there(PowerState::Running, "a resumed migrate_in").await?;
        journey.destroy_there().await?;
        journey.ensure_usages(arrival.before, "a resumed migrate_in and destroy").await?;
        journey.ended(MigrationEnd::Confirm).await?;
        if arrival.ended {
            break;
        }
    }
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn a_crash_in_migrate_in_is_undone_by_destroy<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    for polls in POINTS {
        let arrival = Arrival::crashed(world, polls).await?;
        let journey = &arrival.journey;
        journey.destroy_there().await?;
        journey.ensure_not_there("a crashed migrate_in and destroy").await?;
        journey.ensure_usages(arrival.before, "a crashed migrate_in and destroy").await?;
        journey.ended(MigrationEnd::Revert).await?;
        world.ensure_power(&journey.from, PowerState::Running, "a crashed migration was reverted").await?;
        world.destroy(&journey.from).await?;
        if arrival.ended {
            break;
        }
    }
    Ok(Ending::Checked)
}

/// An arrival whose driver has crashed in its midst, unless it had ended before.
struct Arrival<'a, F: Fixture> {
    /// The journey, with a new driver on its target.
    journey: Journey<'a, F>,
    call: Call,
    payload: MigrationPayload,
    before: (NodeUsage, NodeUsage),
    ended: bool,
}

impl<'a, F: Fixture> Arrival<'a, F> {
    async fn crashed(world: &'a World<F>, polls: usize) -> Result<Self, Violation> {
        let mut journey = Journey::begin(world).await?;
        let (call, payload) = (world.call(), journey.out().await?);
        let before = journey.usages().await?;
        let (crashing, _) = world.target(&journey.from.node).await?;
        let arrive = still(crashing.cold_migrate())?.migrate_in(&call, journey.arrive(payload.clone()));
        let ended = dropped_after(polls, arrive)?.transpose()?.is_some();
        drop(crashing);
        journey.target = world.target(&journey.from.node).await?.0;
        Ok(Self { journey, call, payload, before, ended })
    }
}

pub(in crate::cases) async fn a_crash_in_migrate_end_is_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    for way in [MigrationEnd::Confirm, MigrationEnd::Revert] {
        for polls in POINTS {
            let journey = Journey::begin(world).await?;
            journey.out().await?;
            let (call, crashing) = (world.call(), world.another().await?);
            let ending = still(crashing.cold_migrate())?.migrate_end(&call, journey.end(way));
            let end = dropped_after(polls, ending)?.transpose()?;
            drop(crashing);
            let restarted = world.another().await?;
            still(restarted.cold_migrate())?.migrate_end(&call, journey.end(way)).await?;
            match way {
                MigrationEnd::Confirm => journey.ensure_not_here("a resumed confirmation").await?,
                MigrationEnd::Revert => {
                    world.ensure_power(&journey.from, PowerState::Running, "a resumed reversion").await?;
                    world.destroy(&journey.from).await?;
                }
            }
            if end.is_some() {
                break;
            }
        }
    }
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn interruptions_are_resumed<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    for interruption in Interruption::ALL {
        for polls in POINTS {
            if !interrupted(&Journey::begin(world).await?, interruption, polls).await? {
                break;
            }
        }
    }
    Ok(Ending::Checked)
}

/// Interrupts each call of a migration once, and returns whether any was still under way.
async fn interrupted<F: Fixture>(
    journey: &Journey<'_, F>,
    interruption: Interruption,
    polls: usize,
) -> Result<bool, Violation> {
    let (world, wind_up) = (journey.world, journey.world.fixture.wind_up());
    let (source, target) = (still(world.driver.cold_migrate())?, still(journey.target.cold_migrate())?);
    let (call, interrupt) = interruption.call(world);
    let out = source.migrate_out(&call, journey.leave());
    let (end, one) = interrupted_after(polls, out, interrupt, wind_up)?;
    ensure_wound_up!("migrate_out", end, MigrateOutError)?;
    let payload = source.migrate_out(&again(world, &call), journey.leave()).await?;
    world.ensure_power(&journey.from, PowerState::Off, "an interrupted migrate_out, repeated").await?;
    let before = journey.usages().await?;

    let (call, interrupt) = interruption.call(world);
    let arrive = target.migrate_in(&call, journey.arrive(payload.clone()));
    let (end, two) = interrupted_after(polls, arrive, interrupt, wind_up)?;
    ensure_wound_up!("migrate_in", end, MigrateInError)?;
    target.migrate_in(&again(world, &call), journey.arrive(payload)).await?;
    journey.ensure_there(PowerState::Running, "an interrupted migrate_in, repeated").await?;

    let (call, interrupt) = interruption.call(world);
    let ending = source.migrate_end(&call, journey.end(MigrationEnd::Confirm));
    let (end, three) = interrupted_after(polls, ending, interrupt, wind_up)?;
    ensure_wound_up!("migrate_end", end, MigrateEndError)?;
    source.migrate_end(&again(world, &call), journey.end(MigrationEnd::Confirm)).await?;
    journey.ensure_not_here("an interrupted confirmation, repeated").await?;
    journey.destroy_there().await?;
    let there = crate::observed::usage(&journey.target, &journey.to.node).await?;
    ensure_eq("what is taken on the target after an interrupted migration", &there, &before.1)?;
    Ok(one || two || three)
}
