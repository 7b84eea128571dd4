//! Changes that need each other, and changes that do not go together.

use crossgate_tests::World;

/// A core that drops what esx uses, and a change of esx that no longer uses it.
fn world() -> World {
    let world = World::new();
    world.proposes("esx", "convert", "Do without reboot", &[("esx/uses.txt", "start\n")]);
    world
}

fn drops_reboot(world: &World, more: &str) {
    let message = format!("Drop reboot\n\n{more}");
    world.proposes("core", "drop-reboot", &message, &[("api.txt", "start\nstop\n")]);
}

#[test]
fn a_common_change_passes_together_with_the_driver_change_it_depends_on() {
    let world = world();
    drops_reboot(&world, "Depends-On: esx@convert\n");
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert_eq!(told.verdicts()[1], "esx/conform passed");
    assert_eq!(told.json()["items"][0]["with"], serde_json::json!(["esx@convert"]));
    world.checks(["core@drop-reboot"]).exits(0).says("with esx@convert");
    let both = world.checks_for_programs(["core@drop-reboot", "esx@convert"]).exits(0);
    assert_eq!(both.verdicts().len(), 5, "four of the core's change and one of the driver's: {both}");
}

#[test]
fn without_its_dependency_the_same_change_must_not_land() {
    let world = world();
    drops_reboot(&world, "");
    world.checks(["core@drop-reboot"]).exits(1).says("esx/conform regressed");
    world.git("esx", ["merge", "-q", "--ff-only", "convert"]);
    world.checks(["core@drop-reboot"]).exits(0).says("may land");
}

#[test]
fn a_dependency_that_has_landed_is_in_the_tip_and_no_longer_told() {
    let world = world();
    drops_reboot(&world, "Depends-On: esx@convert\n");
    world.git("esx", ["merge", "-q", "--ff-only", "convert"]);
    world.checks(["core@drop-reboot"]).exits(0).is_silent_about("with esx@convert");
}

#[test]
fn dependencies_of_dependencies_are_in_the_tree_too() {
    let world = world();
    let needs = "Use suspend\n\nDepends-On: core@add-suspend\n";
    world.proposes("core", "add-suspend", "Add suspend", &[("more.txt", "suspend\n")]);
    world.proposes("esx", "use-suspend", needs, &[("esx/uses.txt", "start\n")]);
    drops_reboot(&world, "Depends-On: esx@use-suspend");
    let told = world.checks_for_programs(["core@drop-reboot"]).exits(0);
    assert_eq!(told.json()["items"][0]["with"], serde_json::json!(["core@add-suspend", "esx@use-suspend"]));
}

#[test]
fn a_dependency_that_is_none_is_an_error_with_a_way_out() {
    for (line, says, hint) in [
        ("Depends-On: convert", "`Depends-On: convert` is not a dependency", "write one dependency a line"),
        ("Depends on: esx@convert", "is not a dependency", "write one dependency a line"),
        ("Depends-On: esxi@convert", "names the repo `esxi`", "did you mean `esx`?"),
        ("Depends-On: esx#12", "no forge to look it up", "write `Depends-On: REPO@BRANCH`"),
        ("Depends-On: esx@conver", "depends on esx@conver, which is not there", "did you mean `convert`?"),
        ("> Depends-On: esx@convert", "is not a dependency", "write one dependency a line"),
        ("DependsUpon: esx@convert", "is not a dependency", "write one dependency a line"),
    ] {
        let world = world();
        drops_reboot(&world, line);
        world.checks(["core@drop-reboot"]).exits(2).says(says).says(hint);
    }
}

#[test]
fn changes_that_depend_on_each_other_are_shown_as_the_circle_they_are() {
    let world = World::new();
    world.proposes(
        "esx",
        "convert",
        "Convert\n\nDepends-On: core@drop-reboot\n",
        &[("esx/uses.txt", "start\n")],
    );
    drops_reboot(&world, "Depends-On: esx@convert");
    let told = world.checks(["core@drop-reboot"]).exits(2);
    told.says("core@drop-reboot → esx@convert → core@drop-reboot").says("`Depends-On:`");
}

#[test]
fn a_change_that_does_not_merge_names_the_file_and_both_sides() {
    let world = World::new();
    world.proposes("core", "rename", "Rename reboot", &[("api.txt", "start\nstop\nrestart\n")]);
    let text = "Shout\n\nDepends-On: core@rename\n";
    world.proposes("core", "shout", text, &[("api.txt", "start\nstop\nREBOOT\n")]);
    let told = world.checks(["core@shout"]).exits(1);
    told.says("core@shout does not merge with core@rename").says("api.txt (both change the same lines)");
    world.commits("core", "Whisper", &[("api.txt", "start\nstop\n(reboot)\n")]);
    let told = world.checks_for_programs(["core@rename"]).exits(1);
    let json = told.json();
    let result = &json["items"][0]["result"];
    assert_eq!(result["conclusion"], "conflict", "{told}");
    assert_eq!(told.builds(), [""; 0]);
    world
        .checks(["core@rename"])
        .exits(1)
        .says("core@rename does not merge with main of core")
        .says("api.txt");
}

#[test]
fn dependencies_that_do_not_go_together_are_named_and_nothing_is_built() {
    let world = world();
    let text = "Use stop only\n\nDepends-On: esx@convert\n";
    world.proposes("esx", "stop-only", text, &[("esx/uses.txt", "stop\n")]);
    drops_reboot(&world, "Depends-On: esx@stop-only");
    let told =
        world.checks(["core@drop-reboot"]).exits(1).says("esx@stop-only does not merge with esx@convert");
    told.says("esx/uses.txt (both change the same lines)").is_silent_about("candidate");
}

#[test]
fn a_plan_names_what_the_change_depends_on_and_refuses_what_is_not_there() {
    let world = world();
    drops_reboot(&world, "Depends-On: esx@convert\n");
    world.crossgate(["plan", "core@drop-reboot"]).exits(0).says("with esx@convert");
    let told = world.crossgate(["plan", "core@drop-reboot", "--format", "json"]).exits(0);
    assert_eq!(told.json()["plans"][0]["with"], serde_json::json!(["esx@convert"]));
    world.proposes("core", "wrong", "Wrong\n\nDepends-On: esx@konvert", &[("more.txt", "more\n")]);
    world.crossgate(["plan", "core@wrong"]).exits(2).says("did you mean `convert`?");
}

#[test]
fn a_dependency_that_was_only_fetched_will_do() {
    let world = world();
    world.git("esx", ["update-ref", "refs/remotes/origin/convert", "convert"]);
    world.git("esx", ["update-ref", "refs/remotes/origin/main", "main"]);
    world.git("esx", ["branch", "--quiet", "-D", "convert"]);
    drops_reboot(&world, "Depends-On: esx@convert\n");
    world.checks(["core@drop-reboot"]).exits(0).says("with esx@convert");
}
