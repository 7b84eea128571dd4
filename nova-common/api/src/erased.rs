//! Drivers behind a pointer, and what every call through it is guarded by.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_timer::Delay;
use tracing::Span;

use crate::call::after;
use crate::{
    BackendError, Call, CreateRequest, DestroyRequest, Driver, DynDriver, Epoch, InstanceRef, Interrupted,
    MigrateEndRequest, MigrateInRequest, MigrateOutRequest, MutationError, NodeName, StaleEpoch,
};

/// A call under way.
pub(crate) type Pending<'call, T> = Pin<Box<dyn Future<Output = T> + Send + 'call>>;

/// How long the core waits where a [`Call`] does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For an answer to a call that changes nothing.
    pub answer: Duration,
    /// For a driver to end by itself, once the caller has cancelled or the deadline has passed.
    pub wind_up: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: Duration::from_secs(30), wind_up: Duration::from_secs(1) }
    }
}

impl DynDriver {
    /// Takes a driver. Calls through it
    ///
    /// - reach only facets that the driver has on that node;
    /// - are refused if a later epoch than theirs has passed for their node;
    /// - end: by themselves, or some time after a cancellation or their deadline, when they are dropped as if the
    ///   process had died;
    /// - come back as [`BackendError`] if the driver panics; one that panics when asked for a facet lacks it;
    /// - run in a `tracing` span of level debug, `driver.call`.
    pub fn new(driver: impl Driver) -> Self {
        Self::with_limits(driver, Limits::default())
    }

    /// Takes a driver and the times to wait for it.
    pub fn with_limits(driver: impl Driver, limits: Limits) -> Self {
        Self { erased: Box::new(driver), guard: Guard { limits, seen: Mutex::default() } }
    }
}

/// What all calls of one driver pass.
pub(crate) struct Guard {
    limits: Limits,
    /// The greatest epoch that has passed, by node.
    seen: Mutex<BTreeMap<NodeName, Epoch>>,
}

impl Guard {
    /// Refuses a former holder of the node's lease before the driver hears of it.
    pub(crate) fn fence(&self, call: &Call, node: &NodeName) -> Result<(), StaleEpoch> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get_mut(node) {
            Some(latest) if *latest > call.epoch => Err(StaleEpoch { given: call.epoch, latest: *latest }),
            Some(latest) => {
                *latest = call.epoch;
                Ok(())
            }
            None => {
                seen.insert(node.clone(), call.epoch);
                Ok(())
            }
        }
    }

    /// Waits for the answer to a call that changes nothing.
    pub(crate) async fn ask<T, E: From<BackendError>>(
        &self,
        method: &'static str,
        span: Span,
        pending: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let until = after(self.limits.answer);
        let watched = Watched { method, span, timer: None };
        let late = || BackendError::new(format!("no answer of `{}` within {:?}", method, self.limits.answer));
        watched.run(pending, |_| until, || late().into()).await
    }

    /// Waits for a call that changes something.
    pub(crate) async fn act<T, E: MutationError>(
        &self,
        method: &'static str,
        span: Span,
        call: &Call,
        pending: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let watched = Watched { method, span, timer: None };
        let wind_up = self.limits.wind_up;
        let mut cancelled = None;
        let until = |context: &Context<'_>| {
            if cancelled.is_none() && !call.cancel.wakes(context.waker()) {
                cancelled = Some(Instant::now());
            }
            let end = cancelled.map_or(call.deadline, |at: Instant| at.min(call.deadline));
            end.checked_add(wind_up).unwrap_or(end)
        };
        let interrupted = || {
            if call.cancel.is_cancelled() { Interrupted::Cancelled } else { Interrupted::DeadlinePassed }
        };
        watched.run(pending, until, || interrupted().into()).await
    }
}

struct Watched {
    method: &'static str,
    span: Span,
    timer: Option<(Instant, Delay)>,
}

impl Watched {
    /// Polls until the end or until `until`, which is asked again whenever the driver has to wait.
    async fn run<T, E: From<BackendError>>(
        mut self,
        pending: impl Future<Output = Result<T, E>>,
        mut until: impl FnMut(&Context<'_>) -> Instant,
        late: impl Fn() -> E,
    ) -> Result<T, E> {
        let mut pending = pin!(Some(pending));
        let end = poll_fn(|context| {
            let span = self.span.clone();
            let _entered = span.enter();
            let poll = || {
                let pending =
                    pending.as_mut().as_pin_mut().expect("it is dropped when it has been polled to its end");
                pending.poll(context)
            };
            match catch_unwind(AssertUnwindSafe(poll)) {
                Ok(Poll::Ready(result)) => Poll::Ready(result),
                Ok(Poll::Pending) => self.wait(until(context), context).map(|()| Err(late())),
                Err(panic) => {
                    let what = format!("the driver panicked in `{}`: {}", self.method, text_of(&*panic));
                    Poll::Ready(Err(BackendError::new(what).into()))
                }
            }
        })
        .await;
        // What the driver leaves may panic too, and must not take the caller along.
        let span = self.span.clone();
        let _entered = span.enter();
        let dropped = || {
            pending.set(None);
            Some(())
        };
        let _: Option<()> = unless_it_panics(self.method, dropped);
        end
    }

    fn wait(&mut self, until: Instant, context: &mut Context<'_>) -> Poll<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        let (set, timer) = self.timer.get_or_insert_with(|| (until, Delay::new(left)));
        if *set != until {
            *set = until;
            timer.reset(left);
        }
        Pin::new(timer).poll(context)
    }
}

/// Asks a driver what it answers at once; a driver that panics has nothing.
pub(crate) fn unless_it_panics<T>(method: &'static str, ask: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|panic| {
        tracing::error!("driver.method" = method, "the driver panicked: {}", text_of(&*panic));
        None
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// What a call changes, on one node: the node whose lease it needs.
pub(crate) trait OnNode {
    fn node(&self) -> &NodeName;
}

impl OnNode for InstanceRef {
    fn node(&self) -> &NodeName {
        &self.node
    }
}

macro_rules! on_node_of_its_instance {
    ($($request:ty),+) => {
        $(impl OnNode for $request {
            fn node(&self) -> &NodeName {
                &self.instance.node
            }
        })+
    };
}

on_node_of_its_instance!(
    CreateRequest,
    DestroyRequest,
    MigrateOutRequest,
    MigrateInRequest,
    MigrateEndRequest
);
