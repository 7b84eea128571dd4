//! What guards the calls of a driver behind a pointer.

#![expect(clippy::unwrap_used, reason = "also in what tests call, a surprise is a failure")]

mod odd;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nova_api::{
    Call, Canceller, Capabilities, Capability, CreateRequest, DynDriver, Epoch, InstanceId, InstanceRef,
    Interrupted, Limits, NodeName, OpId, PauseError, PowerOnError, Recovery, Refresh, StaleEpoch,
};
use pollster::block_on;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use odd::{Odd, Oddity};

/// Long enough that a test which waits for it has failed.
const LONG: Duration = Duration::from_mins(1);

/// What a driver may take to wind up in these tests.
const LIMITS: Limits = Limits { answer: Duration::from_millis(50), wind_up: Duration::from_millis(50) };

fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

fn on(node_name: &str) -> InstanceRef {
    InstanceRef { id: InstanceId::parse("i-1").unwrap(), node: node(node_name) }
}

fn call(epoch: u64, time: Duration) -> Call {
    Call::new(OpId::parse("op-1").unwrap(), Epoch::new(epoch), time)
}

fn driver(oddity: Oddity) -> DynDriver {
    DynDriver::with_limits(Odd::new(oddity), LIMITS)
}

#[test]
fn calls_reach_the_driver() {
    let driver = driver(Oddity::Done);
    block_on(driver.power_on(&call(1, LONG), &on("rack"))).unwrap();
    let created = block_on(driver.create(&call(1, LONG), CreateRequest::new(on("rack")))).unwrap();
    assert_eq!(created.instance, on("rack"));
    assert_eq!(block_on(driver.events().next_batch()).unwrap(), []);
}

#[test]
fn what_a_driver_lacks_cannot_be_called() {
    let driver = driver(Oddity::Done);
    assert!(driver.console(&node("rack")).is_none(), "it has no consoles");
    assert!(driver.pause(&node("rack")).is_some());
    assert!(driver.pause(&node("plain")).is_none(), "and cannot pause on every node");
}

#[test]
fn capabilities_are_those_of_a_node() {
    let odd = Odd::default();
    assert!(Capabilities::of(&odd).has(Capability::Pause));
    assert!(Capabilities::on(&odd, &node("rack")).has(Capability::Pause));
    assert!(!Capabilities::on(&odd, &node("plain")).has(Capability::Pause));
    assert!(
        !Capabilities::on(&odd, &node("rack")).has(Capability::Console),
        "nobody can claim what it lacks"
    );
}

#[test]
fn a_former_holder_is_refused_before_the_driver_hears_of_it() {
    let driver = driver(Oddity::Done);
    block_on(driver.power_on(&call(2, LONG), &on("rack"))).unwrap();
    let late = block_on(driver.power_on(&call(1, LONG), &on("rack"))).unwrap_err();
    let expected = StaleEpoch { given: Epoch::new(1), latest: Epoch::new(2) };
    assert!(matches!(&late, PowerOnError::StaleEpoch(stale) if *stale == expected), "{late}");
    assert_eq!(late.recovery(), Recovery::FenceLost);
    let facet = driver.pause(&node("rack")).unwrap();
    let late = block_on(facet.pause(&call(1, LONG), &on("rack"))).unwrap_err();
    assert!(matches!(late, PauseError::StaleEpoch(_)), "facets have the same fence");
    block_on(driver.power_on(&call(1, LONG), &on("other"))).expect("another node has another lease");
}

#[test]
fn a_panic_is_an_error_of_the_call() {
    let driver = driver(Oddity::Panics);
    let error = block_on(driver.power_on(&call(1, LONG), &on("rack"))).unwrap_err();
    assert_eq!(error.to_string(), "back end failed: the driver panicked in `power_on`: a wire came loose");
    assert_eq!(error.recovery(), Recovery::VerifyThenDecide);
    let error = block_on(driver.nodes(Refresh::Forced)).unwrap_err();
    assert_eq!(error.to_string(), "back end failed: the driver panicked in `nodes`: a wire came loose");
    block_on(driver.shutdown()).expect("the next call is not concerned");
}

