//! Nodes and what they have.

use std::collections::BTreeSet;

use nova_api::{
    Driver as _, DriverKind, GiB, InventoryError, ListInstancesError, MiB, NodeDesc, NodePresence,
    ProviderView, Refresh, Vcpus,
};

use crate::Fixture;
use crate::cases::Bench;
use crate::violation::{Check, ensure, ensure_eq, ensure_refused};
use crate::world::World;

pub(super) async fn are_stable<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let driver = &bench.world.driver;
    let kind = driver.init(&bench.world.fixture.host()).await?.kind;
    let nodes = driver.nodes(Refresh::Forced).await?;
    let names: Vec<_> = nodes.iter().map(|node| &node.name).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    ensure(!nodes.is_empty(), "at least one node")?;
    ensure(distinct.len() == names.len(), format_args!("distinct names of nodes, got {names:?}"))?;
    let one = format_args!("one node of a hypervisor, got {names:?}");
    ensure(kind == DriverKind::Cluster || nodes.len() == 1, one)?;
    for refresh in [Refresh::Cached, Refresh::Forced] {
        ensure_eq("the list of nodes, asked again,", &driver.nodes(refresh).await?, &nodes)?;
    }
    let second = bench.world.another().await?;
    ensure_eq("the list of nodes of a second driver", &second.nodes(Refresh::Forced).await?, &nodes)
}

pub(super) async fn are_here<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let driver = &bench.world.driver;
    for NodeDesc { name, .. } in driver.nodes(Refresh::Cached).await? {
        ensure_eq("the presence of a listed node", &driver.node_presence(&name).await?, &NodePresence::Here)?;
    }
    let unknown = driver.node_presence(&World::<F>::unknown_node()).await?;
    ensure_eq("the presence of a node that never was", &unknown, &NodePresence::Deleted)
}

pub(super) async fn inventory_adds_up<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    for node in world.driver.nodes(Refresh::Forced).await? {
        let report = world.driver.inventory(&node.name, &ProviderView::default()).await?;
        let names: BTreeSet<_> = report.providers.iter().map(|provider| &provider.name).collect();
        ensure(
            !names.is_empty() && names.len() == report.providers.len(),
            format_args!("providers with distinct names, got {:?}", report.providers),
        )?;
        let usage = world.usage(&node.name).await?;
        let total = (usage.vcpus.total, usage.memory.total, usage.disk.total);
        ensure_eq("the sum of a node's providers", &total, &(node.vcpus, node.memory, node.disk))?;
        ensure(total.0 > Vcpus(0) && total.1 > MiB(0) && total.2 > GiB(0), "a node to have something")?;
        let fits = usage.vcpus.used <= total.0 && usage.memory.used <= total.1 && usage.disk.used <= total.2;
        ensure(fits, format_args!("no more to be taken than there is, got {usage}"))?;
    }
    let request = world.request().await?;
    let before = world.usage(&request.instance.node).await?;
    world.driver.create(&world.call(), request.clone()).await?;
    let after = world.usage(&request.instance.node).await?;
    let mut expected = before;
    expected.vcpus.used = before.vcpus.used.saturating_add(request.vcpus);
    expected.memory.used = before.memory.used.saturating_add(request.memory);
    expected.disk.used = before.disk.used.saturating_add(request.disk);
    ensure(after == expected, format_args!("{expected} with one instance more, got {after}"))
}

pub(super) async fn list_their_own_instances<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let nodes = world.driver.nodes(Refresh::Forced).await?;
    for node in &nodes {
        let request = world.fixture.request(world.new_instance(&node.name));
        world.driver.create(&world.call(), request).await?;
    }
    let mut listed = BTreeSet::new();
    for node in &nodes {
        let own = world.driver.list_instances(Some(&node.name)).await?;
        let stray = own.iter().find(|one| one.instance.node != node.name);
        ensure(
            stray.is_none(),
            format_args!("only instances of `{}` in its list, got {stray:?}", node.name),
        )?;
        ensure(!own.is_empty(), format_args!("the instance of `{}` in its list", node.name))?;
        listed.extend(own.into_iter().map(|one| one.instance));
    }
    let all = world.driver.list_instances(None).await?.into_iter().map(|one| one.instance).collect();
    ensure_eq("all instances, by node,", &listed, &all)
}

pub(super) async fn unknown_has_no_inventory<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (driver, unknown) = (&bench.world.driver, World::<F>::unknown_node());
    let inventory = driver.inventory(&unknown, &ProviderView::default()).await;
    ensure_refused!("inventory of an unknown node", inventory, InventoryError::UnknownNode(_))?;
    let list = driver.list_instances(Some(&unknown)).await;
    ensure_refused!("list_instances of an unknown node", list, ListInstancesError::UnknownNode(_))
}
