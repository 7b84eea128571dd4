//! The crate on real repositories, made for each test.

#![expect(clippy::unwrap_used, reason = "what a test sets up must work")]

mod checkout;
mod merge;
mod mirror;
mod network;
mod read;
mod snapshot;
mod workspace;
mod world;
