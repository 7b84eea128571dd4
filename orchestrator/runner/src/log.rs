//! A build's log: stored bounded with head and tail kept, and passed on line by line.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};

use crate::event::Event;

/// Enough for the list of failures at the end of a test run.
const RECENT: usize = 256 << 10;
/// A line longer than this is passed on in pieces.
const LINE: usize = 16 << 10;

/// What a step says before anything of the job's runs, so that a sandbox that fails is never taken for a job that does.
const STARTED: &[u8] = b"\x01started\n";

/// The log of one build while it runs.
pub(crate) struct BuildLog<'a> {
    file: File,
    half: usize,
    head: usize,
    tail: VecDeque<u8>,
    left_out: u64,
    recent: VecDeque<u8>,
    line: Vec<u8>,
    passed_on: usize,
    /// What came before a step said that it was started.
    before_start: Option<Vec<u8>>,
    sink: &'a dyn Fn(Event),
}

impl<'a> BuildLog<'a> {
    /// Takes an empty file, the bound in bytes and who listens.
    pub(crate) fn new(file: File, limit: u64, sink: &'a dyn Fn(Event)) -> Self {
        let half = usize::try_from(limit / 2).unwrap_or(usize::MAX);
        let (tail, recent, line) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Self { file, half, head: 0, tail, left_out: 0, recent, line, passed_on: 0, before_start: None, sink }
    }

    /// Passes an event on that is no output.
    pub(crate) fn event(&self, event: Event) {
        (self.sink)(event);
    }

    /// Starts a step: its failure is to be told by its own output.
    pub(crate) fn step(&mut self, n: u32, of: u32, script: &str) -> io::Result<()> {
        self.end_line();
        self.event(Event::Step { n, of });
        let first: String = script.trim().lines().next().unwrap_or_default().chars().take(200).collect();
        self.store(format!("[crossgate] step {n} of {of}: {first}\n").as_bytes())?;
        self.recent.clear();
        self.before_start = Some(Vec::new());
        Ok(())
    }

    /// Adds a line of the runner's own.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        self.end_line();
        let line = format!("[crossgate] {text}");
        (self.sink)(Event::Line(line.clone()));
        self.store(format!("{line}\n").as_bytes())
    }

    /// Adds output as it came, without the words by which a step says that it was started.
    pub(crate) fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(mut before) = self.before_start.take() else { return self.add(bytes) };
        before.extend_from_slice(bytes);
        if let Some(at) = before.windows(STARTED.len()).position(|window| window == STARTED) {
            self.add(&before[..at])?;
            return self.add(&before[at + STARTED.len()..]);
        }
        // Nothing that may come before is longer; a step that did not start would not print so much either.
        let keep = before.len().min(RECENT);
        self.before_start = Some(before.split_off(before.len() - keep));
        Ok(())
    }

    /// Says whether the current step has been started; what came before one that was not is its output.
    pub(crate) fn has_started(&mut self) -> io::Result<bool> {
        match self.before_start.take() {
            Some(before) => self.add(&before).map(|()| false),
            None => Ok(true),
        }
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        keep_last(&mut self.recent, bytes, RECENT);
        self.pass_on(bytes);
        self.store(bytes)
    }

    /// Returns the end of the current step's output.
    pub(crate) fn recent(&self) -> String {
        let (front, back) = self.recent.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }

    /// Writes what was held back.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.end_line();
        if self.left_out > 0 {
            writeln!(self.file, "\n[crossgate] {} bytes are left out here", self.left_out)?;
        }
        let (front, back) = self.tail.as_slices();
        self.file.write_all(front)?;
        self.file.write_all(back)?;
        self.file.flush()
    }

    fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head));
        self.file.write_all(head)?;
        self.head += head.len();
        self.left_out += keep_last(&mut self.tail, rest, self.half);
        Ok(())
    }

    /// Passes on at most as much as is stored: nobody reads more, and 500 million lines take minutes to pass on.
    fn pass_on(&mut self, bytes: &[u8]) {
        if self.passed_on >= 2 * self.half {
            return;
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            for part in piece.chunks(LINE) {
                self.line.extend_from_slice(part);
                if self.line.ends_with(b"\n") || self.line.len() >= LINE {
                    self.end_line();
                }
            }
            if self.passed_on >= 2 * self.half {
                let note = "[crossgate] too much output to go on showing it; its end will be in the log";
                (self.sink)(Event::Line(note.to_owned()));
                return;
            }
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        self.passed_on += self.line.len();
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        (self.sink)(Event::Line(String::from_utf8_lossy(text).into_owned()));
        self.line.clear();
    }
}

