//! Calls that do not run to their end undisturbed: dropped, interrupted, or beside another one.

use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::violation::Violation;
use crate::world::CALL_TIME;

/// After how many polls calls are disturbed, one call after the other, until one ends before that.
pub(crate) const POINTS: [usize; 7] = [1, 2, 3, 4, 6, 10, 20];

/// At which wait of the first of two calls the second one begins, one pair after the other.
pub(crate) const HEAD_STARTS: [usize; 4] = [0, 1, 2, 4];

/// Drives a call and drops it at its `polls`th wait, as if the process had died; returns its end, if that came first.
pub(crate) fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> Result<Option<T>, Violation> {
    let mut call = Stepped::new(call, Bell::default());
    for _ in 0..polls {
        if let Poll::Ready(end) = call.step(CALL_TIME, "a call to go on")? {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// Drives a call, interrupts it at its `polls`th wait, and returns its end and whether it was interrupted.
pub(crate) fn interrupted_after<T>(
    polls: usize,
    call: impl Future<Output = T>,
    interrupt: impl FnOnce(),
    wind_up: Duration,
) -> Result<(T, bool), Violation> {
    let mut call = Stepped::new(call, Bell::default());
    for _ in 0..polls {
        if let Poll::Ready(end) = call.step(CALL_TIME, "a call to go on")? {
            return Ok((end, false));
        }
    }
    interrupt();
    let interrupted = Instant::now();
    // The core polls when it cancels: a driver need not have itself woken for that.
    if let Poll::Ready(end) = call.poll() {
        return Ok((end, true));
    }
    loop {
        let left = wind_up.saturating_sub(interrupted.elapsed());
        let what = format!("a call to end within {wind_up:?} of its interruption");
        if let Poll::Ready(end) = call.step(left, &what)? {
            return Ok((end, true));
        }
        if left.is_zero() {
            return Err(Violation(format!("expected {what}")));
        }
    }
}

/// Drives two calls on one thread, turn by turn; the second begins at the first one's `head_start`th wait.
pub(crate) fn turn_by_turn<A, B>(
    head_start: usize,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Result<(A, B), Violation> {
    let bell = Bell::default();
    let (mut first, mut second) = (Stepped::new(first, bell.clone()), Stepped::new(second, bell.clone()));
    let (mut one, mut other) = (None, None);
    for _ in 0..head_start {
        if let Poll::Ready(end) = first.step(CALL_TIME, "the first of two calls to go on")? {
            one = Some(end);
            break;
        }
    }
    let started = Instant::now();
    loop {
        if one.is_none()
            && let Poll::Ready(end) = first.poll()
        {
            one = Some(end);
        }
        if other.is_none()
            && let Poll::Ready(end) = second.poll()
        {
            other = Some(end);
        }
        match (one, other) {
            (Some(one), Some(other)) => return Ok((one, other)),
            open => (one, other) = open,
        }
        if !bell.wait(CALL_TIME.saturating_sub(started.elapsed())) {
            return Err(Violation(format!("expected two calls at once to end within {CALL_TIME:?}")));
        }
    }
}

/// A call that is driven by hand.
struct Stepped<F> {
    call: Pin<Box<F>>,
    bell: Bell,
    begun: bool,
}

impl<F: Future> Stepped<F> {
    fn new(call: F, bell: Bell) -> Self {
        Self { call: Box::pin(call), bell, begun: false }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        self.begun = true;
        self.call.as_mut().poll(&mut Context::from_waker(&self.bell.waker()))
    }

    /// Polls once it is worth it: for the first time, or when the call has asked for it.
    fn step(&mut self, time: Duration, expected: &str) -> Result<Poll<F::Output>, Violation> {
        if self.begun && !self.bell.wait(time) {
            return Err(Violation(format!("expected {expected}")));
        }
        Ok(self.poll())
    }
}

/// What a call rings when it can go on.
#[derive(Clone, Default)]
struct Bell(Arc<Rung>);

#[derive(Default)]
struct Rung {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_all();
    }
}

impl Bell {
    fn waker(&self) -> Waker {
        Arc::clone(&self.0).into()
    }

    /// Waits for the bell and returns whether it rang in time.
    fn wait(&self, time: Duration) -> bool {
        let rung = self.0.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.heard.wait_timeout_while(rung, time, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut rung)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, poll_fn};

    use super::*;

    /// Waits `waits` times, and is ready to go on each time.
    async fn steps(mut waits: usize) -> &'static str {
        poll_fn(|context| {
            if waits == 0 {
                return Poll::Ready("done");
            }
            waits -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    #[test]
    fn a_call_is_dropped_at_the_wait_asked_for() {
        assert_eq!(dropped_after(2, steps(2)).unwrap(), None);
        assert_eq!(dropped_after(3, steps(2)).unwrap(), Some("done"));
    }

    #[test]
    fn an_interrupted_call_may_end_and_one_that_does_not_is_refused() {
        let wind_up = Duration::from_millis(20);
        assert_eq!(interrupted_after(1, steps(3), || {}, wind_up).unwrap(), ("done", true));
        assert_eq!(interrupted_after(4, steps(3), || {}, wind_up).unwrap(), ("done", false));
        let cancelled = Cell::new(false);
        let looks = poll_fn(|_| if cancelled.get() { Poll::Ready("cancelled") } else { Poll::Pending });
        let end = interrupted_after(1, looks, || cancelled.set(true), wind_up).unwrap();
        assert_eq!(end, ("cancelled", true), "who looks only when polled is polled");
        let deaf = async {
            steps(1).await;
            pending::<()>().await;
        };
        let Violation(why) = interrupted_after(1, deaf, || {}, wind_up).unwrap_err();
        assert_eq!(why, "expected a call to end within 20ms of its interruption");
    }

    #[test]
    fn two_calls_take_turns() {
        let told = Mutex::new(String::new());
        let tell = |who: char| {
            let told = &told;
            async move {
                for _ in 0..3 {
                    told.lock().unwrap().push(who);
                    steps(1).await;
                }
            }
        };
        turn_by_turn(1, tell('a'), tell('b')).unwrap();
        assert_eq!(*told.lock().unwrap(), "aababb");
    }
}
