//! The conformance suite: what a driver must do, as tests that each driver repo runs in its own CI.
//!
//! ```text
//! // tests/conformance.rs
//! nova_conformance::conformance!(MyFixture::new());
//! ```
//!
//! expands to one `#[test]` per case. Each case gets a fixture of its own and a bounded time. Results are
//! merged into `conformance-report.json` in cargo's target directory, or into the file that the variable
//! `NOVA_CONFORMANCE_REPORT` names. Facets are compared with the package's `expected-capabilities.toml`, so
//! that none is lost silently.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod capabilities;
mod cases;
mod fixture;
mod report;
mod suite;
mod violation;
mod world;

pub use crate::fixture::Fixture;
pub use crate::suite::{CaseResult, Package, Status, judge, run_case};
pub use pollster::block_on;

/// The version of the suite.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Hands the names of all cases to a macro, behind the other arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! with_all_cases {
    ($then:path; $($args:tt)*) => {
        $then! {
            $($args)*;
            driver: describes_itself, shuts_down_and_comes_back, has_the_expected_capabilities;
            node: are_stable, are_here, inventory_adds_up, unknown_has_no_inventory;
            life: create_makes_a_running_instance, create_repeated_makes_one_instance,
                create_of_another_operation_is_refused, create_on_an_unknown_node_is_refused,
                create_beyond_capacity_is_refused, destroy_removes_the_instance, destroy_is_idempotent,
                info_of_an_unknown_instance_is_refused, two_instances_at_once, nothing_leaks;
            power: off_and_on, is_idempotent, reboot_leaves_it_running, of_an_unknown_instance_is_refused,
                pause_and_unpause, pause_respects_off;
            call: stale_epoch_is_refused, fence_holds_between_drivers, cancelled_changes_nothing,
                late_changes_nothing, resumes_after_a_crash;
            event: are_reported;
        }
    };
}

/// Makes the suite's cases tests of this file; the expression makes a [`Fixture`] on an empty back end.
#[macro_export]
macro_rules! conformance {
    ($fixture:expr $(,)?) => {
        $crate::with_all_cases! { $crate::conformance_tests; $fixture }
    };
}

/// Makes one module per group, and in it one test per case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr; $($group:ident: $($case:ident),+;)+) => {
        fn nova_conformance_run(case: &str) {
            let package = $crate::Package {
                name: env!("CARGO_PKG_NAME"),
                root: env!("CARGO_MANIFEST_DIR"),
                scratch: env!("CARGO_TARGET_TMPDIR"),
            };
            $crate::run_case(&package, case, || $fixture);
        }
        $(mod $group {
            $(
                #[test]
                fn $case() {
                    super::nova_conformance_run(concat!(stringify!($group), "::", stringify!($case)));
                }
            )+
        })+
    };
}
