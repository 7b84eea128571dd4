//! Durations as people write them.

use std::fmt::Write as _;
use std::time::Duration;

const UNITS: [(&str, u128); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Returns a duration in the units of the configuration, the largest first: `1h30m`, `90s` as `1m30s`, `0s`.
pub fn in_words(duration: Duration) -> String {
    let (mut rest, mut text) = (duration.as_millis(), String::new());
    for (unit, size) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            write!(text, "{count}{unit}").expect("a string takes all text");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads a duration as [`in_words`] writes it, in any order and number of units; `None` if it is not one.
pub fn from_words(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, 0_u128);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(count.parse::<u128>().ok()?.checked_mul(*size)?)?;
        rest = after;
    }
    let total = u64::try_from(total).ok()?;
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for text in ["0s", "5s", "1m30s", "35m", "1h30m", "1d1h1m1s1ms"] {
            assert_eq!(from_words(text).map(in_words).as_deref(), Some(text));
        }
        assert_eq!(from_words("90m"), from_words("1h30m"));
        for text in ["", "5", "m", "5x", "5 m", "-5m", "99999999999999999999d"] {
            assert_eq!(from_words(text), None, "{text}");
        }
    }

    #[test]
    fn the_largest_unit_comes_first() {
        let words = [0, 5_000, 90_000, 2_100_000, 5_400_000, 90_061_001]
            .map(|ms| in_words(Duration::from_millis(ms)));
        assert_eq!(words, ["0s", "5s", "1m30s", "35m", "1h30m", "1d1h1m1s1ms"]);
    }
}
