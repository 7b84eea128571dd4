//! What a driver can do beyond what all drivers can, computed from what it implements.

use std::convert::Infallible;

use crate::{Driver, NodeName};

/// One facet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// [`Pause`](crate::Pause).
    Pause,
    /// [`Console`](crate::Console).
    Console,
    /// [`Diagnostics`](crate::Diagnostics).
    Diagnostics,
    /// [`VolumesV2`](crate::VolumesV2), or version 1 of it.
    Volumes,
    /// [`Snapshot`](crate::Snapshot).
    Snapshot,
    /// [`ColdMigrate`](crate::ColdMigrate).
    ColdMigrate,
}

impl Capability {
    /// All facets there are.
    pub const ALL: &'static [Self] =
        &[Self::Pause, Self::Console, Self::Diagnostics, Self::Volumes, Self::Snapshot, Self::ColdMigrate];

    /// Returns the facet's name, such as `pause`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Console => "console",
            Self::Diagnostics => "diagnostics",
            Self::Volumes => "volumes",
            Self::Snapshot => "snapshot",
            Self::ColdMigrate => "cold-migrate",
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
            Capability::Console => driver.console().is_some(),
            Capability::Diagnostics => driver.diagnostics().is_some(),
            Capability::Volumes => driver.volumes_v2().is_some(),
            Capability::Snapshot => driver.snapshot().is_some(),
            Capability::ColdMigrate => driver.cold_migrate().is_some(),
        };
        Self(Capability::ALL.iter().copied().filter(has).collect())
    }

    /// Asks a driver which of its facets work on a node.
    pub fn on(driver: &impl Driver, node: &NodeName) -> Self {
        let Self(mut present) = Self::of(driver);
        present.retain(|capability| driver.offers(node, *capability));
        Self(present)
    }

    /// Returns whether the driver has a facet.
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}

/// The facet of a driver that lacks it; there is no such value.
#[derive(Debug)]
pub struct Absent(pub(crate) Infallible);
