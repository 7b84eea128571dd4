//! What can be wrong with a driver, and the cases that notice.

/// Lists the faults, each with the test that tries it and the cases that fail an animal that has it.
macro_rules! with_all_faults {
    ($then:ident) => {
        $then! {
            // What it says of itself and its nodes.
            has_no_name: HasNoName => ["driver::describes_itself"],
            lost_pause: LostPause => ["driver::has_the_expected_capabilities"],
            takes_instances_along: TakesInstancesAlong => [
                "driver::shuts_down_and_comes_back", "call::fence_outlives_the_drivers",
            ],
            offers_nothing: OffersNothing => [
                "driver::offers_what_works", "power::pause_and_unpause", "power::pause_respects_off",
                "power::pause_is_guarded", "power::pause_is_resumed", "event::of_pause_are_reported",
                "console::shows_what_the_guest_prints", "console::shows_that_a_reboot_starts_the_guest",
                "console::endpoint_can_be_reached", "console::of_an_unknown_instance_is_refused",
                "diagnostics::report_what_an_instance_uses", "diagnostics::of_what_is_off_are_refused",
                "diagnostics::of_a_paused_instance_are_reported", "diagnostics::name_volumes_by_their_id",
                "volumes::attach_and_detach", "volumes::have_devices_of_their_own", "volumes::stay_attached",
                "volumes::attach_is_idempotent", "volumes::detach_is_idempotent",
                "volumes::in_use_are_refused", "volumes::go_to_one_of_two_at_once",
                "volumes::without_a_source_are_refused", "volumes::of_a_paused_instance_are_refused",
                "volumes::are_guarded", "volumes::crashes_and_interruptions_are_resumed",
                "volumes::outlive_their_instance", "snapshot::makes_an_image_of_the_disk",
                "snapshot::has_what_the_image_had", "snapshot::is_idempotent", "snapshot::never_overwrites",
                "snapshot::without_a_place_is_refused", "snapshot::is_guarded",
                "snapshot::crashes_and_interruptions_are_resumed", "migrate::moves_an_instance",
                "migrate::takes_the_disk_along", "migrate::can_be_reverted",
                "migrate::keeps_volumes_of_what_comes_back", "migrate::is_idempotent",
                "migrate::out_to_nowhere_is_refused", "migrate::out_of_a_paused_instance_is_refused",
                "migrate::in_of_a_foreign_payload_is_refused", "migrate::in_on_an_unknown_node_is_refused",
                "migrate::in_of_anothers_instance_is_refused", "migrate::in_without_room_is_refused",
                "migrate::end_without_a_beginning_is_refused", "migrate::calls_are_guarded",
                "migrate::a_crash_in_migrate_out_is_resumed", "migrate::a_crash_in_migrate_in_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
                "migrate::a_crash_in_migrate_end_is_resumed", "migrate::interruptions_are_resumed",
                "migrate::nothing_leaks",
            ],
            offers_on_bare_nodes: OffersOnBareNodes => [
                "driver::offers_what_works", "call::no_call_holds_its_thread",
            ],
            renames_nodes: RenamesNodes => ["node::are_stable"],
            sees_nodes_elsewhere: SeesNodesElsewhere => ["node::are_here"],
            counts_no_memory: CountsNoMemory => [
                "node::inventory_adds_up", "crash::in_create_is_resumed",
                "race::create_by_one_operation_makes_one", "migrate::moves_an_instance",
            ],
            names_providers_alike: NamesProvidersAlike => ["node::inventory_adds_up"],
            lists_all_for_each_node: ListsAllForEachNode => [
                "node::list_their_own_instances", "migrate::moves_an_instance", "migrate::can_be_reverted",
                "migrate::is_idempotent", "migrate::in_of_a_foreign_payload_is_refused",
                "migrate::in_on_an_unknown_node_is_refused", "migrate::in_without_room_is_refused",
                "migrate::calls_are_guarded", "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
                "migrate::interruptions_are_resumed",
            ],
            knows_all_nodes: KnowsAllNodes => [
                "node::unknown_has_no_inventory", "life::create_on_an_unknown_node_is_refused",
                "life::destroy_on_an_unknown_node_is_refused",
            ],
            // Facets that are there in name only.
            claims_pause: ClaimsPause => [
                "driver::offers_what_works", "power::pause_and_unpause", "power::pause_respects_off",
                "power::pause_is_guarded", "power::pause_is_resumed", "call::no_call_holds_its_thread",
                "event::of_pause_are_reported", "diagnostics::of_a_paused_instance_are_reported",
                "volumes::of_a_paused_instance_are_refused", "snapshot::makes_an_image_of_the_disk",
                "migrate::out_of_a_paused_instance_is_refused",
            ],
            claims_console: ClaimsConsole => [
                "driver::offers_what_works", "call::no_call_holds_its_thread",
                "console::shows_what_the_guest_prints", "console::shows_that_a_reboot_starts_the_guest",
                "console::endpoint_can_be_reached", "console::of_an_unknown_instance_is_refused",
            ],
            claims_diagnostics: ClaimsDiagnostics => [
                "driver::offers_what_works", "call::no_call_holds_its_thread",
                "diagnostics::report_what_an_instance_uses", "diagnostics::of_what_is_off_are_refused",
                "diagnostics::of_a_paused_instance_are_reported", "diagnostics::name_volumes_by_their_id",
            ],
            claims_volumes: ClaimsVolumes => [
                "driver::offers_what_works", "call::no_call_holds_its_thread",
                "diagnostics::name_volumes_by_their_id", "volumes::attach_and_detach",
                "volumes::have_devices_of_their_own", "volumes::stay_attached",
                "volumes::attach_is_idempotent", "volumes::detach_is_idempotent",
                "volumes::in_use_are_refused", "volumes::go_to_one_of_two_at_once",
                "volumes::without_a_source_are_refused", "volumes::of_a_paused_instance_are_refused",
                "volumes::are_guarded", "volumes::crashes_and_interruptions_are_resumed",
                "volumes::outlive_their_instance", "migrate::keeps_volumes_of_what_comes_back",
            ],
            claims_snapshot: ClaimsSnapshot => [
                "driver::offers_what_works", "call::no_call_holds_its_thread",
                "snapshot::makes_an_image_of_the_disk", "snapshot::has_what_the_image_had",
                "snapshot::is_idempotent", "snapshot::never_overwrites",
                "snapshot::without_a_place_is_refused", "snapshot::is_guarded",
                "snapshot::crashes_and_interruptions_are_resumed", "migrate::takes_the_disk_along",
            ],
            claims_migration: ClaimsMigration => [
                "driver::offers_what_works", "call::no_call_holds_its_thread", "migrate::moves_an_instance",
                "migrate::takes_the_disk_along", "migrate::can_be_reverted",
                "migrate::keeps_volumes_of_what_comes_back", "migrate::is_idempotent",
                "migrate::out_to_nowhere_is_refused", "migrate::out_of_a_paused_instance_is_refused",
                "migrate::in_of_a_foreign_payload_is_refused", "migrate::in_on_an_unknown_node_is_refused",
                "migrate::in_of_anothers_instance_is_refused", "migrate::in_without_room_is_refused",
                "migrate::end_without_a_beginning_is_refused", "migrate::calls_are_guarded",
                "migrate::a_crash_in_migrate_out_is_resumed", "migrate::a_crash_in_migrate_in_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
                "migrate::a_crash_in_migrate_end_is_resumed", "migrate::interruptions_are_resumed",
                "migrate::nothing_leaks",
            ],
            // The life of an instance.
            creates_without_starting: CreatesWithoutStarting => [
                "driver::offers_what_works", "life::create_makes_a_running_instance",
                "life::create_of_another_operation_is_refused", "life::destroy_removes_the_instance",
                "life::destroyed_can_be_created_again", "life::evacuated_is_created_again",
                "life::names_are_not_mixed_up", "life::two_instances_at_once",
                "power::reboot_leaves_it_running", "power::pause_and_unpause", "power::pause_respects_off",
                "power::pause_is_resumed", "call::stale_epoch_is_refused",
                "call::leases_of_two_nodes_are_apart", "call::cancelled_changes_nothing",
                "call::late_changes_nothing", "call::resumes_after_a_crash", "call::no_call_holds_its_thread",
                "crash::in_create_is_resumed", "interrupt::of_create_is_resumed",
                "race::create_by_one_operation_makes_one", "race::create_by_two_operations_makes_one",
                "event::are_reported", "event::begin_with_nothing", "event::of_others_are_told",
                "event::of_a_reboot_end_in_running", "event::of_pause_are_reported",
                "console::shows_what_the_guest_prints", "console::shows_that_a_reboot_starts_the_guest",
                "console::endpoint_can_be_reached", "diagnostics::report_what_an_instance_uses",
                "diagnostics::of_a_paused_instance_are_reported", "diagnostics::name_volumes_by_their_id",
                "volumes::attach_and_detach", "volumes::without_a_source_are_refused",
                "volumes::of_a_paused_instance_are_refused", "snapshot::makes_an_image_of_the_disk",
                "snapshot::without_a_place_is_refused", "snapshot::crashes_and_interruptions_are_resumed",
                "migrate::moves_an_instance", "migrate::can_be_reverted", "migrate::is_idempotent",
                "migrate::out_to_nowhere_is_refused", "migrate::out_of_a_paused_instance_is_refused",
                "migrate::in_of_a_foreign_payload_is_refused", "migrate::in_of_anothers_instance_is_refused",
                "migrate::in_without_room_is_refused", "migrate::end_without_a_beginning_is_refused",
                "migrate::a_crash_in_migrate_out_is_resumed", "migrate::a_crash_in_migrate_in_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
                "migrate::a_crash_in_migrate_end_is_resumed", "migrate::interruptions_are_resumed",
            ],
            forgets_operations: ForgetsOperations => [
                "life::create_repeated_makes_one_instance", "life::evacuated_is_created_again",
                "call::resumes_after_a_crash", "crash::in_create_is_resumed",
                "interrupt::of_create_is_resumed", "race::create_by_one_operation_makes_one",
            ],
            forgets_operations_on_restart: ForgetsOperationsOnRestart => [
                "call::resumes_after_a_crash", "crash::in_create_is_resumed",
                "race::create_by_one_operation_makes_one",
            ],
            takes_all_operations_for_one: TakesAllOperationsForOne => [
                "life::create_of_another_operation_is_refused", "life::refusals_leak_nothing",
                "call::resumes_after_a_crash", "race::create_by_two_operations_makes_one",
            ],
            overcommits_vcpus: OvercommitsVcpus => ["life::create_beyond_capacity_is_refused"],
            overcommits_disk: OvercommitsDisk => [
                "life::create_beyond_capacity_is_refused", "life::refusals_leak_nothing",
                "race::creates_share_no_room", "migrate::in_without_room_is_refused",
            ],
            cuts_images: CutsImages => ["life::create_of_an_image_larger_than_the_disk_is_refused"],
            ignores_images: IgnoresImages => [
                "snapshot::has_what_the_image_had", "migrate::takes_the_disk_along",
            ],
            refuses_evacuation: RefusesEvacuation => ["life::evacuated_is_created_again"],
            ignores_case: IgnoresCase => ["life::names_are_not_mixed_up"],
            destroys_once: DestroysOnce => [
                "driver::offers_what_works", "life::destroy_is_idempotent",
                "call::leases_of_two_nodes_are_apart", "call::no_call_holds_its_thread",
                "crash::in_destroy_is_resumed", "interrupt::of_create_is_undone_by_destroy",
                "interrupt::of_destroy_is_resumed", "race::creates_share_no_room",
                "race::create_against_destroy_leaves_all_or_nothing",
            ],
            destroys_the_whole_node: DestroysTheWholeNode => [
                "life::destroy_removes_the_instance", "life::names_are_not_mixed_up",
                "migrate::nothing_leaks",
            ],
            keeps_the_paused: KeepsThePaused => ["power::pause_and_unpause"],
            remembers_the_dead: RemembersTheDead => [
                "life::destroyed_can_be_created_again", "crash::in_create_is_undone_by_destroy",
                "interrupt::of_create_is_resumed",
            ],
            reports_the_unknown: ReportsTheUnknown => [
                "life::destroy_removes_the_instance", "life::info_of_an_unknown_instance_is_refused",
                "crash::in_destroy_is_resumed", "race::create_against_destroy_leaves_all_or_nothing",
            ],
            // Leaks.
            leaks: Leaks => [
                "life::two_instances_at_once", "life::nothing_leaks", "crash::in_create_is_resumed",
                "crash::in_create_is_undone_by_destroy", "crash::in_destroy_is_resumed",
                "interrupt::of_create_is_resumed", "interrupt::of_create_is_undone_by_destroy",
                "interrupt::of_destroy_is_resumed", "race::create_by_one_operation_makes_one",
                "race::create_by_two_operations_makes_one", "race::creates_share_no_room",
                "race::create_against_destroy_leaves_all_or_nothing",
                "race::destroy_wins_over_power_changes", "volumes::outlive_their_instance",
                "migrate::can_be_reverted", "migrate::a_crash_in_migrate_in_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy", "migrate::interruptions_are_resumed",
                "migrate::nothing_leaks",
            ],
            leaks_when_refusing: LeaksWhenRefusing => [
                "life::create_beyond_capacity_is_refused", "life::refusals_leak_nothing",
                "race::creates_share_no_room",
            ],
            leaks_when_interrupted: LeaksWhenInterrupted => [
                "interrupt::of_create_is_resumed", "interrupt::of_create_is_undone_by_destroy",
                "migrate::interruptions_are_resumed",
            ],
            leaks_when_racing: LeaksWhenRacing => ["race::create_against_destroy_leaves_all_or_nothing"],
            keeps_volumes_of_the_destroyed: KeepsVolumesOfTheDestroyed => ["volumes::outlive_their_instance"],
            deletes_volumes_of_the_destroyed: DeletesVolumesOfTheDestroyed => [
                "volumes::outlive_their_instance",
            ],
            // Power.
            says_running_when_off: SaysRunningWhenOff => [
                "life::names_are_not_mixed_up",
                "power::off_and_on", "power::is_idempotent", "power::reboot_when_off_is_refused",
                "power::pause_respects_off",
                "call::stale_epoch_is_refused", "call::fence_holds_between_drivers",
                "call::leases_of_two_nodes_are_apart", "call::cancelled_changes_nothing",
                "call::late_changes_nothing", "crash::in_a_power_change_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "event::are_reported", "event::begin_with_nothing",
                "event::of_others_are_told", "volumes::attach_and_detach",
                "snapshot::makes_an_image_of_the_disk", "migrate::moves_an_instance",
                "migrate::can_be_reverted", "migrate::calls_are_guarded",
                "migrate::a_crash_in_migrate_out_is_resumed", "migrate::interruptions_are_resumed",
            ],
            starts_once: StartsOnce => [
                "power::is_idempotent", "crash::in_a_power_change_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "race::power_changes_end_in_one_state",
            ],
            stops_once: StopsOnce => [
                "power::is_idempotent", "crash::in_a_power_change_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "volumes::attach_and_detach",
            ],
            starts_the_paused: StartsThePaused => ["power::pause_and_unpause"],
            reboots_in_name_only: RebootsInNameOnly => ["console::shows_that_a_reboot_starts_the_guest"],
            reboots_into_off: RebootsIntoOff => [
                "power::reboot_leaves_it_running", "call::no_call_holds_its_thread",
                "crash::in_a_power_change_is_resumed", "interrupt::of_a_power_change_is_resumed",
                "event::of_a_reboot_end_in_running", "console::shows_that_a_reboot_starts_the_guest",
            ],
            reboots_when_off: RebootsWhenOff => ["power::reboot_when_off_is_refused"],
            reboots_the_paused: RebootsThePaused => ["power::pause_and_unpause"],
            switches_the_unknown: SwitchesTheUnknown => [
                "power::of_an_unknown_instance_is_refused", "power::pause_and_unpause",
                "call::leases_of_two_nodes_are_apart",
            ],
            pauses_once: PausesOnce => ["power::pause_and_unpause", "power::pause_is_resumed"],
            pauses_into_off: PausesIntoOff => [
                "driver::offers_what_works", "power::pause_and_unpause", "power::pause_is_guarded",
                "power::pause_is_resumed", "call::no_call_holds_its_thread", "event::of_pause_are_reported",
                "diagnostics::of_a_paused_instance_are_reported",
                "volumes::of_a_paused_instance_are_refused", "snapshot::makes_an_image_of_the_disk",
                "migrate::out_of_a_paused_instance_is_refused",
            ],
            pauses_the_off: PausesTheOff => ["power::pause_respects_off"],
            // Epochs.
            ignores_epochs: IgnoresEpochs => [
                "power::pause_is_guarded", "call::stale_epoch_is_refused",
                "call::fence_holds_between_drivers", "call::fence_outlives_the_drivers",
                "volumes::are_guarded", "snapshot::is_guarded", "migrate::calls_are_guarded",
            ],
            ignores_epochs_when_pausing: IgnoresEpochsWhenPausing => ["power::pause_is_guarded"],
            ignores_epochs_of_volumes: IgnoresEpochsOfVolumes => ["volumes::are_guarded"],
            ignores_epochs_of_snapshots: IgnoresEpochsOfSnapshots => ["snapshot::is_guarded"],
            ignores_epochs_of_migrations: IgnoresEpochsOfMigrations => ["migrate::calls_are_guarded"],
            fences_alone: FencesAlone => [
                "power::pause_is_guarded", "call::fence_holds_between_drivers",
                "call::fence_outlives_the_drivers", "call::leases_of_two_nodes_are_apart",
                "volumes::are_guarded", "snapshot::is_guarded", "migrate::calls_are_guarded",
            ],
            fences_all_nodes_alike: FencesAllNodesAlike => ["call::leases_of_two_nodes_are_apart"],
            looks_for_ids_alone: LooksForIdsAlone => ["call::leases_of_two_nodes_are_apart"],
            takes_epochs_along: TakesEpochsAlong => ["call::fence_outlives_the_drivers"],
            // Interruptions, crashes, and two at once.
            ignores_interruption: IgnoresInterruption => [
                "life::refusals_leak_nothing", "power::pause_is_guarded", "call::cancelled_changes_nothing",
                "call::late_changes_nothing", "volumes::are_guarded", "snapshot::is_guarded",
                "migrate::calls_are_guarded",
            ],
            hangs_when_cancelled: HangsWhenCancelled => [
                "power::pause_is_resumed", "interrupt::of_create_is_resumed",
                "interrupt::of_create_is_undone_by_destroy", "interrupt::of_destroy_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "volumes::crashes_and_interruptions_are_resumed",
                "snapshot::crashes_and_interruptions_are_resumed", "migrate::interruptions_are_resumed",
            ],
            hangs_when_late: HangsWhenLate => [
                "power::pause_is_resumed", "interrupt::of_create_is_resumed",
                "interrupt::of_create_is_undone_by_destroy", "interrupt::of_destroy_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "volumes::crashes_and_interruptions_are_resumed",
                "snapshot::crashes_and_interruptions_are_resumed", "migrate::interruptions_are_resumed",
            ],
            takes_interruptions_for_failures: TakesInterruptionsForFailures => [
                "power::pause_is_resumed", "interrupt::of_create_is_resumed",
                "interrupt::of_create_is_undone_by_destroy", "interrupt::of_destroy_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "volumes::crashes_and_interruptions_are_resumed",
                "snapshot::crashes_and_interruptions_are_resumed", "migrate::interruptions_are_resumed",
            ],
            takes_half_for_whole: TakesHalfForWhole => ["crash::in_create_is_resumed"],
            takes_half_for_gone: TakesHalfForGone => [
                "crash::in_create_is_undone_by_destroy", "crash::in_destroy_is_resumed",
                "interrupt::of_destroy_is_resumed", "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
            ],
            reserves_twice: ReservesTwice => [
                "crash::in_create_is_resumed", "race::create_by_one_operation_makes_one",
            ],
            stuck_after_crash: StuckAfterCrash => [
                "power::pause_is_resumed", "crash::in_a_power_change_is_resumed",
                "race::power_changes_end_in_one_state",
            ],
            reserves_late: ReservesLate => [
                "race::create_by_two_operations_makes_one", "race::creates_share_no_room",
                "snapshot::has_what_the_image_had", "migrate::takes_the_disk_along",
            ],
            lists_late: ListsLate => [
                "race::power_changes_end_in_one_state", "migrate::moves_an_instance",
                "migrate::calls_are_guarded", "migrate::a_crash_in_migrate_out_is_resumed",
                "migrate::interruptions_are_resumed",
            ],
            revives_the_destroyed: RevivesTheDestroyed => ["race::destroy_wins_over_power_changes"],
            // The thread and the process.
            panics_on_reboot: PanicsOnReboot => [
                "power::reboot_leaves_it_running", "power::reboot_when_off_is_refused",
                "power::of_an_unknown_instance_is_refused", "power::pause_and_unpause",
                "call::stale_epoch_is_refused", "call::fence_holds_between_drivers",
                "call::cancelled_changes_nothing", "call::late_changes_nothing",
                "call::no_call_holds_its_thread", "crash::in_a_power_change_is_resumed",
                "interrupt::of_a_power_change_is_resumed", "race::power_changes_end_in_one_state",
                "event::of_a_reboot_end_in_running", "console::shows_that_a_reboot_starts_the_guest",
                "volumes::stay_attached",
            ],
            blocks_in_reboot: BlocksInReboot => ["call::no_call_holds_its_thread"],
            blocks_in_diagnostics: BlocksInDiagnostics => ["call::no_call_holds_its_thread"],
            blocks_in_events: BlocksInEvents => ["call::no_call_holds_its_thread"],
            // Events.
            tells_twice: TellsTwice => [
                "event::are_reported", "event::begin_with_nothing", "event::of_others_are_told",
                "event::of_pause_are_reported",
            ],
            tells_no_power_change: TellsNoPowerChange => [
                "event::are_reported", "event::begin_with_nothing", "event::of_others_are_told",
                "event::of_pause_are_reported",
            ],
            tells_no_pause: TellsNoPause => ["event::of_pause_are_reported"],
            tells_late: TellsLate => [
                "event::are_reported", "event::begin_with_nothing", "event::of_others_are_told",
                "event::of_pause_are_reported",
            ],
            tells_only_its_own: TellsOnlyItsOwn => ["event::of_others_are_told"],
            tells_what_was_before: TellsWhatWasBefore => ["event::begin_with_nothing"],
            tells_reboots_as_departures: TellsRebootsAsDepartures => ["event::of_a_reboot_end_in_running"],
            // Consoles.
            shows_nothing: ShowsNothing => [
                "console::shows_what_the_guest_prints", "console::shows_that_a_reboot_starts_the_guest",
            ],
            shows_beyond_the_limit: ShowsBeyondTheLimit => ["console::shows_what_the_guest_prints"],
            shows_the_first: ShowsTheFirst => ["console::shows_what_the_guest_prints"],
            never_says_cut: NeverSaysCut => ["console::shows_what_the_guest_prints"],
            forgets_what_was_printed: ForgetsWhatWasPrinted => ["console::shows_what_the_guest_prints"],
            shows_the_unknown: ShowsTheUnknown => ["console::of_an_unknown_instance_is_refused"],
            connects_to_nobody: ConnectsToNobody => ["console::endpoint_can_be_reached"],
            connects_to_the_off: ConnectsToTheOff => ["console::endpoint_can_be_reached"],
            // Diagnostics.
            knows_nothing_of_its_guests: KnowsNothingOfItsGuests => [
                "diagnostics::report_what_an_instance_uses",
                "diagnostics::of_a_paused_instance_are_reported",
            ],
            counts_in_milliseconds: CountsInMilliseconds => [
                "diagnostics::report_what_an_instance_uses",
                "diagnostics::of_a_paused_instance_are_reported",
            ],
            counts_backwards: CountsBackwards => ["diagnostics::report_what_an_instance_uses"],
            diagnoses_the_off: DiagnosesTheOff => ["diagnostics::of_what_is_off_are_refused"],
            diagnoses_no_paused: DiagnosesNoPaused => ["diagnostics::of_a_paused_instance_are_reported"],
            hides_volumes: HidesVolumes => ["diagnostics::name_volumes_by_their_id"],
            // Volumes.
            attaches_once: AttachesOnce => [
                "volumes::attach_is_idempotent", "volumes::crashes_and_interruptions_are_resumed",
            ],
            attaches_again: AttachesAgain => [
                "volumes::attach_is_idempotent", "volumes::crashes_and_interruptions_are_resumed",
            ],
            attaches_nothing: AttachesNothing => ["volumes::without_a_source_are_refused"],
            attaches_to_two: AttachesToTwo => [
                "volumes::in_use_are_refused", "volumes::go_to_one_of_two_at_once",
            ],
            attaches_to_the_paused: AttachesToThePaused => ["volumes::of_a_paused_instance_are_refused"],
            attaches_without_looking_again: AttachesWithoutLookingAgain => [
                "volumes::go_to_one_of_two_at_once",
            ],
            attaches_before_the_answer: AttachesBeforeTheAnswer => [
                "volumes::crashes_and_interruptions_are_resumed",
            ],
            detaches_once: DetachesOnce => [
                "volumes::detach_is_idempotent", "volumes::crashes_and_interruptions_are_resumed",
            ],
            detaches_all: DetachesAll => ["volumes::attach_and_detach", "volumes::detach_is_idempotent"],
            sorts_volumes: SortsVolumes => ["volumes::attach_and_detach"],
            guesses_devices: GuessesDevices => ["volumes::have_devices_of_their_own"],
            names_devices_alike: NamesDevicesAlike => ["volumes::have_devices_of_their_own"],
            forgets_volumes_of_the_off: ForgetsVolumesOfTheOff => [
                "volumes::attach_and_detach", "volumes::stay_attached",
            ],
            // Snapshots.
            takes_nothing: TakesNothing => [
                "snapshot::makes_an_image_of_the_disk", "snapshot::has_what_the_image_had",
                "snapshot::is_idempotent", "snapshot::never_overwrites",
                "snapshot::crashes_and_interruptions_are_resumed", "migrate::takes_the_disk_along",
            ],
            writes_half: WritesHalf => [
                "snapshot::makes_an_image_of_the_disk", "snapshot::crashes_and_interruptions_are_resumed",
            ],
            says_another_size: SaysAnotherSize => [
                "snapshot::makes_an_image_of_the_disk", "snapshot::crashes_and_interruptions_are_resumed",
            ],
            copies_nothing: CopiesNothing => [
                "snapshot::has_what_the_image_had", "migrate::takes_the_disk_along",
            ],
            takes_once: TakesOnce => [
                "snapshot::is_idempotent", "snapshot::crashes_and_interruptions_are_resumed",
            ],
            takes_again: TakesAgain => ["snapshot::is_idempotent"],
            overwrites: Overwrites => ["snapshot::never_overwrites"],
            overwrites_what_it_does_not_know: OverwritesWhatItDoesNotKnow => ["snapshot::never_overwrites"],
            takes_into_nowhere: TakesIntoNowhere => ["snapshot::without_a_place_is_refused"],
            turns_off_to_snapshot: TurnsOffToSnapshot => [
                "snapshot::makes_an_image_of_the_disk", "snapshot::crashes_and_interruptions_are_resumed",
            ],
            takes_half_for_an_image: TakesHalfForAnImage => [
                "snapshot::crashes_and_interruptions_are_resumed",
            ],
            // Migrations.
            leaves_running: LeavesRunning => [
                "migrate::moves_an_instance", "migrate::calls_are_guarded",
                "migrate::a_crash_in_migrate_out_is_resumed", "migrate::interruptions_are_resumed",
            ],
            leaves_once: LeavesOnce => [
                "migrate::is_idempotent", "migrate::a_crash_in_migrate_out_is_resumed",
                "migrate::interruptions_are_resumed",
            ],
            forgets_what_it_was: ForgetsWhatItWas => [
                "migrate::is_idempotent", "migrate::a_crash_in_migrate_out_is_resumed",
                "migrate::interruptions_are_resumed",
            ],
            signs_as_another: SignsAsAnother => [
                "driver::offers_what_works", "call::no_call_holds_its_thread", "migrate::moves_an_instance",
                "migrate::takes_the_disk_along", "migrate::can_be_reverted", "migrate::is_idempotent",
                "migrate::in_of_a_foreign_payload_is_refused", "migrate::in_of_anothers_instance_is_refused",
                "migrate::in_without_room_is_refused", "migrate::a_crash_in_migrate_in_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy", "migrate::interruptions_are_resumed",
                "migrate::nothing_leaks",
            ],
            writes_too_much: WritesTooMuch => ["migrate::moves_an_instance"],
            migrates_to_itself: MigratesToItself => ["migrate::out_to_nowhere_is_refused"],
            migrates_the_paused: MigratesThePaused => ["migrate::out_of_a_paused_instance_is_refused"],
            arrives_once: ArrivesOnce => [
                "migrate::is_idempotent", "migrate::a_crash_in_migrate_in_is_resumed",
                "migrate::interruptions_are_resumed",
            ],
            arrives_anywhere: ArrivesAnywhere => ["migrate::in_on_an_unknown_node_is_refused"],
            arrives_without_room: ArrivesWithoutRoom => ["migrate::in_without_room_is_refused"],
            takes_over_what_is_there: TakesOverWhatIsThere => ["migrate::in_of_anothers_instance_is_refused"],
            takes_payloads_of_others: TakesPayloadsOfOthers => [
                "migrate::in_of_a_foreign_payload_is_refused",
            ],
            takes_payloads_of_any_version: TakesPayloadsOfAnyVersion => [
                "migrate::in_of_a_foreign_payload_is_refused",
            ],
            takes_broken_payloads: TakesBrokenPayloads => ["migrate::in_of_a_foreign_payload_is_refused"],
            loses_the_disk: LosesTheDisk => ["migrate::takes_the_disk_along"],
            takes_half_for_arrived: TakesHalfForArrived => ["migrate::a_crash_in_migrate_in_is_resumed"],
            ends_once: EndsOnce => [
                "migrate::is_idempotent", "migrate::a_crash_in_migrate_end_is_resumed",
                "migrate::interruptions_are_resumed",
            ],
            ends_anywhere: EndsAnywhere => ["migrate::end_without_a_beginning_is_refused"],
            ends_what_did_not_begin: EndsWhatDidNotBegin => ["migrate::end_without_a_beginning_is_refused"],
            notes_the_end_first: NotesTheEndFirst => [
                "migrate::a_crash_in_migrate_end_is_resumed", "migrate::interruptions_are_resumed",
            ],
            keeps_what_has_left: KeepsWhatHasLeft => [
                "migrate::moves_an_instance", "migrate::is_idempotent",
                "migrate::a_crash_in_migrate_end_is_resumed", "migrate::interruptions_are_resumed",
                "migrate::nothing_leaks",
            ],
            loses_what_comes_back: LosesWhatComesBack => [
                "migrate::can_be_reverted", "migrate::keeps_volumes_of_what_comes_back",
                "migrate::is_idempotent", "migrate::a_crash_in_migrate_out_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
                "migrate::a_crash_in_migrate_end_is_resumed",
            ],
            comes_back_off: ComesBackOff => [
                "migrate::can_be_reverted", "migrate::is_idempotent",
                "migrate::a_crash_in_migrate_out_is_resumed",
                "migrate::a_crash_in_migrate_in_is_undone_by_destroy",
                "migrate::a_crash_in_migrate_end_is_resumed",
            ],
            forgets_volumes_of_the_migrating: ForgetsVolumesOfTheMigrating => [
                "migrate::keeps_volumes_of_what_comes_back",
            ],
        }
    };
}
pub(crate) use with_all_faults;

macro_rules! faults {
    ($($test:ident: $fault:ident => [$($case:literal),* $(,)?],)+) => {
        /// What is wrong with a driver.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Fault {
            None,
            HangsInEvents,
            $($fault,)+
        }

        /// The cases that fail each faulty animal.
        pub(crate) const CAUGHT: &[&[&str]] = &[$(&[$($case),*],)+];
    };
}
with_all_faults! { faults }
