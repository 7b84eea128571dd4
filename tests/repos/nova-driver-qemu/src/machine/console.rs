//! What a guest has printed on its first serial port, and where to use it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use nova_api::{BackendError, ConsoleEndpoint, ConsoleOutput, EndpointAddress};

use crate::durable::if_there;
use crate::failure::OrFailed as _;
use crate::machine::Machine;
use crate::machine::growing::KEPT;

/// The longest path that a client can connect to.
const SOCKET_PATH: usize = 107;

impl Machine {
    /// Returns the last that the guest has printed.
    pub(crate) fn console_output(&self, limit: u32) -> Result<ConsoleOutput, BackendError> {
        let path = self.console_log();
        let unreadable = || format!("`{}` cannot be read", path.display());
        match if_there(File::open(&path)).or_failed(unreadable)? {
            Some(mut file) => tail(&mut file, u64::from(limit)).or_failed(unreadable),
            None => Ok(ConsoleOutput::new("", false)),
        }
    }

    /// Says where the guest's serial port is while it is on.
    pub(crate) fn console_endpoint(&self) -> Result<ConsoleEndpoint, BackendError> {
        let path = self.run().join("console");
        match path.to_str() {
            Some(path) if path.len() <= SOCKET_PATH => {
                Ok(ConsoleEndpoint::new(EndpointAddress::UnixSocket { path: path.to_owned() }))
            }
            _ => {
                let why = format!(
                    "a client cannot connect to `{}`: the path is too long",
                    path.display()
                );
                Err(BackendError::new(why))
            }
        }
    }
}

fn tail(file: &mut File, limit: u64) -> io::Result<ConsoleOutput> {
    let limit = limit.min(KEPT);
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    // A character that was cut in two is left out, so that no more is returned than was asked for.
    let whole = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let start = if length > limit { whole } else { 0 };
    let mut text = String::from_utf8_lossy(&bytes[start..]).into_owned();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Replacements may be longer than what they replace.
    let surplus = text.len().saturating_sub(limit);
    let cut = (surplus..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text.drain(..cut);
    Ok(ConsoleOutput::new(text, length > limit as u64 || cut > 0))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tail_of(bytes: &[u8], limit: u64) -> (String, bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        fs::write(&path, bytes).unwrap();
        let output = tail(&mut File::open(path).unwrap(), limit).unwrap();
        (output.text, output.cut)
    }

    #[test]
    fn the_last_is_returned_and_whether_there_was_more() {
        assert_eq!(tail_of(b"one\ntwo\n", 100), ("one\ntwo\n".to_owned(), false));
        assert_eq!(tail_of(b"one\ntwo\n", 8), ("one\ntwo\n".to_owned(), false));
        assert_eq!(tail_of(b"one\ntwo\n", 4), ("two\n".to_owned(), true));
        assert_eq!(tail_of(b"one", 0), (String::new(), true));
    }

    #[test]
    fn characters_are_whole_and_no_more_than_asked_for() {
        assert_eq!(tail_of("aé".as_bytes(), 1), (String::new(), true));
        assert_eq!(tail_of(b"\xff\xff\xff", 4), ("\u{fffd}".to_owned(), true));
    }
}
