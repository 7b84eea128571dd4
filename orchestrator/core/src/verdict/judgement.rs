//! The judgement of one job: outcomes with and without the change in, a verdict or the next run out.

use super::Verdict;
use crate::build::{Failure, Outcome, Signature};
use crate::sprt::{self, Finding};
use crate::workspace::Confirm;

/// What is known of one job on one tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs<'a> {
    /// Outcomes that say something of the tree, oldest first: pass, fail, timeout.
    pub conclusive: Vec<&'a Outcome>,
    /// Outcomes that do not: infra, lost.
    pub inconclusive: Vec<&'a Outcome>,
}

/// What is known of one job with and without the change.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence<'a> {
    /// With the change.
    pub candidate: Runs<'a>,
    /// Without it.
    pub baseline: Runs<'a>,
    /// Tries in all for a build that says nothing of its tree; at least 1.
    pub attempts: u32,
    /// How often the job fails on a tree that is not at fault, from 0 to 1.
    pub flake_rate: f64,
    /// How likely a change is to break the job, before anything is known of the change, from 0 to 1.
    pub prior_bad: f64,
    /// How many jobs may blame the change, this one with them.
    pub jobs: u32,
}

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Enough is known.
    Decided(Verdict),
    /// More runs are needed, those that go on at the moment with them. They do not wait for each other.
    Needs {
        /// With the change.
        candidate: u32,
        /// Without it.
        baseline: u32,
    },
}

/// How an undecided job counts until it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaning {
    /// No run with the change is red.
    Green,
    /// One is.
    Red {
        /// Whether the change is more likely to blame than not.
        real: bool,
    },
}

/// Runs of one side that go on at once.
const AT_ONCE: u32 = 2;

/// Runs of the candidate of which there are at least so many with [`Confirm::Always`].
const ALWAYS_RUNS: u32 = 2;

/// Judges one job of one driver for one change.
///
/// With [`Confirm::Off`] the first red is final. Otherwise a red is compared with the baseline, and both sides are repeated as
/// long as [`sprt::test`] cannot tell a flake from a failure, up to [`sprt::BUDGET`] runs each. Both sides run at once, and
/// each as often as the likelier finding asks for: a flake in the gate should not cost its followers one build after the other.
/// With [`Confirm::Always`] the candidate runs at least twice.
pub fn judge(confirm: Confirm, evidence: &Evidence<'_>) -> Judgement {
    let (candidate, baseline) = (Tally::of(&evidence.candidate), Tally::of(&evidence.baseline));
    let rate = evidence.flake_rate;
    let Some(red) = candidate.red.clone() else { return green(&candidate, &baseline, evidence) };
    let (failed, of) = (candidate.failed, candidate.runs());
    if confirm == Confirm::Off {
        return Judgement::Decided(Verdict::Regressed { failed, of, signature: red });
    }
    let found = candidate.finding_among(evidence.jobs, rate);
    let confirmed = confirm != Confirm::Always || of >= ALWAYS_RUNS;
    if found == Some(Finding::Innocent) && confirmed {
        return Judgement::Decided(Verdict::Flaky { failed, of });
    }
    let before = baseline.finding(rate);
    if let (Some(Finding::Guilty), Some(before), true) = (before, baseline.red.clone(), confirmed) {
        return Judgement::Decided(broken(red, before));
    }
    let decided = found == Some(Finding::Guilty) && confirmed;
    let sound = before == Some(Finding::Innocent);
    let known = sound || before == Some(Finding::Guilty);
    if decided && sound {
        return Judgement::Decided(Verdict::Regressed { failed, of, signature: red });
    }
    if let Some(verdict) = used_up(evidence, (decided, &candidate), (known, &baseline)) {
        return Judgement::Decided(verdict);
    }
    Judgement::Needs {
        candidate: if decided { 0 } else { candidate.wanted(evidence, evidence.jobs) },
        baseline: if known { 0 } else { baseline.wanted(evidence, 1) },
    }
}

