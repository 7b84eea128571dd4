//! The trust ledger: what is known of every driver's jobs from their own history, and the standing that it earns them.

mod latency;
mod standing;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::{DriverName, JobName};
use crate::scenario::History;
use crate::sprt;
use crate::workspace::GatingRequires;
use latency::Latencies;
pub use standing::BelowBar;

/// What is assumed of a job of which nothing is known: one flake in this many runs.
const ASSUMED_RUNS: u32 = 50;

/// What is assumed of changes of which nothing is known, [`sprt::PRIOR_BAD`], weighs as much as so many verdicts.
const ASSUMED_VERDICTS: u32 = 50;

/// What is known of every job, by driver; `None`: a repo's own.
///
/// What is said of a job without its matrix values counts for each of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    records: BTreeMap<Option<DriverName>, BTreeMap<JobName, Record>>,
}

/// What is known of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Builds that said something of their tree.
    pub runs: u32,
    /// Of these, the ones of trees that do fail: they say nothing of how often the job fails on a tree that does not.
    pub runs_of_failures: u32,
    /// Of the runs, failures that repetition did not bear out.
    pub flakes: u32,
    /// Verdicts that blamed a change and were passed over by a human or withdrawn.
    pub false_failures: u32,
    /// Times it was not heard of by its deadline.
    pub absences: u32,
    /// Verdicts that a human passed over.
    pub waivers: u32,
    /// Of these, the ones that what came later bore out.
    pub waivers_agreed: u32,
    /// Verdicts on changes.
    pub verdicts: u32,
    /// Of these, the ones that blame a change and stand.
    pub borne_out: u32,
    latencies: Latencies,
}

/// Something that becomes known of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// A run passed.
    Passed {
        /// The time to the answer.
        latency: Duration,
    },
    /// Runs on one tree disagreed, and those that failed were flakes.
    Flaked {
        /// Runs that failed.
        failed: u32,
        /// Runs.
        of: u32,
        /// The time to the answer.
        latency: Duration,
    },
    /// Failures were borne out: the tree was broken before the change.
    Failed {
        /// Runs, of which most failed.
        runs: u32,
        /// The time to the answer.
        latency: Duration,
    },
    /// Failures were borne out, and a change is to blame.
    Blamed {
        /// Runs, of which most failed.
        runs: u32,
        /// The time to the answer.
        latency: Duration,
    },
    /// A verdict that blamed a change was passed over by a human.
    FalseFailure,
    /// A verdict that blamed a change is withdrawn: the same revision has passed since.
    Withdrawn {
        /// The runs that failed.
        runs: u32,
    },
    /// The deadline passed without an answer.
    Absent {
        /// How long it was waited for.
        after: Duration,
    },
    /// A human passed over a verdict, and it is known what came of it.
    Waived {
        /// Whether what came later bears the human out.
        agreed: bool,
    },
}

impl Ledger {
    /// Returns how often a job fails on a tree that is not at fault: 2 % if nothing is known of it.
    ///
    /// (flakes + 1) / (runs + 50): the assumption weighs as much as 50 runs.
    pub fn flake_rate(&self, driver: Option<&DriverName>, job: &JobName) -> f64 {
        let known: Vec<&Record> = self.records_of(driver, job).collect();
        let flakes: u32 = sum(known.iter().map(|record| record.flakes));
        let runs: u32 = sum(known.iter().map(|record| record.runs.saturating_sub(record.runs_of_failures)));
        (f64::from(flakes) + 1.0) / (f64::from(runs) + f64::from(ASSUMED_RUNS))
    }

    /// Returns how likely a change is to break a job, before anything is known of the change: 5 % if nothing is known of the job.
    ///
    /// (changes blamed + 2.5) / (verdicts + 50). A history from elsewhere does not say how many of its changes were bad.
    pub fn prior_bad(&self, driver: Option<&DriverName>, job: &JobName) -> f64 {
        let known: Vec<&Record> = self.records_of(driver, job).collect();
        let borne_out = sum(known.iter().map(|record| record.borne_out));
        let verdicts = sum(known.iter().map(|record| record.verdicts));
        let assumed = f64::from(ASSUMED_VERDICTS);
        (f64::from(borne_out) + sprt::PRIOR_BAD * assumed) / (f64::from(verdicts) + assumed)
    }

