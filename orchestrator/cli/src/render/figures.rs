//! How the figures of synthetic workloads look to people: a line for each figure, a column for each policy.

use std::slice;

use crossgate_simulator::synthetic::{Figure, Interval, Policy, Summary};

use super::{indented, table, width};

/// Fewest runs whose intervals say something.
const ENOUGH: u32 = 5;

/// Returns the table, for a terminal of so many columns if there is one; `runs`: how many runs each mean is over.
///
/// Policies that do not fit beside each other lose their intervals, and those that do not fit then stand below each other.
pub(crate) fn text(policies: &[Policy], summaries: &[Summary], runs: u32, columns: Option<usize>) -> String {
    let fits = |text: &String| columns.is_none_or(|columns| width(text) <= columns);
    let beside = |policies: &[Policy], summaries: &[Summary]| {
        let whole = table_of(policies, summaries, runs > 1);
        Some(whole).filter(fits).or_else(|| {
            let means = table_of(policies, summaries, false);
            Some(means).filter(fits).map(|means| format!("{means}{NO_INTERVALS}"))
        })
    };
    let text = beside(policies, summaries).unwrap_or_else(|| {
        let each = policies.iter().zip(summaries).map(|(policy, summary)| {
            let (policy, summary) = (slice::from_ref(policy), slice::from_ref(summary));
            let told = beside(policy, summary).unwrap_or_else(|| table_of(policy, summary, false));
            if policies.len() > 1 { format!("{}\n{told}", policy[0].name) } else { told }
        });
        each.collect::<Vec<_>>().join("\n")
    });
    let below = match runs {
        1 => "\n  one run: what is due to chance is not known; `--runs` plays more\n".to_owned(),
        2..ENOUGH => format!("\n  {runs} runs: their intervals say little; `--runs` plays more\n"),
        _ => String::new(),
    };
    text + &below
}

/// Is said below a table without intervals.
const NO_INTERVALS: &str = "\n  the intervals do not fit; `--format json` has them\n";

fn table_of(policies: &[Policy], summaries: &[Summary], with_intervals: bool) -> String {
    let mut table = table();
    if policies.len() > 1 {
        let names = policies.iter().map(|policy| policy.name.clone());
        table.add_row(std::iter::once("policy".to_owned()).chain(names));
    }
    for figure in Figure::ALL {
        let cells = summaries.iter().map(|summary| cell(figure, summary, with_intervals));
        table.add_row(std::iter::once(name(figure).to_owned()).chain(cells));
    }
    indented(&table)
}

fn cell(figure: Figure, summary: &Summary, with_intervals: bool) -> String {
    let Some(Interval { mean, low, high }) = summary.of(figure) else { return String::new() };
    let mark = if summary.differs(figure) { " *" } else { "" };
    match low.zip(high).filter(|_| with_intervals) {
        Some((low, high)) => {
            format!("{} ({} to {}){mark}", value(figure, mean), value(figure, low), value(figure, high))
        }
        None => format!("{}{mark}", value(figure, mean)),
    }
}

fn value(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Landed | Figure::LandedPerH => format!("{value:.0}"),
        Figure::Wasted => format!("{:.0} %", value * 100.0),
        Figure::Blamed | Figure::GuiltyLanded | Figure::GuiltyMasked => format!("{:.2} %", value * 100.0),
        Figure::TurnaroundP50S
        | Figure::TurnaroundP90S
        | Figure::TurnaroundP99S
        | Figure::OracleP50S
        | Figure::OracleP90S => time(value),
        Figure::TurnaroundOverOracle | Figure::RestartsPerLanding => format!("{value:.2}"),
        Figure::BuildsPerLanding | Figure::OracleBuildsPerLanding | Figure::Window => format!("{value:.1}"),
    }
}

fn time(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.0} s") } else { format!("{:.1} min", seconds / 60.0) }
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Landed => "landed",
        Figure::LandedPerH => "landed an hour",
        Figure::TurnaroundP50S => "turnaround, median",
        Figure::TurnaroundP90S => "turnaround, 9 of 10",
        Figure::TurnaroundP99S => "turnaround, 99 of 100",
        Figure::TurnaroundOverOracle => "mean turnaround / oracle's",
        Figure::BuildsPerLanding => "builds a landing",
        Figure::Wasted => "wasted builds",
        Figure::Blamed => "good changes blamed",
        Figure::GuiltyLanded => "bad changes landed",
        Figure::GuiltyMasked => "bad changes landed behind a broken driver",
        Figure::RestartsPerLanding => "restarts a landing",
        Figure::Window => "window, mean",
        Figure::OracleP50S => "oracle's turnaround, median",
        Figure::OracleP90S => "oracle's turnaround, 9 of 10",
        Figure::OracleBuildsPerLanding => "oracle's builds a landing",
    }
}

#[cfg(test)]
mod tests {
    use crossgate_simulator::synthetic::{Axis, Load, combinations, simulate, summarise};

    use super::*;

    #[test]
    fn policies_stand_beside_each_other() {
        let load = Load::parse("drivers=3,changes=60,warm_up=0,rigs=9,rate=100/h,common=20%").unwrap();
        let axis = Axis::parse("confirm=auto,off").unwrap();
        let policies = combinations(&load, &[axis]).unwrap();
        let play = |policy: &Policy| {
            let seeds = 1..=3;
            let run = |seed| simulate(&Load { seed, ..policy.load.clone() }, &mut |_| {}).unwrap();
            seeds.map(run).collect::<Vec<_>>()
        };
        let runs: Vec<_> = policies.iter().map(play).collect();
        let summaries = summarise(1, &runs);
        insta::assert_snapshot!(text(&policies, &summaries, 3, None));
        let whole = table_of(&policies, &summaries, true);
        for (less, below) in [(1, false), (width(&whole) - 60, true)] {
            let columns = width(&whole) - less;
            let told = text(&policies, &summaries, 3, Some(columns));
            assert!(width(&told) <= columns, "{told}");
            assert_eq!(told.contains("\nconfirm=off\n"), below, "{columns}: {told}");
        }
    }
}
