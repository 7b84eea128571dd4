//! Calls, errors and the defaults of the driver trait.

#![expect(clippy::unwrap_used, reason = "also in what tests call, a surprise is a failure")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nova_api::{
    BackendError, Call, Canceller, CreateError, Epoch, InstanceError, Interrupted, MutationError, OpId,
    PowerOffError, Progress, Recovery, StaleEpoch,
};

fn call(time: Duration) -> Call {
    Call::new(OpId::parse("op-1").unwrap(), Epoch::new(3), time)
}

#[test]
fn a_call_goes_on_until_it_is_cancelled() {
    let canceller = Canceller::default();
    let call = call(Duration::from_mins(1)).cancel(canceller.token());
    assert_eq!(call.check(), Ok(()));
    canceller.cancel();
    assert_eq!(call.clone().check(), Err(Interrupted::Cancelled), "a clone hears of it too");
}

#[test]
fn a_call_stops_at_its_deadline() {
    assert_eq!(call(Duration::ZERO).check(), Err(Interrupted::DeadlinePassed));
    assert_eq!(call(Duration::ZERO).time_left(), Duration::ZERO);
}

#[test]
fn progress_is_heard_and_bounded() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let progress = Progress::to(move |percent, step| ear.lock().unwrap().push((percent, step.to_owned())));
    call(Duration::ZERO).progress(progress).progress.report(250, "copying");
    assert_eq!(*heard.lock().unwrap(), [(100, "copying".to_owned())]);
}

#[test]
fn conditions_become_errors_of_the_method_by_question_mark() {
    fn refuse<E: InstanceError>() -> Result<(), E> {
        Err(StaleEpoch { given: Epoch::new(1), latest: Epoch::new(2) })?;
        Ok(())
    }
    let error = refuse::<PowerOffError>().unwrap_err();
    assert_eq!(error.to_string(), "epoch 1 is stale: the node has seen epoch 2");
    assert_eq!(error.recovery(), Recovery::FenceLost);
}

#[test]
fn every_error_has_one_recovery() {
    let backend = CreateError::from(BackendError::new("no answer"));
    assert_eq!(MutationError::recovery(&backend), Recovery::VerifyThenDecide);
    assert_eq!(CreateError::from(Interrupted::Cancelled).recovery(), Recovery::VerifyThenDecide);
}

#[test]
fn the_cause_of_a_failure_is_kept_apart_from_its_text() {
    let error = BackendError::new("no answer").caused_by("connection refused");
    assert_eq!(error.to_string(), "back end failed: no answer");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "connection refused");
}