    /// Takes note of something that became known of a job.
    pub fn observe(&mut self, driver: Option<&DriverName>, job: &JobName, observation: Observation) {
        self.record_mut(driver, job).observe(observation);
    }

    /// Takes over what was known of a job before: every answer is taken to have come as late as the 95th percentile.
    pub fn seed(&mut self, driver: Option<&DriverName>, job: &JobName, history: History) {
        let record = self.record_mut(driver, job);
        add(&mut record.runs, history.runs);
        add(&mut record.flakes, history.flakes);
        add(&mut record.false_failures, history.false_failures);
        if let Some(p95) = history.p95 {
            record.latencies.add(p95, history.runs.max(1));
        }
    }

    /// Returns what is known of a job under just this name.
    pub fn record(&self, driver: Option<&DriverName>, job: &JobName) -> Option<&Record> {
        self.records.get(&driver.cloned())?.get(job)
    }

    /// Returns every job of which something is known.
    pub fn records(&self) -> impl Iterator<Item = (Option<&DriverName>, &JobName, &Record)> {
        self.records
            .iter()
            .flat_map(|(driver, jobs)| jobs.iter().map(|(job, record)| (driver.as_ref(), job, record)))
    }

    /// Returns why a driver has not earned to gate with these jobs, if it has not: the first of what is asked for that it
    /// lacks.
    ///
    /// Runs and false failures count over all of its jobs, so that a new job does not cost a driver its standing; its answer is
    /// as late as that of its slowest job.
    pub fn below_bar<'a>(
        &self,
        driver: &DriverName,
        jobs: impl Iterator<Item = &'a JobName>,
        bar: &GatingRequires,
    ) -> Option<BelowBar> {
        let mut known: BTreeMap<&JobName, &Record> = BTreeMap::new();
        for job in jobs {
            known.extend(self.named_records_of(Some(driver), job));
        }
        let runs = sum(known.values().map(|record| record.runs));
        if runs < bar.runs {
            return Some(BelowBar::Runs { has: runs, asks: bar.runs });
        }
        let share_ppm = share_ppm(sum(known.values().map(|record| record.false_failures)), runs);
        if share_ppm > bar.false_failures_ppm {
            return Some(BelowBar::FalseFailures { share_ppm, allows_ppm: bar.false_failures_ppm });
        }
        let p95 = known.values().filter_map(|record| record.p95()).max();
        let (is, allows) = p95.zip(bar.p95)?;
        (is > allows).then_some(BelowBar::P95 { is, allows })
    }

    fn records_of<'a>(
        &'a self,
        driver: Option<&DriverName>,
        job: &'a JobName,
    ) -> impl Iterator<Item = &'a Record> {
        self.named_records_of(driver, job).map(|(_, record)| record)
    }

    /// What is known of a job under its own name, and under that without its matrix values.
    fn named_records_of<'a>(
        &'a self,
        driver: Option<&DriverName>,
        job: &'a JobName,
    ) -> impl Iterator<Item = (&'a JobName, &'a Record)> {
        let names = [Some(job.as_str()), Some(job.base()).filter(|base| *base != job.as_str())];
        let jobs = self.records.get(&driver.cloned());
        names.into_iter().flatten().filter_map(move |name| jobs?.get_key_value(name))
    }

    fn record_mut(&mut self, driver: Option<&DriverName>, job: &JobName) -> &mut Record {
        self.records.entry(driver.cloned()).or_default().entry(job.clone()).or_default()
    }
}

impl Record {
    /// Returns the time by which half of the answers are there; `None`: none is known.
    pub fn p50(&self) -> Option<Duration> {
        self.latencies.percentile(50)
    }

    /// Returns the time by which 95 % of the answers are there; `None`: none is known.
    pub fn p95(&self) -> Option<Duration> {
        self.latencies.percentile(95)
    }

