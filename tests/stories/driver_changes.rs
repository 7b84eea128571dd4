//! A change of a driver's repo: its own jobs, and nobody else's.

use crossgate_tests::World;

#[test]
fn a_change_of_one_driver_runs_its_own_jobs_only() {
    let world = World::new();
    world.proposes("esx", "use-stop", "Use stop", &[("esx/uses.txt", "start\nreboot\nstop\n")]);
    let told = world.checks_for_programs(["esx@use-stop"]).exits(0);
    assert_eq!(told.verdicts(), ["esx/conform passed"]);
    let plan = world.crossgate(["plan", "esx@use-stop"]).exits(0);
    plan.says("kvm is not built with esx").says("lab is not built with esx");
}

#[test]
fn a_driver_change_that_breaks_itself_must_not_land() {
    let world = World::new();
    world.proposes("esx", "use-migrate", "Use migrate", &[("esx/uses.txt", "migrate\n")]);
    world.checks(["esx@use-migrate"]).exits(1).says("esx/conform regressed 2 of 2");
}

#[test]
fn in_a_set_only_the_drivers_whose_paths_are_touched_run() {
    let world = World::new();
    world.proposes("lab", "xen-stop", "Let xen use stop", &[("xen/uses.txt", "start\nstop\n")]);
    let told = world.checks_for_programs(["lab@xen-stop"]).exits(0);
    assert_eq!(told.verdicts(), ["xen/conform passed"]);
    world.crossgate(["plan", "lab@xen-stop"]).exits(0).says("no changed path is the driver's (`docker/**`)");
    world.proposes("lab", "shared", "Say more", &[("readme.txt", "Drivers of the lab\n")]);
    let told = world.checks_for_programs(["lab@shared"]).exits(0);
    assert_eq!(told.verdicts(), ["docker/conform passed", "xen/conform passed"]);
}

#[test]
fn a_change_is_judged_with_the_configuration_that_it_brings() {
    let world = World::new();
    let own = "version: 1
jobs: { lint: { steps: [{ run: test -s xen/uses.txt }] } }
drivers: { xen: { own_changes: [lint], common_changes: { mode: gating } } }
";
    world.proposes("lab", "gate", "Gate on common changes", &[(".crossgate.yaml", own)]);
    let told = world.checks_for_programs(["lab@gate"]).exits(0);
    assert_eq!(told.verdicts(), ["docker/conform passed", "xen/lint passed"]);
    let plan = || world.crossgate(["plan", "core", "--files", "api.txt"]).exits(0);
    plan().says("mode advisory [crossgate.yaml:17]");
    world.git("lab", ["merge", "-q", "--ff-only", "gate"]);
    plan().says("mode gating [lab/.crossgate.yaml:3]");
}

#[test]
fn a_change_that_brings_a_mistake_in_its_configuration_is_refused() {
    let world = World::new();
    let own = "version: 1\ndrivers: { xen: { common_changes: { mode: gatin } } }\n";
    world.proposes("lab", "gate", "Gate on common changes", &[(".crossgate.yaml", own)]);
    let told = world.checks(["lab@gate"]).exits(2);
    told.says("lab/.crossgate.yaml:2").says("did you mean `gating`?");
}

#[test]
fn jobs_of_the_catalogue_are_there_for_every_driver() {
    let world = World::new();
    world.writes("jobs/lint.yaml", "version: 1\njobs: { lint: { steps: [{ run: test -s conform.sh }] } }\n");
    let text =
        world.reads("crossgate.yaml").replace("own_changes: [conform]", "own_changes: [conform, lint]");
    world.writes("crossgate.yaml", &text);
    world.proposes("esx", "use-stop", "Use stop", &[("esx/uses.txt", "stop\n")]);
    let told = world.checks_for_programs(["esx@use-stop"]).exits(0);
    assert_eq!(told.verdicts(), ["esx/conform passed", "esx/lint passed"]);
}
