use nova_macros::driver_facet;

/// Pauses.
#[driver_facet(name = "pause", version = 1, since = 1, deprecated_in = 3)]
pub trait Pause: Send + Sync {}

fn main() {}
