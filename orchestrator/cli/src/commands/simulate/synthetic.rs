//! `crossgate simulate --synthetic`: what the gate makes of a workload of which the truth is known.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crossgate_simulator::Stuck;
use crossgate_simulator::synthetic::{
    Axis, Figure, Figures, Interval, Load, LoadError, Policy, Summary, combinations, simulate, summarise,
};
use serde::Serialize;

use super::patience::{LONG, Patience};
use crate::error::{CliError, Exit, chain};
use crate::printer::Printer;
use crate::render;

/// Runs of each policy if nobody says how many.
const RUNS: u32 = 5;

/// Most policies that are compared at once.
const MAX_POLICIES: usize = 64;

#[derive(Debug, clap::Args)]
pub(super) struct SyntheticArgs {
    /// Make a workload of these settings, and the defaults for what is left out (`--help` lists them), and measure the gate with it
    #[arg(
        long,
        value_name = "KEY=VALUE,…",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["files", "timeline", "schema"]
    )]
    pub(super) synthetic: Option<String>,
    /// Try each of these values of a setting; given again, every combination. What differs from the first by more than chance
    /// is marked with `*`
    #[arg(long, value_name = "KEY=VALUE,VALUE…")]
    compare: Vec<String>,
    /// Play each policy with so many seeds, 5 if not given: every figure is a mean, with its 95 % confidence interval
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: Option<u32>,
}

impl SyntheticArgs {
    /// Refuses what means nothing without a workload: clap lets it pass where there are files.
    pub(super) fn refuse_without_workload(&self) -> Result<(), CliError> {
        let given = [("--compare", !self.compare.is_empty()), ("--runs", self.runs.is_some())];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                let text = format!("`{name}` needs a synthetic workload: a scenario has one course");
                Err(CliError::usage(
                    text,
                    "crossgate simulate --synthetic --compare confirm=off,auto --runs 5",
                ))
            }
            None => Ok(()),
        }
    }
}

/// What comes out, for programs.
#[derive(Serialize)]
struct Compared<'a> {
    runs: u32,
    policies: Vec<PolicyLine<'a>>,
}

#[derive(Serialize)]
struct PolicyLine<'a> {
    #[serde(flatten)]
    policy: &'a Policy,
    figures: BTreeMap<&'static str, Interval>,
    /// Each figure less that of the first policy; of the first there is none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    beside_first: BTreeMap<&'static str, Interval>,
}

pub(super) fn run(settings: &str, args: &SyntheticArgs, printer: &mut Printer) -> Result<Exit, CliError> {
    let policies = policies(settings, &args.compare).map_err(|error| {
        let text = format!("cannot make a workload: {}", chain(&error));
        CliError::usage(text, error.hint())
    })?;
    if policies.len() > MAX_POLICIES {
        let text = format!("{} policies are too many to compare", policies.len());
        return Err(CliError::usage(text, format!("at most {MAX_POLICIES}: give fewer values")));
    }
    let seed = policies[0].load.seed;
    let count = args.runs.unwrap_or(RUNS);
    let runs = play(&policies, count, printer)?;
    let summaries = summarise(seed, &runs);
    if printer.is_json() {
        let lines = policies.iter().zip(&summaries).map(|(policy, summary)| PolicyLine::of(policy, summary));
        printer.json(&Compared { runs: count, policies: lines.collect() })?;
        return Ok(Exit::Fine);
    }
    if printer.is_verbose() {
        let settings = policies[0].load.settings().map(|(key, value)| format!("{key}={value}"));
        printer.note(settings.collect::<Vec<_>>().join(","))?;
    }
    printer.clipped(&render::figures::text(&policies, &summaries, count, printer.columns()))?;
    Ok(Exit::Fine)
}

fn policies(settings: &str, compare: &[String]) -> Result<Vec<Policy>, LoadError> {
    let axes = compare.iter().map(|text| Axis::parse(text)).collect::<Result<Vec<_>, _>>()?;
    combinations(&Load::parse(settings)?, &axes)
}

/// Plays every policy with every seed, as many at once as there are cores.
fn play(policies: &[Policy], runs: u32, printer: &mut Printer) -> Result<Vec<Vec<Figures>>, CliError> {
    let loads: Vec<Load> = policies
        .iter()
        .flat_map(|Policy { load, .. }| {
            let seeds = (0..u64::from(runs)).map(|run| load.seed.wrapping_add(run));
            seeds.map(|seed| Load { seed, ..load.clone() })
        })
        .collect();
    let patience = Patience::of_parts(loads.iter().map(parts).sum(), printer);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = |busy: Sender<()>| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(load) = loads.get(index) else { break };
            let figures = one(load, &patience);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.insert(index, figures);
            patience.about(&format!("{} of {} runs", done.len(), loads.len()));
        }
        drop(busy);
    };
    let told = thread::scope(|scope| {
        let (busy, idle) = channel();
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(loads.len()) {
            let busy = busy.clone();
            scope.spawn(|| work(busy));
        }
        drop(busy);
        foretell(loads.len(), &idle, &patience, printer)
    });
    patience.finish();
    told?;
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let figures: Vec<Figures> =
        done.into_values().collect::<Result<_, Stuck>>().map_err(CliError::internal)?;
    Ok(figures.chunks(runs as usize).map(<[Figures]>::to_vec).collect())
}

/// Every change comes twice: to the gate and to the oracle.
fn parts(load: &Load) -> u64 {
    2 * u64::from(load.total())
}

fn one(load: &Load, patience: &Patience) -> Result<Figures, Stuck> {
    let (mut seen, mut counted) = (0, 0);
    let mut watch = |changes: usize| {
        // The oracle's day begins anew at 0.
        let new = changes.checked_sub(seen).unwrap_or(changes) as u64;
        (seen, counted) = (changes, counted + new);
        patience.advance(new);
    };
    let figures = simulate(load, &mut watch);
    patience.advance(parts(load).saturating_sub(counted));
    figures
}

/// Says once how long it takes, if that is long: whoever reads a log should know that it goes on.
fn foretell(
    runs: usize,
    idle: &Receiver<()>,
    patience: &Patience,
    printer: &mut Printer,
) -> Result<(), CliError> {
    let begun = Instant::now();
    while idle.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
        let share = patience.share();
        if share > 0.0 {
            let whole = begun.elapsed().div_f64(share);
            let runs = if runs == 1 { "1 run takes".to_owned() } else { format!("{runs} runs take") };
            let say = || printer.note(format_args!("{runs} about {:.0} s", whole.as_secs_f64()));
            return if whole > LONG * 2 { patience.pause(say) } else { Ok(()) };
        }
    }
    Ok(())
}

/// Returns what `--help` says at its end: what there is to set.
pub(super) fn long_help(examples: &str) -> String {
    let settings =
        Load::described().map(|(setting, about, expected)| format!("  {setting:<19} {about}: {expected}"));
    let settings = settings.collect::<Vec<_>>().join("\n");
    format!("{examples}\n\nSettings of a synthetic workload, with their defaults:\n{settings}")
}

impl<'a> PolicyLine<'a> {
    fn of(policy: &'a Policy, summary: &Summary) -> Self {
        let keyed = |figures: &[(Figure, Interval)]| {
            figures.iter().map(|(figure, interval)| (figure.key(), *interval)).collect()
        };
        let (figures, beside_first) = (keyed(&summary.figures), keyed(&summary.beside_first));
        Self { policy, figures, beside_first }
    }
}
