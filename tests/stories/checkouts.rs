//! What stands in the checkouts: branches, uncommitted work, detached heads, repos without history.

use std::fs;

use crossgate_tests::World;

const FEWER: &[(&str, &str)] = &[("api.txt", "start\nstop\n")];

/// All that git says of a checkout, its index to the byte.
fn state_of(world: &World, repo: &str) -> (String, Vec<u8>, String, String, String) {
    let read_only = |args: &[&str]| world.git(repo, [&["--no-optional-locks"], args].concat());
    (
        read_only(&["status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignored"]),
        fs::read(world.path(&format!("{repo}/.git/index"))).unwrap(),
        read_only(&["for-each-ref"]),
        read_only(&["count-objects", "-v"]),
        read_only(&["diff"]),
    )
}

#[test]
fn without_a_name_every_branch_that_is_checked_out_is_checked() {
    let world = World::new();
    let nothing = world.checks([]).exits(0);
    nothing.says("nothing to do").is_silent_about("may land");
    world.git("core", ["checkout", "-q", "-b", "drop-reboot"]);
    world.commits("core", "Drop reboot", FEWER);
    world.git("esx", ["checkout", "-q", "-b", "convert"]);
    world.commits("esx", "Do without reboot", &[("esx/uses.txt", "start\n")]);
    let told = world.checks([]).exits(1);
    told.says("must not land core@drop-reboot").says("may land esx@convert");
    world.crossgate(["-C", "core", "plan"]).exits(0).says("core@drop-reboot").says("esx@convert");
}

#[test]
fn uncommitted_and_untracked_work_is_checked_and_nothing_is_touched() {
    let world = World::new();
    world.gives_job(
        "unit",
        "steps: [{ run: 'grep new untracked.txt; grep staged staged.txt; ! test -e ignored.txt' }]",
    );
    world.commits("core", "Ignore", &[(".gitignore", "ignored.txt\n")]);
    world.writes("core/api.txt", "start\nstop\n");
    world.writes("core/untracked.txt", "new\n");
    world.writes("core/ignored.txt", "noise\n");
    world.writes("core/staged.txt", "staged\n");
    world.git("core", ["add", "staged.txt"]);
    world.git("core", ["rm", "-q", "docs/intro.md"]);
    let before = state_of(&world, "core");
    let told = world.checks(["--dirty"]).exits(1);
    told.says("core@main+dirty").says("4 files").says("esx/conform regressed").says("unit");
    let told = world.checks_for_programs(["core", "--dirty"]).exits(1);
    assert_eq!(told.verdicts()[..2], ["unit passed", "esx/conform regressed"], "{told}");
    assert_eq!(state_of(&world, "core"), before);
    world.checks([]).exits(0).says("nothing to do");
}

#[test]
fn a_detached_head_is_a_change_too() {
    let world = World::new();
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    world.git("core", ["checkout", "-q", "--detach", "drop-reboot"]);
    let short = world.git("core", ["rev-parse", "HEAD"]);
    let told = world.checks([]).exits(1);
    told.says(&format!("must not land core@{}", &short[..7]));
    assert_eq!(world.git("core", ["rev-parse", "--abbrev-ref", "HEAD"]), "HEAD");
}

#[test]
fn commits_and_ranges_can_be_named() {
    let world = World::new();
    world.git("core", ["checkout", "-q", "-b", "two"]);
    world.commits("core", "Drop reboot", FEWER);
    world.commits("core", "Explain", &[("docs/intro.md", "The core, explained\n")]);
    world.git("core", ["checkout", "-q", "main"]);
    let plan = world.crossgate(["plan", "core@two~1..two"]).exits(0);
    plan.says("core@two~1..two Explain (1 file").says("every changed path is to be ignored");
    world.crossgate(["plan", "core@two"]).exits(0).says("2 files");
    let id = world.git("core", ["rev-parse", "two~1"]);
    world.checks([format!("core@{id}").as_str()]).exits(1).says("regressed");
}

#[test]
fn a_repo_without_a_commit_is_told_with_the_setting_to_mend() {
    let world = World::new();
    fs::remove_dir_all(world.path("esx")).unwrap();
    fs::create_dir(world.path("esx")).unwrap();
    world.git("esx", ["init", "-q", "-b", "main"]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    let told = world.checks(["core@drop-reboot"]).exits(2);
    told.says("`esx` has no branch `main`").says("`branch:` of `esx`");
    world.proposes("kvm", "use-reboot", "Use reboot", &[("kvm/uses.txt", "reboot\n")]);
    world.checks(["kvm@use-reboot"]).exits(0).says("may land");
}

#[test]
fn a_shallow_clone_is_enough() {
    let world = World::new();
    world.commits("core", "More history", &[("history.txt", "1\n")]);
    fs::rename(world.path("core"), world.path("deep")).unwrap();
    let url = format!("file://{}", world.path("deep").display());
    world.git(".", ["clone", "-q", "--depth", "1", &url, "core"]);
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    world.checks(["core@drop-reboot"]).exits(1).says("esx/conform regressed");
    world.proposes("core", "grow", "Grow", &[("more.txt", "more\n")]);
    world.checks(["core@grow"]).exits(0).says("may land");
}

#[test]
fn a_linked_worktree_is_a_checkout_as_any_other() {
    let world = World::new();
    world.proposes("core", "drop-reboot", "Drop reboot", FEWER);
    fs::rename(world.path("core"), world.path("elsewhere")).unwrap();
    world.git("elsewhere", ["worktree", "add", "-q", "../core", "drop-reboot"]);
    world.checks([]).exits(1).says("must not land core@drop-reboot").says("esx/conform regressed");
}

#[test]
fn a_merge_that_is_not_resolved_is_nobodys_proposal() {
    let world = World::new();
    world.proposes("core", "one", "One", &[("api.txt", "start\nstop\nreboot\none\n")]);
    world.commits("core", "Two", &[("api.txt", "start\nstop\nreboot\ntwo\n")]);
    let mut merge = world.command("git", &world.path("core"));
    assert!(!merge.args(["merge", "--quiet", "one"]).output().unwrap().status.success(), "the two conflict");
    world.checks(["core", "--dirty"]).exits(2).says("has a merge that is not resolved");
}

#[test]
fn a_teams_broken_file_holds_nobody_up_and_its_last_valid_version_counts() {
    let world = World::new();
    world.replaces("crossgate.yaml", "  esx: { repo: esx, kind: cluster, own_changes: [conform], common_changes: { mode: gating, jobs: [conform] } }\n", "");
    let own = "version: 1\ndrivers:\n  esx: { own_changes: [conform], common_changes: { mode: gating, jobs: [conform] } }\n";
    world.commits("esx", "Opt in", &[(".crossgate.yaml", own)]);
    world.commits("esx", "Break it", &[(".crossgate.yaml", &own.replace("mode", "mood"))]);
    world.proposes("core", "more", "More", &[("api.txt", "start\nstop\nreboot\nsuspend\n")]);
    let told = world.checks(["core@more"]).exits(0);
    told.says("unknown key `mood`")
        .says("the last valid version of the file counts")
        .says("esx     conform  gating    passed");
    world.crossgate(["config", "check"]).exits(2).says("unknown key `mood`");
}
