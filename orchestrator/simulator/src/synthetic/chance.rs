//! Chance that is the same for the same seed, and that one draw more does not shift.

use oorandom::Rand64;

/// Draws that belong to one thing: a change, a build, a driver.
#[derive(Debug)]
pub(super) struct Chance(Rand64);

impl Chance {
    /// Makes the draws of what a seed and some numbers name.
    pub(super) fn of(seed: u64, parts: &[u64]) -> Self {
        let mixed = parts.iter().fold(mix(seed), |mixed, part| mix(mixed ^ mix(part.wrapping_add(1))));
        Self(Rand64::new(u128::from(mixed)))
    }

    /// Draws from 0 to 1, without 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0.rand_float()
    }

    /// Draws whether something is so that is so at a rate.
    pub(super) fn happens(&mut self, rate: f64) -> bool {
        self.share() < rate
    }

    /// Draws a position among so many; there must be one.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(self.0.rand_range(0..count)).unwrap_or(0)
    }

    /// Draws a time to the next of events that come at random, if they come so often on average.
    pub(super) fn gap(&mut self, mean: f64) -> f64 {
        -(1.0 - self.share()).ln() * mean
    }

    /// Draws from a normal distribution: twelve even draws come near enough, and need nothing that a platform could round
    /// otherwise.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// Spreads the bits of a number (the finaliser of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
