use nova_macros::ApiError;

#[derive(Debug)]
pub struct BackendError;

/// Why pausing failed.
#[derive(Debug, ApiError)]
#[non_exhaustive]
pub enum PauseError {
    /// The back end failed.
    #[recovery(Reject)]
    Backend(BackendError),
}

fn main() {}
