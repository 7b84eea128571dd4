//! Machines that fail: disks that are full, and jobs without measure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crossgate_tests::{Marker, World, eventually};

/// A small disk, mounted somewhere until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m,mode=755", "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Left mounted, it goes with the machine; the directory above it is then not removed either.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Takes all the space that is left below the workspace's state directory, as a file.
fn fills_the_disk(world: &World) -> PathBuf {
    let big = world.path(".crossgate/big");
    let mut file = fs::File::create(&big).unwrap();
    let full = std::io::copy(&mut std::io::repeat(0), &mut file).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    big
}

#[test]
fn a_full_disk_is_told_as_such_and_is_nobodys_regression() {
    let world = World::new();
    let Some(_disk) = SmallDisk::at(&world.path(".crossgate")) else {
        println!("skipped: only root may mount a small disk, and not in every container");
        return;
    };
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let big = fills_the_disk(&world);
    world.checks(["core@more"]).exits(3).says("no space left on the disk that holds `[nova]/.crossgate");
    fs::remove_file(big).unwrap();
    world.checks(["core@more"]).exits(0).says("may land");
    world.gives_job("unit", r#"attempts: 1, steps: [{ run: 'head -c 20000000 /dev/zero > "$TMPDIR/big"' }]"#);
    let told = world.checks(["core@more", "--job", "unit"]).exits(1);
    told.says("unit infra the disk: it is full").is_silent_about("regressed");
    let big = fills_the_disk(&world);
    let told = world.checks_for_programs(["core@more", "--driver", "esx", "--no-reuse"]).exits(1);
    assert_eq!(told.verdicts(), ["esx/conform infra"]);
    told.says("space left on");
    fs::remove_file(big).unwrap();
    world.checks(["core@more", "--driver", "esx", "--no-reuse"]).exits(0).says("nothing against it");
}

#[test]
fn a_job_that_prints_a_gigabyte_has_a_log_with_a_bound() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world.gives_job(
        "unit",
        "steps: [{ run: 'echo the head; yes all work and no play | head -c 1000000000; echo the tail' }]",
    );
    let begun = Instant::now();
    let told = world.checks_for_programs(["core@more", "--job", "unit"]).exits(0);
    assert!(begun.elapsed() < Duration::from_mins(1), "it took {:?}", begun.elapsed());
    let json = told.json();
    let id = json["items"][0]["verdicts"][0]["builds"][0]["id"].as_str().unwrap();
    let log = world.crossgate(["log", id]).exits(0);
    assert!(log.out().len() < 5 << 20, "{} bytes", log.out().len());
    log.says("the head\n").says("bytes are left out here").says("the tail\n");
}

#[test]
fn a_state_directory_from_which_something_was_removed_is_made_anew() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world.checks(["core@more"]).exits(0);
    fs::remove_file(world.path(".crossgate/mirrors/core.git/HEAD")).unwrap();
    fs::remove_dir_all(world.path(".crossgate/work")).unwrap();
    world.checks(["core@more", "--no-reuse"]).exits(0).says("may land");
    fs::remove_dir_all(world.path(".crossgate")).unwrap();
    let told = world.checks_for_programs(["core@more"]).exits(0);
    assert_eq!(told.builds().len(), 4);
}

#[test]
fn damaged_records_are_left_out_and_their_builds_done_again() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world.checks(["core@more"]).exits(0);
    for build in fs::read_dir(world.path(".crossgate/builds")).unwrap().flatten() {
        let record = build.path().join("build.json");
        if record.exists() {
            fs::write(record, "{ \"request\": {").unwrap();
        }
    }
    let told = world.checks_for_programs(["core@more"]).exits(0).says("damaged");
    assert_eq!(told.builds().len(), 4);
}

#[test]
fn a_repo_that_lost_objects_is_no_verdict_on_anybody() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let blob = world.git("esx", ["rev-parse", "main:esx/uses.txt"]);
    fs::remove_file(world.path(&format!("esx/.git/objects/{}/{}", &blob[..2], &blob[2..]))).unwrap();
    let told = world.checks_for_programs(["core@more"]).exits(1);
    assert_eq!(told.verdicts()[1], "esx/conform infra", "{told}");
    assert_eq!(told.verdicts().iter().filter(|verdict| verdict.ends_with(" passed")).count(), 3);
}

#[test]
fn a_repo_that_vanishes_in_mid_check_is_a_fault_of_the_machine() {
    let world = World::new();
    let marker = Marker::new();
    // It goes on by itself once its sleep is ended from here.
    world.gives_job("unit", &format!("steps: [{{ run: '{} || true' }}]", marker.sleeps()));
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    let check = world.starts_check(["core@more", "-j", "1"]);
    eventually("the first build runs", Duration::from_secs(30), || marker.count() == 1);
    fs::rename(world.path("kvm"), world.path("elsewhere")).unwrap();
    marker.end();
    let told = check.ends().exits(1).says("3 passed, 1 of 4 unknown").is_silent_about("regressed");
    told.says("kvm/conform infra the checkouts: the source of `kvm` is gone");
    fs::rename(world.path("elsewhere"), world.path("kvm")).unwrap();
    world.gives_job("unit", "steps: [{ run: 'true' }]");
    let told = world.checks_for_programs(["core@more"]).exits(0);
    assert_eq!(told.builds(), ["unit candidate pass", "kvm/conform candidate pass"]);
}

#[test]
fn history_that_is_rewritten_and_forgotten_is_no_trouble() {
    let world = World::new();
    world.proposes("core", "more", "More", &[("more.txt", "more\n")]);
    world.checks(["core@more"]).exits(0);
    world.git("core", ["checkout", "-q", "--orphan", "anew"]);
    world.commits("core", "Begin anew", &[]);
    world.git("core", ["branch", "-q", "-M", "anew", "main"]);
    world.git("core", ["branch", "-q", "-D", "more"]);
    world.git("core", ["reflog", "expire", "--expire=now", "--all"]);
    world.git("core", ["gc", "-q", "--prune=now"]);
    world.proposes("core", "again", "More again", &[("more.txt", "more\n")]);
    let told = world.checks(["core@again"]).exits(0).says("may land");
    told.says("reused");
}
