//! A driver that does with a call whatever a test wants.

use std::sync::Mutex;
use std::time::Duration;

use nova_api::{
    Call, Capability, CreateError, CreateRequest, Created, DestroyError, DestroyRequest, Driver, DriverEvent,
    DriverInfo, DriverKind, EventSource, EventsError, HostContext, InitError, InstanceInfo,
    InstanceInfoError, InstanceRef, InstanceSummary, InventoryError, InventoryReport, ListInstancesError,
    NodeDesc, NodeName, NodePresence, NodePresenceError, NodesError, Pause, PauseError, PowerOffError,
    PowerOnError, PowerState, ProviderView, RebootError, RebootKind, Refresh, ShutdownError, UnpauseError,
};

/// What a call meets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// It is done.
    #[default]
    Done,
    /// It panics.
    Panics,
    /// It never ends, and listens to nobody.
    Hangs,
    /// It ends when it hears of a cancellation.
    Listens,
    /// It never ends, and panics when it is dropped.
    PanicsWhenDropped,
    /// It panics where no future is asked for.
    PanicsAtOnce,
    /// Its events panic before there is a future.
    PanicsInEvents,
}

/// The driver; it counts the calls that reached it.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    pub(crate) oddity: Oddity,
    pub(crate) reached: Mutex<u32>,
}

impl Odd {
    pub(crate) fn new(oddity: Oddity) -> Self {
        Self { oddity, reached: Mutex::default() }
    }

    async fn meet(&self, call: Option<&Call>) {
        *self.reached.lock().unwrap() += 1;
        match (self.oddity, call) {
            (Oddity::Panics, _) => panic!("a wire came loose"),
            (Oddity::Hangs, _) => std::future::pending().await,
            (Oddity::PanicsWhenDropped, _) => {
                let _frail = Frail;
                std::future::pending::<()>().await;
            }
            (Oddity::Listens, Some(call)) => call.cancel.cancelled().await,
            _ => {}
        }
    }
}

impl Driver for Odd {
    async fn init(&self, _: &HostContext) -> Result<DriverInfo, InitError> {
        Ok(DriverInfo::new("odd", "1.0.0", DriverKind::Cluster))
    }

    async fn shutdown(&self) -> Result<(), ShutdownError> {
        Ok(())
    }

    async fn nodes(&self, _: Refresh) -> Result<Vec<NodeDesc>, NodesError> {
        self.meet(None).await;
        Ok(Vec::new())
    }

    async fn node_presence(&self, _: &NodeName) -> Result<NodePresence, NodePresenceError> {
        Ok(NodePresence::Here)
    }

    async fn inventory(&self, _: &NodeName, _: &ProviderView) -> Result<InventoryReport, InventoryError> {
        Ok(InventoryReport::new(Vec::new()))
    }

    async fn list_instances(&self, _: Option<&NodeName>) -> Result<Vec<InstanceSummary>, ListInstancesError> {
        self.meet(None).await;
        Ok(Vec::new())
    }

    async fn instance_info(&self, instance: &InstanceRef) -> Result<InstanceInfo, InstanceInfoError> {
        Ok(InstanceInfo::new(instance.clone(), PowerState::Running))
    }

    async fn create(&self, call: &Call, request: CreateRequest) -> Result<Created, CreateError> {
        self.meet(Some(call)).await;
        Ok(Created::new(request.instance))
    }

    async fn destroy(&self, _: &Call, _: DestroyRequest) -> Result<(), DestroyError> {
        Ok(())
    }

    async fn power_on(&self, call: &Call, _: &InstanceRef) -> Result<(), PowerOnError> {
        self.meet(Some(call)).await;
        call.check()?;
        Ok(())
    }

    async fn power_off(&self, _: &Call, _: &InstanceRef, _: Duration) -> Result<(), PowerOffError> {
        Ok(())
    }

    async fn reboot(&self, _: &Call, _: &InstanceRef, _: RebootKind) -> Result<(), RebootError> {
        Ok(())
    }

    fn events(&self) -> impl EventSource {
        assert!(self.oddity != Oddity::PanicsAtOnce, "a wire came loose");
        Events(self)
    }

    fn offers(&self, node: &NodeName, _: Capability) -> bool {
        node.as_str() != "plain"
    }

    fn pause(&self) -> Option<&impl Pause> {
        assert!(self.oddity != Oddity::PanicsAtOnce, "a wire came loose");
        Some(self)
    }
}

/// What is held over a wait.
struct Frail;

impl Drop for Frail {
    fn drop(&mut self) {
        panic!("a wire came loose");
    }
}

struct Events<'a>(&'a Odd);

impl EventSource for Events<'_> {
    fn next_batch(&mut self) -> impl Future<Output = Result<Vec<DriverEvent>, EventsError>> + Send {
        assert!(self.0.oddity != Oddity::PanicsInEvents, "a wire came loose");
        async {
            self.0.meet(None).await;
            Ok(Vec::new())
        }
    }
}

impl Pause for Odd {
    async fn pause(&self, call: &Call, _: &InstanceRef) -> Result<(), PauseError> {
        self.meet(Some(call)).await;
        Ok(())
    }

    async fn unpause(&self, _: &Call, _: &InstanceRef) -> Result<(), UnpauseError> {
        Ok(())
    }
}
