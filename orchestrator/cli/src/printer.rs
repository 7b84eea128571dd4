//! What is said, and where: stdout is data, stderr is talk.

use std::fmt::Display;
use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};
use crossgate_config::Diagnostic;
use serde::Serialize;

use crate::cli::{Color, Format, Global};
use crate::error::{CliError, chain};

/// The version of all JSON that is printed. It grows when a field goes away or changes its meaning.
pub(crate) const JSON_VERSION: u32 = 1;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Prints.
#[derive(Debug)]
pub(crate) struct Printer {
    format: Format,
    quiet: bool,
    verbose: bool,
    stdout: anstream::AutoStream<io::Stdout>,
    stderr: anstream::AutoStream<io::Stderr>,
    /// Whether stdout is a terminal.
    out_acts: bool,
    /// Whether stderr is one.
    err_acts: bool,
    color: bool,
    reader_is_gone: bool,
}

/// A value of the versioned JSON.
#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    value: &'a T,
}

impl Printer {
    pub(crate) fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => None,
            Color::Always => Some(anstream::ColorChoice::Always),
            Color::Never => Some(anstream::ColorChoice::Never),
        };
        let out = choice.unwrap_or_else(|| anstream::AutoStream::choice(&io::stdout()));
        let err = choice.unwrap_or_else(|| anstream::AutoStream::choice(&io::stderr()));
        Self {
            format: global.format,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            stdout: anstream::AutoStream::new(io::stdout(), out),
            stderr: anstream::AutoStream::new(io::stderr(), err),
            out_acts: io::stdout().is_terminal(),
            err_acts: io::stderr().is_terminal(),
            color: err != anstream::ColorChoice::Never,
            reader_is_gone: false,
        }
    }

    /// Returns whether programs are to read what is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Returns how to print.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Returns whether somebody watches stderr on a terminal.
    pub(crate) fn shows_progress(&self) -> bool {
        self.err_acts && !self.quiet
    }

    /// Returns whether more is to be said.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Returns whether nothing but data is to be printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns whether nobody reads the data any more: what only prints may end.
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.reader_is_gone
    }

    /// Prints a line of data.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        self.raw(format_args!("{text}\n"))
    }

    /// Prints data without a line end: as it is into a file or a pipe, tamed on a terminal.
    pub(crate) fn raw(&mut self, text: impl Display) -> Result<(), CliError> {
        let written = put(&mut self.stdout, self.out_acts, text);
        self.reader_is_gone |= written.as_ref().is_err_and(is_gone);
        unless_gone(written)
    }

    /// Prints an object as JSON, with the version of its shape.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let versioned = Versioned { version: JSON_VERSION, value };
        let text = serde_json::to_string_pretty(&versioned).map_err(CliError::internal)?;
        self.line(text)
    }

    /// Prints an object as JSON in one line, with the version of its shape, where several follow each other.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let versioned = Versioned { version: JSON_VERSION, value };
        self.line(serde_json::to_string(&versioned).map_err(CliError::internal)?)
    }

    /// Returns how wide the terminal is on which data is printed, in columns, if there is one.
    pub(crate) fn columns(&self) -> Option<usize> {
        let columns = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
        columns.ok().filter(|&columns| self.out_acts && columns > 0)
    }

    /// Prints lines of data, each cut at the edge of the terminal if there is one.
    pub(crate) fn clipped(&mut self, text: &str) -> Result<(), CliError> {
        match self.columns() {
            Some(columns) => text.lines().try_for_each(|line| self.line(clip(&tame(line), columns))),
            None => self.raw(text),
        }
    }

    /// Says something to whoever watches.
    pub(crate) fn note(&mut self, text: impl Display) -> Result<(), CliError> {
        if self.quiet { Ok(()) } else { self.tell(text) }
    }

    /// Says something that must be heard.
    pub(crate) fn tell(&mut self, text: impl Display) -> Result<(), CliError> {
        unless_gone(put(&mut self.stderr, self.err_acts, format_args!("{text}\n")))
    }

    /// Says what is to be said of a configuration.
    pub(crate) fn warnings(&mut self, warnings: &[Diagnostic]) -> Result<(), CliError> {
        if warnings.is_empty() || self.quiet {
            return Ok(());
        }
        let text = crossgate_config::Diagnostics(warnings.to_vec()).render(self.color, width());
        self.tell(text.trim_end())
    }

    /// Says why something was not done.
    pub(crate) fn error(&mut self, error: &CliError) -> Result<(), CliError> {
        if let Some(diagnostics) = error.diagnostics() {
            let text = diagnostics.render(self.color, width());
            self.tell(text.trim_end())?;
        }
        self.tell(format_args!("{}error:{} {}", RED.bold(), reset(), chain(error)))?;
        match error.hint() {
            Some(hint) => self.tell(format_args!("  {}hint:{} {hint}", CYAN, reset())),
            None => Ok(()),
        }
    }
}

