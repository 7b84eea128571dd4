//! What is wrong with a configuration, where, and how to fix it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::content::{Content, Place};

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The configuration is not used.
    Error,
    /// The configuration is used, but not as somebody may think.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable name in kebab case.
    pub code: &'static str,
    /// What is wrong, and what was expected.
    pub message: String,
    /// The file, as its [`Source`](crate::Source) is named.
    pub file: String,
    /// From 1; 0 if the file as a whole is meant.
    pub line: u32,
    /// From 1, in characters; 0 if the file as a whole is meant.
    pub column: u32,
    /// The line on which it ends.
    pub end_line: u32,
    /// The column before which it ends.
    pub end_column: u32,
    /// The line as it stands in the file; empty if there is none or it is longer than 400 bytes.
    pub excerpt: String,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Other places that have a part in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// The file's text and the bytes that are meant, to show them.
    #[serde(skip)]
    pub(crate) shown: Option<(Arc<Content>, Place)>,
}

/// Another place that has a part in a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// What part.
    pub message: String,
    /// The file.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    #[serde(skip)]
    pub(crate) place: Place,
}

/// Everything that is wrong, by file and line. As an error, at least one of them is one; warnings alone can be put
/// here to show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Shows them all for a terminal of `width` columns.
    pub fn render(&self, color: bool, width: usize) -> String {
        crate::render::render(&self.0, color, width)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.0.iter().filter(|found| found.severity == Severity::Error).count();
        let first = self.0.iter().find(|found| found.severity == Severity::Error);
        match first {
            Some(first) if errors == 1 => write!(f, "{}:{}: {}", first.file, first.line, first.message),
            Some(first) => {
                write!(f, "{errors} errors, first {}:{}: {}", first.file, first.line, first.message)
            }
            None => write!(f, "{} warnings", self.0.len()),
        }
    }
}

impl std::error::Error for Diagnostics {}
