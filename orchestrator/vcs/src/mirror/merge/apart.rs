//! Merges of changes that are apart: no path is changed by both sides.
//!
//! Most merges of a queue are, and then the merged tree is a matter of taking entries: an entry that one side left as it
//! was comes from the other, level by level, where the trees differ. Git's merge gives the same tree, since what it adds,
//! merging lines and following renames, needs an entry that both sides touched: a file changed here and renamed away there
//! is one, and so is a file added to a directory that went away. Whatever looks like that is left to git.

use std::cmp::Ordering;

use git2::{ObjectType, Odb, Oid, Repository};

/// Deeper trees are left to git.
const DEPTH: usize = 200;

/// Length of an object id in a tree, in bytes.
const ID: usize = 20;

const TREE_MODE: &[u8] = b"40000";

/// One entry of a tree, as git stores it: `MODE NAME\0ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry<'a> {
    mode: &'a [u8],
    name: &'a [u8],
    id: &'a [u8],
}

impl<'a> Entry<'a> {
    fn is_tree(&self) -> bool {
        self.mode == TREE_MODE
    }

    /// Git's order: a directory sorts as if its name ended in `/`.
    fn order(&self, other: &Self) -> Ordering {
        let end = |entry: &Self| entry.is_tree().then_some(&b'/');
        let key = |entry: &Self| entry.name.iter().chain(end(entry)).copied().collect::<Vec<_>>();
        let shared = self.name.len().min(other.name.len());
        match self.name[..shared].cmp(&other.name[..shared]) {
            Ordering::Equal => key(self)[shared..].cmp(&key(other)[shared..]),
            decided => decided,
        }
    }

    /// Reads all entries of a tree; `None` if it is not well formed.
    fn all(mut data: &'a [u8]) -> Option<Vec<Self>> {
        let mut entries = Vec::with_capacity(data.len() / 32);
        while !data.is_empty() {
            let space = data.iter().position(|byte| *byte == b' ')?;
            let end = space + data[space..].iter().position(|byte| *byte == 0)?;
            let (entry, rest) = data.split_at_checked(end + 1 + ID)?;
            entries.push(Self { mode: &entry[..space], name: &entry[space + 1..end], id: &entry[end + 1..] });
            data = rest;
        }
        Some(entries)
    }
}

/// Returns the merged tree of commits, or `None` if the sides are not apart.
pub(super) fn merge(
    repo: &Repository,
    base: Oid,
    ours: Oid,
    theirs: Oid,
) -> Result<Option<Oid>, git2::Error> {
    let tree = |commit| repo.find_commit(commit).map(|commit| commit.tree_id());
    merge_trees(&repo.odb()?, [tree(base)?, tree(ours)?, tree(theirs)?], DEPTH)
}

fn merge_trees(odb: &Odb<'_>, trees: [Oid; 3], depth: usize) -> Result<Option<Oid>, git2::Error> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
    let [base, ours, theirs] = trees.map(|tree| odb.read(tree));
    let (base, ours, theirs) = (base?, ours?, theirs?);
    let sides = [base.data(), ours.data(), theirs.data()].map(Entry::all);
    let [Some(base), Some(ours), Some(theirs)] = sides else { return Ok(None) };
    let mut merged = Vec::with_capacity(ours.len() * 40);
    for row in rows([&base, &ours, &theirs]) {
        match taken(row) {
            Taken::Nothing => {}
            Taken::Entry(entry) => {
                if row[0].is_none() && [&ours, &theirs].iter().any(|side| clashes(&entry, side)) {
                    return Ok(None);
                }
                push(&mut merged, &entry, entry.id);
            }
            Taken::Below([old, our, their]) => {
                let below = [Oid::from_bytes(old.id)?, Oid::from_bytes(our.id)?, Oid::from_bytes(their.id)?];
                let Some(inner) = merge_trees(odb, below, depth)? else { return Ok(None) };
                // Git keeps no directory that has nothing in it.
                if inner != Oid::hash_object(ObjectType::Tree, &[])? {
                    push(&mut merged, &our, inner.as_bytes());
                }
            }
            Taken::Neither => return Ok(None),
        }
    }
    // Asked first, since writing what is there still touches it.
    let id = Oid::hash_object(ObjectType::Tree, &merged)?;
    if odb.exists(id) { Ok(Some(id)) } else { odb.write(ObjectType::Tree, &merged).map(Some) }
}

/// An entry of the base, of ours and of theirs that have one name and are of one kind.
type Row<'a> = [Option<Entry<'a>>; 3];

/// Puts the entries of three trees side by side, in git's order.
fn rows<'a>(mut sides: [&'a [Entry<'a>]; 3]) -> impl Iterator<Item = Row<'a>> {
    std::iter::from_fn(move || {
        let next = sides.iter().filter_map(|side| side.first().copied()).min_by(Entry::order)?;
        Some(sides.each_mut().map(|side| {
            let (first, rest) = side.split_first().filter(|(first, _)| first.order(&next).is_eq())?;
            *side = rest;
            Some(*first)
        }))
    })
}

/// What becomes of a row.
enum Taken<'a> {
    Nothing,
    Entry(Entry<'a>),
    Below([Entry<'a>; 3]),
    /// Both sides touched it.
    Neither,
}

fn taken(row: Row<'_>) -> Taken<'_> {
    let all_or_nothing = |entry: Option<_>| entry.map_or(Taken::Nothing, Taken::Entry);
    match row {
        // Gone on both sides: it may have been renamed on both.
        [Some(_), None, None] => Taken::Neither,
        [base, ours, theirs] if base == theirs => all_or_nothing(ours),
        [base, ours, theirs] if base == ours => all_or_nothing(theirs),
        // The same done twice is one thing for a file; in a directory it may be half of two renames.
        [_, Some(ours), Some(theirs)] if ours == theirs && !ours.is_tree() => Taken::Entry(ours),
        [Some(base), Some(ours), Some(theirs)] if base.is_tree() && ours != theirs => {
            Taken::Below([base, ours, theirs])
        }
        _ => Taken::Neither,
    }
}

/// Whether a side has a file where the entry is a directory, or a directory where it is a file.
fn clashes(entry: &Entry<'_>, side: &[Entry<'_>]) -> bool {
    side.iter().any(|other| other.name == entry.name && other.is_tree() != entry.is_tree())
}

fn push(tree: &mut Vec<u8>, entry: &Entry<'_>, id: &[u8]) {
    for part in [entry.mode, b" ", entry.name, b"\0", id] {
        tree.extend_from_slice(part);
    }
}
