//! What `git merge-tree --write-tree --stdin` prints for one merge, taken apart.
//!
//! Fields end in a zero byte: a status (`1` clean, `0` not), a tree, for a conflict one field `mode id stage<TAB>path`
//! for each side of each file, an empty field, then messages (a count of paths, the paths, a stable type, a text), and an
//! empty field (git-merge-tree(1), OUTPUT).

use std::collections::BTreeMap;

use crossgate_core::ids::{RepoPath, TreeId};

use super::{ConflictFile, ConflictKind};
use crate::error::VcsError;

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Clean { tree: TreeId },
    Conflict { files: Vec<ConflictFile> },
}

/// Parses an answer; `None` if it is not complete.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Reply>, VcsError> {
    // Both kinds end so; looking first keeps a long answer that comes in pieces from being parsed for each piece.
    if !bytes.ends_with(b"\0\0") {
        return Ok(None);
    }
    let garbled = || {
        let answer = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        VcsError::Protocol { command: "merge-tree", answer }
    };
    let mut fields = bytes[..bytes.len() - 1].split(|&byte| byte == 0);
    let status = fields.next().unwrap_or_default();
    let tree = fields.next().and_then(|tree| TreeId::parse(std::str::from_utf8(tree).ok()?).ok());
    let tree = tree.ok_or_else(garbled)?;
    match status {
        b"1" => match (fields.next(), fields.next()) {
            (Some(b""), None) => Ok(Some(Reply::Clean { tree })),
            _ => Err(garbled()),
        },
        b"0" => {
            let Some(sides) = parse_sides(&mut fields) else { return Err(garbled()) };
            let Some(messages) = parse_messages(&mut fields) else { return Ok(None) };
            Ok(Some(Reply::Conflict { files: files(&sides, &messages) }))
        }
        _ => Err(garbled()),
    }
}

/// The stages that each path has: 1 the base, 2 onto, 3 head.
type Sides<'a> = BTreeMap<&'a [u8], Vec<u8>>;
/// For each path the kind that the first message about it gives.
type Messages<'a> = BTreeMap<&'a [u8], ConflictKind>;

fn parse_sides<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Sides<'a>> {
    let mut sides = Sides::new();
    for field in fields.take_while(|field| !field.is_empty()) {
        let tab = field.iter().position(|&byte| byte == b'\t')?;
        sides.entry(&field[tab + 1..]).or_default().push(*field[..tab].last()?);
    }
    Some(sides)
}

fn parse_messages<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Messages<'a>> {
    let mut messages = Messages::new();
    loop {
        let count = fields.next()?;
        if count.is_empty() {
            return Some(messages);
        }
        let count: usize = std::str::from_utf8(count).ok()?.parse().ok()?;
        let paths: Vec<_> = fields.take(count).collect();
        let kind = fields.next()?;
        fields.next()?;
        if let Some(kind) = kind_of(kind) {
            for path in paths {
                messages.entry(path).or_insert(kind);
            }
        }
    }
}

/// The kind that a message's type stands for. `None` for what is no conflict, and for `CONFLICT (contents)`, which git
/// uses for two added files as well: the stages know better.
fn kind_of(kind: &[u8]) -> Option<ConflictKind> {
    let kind = kind.strip_prefix(b"CONFLICT (")?.strip_suffix(b")")?;
    match kind {
        b"binary" => Some(ConflictKind::Binary),
        b"modify/delete" => Some(ConflictKind::ModifyDelete),
        b"rename/delete" => Some(ConflictKind::RenameDelete),
        b"rename/rename" | b"rename involved in collision" => Some(ConflictKind::RenameRename),
        b"file/directory" => Some(ConflictKind::FileDirectory),
        b"distinct modes" | b"distinct types" => Some(ConflictKind::Type),
        kind if kind.starts_with(b"submodule") => Some(ConflictKind::Submodule),
        kind if kind.starts_with(b"directory rename") || kind.starts_with(b"implicit dir") => {
            Some(ConflictKind::DirectoryRename)
        }
        _ => None,
    }
}

fn files(sides: &Sides<'_>, messages: &Messages<'_>) -> Vec<ConflictFile> {
    let by_stages = |stages: &[u8]| match stages {
        b"23" => ConflictKind::AddAdd,
        b"123" => ConflictKind::Content,
        _ => ConflictKind::ModifyDelete,
    };
    let mut files: BTreeMap<_, _> = messages.clone();
    for (path, stages) in sides {
        files.entry(path).or_insert_with(|| by_stages(stages));
    }
    files.into_iter().map(|(path, kind)| ConflictFile { path: RepoPath::from_bytes(path), kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4631baa44b56f78f7fdfbf77a10016f5fc9f21bd";

    fn conflict() -> Vec<u8> {
        let mut text = format!("0\0{TREE}\0");
        for side in ["1\tf", "2\tf", "3\tf", "2\tn", "3\tn", "1\th", "3\th"] {
            text += &["100644 ", TREE, " ", side, "\0"].concat();
        }
        text += "\0";
        text += "1\0f\0Auto-merging\0Auto-merging f\n\0";
        text += "1\0f\0CONFLICT (contents)\0CONFLICT (content): Merge conflict in f\n\0";
        text += "1\0h\0CONFLICT (modify/delete)\0h deleted\n\0";
        text += "2\0x\0y\0CONFLICT (file/directory)\0text\n\0\0";
        text.into_bytes()
    }

    #[test]
    fn a_clean_answer_is_its_tree() {
        let reply = parse(format!("1\0{TREE}\0\0").as_bytes()).unwrap();
        assert_eq!(reply, Some(Reply::Clean { tree: TreeId::parse(TREE).unwrap() }));
    }

    #[test]
    fn a_conflict_lists_each_file_once() {
        let Some(Reply::Conflict { files }) = parse(&conflict()).unwrap() else { panic!("no conflict") };
        let files: Vec<_> = files.iter().map(|file| (file.path.to_string(), file.kind)).collect();
        use ConflictKind::*;
        let expected =
            [("f", Content), ("h", ModifyDelete), ("n", AddAdd), ("x", FileDirectory), ("y", FileDirectory)];
        assert_eq!(files, expected.map(|(path, kind)| (path.to_owned(), kind)));
    }

    #[test]
    fn a_part_of_an_answer_is_not_taken_for_one() {
        let whole = conflict();
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]).unwrap(), None, "after {end} bytes");
        }
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error() {
        for text in ["2\0tree\0\0", "1\0nonsense\0\0", "\0\0"] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