    fn observe(&mut self, observation: Observation) {
        match observation {
            Observation::Passed { latency } => {
                add(&mut self.verdicts, 1);
                self.answered(1, latency);
            }
            Observation::Flaked { failed, of, latency } => {
                add(&mut self.verdicts, 1);
                add(&mut self.flakes, failed.min(of));
                self.answered(of, latency);
            }
            Observation::Blamed { runs, latency } => {
                add(&mut self.verdicts, 1);
                add(&mut self.borne_out, 1);
                self.observe(Observation::Failed { runs, latency });
            }
            Observation::Failed { runs, latency } => {
                add(&mut self.runs_of_failures, runs);
                self.answered(runs, latency);
            }
            Observation::FalseFailure => add(&mut self.false_failures, 1),
            Observation::Withdrawn { runs } => {
                add(&mut self.false_failures, 1);
                add(&mut self.flakes, runs);
                self.runs_of_failures = self.runs_of_failures.saturating_sub(runs);
                self.borne_out = self.borne_out.saturating_sub(1);
            }
            Observation::Absent { after } => {
                add(&mut self.absences, 1);
                // An answer would have been later still.
                self.latencies.add(after, 1);
            }
            Observation::Waived { agreed } => {
                add(&mut self.waivers, 1);
                add(&mut self.waivers_agreed, u32::from(agreed));
            }
        }
    }

    fn answered(&mut self, runs: u32, latency: Duration) {
        add(&mut self.runs, runs);
        self.latencies.add(latency, 1);
    }
}

fn share_ppm(part: u32, of: u32) -> u32 {
    let ppm = u64::from(part) * 1_000_000 / u64::from(of.max(1));
    u32::try_from(ppm).unwrap_or(u32::MAX)
}

fn sum(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}

