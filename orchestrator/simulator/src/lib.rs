//! Virtual time: the loop's decisions, played against scripted builds, forges and people.
//!
//! Everything here is a pure function of its input: the same scenario, or the same seed, gives the same bytes.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod outcome;
mod text;

pub use outcome::{
    BuildLine, ChangeLine, GateWord, LandedLine, Outcome, PipelineWord, ReportLine, ReportWord, StateWord,
    VerdictLine, Waiting,
};
pub use text::in_words;
