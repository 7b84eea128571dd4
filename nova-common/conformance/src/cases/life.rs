//! From creation to destruction.

use std::fs::File;
use std::thread;

use nova_api::{
    CreateError, CreateRequest, DestroyError, DestroyRequest, Driver as _, GiB, InstanceId,
    InstanceInfoError, InstanceRef, MiB, Origin, PowerState, Refresh, Vcpus,
};

use crate::cases::Bench;
use crate::violation::{Check, Violation, ensure, ensure_eq, ensure_refused};
use crate::world::World;
use crate::{Fixture, block_on, fixture};

/// How often what may leak is done.
const ROUNDS: usize = 4;

/// How many characters a name has at most.
const LONGEST: usize = 255;

pub(super) async fn create_makes_a_running_instance<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    for node in world.driver.nodes(Refresh::Forced).await? {
        let request = world.fixture.request(world.new_instance(&node.name));
        let instance = world.driver.create(&world.call(), request.clone()).await?.instance;
        ensure_eq("the instance created", &instance, &request.instance)?;
        world.ensure_power(&instance, PowerState::Running, "create").await?;
        let info = world.driver.instance_info(&instance).await?;
        let size = (info.vcpus, info.memory, info.disk);
        ensure_eq("the size of the instance", &size, &(request.vcpus, request.memory, request.disk))?;
        ensure(world.is_listed(&instance).await?, "the instance in the list of its node")?;
    }
    Ok(())
}

pub(super) async fn create_repeated_makes_one_instance<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (call, request) = (world.call(), world.request().await?);
    let node = request.instance.node.clone();
    let first = world.driver.create(&call, request.clone()).await?;
    let once = world.usage(&node).await?;
    let second = world.driver.create(&call, request).await?;
    ensure_eq("what the same operation created the second time", &second, &first)?;
    let twice = world.usage(&node).await?;
    ensure(once == twice, format_args!("a repeated create to take nothing more than {once}, got {twice}"))?;
    let listed = world.driver.list_instances(None).await?;
    let count = listed.iter().filter(|one| one.instance == first.instance).count();
    ensure_eq("how often the instance is listed", &count, &1)
}

pub(super) async fn create_of_another_operation_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    world.driver.create(&world.call(), request.clone()).await?;
    let before = world.usage(&request.instance.node).await?;
    let again = world.driver.create(&world.call(), request.clone()).await;
    ensure_refused!(
        "create of an instance that another operation made",
        again,
        CreateError::NotSameInstance(_)
    )?;
    world.ensure_usage(&request.instance.node, before, "a refused create").await?;
    world.ensure_power(&request.instance, PowerState::Running, "a refused create").await
}

pub(super) async fn create_on_an_unknown_node_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let request = world.fixture.request(world.new_instance(&World::<F>::unknown_node()));
    let refused = world.driver.create(&world.call(), request).await;
    ensure_refused!("create on an unknown node", refused, CreateError::UnknownNode(_))
}

pub(super) async fn create_beyond_capacity_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, node) = (bench.world, bench.world.node().await?);
    let before = world.usage(&node.name).await?;
    let memory = world.request().await?.memory(node.memory.saturating_add(MiB(1)));
    let vcpus = world.request().await?.vcpus(node.vcpus.saturating_add(Vcpus(1)));
    let disk = world.request().await?.disk(node.disk.saturating_add(GiB(1)));
    for huge in [memory, vcpus, disk] {
        let refused = world.driver.create(&world.call(), huge.clone()).await;
        ensure_refused!("create of more than the node has", refused, CreateError::NoCapacity(_))?;
        ensure(!world.is_listed(&huge.instance).await?, "a refused create to leave no instance")?;
        world.ensure_usage(&node.name, before, "a refused create").await?;
    }
    Ok(())
}

pub(super) async fn create_of_an_image_larger_than_the_disk_is_refused<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    let node = request.instance.node.clone();
    let before = world.usage(&node).await?;
    let path = world.scratch()?.join("too-large.raw");
    File::create(&path)?.set_len((request.disk.0 << 30) + 512)?;
    // A back end that cannot reach the file, or offers no images, refuses it too.
    let request = request.image(fixture::file(&path));
    let refused = world.driver.create(&world.call(), request.clone()).await;
    ensure_refused!("create of an image larger than the disk", refused, CreateError::BadRequest(_))?;
    ensure(!world.is_listed(&request.instance).await?, "a refused create to leave no instance")?;
    world.ensure_usage(&node, before, "a refused create").await
}

pub(super) async fn destroy_removes_the_instance<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    let other = world.created().await?;
    world.destroy(&instance).await?;
    let info = world.driver.instance_info(&instance).await;
    ensure_refused!("instance_info after destroy", info, InstanceInfoError::UnknownInstance(_))?;
    ensure(!world.is_listed(&instance).await?, "the instance not to be listed after destroy")?;
    world.ensure_power(&other, PowerState::Running, "another one's destroy").await
}

