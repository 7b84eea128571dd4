//! What is said, and where: stdout is data, stderr is talk.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use crossgate_config::Diagnostic;
use serde::Serialize;

use crate::cli::{Color, Format, Global};
use crate::error::CliError;

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
    progress: bool,
    color: bool,
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
            progress: io::stderr().is_terminal() && !global.quiet,
            color: err != anstream::ColorChoice::Never,
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
        self.progress
    }

    /// Returns whether more is to be said.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Returns whether nothing but data is to be printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a line of data.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        written(writeln!(self.stdout, "{text}"))
    }

    /// Prints data as it is, without a line end.
    pub(crate) fn raw(&mut self, text: impl Display) -> Result<(), CliError> {
        written(write!(self.stdout, "{text}").and_then(|()| self.stdout.flush()))
    }

    /// Prints text from outside: as it is into a file or a pipe, tamed on a terminal.
    pub(crate) fn foreign(&mut self, text: &str) -> Result<(), CliError> {
        if io::stdout().is_terminal() { self.raw(tame(text)) } else { self.raw(text) }
    }

    /// Prints an object as JSON, with the version of its shape.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let versioned = Versioned { version: JSON_VERSION, value };
        let text = serde_json::to_string_pretty(&versioned).map_err(CliError::internal)?;
        self.line(text)
    }

    /// Says something to whoever watches.
    pub(crate) fn note(&mut self, text: impl Display) -> Result<(), CliError> {
        if self.quiet { Ok(()) } else { self.tell(text) }
    }

    /// Says something that must be heard.
    pub(crate) fn tell(&mut self, text: impl Display) -> Result<(), CliError> {
        written(writeln!(self.stderr, "{text}"))
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
        let mut text = error.to_string();
        // What the system said is the last link of the chain; a bound, should a link ever lead to itself.
        for cause in std::iter::successors(std::error::Error::source(error), |error| error.source()).take(8) {
            text.push_str(": ");
            text.push_str(&cause.to_string());
        }
        self.tell(format_args!("{}error:{} {text}", RED.bold(), reset()))?;
        match error.hint() {
            Some(hint) => self.tell(format_args!("  {}hint:{} {hint}", CYAN, reset())),
            None => Ok(()),
        }
    }
}

/// A reader that has gone away is not an error: the command goes on, and its exit status says how it went.
fn written(result: io::Result<()>) -> Result<(), CliError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(CliError::Output),
    }
}

fn reset() -> anstyle::Reset {
    anstyle::Reset
}

/// Returns how wide diagnostics may be, in characters.
fn width() -> usize {
    110
}

/// Takes out of a text from outside (a commit's title, a build's output) what would act on a terminal: every control
/// sequence but those for colour.
pub(crate) fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let sgr = rest.strip_prefix("\u{1b}[").and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            after[end..].starts_with('m').then_some(2 + end + 1)
        });
        let taken = sgr.unwrap_or(c.len_utf8());
        if sgr.is_some() || !c.is_control() || matches!(c, '\n' | '\t') {
            tamed.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    tamed
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
    }
}
