//! The suite passes right drivers and fails every wrong one: a zoo of drivers, one fault each.

mod animal;
mod faults;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use animal::Cage;
use faults::{CAUGHT, Fault, with_all_faults};
use nova_api::{Condition, FACETS};
use nova_conformance::{CaseResult, Package, Status, UNPROVOKED, Unprovoked, judge};

nova_conformance::conformance!(Cage::new(Fault::None));

const PACKAGE: Package = Package {
    name: env!("CARGO_PKG_NAME"),
    root: env!("CARGO_MANIFEST_DIR"),
    scratch: env!("CARGO_TARGET_TMPDIR"),
};

/// Short enough for a test, long enough for a case that only locks a mutex.
const CASE_TIME: Duration = Duration::from_secs(20);

fn failed(results: &[CaseResult]) -> Vec<&'static str> {
    results.iter().filter(|one| matches!(one.status, Status::Fail(_))).map(|one| one.name).collect()
}

fn assert_caught(fault: Fault, by: &[&str]) {
    let results = judge(&PACKAGE, CASE_TIME, move || Cage::new(fault));
    assert!(!by.is_empty() && failed(&results) == by, "{fault:?}: {by:?}, got {:#?}", failures(&results));
}

/// Returns what is to be told of a suite that did not end as expected.
fn failures(results: &[CaseResult]) -> Vec<(&'static str, &Status)> {
    let fails = results.iter().filter(|one| matches!(one.status, Status::Fail(_)));
    fails.map(|one| (one.name, &one.status)).collect()
}

mod caught {
    macro_rules! tests {
        ($($test:ident: $fault:ident => [$($case:literal),* $(,)?],)+) => {
            $(
                #[test]
                fn $test() {
                    super::assert_caught(super::Fault::$fault, &[$($case),*]);
                }
            )+
        };
    }
    super::with_all_faults! { tests }
}

#[test]
fn right_drivers_fail_nothing_and_lack_nothing() {
    for cage in [Cage::new, Cage::of_hypervisors] {
        let results = judge(&PACKAGE, CASE_TIME, move || cage(Fault::None));
        let other: Vec<_> = results.iter().filter(|one| one.status != Status::Pass).collect();
        assert!(other.is_empty(), "{other:#?}");
    }
}

#[test]
fn every_case_fails_some_driver() {
    let all: BTreeSet<_> =
        judge(&PACKAGE, CASE_TIME, || Cage::new(Fault::None)).into_iter().map(|one| one.name).collect();
    // That these are the cases that fail each driver is what the tests of the faults hold.
    let failing: BTreeSet<_> = CAUGHT.iter().flat_map(|by| by.iter().copied()).collect();
    let never: Vec<_> = all.difference(&failing).collect();
    assert!(never.is_empty(), "no driver of the zoo fails {never:?}");
}

#[test]
fn every_documented_condition_is_provoked_or_has_a_reason_not_to_be() {
    let results = judge(&PACKAGE, CASE_TIME, || Cage::new(Fault::None));
    let provoked: BTreeSet<_> = results.into_iter().flat_map(|one| one.provoked).collect();
    let mut excused = BTreeSet::new();
    for error in FACETS.iter().flat_map(|facet| facet.methods).map(|method| method.error) {
        for Condition { variant, .. } in error.conditions {
            let is = |one: &&Unprovoked| [error.name, "*"].contains(&one.error) && one.variant == *variant;
            let excuse = UNPROVOKED.iter().find(is);
            let name = format!("{}::{variant}", error.name);
            let is_provoked = provoked.contains(name.as_str());
            assert!(is_provoked != excuse.is_some(), "`{name}`: {is_provoked}, {excuse:?}");
            excused.extend(excuse.map(|excuse| (excuse.error, excuse.variant)));
        }
    }
    assert_eq!(excused.len(), UNPROVOKED.len(), "an excuse that nothing needs: {UNPROVOKED:#?}");
    assert!(UNPROVOKED.iter().all(|one| !one.reason.is_empty()));
}

#[test]
fn a_driver_that_hangs_is_caught_in_bounded_time() {
    let results = judge(&PACKAGE, Duration::from_secs(2), || Cage::new(Fault::HangsInEvents));
    let by = [
        "call::no_call_holds_its_thread",
        "event::are_reported",
        "event::begin_with_nothing",
        "event::of_others_are_told",
        "event::of_a_reboot_end_in_running",
        "event::of_pause_are_reported",
    ];
    assert_eq!(failed(&results), by, "{:#?}", failures(&results));
}

#[test]
fn a_migration_that_cannot_be_tested_fails_and_says_what_is_lacking() {
    let results = judge(&PACKAGE, CASE_TIME, || Cage::of_one_hypervisor(Fault::None));
    let failures = failures(&results);
    let says =
        |status: &Status| matches!(status, Status::Fail(why) if why.contains("`Fixture::migration_target`"));
    assert!(failures.iter().all(|(_, status)| says(status)), "{failures:#?}");
    assert!(failures.iter().any(|(case, _)| *case == "migrate::moves_an_instance"), "{failures:#?}");
}

#[test]
fn an_absent_facet_is_said_and_not_passed() {
    let results = judge(&PACKAGE, CASE_TIME, || Cage::new(Fault::LostPause));
    let absent: Vec<_> =
        results.iter().filter(|one| one.status == Status::Absent).map(|one| one.name).collect();
    let of_pause = [
        "power::pause_and_unpause",
        "power::pause_respects_off",
        "power::pause_is_guarded",
        "power::pause_is_resumed",
        "event::of_pause_are_reported",
        "diagnostics::of_a_paused_instance_are_reported",
        "volumes::of_a_paused_instance_are_refused",
        "migrate::out_of_a_paused_instance_is_refused",
    ];
    assert_eq!(absent, of_pause);
}

#[test]
fn the_reports_have_every_case_that_was_run() {
    let report = Path::new(PACKAGE.scratch).join("a-report-of-its-own");
    fs::create_dir_all(&report).unwrap();
    let package =
        Package { scratch: Box::leak(report.join("tmp").into_boxed_path()).to_str().unwrap(), ..PACKAGE };
    for case in ["life::nothing_leaks", "driver::describes_itself"] {
        nova_conformance::run_case(&package, case, || Cage::new(Fault::None));
    }
    let text = fs::read_to_string(report.join("conformance-report.json")).unwrap();
    let names: Vec<_> = text.lines().skip(1).filter_map(|line| line.split('"').nth(3)).collect();
    assert!(text.starts_with("{\"suite\":\"1.") && text.contains("\"cold-migrate@1\":\""), "{text}");
    assert_eq!(names, ["driver::describes_itself", "life::nothing_leaks"], "{text}");
    let xml = fs::read_to_string(report.join("conformance-report.xml")).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\""), "{xml}");
}
