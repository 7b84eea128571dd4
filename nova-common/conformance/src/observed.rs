//! What a driver says is there.

use std::fmt;

use nova_api::{
    Driver, GiB, InstanceRef, InstanceSummary, MiB, NodeName, PowerState, ProviderView, Usage, Vcpus,
};

use crate::violation::{Check, Violation, ensure, ensure_eq};

/// What is there and what is taken of a node, over all its providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NodeUsage {
    pub(crate) vcpus: Usage<Vcpus>,
    pub(crate) memory: Usage<MiB>,
    pub(crate) disk: Usage<GiB>,
}

impl fmt::Display for NodeUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vcpus, memory, disk } = self;
        let (cpus, ram, room) = (vcpus.total, memory.total, disk.total);
        write!(f, "{} of {cpus}, {} of {ram} and {} of {room} taken", vcpus.used, memory.used, disk.used)
    }
}

pub(crate) async fn usage(driver: &impl Driver, node: &NodeName) -> Result<NodeUsage, Violation> {
    let report = driver.inventory(node, &ProviderView::default()).await?;
    Ok(report.providers.iter().fold(NodeUsage::default(), |sum, one| NodeUsage {
        vcpus: Usage {
            total: sum.vcpus.total.saturating_add(one.vcpus.total),
            used: sum.vcpus.used.saturating_add(one.vcpus.used),
        },
        memory: Usage {
            total: sum.memory.total.saturating_add(one.memory.total),
            used: sum.memory.used.saturating_add(one.memory.used),
        },
        disk: Usage {
            total: sum.disk.total.saturating_add(one.disk.total),
            used: sum.disk.used.saturating_add(one.disk.used),
        },
    }))
}

/// Checks that nothing more and nothing less is taken of a node than before.
pub(crate) async fn ensure_usage(
    driver: &impl Driver,
    node: &NodeName,
    before: NodeUsage,
    after: &str,
) -> Check {
    let now = usage(driver, node).await?;
    ensure(now == before, format_args!("{before} of `{node}` after {after}, got {now}"))
}

pub(crate) async fn is_listed(driver: &impl Driver, instance: &InstanceRef) -> Result<bool, Violation> {
    let listed = driver.list_instances(Some(&instance.node)).await?;
    Ok(listed.iter().any(|one| one.instance.id == instance.id))
}

/// Checks that an instance is there once, in that power state, whichever way one asks.
pub(crate) async fn ensure_power(
    driver: &impl Driver,
    instance: &InstanceRef,
    expected: PowerState,
    after: &str,
) -> Check {
    let got = driver.instance_info(instance).await?.power;
    let differs = |by: &str, got| format!("instance to be {expected} after {after}, {by} says {got}");
    ensure(got == expected, differs("instance_info", got))?;
    for node in [None, Some(&instance.node)] {
        let listed = driver.list_instances(node).await?;
        let found: Vec<&InstanceSummary> = listed.iter().filter(|one| one.instance == *instance).collect();
        ensure_eq(&format!("how often the instance is listed after {after}"), &found.len(), &1)?;
        ensure(found[0].power == expected, differs("list_instances", found[0].power))?;
    }
    Ok(())
}
