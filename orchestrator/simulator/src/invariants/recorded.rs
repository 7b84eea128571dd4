//! What must hold of facts as they are recorded: late, twice or in another order.

use std::collections::BTreeSet;

use crossgate_core::facts::{Fact, Facts};
use crossgate_core::ids::Timestamp;

use super::Holds;

/// Facts that are recorded twice are the same facts as if they had been recorded once.
///
/// `first` are the facts at the start, and `log` is all that was recorded since.
pub fn invariant_records_are_idempotent(first: &Facts, log: &[(Timestamp, Fact)]) -> Holds {
    let mut twice = first.clone();
    for (at, fact) in log {
        twice.record(fact.clone(), *at);
        if may_come_twice(fact) {
            twice.record(fact.clone(), *at);
        }
    }
    // What is told again of builds long after it was known.
    let last = log.last().map_or(Timestamp::from_millis(0), |(at, _)| *at);
    for (_, fact) in log
        .iter()
        .filter(|(_, fact)| matches!(fact, Fact::Ended(..) | Fact::Failing(_) | Fact::Cancelling(_)))
    {
        twice.record(fact.clone(), last);
    }
    same(&replayed(first, log), &twice, "recorded twice")
}

/// Facts of one moment that are about different things are the same in any order.
///
/// `first` are the facts at the start, and `log` is all that was recorded since.
pub fn invariant_order_of_records_is_free(first: &Facts, log: &[(Timestamp, Fact)]) -> Holds {
    let mut other = first.clone();
    let mut rest = log;
    while let Some((at, _)) = rest.first() {
        let mut subjects = BTreeSet::new();
        let free = |(when, fact): &&(Timestamp, Fact)| {
            when == at && subject(fact).is_some_and(|subject| subjects.insert(subject))
        };
        let run = rest.iter().take_while(free).count().max(1);
        for (at, fact) in rest[..run].iter().rev() {
            other.record(fact.clone(), *at);
        }
        rest = &rest[run..];
    }
    same(&replayed(first, log), &other, "recorded in another order")
}

fn replayed(first: &Facts, log: &[(Timestamp, Fact)]) -> Facts {
    let mut facts = first.clone();
    for (at, fact) in log {
        facts.record(fact.clone(), *at);
    }
    facts
}

/// Whether a fact may reach the loop twice: from a runner or a forge that repeats itself, or after a crash.
fn may_come_twice(fact: &Fact) -> bool {
    match fact {
        Fact::Configured(_)
        | Fact::Tip { .. }
        | Fact::Left(_)
        | Fact::Preparing(_)
        | Fact::Prepared(..)
        | Fact::Started(_)
        | Fact::Failing(_)
        | Fact::Cancelling(_)
        | Fact::Ended(..)
        | Fact::Announced(_)
        | Fact::ToldFrozen(..)
        | Fact::Reported(_) => true,
        // What people say twice they mean twice, and what the loop records of itself it records once.
        Fact::Proposed { .. }
        | Fact::Asked(_)
        | Fact::Approved { .. }
        | Fact::Unapproved(_)
        | Fact::Closed(_)
        | Fact::Dequeued { .. }
        | Fact::Promoted(_)
        | Fact::Held { .. }
        | Fact::Resumed(_)
        | Fact::Waived(_)
        | Fact::Answered { .. }
        | Fact::Joined(_)
        | Fact::Entered { .. }
        | Fact::Refused { .. }
        | Fact::Landing(_)
        | Fact::LandingTried(_) => false,
    }
}

/// What a fact is about, if it may change places with one that is about something else.
fn subject(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Failing(id) | Fact::Cancelling(id) | Fact::Ended(id, _) => Some(format!("build {id}")),
        Fact::Prepared(key, _) => Some(format!("tree {key:?}")),
        Fact::Reported(number) => Some(format!("report {number}")),
        _ => None,
    }
}

fn same(one: &Facts, other: &Facts, how: &str) -> Holds {
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    match one.lines().zip(other.lines()).find(|(one, other)| one != other) {
        Some((one, other)) => Err(format!("{how}, it is {} in place of {}", other.trim(), one.trim())),
        None if one.len() == other.len() => Ok(()),
        None => Err(format!("{how}, there is more or less of it")),
    }
}
