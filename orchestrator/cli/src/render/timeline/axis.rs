//! The time axis: where a time is, and which times are named.

use std::time::Duration;

use crossgate_simulator::{from_words, in_words};
use serde::Serialize;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Steps between ticks, in ms, that a person can count in.
const STEPS: [u64; 27] = [
    1,
    10,
    100,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    30 * DAY,
    100 * DAY,
    300 * DAY,
];

/// Most ticks beside the one at the start.
const MAX_TICKS: u64 = 10;

/// Where times are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    left: u64,
    width: u64,
    /// The latest time, in ms; at least 1.
    end: u64,
}

/// A named time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Tick {
    pub(super) x: u64,
    pub(super) label: String,
}

impl Axis {
    /// Makes an axis on which all of these times have a place.
    pub(super) fn new<'a>(left: u64, width: u64, times: impl Iterator<Item = &'a str>) -> Self {
        Self { left, width, end: times.map(ms).max().unwrap_or_default().max(1) }
    }

    /// Returns where a time is.
    pub(super) fn x(&self, time: &str) -> u64 {
        self.at(ms(time))
    }

    /// Returns where the axis ends.
    pub(super) fn right(&self) -> u64 {
        self.left + self.width
    }

    fn at(&self, ms: u64) -> u64 {
        let offset = u128::from(ms.min(self.end)) * u128::from(self.width) / u128::from(self.end);
        self.left + u64::try_from(offset).expect("it is at most the width")
    }

    /// Returns the times that are named, from 0.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let fits = |step: &u64| self.end / step <= MAX_TICKS;
        let step = STEPS.into_iter().find(fits).unwrap_or(self.end / MAX_TICKS);
        let times = (0..=self.end / step).map(|n| n * step);
        times.map(|ms| Tick { x: self.at(ms), label: in_words(Duration::from_millis(ms)) }).collect()
    }
}

/// Returns a time of an outcome in ms.
pub(super) fn ms(time: &str) -> u64 {
    let time = from_words(time).expect("an outcome's times are written as durations");
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_times_that_people_count_in() {
        let table = [
            ("0s", "0s 1ms"),
            ("8s", "0s 1s 2s 3s 4s 5s 6s 7s 8s"),
            ("35m", "0s 5m 10m 15m 20m 25m 30m 35m"),
            ("1h30m", "0s 10m 20m 30m 40m 50m 1h 1h10m 1h20m 1h30m"),
            ("3d1h", "0s 12h 1d 1d12h 2d 2d12h 3d"),
        ];
        for (end, labels) in table {
            let axis = Axis::new(100, 960, [end].into_iter());
            let ticks: Vec<_> = axis.ticks().into_iter().map(|tick| tick.label).collect();
            assert_eq!(ticks.join(" "), labels);
        }
    }

    #[test]
    fn the_first_time_is_at_the_left_and_the_last_at_the_right() {
        let axis = Axis::new(100, 960, ["10m", "1h"].into_iter());
        assert_eq!(["0s", "30m", "1h", "2h"].map(|time| axis.x(time)), [100, 580, 1060, 1060]);
        assert!(Axis::new(0, 960, ["300000d"].into_iter()).ticks().len() < 15);
    }
}