/// Returns what is left to say if a side that is not decided may not run again.
fn used_up(
    evidence: &Evidence<'_>,
    (decided, candidate): (bool, &Tally),
    (known, baseline): (bool, &Tally),
) -> Option<Verdict> {
    let (failed, of) = (candidate.failed, candidate.runs());
    if !decided && of >= sprt::BUDGET {
        return Some(left_open(&format!("fails {failed} of {of} runs")));
    }
    if !known && baseline.runs() >= sprt::BUDGET {
        let (failed, of) = (baseline.failed, baseline.runs());
        return Some(left_open(&format!("fails, and so do {failed} of {of} runs without the change")));
    }
    let out = |runs: &Runs<'_>| tries_used_up(runs, evidence.attempts).map(str::to_owned);
    let no_baseline = out(&evidence.baseline).filter(|_| !known).map(|reason| no_baseline(&reason));
    no_baseline.or_else(|| out(&evidence.candidate).filter(|_| !decided).map(|reason| not_confirmed(&reason)))
}

/// Returns how a job counts while it is undecided.
///
/// A red is real if the odds are for it ([`sprt::likely_real_after`]): after one red and no pass if q / (q + f) > 1/2, with the
/// prior of the job ([`sprt::PRIOR_BAD`] if nothing is known) for q and the flake rate for f. It is not while the tree without the change fails the same way, or
/// is likely broken itself. With [`Confirm::Off`] every red is.
pub fn leaning(confirm: Confirm, evidence: &Evidence<'_>) -> Leaning {
    let candidate = Tally::of(&evidence.candidate);
    let Some(red) = &candidate.red else { return Leaning::Green };
    if confirm == Confirm::Off {
        return Leaning::Red { real: true };
    }
    let (baseline, rate) = (Tally::of(&evidence.baseline), evidence.flake_rate);
    let sound = baseline.finding(rate).is_none_or(|found| found == Finding::Innocent);
    let same = baseline.red.as_ref().is_some_and(|before| before.digest == red.digest);
    let excused = !sound && (same || baseline.is_likely_broken(evidence));
    Leaning::Red { real: !excused && candidate.is_likely_broken(evidence) }
}

/// Judges a job that has no red.
fn green(candidate: &Tally, baseline: &Tally, evidence: &Evidence<'_>) -> Judgement {
    if candidate.passed == 0 {
        return match tries_used_up(&evidence.candidate, evidence.attempts) {
            Some(reason) => Judgement::Decided(Verdict::Infra { reason: reason.to_owned() }),
            None => Judgement::Needs { candidate: 1, baseline: 0 },
        };
    }
    // Praise hurts nobody, so the odds are enough for it.
    let was_broken = baseline.finding(evidence.flake_rate) != Some(Finding::Innocent)
        && baseline.is_likely_broken(evidence);
    Judgement::Decided(if was_broken { Verdict::Fixed } else { Verdict::Passed })
}

fn broken(signature: Signature, before: Signature) -> Verdict {
    if signature.digest == before.digest {
        Verdict::BrokenBefore { signature }
    } else {
        Verdict::BrokenDifferently { signature, before }
    }
}

fn left_open(what: &str) -> Verdict {
    Verdict::Unknown { reason: format!("{what}: neither a flake nor a failure is likely enough") }
}

