//! What a driver can do beyond what all drivers can, computed from what it implements.

use std::convert::Infallible;

use crate::{Call, Driver, InstanceRef, Pause, PauseError, UnpauseError};

/// One facet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// [`Pause`].
    Pause,
}

impl Capability {
    /// All facets there are.
    pub const ALL: &'static [Self] = &[Self::Pause];

    /// Returns the facet's name, such as `pause`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
        }
    }
}

/// The facets that a driver has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities(Vec<Capability>);

impl Capabilities {
    /// Asks a driver's accessors.
    pub fn of(driver: &impl Driver) -> Self {
        let has = |capability: &Capability| match capability {
            Capability::Pause => driver.pause().is_some(),
        };
        Self(Capability::ALL.iter().copied().filter(has).collect())
    }

    /// Returns whether the driver has a facet.
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}

/// The facet of a driver that lacks it; there is no such value.
#[derive(Debug)]
pub struct Absent(Infallible);

impl Pause for Absent {
    async fn pause(&self, _: &Call, _: &InstanceRef) -> Result<(), PauseError> {
        match self.0 {}
    }

    async fn unpause(&self, _: &Call, _: &InstanceRef) -> Result<(), UnpauseError> {
        match self.0 {}
    }
}
