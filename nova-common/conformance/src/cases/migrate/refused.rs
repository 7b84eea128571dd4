//! What a migration is refused for, and that nothing comes of it then.

use nova_api::{
    Capability, ColdMigrate as _, Driver as _, GiB, InstanceRef, MigrateEndError, MigrateEndRequest,
    MigrateInError, MigrateInRequest, MigrateOutError, MigrateOutRequest, MigrationEnd, MigrationPayload,
    Pause as _, PowerState,
};

use super::{Case, Journey, nowhere};
use crate::Fixture;
use crate::cases::{Bench, facet, still};
use crate::observed;
use crate::suite::Ending;
use crate::violation::{ensure_guarded, ensure_refused};

pub(in crate::cases) async fn out_to_nowhere_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let source = facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let to_itself = MigrateOutRequest::new(journey.from.clone(), journey.from.node.clone());
    let stays = source.migrate_out(&world.call(), to_itself).await;
    ensure_refused!("migrate_out to the node it is on", stays, MigrateOutError::BadRequest(_))?;
    world.ensure_power(&journey.from, PowerState::Running, "a refused migrate_out").await?;
    let unknown = world.new_instance(&journey.from.node);
    let request = MigrateOutRequest::new(unknown, journey.to.node.clone());
    let gone = source.migrate_out(&world.call(), request).await;
    ensure_refused!("migrate_out of an unknown instance", gone, MigrateOutError::UnknownInstance(_))?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn out_of_a_paused_instance_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let (source, pause) = (facet!(world.driver.cold_migrate()), facet!(world.driver.pause()));
    let journey = Journey::begin(world).await?;
    if !world.driver.offers(&journey.from.node, Capability::Pause) {
        return Ok(Ending::FacetAbsent);
    }
    pause.pause(&world.call(), &journey.from).await?;
    let paused = source.migrate_out(&world.call(), journey.leave()).await;
    ensure_refused!("migrate_out of a paused instance", paused, MigrateOutError::WrongPower(_))?;
    world.ensure_power(&journey.from, PowerState::Paused, "a refused migrate_out").await?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn in_of_a_foreign_payload_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let target = still(journey.target.cold_migrate())?;
    let right = journey.out().await?;
    let before = journey.usages().await?;
    let foreign = format!("not-{}", right.driver);
    let wrong = [
        ("another driver's", MigrationPayload::new(foreign, right.version, right.bytes.clone())),
        ("a later version's", MigrationPayload::new(&right.driver, u32::MAX, right.bytes.clone())),
        ("a broken", MigrationPayload::new(&right.driver, right.version, b"\0no payload".to_vec())),
    ];
    for (whose, payload) in wrong {
        let refused = target.migrate_in(&world.call(), journey.arrive(payload)).await;
        let what = format!("migrate_in of {whose} payload");
        ensure_refused!(what, refused, MigrateInError::BadRequest(_))?;
        journey.ensure_not_there(&what).await?;
        journey.ensure_usages(before, &what).await?;
    }
    journey.arrived(right).await?;
    journey.ensure_there(PowerState::Running, "the right payload came").await?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn in_on_an_unknown_node_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let target = still(journey.target.cold_migrate())?;
    let payload = journey.out().await?;
    let lost = InstanceRef { id: journey.to.id.clone(), node: nowhere::<F>() };
    let refused = target.migrate_in(&world.call(), MigrateInRequest::new(lost, payload)).await;
    ensure_refused!("migrate_in on an unknown node", refused, MigrateInError::UnknownNode(_))?;
    journey.ensure_not_there("a refused migrate_in").await?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn in_of_anothers_instance_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let target = still(journey.target.cold_migrate())?;
    let payload = journey.out().await?;
    journey.arrived(payload.clone()).await?;
    let before = journey.usages().await?;
    let again = target.migrate_in(&world.call(), journey.arrive(payload)).await;
    ensure_refused!(
        "migrate_in of an instance that another operation took over",
        again,
        MigrateInError::NotSameInstance(_)
    )?;
    journey.ensure_usages(before, "a refused migrate_in").await?;
    journey.ensure_there(PowerState::Running, "a refused migrate_in").await?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn in_without_room_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let target = still(journey.target.cold_migrate())?;
    let payload = journey.out().await?;
    let room = observed::usage(&journey.target, &journey.to.node).await?.disk;
    // Disk space costs a back end least: nothing is written on it.
    let needed = world.driver.instance_info(&journey.from).await?.disk;
    let filler = world.fixture.request(world.new_instance(&journey.to.node));
    let left = needed.saturating_sub(GiB(1));
    let all_but = room.total.saturating_sub(room.used).saturating_sub(left);
    let filler = journey.target.create(&world.call(), filler.disk(all_but)).await?.instance;
    let before = journey.usages().await?;
    let refused = target.migrate_in(&world.call(), journey.arrive(payload.clone())).await;
    ensure_refused!("migrate_in without room", refused, MigrateInError::NoCapacity(_))?;
    journey.ensure_not_there("a refused migrate_in").await?;
    journey.ensure_usages(before, "a refused migrate_in").await?;
    journey.target.destroy(&world.call(), nova_api::DestroyRequest::new(filler)).await?;
    journey.arrived(payload).await?;
    journey.ensure_there(PowerState::Running, "there was room").await?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn end_without_a_beginning_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let source = facet!(world.driver.cold_migrate());
    let instance = world.created_with(Capability::ColdMigrate).await?;
    let unknown = world.new_instance(&instance.node);
    for end in [MigrationEnd::Confirm, MigrationEnd::Revert] {
        for one in [&instance, &unknown] {
            let ended = source.migrate_end(&world.call(), MigrateEndRequest::new(one.clone(), end)).await;
            ensure_refused!("migrate_end of what is not on its way", ended, MigrateEndError::BadRequest(_))?;
        }
        let nowhere = InstanceRef { id: instance.id.clone(), node: nowhere::<F>() };
        let ended = source.migrate_end(&world.call(), MigrateEndRequest::new(nowhere, end)).await;
        ensure_refused!("migrate_end on an unknown node", ended, MigrateEndError::UnknownNode(_))?;
    }
    world.ensure_power(&instance, PowerState::Running, "refused calls").await?;
    Ok(Ending::Checked)
}

