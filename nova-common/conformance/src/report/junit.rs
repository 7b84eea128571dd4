//! The report as `JUnit` XML, which most CI systems show.

use std::fmt::Write as _;

use super::{Run, with_line};
use crate::{CaseResult, Status};

/// Returns the report with one result more.
pub(super) fn merged(before: &str, run: &Run<'_>, result: &CaseResult) -> String {
    let run_of = format!("<property name=\"run\" value=\"{}\"/>", escaped(&run.id));
    let of_this_run = before.lines().any(|line| line == run_of);
    let (group, case) = result.name.split_once("::").unwrap_or(("", result.name));
    let key = format!("<testcase classname=\"{}\" name=\"{}\" ", escaped(group), escaped(case));
    let lines = before.lines().filter(|line| of_this_run && line.starts_with("<testcase "));
    let lines = with_line(lines, &key, line_of(&key, result));
    let with = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
         <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n\
         <properties>\n<property name=\"suite\" value=\"{}\"/>\n<property name=\"api\" value=\"{}\"/>\n\
         {run_of}\n</properties>\n{}\n</testsuite>\n</testsuites>\n",
        escaped(run.driver),
        lines.len(),
        with("<failure "),
        with("<skipped "),
        escaped(crate::VERSION),
        escaped(nova_api::VERSION),
        lines.join("\n"),
    )
}

fn line_of(key: &str, result: &CaseResult) -> String {
    let time = result.took.as_secs_f64();
    match &result.status {
        Status::Pass => format!("{key}time=\"{time:.3}\"/>"),
        Status::Fail(why) => {
            format!("{key}time=\"{time:.3}\"><failure message=\"{}\"/></testcase>", escaped(why))
        }
        Status::Absent => format!(
            "{key}time=\"{time:.3}\"><skipped message=\"the driver lacks the facet that the case is about\"/></testcase>"
        ),
    }
}

/// Escapes a text for an attribute on one line. What XML has no way to say is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => write!(out, "&#{};", u32::from(c)).expect("a string takes all"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn result(name: &'static str, status: Status) -> CaseResult {
        let took = Duration::from_millis(1234);
        CaseResult { name, status, took, provoked: Vec::new(), facets: Vec::new() }
    }

    fn run(id: &str) -> Run<'static> {
        Run { driver: "nova-driver-lab", id: id.to_owned(), facets: &[] }
    }

    #[test]
    fn results_of_one_run_are_counted_and_repeated_ones_replaced() {
        let one = merged("", &run("1"), &result("life::b", Status::Fail("red".to_owned())));
        let two = merged(&one, &run("1"), &result("life::a", Status::Absent));
        let three = merged(&two, &run("1"), &result("life::b", Status::Pass));
        assert!(two.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{two}");
        assert!(three.contains("tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"1\""), "{three}");
        assert!(three.contains("\n<testcase classname=\"life\" name=\"b\" time=\"1.234\"/>\n"), "{three}");
        let other = merged(&three, &run("2"), &result("life::a", Status::Pass));
        assert!(other.contains("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""), "{other}");
    }

    #[test]
    fn nothing_that_a_driver_says_breaks_out() {
        let why = "a \"<b>\" & 'c'\n\u{1b}[31m]]>\u{0}";
        let report = merged("", &run("1"), &result("life::a", Status::Fail(why.to_owned())));
        let message = "message=\"a &quot;&lt;b&gt;&quot; &amp; 'c'&#10;\u{fffd}[31m]]&gt;\u{fffd}\"/>";
        assert!(report.contains(message), "{report}");
        let opened = report.matches('<').count();
        assert_eq!(opened, report.matches('>').count(), "{report}");
        assert_eq!(report.matches("<failure ").count(), 1);
    }
}
