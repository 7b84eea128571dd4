//! What is told of a build while it runs.

/// What happens while a build runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The checkouts are in place and the first step is about to start.
    Started,
    /// A step starts.
    Step {
        /// Its number, from 1.
        n: u32,
        /// How many there are.
        of: u32,
    },
    /// A line of output, without its end; long ones come in pieces, and what is not UTF-8 is replaced.
    Line(String),
}
