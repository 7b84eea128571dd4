//! Wald's sequential probability ratio test: does a job fail at its known flake rate, or because of its tree?
//!
//! Two hypotheses about a job on a tree. *Innocent*: each run fails with the job's flake rate. *Guilty*: each run fails with
//! probability [`GUILTY_FAILS`]. After each run the logarithm of how much better the second explains what was seen than the
//! first is compared with two bounds, ln((1 − β) / α) and ln(β / (1 − α)); outside of them the test has ended.
//!
//! The stated error rates are α = 1 % ([`ALPHA`]) of the innocent blamed and β = 0.1 % ([`BETA`]) of the guilty missed. The
//! bounds hold them for whole histories, from the first run: α is the share blamed *of all innocent trees*, most of which
//! pass at once and are never tested any further. Of those innocent that have failed once the share is larger by one over
//! the flake rate: a job that fails once in a thousand runs is believed at its first failure, and is right not to be asked
//! twice. β is the share missed of the guilty that have failed; one that passes at its first run is not seen by any test.
//!
//! Source: A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16(2), 1945.

/// Share of the innocent that are blamed.
pub const ALPHA: f64 = 0.01;

/// Share of the guilty that are missed.
pub const BETA: f64 = 0.001;

/// How likely a run fails if its tree is at fault: not always, since a guilty tree can be lucky.
pub const GUILTY_FAILS: f64 = 0.999;

/// How likely a change is bad, before anything is known of it.
pub const PRIOR_BAD: f64 = 0.05;

/// Runs that say something of their tree after which no further one is asked for, decided or not.
pub const BUDGET: u32 = 9;

/// The rates that can be told from [`GUILTY_FAILS`] and from never.
const FLAKE_RATES: (f64, f64) = (1e-9, 0.99);

/// What keeps the rounding of logarithms from costing a run at a bound that is met exactly.
const ROUNDING: f64 = 1e-9;

/// What the runs of a job on a tree come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It fails because of the tree.
    Guilty,
    /// It fails as it does at times on any tree.
    Innocent,
    /// Either is too likely still.
    Undecided,
}

/// Tests whether a job that has failed and passed so often on one tree does so at its flake rate or because of the tree.
pub fn test(flake_rate: f64, failed: u32, passed: u32) -> Finding {
    test_among(1, flake_rate, failed, passed)
}

/// Tests one of so many jobs that are run for the same change: each may blame it, so each gets its share of [`ALPHA`], and the
/// innocent *changes* that are blamed stay within it (Bonferroni's inequality).
pub fn test_among(jobs: u32, flake_rate: f64, failed: u32, passed: u32) -> Finding {
    let ratio = log_likelihood_ratio(flake_rate, failed, passed);
    if ratio >= ((1.0 - BETA) * f64::from(jobs.max(1)) / ALPHA).ln() - ROUNDING {
        Finding::Guilty
    } else if ratio <= (BETA / (1.0 - ALPHA)).ln() + ROUNDING {
        Finding::Innocent
    } else {
        Finding::Undecided
    }
}

/// Returns the natural logarithm of how much likelier the runs are if the tree is guilty than if it is innocent.
pub fn log_likelihood_ratio(flake_rate: f64, failed: u32, passed: u32) -> f64 {
    let flake_rate = tellable(flake_rate);
    let of_failure = (GUILTY_FAILS / flake_rate).ln();
    let of_pass = ((1.0 - GUILTY_FAILS) / (1.0 - flake_rate)).ln();
    f64::from(failed) * of_failure + f64::from(passed) * of_pass
}

/// Returns whether one red is more likely real than not: q / (q + f) > 1/2, with the prior q that a change is bad and the
/// flake rate f.
pub fn likely_real(prior_bad: f64, flake_rate: f64) -> bool {
    likely_real_after(prior_bad, flake_rate, 1, 0)
}

/// Returns whether reds are more likely real than not after more runs.
///
/// The odds of the first red, q / f, are multiplied with the likelihood ratio of every run beside it; they are for it if they
/// are above 1. Without a red nothing is likely real.
pub fn likely_real_after(prior_bad: f64, flake_rate: f64, failed: u32, passed: u32) -> bool {
    let Some(repeated) = failed.checked_sub(1) else { return false };
    let odds = (prior_bad / tellable(flake_rate)).ln();
    odds + log_likelihood_ratio(flake_rate, repeated, passed) > 0.0
}

