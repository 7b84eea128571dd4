//! Work that blocks, off the caller's executor.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::thread;

use futures_channel::oneshot;
use nova_api::BackendError;

/// Runs `work` on a thread of its own and waits for its result.
///
/// If nobody waits any more, work that has its locks goes on until its end, and whoever comes next waits for
/// it. Work that still waits for them must not act any more: it asks [`is_abandoned`] once it has them.
pub(crate) async fn offload<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<BackendError> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let waiting = Arc::new(());
    let waited_for = Arc::downgrade(&waiting);
    let run = move || {
        WAITED_FOR.set(Some(waited_for));
        drop(tell.send(work()));
    };
    let spawned = thread::Builder::new().name("nova-driver-qemu".to_owned()).spawn(run);
    spawned.map_err(|error| BackendError::new("no thread for the call").caused_by(error))?;
    let result = match told.await {
        Ok(result) => result,
        Err(_) => Err(BackendError::new("the driver panicked").into()),
    };
    drop(waiting);
    result
}

thread_local! {
    /// Gone as soon as nobody waits for this thread's work.
    static WAITED_FOR: RefCell<Option<Weak<()>>> = const { RefCell::new(None) };
}

/// Says whether nobody waits any more for the work of this thread.
pub(crate) fn is_abandoned() -> bool {
    WAITED_FOR
        .with_borrow(|waited_for| waited_for.as_ref().is_some_and(|it| it.strong_count() == 0))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn work_knows_that_nobody_waits_for_it_any_more() {
        let (go, gone) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let work = move || {
            tell.send(is_abandoned()).unwrap();
            gone.recv().unwrap();
            tell.send(is_abandoned()).unwrap();
            Ok::<_, BackendError>(())
        };
        {
            let mut waiting = pin!(offload(work));
            assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(!told.recv().unwrap(), "somebody waits");
        }
        go.send(()).unwrap();
        assert!(told.recv().unwrap(), "nobody does");
    }
}
