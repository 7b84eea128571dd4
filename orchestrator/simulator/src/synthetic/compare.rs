//! Policies beside each other on the same workloads, each figure with its confidence interval.

use serde::Serialize;

use super::chance::Chance;
use super::figures::{Figure, Figures};
use super::load::{Load, LoadError};

/// Times that the runs are drawn anew.
const RESAMPLES: usize = 2_000;

/// Fewest runs of which a difference is told from chance.
const FEWEST: usize = 3;

/// Settings of which each is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis(Vec<(String, String)>);

impl Axis {
    /// Reads `KEY=VALUE,VALUE…` or `KEY=VALUE,KEY=VALUE…`.
    ///
    /// # Errors
    /// [`LoadError`] if that is not what it is or a value is given twice; whether there is such a setting is seen when it is tried.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let mut settings: Vec<(String, String)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let pair = match (part.split_once('='), settings.last()) {
                (Some((key, value)), _) => (key.trim().to_owned(), value.trim().to_owned()),
                (None, Some((key, _))) if !part.is_empty() => (key.clone(), part.to_owned()),
                (None, _) => return Err(LoadError::Malformed { text: part.to_owned() }),
            };
            if settings.contains(&pair) {
                return Err(LoadError::Twice { text: format!("{}={}", pair.0, pair.1) });
            }
            settings.push(pair);
        }
        Ok(Self(settings))
    }
}

/// A policy that is tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    /// What sets it apart, such as `confirm=off`; empty if it is the only one.
    pub name: String,
    /// The workload with it.
    #[serde(rename = "settings")]
    pub load: Load,
}

/// Returns every combination of one setting of each axis; without axes the workload as it is.
///
/// # Errors
/// [`LoadError`] if a setting is not one, or two axes have the same.
pub fn combinations(load: &Load, axes: &[Axis]) -> Result<Vec<Policy>, LoadError> {
    for (index, Axis(settings)) in axes.iter().enumerate() {
        let others = || axes[..index].iter().flat_map(|Axis(others)| others);
        if let Some((key, _)) = settings.iter().find(|(key, _)| others().any(|(other, _)| other == key)) {
            return Err(LoadError::Twice { text: key.clone() });
        }
    }
    let mut policies = vec![Policy { name: String::new(), load: load.clone() }];
    for Axis(settings) in axes {
        let mut next = Vec::new();
        for policy in &policies {
            for (key, value) in settings {
                let mut tried = policy.clone();
                tried.load.set(key, value)?;
                let space = if tried.name.is_empty() { "" } else { " " };
                tried.name = format!("{}{space}{key}={value}", tried.name);
                next.push(tried);
            }
        }
        policies = next;
    }
    Ok(policies)
}

/// A mean over runs, and where it lies at 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end; `None`: there is one run, which tells nothing of chance.
    pub low: Option<f64>,
    /// The upper end; `None` as that.
    pub high: Option<f64>,
}

/// What the runs of a policy come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How many runs there are.
    pub runs: usize,
    /// Every figure.
    pub figures: Vec<(Figure, Interval)>,
    /// Every figure less that of the first policy, run by run; empty for the first.
    pub beside_first: Vec<(Figure, Interval)>,
}

impl Summary {
    /// Returns a figure.
    pub fn of(&self, figure: Figure) -> Option<Interval> {
        self.figures.iter().find(|(known, _)| *known == figure).map(|(_, interval)| *interval)
    }

    /// Returns whether a figure differs from the first policy's by more than chance explains; of fewer than three runs none is
    /// said to.
    pub fn differs(&self, figure: Figure) -> bool {
        let beside = self.beside_first.iter().find(|(known, _)| *known == figure);
        let is_apart = |interval: &Interval| {
            interval.low.is_some_and(|low| low > 0.0) || interval.high.is_some_and(|high| high < 0.0)
        };
        self.runs >= FEWEST && beside.is_some_and(|(_, interval)| is_apart(interval))
    }
}