/// Appends, keeps the last `limit` bytes and returns how many fell out.
fn keep_last(kept: &mut VecDeque<u8>, bytes: &[u8], limit: usize) -> u64 {
    let new = &bytes[bytes.len().saturating_sub(limit)..];
    let out = (kept.len() + new.len()).saturating_sub(limit);
    kept.drain(..out);
    kept.extend(new);
    (out + bytes.len() - new.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn logged(limit: u64, chunks: &[&[u8]]) -> (Vec<u8>, Vec<Event>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let events = RefCell::new(Vec::new());
        let sink = |event| events.borrow_mut().push(event);
        let mut log = BuildLog::new(file.reopen().unwrap(), limit, &sink);
        for chunk in chunks {
            log.output(chunk).unwrap();
        }
        log.finish().unwrap();
        (std::fs::read(file.path()).unwrap(), events.into_inner())
    }

    fn line(text: &str) -> Event {
        Event::Line(text.to_owned())
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let (text, events) = logged(100, &[b"a", b"b\nc\r\n", b"\xff", b"d"]);
        assert_eq!(text, b"ab\nc\r\n\xffd");
        assert_eq!(events, [line("ab"), line("c"), line("\u{fffd}d")]);
    }

    #[test]
    fn head_and_tail_are_kept_and_the_cut_is_said() {
        let (text, _) = logged(20, &[b"0123456789", b"abcdefghijklmnop", b"qrstuvwxyz"]);
        assert_eq!(text, b"0123456789\n[crossgate] 16 bytes are left out here\nqrstuvwxyz");
        let (text, _) = logged(20, &[b"0123456789abcdefghijklmnopqrstuvwxyz"]);
        assert_eq!(text, b"0123456789\n[crossgate] 16 bytes are left out here\nqrstuvwxyz");
    }

    #[test]
    fn a_step_says_once_that_it_was_started() {
        let sink = |_| {};
        let mut log = BuildLog::new(tempfile::tempfile().unwrap(), 100, &sink);
        log.step(1, 2, "true").unwrap();
        for chunk in ["warned\n\x01sta", "rted\nout", "\x01started\n"] {
            log.output(chunk.as_bytes()).unwrap();
        }
        assert!(log.has_started().unwrap());
        assert_eq!(log.recent(), "warned\nout\x01started\n");
        log.step(2, 2, "true").unwrap();
        log.output(b"no such sandbox\n").unwrap();
        assert!(!log.has_started().unwrap());
        assert_eq!(log.recent(), "no such sandbox\n");
    }

    #[test]
    fn nothing_is_cut_up_to_the_bound() {
        let (text, _) = logged(20, &[b"0123456789abcdefghij"]);
        assert_eq!(text, b"0123456789abcdefghij");
    }

    #[test]
    fn a_long_line_is_passed_on_in_pieces_and_a_flood_is_not() {
        let long = vec![b'x'; LINE * 2 + 5];
        let (_, events) = logged(1 << 20, &[&long, b"\n"]);
        let lengths: Vec<_> =
            events.iter().map(|event| matches!(event, Event::Line(l) if l.len() <= LINE)).collect();
        assert_eq!(lengths, [true; 3]);
        let (_, events) = logged(100, &[&b"y\n".repeat(1000)]);
        assert_eq!(events.len(), 51);
    }
}
