//! What a case acts on: the driver under test, and the instances made in the course of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nova_api::{
    Call, CreateRequest, DestroyRequest, Driver as _, Epoch, GiB, InstanceId, InstanceRef, MiB, NodeDesc,
    NodeName, OpId, PowerState, ProviderView, Refresh, Usage, Vcpus,
};

use crate::Fixture;
use crate::violation::{Check, Violation, ensure};

/// How long one call may take.
const CALL_TIME: Duration = Duration::from_mins(1);

pub(crate) struct World<F: Fixture> {
    pub(crate) fixture: F,
    pub(crate) driver: F::Driver,
    epoch: AtomicU64,
    /// Numbers instances and operations.
    count: AtomicU64,
    /// Whether there may be anything to clean up; a driver in the making passes its first cases without a list.
    touched: AtomicBool,
    /// Tells instances of cases that share a real back end apart.
    tag: String,
}

impl<F: Fixture> World<F> {
    pub(crate) async fn new(fixture: F, tag: String) -> Result<Self, Violation> {
        let driver = fixture.driver();
        driver.init(&fixture.host()).await?;
        let (epoch, count, touched) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { fixture, driver, epoch, count, touched, tag })
    }

    /// Returns the epoch that calls carry.
    pub(crate) fn epoch(&self) -> Epoch {
        let steps = self.epoch.load(Ordering::Relaxed);
        (0..steps).fold(self.fixture.epoch(), |epoch, _| epoch.next())
    }

    /// Makes the suite the next holder of the lease.
    pub(crate) fn next_epoch(&self) -> Epoch {
        self.epoch.fetch_add(1, Ordering::Relaxed);
        self.epoch()
    }

    pub(crate) fn call(&self) -> Call {
        self.call_with(self.epoch(), CALL_TIME)
    }

    pub(crate) fn call_at(&self, epoch: Epoch) -> Call {
        self.call_with(epoch, CALL_TIME)
    }

    pub(crate) fn call_with(&self, epoch: Epoch, time: Duration) -> Call {
        let op = OpId::parse(&self.unique("op")).expect("made of letters and digits");
        Call::new(op, epoch, time)
    }

    pub(crate) fn new_instance(&self, node: &NodeName) -> InstanceRef {
        self.touched.store(true, Ordering::Relaxed);
        let id = InstanceId::parse(&self.unique("i")).expect("made of letters and digits");
        InstanceRef { id, node: node.clone() }
    }

    pub(crate) fn unknown_node() -> NodeName {
        NodeName::parse("no-such-node").expect("a literal without white space")
    }

    fn unique(&self, prefix: &str) -> String {
        format!("{prefix}-{}-{}", self.tag, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the first node.
    pub(crate) async fn node(&self) -> Result<NodeDesc, Violation> {
        let nodes = self.driver.nodes(Refresh::Forced).await?;
        nodes.into_iter().next().ok_or_else(|| Violation("expected at least one node".to_owned()))
    }

    pub(crate) async fn request(&self) -> Result<CreateRequest, Violation> {
        let node = self.node().await?;
        Ok(self.fixture.request(self.new_instance(&node.name)))
    }

    /// Creates an instance on the first node.
    pub(crate) async fn created(&self) -> Result<InstanceRef, Violation> {
        let request = self.request().await?;
        Ok(self.driver.create(&self.call(), request).await?.instance)
    }

    pub(crate) async fn destroy(&self, instance: &InstanceRef) -> Check {
        self.driver.destroy(&self.call(), DestroyRequest::new(instance.clone())).await?;
        Ok(())
    }

    pub(crate) async fn power(&self, instance: &InstanceRef) -> Result<PowerState, Violation> {
        Ok(self.driver.instance_info(instance).await?.power)
    }

    pub(crate) async fn ensure_power(
        &self,
        instance: &InstanceRef,
        expected: PowerState,
        after: &str,
    ) -> Check {
        let got = self.power(instance).await?;
        let differs = |by: &str, got| format!("instance to be {expected} after {after}, {by} says {got}");
        ensure(got == expected, differs("instance_info", got))?;
        let listed = self.driver.list_instances(None).await?;
        let in_list = listed.iter().find(|one| one.instance == *instance).map(|one| one.power);
        let in_list = in_list.ok_or_else(|| Violation(format!("expected `{}` in the list", instance.id)))?;
        ensure(in_list == expected, differs("list_instances", in_list))
    }

    pub(crate) async fn is_listed(&self, instance: &InstanceRef) -> Result<bool, Violation> {
        let listed = self.driver.list_instances(Some(&instance.node)).await?;
        Ok(listed.iter().any(|one| one.instance.id == instance.id))
    }

    /// Returns what is there and what is taken of a node, over all its providers.
    pub(crate) async fn usage(&self, node: &NodeName) -> Result<NodeUsage, Violation> {
        let report = self.driver.inventory(node, &ProviderView::default()).await?;
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

    /// Destroys what the case has left, so that a shared back end is as before.
    pub(crate) async fn clean_up(&self) -> Check {
        if !self.touched.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mine = format!("i-{}-", self.tag);
        let listed = self.driver.list_instances(None).await?;
        let left: BTreeSet<_> = listed.into_iter().map(|one| one.instance).collect();
        for instance in left.iter().filter(|one| one.id.as_str().starts_with(&mine)) {
            self.destroy(instance).await?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NodeUsage {
    pub(crate) vcpus: Usage<Vcpus>,
    pub(crate) memory: Usage<MiB>,
    pub(crate) disk: Usage<GiB>,
}

impl fmt::Display for NodeUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} and {} taken", self.vcpus.used, self.memory.used, self.disk.used)
    }
}