/// Summarises the runs of every policy; the n-th run of each is of the same workload.
pub fn summarise(seed: u64, runs: &[Vec<Figures>]) -> Vec<Summary> {
    let interval = |values: Vec<f64>| bootstrap(seed, &values);
    let one = |of: &Vec<Figures>| Summary {
        runs: of.len(),
        figures: Figure::ALL
            .map(|figure| (figure, interval(of.iter().map(|run| run.of(figure)).collect())))
            .to_vec(),
        beside_first: match runs.first().filter(|first| !std::ptr::eq(*first, of)) {
            Some(first) => Figure::ALL
                .map(|figure| {
                    let less = of.iter().zip(first).map(|(run, first)| run.of(figure) - first.of(figure));
                    (figure, interval(less.collect()))
                })
                .to_vec(),
            None => Vec::new(),
        },
    };
    runs.iter().map(one).collect()
}

/// Returns the mean and, of more than one run, the middle 95 % of the means of as many runs drawn from these with replacement.
///
/// Source: B. Efron, Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7(1), 1979 (percentile intervals).
fn bootstrap(seed: u64, values: &[f64]) -> Interval {
    let mean = |sum: f64| sum / f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX).max(1));
    let whole = mean(values.iter().sum());
    if values.len() < 2 {
        return Interval { mean: whole, low: None, high: None };
    }
    let mut chance = Chance::of(seed, &[4]);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| mean((0..values.len()).map(|_| values[chance.below(values.len())]).sum()))
        .collect();
    means.sort_by(f64::total_cmp);
    let cut = RESAMPLES / 40;
    Interval { mean: whole, low: Some(means[cut]), high: Some(means[RESAMPLES - 1 - cut]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_the_axes_is_a_policy() {
        let axes = ["confirm=off,confirm=auto", "window=20,0"].map(|text| Axis::parse(text).unwrap());
        let policies = combinations(&Load::default(), &axes).unwrap();
        let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        let expected = ["confirm=off window=20", "confirm=off window=0", "confirm=auto window=20"];
        assert_eq!((&names[..3], names.len(), policies[3].load.window), (&expected[..], 4, 0));
        assert!(Axis::parse("off").is_err() && Axis::parse("").is_err());
        let twice = Axis::parse("confirm=off,off").unwrap_err();
        assert_eq!(twice, LoadError::Twice { text: "confirm=off".to_owned() });
        let axes = ["confirm=off", "window=0,confirm=auto"].map(|text| Axis::parse(text).unwrap());
        let twice = combinations(&Load::default(), &axes).unwrap_err();
        assert_eq!(twice, LoadError::Twice { text: "confirm".to_owned() });
        assert!(combinations(&Load::default(), &[Axis::parse("confirm=on").unwrap()]).is_err());
    }

    #[test]
    fn an_interval_holds_its_mean_and_is_the_same_for_the_same_seed() {
        let values = [1.0, 2.0, 3.0, 4.0, 10.0];
        let interval = bootstrap(1, &values);
        let mean = Some(interval.mean);
        assert!(interval.low < mean && mean < interval.high, "{interval:?}");
        assert_eq!(interval, bootstrap(1, &values));
        assert_eq!(bootstrap(1, &[3.0; 4]), Interval { mean: 3.0, low: Some(3.0), high: Some(3.0) });
        assert_eq!(bootstrap(1, &[3.0]), Interval { mean: 3.0, low: None, high: None });
    }

    #[test]
    fn two_runs_do_not_tell_a_difference_from_chance() {
        let interval = Interval { mean: 2.0, low: Some(1.0), high: Some(3.0) };
        let beside_first = vec![(Figure::Landed, interval)];
        for (runs, differs) in [(1, false), (2, false), (3, true)] {
            let summary = Summary { runs, figures: Vec::new(), beside_first: beside_first.clone() };
            assert_eq!(summary.differs(Figure::Landed), differs, "{runs}");
        }
    }
}
