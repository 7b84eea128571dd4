//! Synthetic workloads: what the gate makes of thousands of changes of which the truth is known.
//!
//! Some changes are bad, builds flake and rigs fail, all drawn from a seed; the decisions are the real ones. Every change is
//! approved when it comes and goes through the gate. Beside the gate an oracle plays the same day with the same rigs: it knows
//! every outcome, so no bad change enters, no flake is acted on and nothing is tested twice, but what it lands it lands in
//! the same order and after builds of its own. No gate that tests what it lands can be faster.

mod admission;
mod chance;
mod compare;
mod figures;
mod load;
mod measure;
mod rigs;
mod workload;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crossgate_core::facts::{Configuration, Fact, Facts, ReportState};
use crossgate_core::ids::Timestamp;
use crossgate_core::scenario::Slots;

use crate::world::{Stuck, World};
use admission::Admission;
use measure::Measure;
use rigs::Rigs;
use workload::{Workload, main, repo};

pub use compare::{Axis, Interval, Policy, Summary, combinations, summarise};
pub use figures::{Figure, Figures};
pub use load::{Load, LoadError, Speculation};

/// Most turns of the loop in one run.
const MAX_STEPS: u64 = 20_000_000;

/// When a synthetic day begins: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Plays a workload through the gate and past an oracle, and measures both.
///
/// `watch` is told how many of the changes have been approved, from time to time.
///
/// # Errors
/// [`Stuck`], which is a bug of the loop.
pub fn simulate(load: &Load, watch: &mut dyn FnMut(usize)) -> Result<Figures, Stuck> {
    let workload = Workload::of(load);
    let gate = Day::new(load, &workload, false).play(watch)?;
    let known = load.known();
    let oracle = Day::new(&known, &Workload::of(&known), true).play(watch)?;
    Ok(figures::of(&workload, &gate, &oracle))
}

/// What came of a day.
struct Told {
    measure: Measure,
    /// Good changes that were failed, each time that they were, of those that are measured.
    blamed: u64,
    /// Bad changes that landed while their driver was broken anyway: nothing could have told.
    masked: BTreeSet<usize>,
}

struct Day<'a> {
    load: &'a Load,
    workload: &'a Workload,
    /// Whether every outcome is known beforehand.
    knows: bool,
    world: World<Rigs<'a>>,
    admission: Admission,
    measure: Measure,
    next_change: usize,
    next_push: usize,
    /// Good changes that were failed, and when they are approved again.
    again: VecDeque<(Timestamp, usize)>,
    tried_again: BTreeSet<usize>,
    broken: BTreeSet<usize>,
    masked: BTreeSet<usize>,
    landed: usize,
    blamed: u64,
}

impl<'a> Day<'a> {
    fn new(load: &'a Load, workload: &'a Workload, knows: bool) -> Self {
        let slots = Slots { total: load.rigs, ..Slots::default() };
        let world = World::new(Facts::new(slots, 1), START, Rigs::new(load, workload, knows), false);
        Self {
            load,
            workload,
            knows,
            world,
            admission: Admission::new(load),
            measure: Measure::new(load),
            next_change: 0,
            next_push: 0,
            again: VecDeque::new(),
            tried_again: BTreeSet::new(),
            broken: BTreeSet::new(),
            masked: BTreeSet::new(),
            landed: 0,
            blamed: 0,
        }
    }

    fn play(mut self, watch: &mut dyn FnMut(usize)) -> Result<Told, Stuck> {
        let configuration = Configuration::new(self.workload.workspace.clone());
        self.world.record(Fact::Configured(configuration));
        for name in self.workload.workspace.repos.keys() {
            let commit = self.world.forge.branch(name, &main());
            self.world.record(Fact::Tip { repo: name.clone(), branch: main(), commit, change: None });
        }
        let mut wake = None;
        for step in 0..MAX_STEPS {
            let next = [self.next(), self.world.next_event(), wake, self.admission.wake()];
            let Some(next) = next.into_iter().flatten().min() else {
                let Self { measure, blamed, masked, .. } = self;
                return Ok(Told { measure, blamed, masked });
            };
            if step % 256 == 0 {
                watch(self.next_change);
            }
            self.until(self.turn_after(next));
            self.admission.admit(&self.workload.changes, &mut self.world);
            wake = self.world.settle(&mut self.measure)?.filter(|wake| *wake > self.world.now);
            self.look();
        }
        Err(Stuck::Endless { steps: MAX_STEPS })
    }

    /// Returns when the loop turns next for something that happens at a moment: what happens close together costs one turn.
    fn turn_after(&self, moment: Timestamp) -> Timestamp {
        let tick = self.load.tick.as_millis().max(1);
        let turns = moment.since(START).as_millis().div_ceil(tick);
        let ms = u64::try_from(turns * tick).unwrap_or(u64::MAX);
        START.after(Duration::from_millis(ms)).max(self.world.now)
    }

    /// Returns when somebody does something next.
    fn next(&self) -> Option<Timestamp> {
        let change = self.workload.changes.get(self.next_change).map(|truth| START.after(truth.at));
        let push = self.workload.pushes.get(self.next_push).map(|(at, ..)| START.after(*at));
        let again = self.again.front().map(|(at, _)| *at);
        [change, push, again].into_iter().flatten().min()
    }

