//! Source files, read within bounds, and places in them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most bytes of a file that is read.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// Most files that are read of one crate.
pub const MAX_FILES: usize = 2_000;
/// Most bytes of all files that are read of one crate.
pub const MAX_BYTES: usize = 8 << 20;
/// Most entries of directories that are looked at for them.
const MAX_ENTRIES: usize = 20_000;

/// A source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as it is told to people: from the top of what was read.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A line of a source file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Place {
    /// The file's path.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a source file is not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The disk, or what is on it.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large.
    #[error("`{}` is not read: it has more than {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There are too many.
    #[error(
        "`{}` is not read to its end: it has more than {MAX_FILES} source files, {MAX_BYTES} bytes of them or \
         {MAX_ENTRIES} entries",
        path.display()
    )]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// What is found in a directory: what can be read, and why the rest cannot.
#[derive(Debug, Default)]
pub struct Found {
    /// The files, by path.
    pub sources: Vec<Source>,
    /// What is not read.
    pub errors: Vec<SourceError>,
}

/// Reads the `.rs` files below a directory that `wanted` takes by their path from `top`. Hidden directories, those
/// called `target` and links are passed over.
pub fn sources_below(dir: &Path, top: &Path, wanted: impl Fn(&str) -> bool) -> Found {
    let mut found = Found::default();
    let told = |path: &Path| path.strip_prefix(top).unwrap_or(path).to_string_lossy().into_owned();
    let (mut files, mut too_many) = list(dir, &mut found.errors, |path| wanted(&told(path)));
    too_many |= files.len() > MAX_FILES;
    files.truncate(MAX_FILES);
    let mut bytes = 0;
    for path in files {
        if bytes > MAX_BYTES {
            too_many = true;
            break;
        }
        match read_bounded(&path) {
            Ok(text) => {
                bytes += text.len();
                found.sources.push(Source { path: told(&path), text });
            }
            Err(error) => found.errors.push(error),
        }
    }
    if too_many {
        found.errors.push(SourceError::TooMany { path: top.to_owned() });
    }
    found
}

/// Lists source files by path, and whether there are more than are looked for.
fn list(dir: &Path, errors: &mut Vec<SourceError>, wanted: impl Fn(&Path) -> bool) -> (Vec<PathBuf>, bool) {
    let (mut open, mut files, mut entries) = (vec![dir.to_owned()], Vec::new(), 0);
    while let Some(dir) = open.pop() {
        let listed = fs::read_dir(&dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let listed = match listed {
            Ok(listed) => listed,
            Err(source) => {
                errors.push(SourceError::Io { path: dir, source });
                continue;
            }
        };
        entries += listed.len();
        for entry in listed {
            let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type());
            let passed_over = name.as_encoded_bytes().starts_with(b".") || name == "target";
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if kind.as_ref().is_ok_and(fs::FileType::is_dir) && !passed_over {
                open.push(path);
            } else if kind.is_ok_and(|kind| kind.is_file()) && is_source && wanted(&path) {
                files.push(path);
            }
        }
        if entries > MAX_ENTRIES {
            files.sort();
            return (files, true);
        }
    }
    files.sort();
    (files, false)
}

/// Reads a text file that is not too large.
///
/// # Errors
/// [`SourceError::Io`], [`SourceError::TooLarge`].
pub fn read_bounded(path: &Path) -> Result<String, SourceError> {
    use io::Read as _;
    let failed = |source| SourceError::Io { path: path.to_owned(), source };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    // The size on disk may be another one by the time it is read.
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text);
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(SourceError::TooLarge { path: path.to_owned() });
    }
    read.map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_hidden_or_unwanted_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["src/lib.rs", "src/a/b.rs", "src/a.txt", "target/c.rs", ".git/d.rs", "xen/e.rs"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = sources_below(dir.path(), dir.path(), |path| !path.starts_with("xen/"));
        let paths: Vec<_> = found.sources.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(paths, ["src/a/b.rs", "src/lib.rs"]);
        assert!(found.errors.is_empty(), "{:?}", found.errors);
    }

    #[test]
    fn a_large_file_and_many_files_have_bounds() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("large.rs"), vec![b' '; 10 << 20]).unwrap();
        fs::write(dir.path().join("small.rs"), "").unwrap();
        fs::write(dir.path().join("latin.rs"), b"// caf\xe9").unwrap();
        let found = sources_below(dir.path(), dir.path(), |_| true);
        assert_eq!(found.sources.len(), 1);
        let told: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        assert!(told[0].ends_with("large.rs` is not read: it has more than 1048576 bytes"), "{told:?}");
        assert!(told[1].ends_with("latin.rs`"), "{told:?}");
        for index in 0..20 {
            fs::write(dir.path().join(format!("half-{index}.rs")), vec![b' '; 1 << 20]).unwrap();
        }
        let found = sources_below(dir.path(), dir.path(), |_| true);
        assert!(found.sources.iter().map(|source| source.text.len()).sum::<usize>() <= MAX_BYTES + (1 << 20));
        assert!(matches!(found.errors.last(), Some(SourceError::TooMany { .. })), "{:?}", found.errors);
        for index in 0..10_000 {
            fs::write(dir.path().join(format!("{index}.rs")), "").unwrap();
        }
        let found = sources_below(dir.path(), dir.path(), |_| true);
        assert!(found.sources.len() <= MAX_FILES);
        assert!(matches!(found.errors.last(), Some(SourceError::TooMany { .. })), "{:?}", found.errors);
    }
}
