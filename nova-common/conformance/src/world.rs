//! What a case acts on: the driver under test, and the instances made in the course of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nova_api::{
    Call, Canceller, Capability, CreateRequest, DestroyRequest, DiskSource, Driver as _, Epoch, ImageName,
    InstanceId, InstanceRef, NodeDesc, NodeName, OpId, PowerState, Refresh, Volume, VolumeId,
};

use crate::observed::{self, NodeUsage};
use crate::scratch::Scratch;
use crate::violation::{Check, Violation};
use crate::{Fixture, Package};

/// How long one call may take.
pub(crate) const CALL_TIME: Duration = Duration::from_mins(1);

pub(crate) struct World<F: Fixture> {
    pub(crate) fixture: F,
    pub(crate) driver: F::Driver,
    epoch: AtomicU64,
    /// Numbers instances and operations.
    count: AtomicU64,
    /// Whether there may be anything to clean up; a driver in the making passes its first cases without a list.
    touched: AtomicBool,
    /// Whether instances may be on the node that they migrate to.
    travelled: AtomicBool,
    /// Tells instances of cases that share a real back end apart.
    tag: String,
    scratch: Scratch,
}

impl<F: Fixture> World<F> {
    pub(crate) async fn new(fixture: F, tag: String, package: &Package) -> Result<Self, Violation> {
        let driver = fixture.driver();
        driver.init(&fixture.host()).await?;
        let scratch = Scratch::new(Path::new(package.scratch).join("conformance").join(&tag));
        let (epoch, count) = (AtomicU64::new(0), AtomicU64::new(0));
        let (touched, travelled) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { fixture, driver, epoch, count, touched, travelled, tag, scratch })
    }

    /// Makes a second driver of the same back end, as after a restart.
    pub(crate) async fn another(&self) -> Result<F::Driver, Violation> {
        let driver = self.fixture.driver();
        driver.init(&self.fixture.host()).await?;
        Ok(driver)
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

    /// Has another driver, as the next holder of the lease, turn an instance off and on again.
    pub(crate) async fn supersede(&self, instance: &InstanceRef) -> Check {
        self.next_epoch();
        let successor = self.another().await?;
        successor.power_off(&self.call(), instance, Duration::ZERO).await?;
        successor.power_on(&self.call(), instance).await?;
        Ok(())
    }

    pub(crate) fn call(&self) -> Call {
        self.call_with(self.epoch(), CALL_TIME)
    }

    /// Returns a call of the first holder of the lease.
    pub(crate) fn stale_call(&self) -> Call {
        self.call_with(self.fixture.epoch(), CALL_TIME)
    }

    pub(crate) fn cancelled_call(&self) -> Call {
        let canceller = Canceller::default();
        canceller.cancel();
        self.call().cancel(canceller.token())
    }

    pub(crate) fn late_call(&self) -> Call {
        self.call_with(self.epoch(), Duration::ZERO)
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

    pub(crate) fn new_volume(&self) -> Result<Volume, Violation> {
        let id = VolumeId::parse(&self.unique("v")).expect("made of letters and digits");
        let made = self.scratch.dir().and_then(|scratch| self.fixture.volume(id, scratch));
        made.map_err(|error| Violation(format!("no volume to test with (`Fixture::volume`): {error}")))
    }

    pub(crate) fn new_image(&self) -> Result<(ImageName, DiskSource), Violation> {
        let image = ImageName::parse(&self.unique("s")).expect("made of letters and digits");
        let target = self.scratch.dir().and_then(|scratch| self.fixture.image_target(&image, scratch));
        match target {
            Ok(target) => Ok((image, target)),
            Err(error) => Err(Violation(format!("no place for an image (`Fixture::image_target`): {error}"))),
        }
    }

    /// Returns the directory of the case's own.
    pub(crate) fn scratch(&self) -> Result<&Path, Violation> {
        Ok(self.scratch.dir()?)
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

    /// Returns the first node that a facet works on.
    pub(crate) async fn node_with(&self, capability: Capability) -> Result<NodeName, Violation> {
        let nodes = self.driver.nodes(Refresh::Forced).await?.into_iter().map(|node| node.name);
        let found = nodes.into_iter().find(|node| self.driver.offers(node, capability));
        let none = || format!("expected a node that offers `{}`, as the driver has it", capability.name());
        found.ok_or_else(|| Violation(none()))
    }

    /// Makes a driver of a node that instances can migrate to from another one.
    pub(crate) async fn target(&self, from: &NodeName) -> Result<(F::Driver, NodeName), Violation> {
        self.travelled.store(true, Ordering::Relaxed);
        if let Some((driver, node)) = self.fixture.migration_target() {
            driver.init(&self.fixture.host()).await?;
            return Ok((driver, node));
        }
        let driver = self.another().await?;
        let nodes = driver.nodes(Refresh::Forced).await?.into_iter().map(|node| node.name);
        let mut others = nodes.filter(|node| node != from && driver.offers(node, Capability::ColdMigrate));
        let none = "expected a second node to test cold migration with (`Fixture::migration_target`)";
        let node = others.next().ok_or_else(|| Violation(none.to_owned()))?;
        drop(others);
        Ok((driver, node))
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

    /// Creates an instance on the first node that a facet works on.
    pub(crate) async fn created_with(&self, capability: Capability) -> Result<InstanceRef, Violation> {
        let node = self.node_with(capability).await?;
        let request = self.fixture.request(self.new_instance(&node));
        Ok(self.driver.create(&self.call(), request).await?.instance)
    }

    pub(crate) async fn turn_off(&self, instance: &InstanceRef) -> Check {
        self.driver.power_off(&self.call(), instance, Duration::ZERO).await?;
        Ok(())
    }

    pub(crate) async fn destroy(&self, instance: &InstanceRef) -> Check {
        self.driver.destroy(&self.call(), DestroyRequest::new(instance.clone())).await?;
        Ok(())
    }

    pub(crate) async fn ensure_power(
        &self,
        instance: &InstanceRef,
        expected: PowerState,
        after: &str,
    ) -> Check {
        observed::ensure_power(&self.driver, instance, expected, after).await
    }

    pub(crate) async fn is_listed(&self, instance: &InstanceRef) -> Result<bool, Violation> {
        observed::is_listed(&self.driver, instance).await
    }

    pub(crate) async fn usage(&self, node: &NodeName) -> Result<NodeUsage, Violation> {
        observed::usage(&self.driver, node).await
    }

    pub(crate) async fn ensure_usage(&self, node: &NodeName, before: NodeUsage, after: &str) -> Check {
        observed::ensure_usage(&self.driver, node, before, after).await
    }

    /// Destroys what the case has left, so that a shared back end is as before.
    pub(crate) async fn clean_up(&self) -> Check {
        if !self.touched.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.clean(&self.driver).await?;
        match self.fixture.migration_target().filter(|_| self.travelled.load(Ordering::Relaxed)) {
            Some((driver, _)) => {
                driver.init(&self.fixture.host()).await?;
                self.clean(&driver).await
            }
            None => Ok(()),
        }
    }

    async fn clean(&self, driver: &F::Driver) -> Check {
        let mine = format!("i-{}-", self.tag);
        let listed = driver.list_instances(None).await?;
        let left: BTreeSet<_> = listed.into_iter().map(|one| one.instance).collect();
        for instance in left.iter().filter(|one| one.id.as_str().starts_with(&mine)) {
            driver.destroy(&self.call(), DestroyRequest::new(instance.clone())).await?;
        }
        Ok(())
    }
}