pub(super) async fn destroy_is_idempotent<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, instance) = (bench.world, bench.world.created().await?);
    let (call, request) = (world.call(), DestroyRequest::new(instance.clone()));
    world.driver.destroy(&call, request.clone()).await?;
    world.driver.destroy(&call, request).await?;
    world.destroy(&instance).await?;
    let node = world.node().await?;
    world.destroy(&world.new_instance(&node.name)).await
}

pub(super) async fn destroy_on_an_unknown_node_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let request = DestroyRequest::new(world.new_instance(&World::<F>::unknown_node()));
    let refused = world.driver.destroy(&world.call(), request).await;
    ensure_refused!("destroy on an unknown node", refused, DestroyError::UnknownNode(_))
}

pub(super) async fn destroyed_can_be_created_again<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, request) = (bench.world, bench.world.request().await?);
    for _ in 0..2 {
        world.driver.create(&world.call(), request.clone()).await?;
        world.ensure_power(&request.instance, PowerState::Running, "create").await?;
        world.destroy(&request.instance).await?;
    }
    Ok(())
}

pub(super) async fn evacuated_is_created_again<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, call) = (bench.world, bench.world.call());
    let request = world.request().await?.origin(Origin::Evacuate { from: World::<F>::unknown_node() });
    for _ in 0..2 {
        let created = world.driver.create(&call, request.clone()).await?;
        ensure_eq("the instance created in place of a lost one", &created.instance, &request.instance)?;
        world.ensure_power(&request.instance, PowerState::Running, "an evacuation").await?;
    }
    Ok(())
}

pub(super) async fn names_are_not_mixed_up<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let node = world.node().await?.name;
    let short = world.new_instance(&node).id;
    let stem: String = short.as_str().chars().chain("/../é,%".chars().cycle()).take(LONGEST - 1).collect();
    let named = |last: char| InstanceId::parse(&format!("{stem}{last}"));
    let [one, two] =
        [InstanceRef { id: named('a')?, node: node.clone() }, InstanceRef { id: named('A')?, node }];
    for instance in [&one, &two] {
        world.driver.create(&world.call(), world.fixture.request(instance.clone())).await?;
    }
    world.turn_off(&one).await?;
    world.ensure_power(&one, PowerState::Off, "power_off").await?;
    world.ensure_power(&two, PowerState::Running, "power_off of one whose name is almost the same").await?;
    world.destroy(&one).await?;
    ensure(!world.is_listed(&one).await?, "the instance not to be listed after destroy")?;
    world.ensure_power(&two, PowerState::Running, "destroy of one whose name is almost the same").await
}

pub(super) async fn info_of_an_unknown_instance_is_refused<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let node = bench.world.node().await?;
    let info = bench.world.driver.instance_info(&bench.world.new_instance(&node.name)).await;
    ensure_refused!("instance_info of an unknown instance", info, InstanceInfoError::UnknownInstance(_))
}

pub(super) async fn two_instances_at_once<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let node = world.node().await?.name;
    let before = world.usage(&node).await?;
    let requests = [world.request().await?, world.request().await?];
    let live = |request: CreateRequest| {
        block_on(async move {
            let instance = world.driver.create(&world.call(), request).await?.instance;
            world.ensure_power(&instance, PowerState::Running, "create beside another").await?;
            world.destroy(&instance).await
        })
    };
    let ends = thread::scope(|scope| {
        let threads = requests.map(|request| scope.spawn(move || live(request)));
        threads
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Violation("the driver panicked".to_owned()))))
    });
    ends.into_iter().collect::<Check>()?;
    let after = world.usage(&node).await?;
    ensure(before == after, format_args!("{before} after both were destroyed, got {after}"))
}

pub(super) async fn nothing_leaks<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let node = world.node().await?.name;
    let before = (world.usage(&node).await?, world.driver.list_instances(None).await?.len());
    for _ in 0..ROUNDS {
        let instance = world.created().await?;
        world.destroy(&instance).await?;
    }
    let after = (world.usage(&node).await?, world.driver.list_instances(None).await?.len());
    let (usage, count) = &before;
    let leaked = format_args!("{usage} by {count} instances after destroy, got {} by {}", after.0, after.1);
    ensure(before == after, leaked)
}

pub(super) async fn refusals_leak_nothing<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (world, node) = (bench.world, bench.world.node().await?);
    let known = world.request().await?;
    world.driver.create(&world.call(), known.clone()).await?;
    let before = world.usage(&node.name).await?;
    for _ in 0..ROUNDS {
        let huge = world.request().await?.disk(node.disk.saturating_add(GiB(1)));
        let refused = world.driver.create(&world.call(), huge).await;
        ensure_refused!("create of more than the node has", refused, CreateError::NoCapacity(_))?;
        let cancelled = world.driver.create(&world.cancelled_call(), world.request().await?).await;
        ensure_refused!("a cancelled create", cancelled, CreateError::Interrupted(_))?;
        let another = world.driver.create(&world.call(), known.clone()).await;
        ensure_refused!("another operation's create", another, CreateError::NotSameInstance(_))?;
    }
    world.ensure_usage(&node.name, before, "refused creates").await?;
    ensure_eq("how many instances are listed", &world.driver.list_instances(None).await?.len(), &1)
}
