//! From outcomes to a verdict. A red outcome is a question, not an answer.

use serde::Serialize;

use crate::build::{Failure, Outcome, Signature};
use crate::plan::Vote;
use crate::workspace::{Confirm, Policy};

/// What is concluded for a change, a driver and a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The candidate passes.
    Passed,
    /// The candidate fails, the baseline passes, and repetition agrees.
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
    /// Runs disagree on one tree.
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
    /// No baseline could be had, or no confirmation.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// What is known of one job on one tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs<'a> {
    /// Outcomes that say something of the tree, oldest first: pass, fail, timeout.
    pub conclusive: Vec<&'a Outcome>,
    /// Outcomes that do not: infra, lost.
    pub inconclusive: Vec<&'a Outcome>,
}

/// What is known of one job with and without the change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// With the change.
    pub candidate: Runs<'a>,
    /// Without it.
    pub baseline: Runs<'a>,
    /// Tries in all for a build that says nothing of its tree; at least 1.
    pub attempts: u32,
}

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Enough is known.
    Decided(Verdict),
    /// One more run of the candidate is needed.
    NeedsCandidate,
    /// One more run without the change is needed.
    NeedsBaseline,
}

/// Runs of a failing candidate that make a regression: the failure and one that agrees with it.
const CONFIRMED_AT: u32 = 2;

/// Judges one job of one driver for one change.
///
/// With [`Confirm::Off`] the first red is final. Otherwise a red is compared with the baseline, and one on a baseline that
/// passes is repeated once; with [`Confirm::Always`] every red is, before it is compared.
pub fn judge(confirm: Confirm, evidence: &Evidence<'_>) -> Judgement {
    let candidate = Tally::of(&evidence.candidate);
    let Some(red) = candidate.red else {
        return match candidate.passed {
            0 => needs(&evidence.candidate, evidence.attempts, Judgement::NeedsCandidate, infra),
            _ if Tally::of(&evidence.baseline).is_red() => Judgement::Decided(Verdict::Fixed),
            _ => Judgement::Decided(Verdict::Passed),
        };
    };
    let (failed, of) = (candidate.failed, candidate.failed + candidate.passed);
    if candidate.passed > 0 {
        return Judgement::Decided(Verdict::Flaky { failed, of });
    }
    if confirm == Confirm::Off {
        return Judgement::Decided(Verdict::Regressed { failed, of, signature: red });
    }
    if confirm == Confirm::Always && failed < CONFIRMED_AT {
        return needs(&evidence.candidate, evidence.attempts, Judgement::NeedsCandidate, not_confirmed);
    }
    let baseline = Tally::of(&evidence.baseline);
    match baseline.red {
        Some(before) if before.digest == red.digest => {
            Judgement::Decided(Verdict::BrokenBefore { signature: red })
        }
        Some(before) => Judgement::Decided(Verdict::BrokenDifferently { signature: red, before }),
        None if baseline.passed == 0 => {
            needs(&evidence.baseline, evidence.attempts, Judgement::NeedsBaseline, no_baseline)
        }
        None if failed < CONFIRMED_AT => {
            needs(&evidence.candidate, evidence.attempts, Judgement::NeedsCandidate, not_confirmed)
        }
        None => Judgement::Decided(Verdict::Regressed { failed, of, signature: red }),
    }
}

/// Asks for one more run unless the tries are used up.
fn needs(runs: &Runs<'_>, attempts: u32, more: Judgement, used_up: fn(&str) -> Verdict) -> Judgement {
    let tried = u32::try_from(runs.inconclusive.len()).unwrap_or(u32::MAX);
    match runs.inconclusive.last() {
        Some(last) if tried >= attempts.max(1) => Judgement::Decided(used_up(reason_of(last))),
        Some(_) | None => more,
    }
}

fn infra(reason: &str) -> Verdict {
    Verdict::Infra { reason: reason.to_owned() }
}

fn no_baseline(reason: &str) -> Verdict {
    Verdict::Unknown { reason: format!("fails, and no baseline could be had: {reason}") }
}

fn not_confirmed(reason: &str) -> Verdict {
    Verdict::Unknown { reason: format!("fails, and the failure could not be confirmed: {reason}") }
}

fn reason_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Infra { reason } | Outcome::Lost { reason } => reason,
        Outcome::Pass | Outcome::Fail(_) | Outcome::Timeout { .. } | Outcome::Cancelled => outcome.word(),
    }
}

/// How often one tree passed and failed, and what its latest failure looks like.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    red: Option<Signature>,
}

impl Tally {
    fn of(runs: &Runs<'_>) -> Self {
        let mut tally = Self::default();
        for outcome in &runs.conclusive {
            match outcome {
                Outcome::Pass => tally.passed += 1,
                Outcome::Fail(failure) => tally.count_red(signature(failure)),
                Outcome::Timeout { .. } => tally.count_red(timeout_signature()),
                Outcome::Infra { .. } | Outcome::Lost { .. } | Outcome::Cancelled => {}
            }
        }
        tally
    }

    fn count_red(&mut self, signature: Signature) {
        self.failed += 1;
        self.red = Some(signature);
    }

    fn is_red(&self) -> bool {
        self.passed == 0 && self.failed > 0
    }
}

/// The signature of a failure; of one that printed nothing, where and how it ended is all there is to compare.
fn signature(failure: &Failure) -> Signature {
    if failure.signature.lines.is_empty() {
        let text = format!("step {} ended with {}, without a word", failure.step, failure.exit);
        return Signature { digest: text.clone(), lines: vec![text] };
    }
    failure.signature.clone()
}

