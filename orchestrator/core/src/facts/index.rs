//! Builds, found by what they are a function of.

use std::collections::BTreeMap;

use crate::ids::{BuildId, BuildKey};

/// The builds of each key.
///
/// There is an entry for every build, so it is a small one that holds only the start of the key: who looks a key up compares
/// the whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByKey {
    /// By the start of the key and a number in the order in which they started.
    ids: BTreeMap<(u64, u32), BuildId>,
}

impl ByKey {
    pub(super) fn insert(&mut self, key: &BuildKey, id: BuildId) {
        let start = key.start();
        let last = self.ids.range((start, 0)..=(start, u32::MAX)).next_back();
        let number = last.map_or(0, |((_, number), _)| number + 1);
        self.ids.insert((start, number), id);
    }

    pub(super) fn remove(&mut self, key: &BuildKey, id: BuildId) {
        let start = key.start();
        let of = |(at, other): (&(u64, u32), &BuildId)| (*other == id).then_some(*at);
        if let Some(at) = self.ids.range((start, 0)..=(start, u32::MAX)).find_map(of) {
            self.ids.remove(&at);
        }
    }

    /// Returns the builds of a key, the oldest first; among them may be some of another one.
    pub(super) fn ids(&self, key: &BuildKey) -> impl Iterator<Item = BuildId> {
        let start = key.start();
        self.ids.range((start, 0)..=(start, u32::MAX)).map(|(_, id)| *id)
    }
}