/// A count that has reached its end stays there.
fn add(count: &mut u32, more: u32) {
    *count = count.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn driver() -> DriverName {
        DriverName::parse("vmware").unwrap()
    }

    fn job(name: &str) -> JobName {
        JobName::parse(name).unwrap()
    }

    fn history(runs: u32, flakes: u32, false_failures: u32, p95_minutes: u32) -> History {
        let p95 = (p95_minutes > 0).then(|| MINUTE * p95_minutes);
        History { runs, flakes, false_failures, p95 }
    }

    fn seeded(histories: &[(&str, History)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (name, history) in histories {
            ledger.seed(Some(&driver()), &job(name), *history);
        }
        ledger
    }

    #[test]
    fn the_flake_rate_starts_at_two_percent_and_follows_the_history() {
        let table = [(0, 0), (50, 0), (50, 1), (200, 4), (1000, 200)].map(|(runs, flakes)| {
            let ledger = seeded(&[("lab", history(runs, flakes, 0, 0))]);
            format!("{flakes} of {runs}: {:.4}", ledger.flake_rate(Some(&driver()), &job("lab")))
        });
        insta::assert_snapshot!(table.join("\n"), @"
        0 of 0: 0.0200
        0 of 50: 0.0100
        1 of 50: 0.0200
        4 of 200: 0.0200
        200 of 1000: 0.1914
        ");
    }

    #[test]
    fn a_job_has_a_history_of_its_own_and_shares_that_of_its_name_without_values() {
        let ledger = seeded(&[("lab", history(50, 9, 0, 0)), ("lab[os=a]", history(50, 0, 0, 0))]);
        let rate = |driver: Option<&DriverName>, name| ledger.flake_rate(driver, &job(name));
        assert!((rate(Some(&driver()), "lab[os=a]") - 10.0 / 150.0).abs() < 1e-12);
        assert!((rate(Some(&driver()), "lab[os=b]") - 10.0 / 100.0).abs() < 1e-12);
        assert!((rate(Some(&driver()), "unit") - 0.02).abs() < 1e-12);
        assert!((rate(None, "lab") - 0.02).abs() < 1e-12, "a repo's own job is another");
    }

    #[test]
    fn failures_that_are_borne_out_say_nothing_of_flakes() {
        let mut ledger = Ledger::default();
        let mut observe = |observation| ledger.observe(None, &job("unit"), observation);
        observe(Observation::Passed { latency: MINUTE });
        observe(Observation::Failed { runs: 2, latency: 2 * MINUTE });
        observe(Observation::Flaked { failed: 1, of: 3, latency: 3 * MINUTE });
        observe(Observation::FalseFailure);
        observe(Observation::Absent { after: 90 * MINUTE });
        observe(Observation::Waived { agreed: true });
        observe(Observation::Waived { agreed: false });
        let record = ledger.record(None, &job("unit")).unwrap();
        assert_eq!((record.runs, record.runs_of_failures, record.flakes), (6, 2, 1));
        assert_eq!((record.false_failures, record.absences), (1, 1));
        assert_eq!((record.waivers, record.waivers_agreed), (2, 1));
        assert_eq!((record.p50(), record.p95()), (Some(2 * MINUTE), Some(90 * MINUTE)));
        assert!((ledger.flake_rate(None, &job("unit")) - 2.0 / 54.0).abs() < 1e-12);
    }

    #[test]
    fn gating_is_earned() {
        let bar = GatingRequires { runs: 20, false_failures_ppm: 50_000, p95: Some(90 * MINUTE) };
        let none = history(0, 0, 0, 0);
        let cases = [
            ("nothing known", none, none),
            ("one run", history(1, 0, 0, 0), none),
            ("short", history(12, 0, 0, 0), none),
            ("just long enough", history(20, 0, 0, 0), none),
            ("over both jobs", history(12, 0, 0, 0), history(8, 0, 0, 0)),
            ("as many false failures as allowed", history(100, 0, 5, 0), none),
            ("too many", history(40, 0, 3, 0), none),
            ("diluted", history(40, 0, 3, 0), history(20, 0, 0, 0)),
            ("as late as allowed", history(100, 0, 0, 90), none),
            ("too late", history(100, 0, 0, 40), history(1, 0, 0, 120)),
            ("short, false and late", history(3, 0, 3, 120), none),
        ];
        let table = cases.map(|(title, lab, other)| {
            let ledger = seeded(&[("lab", lab), ("other", other), ("unasked", history(100, 0, 100, 600))]);
            let lacks = ledger.below_bar(&driver(), [job("lab"), job("other")].iter(), &bar);
            format!("{title}: {}", lacks.map_or("gates".to_owned(), |lacks| lacks.to_string()))
        });
        insta::assert_snapshot!(table.join("\n"), @"
        nothing known: 0 runs in its history: gating asks for 20
        one run: 1 run in its history: gating asks for 20
        short: 12 runs in its history: gating asks for 20
        just long enough: gates
        over both jobs: gates
        as many false failures as allowed: gates
        too many: 7.5 % false failures: gating allows 5 %
        diluted: gates
        as late as allowed: gates
        too late: 95 % of its answers take up to 120m: gating allows 90m
        short, false and late: 3 runs in its history: gating asks for 20
        ");
    }

    #[test]
    fn a_history_shared_by_the_values_of_a_matrix_counts_once() {
        let bar = GatingRequires { runs: 20, false_failures_ppm: 0, p95: None };
        let ledger = seeded(&[("lab", history(12, 0, 0, 0))]);
        let lacks = ledger.below_bar(&driver(), [job("lab[os=a]"), job("lab[os=b]")].iter(), &bar);
        assert_eq!(lacks, Some(BelowBar::Runs { has: 12, asks: 20 }));
    }

    proptest! {
        #[test]
        fn a_flake_rate_can_always_be_tested(runs in any::<u32>(), flakes in any::<u32>()) {
            let ledger = seeded(&[("lab", history(runs, flakes.min(runs), 0, 1))]);
            let rate = ledger.flake_rate(Some(&driver()), &job("lab"));
            prop_assert!(rate > 0.0 && rate < 1.0, "{rate}");
        }

        #[test]
        fn the_order_of_what_becomes_known_does_not_count(mut latencies in proptest::collection::vec(0..10_000u64, 1..50)) {
            let observed = |latencies: &[u64]| {
                let mut ledger = Ledger::default();
                for &ms in latencies {
                    let latency = Duration::from_millis(ms);
                    let observation = match ms % 3 {
                        0 => Observation::Passed { latency },
                        1 => Observation::Flaked { failed: 1, of: 3, latency },
                        _ => Observation::Absent { after: latency },
                    };
                    ledger.observe(Some(&driver()), &job("lab"), observation);
                }
                ledger
            };
            let forth = observed(&latencies);
            latencies.reverse();
            prop_assert_eq!(forth, observed(&latencies));
        }
    }
}
