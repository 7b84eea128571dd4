//! Stories through the binary, on real git repos: what people do, and what they are told.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a story's helpers fail with their story and say what it skips"
)]

mod checkouts;
mod common_changes;
mod deadlines;
mod dependencies;
mod driver_changes;
mod faults;
mod interrupted;
mod isolation;
mod jobs;
mod mistakes;
mod reports;

use crossgate_tests::{World, sandbox_works};

/// Plays a story in a new world with a sandbox, and in another one without.
fn both_ways(story: impl Fn(World)) {
    if sandbox_works() {
        story(World::new());
    } else {
        println!("skipped with a sandbox: this machine lets nobody make one (`bwrap` fails)");
    }
    story(World::new().without_a_sandbox());
}