pub(in crate::cases) async fn calls_are_guarded<F: Fixture>(bench: &Bench<'_, F>) -> Case {
    let world = bench.world;
    let source = facet!(world.driver.cold_migrate());
    let journey = Journey::begin(world).await?;
    let target = still(journey.target.cold_migrate())?;
    world.supersede(&journey.from).await?;
    // The target's node hears of the later epoch by an instance of its own.
    let bystander = world.fixture.request(world.new_instance(&journey.to.node));
    journey.target.create(&world.call(), bystander).await?;
    ensure_guarded!(world, "migrate_out", MigrateOutError, |call| source.migrate_out(&call, journey.leave()));
    world.ensure_power(&journey.from, PowerState::Running, "refused calls").await?;
    let payload = journey.out().await?;
    let before = journey.usages().await?;
    let arrive = || journey.arrive(payload.clone());
    ensure_guarded!(world, "migrate_in", MigrateInError, |call| target.migrate_in(&call, arrive()));
    journey.ensure_not_there("refused calls").await?;
    for end in [MigrationEnd::Confirm, MigrationEnd::Revert] {
        let request = || journey.end(end);
        ensure_guarded!(world, "migrate_end", MigrateEndError, |call| source.migrate_end(&call, request()));
        world.ensure_power(&journey.from, PowerState::Off, "refused calls").await?;
    }
    journey.ensure_usages(before, "refused calls").await?;
    Ok(Ending::Checked)
}
