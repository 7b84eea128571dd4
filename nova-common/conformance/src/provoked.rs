//! Which documented conditions the suite has provoked, and which no suite can.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// A condition that no case provokes, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unprovoked {
    /// The error, such as `DetachVolumeError`; `*` for every error that has the variant.
    pub error: &'static str,
    /// The variant.
    pub variant: &'static str,
    /// Why not.
    pub reason: &'static str,
}

/// All conditions of the driver API that the suite does not provoke; it provokes every other one.
pub const UNPROVOKED: &[Unprovoked] = &[
    Unprovoked {
        error: "*",
        variant: "Backend",
        reason: "back ends fail in ways of their own, and none that is in order does",
    },
    Unprovoked {
        error: "InitError",
        variant: "BadRequest",
        reason: "the host that the suite runs on has what the driver needs",
    },
    Unprovoked {
        error: "PowerOffError",
        variant: "WrongPower",
        reason: "an instance can be turned off in every power state",
    },
    Unprovoked {
        error: "DetachVolumeError",
        variant: "VolumeBusy",
        reason: "it takes a guest that holds on to its disk",
    },
    Unprovoked {
        error: "SnapshotError",
        variant: "WrongPower",
        reason: "a snapshot can be taken in every power state",
    },
];

thread_local! {
    static PROVOKED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// Returns the condition of a pattern, such as `CreateError::NoCapacity` of `CreateError :: NoCapacity(_)`.
pub(crate) fn condition(pattern: &str) -> String {
    pattern.split('(').next().unwrap_or(pattern).split_whitespace().collect()
}

/// Notes the pattern that a refusal has matched.
pub(crate) fn note(pattern: &'static str) {
    PROVOKED.with_borrow_mut(|provoked| provoked.insert(condition(pattern)));
}

/// Returns what was noted on this thread.
pub(crate) fn noted() -> Vec<String> {
    PROVOKED.take().into_iter().collect()
}
