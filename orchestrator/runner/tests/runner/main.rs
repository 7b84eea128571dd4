//! The local runner with real processes, in the sandbox and without it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's helpers fail with their test and say what it skips"
)]

mod builds;
mod crates;
mod faults;
mod harness;
mod isolation;
