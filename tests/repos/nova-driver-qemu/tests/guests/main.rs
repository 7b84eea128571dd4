//! What is this driver's own, on real guests: what the conformance suite cannot know of.

#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "../lab/lab.rs"]
mod lab;

mod console;
mod crash;
mod disks;
mod events;
mod migration;
mod power;
mod world;
