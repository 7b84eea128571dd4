//! How long answers take: a histogram with a bounded number of buckets.

use std::collections::BTreeMap;
use std::time::Duration;

/// Buckets for each doubling of the latency, as a power of two: a percentile is wrong by at most 1/16.
const PARTS: u32 = 4;

/// How long answers took, as counts in buckets that widen with the latency: 464 at most, up to 49 days.
///
/// A bucket knows the sum of what it holds, so that equal latencies come out as they went in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Latencies {
    buckets: BTreeMap<u32, Bucket>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    count: u64,
    total_ms: u64,
}

impl Latencies {
    /// Adds a latency so many times.
    pub(super) fn add(&mut self, latency: Duration, times: u32) {
        let ms = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX);
        let bucket = self.buckets.entry(index(ms)).or_default();
        bucket.count += u64::from(times);
        bucket.total_ms = bucket.total_ms.saturating_add(u64::from(ms) * u64::from(times));
    }

    /// Returns the latency that so many in a hundred do not exceed; `None`: there is none.
    pub(super) fn percentile(&self, percent: u32) -> Option<Duration> {
        let count: u64 = self.buckets.values().map(|bucket| bucket.count).sum();
        let rank = (count * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let at = self.buckets.values().find(|bucket| {
            seen += bucket.count;
            seen >= rank
        })?;
        Some(Duration::from_millis(at.total_ms / at.count.max(1)))
    }
}

/// The position of a latency's bucket: the highest bit that is set and the four after it.
fn index(ms: u32) -> u32 {
    let Some(doublings) = ms.checked_ilog2().and_then(|bits| bits.checked_sub(PARTS)) else { return ms };
    ((doublings + 1) << PARTS) + ((ms >> doublings) & ((1 << PARTS) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_are_in_order_and_bounded() {
        for ms in 0..100_000 {
            assert!(index(ms) == index(ms + 1) || index(ms) + 1 == index(ms + 1), "at {ms}");
        }
        assert_eq!(index(u32::MAX), 463);
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Latencies::default().percentile(95), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_near_the_true_ones(
            mut all in proptest::collection::vec(0..=u32::MAX, 1..200),
            percent in 1..=100u32,
        ) {
            let mut latencies = Latencies::default();
            for ms in &all {
                latencies.add(Duration::from_millis(u64::from(*ms)), 1);
            }
            all.sort_unstable();
            let rank = (all.len() * percent as usize).div_ceil(100);
            let (exact, told) = (u128::from(all[rank - 1]), latencies.percentile(percent).unwrap().as_millis());
            prop_assert!(exact.abs_diff(told) <= exact / 16, "{told} for {exact}");
        }

        #[test]
        fn equal_latencies_come_out_as_they_went_in(ms in any::<u32>(), times in 1..1000u32) {
            let mut latencies = Latencies::default();
            latencies.add(Duration::from_millis(u64::from(ms)), times);
            prop_assert_eq!(latencies.percentile(50), latencies.percentile(95));
            prop_assert_eq!(latencies.percentile(95), Some(Duration::from_millis(u64::from(ms))));
        }
    }
}
