use nova_macros::driver_facet;

struct Call;
struct InstanceRef;
struct PauseError;

/// Pauses.
#[driver_facet(name = "pause", version = 1, since = 1)]
pub trait Pause: Send + Sync {
    /// Pauses an instance.
    fn pause(
        &self,
        instance: &InstanceRef,
        call: &Call,
    ) -> impl Future<Output = Result<(), PauseError>> + Send;
}

fn main() {}
