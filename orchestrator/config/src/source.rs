//! The files of a configuration, read without trusting their size.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crossgate_core::ids::RepoName;

use crate::code::Code;
use crate::content::{Place, number};
use crate::diagnostic::Diagnostics;
use crate::problems::Problems;

/// Longest file, in bytes: 1 MiB.
pub const MAX_SOURCE_BYTES: usize = 1024 * 1024;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name in diagnostics, such as `crossgate.yaml`, `jobs/nova.yaml` or `nova-driver-vmware/.crossgate.yaml`.
    /// No two sources have the same.
    pub name: String,
    /// What is in it; more than [`MAX_SOURCE_BYTES`] is refused.
    pub text: Vec<u8>,
}

/// All files of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// `crossgate.yaml`.
    pub workspace: Source,
    /// `jobs/*.yaml`.
    pub catalogue: Vec<Source>,
    /// The `.crossgate.yaml` of the repos that have one.
    pub repos: BTreeMap<RepoName, Source>,
}

/// Reads a file, at most one byte more than [`MAX_SOURCE_BYTES`] of it.
///
/// # Errors
/// `unreadable` if it is missing, no file or not permitted; `too-large`; `not-utf8` with the place.
pub fn read_source(path: &Path, name: &str) -> Result<Source, Diagnostics> {
    let mut problems = Problems::new();
    let file = problems.add_file(name, String::new());
    match read(path) {
        Ok(text) => {
            let source = Source { name: name.to_owned(), text };
            let mut problems = Problems::new();
            if take(&mut problems, &source).is_some() {
                return Ok(source);
            }
            return Err(Diagnostics(problems.into_diagnostics()));
        }
        Err(error) => {
            let hint = (error.kind() == io::ErrorKind::NotFound)
                .then(|| "`crossgate init` writes one".to_owned())
                .filter(|_| name == "crossgate.yaml");
            problems
                .error(Code::Unreadable, Place::whole(file), format!("cannot be read: {error}"))
                .hint(hint);
        }
    }
    Err(Diagnostics(problems.into_diagnostics()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file"));
    }
    let mut text = Vec::new();
    file.take(MAX_SOURCE_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Takes a source in and returns its number; `None` if it is too long or not UTF-8, which is recorded.
pub(crate) fn take(problems: &mut Problems, source: &Source) -> Option<u32> {
    if source.text.len() > MAX_SOURCE_BYTES {
        let file = problems.add_file(&source.name, String::new());
        let message = format!("the file is too long: expected at most {MAX_SOURCE_BYTES} bytes");
        problems.error(Code::TooLarge, Place::whole(file), message).hint(problems.smaller.to_owned());
        return None;
    }
    match std::str::from_utf8(&source.text) {
        Ok(text) => Some(problems.add_file(&source.name, text.to_owned())),
        Err(error) => {
            let valid = String::from_utf8_lossy(&source.text[..error.valid_up_to()]).into_owned();
            let byte = source.text[error.valid_up_to()];
            let at = end_of(&valid);
            let file = problems.add_file(&source.name, valid);
            problems
                .error(Code::NotUtf8, Place { file, ..at }, format!("byte 0x{byte:02x} is not UTF-8"))
                .hint("save the file as UTF-8".to_owned());
            None
        }
    }
}

fn end_of(text: &str) -> Place {
    let line = number(text.matches('\n').count() + 1);
    let column = number(text.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    Place { file: 0, line, column, end_line: line, end_column: column, start: number(text.len()), len: 0 }
}