#[test]
fn a_panic_outside_of_calls_does_not_reach_the_core() {
    let frail = driver(Oddity::PanicsWhenDropped);
    let error = block_on(frail.power_on(&call(1, Duration::ZERO), &on("rack"))).unwrap_err();
    assert!(matches!(error, PowerOnError::Interrupted(Interrupted::DeadlinePassed)), "{error}");
    let hasty = driver(Oddity::PanicsAtOnce);
    assert!(hasty.pause(&node("rack")).is_none(), "what it panics at is not offered");
    let error = block_on(hasty.events().next_batch()).unwrap_err();
    assert_eq!(error.to_string(), "back end failed: the driver panicked in `events`");
    let error = block_on(driver(Oddity::PanicsInEvents).events().next_batch()).unwrap_err();
    assert_eq!(error.to_string(), "back end failed: the driver panicked in `next_batch`: a wire came loose");
}

#[test]
fn there_may_be_more_time_than_clocks_can_tell() {
    let limits = Limits { answer: Duration::MAX, wind_up: Duration::MAX };
    let driver = DynDriver::with_limits(Odd::new(Oddity::Done), limits);
    block_on(driver.nodes(Refresh::Cached)).unwrap();
    block_on(driver.power_on(&call(1, Duration::MAX), &on("rack"))).unwrap();
}

#[test]
fn a_call_that_hangs_ends_after_its_deadline() {
    let (driver, began) = (driver(Oddity::Hangs), Instant::now());
    let error = block_on(driver.power_on(&call(1, Duration::from_millis(20)), &on("rack"))).unwrap_err();
    assert!(matches!(error, PowerOnError::Interrupted(Interrupted::DeadlinePassed)), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(20) + LIMITS.wind_up, "the driver had time to wind up");
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for() {
    let error = block_on(driver(Oddity::Hangs).nodes(Refresh::Cached)).unwrap_err();
    assert_eq!(error.to_string(), "back end failed: no answer of `nodes` within 50ms");
    let error = block_on(driver(Oddity::Hangs).events().next_batch()).unwrap_err();
    assert_eq!(error.to_string(), "back end failed: no answer of `next_batch` within 50ms");
}

#[test]
fn a_cancelled_call_ends_though_the_driver_does_not_listen() {
    for oddity in [Oddity::Hangs, Oddity::Listens] {
        let (driver, canceller) = (driver(oddity), Canceller::default());
        let call = call(1, LONG).cancel(canceller.token());
        let error = thread::scope(|scope| {
            let ended = scope.spawn(|| block_on(driver.power_on(&call, &on("rack"))));
            canceller.cancel();
            ended.join().unwrap().unwrap_err()
        });
        assert!(matches!(error, PowerOnError::Interrupted(Interrupted::Cancelled)), "{oddity:?}: {error}");
    }
}

#[test]
fn a_driver_that_listens_ends_a_cancelled_call_itself() {
    let patient = Limits { wind_up: LONG, ..LIMITS };
    let (driver, canceller) =
        (DynDriver::with_limits(Odd::new(Oddity::Listens), patient), Canceller::default());
    let call = call(1, LONG).cancel(canceller.token());
    canceller.cancel();
    let error = block_on(driver.power_on(&call, &on("rack"))).unwrap_err();
    assert!(matches!(error, PowerOnError::Interrupted(Interrupted::Cancelled)), "{error}");
}

/// Keeps the names and fields of spans.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = self.0.lock().unwrap();
        spans.push(format!("{} {}", span.metadata().name(), span.values()));
        Id::from_u64(u64::try_from(spans.len()).unwrap())
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_call_has_a_span_of_its_own() {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || {
        let driver = driver(Oddity::Done);
        let facet = driver.pause(&node("rack")).unwrap();
        block_on(facet.pause(&call(1, LONG), &on("rack"))).unwrap();
    });
    assert_eq!(
        *spans.0.lock().unwrap(),
        [r#"driver.call {driver.method: "pause.pause", op.id: "op-1", op.attempt: 1}"#]
    );
}
