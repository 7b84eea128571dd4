//! Histories drawn at random: whatever happens, what must always hold does.
//!
//! A history is a scenario file: one that fails is made small and printed, and can be kept as it is.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod drawn;
mod workspace;

use std::{env, thread};

use crossgate_config::{Source, load_scenario};
use crossgate_core::scenario::Scenario;
use crossgate_simulator::{
    Outcome, invariant_order_of_records_is_free, invariant_records_are_idempotent, play, record,
};
use drawn::{History, Moment, histories};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// How many histories are played unless `CROSSGATE_HISTORIES` says so.
const HISTORIES: u32 = 1_000;

/// Parts in which they are played at once. What is drawn does not depend on how many processors there are.
const PARTS: u32 = 4;

/// Changes of each history.
const CHANGES: usize = 50;

#[test]
fn what_must_always_hold_does() {
    all(|| histories(CHANGES), holds);
}

#[test]
fn what_passes_lands_in_the_order_of_its_queue() {
    all(|| histories(CHANGES / 5).prop_map(History::at_peace), lands_in_order);
}

/// Checks so many histories, and panics with the smallest that does not hold.
fn all<S: Strategy<Value = History>>(
    strategy: impl Fn() -> S + Sync,
    holds: impl Fn(&History) -> Result<(), String> + Sync,
) {
    let number = |name: &str, default: u32| {
        env::var(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
    };
    let (cases, seed) = (number("CROSSGATE_HISTORIES", HISTORIES), number("CROSSGATE_SEED", 1));
    let played = |part: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        bytes[4..8].copy_from_slice(&part.to_le_bytes());
        let cases = cases / PARTS + u32::from(part < cases % PARTS);
        let config =
            Config { cases, failure_persistence: None, max_shrink_iters: 8_192, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        match runner.run(&strategy(), |history| holds(&history).map_err(TestCaseError::fail)) {
            Ok(()) => Ok(()),
            Err(TestError::Fail(why, history)) => Err(format!("{why}\n{history:?}")),
            Err(TestError::Abort(why)) => Err(why.to_string()),
        }
    };
    let failed: Vec<String> = thread::scope(|scope| {
        let played = &played;
        let parts: Vec<_> = (0..PARTS).map(|part| scope.spawn(move || played(part))).collect();
        parts.into_iter().filter_map(|part| part.join().unwrap().err()).collect()
    });
    assert!(failed.is_empty(), "CROSSGATE_SEED={seed}: {}", failed.join("\n\n"));
}

fn scenario(history: &History, moment: Moment) -> Scenario {
    let text = history.text(moment);
    let source = Source { name: "history.yaml".to_owned(), text: text.clone().into_bytes() };
    let loaded =
        load_scenario(&source).unwrap_or_else(|found| panic!("{}\n{text}", found.render(false, 110)));
    loaded.scenario
}

fn played(scenario: &Scenario) -> Result<Outcome, String> {
    play(scenario).map_err(|stuck| stuck.to_string())
}

fn same(one: &Outcome, other: &Outcome, how: &str) -> Result<(), String> {
    let [one, other] = [one, other].map(|outcome| serde_json::to_string_pretty(outcome).unwrap());
    let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    match differs {
        Some((one, other)) => Err(format!("{how}, it is {} in place of {}", other.trim(), one.trim())),
        None if one == other => Ok(()),
        None => Err(format!("{how}, there is more or less of it")),
    }
}

/// Plays a history, and tries something else with some: again, with a restart, or with facts that come twice or in another order.
fn holds(history: &History) -> Result<(), String> {
    let written = scenario(history, Moment::Waits);
    match history.probe {
        0 => same(&played(&written)?, &played(&written)?, "played again"),
        1 => {
            let restarted = scenario(history, Moment::Restarts);
            same(&played(&written)?, &played(&restarted)?, "with a restart")
        }
        2 => {
            let record = record(&written).map_err(|stuck| stuck.to_string())?;
            invariant_records_are_idempotent(&record.first, &record.log)?;
            invariant_order_of_records_is_free(&record.first, &record.log)
        }
        _ => played(&written).map(drop),
    }
}

/// Plays a history in which nothing goes wrong: everything lands, in the order of its queue.
fn lands_in_order(history: &History) -> Result<(), String> {
    let outcome = played(&scenario(history, Moment::Waits))?;
    let mut approved = history.approved();
    let landed: Vec<String> = outcome.landed.iter().map(|line| line.change.to_string()).collect();
    approved.retain(|change| !landed.contains(change));
    if !approved.is_empty() {
        return Err(format!("{} did not land", approved.join(", ")));
    }
    for queue in history.queues() {
        let order = |all: &[String]| {
            all.iter().filter(|change| queue.contains(change)).cloned().collect::<Vec<_>>().join(", ")
        };
        let (landed, approved) = (order(&landed), order(&history.approved()));
        if landed != approved {
            return Err(format!("{landed} landed, and {approved} were approved, in this order"));
        }
    }
    Ok(())
}
