//! Released cycles: their files never change.

use std::collections::BTreeMap;
use std::fmt;

/// The digest of a text (FNV-1a, 64 bits): tells a slip, not an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// Digests a text.
    pub fn of(text: &str) -> Self {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// Reads 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The released cycles, each with the digest of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Released(pub BTreeMap<u32, Digest>);

/// A line of the list of released cycles that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected a cycle and 16 hexadecimal digits, or a comment after `#`")]
pub struct ReleasedError {
    /// The line, from 1.
    pub line: usize,
}

impl Released {
    /// Reads the list: a line a cycle, `1 0123456789abcdef`, and comments after `#`.
    ///
    /// # Errors
    /// [`ReleasedError`] for a line that is of another shape, or of a cycle that has one already.
    pub fn parse(text: &str) -> Result<Self, ReleasedError> {
        let mut released = Self::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let error = || ReleasedError { line: number };
            let (cycle, digest) = line.split_once(' ').ok_or_else(error)?;
            let cycle = cycle.parse().ok().ok_or_else(error)?;
            let digest = Digest::parse(digest.trim()).ok_or_else(error)?;
            if released.0.insert(cycle, digest).is_some() {
                return Err(error());
            }
        }
        Ok(released)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_a_wrong_line_told() {
        let released =
            Released::parse("# released\n1 cbf29ce484222325\n\n2 0000000000000001 # soon\n").unwrap();
        assert_eq!(released.0[&1], Digest::of(""));
        assert_eq!(released.0[&2].to_string(), "0000000000000001");
        for wrong in ["1 12", "x cbf29ce484222325", "1", "1 cbf29ce484222325\n1 cbf29ce484222325"] {
            let line = wrong.lines().count();
            assert_eq!(Released::parse(wrong), Err(ReleasedError { line }), "{wrong}");
        }
    }
}