    /// Lets everything happen up to a moment.
    fn until(&mut self, to: Timestamp) {
        while let Some(at) = self.next().filter(|at| *at <= to) {
            self.world.advance(at.max(self.world.now), &mut self.measure);
            if self.workload.changes.get(self.next_change).is_some_and(|truth| START.after(truth.at) == at) {
                self.comes();
            } else if self.again.front().is_some_and(|(when, _)| *when == at) {
                if let Some((_, index)) = self.again.pop_front() {
                    self.admission.take(index, &mut self.world);
                }
            } else {
                self.push();
            }
        }
        self.world.advance(to, &mut self.measure);
    }

    /// A change comes, and is approved.
    fn comes(&mut self) {
        let index = self.next_change;
        self.next_change += 1;
        let truth = &self.workload.changes[index];
        if self.knows && (truth.bad.is_some() || truth.conflict.is_some()) {
            return;
        }
        self.measure.approves(index, self.world.now);
        let change = Arc::new(self.workload.change(index));
        self.world.record(Fact::Proposed { change, errors: Vec::new(), configuration: None });
        self.admission.take(index, &mut self.world);
    }

    /// Somebody pushes to a driver's branch without the gate, and breaks or mends it.
    fn push(&mut self) {
        let (_, driver, breaks) = self.workload.pushes[self.next_push];
        self.next_push += 1;
        if self.knows {
            return;
        }
        let commit = self.world.forge.commit(&repo(Some(driver)), &main(), None);
        if breaks {
            self.broken.insert(driver);
            self.world.script.breaks.insert(commit.clone());
        } else {
            self.broken.remove(&driver);
        }
        self.world.record(Fact::Tip { repo: repo(Some(driver)), branch: main(), commit, change: None });
    }

    /// Authors look at what became of their changes.
    fn look(&mut self) {
        for (index, _) in &self.measure.landed[self.landed..] {
            let bad = self.workload.changes[*index].bad;
            if bad.is_some_and(|(driver, _)| self.broken.contains(&driver)) {
                self.masked.insert(*index);
            }
        }
        self.landed = self.measure.landed.len();
        let mut halved = BTreeSet::new();
        for (index, state) in std::mem::take(&mut self.measure.left) {
            let by_itself = self.admission.left(index, &mut halved, &mut self.world);
            let is_good = self.workload.changes[index].bad.is_none();
            if by_itself && is_good && state == ReportState::Failed {
                self.blamed += u64::from(index >= self.measure.from);
                if self.tried_again.insert(index) {
                    self.again.push_back((self.world.now.after(self.load.retry), index));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(text: &str) -> Figures {
        simulate(
            &Load::parse(&format!("drivers=4,rigs=12,changes=60,warm_up=0,rate=200/h,{text}")).unwrap(),
            &mut |_| {},
        )
        .unwrap()
    }

    #[test]
    fn without_chance_the_gate_is_the_oracle() {
        let figures = played("flake=0,bad=0,infra=0,conflict=0,window=0");
        assert!((figures.of(Figure::TurnaroundOverOracle) - 1.0).abs() < 1e-9, "{figures:?}");
        assert!((figures.of(Figure::Landed) - 60.0).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        for speculation in ["linear", "batch", "predicted"] {
            let text = format!("window=4,speculation={speculation},seed=");
            let figures = played(&format!("{text}3"));
            assert_eq!(figures, played(&format!("{text}3")));
            assert!(figures != played(&format!("{text}4")), "another seed is another day");
        }
    }

    #[test]
    fn every_good_change_lands_in_the_end_whatever_the_order() {
        for speculation in ["linear", "batch", "predicted"] {
            let text = format!("bad=10%,flake=0,infra=0,conflict=0,speculation={speculation}");
            let load = Load::parse(&format!("changes=60,warm_up=0,{text}")).unwrap();
            let good = Workload::of(&load).changes.iter().filter(|truth| truth.bad.is_none()).count();
            let figures = played(&text);
            assert!(
                (figures.of(Figure::Landed) - f64::from(u32::try_from(good).unwrap())).abs() < 1e-9,
                "{speculation}: {figures:?}"
            );
            assert!(figures.of(Figure::GuiltyLanded) == 0.0, "{speculation}: {figures:?}");
        }
    }

    #[test]
    fn no_change_lands_twice() {
        for (speculation, confirm) in
            ["linear", "batch", "predicted"].into_iter().flat_map(|way| [(way, "auto"), (way, "off")])
        {
            let text =
                format!("flake=10%,infra=5%,bad=15%,conflict=5%,broken=10%,retry=1m,confirm={confirm}");
            let text = format!(
                "drivers=4,rigs=12,changes=120,warm_up=0,rate=600/h,{text},speculation={speculation}"
            );
            let load = Load::parse(&text).unwrap();
            let told = Day::new(&load, &Workload::of(&load), false).play(&mut |_| {}).unwrap();
            let landed: BTreeSet<usize> = told.measure.landed.iter().map(|(index, _)| *index).collect();
            assert_eq!(landed.len(), told.measure.landed.len(), "{text}: one landed twice");
            assert!(landed.len() <= 120 && landed.len() > 60, "{text}: {} landed", landed.len());
        }
    }

    #[test]
    fn a_driver_that_others_break_fails_nobody() {
        let figures = played("broken=20%,flake=0,infra=0,bad=0,conflict=0");
        assert!((figures.of(Figure::Landed) - 60.0).abs() < 1e-9, "{figures:?}");
    }
}