/// All text goes out here, so that none from outside acts on a terminal.
fn put(stream: &mut impl io::Write, acts: bool, text: impl Display) -> io::Result<()> {
    if acts {
        write!(stream, "{}", tame(&text.to_string()))?;
    } else {
        write!(stream, "{text}")?;
    }
    stream.flush()
}

/// A reader that has gone away is not an error: the command goes on, and its exit status says how it went.
fn unless_gone(result: io::Result<()>) -> Result<(), CliError> {
    match result {
        Err(error) if is_gone(&error) => Ok(()),
        other => other.map_err(CliError::Output),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

fn reset() -> anstyle::Reset {
    anstyle::Reset
}

/// Returns how wide diagnostics may be, in characters.
fn width() -> usize {
    110
}

/// Takes out of a text what would act on a terminal, as it may hold a commit's title or a build's output: every control
/// character and sequence but those for colour, and what turns the direction of writing.
pub(crate) fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let sgr = rest.strip_prefix("\u{1b}[").and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            after[end..].starts_with('m').then_some(2 + end + 1)
        });
        let taken = sgr.unwrap_or(c.len_utf8());
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if sgr.is_some() || !(c.is_control() || turns) || matches!(c, '\n' | '\t') {
            tamed.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    tamed
}

/// Returns the start of a text, for a place on a terminal that holds one line: without colour, at most `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let plain = anstream::adapter::strip_str(&tame(text)).to_string();
    plain.trim().chars().filter(|c| !c.is_control()).take(most).collect()
}

/// Returns the start of a tame line that fits into so many columns; what is for colour takes none.
fn clip(line: &str, columns: usize) -> String {
    let plain = anstream::adapter::strip_str(line).to_string();
    if plain.chars().count() <= columns {
        return line.to_owned();
    }
    let (mut clipped, mut left, mut in_style) = (String::new(), columns.saturating_sub(1), false);
    for c in line.chars() {
        if c == '\u{1b}' {
            in_style = true;
        } else if !in_style {
            if left == 0 {
                break;
            }
            left -= 1;
        } else if c == 'm' {
            in_style = false;
        }
        clipped.push(c);
    }
    format!("{clipped}{}…", reset())
}

/// Shows a text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_what_acts_on_the_terminal_goes() {
        let text = "a\u{1b}[1;31mred\u{1b}[0m\tb\n\u{1b}]0;title\u{7}\u{1b}[2Jc\r\u{9b}5n\u{1b}[";
        assert_eq!(tame(text), "a\u{1b}[1;31mred\u{1b}[0m\tb\n]0;title[2Jc5n[");
        assert_eq!(tame("a\u{202e}b\u{2066}c\u{2069}é"), "abcé");
    }

    #[test]
    fn one_line_is_plain_and_short() {
        assert_eq!(one_line(" a\u{1b}[1;31mb\u{1b}[0m\r\nc\u{202e}d ", 3), "abc");
    }

    #[test]
    fn a_line_is_cut_where_the_terminal_ends() {
        let line = "\u{1b}[31mred\u{1b}[0m and more";
        assert_eq!(clip(line, 12), line);
        assert_eq!(clip(line, 5), "\u{1b}[31mred\u{1b}[0m \u{1b}[0m…");
        assert_eq!(clip(line, 2), "\u{1b}[31mr\u{1b}[0m…");
    }

    #[test]
    fn only_a_terminal_gets_tamed_text() {
        for (acts, text) in [(true, "a]0;x"), (false, "a\u{1b}]0;x")] {
            let mut stream = Vec::new();
            put(&mut stream, acts, "a\u{1b}]0;x").unwrap();
            assert_eq!(String::from_utf8(stream).unwrap(), text);
        }
    }
}
