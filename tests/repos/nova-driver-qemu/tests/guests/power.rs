//! Power: who turns a guest off, and what becomes of one that does not hear.

use std::time::{Duration, Instant};

use nova_api::{Driver as _, PowerState, RebootKind};
use nova_conformance::block_on;
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::Guest;
use crate::world::{World, call};

const GRACE: Duration = Duration::from_secs(30);

#[test]
fn a_guest_that_is_asked_turns_itself_off() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let asked = Instant::now();
    block_on(world.driver.power_off(&call(), &guest, GRACE)).unwrap();
    assert!(asked.elapsed() < GRACE / 2, "{:?}", asked.elapsed());
    assert_eq!(world.power(&guest), PowerState::Off);
    let journal = world.journal("i-1");
    assert!(journal.contains("guest-shutdown") && !journal.contains("host-qmp-quit"), "{journal}");
}

#[test]
fn a_deaf_guest_is_turned_off_when_its_grace_is_over() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Deaf);
    let asked = Instant::now();
    block_on(world.driver.power_off(&call(), &guest, Duration::from_millis(300))).unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    assert_eq!(world.power(&guest), PowerState::Off);
    let journal = world.journal("i-1");
    assert!(journal.contains("POWERDOWN") && journal.contains("host-qmp-quit"), "{journal}");
}

#[test]
fn a_paused_guest_is_not_asked() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    world.pause(&guest);
    let asked = Instant::now();
    block_on(world.driver.power_off(&call(), &guest, GRACE)).unwrap();
    assert!(asked.elapsed() < GRACE / 2, "{:?}", asked.elapsed());
    assert!(!world.journal("i-1").contains("POWERDOWN"));
}

#[test]
fn a_soft_reboot_is_the_guests() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    block_on(world.driver.reboot(&call(), &guest, RebootKind::Soft)).unwrap();
    world.await_console(&guest, "guest: boot 2\r\n");
    let journal = world.journal("i-1");
    assert!(journal.contains("guest-reset") && !journal.contains("host-qmp"), "{journal}");
}

#[test]
fn a_hard_reboot_is_not() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Deaf);
    block_on(world.driver.reboot(&call(), &guest, RebootKind::Hard)).unwrap();
    world.await_console(&guest, "guest: boot 2\r\n");
    assert!(world.journal("i-1").contains("host-qmp-system-reset"));
}

#[test]
fn a_deaf_guest_is_reset_when_patience_is_over() {
    let world = World::with_patience(Duration::from_millis(300));
    let guest = world.boot("i-1", Guest::Deaf);
    block_on(world.driver.reboot(&call(), &guest, RebootKind::Soft)).unwrap();
    world.await_console(&guest, "guest: boot 2\r\n");
    assert!(world.journal("i-1").contains("host-qmp-system-reset"));
}

#[test]
fn a_qemu_that_hangs_is_listed_and_can_be_turned_off() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let pid = std::fs::read_to_string(world.file("i-1", "run/pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    assert_eq!(world.power(&guest), PowerState::Running, "as it said last");
    block_on(world.driver.power_off(&call(), &guest, Duration::ZERO)).unwrap();
    assert_eq!(world.power(&guest), PowerState::Off);
    assert_eq!(world.processes(), 0);
}
