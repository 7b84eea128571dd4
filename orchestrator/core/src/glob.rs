//! Lists of glob patterns over paths of a repo: `*` stays in one part of a path, `**` crosses parts.

use std::fmt;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Serialize, Serializer};

use crate::ids::RepoPath;

/// Most patterns in one list.
pub const MAX_GLOBS: usize = 1_000;

/// Why a list of patterns is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// A pattern that does not parse.
    #[error("`{pattern}` is not a glob pattern: {reason}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More than [`MAX_GLOBS`].
    #[error("{count} patterns: expected at most {MAX_GLOBS}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

/// A list of patterns, compiled once. A path matches the list if it matches one of them.
#[derive(Clone, Default)]
pub struct Globs {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Globs {
    /// Compiles patterns.
    ///
    /// # Errors
    /// [`GlobError`] names the first pattern that does not parse, or says that there are too many.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, GlobError> {
        if patterns.len() > MAX_GLOBS {
            return Err(GlobError::TooMany { count: patterns.len() });
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(compile(pattern.as_ref())?);
        }
        let set = set.build().map_err(|error| syntax("", &error))?;
        Ok(Self { patterns: patterns.iter().map(|p| p.as_ref().to_owned()).collect(), set })
    }

    /// Returns whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns the patterns as written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Returns the first pattern that a path matches.
    pub fn matching(&self, path: &RepoPath) -> Option<&str> {
        let first = self.set.matches_candidate(&Candidate::from_bytes(path.as_bytes())).into_iter().min()?;
        self.patterns.get(first).map(String::as_str)
    }

    /// Returns whether a path matches one of the patterns.
    pub fn matches(&self, path: &RepoPath) -> bool {
        self.set.is_match_candidate(&Candidate::from_bytes(path.as_bytes()))
    }
}

fn compile(pattern: &str) -> Result<globset::Glob, GlobError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| syntax(pattern, &error))
}

fn syntax(pattern: &str, error: &globset::Error) -> GlobError {
    GlobError::Syntax { pattern: pattern.to_owned(), reason: error.kind().to_string() }
}

impl fmt::Debug for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.patterns.fmt(f)
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for Globs {}

impl Serialize for Globs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.patterns.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_one_part_of_a_path() {
        let globs = Globs::parse(&["*.md", "xen/**", "src/*.rs"]).unwrap();
        for (path, expected) in [
            ("README.md", Some("*.md")),
            ("docs/a.md", None),
            ("xen/src/lib.rs", Some("xen/**")),
            ("src/lib.rs", Some("src/*.rs")),
            ("src/a/b.rs", None),
        ] {
            assert_eq!(globs.matching(&path.into()), expected, "{path}");
            assert_eq!(globs.matches(&path.into()), expected.is_some(), "{path}");
        }
    }

    #[test]
    fn everything_and_names_that_are_not_utf8() {
        let globs = Globs::parse(&["**"]).unwrap();
        assert!(globs.matches(&RepoPath::from_bytes(b"a/\xff")));
        assert!(globs.matches(&"x".into()));
    }

    #[test]
    fn an_open_bracket_is_named() {
        let error = Globs::parse(&["ok", "a[b"]).unwrap_err();
        insta::assert_snapshot!(error, @"`a[b` is not a glob pattern: unclosed character class; missing ']'");
    }
}
