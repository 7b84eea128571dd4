//! Work that blocks, off the caller's executor.

use std::thread;

use futures_channel::oneshot;
use nova_api::BackendError;

/// Runs `work` on a thread of its own and waits for its result.
///
/// If nobody waits any more, the work goes on until its end: what it does is safe to be done late, because
/// it holds the locks that it needs until then.
pub(crate) async fn offload<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<BackendError> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let run = move || drop(tell.send(work()));
    let spawned = thread::Builder::new().name("nova-driver-qemu".to_owned()).spawn(run);
    spawned.map_err(|error| BackendError::new("no thread for the call").caused_by(error))?;
    match told.await {
        Ok(result) => result,
        Err(_) => Err(BackendError::new("the driver panicked").into()),
    }
}
