//! From outcomes to a verdict. A red outcome is a question, not an answer.

mod judgement;

use std::time::Duration;

use serde::Serialize;

use crate::build::Signature;
use crate::ids::Timestamp;
use crate::plan::Vote;
use crate::workspace::Policy;
pub use judgement::{Evidence, Judgement, Leaning, Runs, judge, leaning};

/// What is concluded for a change, a driver and a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The candidate passes.
    Passed,
    /// The candidate fails, the baseline passes, and that is no flake.
    Regressed {
        /// Runs of the candidate that failed.
        failed: u32,
        /// Runs of the candidate.
        of: u32,
        /// What the failure looks like.
        signature: Signature,
    },
    /// Both fail, and look the same.
    BrokenBefore {
        /// What the failure looks like.
        signature: Signature,
    },
    /// Both fail, and look different.
    BrokenDifferently {
        /// What the candidate's failure looks like.
        signature: Signature,
        /// What the baseline's failure looks like.
        before: Signature,
    },
    /// The candidate passes, the baseline fails.
    Fixed,
    /// The candidate fails at times, as it does on any tree.
    Flaky {
        /// Runs of the candidate that failed.
        failed: u32,
        /// Runs of the candidate.
        of: u32,
    },
    /// The rig failed, and the retries are used up.
    Infra {
        /// What failed.
        reason: String,
    },
    /// Planned not to run.
    NotApplicable {
        /// Why.
        reason: String,
    },
    /// No baseline could be had, or no confirmation, or the runs leave it open.
    Unknown {
        /// Why.
        reason: String,
    },
    /// The driver was not heard of by its deadline.
    Absent {
        /// How long it was waited for.
        #[serde(rename = "after_ms", serialize_with = "crate::build::millis::serialize")]
        after: Duration,
        /// Whether the driver's silence keeps a change from landing.
        blocks: bool,
    },
    /// A human passed over another verdict.
    Waived {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
        /// The word of the verdict that was passed over.
        #[serde(rename = "passed_over")]
        verdict: &'static str,
    },
}

impl Verdict {
    /// Returns whether anything is known: a headline names the share that is not.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Infra { .. } | Self::Unknown { .. } | Self::Absent { .. } => false,
            Self::Waived { verdict, .. } => !matches!(*verdict, "infra" | "unknown" | "absent"),
            Self::Passed
            | Self::Regressed { .. }
            | Self::BrokenBefore { .. }
            | Self::BrokenDifferently { .. }
            | Self::Fixed
            | Self::Flaky { .. }
            | Self::NotApplicable { .. } => true,
        }
    }

    /// Returns the verdict's one word, as in the glossary.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Regressed { .. } => "regressed",
            Self::BrokenBefore { .. } => "broken-before",
            Self::BrokenDifferently { .. } => "broken-differently",
            Self::Fixed => "fixed",
            Self::Flaky { .. } => "flaky",
            Self::Infra { .. } => "infra",
            Self::NotApplicable { .. } => "not-applicable",
            Self::Unknown { .. } => "unknown",
            Self::Absent { .. } => "absent",
            Self::Waived { .. } => "waived",
        }
    }

    /// Returns whether it keeps a change from landing, given what the driver's vote means.
    pub fn blocks(&self, vote: Vote, policy: &Policy) -> bool {
        vote == Vote::Gating
            && match self {
                Self::Regressed { .. } => true,
                Self::Infra { .. } => policy.infra_blocks,
                Self::Unknown { .. } => policy.unknown_blocks,
                Self::Absent { blocks, .. } => *blocks,
                Self::Passed
                | Self::BrokenBefore { .. }
                | Self::BrokenDifferently { .. }
                | Self::Fixed
                | Self::Flaky { .. }
                | Self::NotApplicable { .. }
                | Self::Waived { .. } => false,
            }
    }

    /// Returns whether a job that needs this one may run: a waiver is for one verdict and not for those behind it.
    pub fn lets_dependents_run(&self) -> bool {
        match self {
            Self::Passed | Self::Fixed | Self::Flaky { .. } | Self::Waived { .. } => true,
            Self::Regressed { .. }
            | Self::BrokenBefore { .. }
            | Self::BrokenDifferently { .. }
            | Self::Infra { .. }
            | Self::NotApplicable { .. }
            | Self::Unknown { .. }
            | Self::Absent { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature() -> Signature {
        Signature { digest: "x".to_owned(), lines: vec!["x".to_owned()] }
    }

    fn waived(verdict: &'static str) -> Verdict {
        let (by, reason) = ("ada".to_owned(), "the rig moves".to_owned());
        Verdict::Waived { by, reason, until: Timestamp::from_millis(0), verdict }
    }

    #[test]
    fn what_each_verdict_means() {
        let reason = String::new;
        let after = Duration::from_mins(90);
        let all = [
            Verdict::Passed,
            Verdict::Regressed { failed: 2, of: 2, signature: signature() },
            Verdict::BrokenBefore { signature: signature() },
            Verdict::BrokenDifferently { signature: signature(), before: signature() },
            Verdict::Fixed,
            Verdict::Flaky { failed: 1, of: 3 },
            Verdict::Infra { reason: reason() },
            Verdict::NotApplicable { reason: reason() },
            Verdict::Unknown { reason: reason() },
            Verdict::Absent { after, blocks: true },
            Verdict::Absent { after, blocks: false },
            waived("regressed"),
            waived("unknown"),
        ];
        let policy = Policy::default();
        let table = all.map(|verdict| {
            assert!(!verdict.blocks(Vote::Advisory, &policy) && !verdict.blocks(Vote::Silent, &policy));
            let told = |is: bool, word: &'static str| if is { word } else { "-" };
            format!(
                "{:18} {:5} {:6} {}",
                verdict.word(),
                told(verdict.is_known(), "known"),
                told(verdict.blocks(Vote::Gating, &policy), "blocks"),
                told(verdict.lets_dependents_run(), "lets run")
            )
        });
        insta::assert_snapshot!(table.join("\n"), @"
        passed             known -      lets run
        regressed          known blocks -
        broken-before      known -      -
        broken-differently known -      -
        fixed              known -      lets run
        flaky              known -      lets run
        infra              -     blocks -
        not-applicable     known -      -
        unknown            -     blocks -
        absent             -     blocks -
        absent             -     -      -
        waived             known -      lets run
        waived             -     -      lets run
        ");
    }

    #[test]
    fn the_policy_says_whether_what_is_not_known_blocks() {
        let policy = Policy { infra_blocks: false, unknown_blocks: false, ..Policy::default() };
        assert!(!Verdict::Infra { reason: String::new() }.blocks(Vote::Gating, &policy));
        assert!(!Verdict::Unknown { reason: String::new() }.blocks(Vote::Gating, &policy));
    }

    #[test]
    fn a_waiver_is_written_with_what_it_passes_over() {
        let written = serde_json::to_string(&waived("regressed")).unwrap();
        insta::assert_snapshot!(written, @r#"{"verdict":"waived","by":"ada","reason":"the rig moves","until":0,"passed_over":"regressed"}"#);
        let absent = Verdict::Absent { after: Duration::from_mins(90), blocks: true };
        insta::assert_snapshot!(serde_json::to_string(&absent).unwrap(), @r#"{"verdict":"absent","after_ms":5400000,"blocks":true}"#);
    }
}
