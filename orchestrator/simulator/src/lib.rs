//! Virtual time: the loop's decisions, played against scripted builds, forges and people.
//!
//! Everything here is a pure function of its input: the same scenario, or the same seed, gives the same bytes.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod expect;
mod outcome;
mod play;
mod text;
mod world;

pub use expect::{Mismatch, mismatches};
pub use outcome::{
    BuildLine, ChangeLine, GateWord, LandedLine, Outcome, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting, outcome_schema,
};
pub use play::play;
pub use text::{from_words, in_words};
pub use world::{Forge, Observer, Saying, Script, Stuck, World};
