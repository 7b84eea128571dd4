//! Collects what is wrong while files are read: where it is, in which text, and what was meant.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crossgate_core::suggest::nearest;
use crossgate_core::workspace::Origin;

use crate::code::Code;
use crate::content::{Content, Place, harmless, number};
use crate::diagnostic::{Diagnostic, Related, Severity};

/// Most diagnostics that one load keeps; what is beyond is only counted.
pub const MAX_DIAGNOSTICS: usize = 1_000;

/// Once so many are known, looking for the name that was meant costs more than it helps.
const MAX_SUGGESTIONS: usize = 100;

/// So many names can be listed when none of them is near.
const MAX_LISTED: usize = 16;

/// Longest message or hint, in characters.
const MAX_MESSAGE: usize = 1_500;

/// How a configuration is made smaller.
const SPLIT: &str = "split jobs over several files of the catalogue, drivers over the repos' own files";

/// The files being read and what was found wrong with them so far.
#[derive(Debug)]
pub(crate) struct Problems {
    files: Vec<Arc<Content>>,
    /// The way out for a file that is too large.
    pub(crate) smaller: &'static str,
    found: RefCell<Vec<(Place, Diagnostic)>>,
    /// What came after [`MAX_DIAGNOSTICS`]: how much, and whether an error was among it.
    beyond: Cell<(usize, bool)>,
}

impl Problems {
    pub(crate) fn new() -> Self {
        Self { files: Vec::new(), smaller: SPLIT, found: RefCell::default(), beyond: Cell::default() }
    }

    /// Starts with no files, for a scenario.
    pub(crate) fn of_scenario() -> Self {
        Self { smaller: "leave out what the scenario need not show", ..Self::new() }
    }

    /// Takes a file in and returns its number.
    pub(crate) fn add_file(&mut self, name: &str, text: String) -> u32 {
        self.files.push(Arc::new(Content::new(name, text)));
        number(self.files.len() - 1)
    }

    pub(crate) fn text(&self, file: u32) -> &str {
        &self.files[file as usize].text
    }

    pub(crate) fn origin(&self, at: Place) -> Origin {
        Origin::File { file: self.files[at.file as usize].name.clone(), line: at.line, column: at.column }
    }

    /// Returns the word at an origin; the first file as a whole for a default.
    pub(crate) fn place(&self, origin: &Origin) -> Place {
        let Some((file, line, column)) = self.find(origin) else { return Place::whole(0) };
        self.files[file as usize].word(file, line, column)
    }

    /// Returns the place of one line, from 1, of a text of several that starts at an origin, if it stands in the
    /// file as it is; else the origin's.
    pub(crate) fn place_of_line(&self, origin: &Origin, text: &str, line: usize) -> Place {
        let wanted = text.lines().nth(line.saturating_sub(1)).map_or("", str::trim);
        let found = self.find(origin).filter(|_| !wanted.is_empty()).and_then(|(file, first, _)| {
            let line = first.saturating_add(number(line.saturating_sub(1)));
            self.files[file as usize].find(file, line, wanted)
        });
        found.unwrap_or_else(|| self.place(origin))
    }

    fn find(&self, origin: &Origin) -> Option<(u32, u32, u32)> {
        let Origin::File { file, line, column } = origin else { return None };
        let file = self.files.iter().position(|known| known.name == *file)?;
        Some((number(file), *line, *column))
    }

    pub(crate) fn error(&self, code: Code, at: Place, message: impl Into<String>) -> Found<'_> {
        self.push(Severity::Error, code, at, &message.into())
    }

    pub(crate) fn warning(&self, code: Code, at: Place, message: impl Into<String>) -> Found<'_> {
        self.push(Severity::Warning, code, at, &message.into())
    }

    /// Returns the candidate that was meant, or which there are if none is near and they are few. `None` also
    /// if so much is wrong that looking is not worth it.
    pub(crate) fn meant<'a>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        if self.found.borrow().len() > MAX_SUGGESTIONS {
            return None;
        }
        let candidates: Vec<&str> = candidates.into_iter().collect();
        let all = (1..=MAX_LISTED)
            .contains(&candidates.len())
            .then(|| format!("known here: {}", quoted(&candidates)));
        nearest(name, candidates).map(|near| format!("did you mean `{near}`?")).or(all)
    }

    fn push(&self, severity: Severity, code: Code, at: Place, message: &str) -> Found<'_> {
        let mut found = self.found.borrow_mut();
        if found.len() >= MAX_DIAGNOSTICS {
            let (count, fatal) = self.beyond.get();
            self.beyond.set((count + 1, fatal || severity == Severity::Error));
            return Found { problems: self, index: None };
        }
        found.push((at, self.diagnostic(severity, code, at, message)));
        Found { problems: self, index: Some(found.len() - 1) }
    }

    fn diagnostic(&self, severity: Severity, code: Code, at: Place, message: &str) -> Diagnostic {
        let file = &self.files[at.file as usize];
        let line = (at.line > 0).then(|| file.shown_line(at.line)).flatten();
        Diagnostic {
            severity,
            code: code.name(),
            message: tamed(message),
            file: file.name.as_ref().to_owned(),
            line: at.line,
            column: at.column,
            end_line: at.end_line,
            end_column: at.end_column,
            excerpt: line.unwrap_or_default().to_owned(),
            hint: None,
            related: Vec::new(),
            shown: line.map(|_| (file.clone(), at)),
        }
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.beyond.get().1 || self.found.borrow().iter().any(|(_, found)| found.severity == Severity::Error)
    }

    /// Returns all that was found, by file and line.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found.take();
        found.sort_by(|(a, x), (b, y)| (a, x.severity, &x.message).cmp(&(b, y.severity, &y.message)));
        found.dedup_by(|(a, x), (b, y)| a == b && x.code == y.code && x.message == y.message);
        let (beyond, fatal) = self.beyond.get();
        let severity = if fatal { Severity::Error } else { Severity::Warning };
        let more = (beyond > 0).then(|| {
            let message = format!("{beyond} more problems, here or in other files, are not shown");
            self.diagnostic(severity, Code::MoreProblems, Place::whole(0), &message)
        });
        found.into_iter().map(|(_, diagnostic)| diagnostic).chain(more).collect()
    }
}

/// Names in backticks, with commas between.
pub(crate) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Takes out of a text what could deceive, and cuts it: it may quote a file that is not trusted.
fn tamed(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).map(harmless).collect()
}

/// A diagnostic that was just recorded, to say more about it.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    problems: &'a Problems,
    /// `None`: it was only counted.
    index: Option<usize>,
}

impl Found<'_> {
    pub(crate) fn hint(self, hint: impl Into<Option<String>>) -> Self {
        self.amend(|diagnostic| diagnostic.hint = hint.into().as_deref().map(tamed))
    }

    pub(crate) fn related(self, at: Place, message: impl Into<String>) -> Self {
        let file = self.problems.files[at.file as usize].name.as_ref().to_owned();
        let related = Related { message: message.into(), file, line: at.line, column: at.column, place: at };
        self.amend(|diagnostic| diagnostic.related.push(related))
    }

    fn amend(self, change: impl FnOnce(&mut Diagnostic)) -> Self {
        if let Some(index) = self.index {
            change(&mut self.problems.found.borrow_mut()[index].1);
        }
        self
    }
}
