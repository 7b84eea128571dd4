//! The conformance suite: what a driver must do, as tests that each driver repo runs in its own CI.
//!
//! ```text
//! // tests/conformance.rs
//! nova_conformance::conformance!(MyFixture::new());
//! ```
//!
//! expands to one `#[test]` per case. Each case gets a fixture of its own and a bounded time. Results are
//! merged into `conformance-report.json` in cargo's target directory, or into the file that the variable
//! `NOVA_CONFORMANCE_REPORT` names, and, as `JUnit`, into the file beside it that ends in `.xml`. Facets are
//! compared with the package's `expected-capabilities.toml`, so that none is lost silently. What the suite
//! needs of a back end it asks of the [`Fixture`]; the crate's README says how to read a red.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod capabilities;
mod cases;
mod fixture;
mod midway;
mod observed;
mod polls;
mod provoked;
mod report;
mod scratch;
mod suite;
mod violation;
mod volumes;
mod world;

pub use crate::fixture::Fixture;
pub use crate::provoked::{UNPROVOKED, Unprovoked};
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
            driver: describes_itself, shuts_down_and_comes_back, has_the_expected_capabilities,
                offers_what_works;
            node: are_stable, are_here, inventory_adds_up, list_their_own_instances, unknown_has_no_inventory;
            life: create_makes_a_running_instance, create_repeated_makes_one_instance,
                create_of_another_operation_is_refused, create_on_an_unknown_node_is_refused,
                create_beyond_capacity_is_refused, create_of_an_image_larger_than_the_disk_is_refused,
                destroy_removes_the_instance, destroy_is_idempotent, destroy_on_an_unknown_node_is_refused,
                destroyed_can_be_created_again, info_of_an_unknown_instance_is_refused,
                evacuated_is_created_again, names_are_not_mixed_up, two_instances_at_once, nothing_leaks,
                refusals_leak_nothing;
            power: off_and_on, is_idempotent, reboot_leaves_it_running, reboot_when_off_is_refused,
                of_an_unknown_instance_is_refused, pause_and_unpause, pause_respects_off, pause_is_guarded,
                pause_is_resumed;
            call: stale_epoch_is_refused, fence_holds_between_drivers, fence_outlives_the_drivers,
                leases_of_two_nodes_are_apart,
                cancelled_changes_nothing, late_changes_nothing, resumes_after_a_crash,
                no_call_holds_its_thread;
            crash: in_create_is_resumed, in_create_is_undone_by_destroy, in_destroy_is_resumed,
                in_a_power_change_is_resumed;
            interrupt: of_create_is_resumed, of_create_is_undone_by_destroy, of_destroy_is_resumed,
                of_a_power_change_is_resumed;
            race: create_by_one_operation_makes_one, create_by_two_operations_makes_one,
                creates_share_no_room,
                create_against_destroy_leaves_all_or_nothing, power_changes_end_in_one_state,
                destroy_wins_over_power_changes;
            event: are_reported, begin_with_nothing, of_others_are_told, of_a_reboot_end_in_running,
                of_pause_are_reported;
            console: shows_what_the_guest_prints, shows_that_a_reboot_starts_the_guest, endpoint_can_be_reached, of_an_unknown_instance_is_refused;
            diagnostics: report_what_an_instance_uses, of_what_is_off_are_refused,
                of_a_paused_instance_are_reported, name_volumes_by_their_id;
            volumes: attach_and_detach, have_devices_of_their_own, stay_attached, attach_is_idempotent, detach_is_idempotent,
                in_use_are_refused, go_to_one_of_two_at_once, without_a_source_are_refused, of_a_paused_instance_are_refused,
                are_guarded, crashes_and_interruptions_are_resumed, outlive_their_instance;
            snapshot: makes_an_image_of_the_disk, has_what_the_image_had, is_idempotent, never_overwrites,
                without_a_place_is_refused, is_guarded, crashes_and_interruptions_are_resumed;
            migrate: moves_an_instance, takes_the_disk_along, can_be_reverted,
                keeps_volumes_of_what_comes_back, is_idempotent,
                out_to_nowhere_is_refused, out_of_a_paused_instance_is_refused,
                in_of_a_foreign_payload_is_refused, in_on_an_unknown_node_is_refused,
                in_of_anothers_instance_is_refused, in_without_room_is_refused,
                end_without_a_beginning_is_refused, calls_are_guarded, a_crash_in_migrate_out_is_resumed,
                a_crash_in_migrate_in_is_resumed, a_crash_in_migrate_in_is_undone_by_destroy, a_crash_in_migrate_end_is_resumed,
                interruptions_are_resumed, nothing_leaks;
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
