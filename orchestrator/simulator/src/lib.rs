//! Virtual time: the loop's decisions, played against scripted builds, forges and people.
//!
//! Everything here is a pure function of its input: the same scenario, or the same seed, gives the same bytes.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod expect;
mod invariants;
mod outcome;
mod play;
pub mod synthetic;
mod text;
mod world;

pub use expect::{Mismatch, mismatches};
pub use invariants::{Guard, Holds, invariant_order_of_records_is_free, invariant_records_are_idempotent};
pub use outcome::{
    BuildLine, ChangeLine, GateWord, LandedLine, Outcome, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting, outcome_schema,
};
pub use play::{Record, play, record};
pub use text::{from_words, in_words};
pub use world::{Forge, Observer, Saying, Script, Stuck, World};
