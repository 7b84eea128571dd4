//! The report for machines: one JSON object.

use std::fmt::Write as _;

use super::{Run, with_line};
use crate::{CaseResult, Status};

/// Returns the report with one result more.
pub(super) fn merged(before: &str, run: &Run<'_>, result: &CaseResult) -> String {
    let (head, rest) = before.split_once('\n').unwrap_or_default();
    let ours = head_of(run);
    // The facets stand last: a case that failed before there was a driver to ask does not take them away.
    let (start, facets) = ours.split_once(FACETS).unwrap_or_default();
    let of_this_run = !start.is_empty() && head.starts_with(start);
    let known = head.split_once(FACETS).filter(|_| of_this_run && run.facets.is_empty());
    let facets = known.map_or(facets, |(_, facets)| facets);
    let key = format!("{{\"name\":{},", quoted(result.name));
    let lines = rest.lines().filter(|line| of_this_run && line.starts_with("{\"name\":"));
    let lines = with_line(lines, &key, line_of(&key, result));
    format!("{start}{FACETS}{facets}\n{}\n]}}\n", lines.join(",\n"))
}

const FACETS: &str = ",\"facets\":";

fn head_of(run: &Run<'_>) -> String {
    let facets: Vec<_> = run
        .facets
        .iter()
        .map(|facet| format!("\"{}@{}\":\"{:016x}\"", facet.name, facet.version, facet.fingerprint))
        .collect();
    format!(
        "{{\"suite\":{},\"api\":{},\"driver\":{},\"run\":{}{FACETS}{{{}}},\"cases\":[",
        quoted(crate::VERSION),
        quoted(nova_api::VERSION),
        quoted(run.driver),
        quoted(&run.id),
        facets.join(","),
    )
}

fn line_of(key: &str, result: &CaseResult) -> String {
    let (status, why) = match &result.status {
        Status::Pass => ("pass", None),
        Status::Fail(why) => ("fail", Some(why)),
        Status::Absent => ("absent", None),
    };
    let why = why.map_or_else(String::new, |why| format!(",\"why\":{}", quoted(why)));
    format!("{key}\"status\":\"{status}\",\"ms\":{}{why}}}", result.took.as_millis())
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes all"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nova_api::{DRIVER, Facet, PAUSE};

    use super::*;

    fn result(name: &'static str, status: Status) -> CaseResult {
        let took = Duration::from_millis(7);
        CaseResult { name, status, took, provoked: Vec::new(), facets: Vec::new() }
    }

    fn run<'a>(id: &str, facets: &'a [Facet]) -> Run<'a> {
        Run { driver: "lab", id: id.to_owned(), facets }
    }

    /// Returns the report without its first line.
    fn rest(report: &str) -> &str {
        report.split_once('\n').unwrap().1
    }

    #[test]
    fn results_of_one_run_are_merged_and_repeated_ones_replaced() {
        let run = run("1", &[]);
        let one = merged("", &run, &result("b", Status::Fail("said \"no\"\n".to_owned())));
        let two = merged(&one, &run, &result("a", Status::Absent));
        let three = merged(&two, &run, &result("b", Status::Pass));
        let a = r#"{"name":"a","status":"absent","ms":7}"#;
        let b = r#"{"name":"b","status":"fail","ms":7,"why":"said \"no\"\u000a"}"#;
        assert_eq!(rest(&one), format!("{b}\n]}}\n"), "a message is quoted");
        assert_eq!(rest(&two), format!("{a},\n{b}\n]}}\n"));
        assert_eq!(rest(&three), format!("{a},\n{{\"name\":\"b\",\"status\":\"pass\",\"ms\":7}}\n]}}\n"));
    }

    #[test]
    fn results_of_another_run_are_dropped() {
        let old = merged("", &run("1", &[PAUSE]), &result("a", Status::Pass));
        let new = merged(&old, &run("12", &[]), &result("b", Status::Pass));
        assert_eq!(rest(&new), "{\"name\":\"b\",\"status\":\"pass\",\"ms\":7}\n]}\n");
        assert!(new.contains("\"facets\":{},"), "{new}");
    }

    #[test]
    fn facets_are_told_by_fingerprint_and_outlive_a_case_without_a_driver() {
        let one = merged("", &run("1", &[DRIVER, PAUSE]), &result("a", Status::Pass));
        let facets = format!(
            "\"facets\":{{\"driver@1\":\"{:016x}\",\"pause@1\":\"{:016x}\"}},\"cases\":[\n",
            DRIVER.fingerprint, PAUSE.fingerprint
        );
        assert!(one.contains(&facets), "{one}");
        let two = merged(&one, &run("1", &[]), &result("b", Status::Fail("no driver".to_owned())));
        assert!(two.contains(&facets) && two.contains("\"a\""), "{two}");
    }
}
