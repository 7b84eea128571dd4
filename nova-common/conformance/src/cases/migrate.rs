//! The facet for cold migration.

mod disturbed;
mod refused;

pub(super) use disturbed::{
    a_crash_in_migrate_end_is_resumed, a_crash_in_migrate_in_is_resumed,
    a_crash_in_migrate_in_is_undone_by_destroy, a_crash_in_migrate_out_is_resumed, interruptions_are_resumed,
};
pub(super) use refused::{
    calls_are_guarded, end_without_a_beginning_is_refused, in_of_a_foreign_payload_is_refused,
    in_of_anothers_instance_is_refused, in_on_an_unknown_node_is_refused, in_without_room_is_refused,
    out_of_a_paused_instance_is_refused, out_to_nowhere_is_refused,
};

use nova_api::{
    Capability, ColdMigrate as _, Created, Driver as _, GiB, InstanceRef, MiB, MigrateEndRequest,
    MigrateInRequest, MigrateOutRequest, MigrationEnd, MigrationPayload, NodeName, PowerState, Snapshot as _,
    SnapshotRequest, Vcpus,
};

use crate::Fixture;
use crate::cases::{Bench, facet, pattern, still};
use crate::observed::{self, NodeUsage};
use crate::suite::Ending;
use crate::violation::{Check, Violation, ensure, ensure_eq};
use crate::volumes::disks;
use crate::world::World;

/// How many instances [`nothing_leaks`] sends off.
const ROUNDS: usize = 4;

/// The most that a driver may have to tell another one.
const PAYLOAD_BYTES: usize = 1 << 20;

type Case = Result<Ending, Violation>;

/// An instance that is to migrate, and where to.
struct Journey<'a, F: Fixture> {
    world: &'a World<F>,
    /// Where it is.
    from: InstanceRef,
    /// Where it will be.
    to: InstanceRef,
    target: F::Driver,
}

impl<'a, F: Fixture> Journey<'a, F> {
    /// Makes an instance on a node that it can migrate from.
    async fn begin(world: &'a World<F>) -> Result<Self, Violation> {
        let from = world.created_with(Capability::ColdMigrate).await?;
        let (target, node) = world.target(&from.node).await?;
        let to = InstanceRef { id: from.id.clone(), node };
        Ok(Self { world, from, to, target })
    }

    fn leave(&self) -> MigrateOutRequest {
        MigrateOutRequest::new(self.from.clone(), self.to.node.clone())
    }

    fn arrive(&self, payload: MigrationPayload) -> MigrateInRequest {
        MigrateInRequest::new(self.to.clone(), payload)
    }

    fn end(&self, end: MigrationEnd) -> MigrateEndRequest {
        MigrateEndRequest::new(self.from.clone(), end)
    }

    async fn out(&self) -> Result<MigrationPayload, Violation> {
        let source = still(self.world.driver.cold_migrate())?;
        Ok(source.migrate_out(&self.world.call(), self.leave()).await?)
    }

    async fn arrived(&self, payload: MigrationPayload) -> Result<Created, Violation> {
        let target = still(self.target.cold_migrate())?;
        Ok(target.migrate_in(&self.world.call(), self.arrive(payload)).await?)
    }

    async fn ended(&self, end: MigrationEnd) -> Check {
        let source = still(self.world.driver.cold_migrate())?;
        Ok(source.migrate_end(&self.world.call(), self.end(end)).await?)
    }

    async fn usages(&self) -> Result<(NodeUsage, NodeUsage), Violation> {
        let there = observed::usage(&self.target, &self.to.node).await?;
        Ok((self.world.usage(&self.from.node).await?, there))
    }

    async fn ensure_usages(&self, (here, there): (NodeUsage, NodeUsage), after: &str) -> Check {
        self.world.ensure_usage(&self.from.node, here, after).await?;
        observed::ensure_usage(&self.target, &self.to.node, there, after).await
    }

    async fn ensure_there(&self, power: PowerState, after: &str) -> Check {
        observed::ensure_power(&self.target, &self.to, power, after).await
    }

