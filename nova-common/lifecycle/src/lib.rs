//! The life cycle of the driver API as data.
//!
//! A cycle is what lies between two releases of the API: version `1.(n-1)` is cycle *n*. What it offers is read from the
//! source ([`Surface`]) and committed as a file ([`Cycle`]). [`rules`] say what may become of it from one cycle to the
//! next, [`diff`] says what that asks of the author of a driver, and [`usage`] which driver uses what.
//!
//! Nothing here runs or builds anything.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod cycle;
mod deep;
pub mod diff;
mod names;
mod released;
pub mod rules;
mod source;
mod surface;
mod tree;
pub mod usage;

pub use crate::cycle::{Cycle, CycleError, Entry, Facet, Items, owner};
pub use crate::released::{Digest, Released, ReleasedError};
pub use crate::source::{
    Found, MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, Place, Source, SourceError, read_bounded, sources_below,
};
pub use crate::surface::{Surface, SurfaceError};
pub use crate::tree::{ApiTree, CycleFile, Frozen, TreeError, cycle_of, read_cycle};
