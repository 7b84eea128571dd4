use nova_macros::driver_facet;

/// Pauses.
#[driver_facet(name = "pause", version = 1, since = 1)]
pub trait Pause: Send + Sync {
    /// Pauses an instance.
    fn pause(&self) -> impl Future<Output = bool> + Send;
}

fn main() {}
