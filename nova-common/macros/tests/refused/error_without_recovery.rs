use nova_macros::ApiError;

#[derive(Debug)]
pub struct BackendError;

/// Why pausing failed.
#[derive(Debug, ApiError)]
pub enum PauseError {
    /// The back end failed.
    Backend(BackendError),
}

fn main() {}