/// Returns why the last build said nothing of its tree, if there were as many such builds as there may be.
fn tries_used_up<'a>(runs: &Runs<'a>, attempts: u32) -> Option<&'a str> {
    let tried = u32::try_from(runs.inconclusive.len()).unwrap_or(u32::MAX);
    runs.inconclusive.last().filter(|_| tried >= attempts.max(1)).map(|last| reason_of(last))
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

    fn runs(&self) -> u32 {
        self.failed + self.passed
    }

    /// What the runs say of the tree; `None`: there are none. Without a red there is nothing to test.
    fn finding(&self, flake_rate: f64) -> Option<Finding> {
        self.finding_among(1, flake_rate)
    }

    fn finding_among(&self, jobs: u32, flake_rate: f64) -> Option<Finding> {
        match (self.failed, self.passed) {
            (0, 0) => None,
            (0, _) => Some(Finding::Innocent),
            (failed, passed) => Some(sprt::test_among(jobs, flake_rate, failed, passed)),
        }
    }

    /// How many more runs the likelier finding asks for: at most [`AT_ONCE`], and no more than the budget allows.
    fn wanted(&self, evidence: &Evidence<'_>, jobs: u32) -> u32 {
        let is_real = self.is_likely_broken(evidence);
        let enough = |more: &u32| {
            let (failed, passed) =
                if is_real { (more + self.failed, self.passed) } else { (self.failed, more + self.passed) };
            self.failed == 0
                || sprt::test_among(jobs, evidence.flake_rate, failed, passed) != Finding::Undecided
        };
        let more = (1..AT_ONCE).find(enough).unwrap_or(AT_ONCE);
        more.min(sprt::BUDGET.saturating_sub(self.runs()))
    }

    fn is_likely_broken(&self, evidence: &Evidence<'_>) -> bool {
        sprt::likely_real_after(evidence.prior_bad, evidence.flake_rate, self.failed, self.passed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Exit;

    /// The rate of a job of which nothing is known.
    const UNKNOWN: f64 = 0.02;
    /// That of one with 50 clean runs.
    const CLEAN: f64 = 0.01;
    /// That of one which fails one time in five.
    const OFTEN: f64 = 0.2;

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

    fn with_evidence<T>(
        flake_rate: f64,
        candidate: &str,
        baseline: &str,
        then: impl Fn(&Evidence<'_>) -> T,
    ) -> T {
        let parse = |text: &str| text.split_whitespace().map(outcome).collect::<Vec<_>>();
        let (candidate, baseline) = (parse(candidate), parse(baseline));
        let (candidate, baseline) = (runs(&candidate), runs(&baseline));
        then(&Evidence { candidate, baseline, attempts: 2, flake_rate, prior_bad: sprt::PRIOR_BAD, jobs: 1 })
    }

    fn judged(confirm: Confirm, flake_rate: f64, candidate: &str, baseline: &str) -> String {
        with_evidence(flake_rate, candidate, baseline, |evidence| match judge(confirm, evidence) {
            Judgement::Decided(Verdict::Unknown { reason }) => format!("unknown: {reason}"),
            Judgement::Decided(verdict) => verdict.word().to_owned(),
            Judgement::Needs { candidate, baseline } => format!("→ {candidate} + {baseline}"),
        })
    }

    fn table(confirm: Confirm, flake_rate: f64, rows: &[(&str, &str)]) -> String {
        let row = |(candidate, baseline): &(&str, &str)| {
            format!("{candidate:22} | {baseline:22} | {}", judged(confirm, flake_rate, candidate, baseline))
        };
        rows.iter().map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_table_of_verdicts_of_a_job_of_which_nothing_is_known() {
        let rows = [
            ("", ""),
            ("pass", ""),
            ("pass", "a"),
            ("pass", "a pass"),
            ("pass", "pass"),
            ("a", ""),
            ("a", "pass"),
            ("a a", ""),
            ("a a", "pass"),
            ("a pass", ""),
            ("a pass", "pass"),
            ("a pass pass", "pass"),
            ("a pass a", "pass"),
            ("a pass a a", "pass"),
            ("a", "a"),
            ("a", "a a"),
            ("a", "b b"),
            ("a", "a pass"),
            ("a", "a pass pass"),
            ("a a", "a pass pass"),
            ("timeout", "timeout timeout"),
            ("timeout", "a a"),
            ("infra", ""),
            ("infra lost", ""),
            ("infra pass", ""),
            ("a", "infra"),
            ("a", "infra infra"),
            ("a", "a infra infra"),
            ("a infra", "pass"),
            ("a infra infra", "pass"),
            ("infra a", "pass"),
        ];
        insta::assert_snapshot!(table(Confirm::Auto, UNKNOWN, &rows), @r"
                               |                        | → 1 + 0
        pass                   |                        | passed
        pass                   | a                      | fixed
        pass                   | a pass                 | passed
        pass                   | pass                   | passed
        a                      |                        | → 1 + 1
        a                      | pass                   | → 1 + 0
        a a                    |                        | → 0 + 1
        a a                    | pass                   | regressed
        a pass                 |                        | → 1 + 1
        a pass                 | pass                   | → 1 + 0
        a pass pass            | pass                   | flaky
        a pass a               | pass                   | → 2 + 0
        a pass a a             | pass                   | regressed
        a                      | a                      | → 1 + 1
        a                      | a a                    | broken-before
        a                      | b b                    | broken-differently
        a                      | a pass                 | → 1 + 1
        a                      | a pass pass            | → 1 + 0
        a a                    | a pass pass            | regressed
        timeout                | timeout timeout        | broken-before
        timeout                | a a                    | broken-differently
        infra                  |                        | → 1 + 0
        infra lost             |                        | infra
        infra pass             |                        | passed
        a                      | infra                  | → 1 + 1
        a                      | infra infra            | unknown: fails, and no baseline could be had: no disk
        a                      | a infra infra          | unknown: fails, and no baseline could be had: no disk
        a infra                | pass                   | → 1 + 0
        a infra infra          | pass                   | unknown: fails, and the failure could not be confirmed: no disk
        infra a                | pass                   | → 1 + 0
        ");
    }

    #[test]
    fn a_job_that_never_flaked_is_decided_by_one_red() {
        let rows =
            [("a", ""), ("a", "pass"), ("a", "a"), ("a", "b"), ("a pass", "pass"), ("a pass pass", "pass")];
        insta::assert_snapshot!(table(Confirm::Auto, CLEAN, &rows), @r"
        a                      |                        | → 0 + 1
        a                      | pass                   | regressed
        a                      | a                      | broken-before
        a                      | b                      | broken-differently
        a pass                 | pass                   | → 1 + 0
        a pass pass            | pass                   | flaky
        ");
    }

    #[test]
    fn a_job_that_often_flakes_costs_more_runs_and_is_never_guessed() {
        let rows = [
            ("pass", "a"),
            ("a", "pass"),
            ("a a", "pass"),
            ("a a a", "pass"),
            ("a pass", "pass"),
            ("a pass pass", "pass"),
            ("a pass a a a a a a", "pass"),
            ("a pass a a a a a a a", "pass"),
            ("a a pass a a a a a pass", "pass"),
            ("a", "a a pass a a a a a pass"),
        ];
        insta::assert_snapshot!(table(Confirm::Auto, OFTEN, &rows), @r"
        pass                   | a                      | passed
        a                      | pass                   | → 2 + 0
        a a                    | pass                   | → 1 + 0
        a a a                  | pass                   | regressed
        a pass                 | pass                   | → 1 + 0
        a pass pass            | pass                   | flaky
        a pass a a a a a a     | pass                   | → 1 + 0
        a pass a a a a a a a   | pass                   | regressed
        a a pass a a a a a pass | pass                   | unknown: fails 7 of 9 runs: neither a flake nor a failure is likely enough
        a                      | a a pass a a a a a pass | unknown: fails, and so do 7 of 9 runs without the change: neither a flake nor a failure is likely enough
        ");
    }

    #[test]
    fn without_confirmation_the_first_red_is_final() {
        let rows = [("a", ""), ("a", "a"), ("a pass", ""), ("pass", ""), ("", "")];
        insta::assert_snapshot!(table(Confirm::Off, UNKNOWN, &rows), @r"
        a                      |                        | regressed
        a                      | a                      | regressed
        a pass                 |                        | regressed
        pass                   |                        | passed
                               |                        | → 1 + 0
        ");
    }

    #[test]
    fn with_confirmation_always_the_candidate_runs_twice() {
        let rows = [("a", ""), ("a", "a a"), ("a a", ""), ("a a", "a"), ("a a", "pass"), ("a pass", "pass")];
        insta::assert_snapshot!(table(Confirm::Always, CLEAN, &rows), @r"
        a                      |                        | → 1 + 1
        a                      | a a                    | → 1 + 0
        a a                    |                        | → 0 + 1
        a a                    | a                      | broken-before
        a a                    | pass                   | regressed
        a pass                 | pass                   | → 1 + 0
        ");
    }

    #[test]
    fn an_undecided_red_counts_by_the_odds() {
        let leans = |confirm, flake_rate, candidate, baseline| {
            with_evidence(flake_rate, candidate, baseline, |evidence| match leaning(confirm, evidence) {
                Leaning::Green => "green",
                Leaning::Red { real: true } => "real",
                Leaning::Red { real: false } => "not real",
            })
        };
        let rows = [
            (UNKNOWN, "", ""),
            (UNKNOWN, "infra", ""),
            (UNKNOWN, "a", ""),
            (UNKNOWN, "a", "pass"),
            (UNKNOWN, "a", "a"),
            (UNKNOWN, "a", "b"),
            (UNKNOWN, "a", "a pass"),
            (UNKNOWN, "a", "b pass"),
            (UNKNOWN, "a", "a pass pass"),
            (UNKNOWN, "a pass", "pass"),
            (UNKNOWN, "a pass a", "pass"),
            (OFTEN, "a", "pass"),
            (OFTEN, "a a", "pass"),
            (OFTEN, "a a", "b"),
            (OFTEN, "a a", "a"),
        ];
        let table = rows.map(|(rate, candidate, baseline)| {
            let leans = leans(Confirm::Auto, rate, candidate, baseline);
            format!("{rate:4} | {candidate:8} | {baseline:11} | {leans}")
        });
        insta::assert_snapshot!(table.join("\n"), @"
        0.02 |          |             | green
        0.02 | infra    |             | green
        0.02 | a        |             | real
        0.02 | a        | pass        | real
        0.02 | a        | a           | not real
        0.02 | a        | b           | not real
        0.02 | a        | a pass      | not real
        0.02 | a        | b pass      | real
        0.02 | a        | a pass pass | real
        0.02 | a pass   | pass        | not real
        0.02 | a pass a | pass        | not real
         0.2 | a        | pass        | not real
         0.2 | a a      | pass        | real
         0.2 | a a      | b           | real
         0.2 | a a      | a           | not real
        ");
        assert_eq!(leans(Confirm::Off, OFTEN, "a pass", "a"), "real");
        for rate in [0.001, 0.01, 0.02, 0.049, 0.05, 0.051, 0.2, 0.9] {
            let real = sprt::PRIOR_BAD / (sprt::PRIOR_BAD + rate) > 0.5;
            assert_eq!(
                leans(Confirm::Auto, rate, "a", ""),
                if real { "real" } else { "not real" },
                "at {rate}"
            );
        }
    }

    proptest::proptest! {
        /// Whatever the runs say, a verdict is reached within the budget of both sides and the tries.
        #[test]
        fn every_history_is_judged(
            flake_rate in 0.0..=1.0f64,
            with in proptest::collection::vec(0..4usize, 30),
            without in proptest::collection::vec(0..4usize, 30),
            always: bool,
        ) {
            let word = |kind: &usize| ["pass", "a", "b", "infra"][*kind];
            let confirm = if always { Confirm::Always } else { Confirm::Auto };
            let (mut candidate, mut baseline) = (Vec::new(), Vec::new());
            let mut steps = 0;
            loop {
                let next = judged(confirm, flake_rate, &candidate.join(" "), &baseline.join(" "));
                let Some((more, of)) = next.strip_prefix("→ ").and_then(|next| next.split_once(" + ")) else { break };
                for _ in 0..more.parse::<usize>().unwrap() {
                    candidate.push(word(&with[candidate.len()]));
                }
                for _ in 0..of.parse::<usize>().unwrap() {
                    baseline.push(word(&without[baseline.len()]));
                }
                steps += 1;
            }
            let budget = sprt::BUDGET as usize + 1;
            proptest::prop_assert!(steps > 0, "something has to run");
            proptest::prop_assert!(candidate.len() <= budget && baseline.len() <= budget, "{steps} steps");
        }
    }
}
