//! What a run comes to, in figures.

use std::time::Duration;

use serde::Serialize;

use super::Told;
use super::workload::Workload;

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Changes that landed.
    Landed,
    /// Landings an hour, from the first approval to the last landing.
    LandedPerH,
    /// Time from the first approval to the landing, in seconds: half of the changes took less.
    TurnaroundP50S,
    /// Nine of ten took less.
    TurnaroundP90S,
    /// Ninety-nine of a hundred took less.
    TurnaroundP99S,
    /// The mean of it over the oracle's.
    TurnaroundOverOracle,
    /// Builds that started, for each change that landed.
    BuildsPerLanding,
    /// Share of the builds that did not speak for a tree that landed.
    Wasted,
    /// Share of the good changes that were failed.
    Blamed,
    /// Share of the bad changes that landed though their driver was not broken before.
    GuiltyLanded,
    /// Share of the bad changes that landed while their driver was broken anyway.
    GuiltyMasked,
    /// Times that running builds of an item were ended because what is ahead of it changed, for each change that landed.
    RestartsPerLanding,
    /// The window's mean size, in items; 0: none.
    Window,
    /// The oracle's time from approval to landing, in seconds.
    OracleP50S,
    /// Nine of ten took less.
    OracleP90S,
    /// The oracle's builds for each change that landed.
    OracleBuildsPerLanding,
}

impl Figure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 16] = [
        Self::Landed,
        Self::LandedPerH,
        Self::TurnaroundP50S,
        Self::TurnaroundP90S,
        Self::TurnaroundP99S,
        Self::TurnaroundOverOracle,
        Self::BuildsPerLanding,
        Self::Wasted,
        Self::Blamed,
        Self::GuiltyLanded,
        Self::GuiltyMasked,
        Self::RestartsPerLanding,
        Self::Window,
        Self::OracleP50S,
        Self::OracleP90S,
        Self::OracleBuildsPerLanding,
    ];

    /// Returns its name in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Landed => "landed",
            Self::LandedPerH => "landed_per_h",
            Self::TurnaroundP50S => "turnaround_p50_s",
            Self::TurnaroundP90S => "turnaround_p90_s",
            Self::TurnaroundP99S => "turnaround_p99_s",
            Self::TurnaroundOverOracle => "turnaround_over_oracle",
            Self::BuildsPerLanding => "builds_per_landing",
            Self::Wasted => "wasted",
            Self::Blamed => "blamed",
            Self::GuiltyLanded => "guilty_landed",
            Self::GuiltyMasked => "guilty_masked",
            Self::RestartsPerLanding => "restarts_per_landing",
            Self::Window => "window",
            Self::OracleP50S => "oracle_p50_s",
            Self::OracleP90S => "oracle_p90_s",
            Self::OracleBuildsPerLanding => "oracle_builds_per_landing",
        }
    }
}

/// Every figure of one run, in the order of [`Figure::ALL`].
#[derive(Debug, Clone, PartialEq)]
pub struct Figures(Vec<f64>);

impl Figures {
    /// Returns a figure.
    pub fn of(&self, figure: Figure) -> f64 {
        Figure::ALL.iter().zip(&self.0).find(|(known, _)| **known == figure).map_or(0.0, |(_, value)| *value)
    }
}

pub(super) fn of(workload: &Workload, gate: &Told, oracle: &Told) -> Figures {
    let is_bad = |index: usize| workload.changes[index].bad.is_some();
    let from = gate.measure.from;
    let bad = (from..workload.changes.len()).filter(|index| is_bad(*index)).count();
    let good = workload.changes.len() - from - bad;
    let guilty = measured(gate).filter(|(index, _)| is_bad(*index)).count();
    let masked = gate.masked.range(from..).count();
    let (times, known) = (times(gate), times(oracle));
    let landed = times.len();
    let span = gate.measure.last.zip(gate.measure.began);
    let span = span.map_or(Duration::ZERO, |(last, first)| last.since(first));
    let started = gate.measure.started;
    let value = |figure| match figure {
        Figure::Landed => count(landed),
        Figure::LandedPerH => over(count(landed), span.as_secs_f64() / 3600.0),
        Figure::TurnaroundP50S => percentile(&times, 50),
        Figure::TurnaroundP90S => percentile(&times, 90),
        Figure::TurnaroundP99S => percentile(&times, 99),
        Figure::TurnaroundOverOracle => over(mean(&times), mean(&known)),
        Figure::BuildsPerLanding => over(count(started), count(landed)),
        Figure::Wasted => over(count(started.saturating_sub(gate.measure.useful)), count(started)),
        Figure::Blamed => over(count(gate.blamed), count(good)),
        Figure::GuiltyLanded => over(count(guilty - masked), count(bad)),
        Figure::GuiltyMasked => over(count(masked), count(bad)),
        Figure::RestartsPerLanding => over(count(gate.measure.restarts), count(landed)),
        Figure::Window => gate.measure.window(),
        Figure::OracleP50S => percentile(&known, 50),
        Figure::OracleP90S => percentile(&known, 90),
        Figure::OracleBuildsPerLanding => over(count(oracle.measure.started), count(known.len())),
    };
    Figures(Figure::ALL.into_iter().map(value).collect())
}

/// Returns what landed of the changes that are measured, and after how long.
fn measured(told: &Told) -> impl Iterator<Item = (usize, Duration)> {
    told.measure.landed.iter().copied().filter(|(index, _)| *index >= told.measure.from)
}

/// Returns how long each landing took in seconds, the shortest first.
fn times(told: &Told) -> Vec<f64> {
    let mut times: Vec<f64> = measured(told).map(|(_, time)| time.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Returns what so many in a hundred are not above.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

fn mean(values: &[f64]) -> f64 {
    over(values.iter().sum(), count(values.len()))
}

fn over(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
fn count(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}
