//! The suite of head on the driver of the last cycle.

use nova_conformance::Fixture;
use nova_driver_frozen::{HypervisorDriver, InMemory};

struct Lab(InMemory);

impl Fixture for Lab {
    type Driver = HypervisorDriver<InMemory>;

    fn driver(&self) -> Self::Driver {
        HypervisorDriver::new(self.0.clone())
    }
}

nova_conformance::conformance!(Lab(InMemory::default()));
