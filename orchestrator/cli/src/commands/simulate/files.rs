//! The scenario files that are meant, and how they are read.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crossgate_config::{MAX_SOURCE_BYTES, Source};

use crate::error::CliError;

/// Deepest directory below the one that is named.
const MAX_DEPTH: usize = 16;

/// A file with a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScenarioFile {
    /// As it was named, for people.
    pub(super) name: String,
    /// Where it is; `None`: what comes in.
    path: Option<PathBuf>,
}

impl ScenarioFile {
    /// Reads it, at most one byte more than may be.
    pub(super) fn read(&self) -> Result<Source, CliError> {
        let text = match &self.path {
            Some(path) => open(path).and_then(bounded),
            None => bounded(io::stdin().lock()),
        };
        let text = text.map_err(|source| {
            let hint = "name a file with a scenario, or a directory with such files";
            CliError::usage(format!("cannot read `{}`: {source}", self.name), hint)
        })?;
        Ok(Source { name: self.name.clone(), text })
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    // A pipe is fine: a shell makes one for `<(…)`.
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

fn bounded(from: impl io::Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(MAX_SOURCE_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Makes sure that a drawing can be written there: to a file, and to none that is to be played.
pub(super) fn refuse_as_target(
    target: &Path,
    files: &[ScenarioFile],
    directory: &Path,
) -> Result<(), CliError> {
    let hint = "crossgate simulate rehearsal.yaml --timeline rehearsal.svg";
    if target == Path::new("-") {
        return Err(CliError::usage("`--timeline` draws into a file, and `-` is none", hint));
    }
    let place = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let taken = place(&directory.join(target));
    let is_target = |file: &&ScenarioFile| taken.is_some() && file.path.as_deref().and_then(place) == taken;
    match files.iter().find(is_target) {
        Some(file) => {
            let text =
                format!("`--timeline {}` would overwrite the scenario `{}`", target.display(), file.name);
            Err(CliError::usage(text, hint))
        }
        None => Ok(()),
    }
}

/// Returns the files that are named, those of a directory in the order of their paths.
pub(super) fn gather(named: &[PathBuf], directory: &Path) -> Result<Vec<ScenarioFile>, CliError> {
    let mut files = Vec::new();
    for name in named {
        let path = directory.join(name);
        if name == Path::new("-") {
            files.push(ScenarioFile { name: "stdin".to_owned(), path: None });
        } else if path.is_dir() {
            let before = files.len();
            below(name, &path, MAX_DEPTH, &mut files)?;
            if files.len() == before {
                let text = format!("there is no scenario in `{}`", name.display());
                return Err(CliError::usage(text, "the files of a directory that end in `.yaml` are played"));
            }
        } else {
            files.push(ScenarioFile { name: name.display().to_string(), path: Some(path) });
        }
    }
    if files.iter().filter(|file| file.path.is_none()).count() > 1 {
        return Err(CliError::usage("`-` is named twice", "what comes in can be read only once"));
    }
    Ok(files)
}

fn below(name: &Path, path: &Path, depth: usize, files: &mut Vec<ScenarioFile>) -> Result<(), CliError> {
    if depth == 0 {
        let text = format!("`{}` is nested too deeply", name.display());
        return Err(CliError::usage(text, format!("at most {MAX_DEPTH} directories are looked into")));
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|source| CliError::io(path, source))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (name.join(entry.file_name()), entry.path());
        // A link to a directory is not followed: it may lead back here.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&name, &path, depth - 1, files)?;
        } else if path.extension() == Some(OsStr::new("yaml")) {
            files.push(ScenarioFile { name: name.display().to_string(), path: Some(path) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_means_all_that_is_below_it_in_order() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("s/b/c")).unwrap();
        fs::create_dir_all(dir.path().join("empty")).unwrap();
        for file in ["s/z.yaml", "s/b/y.yaml", "s/b/c/x.yaml", "s/a.yaml", "s/a.txt"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("s"), dir.path().join("s/b/loop")).unwrap();
        let names = |named: &[&str]| {
            let named: Vec<PathBuf> = named.iter().map(PathBuf::from).collect();
            gather(&named, dir.path())
                .map(|files| files.into_iter().map(|file| file.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["s"]).unwrap(), ["s/a.yaml", "s/b/c/x.yaml", "s/b/y.yaml", "s/z.yaml"]);
        assert_eq!(names(&["-", "nowhere.yaml"]).unwrap(), ["stdin", "nowhere.yaml"]);
        assert!(names(&["-", "-"]).is_err() && names(&["empty"]).is_err());
    }
}
