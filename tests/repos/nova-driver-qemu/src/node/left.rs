//! Who has left the node for good, so that a migration that has ended can be told from one that never began.

use std::fs;
use std::path::PathBuf;

use nova_api::{BackendError, InstanceId};

use crate::durable::{self, if_there};
use crate::failure::OrFailed as _;
use crate::names::file_name;
use crate::node::{LEFT, Node};

/// How many are remembered. Nobody asks for the end of a migration again after so many others.
const REMEMBERED: usize = 1000;

impl Node {
    /// Remembers that an instance has left, and forgets who left long ago.
    pub(super) fn note_leaving(&self, id: &InstanceId) -> Result<(), BackendError> {
        let dir = self.dir.join(LEFT);
        let failed = || format!("`{}` cannot be kept", dir.display());
        let mut known = Vec::new();
        for entry in fs::read_dir(&dir).or_failed(failed)? {
            let path = entry.or_failed(failed)?.path();
            // Another may forget the same ones.
            if let Some(file) = if_there(fs::metadata(&path)).or_failed(failed)? {
                known.push((file.modified().or_failed(failed)?, path));
            }
        }
        known.sort();
        for (_, oldest) in known.iter().take((known.len() + 1).saturating_sub(REMEMBERED)) {
            if_there(fs::remove_file(oldest)).or_failed(failed)?;
        }
        durable::write(&self.note_of(id), b"").or_failed(failed)
    }

    /// Forgets that an instance has left: it comes again.
    pub(super) fn note_return(&self, id: &InstanceId) -> Result<(), BackendError> {
        let note = self.note_of(id);
        let removed = if_there(fs::remove_file(&note)).map(drop);
        removed.or_failed(|| format!("`{}` cannot be removed", note.display()))
    }

    /// Returns whether an instance has left and not come again.
    pub(super) fn has_left(&self, id: &InstanceId) -> Result<bool, BackendError> {
        let note = self.note_of(id);
        note.try_exists().or_failed(|| format!("`{}` cannot be read", note.display()))
    }

    fn note_of(&self, id: &InstanceId) -> PathBuf {
        self.dir.join(LEFT).join(file_name(id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use nova_api::NodeName;

    use super::*;
    use crate::Config;

    #[test]
    fn who_left_is_known_until_it_returns_and_only_the_last_ones_are() {
        let state = tempfile::tempdir().unwrap();
        let node = Node::open(Config::new(state.path()), NodeName::parse("n").unwrap()).unwrap();
        let id = |number: usize| InstanceId::parse(&format!("i-{number}")).unwrap();
        for number in 0..REMEMBERED + 5 {
            fs::write(node.note_of(&id(number)), b"").unwrap();
        }
        let last = id(REMEMBERED + 5);
        node.note_leaving(&last).unwrap();
        assert!(node.has_left(&last).unwrap());
        assert_eq!(fs::read_dir(node.dir.join(LEFT)).unwrap().count(), REMEMBERED);
        node.note_return(&last).unwrap();
        assert!(!node.has_left(&last).unwrap());
    }
}
