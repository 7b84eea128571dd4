//! The workspace that `crossgate demo` makes: real git repos with real crates, and the changes that its story is about.

pub(crate) mod edits;
mod git;
mod nova;
pub(crate) mod repos;
