//! The suite passes a right driver and fails every wrong one: a zoo of drivers, one fault each.

mod animal;

use std::fs;
use std::path::Path;
use std::time::Duration;

use animal::{Cage, Fault};
use nova_conformance::{CaseResult, Package, Status, judge};

nova_conformance::conformance!(Cage::new(Fault::None));

const PACKAGE: Package = Package {
    name: env!("CARGO_PKG_NAME"),
    root: env!("CARGO_MANIFEST_DIR"),
    scratch: env!("CARGO_TARGET_TMPDIR"),
};

/// Short enough for a test, long enough for a case that only locks a mutex.
const CASE_TIME: Duration = Duration::from_secs(5);

fn failed(results: &[CaseResult]) -> Vec<&'static str> {
    results.iter().filter(|one| matches!(one.status, Status::Fail(_))).map(|one| one.name).collect()
}

#[track_caller]
fn assert_caught(fault: Fault, by: &[&str]) {
    let results = judge(&PACKAGE, CASE_TIME, move || Cage::new(fault));
    assert_eq!(failed(&results), by, "{fault:?}: {results:#?}");
}

#[test]
fn a_right_driver_fails_nothing() {
    assert_caught(Fault::None, &[]);
}

#[test]
fn a_driver_that_refuses_to_destroy_twice_is_caught() {
    assert_caught(Fault::DestroyNotIdempotent, &["life::destroy_is_idempotent"]);
}

#[test]
fn a_driver_that_ignores_epochs_is_caught() {
    assert_caught(
        Fault::IgnoresEpochs,
        &["call::stale_epoch_is_refused", "call::fence_holds_between_drivers"],
    );
}

#[test]
fn a_driver_that_remembers_epochs_only_itself_is_caught() {
    assert_caught(Fault::FencesAlone, &["call::fence_holds_between_drivers"]);
}

#[test]
fn a_driver_that_lies_about_power_is_caught() {
    let by = [
        "power::off_and_on",
        "power::is_idempotent",
        "power::pause_respects_off",
        "call::fence_holds_between_drivers",
        "event::are_reported",
    ];
    assert_caught(Fault::SaysRunningWhenOff, &by);
}

#[test]
fn a_driver_that_leaks_is_caught() {
    assert_caught(Fault::Leaks, &["life::two_instances_at_once", "life::nothing_leaks"]);
}

#[test]
fn a_driver_that_takes_a_repetition_for_another_operation_is_caught() {
    assert_caught(
        Fault::ForgetsOperations,
        &["life::create_repeated_makes_one_instance", "call::resumes_after_a_crash"],
    );
}

#[test]
fn a_driver_that_acts_when_cancelled_is_caught() {
    assert_caught(
        Fault::IgnoresInterruption,
        &["call::cancelled_changes_nothing", "call::late_changes_nothing"],
    );
}

#[test]
fn a_driver_that_lost_a_facet_is_caught() {
    assert_caught(Fault::LostPause, &["driver::has_the_expected_capabilities"]);
}

#[test]
fn a_driver_that_panics_is_caught_and_takes_no_other_case_down() {
    let by = [
        "power::reboot_leaves_it_running",
        "power::of_an_unknown_instance_is_refused",
        "call::stale_epoch_is_refused",
    ];
    assert_caught(Fault::PanicsOnReboot, &by);
}

#[test]
fn a_driver_that_hangs_is_caught_in_bounded_time() {
    let results = judge(&PACKAGE, Duration::from_secs(2), || Cage::new(Fault::HangsInEvents));
    assert_eq!(failed(&results), ["event::are_reported"], "{results:#?}");
}

#[test]
fn an_absent_facet_is_said_and_not_passed() {
    let results = judge(&PACKAGE, CASE_TIME, || Cage::new(Fault::LostPause));
    let absent: Vec<_> =
        results.iter().filter(|one| one.status == Status::Absent).map(|one| one.name).collect();
    assert_eq!(absent, ["power::pause_and_unpause", "power::pause_respects_off"]);
}

#[test]
fn the_report_has_every_case_that_was_run() {
    let report = Path::new(PACKAGE.scratch).join("a-report-of-its-own");
    fs::create_dir_all(&report).unwrap();
    let package =
        Package { scratch: Box::leak(report.join("tmp").into_boxed_path()).to_str().unwrap(), ..PACKAGE };
    for case in ["life::nothing_leaks", "driver::describes_itself"] {
        nova_conformance::run_case(&package, case, || Cage::new(Fault::None));
    }
    let text = fs::read_to_string(report.join("conformance-report.json")).unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.split('"').nth(3)).collect();
    assert!(text.starts_with("{\"suite\":\"1."), "{text}");
    assert_eq!(names[1..], ["driver::describes_itself", "life::nothing_leaks"], "{text}");
}