fn tellable(flake_rate: f64) -> f64 {
    flake_rate.clamp(FLAKE_RATES.0, FLAKE_RATES.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{RngAlgorithm, TestRng};

    use super::*;

    const HISTORIES: u32 = 10_000;
    const RATES: [f64; 4] = [0.001, 0.01, 0.05, 0.2];

    /// How a history ended, and after how many runs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum End {
        PassedAtOnce,
        Found(Finding, u32),
    }

    /// Plays a history as it is played in use: a first pass ends it, and after a first failure the test decides.
    fn history(flake_rate: f64, mut fails: impl FnMut() -> bool) -> End {
        let (mut failed, mut passed) = (0, 0);
        loop {
            match fails() {
                true => failed += 1,
                false if failed == 0 => return End::PassedAtOnce,
                false => passed += 1,
            }
            let finding = test(flake_rate, failed, passed);
            if finding != Finding::Undecided || failed + passed == BUDGET {
                return End::Found(finding, failed + passed);
            }
        }
    }

    /// The exact share of histories that end with a finding, if each run fails with a probability.
    fn exactly(flake_rate: f64, fails: f64, wanted: Finding, (failed, passed): (u32, u32)) -> f64 {
        let finding = test(flake_rate, failed, passed);
        if failed > 0 && (finding != Finding::Undecided || failed + passed == BUDGET) {
            return if finding == wanted { 1.0 } else { 0.0 };
        }
        let after_pass = match failed {
            0 => 0.0,
            _ => exactly(flake_rate, fails, wanted, (failed, passed + 1)),
        };
        fails * exactly(flake_rate, fails, wanted, (failed + 1, passed)) + (1.0 - fails) * after_pass
    }

    /// What 10,000 histories came to, in which each run fails with a probability.
    struct Shares {
        red: u32,
        guilty: u32,
        innocent: u32,
        undecided: u32,
        runs_of_red: u32,
    }

    impl Shares {
        /// Plays them; `once_failed` leaves out those that pass at once, until there are 10,000 others.
        fn of(seed: u8, flake_rate: f64, fails: f64, once_failed: bool) -> Self {
            let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
            let mut shares = Self { red: 0, guilty: 0, innocent: 0, undecided: 0, runs_of_red: 0 };
            for _ in 0..HISTORIES {
                let mut first = once_failed;
                match history(flake_rate, || std::mem::take(&mut first) || rng.random_bool(fails)) {
                    End::PassedAtOnce => {}
                    End::Found(finding, runs) => {
                        shares.red += 1;
                        shares.runs_of_red += runs;
                        match finding {
                            Finding::Guilty => shares.guilty += 1,
                            Finding::Innocent => shares.innocent += 1,
                            Finding::Undecided => shares.undecided += 1,
                        }
                    }
                }
            }
            shares
        }

        fn mean_runs(&self) -> f64 {
            f64::from(self.runs_of_red) / f64::from(self.red)
        }
    }

    fn share(count: u32) -> f64 {
        f64::from(count) / f64::from(HISTORIES)
    }

    /// The most that a share of 10,000 draws can be at a rate: three standard deviations above it.
    fn most(rate: f64) -> f64 {
        rate + 3.0 * (rate * (1.0 - rate) / f64::from(HISTORIES)).sqrt()
    }

    /// Of 10,000 innocents that ran once: how many were red, and blamed. Of 10,000 innocents and of 10,000 guilty that were
    /// red once: how many were blamed, cleared or missed, stayed undecided, and their mean number of runs.
    #[test]
    fn the_shares_of_wrong_findings_stay_within_the_stated_rates() {
        let mut table = vec![
            "rate  seed | red  blamed | blamed cleared undecided runs | missed undecided runs".to_owned(),
        ];
        for (rate, seed) in RATES.into_iter().zip(1u8..) {
            let innocent = Shares::of(seed, rate, rate, false);
            let innocent_red = Shares::of(seed, rate, rate, true);
            let guilty_red = Shares::of(seed, rate, GUILTY_FAILS, true);
            let seen = format!("flake rate {rate}, seed {seed}");
            assert!(share(innocent.guilty) <= most(ALPHA), "innocents blamed, {seen}");
            assert!(
                share(innocent_red.guilty) <= most((ALPHA / rate).min(1.0)),
                "red innocents blamed, {seen}"
            );
            assert!(share(guilty_red.innocent) <= most(BETA), "red guilty missed, {seen}");
            table.push(format!(
                "{rate:<5} {seed:>4} | {:<4} {:>6} | {:>6} {:>7} {:>9} {:>4.2} | {:>6} {:>9} {:>4.2}",
                innocent.red,
                innocent.guilty,
                innocent_red.guilty,
                innocent_red.innocent,
                innocent_red.undecided,
                innocent_red.mean_runs(),
                guilty_red.innocent,
                guilty_red.undecided,
                guilty_red.mean_runs()
            ));
        }
        insta::assert_snapshot!(table.join("\n"), @"
        rate  seed | red  blamed | blamed cleared undecided runs | missed undecided runs
        0.001    1 | 9         9 |  10000       0         0 1.00 |      0         0 1.00
        0.01     2 | 97       97 |  10000       0         0 1.00 |      0         0 1.00
        0.05     3 | 492      18 |    519    9481         0 3.00 |      0         0 2.00
        0.2      4 | 1993     73 |    354    9643         3 3.41 |      0         1 3.01
        ");
    }

    #[test]
    fn the_exact_shares_are_within_the_stated_rates_at_every_flake_rate() {
        for permille in 1..=990 {
            let rate = f64::from(permille) / 1000.0;
            let blamed = exactly(rate, rate, Finding::Guilty, (0, 0));
            let missed = exactly(rate, GUILTY_FAILS, Finding::Innocent, (1, 0));
            assert!(blamed <= ALPHA / (1.0 - BETA), "{blamed} innocents blamed at {rate}");
            assert!(missed <= BETA, "{missed} guilty missed at {rate}");
        }
        for rate in RATES {
            assert!(exactly(rate, rate, Finding::Guilty, (0, 0)) <= ALPHA + ROUNDING, "at {rate}");
        }
    }

    #[test]
    fn the_sampled_shares_are_those_of_the_theory() {
        for (rate, seed) in RATES.into_iter().zip(11u8..) {
            let sampled = share(Shares::of(seed, rate, rate, false).guilty);
            let exact = exactly(rate, rate, Finding::Guilty, (0, 0));
            let apart = (sampled - exact).abs();
            assert!(apart <= most(exact) - exact, "{sampled} for {exact} at {rate}, seed {seed}");
        }
    }

    /// The runs of a job on one tree, one letter each, and what each prefix of them comes to.
    fn told(flake_rate: f64, runs: &str) -> String {
        let (mut failed, mut passed) = (0, 0);
        let told = runs.chars().map(|run| {
            *(if run == 'F' { &mut failed } else { &mut passed }) += 1;
            match test(flake_rate, failed, passed) {
                Finding::Guilty => format!("{run} guilty"),
                Finding::Innocent => format!("{run} innocent"),
                Finding::Undecided => format!("{run} …"),
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn how_many_runs_decide() {
        let clean_50 = 1.0 / 100.0;
        let table = [
            (clean_50, "F"),
            (1.0 / 99.0, "FF"),
            (0.02, "FF"),
            (0.02, "FPP"),
            (0.02, "FPFF"),
            (0.2, "FFF"),
            (0.2, "FPP"),
            (0.9, "FFFFFFFFF"),
            (0.9, "FPP"),
            (clean_50, "P"),
            (1.0 / 99.0, "P"),
        ]
        .map(|(rate, runs)| format!("{rate:.4}: {}", told(rate, runs)));
        insta::assert_snapshot!(table.join("\n"), @"
        0.0100: F guilty
        0.0101: F …, F guilty
        0.0200: F …, F guilty
        0.0200: F …, P …, P innocent
        0.0200: F …, P …, F …, F guilty
        0.2000: F …, F …, F guilty
        0.2000: F …, P …, P innocent
        0.9000: F …, F …, F …, F …, F …, F …, F …, F …, F …
        0.9000: F …, P …, P innocent
        0.0100: P innocent
        0.0101: P …
        ");
    }

    #[test]
    fn jobs_that_may_blame_one_change_share_the_odds_of_blaming_an_innocent_one() {
        let table = [(0, 0.01), (1, 0.01), (2, 0.01), (2, 0.005), (3, 0.005)];
        let told = table.map(|(jobs, rate)| format!("{jobs} at {rate}: {:?}", test_among(jobs, rate, 1, 0)));
        insta::assert_snapshot!(told.join("\n"), @"
        0 at 0.01: Guilty
        1 at 0.01: Guilty
        2 at 0.01: Undecided
        2 at 0.005: Guilty
        3 at 0.005: Undecided
        ");
    }

    #[test]
    fn a_red_is_likely_real_while_flakes_are_rarer_than_bad_changes() {
        let of_formula = |q: f64, f: f64| q / (q + f) > 0.5;
        for rate in [0.001, 0.02, 0.049, 0.051, 0.2, 0.9] {
            assert_eq!(likely_real(PRIOR_BAD, rate), of_formula(PRIOR_BAD, rate), "at {rate}");
        }
        assert!(!likely_real(PRIOR_BAD, PRIOR_BAD), "even odds are not above one half");
        assert!(!likely_real_after(PRIOR_BAD, 0.02, 1, 1), "a pass clears");
        assert!(likely_real_after(PRIOR_BAD, 0.2, 2, 0), "a second red tells");
        assert!(!likely_real_after(PRIOR_BAD, 0.001, 0, 0), "there is no red");
    }

    proptest! {
        #[test]
        fn any_rate_and_counts_are_answered(rate in 0.0..=1.0f64, failed in 0..1000u32, passed in 0..1000u32) {
            prop_assert!(log_likelihood_ratio(rate, failed, passed).is_finite());
            let (now, with_failure) = (test(rate, failed, passed), test(rate, failed + 1, passed));
            prop_assert!(now != Finding::Guilty || with_failure == Finding::Guilty, "a failure never clears");
            prop_assert!(now != Finding::Innocent || test(rate, failed, passed + 1) == Finding::Innocent);
        }
    }
}
