//! What builds and landings say, and what is known of jobs at the start.

use std::collections::BTreeMap;

use crossgate_core::ids::{DriverName, JobName};
use crossgate_core::scenario::{BuildPattern, History, LandingResult, LandingRule, OutcomeRule, Said};

use super::raw;
use super::resolve::Resolver;
use crate::code::Code;
use crate::content::Place;
use crate::field::{Field, List, Located};
use crate::merge::items;

/// Makes a rule of what builds say.
pub(super) fn outcome(resolver: Resolver<'_>, rule: Located<raw::Rule>) -> Option<OutcomeRule> {
    let Located { value: rule, at } = rule;
    let result = resolver.required(rule.result, at, "result").map(Said::from);
    let names = resolver.names;
    let of = BuildPattern {
        job: names.job(rule.job).map(|(job, _)| job),
        driver: names.driver(rule.driver),
        change: names.change(rule.change),
        with: names.changes(rule.with),
        without: names.changes(rule.without),
        purpose: rule.purpose.value().map(Into::into),
        attempt: counted(resolver, rule.attempt),
        revision: counted(resolver, rule.revision),
    };
    if let (Some(after), Some(early)) = (rule.after.as_ref(), rule.early.as_ref())
        && after.value < early.value
    {
        let message = format!("the build ends after {}, before {}", after.value, early.value);
        resolver.invalid(early.at, message, "let `early` be before `after`");
    }
    if let (Some(signature), Some(result)) = (rule.signature.as_ref(), result)
        && !matches!(result, Said::Fail | Said::Timeout)
    {
        let message = "only a failure has a signature".to_owned();
        resolver.invalid(signature.at, message, "leave it out, or set `result: fail`");
    }
    if let (Some(reason), Some(result)) = (rule.reason.as_ref(), result)
        && !matches!(result, Said::Infra | Said::Lost)
    {
        let message = "only `infra` and `lost` have a reason".to_owned();
        resolver.invalid(reason.at, message, "leave it out; a failure has a `signature`");
    }
    Some(OutcomeRule {
        of,
        result: result?,
        after: rule.after.value().map(|after| after.0),
        early: rule.early.value().map(|early| early.0),
        signature: rule.signature.value(),
        reason: rule.reason.value(),
    })
}

/// Makes a rule of how landings go.
pub(super) fn landing(resolver: Resolver<'_>, rule: Located<raw::Landing>) -> Option<LandingRule> {
    let Located { value: rule, at } = rule;
    let change = resolver.required(rule.change.clone(), at, "change").and(resolver.names.change(rule.change));
    let result = resolver.required(rule.result, at, "result").map(LandingResult::from);
    let times = rule.times.value().filter(|times| *times > 0);
    let (change, result) = (change?, result?);
    let usual = u32::from(result == LandingResult::Refused);
    Some(LandingRule { change, result, times: times.unwrap_or(usual) })
}

/// Makes what is known of jobs at the start.
pub(super) fn history(
    resolver: Resolver<'_>,
    records: Field<List<raw::History>>,
) -> BTreeMap<(Option<DriverName>, JobName), History> {
    let mut history = BTreeMap::new();
    let mut places: BTreeMap<(Option<DriverName>, JobName), Place> = BTreeMap::new();
    for Located { value: record, at } in items(records) {
        let driver = resolver.names.driver(record.driver.clone());
        let job =
            resolver.required(record.job.clone(), at, "job").and(resolver.names.job(record.job.clone()));
        let Some(known) = known(resolver, record, at) else { continue };
        let Some((_, variants)) = job else { continue };
        for job in variants {
            let key = (driver.clone(), job);
            if let Some(first) = places.insert(key.clone(), at) {
                let message = format!("there is a record of job `{}` already", key.1);
                let found = resolver.problems.error(Code::DuplicateKey, at, message);
                found.related(first, "first given here").hint("remove one of them".to_owned());
            }
            history.insert(key, known);
        }
    }
    history
}

fn known(resolver: Resolver<'_>, record: raw::History, at: Place) -> Option<History> {
    let runs = resolver.required(record.runs, at, "runs")?;
    let share = |field: Field<u32>, what: &str| {
        if let Some(count) = field.as_ref().filter(|count| count.value > runs) {
            let message = format!("{} {what} of {runs} runs: expected at most {runs}", count.value);
            resolver.invalid(count.at, message, "`runs` counts all builds that said something");
        }
        field.value().unwrap_or(0)
    };
    Some(History {
        runs,
        flakes: share(record.flakes, "flakes"),
        false_failures: share(record.false_failures, "false failures"),
        p95: record.p95.value().map(|span| span.0),
    })
}

/// Returns a number that counts from 1.
fn counted(resolver: Resolver<'_>, field: Field<u32>) -> Option<u32> {
    let given = field.given()?;
    if given.value == 0 {
        resolver.invalid(given.at, "expected at least 1, found 0".to_owned(), "the first is 1");
    }
    Some(given.value)
}
