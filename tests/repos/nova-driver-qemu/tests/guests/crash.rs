//! Drivers that die or freeze: guests live on, nothing is left half made, nobody acts late.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nova_api::{
    Call, CreateRequest, DestroyRequest, DiskSource, Driver as _, Epoch, Interrupted, OpId,
    PowerOffError, PowerState,
};
use nova_conformance::block_on;
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::{Guest, image, request};
use crate::world::{World, await_that, call, call_of};

/// Starts a driver in a process of its own; it is killed in the end.
struct Other(Child);

impl Other {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nova-driver-qemu"));
        command.env("NOVA_QEMU_STATE", world.lab.path().join("state")).args(arguments);
        command.stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Most are gone by now.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn path_of(guest: Guest) -> String {
    match image(guest) {
        DiskSource::File { path } => path,
        other => panic!("{other:?}"),
    }
}

/// The request that `nova-driver-qemu create i-1 IMAGE` makes, and its operation.
fn same_as_other(world: &World) -> (Call, CreateRequest) {
    (call_of("create-i-1", 1), request(world.instance("i-1"), Guest::Hearing))
}

#[test]
fn a_guest_outlives_the_driver_that_made_it() {
    let world = World::new();
    let other = Other::start(&world, &["create", "i-1", &path_of(Guest::Hearing)]);
    let guest = world.instance("i-1");
    await_that(|| block_on(world.driver.instance_info(&guest)).is_ok()).unwrap();
    other.kill();
    world.await_console(&guest, "guest: tick 2\r\n");
    assert_eq!(world.power(&guest), PowerState::Running);
    world.destroy(&guest);
    assert_eq!(world.processes(), 0);
}

#[test]
fn a_driver_killed_in_mid_create_leaves_a_guest_or_nothing() {
    let world = World::new();
    let mut resumed = 0;
    for delay_ms in (0..260).step_by(20) {
        let other = Other::start(&world, &["create", "i-1", &path_of(Guest::Hearing)]);
        // The moment is the point of the test: each round takes a later one.
        thread::sleep(Duration::from_millis(delay_ms));
        other.kill();
        let guest = world.instance("i-1");
        resumed += usize::from(block_on(world.driver.instance_info(&guest)).is_ok());
        let (call, request) = same_as_other(&world);
        let created = block_on(world.driver.create(&call, request)).unwrap();
        assert_eq!(world.power(&created.instance), PowerState::Running, "after {delay_ms} ms");
        assert_eq!(world.processes(), 1, "after {delay_ms} ms");
        world.destroy(&guest);
        assert_eq!(world.processes(), 0, "after {delay_ms} ms");
    }
    assert!(resumed < 13, "no driver was killed early enough");
}

#[test]
fn what_nobody_makes_any_more_is_reaped() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    // As it is when a driver dies just before the end of a create.
    let path = world.file("i-1", "spec.json");
    let spec = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, spec.replace("\"whole\": true", "\"whole\": false")).unwrap();
    assert_eq!(block_on(world.driver.list_instances(None)).unwrap(), []);
    block_on(world.driver.destroy(&call(), DestroyRequest::new(world.instance("i-2")))).unwrap();
    assert_eq!(world.processes(), 1, "it is in nobody's way");
    let second = World::create(&world, "i-3", Guest::Hearing);
    assert_eq!(world.processes(), 1, "the room it took is needed");
    assert!(!world.file("i-1", "spec.json").exists());
    world.destroy(&second);
    world.destroy(&guest);
}

#[test]
fn a_frozen_driver_keeps_its_successor_waiting_and_never_acts_late() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Deaf);
    let frozen = Other::start(&world, &["off", "i-1", "50"]);
    await_that(|| world.journal("i-1").contains("POWERDOWN")).unwrap();
    frozen.signal(Signal::STOP);
    let successor = |time| Call::new(OpId::parse("op-2").unwrap(), Epoch::new(2), time);
    let short = successor(Duration::from_millis(300));
    let waits = block_on(world.driver.power_off(&short, &guest, Duration::ZERO)).unwrap_err();
    let expected = PowerOffError::Interrupted(Interrupted::DeadlinePassed);
    assert_eq!(waits.to_string(), expected.to_string());
    assert_eq!(world.power(&guest), PowerState::Running);
    frozen.kill();
    let long = successor(Duration::from_mins(1));
    block_on(world.driver.power_off(&long, &guest, Duration::ZERO)).unwrap();
    assert_eq!(world.power(&guest), PowerState::Off);
    let stale = block_on(world.driver.power_on(&call_of("op-1", 1), &guest)).unwrap_err();
    assert!(stale.to_string().contains("epoch 1 is stale"), "{stale}");
}
