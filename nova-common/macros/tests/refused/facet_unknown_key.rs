use nova_macros::driver_facet;

/// Pauses.
#[driver_facet(name = "pause", versoin = 1, since = 1)]
pub trait Pause: Send + Sync {}

fn main() {}
