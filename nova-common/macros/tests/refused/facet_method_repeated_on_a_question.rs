use nova_macros::driver_facet;

struct PauseError;

/// Pauses.
#[driver_facet(name = "pause", version = 1, since = 1)]
pub trait Pause: Send + Sync {
    /// Says whether an instance is paused.
    #[repeated("says it again")]
    fn is_paused(&self) -> impl Future<Output = Result<bool, PauseError>> + Send;
}

fn main() {}
