//! Durations as people write them.

use std::fmt::Write as _;
use std::time::Duration;

/// Returns a duration in the units of the configuration, the largest first: `1h30m`, `90s` as `1m30s`, `0s`.
pub fn in_words(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (mut rest, mut text) = (ms, String::new());
    for (unit, size) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            write!(text, "{count}{unit}").expect("a string takes all text");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_comes_first() {
        let words = [0, 5_000, 90_000, 2_100_000, 5_400_000, 90_061_001]
            .map(|ms| in_words(Duration::from_millis(ms)));
        assert_eq!(words, ["0s", "5s", "1m30s", "35m", "1h30m", "1d1h1m1s1ms"]);
    }
}
