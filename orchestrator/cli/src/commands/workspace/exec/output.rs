//! What a command says: its start and its end kept, or each line handed on.

use crate::commands::workspace::each::Voice;

/// A line is cut here, in bytes.
const LINE: usize = 64 << 10;

/// Takes what a command says.
pub(super) enum Sink {
    Kept(Kept),
    Lines(Lines),
}

impl Sink {
    pub(super) async fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Kept(kept) => kept.push(bytes),
            Self::Lines(lines) => lines.push(bytes).await,
        }
    }
}

/// The start and the end of an output.
#[derive(Debug)]
pub(super) struct Kept {
    limit: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: u64,
}

impl Kept {
    /// Keeps `limit` bytes at the start, and as many to twice as many at the end.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, head: Vec::new(), tail: Vec::new(), left_out: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        if self.tail.len() > 2 * self.limit {
            let cut = self.tail.len() - self.limit;
            self.tail.drain(..cut);
            self.left_out += cut as u64;
        }
    }

    /// Returns how many bytes of the middle are not kept.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the text, with a line where the middle was.
    pub(super) fn text(&self) -> String {
        let cut = match self.left_out {
            0 => String::new(),
            bytes => format!("\n… {bytes} bytes left out …\n"),
        };
        String::from_utf8_lossy(&[&self.head, cut.as_bytes(), &self.tail].concat()).into_owned()
    }
}

/// Lines, handed on as they are complete.
pub(super) struct Lines {
    voice: Voice,
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn new(voice: Voice) -> Self {
        Self { voice, begun: Vec::new() }
    }

    async fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") || self.begun.len() > LINE {
                self.say().await;
            }
        }
    }

    async fn say(&mut self) {
        let line = String::from_utf8_lossy(&self.begun).trim_end_matches(['\n', '\r']).to_owned();
        self.begun.clear();
        self.voice.say(line).await;
    }

    /// Hands on what is left.
    pub(super) async fn end(mut self) {
        if !self.begun.is_empty() {
            self.say().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_and_end_are_kept_and_memory_is_bounded() {
        let mut kept = Kept::new(100);
        for number in 0..1_000 {
            kept.push(format!("line {number}\n").as_bytes());
        }
        assert!(kept.head.len() + kept.tail.len() <= 300);
        let text = kept.text();
        assert!(text.starts_with("line 0\n") && text.ends_with("line 999\n"), "{text}");
        assert!(text.contains(&format!("… {} bytes left out …", kept.left_out())), "{text}");
        let all = (0..1_000).map(|number| format!("line {number}\n").len() as u64).sum::<u64>();
        assert_eq!((kept.head.len() + kept.tail.len()) as u64 + kept.left_out(), all);
    }

    #[test]
    fn what_fits_is_whole() {
        let mut kept = Kept::new(4);
        kept.push(b"abcdefgh");
        assert_eq!((kept.text().as_str(), kept.left_out()), ("abcdefgh", 0));
    }
}
