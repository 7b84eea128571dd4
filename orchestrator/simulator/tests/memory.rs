//! What it costs to know something, beside what is known.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::fmt::Write as _;

use crossgate_config::{Source, load_scenario};
use crossgate_core::decide::decide;
use crossgate_core::facts::{Fact, Facts};
use crossgate_core::ids::Timestamp;
use crossgate_simulator::{Record, record};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const DRIVERS: usize = 40;
const CHANGES: usize = 100;

/// Bytes for each fact, beyond the fact itself.
const BOUND: usize = 100;

/// A queue of common changes, each tested with all drivers.
fn scenario() -> String {
    let mut text = String::from("scenario: many\nworkspace:\n  version: 1\n  workspace: many\n  repos:\n");
    text += "    core: { role: common }\n";
    let mut drivers = String::from("  drivers:\n");
    for number in 1..=DRIVERS {
        writeln!(text, "    d{number}: {{ role: driver, depends_on: [core] }}").unwrap();
        writeln!(
            drivers,
            "    d{number}: {{ repo: d{number}, own_changes: [lab], common_changes: {{ mode: gating, jobs: [lab] }} }}"
        )
        .unwrap();
    }
    text += "  common: { core: { sanity: [d1] } }\n  jobs: { lab: {} }\n";
    text += "  pipelines: { gate: { window: { start: 0 } } }\n";
    text += &drivers;
    text += "changes:\n";
    let mut timeline = String::from("timeline:\n");
    for number in 0..CHANGES {
        writeln!(text, "  C{number}: {{ repo: core, files: [src/lib.rs] }}").unwrap();
        writeln!(timeline, "  - {{ at: 0m, do: approve, change: C{number} }}").unwrap();
    }
    text + &timeline
}

/// Returns how many bytes of heap what is made takes, with it.
fn measured<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let before = HEAP.current_usage();
    let made = make();
    (HEAP.current_usage() - before, made)
}

/// Returns what is known of a log, after a decision: that leaves something behind too.
fn replayed(first: &Facts, log: &[(Timestamp, Fact)]) -> Facts {
    let mut facts = first.clone();
    for (at, fact) in log {
        facts.record(fact.clone(), *at);
    }
    let now = log.last().unwrap().0;
    drop(decide(&facts, now));
    facts
}

/// Returns how many bytes the facts of a log take by themselves: as they are told, and the plans that were made and frozen
/// when a change entered, which an entry stands for.
fn themselves(facts: &Facts, log: &[(Timestamp, Fact)]) -> usize {
    let plans = || facts.items().iter().map(|item| item.plan().as_ref().clone()).collect::<Vec<_>>();
    measured(|| (log.to_vec(), plans())).0
}

#[test]
fn bookkeeping_is_bounded_for_each_fact() {
    let source = Source { name: "many.yaml".to_owned(), text: scenario().into_bytes() };
    let loaded = load_scenario(&source).unwrap_or_else(|found| panic!("{}", found.render(false, 110)));
    let Record { outcome, first, log } = record(&loaded.scenario).unwrap();
    assert_eq!(outcome.landed.len(), CHANGES);
    let first_of = |is: fn(&Fact) -> bool| log.iter().position(|(_, fact)| is(fact)).unwrap();
    let everything_runs = first_of(|fact| matches!(fact, Fact::Ended(..)));
    let everything_has_ended = first_of(|fact| matches!(fact, Fact::Landing(_)));
    for count in [everything_runs, everything_has_ended] {
        let (known, facts) = measured(|| replayed(&first, &log[..count]));
        assert_eq!(facts.builds().len(), DRIVERS * CHANGES);
        let each = known.saturating_sub(themselves(&facts, &log[..count])) / count;
        assert!(each <= BOUND, "{each} bytes for each of {count} facts");
    }
    // When everything has landed, all that is left of the facts takes no more than that.
    let (known, _facts) = measured(|| replayed(&first, &log));
    let each = known / log.len();
    assert!(each <= BOUND, "{each} bytes are left of each of {} facts", log.len());
}
