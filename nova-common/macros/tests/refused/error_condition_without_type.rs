use nova_macros::ApiError;

/// Why pausing failed.
#[derive(Debug, ApiError)]
pub enum PauseError {
    /// The back end failed.
    #[recovery(Reject)]
    Backend,
}

fn main() {}
