//! The decisions of Crossgate: pure functions from facts to plans and verdicts.
//!
//! Nothing here does I/O, waits, reads a clock or draws a random number: time and ids come in as values.
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

pub mod build;
pub mod change;
pub mod command;
pub mod decide;
pub mod dependencies;
pub mod facts;
pub mod glob;
pub mod graph;
pub mod ids;
mod keys;
pub mod ledger;
pub mod plan;
pub mod queues;
pub mod reason;
pub mod scenario;
pub mod signature;
pub mod sprt;
pub mod steps;
pub mod suggest;
#[cfg(test)]
mod testing;
pub mod verdict;
pub mod workspace;