    async fn ensure_not_there(&self, after: &str) -> Check {
        let listed = observed::is_listed(&self.target, &self.to).await?;
        ensure(!listed, format_args!("no instance on the target after {after}"))
    }

    async fn ensure_not_here(&self, after: &str) -> Check {
        let listed = self.world.is_listed(&self.from).await?;
        ensure(!listed, format_args!("no instance on the source after {after}"))
    }

    async fn destroy_there(&self) -> Check {
        let gone = nova_api::DestroyRequest::new(self.to.clone());
        Ok(self.target.destroy(&self.world.call(), gone).await?)
    }
}

/// What a node has on top of what it had, or what it lacks.
fn size_of(info: &nova_api::InstanceInfo) -> (Vcpus, MiB, GiB) {
    (info.vcpus, info.memory, info.disk)
}

pub(super) async fn moves_an_instance<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let mut empty = observed::usage(&journey.target, &journey.to.node).await?;
    for power in [PowerState::Running, PowerState::Off] {
        let journey = if power == PowerState::Running { &journey } else { &Journey::begin(world).await? };
        if power == PowerState::Off {
            world.turn_off(&journey.from).await?;
            empty = observed::usage(&journey.target, &journey.to.node).await?;
        }
        let size = size_of(&world.driver.instance_info(&journey.from).await?);
        let payload = journey.out().await?;
        ensure_payload(world, &payload).await?;
        world.ensure_power(&journey.from, PowerState::Off, "migrate_out").await?;
        let created = journey.arrived(payload).await?;
        ensure_eq("the instance that was taken over", &created.instance, &journey.to)?;
        journey.ensure_there(power, "migrate_in").await?;
        let there = journey.target.instance_info(&journey.to).await?;
        ensure_eq("the size of the instance on the target", &size_of(&there), &size)?;
        world.ensure_power(&journey.from, PowerState::Off, "migrate_in").await?;
        journey.ended(MigrationEnd::Confirm).await?;
        journey.ensure_not_here("its migration was confirmed").await?;
        journey.ensure_there(power, "migrate_end").await?;
        let taken = observed::usage(&journey.target, &journey.to.node).await?;
        let expected = empty.memory.used.saturating_add(size.1);
        ensure_eq("the memory taken on the target", &taken.memory.used, &expected)?;
        // It is an instance like any other.
        if power == PowerState::Off {
            journey.target.power_on(&world.call(), &journey.to).await?;
            journey.ensure_there(PowerState::Running, "power_on on the target").await?;
        }
    }
    Ok(Ending::Checked)
}

async fn ensure_payload<F: Fixture>(world: &World<F>, payload: &MigrationPayload) -> Check {
    let info = world.driver.init(&world.fixture.host()).await?;
    ensure_eq("the driver that a payload names", &payload.driver, &info.name)?;
    let bytes = payload.bytes.len();
    ensure(bytes <= PAYLOAD_BYTES, format_args!("a payload of at most {PAYLOAD_BYTES} bytes, got {bytes}"))
}

pub(super) async fn can_be_reverted<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    for (power, arrives) in
        [(PowerState::Running, false), (PowerState::Running, true), (PowerState::Off, false)]
    {
        let journey = Journey::begin(world).await?;
        if power == PowerState::Off {
            world.turn_off(&journey.from).await?;
        }
        let before = journey.usages().await?;
        let payload = journey.out().await?;
        if arrives {
            journey.arrived(payload).await?;
            journey.destroy_there().await?;
        }
        journey.ended(MigrationEnd::Revert).await?;
        world.ensure_power(&journey.from, power, "its migration was reverted").await?;
        journey.ensure_not_there("its migration was reverted").await?;
        journey.ensure_usages(before, "a migration that was reverted").await?;
        // It can set off again.
        journey.out().await?;
        journey.ended(MigrationEnd::Revert).await?;
        world.ensure_power(&journey.from, power, "a second migration was reverted").await?;
        world.destroy(&journey.from).await?;
    }
    Ok(Ending::Checked)
}

