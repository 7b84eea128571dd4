//! What a gating driver lacks of the standing that gating asks for, in words.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What a gating driver lacks of what gating asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "lacks")]
pub enum BelowBar {
    /// Its history is too short.
    Runs {
        /// Runs that it has.
        has: u32,
        /// Runs that it is to have.
        asks: u32,
    },
    /// Too many of its failures were nobody's fault.
    FalseFailures {
        /// False failures in a million runs.
        share_ppm: u32,
        /// How many there may be.
        allows_ppm: u32,
    },
    /// Its answers are late.
    P95 {
        /// The 95th percentile of its slowest job.
        #[serde(rename = "is_ms", serialize_with = "crate::build::millis::serialize")]
        is: Duration,
        /// What it may be.
        #[serde(rename = "allows_ms", serialize_with = "crate::build::millis::serialize")]
        allows: Duration,
    },
}

impl fmt::Display for BelowBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs { has: 1, asks } => write!(f, "1 run in its history: gating asks for {asks}"),
            Self::Runs { has, asks } => write!(f, "{has} runs in its history: gating asks for {asks}"),
            Self::FalseFailures { share_ppm, allows_ppm } => {
                write!(f, "{} false failures: gating allows {}", Percent(*share_ppm), Percent(*allows_ppm))
            }
            Self::P95 { is, allows } => write!(
                f,
                "95 % of its answers take up to {}: gating allows {}",
                Minutes(*is),
                Minutes(*allows)
            ),
        }
    }
}

/// Parts per million, as percent with as many places as they have.
struct Percent(u32);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(f, "{whole} %");
        }
        write!(f, "{whole}.{} %", format!("{rest:04}").trim_end_matches('0'))
    }
}

/// A duration in minutes and seconds.
struct Minutes(Duration);

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs() / 60, self.0.as_secs() % 60) {
            (0, seconds) => write!(f, "{seconds}s"),
            (minutes, 0) => write!(f, "{minutes}m"),
            (minutes, seconds) => write!(f, "{minutes}m{seconds}s"),
        }
    }
}
