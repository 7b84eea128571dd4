//! What a driver repo tells the suite.

use nova_api::{CreateRequest, Driver, Epoch, HostContext, HostName, InstanceRef};

/// A back end to test on, and the way to a driver of it. Made anew for each case.
pub trait Fixture: Send + Sync + 'static {
    /// The driver to test.
    type Driver: Driver;

    /// Makes a driver of the fixture's back end. Called again, a second one of the same back end, as after a
    /// restart or on another host.
    fn driver(&self) -> Self::Driver;

    /// Says where the driver is to believe it runs.
    fn host(&self) -> HostContext {
        HostContext::new(HostName::parse("conformance-host").expect("a literal without white space"))
    }

    /// Asks for the smallest instance the back end can make.
    fn request(&self, instance: InstanceRef) -> CreateRequest {
        CreateRequest::new(instance)
    }

    /// Returns an epoch that no node of the back end has seen a greater one than.
    fn epoch(&self) -> Epoch {
        Epoch::new(1)
    }
}