pub(super) async fn keeps_volumes_of_what_comes_back<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let disks = facet!(disks(&world.driver));
    let journey = Journey::begin(world).await?;
    if !world.driver.offers(&journey.from.node, Capability::Volumes) {
        return Ok(Ending::FacetAbsent);
    }
    let volume = world.new_volume()?;
    disks.attach(&world.call(), &journey.from, &volume).await?;
    journey.out().await?;
    journey.ended(MigrationEnd::Revert).await?;
    let attached: Vec<_> = disks.attached(&journey.from).await?.into_iter().map(|one| one.volume).collect();
    ensure_eq("the volumes after a migration was reverted", &attached, &vec![volume.id])?;
    Ok(Ending::Checked)
}

pub(super) async fn takes_the_disk_along<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    facet!(world.driver.snapshot());
    let node = world.node_with(Capability::ColdMigrate).await?;
    let Some(instance) = pattern::instance_on(world, &node).await? else { return Ok(Ending::Checked) };
    let (target, to) = world.target(&node).await?;
    if !target.offers(&to, Capability::Snapshot) {
        return Ok(Ending::FacetAbsent);
    }
    let to = InstanceRef { id: instance.id.clone(), node: to };
    let journey = Journey { world, from: instance, to, target };
    let payload = journey.out().await?;
    journey.arrived(payload).await?;
    journey.ended(MigrationEnd::Confirm).await?;
    let (image, place) = world.new_image()?;
    let request = SnapshotRequest::new(image, place.clone());
    still(journey.target.snapshot())?.snapshot(&world.call(), &journey.to, request).await?;
    pattern::ensure_in(world, &place, "the disk of an instance that has migrated")?;
    Ok(Ending::Checked)
}

pub(super) async fn is_idempotent<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let source = facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let target = still(journey.target.cold_migrate())?;
    let (out, arrive, end) = (world.call(), world.call(), world.call());
    let payload = source.migrate_out(&out, journey.leave()).await?;
    let again = source.migrate_out(&out, journey.leave()).await?;
    ensure_eq("the payload of the same operation, asked for again,", &again, &payload)?;
    let first = target.migrate_in(&arrive, journey.arrive(payload.clone())).await?;
    let once = journey.usages().await?;
    let second = target.migrate_in(&arrive, journey.arrive(payload)).await?;
    ensure_eq("what the same operation took over the second time", &second, &first)?;
    journey.ensure_usages(once, "a repeated migrate_in").await?;
    journey.ensure_there(PowerState::Running, "a repeated migrate_in").await?;
    for call in [&end, &end, &world.call()] {
        source.migrate_end(call, journey.end(MigrationEnd::Confirm)).await?;
        journey.ensure_not_here("its migration was confirmed").await?;
    }
    let journey = Journey::begin(world).await?;
    journey.out().await?;
    let end = world.call();
    for call in [&end, &end, &world.call()] {
        source.migrate_end(call, journey.end(MigrationEnd::Revert)).await?;
        world.ensure_power(&journey.from, PowerState::Running, "its migration was reverted").await?;
    }
    Ok(Ending::Checked)
}

pub(super) async fn nothing_leaks<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let resident = Journey::begin(world).await?;
    let before = resident.usages().await?;
    for round in 0..ROUNDS {
        let journey = Journey::begin(world).await?;
        let payload = journey.out().await?;
        if round % 2 == 0 {
            journey.arrived(payload).await?;
            journey.ended(MigrationEnd::Confirm).await?;
            journey.destroy_there().await?;
        } else {
            // The source is destroyed on its way: that ends the migration too.
            world.destroy(&journey.from).await?;
        }
        resident.ensure_usages(before, "migration and destroy").await?;
        journey.ensure_not_here("destroy").await?;
        journey.ensure_not_there("destroy").await?;
    }
    Ok(Ending::Checked)
}

/// Returns a node's name that a driver does not know.
fn nowhere<F: Fixture>() -> NodeName {
    World::<F>::unknown_node()
}
