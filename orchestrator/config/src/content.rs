//! A file's text: found by line, and shown without what could deceive a terminal or its reader.

use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use serde::Deserialize;

/// Longer lines, in bytes, are named but not shown.
pub(crate) const MAX_SHOWN_LINE: usize = 400;

/// A file's name and text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) name: Arc<str>,
    pub(crate) text: String,
    /// The text as it is shown, if not as it is; no byte is at another place.
    harmless: Option<String>,
    /// Where each line starts, in bytes.
    lines: Vec<usize>,
}

/// A stretch of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Place {
    /// Which file, in the order in which they are read.
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_line: u32,
    pub(crate) end_column: u32,
    /// In bytes.
    pub(crate) start: u32,
    /// In bytes.
    pub(crate) len: u32,
}

impl Place {
    /// A file as a whole.
    pub(crate) fn whole(file: u32) -> Self {
        Self { file, line: 0, column: 0, end_line: 0, end_column: 0, start: 0, len: 0 }
    }

    /// The first character of a file.
    pub(crate) fn top(file: u32) -> Self {
        Self { line: 1, column: 1, end_line: 1, end_column: 1, ..Self::whole(file) }
    }
}

/// Takes what a file of at most [`MAX_SOURCE_BYTES`](crate::MAX_SOURCE_BYTES) can count.
pub(crate) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Replaces a character that is not shown as it is by one of as many bytes: a repo's file is not trusted, and
/// control characters move a terminal's cursor, directional marks swap what is read.
pub(crate) fn harmless(c: char) -> char {
    let deceives = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match c {
        '\n' | '\r' | '\t' => c,
        _ if c.is_control() && c.len_utf8() == 1 => '?',
        _ if c.is_control() => '\u{bf}',
        _ if deceives => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

impl Content {
    pub(crate) fn new(name: &str, text: String) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(newlines).collect();
        let clean = text.chars().all(|c| harmless(c) == c);
        let harmless = (!clean).then(|| text.chars().map(harmless).collect());
        Self { name: name.into(), text, harmless, lines }
    }

    /// Returns a line, from 1, as it is shown; `None` if it is too long.
    pub(crate) fn shown_line(&self, line: u32) -> Option<&str> {
        let (from, text) = self.line(line);
        (text.len() <= MAX_SHOWN_LINE).then(|| &self.shown()[from..from + text.len()])
    }

    /// Returns as much of a place as is on its first line: where it starts and how long it is, in bytes.
    pub(crate) fn first_line_of(&self, place: Place) -> (usize, usize) {
        let (from, text) = self.line(place.line);
        let start = place.start as usize;
        (start, (place.len as usize).min((from + text.len()).saturating_sub(start)))
    }

    /// Returns where a line, from 1, starts and what is on it.
    fn line(&self, line: u32) -> (usize, &str) {
        let from = self.lines.get((line as usize).saturating_sub(1)).copied().unwrap_or_default();
        (from, self.text[from..].lines().next().unwrap_or_default())
    }

    /// Returns the place of the word at a line and column, both from 1.
    pub(crate) fn word(&self, file: u32, line: u32, column: u32) -> Place {
        let (_, text) = self.line(line);
        let skipped: usize = text.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ':' | ']' | '}');
        self.stretch(file, line, skipped, text[skipped..].find(ends).unwrap_or(text.len() - skipped))
    }

    /// Returns the place of a text on a line, from 1.
    pub(crate) fn find(&self, file: u32, line: u32, wanted: &str) -> Option<Place> {
        let (_, text) = self.line(line);
        Some(self.stretch(file, line, text.find(wanted)?, wanted.len()))
    }

    fn stretch(&self, file: u32, line: u32, skipped: usize, len: usize) -> Place {
        let (from, text) = self.line(line);
        let column = |bytes: usize| number(text[..bytes].chars().count() + 1);
        Place {
            file,
            line,
            column: column(skipped),
            end_line: line,
            end_column: column(skipped + len),
            start: number(from + skipped),
            len: number(len),
        }
    }

    fn shown(&self) -> &str {
        self.harmless.as_ref().unwrap_or(&self.text)
    }
}

impl SourceCode for Content {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let index = |offset: usize| self.lines.partition_point(|start| *start <= offset).saturating_sub(1);
        let short = |line: &usize| self.shown_line(number(line + 1)).is_some();
        let (at, end) = (index(span.offset()), index(span.offset() + span.len().saturating_sub(1)));
        let first = (at.saturating_sub(before)..at).rev().take_while(short).last().unwrap_or(at);
        let following = end + 1..(end + 1 + after).min(self.lines.len());
        let last = following.take_while(short).last().unwrap_or(end);
        // Without context the position of the span itself is asked for.
        let from = if before == 0 { span.offset() } else { self.lines[first] };
        let column = self.text.get(self.lines[first]..from).ok_or(MietteError::OutOfBounds)?.chars().count();
        let to = self.lines.get(last + 1).copied().unwrap_or(self.text.len()).max(from);
        let text = self.shown().get(from..to).ok_or(MietteError::OutOfBounds)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.as_ref().to_owned(),
            text.as_bytes(),
            (from, to - from).into(),
            first,
            column,
            self.lines.len(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_not_shown_and_nothing_moves() {
        let text = "a: \u{1b}[2J\u{9b}\u{202e}é\n";
        let content = Content::new("x", text.to_owned());
        assert_eq!(content.shown_line(1), Some("a: ?[2J\u{bf}\u{fffd}é"));
        assert_eq!(content.shown().len(), text.len());
    }
}
