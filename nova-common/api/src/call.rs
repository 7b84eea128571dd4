//! What accompanies every call that changes something.

use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::{Epoch, Interrupted, OpId};

/// Who asks, how often, until when; and the way to report progress and to hear of a cancellation.
///
/// A driver hands `epoch` to its back end with the very request that acts, calls [`Call::check`] before
/// every step that cannot be undone, and treats a known `op_id` as a repetition of the same operation.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The operation; the same on every attempt.
    pub op_id: OpId,
    /// The caller's hold on the node; an older one than the node has seen must be refused.
    pub epoch: Epoch,
    /// The attempt, from 1.
    pub attempt: NonZeroU32,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Where to say how far the operation is.
    pub progress: Progress,
    /// Whether the caller has lost interest.
    pub cancel: Cancel,
}

impl Call {
    /// Makes a first attempt that may take `time`, reports to nobody and cannot be cancelled.
    pub fn new(op_id: OpId, epoch: Epoch, time: Duration) -> Self {
        Self {
            op_id,
            epoch,
            attempt: NonZeroU32::MIN,
            deadline: after(time),
            progress: Progress::default(),
            cancel: Cancel::default(),
        }
    }

    /// Sets the attempt, from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: NonZeroU32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Sets where progress goes.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Sets how the caller cancels.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Returns what is left until the deadline; zero once it has passed.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Says whether the operation may go on.
    ///
    /// # Errors
    /// [`Interrupted`] once it was cancelled or its deadline has passed.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.cancel.is_cancelled() {
            Err(Interrupted::Cancelled)
        } else if self.time_left().is_zero() {
            Err(Interrupted::DeadlinePassed)
        } else {
            Ok(())
        }
    }
}

/// More than anybody waits, and less than clocks can tell.
const EVER: Duration = Duration::from_hours(24 * 3650);

/// Returns the moment after some time, however long that is.
pub(crate) fn after(time: Duration) -> Instant {
    Instant::now() + time.min(EVER)
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Call");
        out.field("op_id", &self.op_id).field("epoch", &self.epoch).field("attempt", &self.attempt);
        out.finish_non_exhaustive()
    }
}

/// Where a driver says how far an operation is.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Sink>>);

type Sink = dyn Fn(u8, &str) + Send + Sync;

impl Progress {
    /// Reports to `sink`, which gets the percentage and the step, and must return quickly.
    pub fn to(sink: impl Fn(u8, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Says that `percent` (at most 100) is done and that `step` comes now.
    pub fn report(&self, percent: u8, step: &str) {
        if let Some(sink) = &self.0 {
            sink(percent.min(100), step);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(heard)" } else { "Progress(unheard)" })
    }
}

/// The driver's side of a cancellation.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    cancelled: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Signal {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancel {
    /// Returns whether the caller has cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Waits until the caller cancels; for ever if nobody does.
    pub async fn cancelled(&self) {
        poll_fn(|context| if self.wakes(context.waker()) { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// Has a waker woken when the caller cancels, unless that was already.
    pub(crate) fn wakes(&self, waker: &Waker) -> bool {
        let mut waiting = self.0.waiting();
        // Whoever cancels says so before it takes the lock, so that no waker is put into an empty list.
        if self.is_cancelled() {
            return false;
        }
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        true
    }
}

/// The caller's side of a cancellation.
#[derive(Debug, Clone, Default)]
pub struct Canceller(Cancel);

impl Canceller {
    /// Returns what goes into the [`Call`].
    pub fn token(&self) -> Cancel {
        self.0.clone()
    }

    /// Cancels, for good.
    pub fn cancel(&self) {
        self.0.0.cancelled.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut *self.0.0.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }
}
