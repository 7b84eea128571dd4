use nova_macros::ApiError;

#[derive(Debug)]
pub struct BackendError;

/// Why pausing failed.
#[derive(Debug, ApiError)]
#[api_error(mutation)]
pub enum PauseError {
    /// The back end failed.
    #[recovery(VerifyThenDecide)]
    Backend(BackendError),
}

fn main() {}
