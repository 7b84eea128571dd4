//! Saying what failed, with the cause behind it.

use std::error::Error;

use nova_api::BackendError;

/// A result that becomes one of the back end.
pub(crate) trait OrFailed<T> {
    /// Says what was being done, if it failed.
    fn or_failed(self, what: impl FnOnce() -> String) -> Result<T, BackendError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> OrFailed<T> for Result<T, E> {
    fn or_failed(self, what: impl FnOnce() -> String) -> Result<T, BackendError> {
        self.map_err(|error| BackendError::new(what()).caused_by(error))
    }
}
