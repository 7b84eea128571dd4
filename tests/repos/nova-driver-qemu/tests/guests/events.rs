//! Events: what happens without the driver is told as QEMU announced it.

use nova_api::{Driver as _, EventSource, Happening, InstanceRef, PowerState};
use nova_conformance::block_on;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::lab::Guest;
use crate::world::{World, await_that};

fn plain(command: &str) -> Value {
    json!({ "execute": command })
}

fn told(events: &mut impl EventSource, instance: &InstanceRef) -> Vec<Happening> {
    let batch = block_on(events.next_batch()).unwrap();
    let of_instance = batch.into_iter().filter(|event| event.instance == *instance);
    of_instance.map(|event| event.happening).collect()
}

#[test]
fn states_that_came_and_went_are_told_in_order() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let mut events = world.driver.events();
    assert_eq!(told(&mut events, &guest), []);
    world.by_hand("i-1", &["stop", "cont", "stop"].map(plain));
    let expected = [PowerState::Paused, PowerState::Running, PowerState::Paused];
    assert_eq!(told(&mut events, &guest), expected.map(Happening::Power));
    assert_eq!(told(&mut events, &guest), []);
}

#[test]
fn a_guest_that_turns_itself_off_is_told() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let mut events = world.driver.events();
    assert_eq!(told(&mut events, &guest), []);
    world.by_hand("i-1", &[plain("system_powerdown")]);
    let mut all = Vec::new();
    await_that(|| {
        all.extend(told(&mut events, &guest));
        !all.is_empty()
    })
    .unwrap();
    assert_eq!(all, [Happening::Power(PowerState::Off)]);
}

#[test]
fn a_qemu_that_is_killed_is_told() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let mut events = world.driver.events();
    assert_eq!(told(&mut events, &guest), []);
    let pid = std::fs::read_to_string(world.file("i-1", "run/pid")).unwrap();
    kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    await_that(|| world.power(&guest) == PowerState::Off).unwrap();
    assert_eq!(told(&mut events, &guest), [Happening::Power(PowerState::Off)]);
}
