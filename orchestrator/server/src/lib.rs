//! The loop: facts in, `decide`, actions out; and what turns a workspace on disk into facts.

pub mod engine;
pub mod error;
pub mod intake;
pub mod site;
mod trees;