fn timeout_signature() -> Signature {
    Signature { digest: "timeout".to_owned(), lines: vec!["the time was used up".to_owned()] }
}

impl Verdict {
    /// Returns whether anything is known: a headline names the share that is not.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Infra { .. } | Self::Unknown { .. } => false,
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
        }
    }

    /// Returns whether it keeps a change from landing, given what the driver's vote means.
    pub fn blocks(&self, vote: Vote, policy: &Policy) -> bool {
        vote == Vote::Gating
            && match self {
                Self::Regressed { .. } => true,
                Self::Infra { .. } => policy.infra_blocks,
                Self::Unknown { .. } => policy.unknown_blocks,
                Self::Passed
                | Self::BrokenBefore { .. }
                | Self::BrokenDifferently { .. }
                | Self::Fixed
                | Self::Flaky { .. }
                | Self::NotApplicable { .. } => false,
            }
    }

    /// Returns whether a job that needs this one may run.
    pub fn lets_dependents_run(&self) -> bool {
        match self {
            Self::Passed | Self::Fixed | Self::Flaky { .. } => true,
            Self::Regressed { .. }
            | Self::BrokenBefore { .. }
            | Self::BrokenDifferently { .. }
            | Self::Infra { .. }
            | Self::NotApplicable { .. }
            | Self::Unknown { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{Exit, Failure};

    fn outcome(word: &str) -> Outcome {
        match word {
            "pass" => Outcome::Pass,
            "timeout" => Outcome::Timeout { limit_s: 60 },
            "infra" => Outcome::Infra { reason: "no disk".to_owned() },
            "lost" => Outcome::Lost { reason: "gone".to_owned() },
            failure => Outcome::Fail(Failure {
                step: 1,
                exit: Exit::Status(1),
                signature: Signature { digest: failure.to_owned(), lines: vec![failure.to_owned()] },
            }),
        }
    }

    fn runs(outcomes: &[Outcome]) -> Runs<'_> {
        let (inconclusive, conclusive) = outcomes
            .iter()
            .partition(|outcome| matches!(outcome, Outcome::Infra { .. } | Outcome::Lost { .. }));
        Runs { conclusive, inconclusive }
    }

    fn judged(confirm: Confirm, candidate: &str, baseline: &str) -> String {
        let parse = |text: &str| text.split_whitespace().map(outcome).collect::<Vec<_>>();
        let (candidate, baseline) = (parse(candidate), parse(baseline));
        let evidence = Evidence { candidate: runs(&candidate), baseline: runs(&baseline), attempts: 2 };
        match judge(confirm, &evidence) {
            Judgement::Decided(verdict) => verdict.word().to_owned(),
            Judgement::NeedsCandidate => "→ candidate".to_owned(),
            Judgement::NeedsBaseline => "→ baseline".to_owned(),
        }
    }

    #[test]
    fn the_table_of_verdicts() {
        let rows = [
            ("", ""),
            ("pass", ""),
            ("pass", "a"),
            ("pass", "pass"),
            ("a", ""),
            ("a", "pass"),
            ("a a", "pass"),
            ("a pass", "pass"),
            ("a pass", ""),
            ("a", "a"),
            ("a", "b"),
            ("timeout", "timeout"),
            ("timeout", "a"),
            ("infra", ""),
            ("infra lost", ""),
            ("infra pass", ""),
            ("a", "infra"),
            ("a", "infra infra"),
            ("a infra", "pass"),
            ("a infra infra", "pass"),
            ("infra a", "pass"),
        ];
        let table = rows.map(|(candidate, baseline)| {
            format!("{candidate:14} | {baseline:12} | {}", judged(Confirm::Auto, candidate, baseline))
        });
        insta::assert_snapshot!(table.join("\n"), @r"
                       |              | → candidate
        pass           |              | passed
        pass           | a            | fixed
        pass           | pass         | passed
        a              |              | → baseline
        a              | pass         | → candidate
        a a            | pass         | regressed
        a pass         | pass         | flaky
        a pass         |              | flaky
        a              | a            | broken-before
        a              | b            | broken-differently
        timeout        | timeout      | broken-before
        timeout        | a            | broken-differently
        infra          |              | → candidate
        infra lost     |              | infra
        infra pass     |              | passed
        a              | infra        | → baseline
        a              | infra infra  | unknown
        a infra        | pass         | → candidate
        a infra infra  | pass         | unknown
        infra a        | pass         | → candidate
        ");
    }

    #[test]
    fn without_confirmation_the_first_red_is_final() {
        assert_eq!(judged(Confirm::Off, "a", ""), "regressed");
        assert_eq!(judged(Confirm::Off, "a", "a"), "regressed");
        assert_eq!(judged(Confirm::Always, "a", ""), "→ candidate");
        assert_eq!(judged(Confirm::Always, "a a", ""), "→ baseline");
        assert_eq!(judged(Confirm::Always, "a a", "a"), "broken-before");
    }

    #[test]
    fn only_a_gating_vote_blocks() {
        let policy = Policy::default();
        let regressed = Verdict::Regressed { failed: 2, of: 2, signature: timeout_signature() };
        assert!(regressed.blocks(Vote::Gating, &policy));
        assert!(!regressed.blocks(Vote::Advisory, &policy) && !regressed.blocks(Vote::Silent, &policy));
        assert!(!Verdict::BrokenBefore { signature: timeout_signature() }.blocks(Vote::Gating, &policy));
        let infra = Verdict::Infra { reason: String::new() };
        assert!(infra.blocks(Vote::Gating, &policy));
        assert!(!infra.blocks(Vote::Gating, &Policy { infra_blocks: false, ..policy }));
    }
}
