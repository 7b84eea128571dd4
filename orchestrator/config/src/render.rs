//! Shows diagnostics to people, with the line and a mark under what is meant.

use std::fmt;

use miette::{Diagnostic as Shown, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use crate::content::{Content, Place};
use crate::diagnostic::{Diagnostic, Severity};

/// Related places so many lines away are marked in the excerpt, others are named below it.
const NEAR: u32 = 6;

/// Shows diagnostics for a terminal of `width` columns.
pub(crate) fn render(diagnostics: &[Diagnostic], color: bool, width: usize) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width.max(40)).with_links(false);
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        handler.render_report(&mut text, &Report::new(diagnostic)).expect("a string takes any text");
    }
    text
}

#[derive(Debug)]
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<&'a Content>,
}

impl<'a> Report<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        Self { diagnostic, source: diagnostic.shown.as_ref().map(|(content, _)| content.as_ref()) }
    }

    /// Whether a related place can be marked in the same excerpt.
    fn beside(&self, place: Place) -> bool {
        self.diagnostic.shown.as_ref().is_some_and(|(content, at)| {
            let near = at.file == place.file && at.line.abs_diff(place.line) <= NEAR;
            near && content.shown_line(place.line).is_some()
        })
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { file, line, column, message, .. } = self.diagnostic;
        match (&self.source, line) {
            (Some(_), _) => f.write_str(message),
            (None, 0) => write!(f, "{file}: {message}"),
            (None, _) => write!(f, "{file}:{line}:{column}: {message}"),
        }
    }
}

impl std::error::Error for Report<'_> {}

impl Shown for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let elsewhere = self.diagnostic.related.iter().filter(|related| !self.beside(related.place));
        let elsewhere =
            elsewhere.map(|related| format!("{}: {}:{}", related.message, related.file, related.line));
        let lines: Vec<String> = self.diagnostic.hint.iter().cloned().chain(elsewhere).collect();
        if lines.is_empty() { None } else { Some(Box::new(lines.join("\n"))) }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (content, at) = self.diagnostic.shown.as_ref()?;
        let span = |place: &Place| content.first_line_of(*place);
        let beside = self.diagnostic.related.iter().filter(|related| self.beside(related.place));
        let beside = beside.map(move |related| {
            LabeledSpan::new_with_span(Some(related.message.clone()), span(&related.place))
        });
        let main = LabeledSpan::new_primary_with_span(None, span(at));
        Some(Box::new(std::iter::once(main).chain(beside)))
    }
}
